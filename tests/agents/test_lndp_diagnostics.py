"""Failure signatures: each is found where it was planted, and nowhere else."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete

from ontogym.agents.individuals import Development, Individuals
from ontogym.agents.lndp import LNDP
from ontogym.agents.lndp.diagnostics import (
    Experience,
    Thresholds,
    failure_signatures,
    node_diversity,
    relative_difference,
    turnover,
)
from ontogym.baselines.lives.experience import record
from ontogym.baselines.lives.spec import LifeSpec
from ontogym.errors import OntogymError

ENGINES = ["numba", "torch", "pyg"]
STEPS = 30


def build(engine: str = "numba") -> LNDP:
    return LNDP(Box(-1, 1, (3,)), Discrete(2), engine=engine, threads=1, nodes=11, density=0.5)


def experience(population: int, steps: int = STEPS) -> Experience:
    rng = np.random.default_rng(0)
    return Experience(rng.uniform(-1, 1, (steps, population, 3)), rng.standard_normal((steps, population)))


def healthy(agent: LNDP) -> np.ndarray:
    """Nodes keep their states, edges move with what they hear, and the wiring stays."""
    genome, layout = np.zeros(agent.genome_size), agent.layout
    rng = np.random.default_rng(1)
    genome[layout.slices["gru.bias"]] = np.repeat([0.0, 50.0, 0.0], 8)
    genome[layout.slices["synaptic"]] = 0.3 * rng.standard_normal(364)
    genome[layout.slices["pruning"].stop - 1] = -50.0
    genome[layout.slices["synaptogenesis"].stop - 1] = -50.0
    return genome


def planted(agent: LNDP) -> np.ndarray:
    """A healthy genome, one that collapses, one that rewires for ever, one that hears no reward."""
    genomes = np.tile(healthy(agent), (4, 1))
    slices = agent.layout.slices
    genomes[1, slices["gru.bias"]] = 0.0  # h <- h / 2
    genomes[2, slices["pruning"].stop - 1] = 50.0
    genomes[2, slices["synaptogenesis"].stop - 1] = 50.0
    weights = genomes[3, slices["synaptic"]][: 12 * 25].reshape(12, 25)
    weights[:, -1] = 0.0  # a view: the reward's column of W_ih
    return genomes


@pytest.mark.parametrize("engine", ENGINES)
def test_each_failure_is_found_where_it_was_planted(engine: str) -> None:
    agent = build(engine)
    numbers, findings = failure_signatures(agent, planted(agent), experience(4))
    diversity, change = numbers["node_diversity"], numbers["turnover"]
    assert diversity[1] < 1e-6 < 0.3 < diversity[[0, 2, 3]].min()
    assert change[2] == 1  # every edge goes, every other comes
    assert not change[[0, 1, 3]].any()
    for name in ("edge_sensitivity", "motor_sensitivity"):
        assert numbers[name][3] == 0
        assert numbers[name][0] > 0.01
    assert len(findings) == 3
    for sentence, start in zip(findings, ("Node states have collapsed in 1 of 4 networks (1)",
                                          "Rewiring never ends in 1 of 4 networks (2): 100%",
                                          "Reward is not sensed in 1 of 4 networks (3)")):  # fmt: skip
        assert sentence.startswith(start)


def test_a_healthy_network_has_no_findings() -> None:
    agent = build()
    numbers, findings = failure_signatures(agent, healthy(agent), experience(1))
    assert findings == []
    assert {value.shape for value in numbers.values()} == {(1,)}
    assert 0.3 < numbers["density"][0] < 0.7


def test_a_genome_of_zeros_collapses_and_hears_nothing() -> None:
    agent = build()
    _, findings = failure_signatures(agent, np.zeros((8, agent.genome_size)), experience(8))
    assert [sentence.split(" in ")[0] for sentence in findings] == [
        "Node states have collapsed",
        "Reward is not sensed",
    ]
    assert "8 of 8 networks (0, 1, 2, 3, 4, ...)" in findings[0]


def test_reward_that_equals_the_clamp_tests_nothing() -> None:
    agent = build()
    quiet = experience(2)
    quiet.rewards[:, 1] = 0.0
    genomes = np.tile(healthy(agent), (2, 1))
    numbers, findings = failure_signatures(agent, genomes, quiet)
    assert np.isnan(numbers["edge_sensitivity"]).tolist() == [False, True]
    assert len(findings) == 1
    assert "not tested in 1 of 2 networks (1)" in findings[0]
    # Another clamp tests it: the constant zero that it hears is news to the twin.
    numbers, findings = failure_signatures(agent, genomes, quiet, reward_clamp=1.0)
    assert numbers["edge_sensitivity"].min() > 1e-3
    assert findings == []


def test_rows_are_diagnosed_as_if_alone_and_thresholds_are_heeded() -> None:
    agent = build()
    genomes, life = planted(agent), experience(4)
    numbers, _ = failure_signatures(agent, genomes, life)
    first, _ = failure_signatures(
        agent, genomes[:1], Experience(life.observations[:, :1], life.rewards[:, :1])
    )
    for name, value in first.items():
        np.testing.assert_allclose(value, numbers[name][:1], atol=1e-6)
    lenient = Thresholds(node_diversity=0.0, turnover=1.0, sensitivity=0.0)
    assert failure_signatures(agent, genomes, life, thresholds=lenient)[1] == []


def test_recorded_experience_is_what_the_agent_meets() -> None:
    single, spec = gymnasium.make("CartPole-v1"), LifeSpec("CartPole-v1", episodes=6)
    agent = LNDP(single.observation_space, single.action_space, nodes=11, threads=1)
    genomes = 0.3 * np.random.default_rng(0).standard_normal((3, agent.genome_size))
    first = record(agent, genomes, spec, steps=40, seed=5)
    assert first.observations.shape == (40, 3, 4)
    assert first.rewards.shape == (40, 3)
    assert not first.rewards[0].any()  # nothing is told at the first step
    assert (first.rewards[1] == 1).all()
    again = record(agent, genomes, spec, steps=40, seed=5)
    for a, b in zip(first, again):
        np.testing.assert_array_equal(a, b)
    numbers, _ = failure_signatures(agent, genomes, first, seed=5)
    assert all(value.shape == (3,) for value in numbers.values())
    with pytest.raises(OntogymError, match="give more episodes"):
        record(agent, genomes[:2], LifeSpec("CartPole-v1", episodes=1, max_steps=1), steps=3)


def test_development_comes_first() -> None:
    options = {"development": "ornstein-uhlenbeck", "nodes": 11, "threads": 1}
    agents = [
        LNDP(Box(-1, 1, (3,)), Discrete(2), development_steps=steps, **options)
        for steps in (0, 30)
    ]  # fmt: skip
    genome = np.zeros(agents[0].genome_size)
    life = experience(1, steps=2)
    young, old = (failure_signatures(agent, genome, life)[0]["node_diversity"] for agent in agents)
    assert young > 0.1
    assert old < 1e-6  # thirty more halvings


@pytest.mark.parametrize(
    ("observations", "rewards"), [((1, 2, 3), (1, 2)), ((5, 2, 3), (4, 2)), ((5, 3, 3), (5, 3))]
)
def test_an_experience_that_does_not_fit(observations: tuple[int, ...], rewards: tuple[int, ...]) -> None:
    agent = build()
    with pytest.raises(OntogymError, match=r"give \(T, 2, O\) and \(T, 2\)"):
        failure_signatures(
            agent,
            np.zeros((2, agent.genome_size)),
            Experience(np.zeros(observations), np.zeros(rewards)),
        )


def test_measures_of_known_arrays() -> None:
    alike = np.ones((1, 4, 2))
    apart = np.array([[[-1.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [1.0, 0.0]]])
    np.testing.assert_allclose(node_diversity(np.concatenate([alike, apart])), [0, 0.5])
    before = np.array([[[1.0, 1], [0, 0]], [[0, 0], [0, 0]], [[1, 0], [0, 0]]])
    after = np.array([[[1.0, 0], [1, 0]], [[0, 0], [0, 0]], [[0, 0], [0, 1]]])
    np.testing.assert_allclose(turnover(before, after), [2 / 3, 0, 1])
    a, b = np.array([[3.0, 4], [0, 0], [1, 0]]), np.array([[3.0, 4], [0, 0], [0, 0]])
    np.testing.assert_allclose(relative_difference(a, b), [0, 0, 1])
    np.testing.assert_allclose(relative_difference(a[:1], -a[:1]), [2])


def test_a_development_of_fewer_than_no_steps_is_refused() -> None:
    agent = build()
    with pytest.raises(OntogymError, match="in -2 steps; give development_steps of 0 or more"):
        Individuals(agent, np.zeros((1, agent.genome_size)), Development("white-noise", -2))
