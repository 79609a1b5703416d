"""A grown network stays as it was grown; the NDP is an agent; wiring that is drawn is as dense as it is told."""

from __future__ import annotations

import numpy as np
import pytest

from ontogym.agents.base import Feedback
from ontogym.agents.lndp.ndp import NDP
from ontogym.baselines.lives.life import make_agent
from ontogym.errors import OntogymError
from ontogym.testing import assert_agent

ENV = "ontogym/Foraging-v0"
OPTIONS = {"nodes": 16, "io_identity": True, "growth_bias": 2.0}


def grown(agent: NDP) -> tuple[object, np.ndarray]:
    genomes = agent.initial_genome() + 0.5 * np.random.default_rng(2).normal(size=(3, agent.genome_size))
    activity = np.random.default_rng(3).normal(size=(20, 3, agent.spaces.n_observations))
    return agent.develop(agent.birth(genomes, np.arange(3)), activity), genomes


def test_ndp_is_static_after_development() -> None:
    agent = make_agent("ndp", ENV, options={**OPTIONS, "bias": True})
    assert isinstance(agent, NDP)
    assert (agent.development, agent.development_steps) == ("ornstein-uhlenbeck", 100)
    state, genomes = grown(agent)
    newborn, before = agent.network(agent.birth(genomes, np.arange(3))), agent.network(state)
    assert not np.array_equal(newborn.weights, before.weights)
    for step in range(10):
        _, state = agent.step(state, np.full((3, 1), step % 3, np.float32), Feedback.of(np.full(3, 10.0), 3))
    np.testing.assert_array_equal(agent.network(state).weights, before.weights)
    np.testing.assert_array_equal(agent.network(state).nodes, before.nodes)


def test_ndp_keeps_the_contract() -> None:
    assert_agent(make_agent("ndp", ENV, options=OPTIONS))


def test_ndp_must_grow() -> None:
    with pytest.raises(OntogymError, match="does not grow in 0 steps"):
        make_agent("ndp", ENV, options={"development_steps": 0})


def test_random_wiring_is_as_dense_as_it_is_told() -> None:
    options = {**OPTIONS, "nodes": 64, "structural_plasticity": False, "start": "random", "density": 0.4}
    agent = make_agent("lndp", ENV, options=options)
    state = agent.birth(np.zeros((8, agent.genome_size)), np.arange(8))
    assert abs(agent.diagnose(state)["density"].mean() - 0.4) < 0.02


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("ndp", {"nodes": 24, "recurrent": True}),
        ("lndp", {"nodes": 24, "development": "ornstein-uhlenbeck", "development_steps": 3}),
        ("plastic", {"development": "ornstein-uhlenbeck", "development_steps": 3}),
    ],
)
def test_what_an_agent_hears_of_itself_has_no_part_in_its_development(name, options) -> None:
    from ontogym.baselines.lives.life import LifeSpec, life_seeds, live

    sizes = []
    for hears in ([], ["action", "reward", "start"]):
        agent = make_agent(name, ENV, options={**options, "hears": hears})
        sizes.append(agent.development_params(agent.initial_genome()[None]).shape)
        spec = LifeSpec(ENV, episodes=1, max_steps=3)
        found = live(agent, agent.initial_genome()[None], spec, life_seeds(spec, 1, 0))
        assert found.returns.shape == (1, 1, 1)
    assert sizes[0] == sizes[1]
