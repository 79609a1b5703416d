"""The trace rule in the agents that take any synaptic rule: weights move, and the trace stays where edges are."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete

from ontogym.agents.base import Feedback
from ontogym.agents.lndp import LNDP
from ontogym.agents.plastic import Plastic
from ontogym.registry import RULES
from ontogym.testing import check_agent

RULE = [name for name in RULES.builtin if name.startswith("change-trace")]


@pytest.mark.parametrize("rule", RULE)
@pytest.mark.parametrize("kind", [Plastic, LNDP])
def test_an_agent_lives_by_the_trace(kind, rule):
    agent = kind(Box(-1, 1, (3,)), Discrete(2), synaptic_rule=rule)
    assert check_agent(agent) == []
    rng = np.random.default_rng(0)
    genomes = agent.initial_genome() + 0.3 * rng.normal(size=(3, agent.genome_size))
    state = agent.birth(genomes, np.arange(3, dtype=np.uint64))
    born = agent.network(state).weights
    still = np.zeros((3, 3))
    for _ in range(2):
        _, state = agent.step(state, still, Feedback.of(np.zeros(3)))
    for _ in range(10):
        _, state = agent.step(state, rng.uniform(-1, 1, (3, 3)), Feedback.of(np.zeros(3)))
    kept = agent.network(state).mask & (born != 0)
    assert np.abs(agent.network(state).weights - born)[kept].max() > 1e-3
