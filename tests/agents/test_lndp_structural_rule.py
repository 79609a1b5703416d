"""One rule in place of the LNDP's pruning and synaptogenesis."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete

from ontogym.agents.base import Feedback
from ontogym.agents.lndp import LNDP
from ontogym.errors import OntogymError
from ontogym.registry import RULES
from ontogym.seeding import lane_seeds
from ontogym.testing import check_agent

STRUCTURAL = [name for name in RULES.builtin if RULES.get(name).kind == "structural"]


def lndp(**options) -> LNDP:
    return LNDP(Box(-1, 1, (3,)), Discrete(2), nodes=9, synaptic_rule="hebbian-abcd", **options)


@pytest.mark.parametrize("name", STRUCTURAL)
@pytest.mark.parametrize("decisions", ["threshold", "stochastic"])
def test_contract_with_every_structural_rule(name, decisions):
    agent = lndp(structural_rule=name, decisions=decisions)
    assert agent.engine_name == "torch"
    assert not {"pruning", "synaptogenesis"} & set(agent.layout.rules)
    assert check_agent(agent) == []


def test_deep_rewiring_keeps_an_lndps_number_of_edges():
    agent = lndp(structural_rule="deep-rewiring", density=0.5, growth_bias=2.0)
    rng = np.random.default_rng(0)
    genomes = rng.normal(size=(4, agent.genome_size))
    state = agent.birth(genomes, lane_seeds(0, 4))
    before = agent.body(state).mask
    for _ in range(20):
        _, state = agent.step(state, rng.normal(size=(4, 3)).astype(np.float32), Feedback.of(np.zeros(4)))
    after = agent.body(state).mask
    assert np.array_equal(before.sum((1, 2)), after.sum((1, 2)))
    assert (before != after).any()


@pytest.mark.parametrize("engine", ["numba", "pyg"])
def test_engines_of_built_in_rules_refuse_it(engine):
    with pytest.raises(OntogymError, match="engine='torch'"):
        LNDP(Box(-1, 1, (3,)), Discrete(2), structural_rule="deep-rewiring", engine=engine)


@pytest.mark.parametrize(
    "slots", [{"synaptic_rule": "deep-rewiring"}, {"structural_rule": "oja"}, {"pruning_rule": "oja"}]
)
def test_a_rule_in_the_wrong_place_is_refused(slots):
    with pytest.raises(OntogymError, match="rule; choose a"):
        LNDP(Box(-1, 1, (3,)), Discrete(2), nodes=9, engine="torch", **slots)
