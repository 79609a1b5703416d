"""The evolved networks do what their readable form does, keep the contract, and freeze what they write."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from numpy.typing import NDArray

from ontogym.agents.base import Feedback
from ontogym.agents.networks import GRU, MLP, RNN, Hyper, LocalTrace, NetworkAgent, Trace
from ontogym.agents.networks.layout import MAX_NUMBERS, action_contrasts
from ontogym.baselines.lives.life import make_agent
from ontogym.errors import OntogymError
from ontogym.testing import assert_agent
from tests.agents.networks_oracle import lives

KINDS: list[type[NetworkAgent]] = [MLP, RNN, GRU, Hyper, Trace, LocalTrace]
OBSERVATION = spaces.Box(-2, 2, (5,))
ACTIONS = {
    "two": spaces.Discrete(2),
    "four": spaces.Discrete(4, start=3),
    "groups": spaces.MultiDiscrete([3, 2]),
    "box": spaces.Box(-3, 2, (3,)),
    "bits": spaces.MultiBinary(2),
}
HEARS: list[tuple[str, ...]] = [(), ("action",), ("action", "reward", "start"), ("reward", "terminated")]


def sized(kind: type[NetworkAgent], hidden: int) -> dict[str, Any]:
    """The option `hidden`, where an agent has it."""
    return {} if kind is LocalTrace else {"hidden": hidden}


def meet(
    agent: NetworkAgent, steps: int = 12, population: int = 3, hold_from: int | None = None
) -> tuple[NDArray[Any], ...]:
    """Genomes, inputs and motor outputs of a random life."""
    rng = np.random.default_rng(4)
    genomes = rng.normal(size=(population, agent.genome_size))
    state = agent.birth(genomes, np.arange(population))
    inputs, motors = [], []
    action = np.zeros((population, agent.spaces.n_actions), np.float32)
    for t in range(steps):
        told = Feedback.of(rng.normal(size=population), start=t % 5 == 0)._replace(action=action)
        if t == hold_from:
            state = agent.freeze(state, "weights")
        motor, state = agent.step(state, rng.normal(size=(population, 5)).astype(np.float32), told)
        inputs.append(state.inputs)
        motors.append(motor)
        action = agent.spaces.encode(agent.spaces.act(motor))
    return genomes, np.array(inputs), np.array(motors)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("hears", HEARS)
def test_kernel_is_the_oracle(kind: type[NetworkAgent], action: str, hears: tuple[str, ...]) -> None:
    agent = kind(
        OBSERVATION,
        ACTIONS[action],
        hears=hears,
        reward_scale=0.5,
        scale_observations=True,
        **sized(kind, 19),
    )
    genomes, inputs, motors = meet(agent)
    np.testing.assert_allclose(motors, lives(agent, genomes, inputs), atol=2e-4)
    assert np.abs(motors).max() <= 1


@pytest.mark.parametrize("kind", [MLP, RNN, GRU, Hyper])
def test_the_change_is_seen_as_the_oracle_sees_it(kind: type[NetworkAgent]) -> None:
    agent = kind(OBSERVATION, ACTIONS["two"], hidden=3, hears=("reward", "start"), change_gain=0.5)
    genomes, inputs, motors = meet(agent)
    assert agent.shape.inputs == 5 + 2 + 5
    assert np.abs(inputs[..., 7:]).max() == 1
    assert not inputs[::5, :, 7:].any()
    assert inputs[1:5, :, 7:].all()
    np.testing.assert_allclose(motors, lives(agent, genomes, inputs), atol=2e-4)
    assert_agent(agent, tolerance=0.0)


def test_the_change_needs_the_start_of_an_episode() -> None:
    with pytest.raises(OntogymError, match="add start to hears"):
        GRU(OBSERVATION, ACTIONS["two"], hears=(), change_gain=1.0)
    with pytest.raises(OntogymError, match="change_gain is nan"):
        GRU(OBSERVATION, ACTIONS["two"], change_gain=float("nan"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("action", ACTIONS)
def test_contract(kind: type[NetworkAgent], action: str) -> None:
    assert_agent(kind(OBSERVATION, ACTIONS[action], **sized(kind, 7)), tolerance=0.0)


@pytest.mark.parametrize("kind", [Hyper, Trace, LocalTrace])
def test_what_is_frozen_is_written_no_more(kind: type[NetworkAgent]) -> None:
    agent = kind(OBSERVATION, ACTIONS["two"])
    genomes, inputs, motors = meet(agent, hold_from=6)
    np.testing.assert_allclose(motors, lives(agent, genomes, inputs, hold_from=6), atol=2e-4)
    assert not np.allclose(motors, lives(agent, genomes, inputs), atol=1e-2)


@pytest.mark.parametrize("kind", [MLP, RNN, GRU])
def test_what_does_not_learn_cannot_be_frozen(kind: type[NetworkAgent]) -> None:
    agent = kind(OBSERVATION, ACTIONS["two"])
    state = agent.birth(agent.initial_genome(), np.zeros(1, np.uint64))
    with pytest.raises(OntogymError, match="no weights to freeze"):
        agent.freeze(state, "weights")


def test_neighbours_change_no_bit() -> None:
    agent = GRU(OBSERVATION, ACTIONS["two"])
    genomes = np.random.default_rng(1).normal(size=(4, agent.genome_size))
    seen, told = np.ones((4, 5), np.float32), Feedback.newborn(4, 2)
    together, _ = agent.step(agent.birth(genomes, np.zeros(4, np.uint64)), seen, told)
    alone, _ = agent.step(agent.birth(genomes[2], np.zeros(1, np.uint64)), seen[:1], told.rows(slice(0, 1)))
    np.testing.assert_array_equal(together[2:3], alone)


def test_sizes_of_the_issue() -> None:
    mlp = make_agent("mlp", "ontogym/CartPole-v1", options={"hears": []})
    assert mlp.genome_size == 114
    hyper = make_agent("hyper", "ontogym/CartPole-v1", options={"hidden": 8})
    assert hyper.genome_size == 3 * 8 * (8 + 8 + 1) + 10 * 9 == 498
    trace = make_agent("trace", "ontogym/CartPole-v1", options={"hears": ["action"]})
    assert trace.genome_size == 259
    assert make_agent("local-trace", "ontogym/CartPole-v1").genome_size == 2 + 2 * 4 + 2 * 4 + 4 * 2


def test_a_local_trace_turns_with_its_sensors_and_actions() -> None:
    agent = LocalTrace(OBSERVATION, spaces.Discrete(3), innate=0.0)
    genome = np.random.default_rng(5).normal(size=agent.genome_size)
    agent.layout.matrices(genome[None])["output"][:] = 0.0
    signs, order = np.array([1, -1, -1, 1, -1]), [2, 0, 1]
    plain, turned = (agent.birth(genome, np.zeros(1, np.uint64)) for _ in range(2))
    rng = np.random.default_rng(6)
    for t in range(9):
        seen, action = (
            rng.normal(size=(1, 5)).astype(np.float32),
            np.eye(3, dtype=np.float32)[rng.integers(3)][None],
        )
        told = Feedback.of(0.0, start=t == 0)._replace(action=action)
        motor, plain = agent.step(plain, seen, told)
        other, turned = agent.step(turned, seen * signs, told._replace(action=action[:, order]))
        np.testing.assert_allclose(other, motor[:, order], atol=1e-5)
    assert np.ptp(motor) > 0.1


def test_an_action_in_contrasts() -> None:
    assert action_contrasts(spaces.Discrete(2)).tolist() == [[1, 0]]
    assert action_contrasts(spaces.MultiDiscrete([3, 2])).tolist() == [[1, 0], [2, 0], [4, 3]]
    assert action_contrasts(spaces.Box(-1, 1, (2,))).tolist() == [[0, -1], [1, -1]]


def test_snapshot_shows_the_weights() -> None:
    agent = RNN(OBSERVATION, ACTIONS["two"], hidden=3, hears=())
    genome = np.arange(1.0, agent.genome_size + 1)
    net = agent.network(agent.birth(genome, np.zeros(1, np.uint64)))
    assert (net.n_inputs, net.n_outputs, len(net.activation)) == (5, 2, 10)
    np.testing.assert_array_equal(net.weights[5, :5], [1, 4, 7, 10, 13])
    np.testing.assert_array_equal(net.weights[6, 5:8], [20, 23, 26])
    np.testing.assert_array_equal(net.weights[9, 5:8], [29, 31, 33])


def test_huge_genomes_stay_finite() -> None:
    for kind in KINDS:
        agent = kind(OBSERVATION, ACTIONS["two"])
        state = agent.birth(np.full((1, agent.genome_size), 1e300), np.zeros(1, np.uint64))
        for _ in range(3):
            motor, state = agent.step(state, np.full((1, 5), 1e6, np.float32), Feedback.of(1e6, 2))
            assert np.isfinite(motor).all()


def test_it_reads_the_parts_that_it_observes() -> None:
    seen = spaces.Dict({"picture": spaces.Box(0, 1, (64, 64)), "told": spaces.Box(0, 1, (3,))})
    agent = GRU(seen, ACTIONS["box"], observe=["told"])
    assert agent.spaces.n_observations == 3
    assert agent.config["observe"] == ["told"]
    batch = {"picture": np.ones((2, 64, 64), np.float32), "told": np.full((2, 3), 0.5, np.float32)}
    np.testing.assert_array_equal(agent.spaces.observe(batch), np.full((2, 3), 0.5))
    with pytest.raises(OntogymError, match="did you mean 'told'"):
        LocalTrace(seen, ACTIONS["box"], observe=["tolt"])
    with pytest.raises(OntogymError, match="names parts of a dictionary"):
        MLP(OBSERVATION, ACTIONS["box"], observe=["told"])


def test_bad_options() -> None:
    with pytest.raises(OntogymError, match="hidden is 0; pass"):
        GRU(OBSERVATION, ACTIONS["two"], hidden=0)
    with pytest.raises(OntogymError, match="reward_scale is nan"):
        GRU(OBSERVATION, ACTIONS["two"], reward_scale=float("nan"))
    with pytest.raises(OntogymError, match="change_gain is inf"):
        Trace(OBSERVATION, ACTIONS["two"], change_gain=float("inf"))
    with pytest.raises(OntogymError, match="change_gain is nan"):
        LocalTrace(OBSERVATION, ACTIONS["two"], change_gain=float("nan"))
    with pytest.raises(OntogymError, match=f"the most is {MAX_NUMBERS}"):
        Trace(spaces.Box(-1, 1, (400,)), ACTIONS["two"], hidden=200)
    agent = GRU(OBSERVATION, ACTIONS["two"])
    state = agent.birth(agent.initial_genome(), np.zeros(1, np.uint64))
    with pytest.raises(OntogymError, match="do not fit"):
        agent.step(state, np.zeros((1, 4), np.float32), Feedback.of(0.0, 2))
