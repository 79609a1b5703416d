"""The three engines are one specification: same genome, same seed, same life."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Discrete

from ontogym.agents.base import Feedback
from ontogym.agents.lndp import LNDP
from ontogym.agents.lndp.agent import LNDPState
from ontogym.agents.lndp.organism import allowed_edges
from ontogym.seeding import lane_seeds

OBSERVATION, ACTION = Box(-1, 1, (3,)), Discrete(2)

OPTIONS = {
    "default": {},
    "released": {"compat": "released"},
    "released stochastic": {"compat": "released", "decisions": "stochastic"},
    "identity": {"io_identity": True},
    "bias, recurrent": {"bias": True, "recurrent": True},
    "stochastic": {"decisions": "stochastic"},
    "no transformer": {"graph_transformer": False},
    "structural only": {"synaptic_plasticity": False},
    "synaptic only": {"structural_plasticity": False},
    "no pruning": {"pruning_rule": ""},
    "empty start": {"start": "empty"},
    "one newborn for all": {"births": "one"},
    "two iterations": {"rnn_iters": 2},
    "reward scale": {"reward_scale": 0.25},
    "dense": {"density": 1.0},
    "pairwise": {"synaptic_rule": "lndp-edge-gru-pairwise", "io_identity": True},
    "pairwise, released": {"synaptic_rule": "lndp-edge-gru-pairwise", "compat": "released"},
    "weight decay": {"weight_decay": 0.2},
    "structural only, weight decay": {"weight_decay": 0.2, "synaptic_plasticity": False},
    "rewires at times": {"rewire_every": 3},
    "released, rewires at times": {"rewire_every": 2, "compat": "released", "decisions": "stochastic"},
}


def live(engine: str, dtype: str, steps: int, options: dict, population: int = 3):
    """A short life with noise as experience, some rows resting now and then."""
    agent = LNDP(OBSERVATION, ACTION, engine=engine, dtype=dtype, threads=1, nodes=11, **options)
    rng = np.random.default_rng(1)
    genomes = 0.4 * rng.standard_normal((population, agent.genome_size))
    state = agent.birth(genomes, lane_seeds(5, population)).engine
    motors = []
    for t in range(steps):
        active = np.arange(population) != t % (population + 1)
        update = np.arange(population) != (t + 1) % (population + 2)
        observation, reward = rng.standard_normal((population, 3)), rng.standard_normal(population)
        motor, state = agent.engine.step(state, observation, reward, active, update)
        motors.append(motor)
    state = LNDPState(state)
    return agent, np.array(motors), agent.body(state), agent.diagnose(state)


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("engine", ["numba", "torch"])
def test_fast_engines_equal_the_readable_one(engine: str, name: str) -> None:
    _, motor, body, diagnosis = live("pyg", "float64", 8, OPTIONS[name])
    _, fast_motor, fast_body, fast_diagnosis = live(engine, "float64", 8, OPTIONS[name])
    # float64 sums in another order: eight chaotic steps from 1e-16.
    np.testing.assert_allclose(fast_motor, motor, atol=1e-9)
    np.testing.assert_array_equal(fast_body.mask, body.mask)
    np.testing.assert_allclose(fast_body.nodes, body.nodes, atol=1e-9)
    np.testing.assert_allclose(fast_body.edges, body.edges, atol=1e-9)
    np.testing.assert_allclose(fast_body.history, body.history, atol=1e-9)
    for key, value in diagnosis.items():
        np.testing.assert_allclose(fast_diagnosis[key], value, atol=1e-9)
    assert 0 < body.mask.mean() < 1 or name == "empty start"


def hold(engine: str, options: dict, **held) -> list:
    """Bodies of a life from the third step on of which `held` is held."""
    agent = LNDP(OBSERVATION, ACTION, engine=engine, dtype="float64", threads=1, nodes=11, **options)
    rng = np.random.default_rng(2)
    state = agent.birth(0.6 * rng.standard_normal((3, agent.genome_size)), lane_seeds(5, 3))
    if "places" in held:
        state = agent.foresee(state, "places")
    bodies = []
    for t in range(8):
        if t == 2:
            state = agent.copy(agent.hold(state, **held))
        _, state = agent.step(state, rng.standard_normal((3, 3)), Feedback.of(rng.standard_normal(3)))
        bodies.append(agent.body(state))
    return bodies


@pytest.mark.parametrize("options", [{"density": 0.4}, {"decisions": "stochastic", "compat": "released"}])
def test_engines_hold_the_same(options: dict) -> None:
    some = {"wiring": np.array([True, False, True]), "weights": np.array([False, True, True])}
    oracle = hold("pyg", options, **some)
    for engine in ("numba", "torch"):
        for body, expected in zip(hold(engine, options, **some), oracle):
            np.testing.assert_array_equal(body.mask, expected.mask)
            np.testing.assert_allclose(body.edges, expected.edges, atol=1e-9)
    for before, after in pairwise(oracle[2:]):
        np.testing.assert_array_equal(before.mask[some["wiring"]], after.mask[some["wiring"]])
        old, new = before.edges[some["weights"], 0], after.edges[some["weights"], 0]
        kept = (old != 0) & (before.mask[some["weights"]] > 0)
        np.testing.assert_array_equal(new[kept], old[kept])
        assert kept.any()
    free = ~some["wiring"]
    assert any((a.mask[free] != b.mask[free]).any() for a, b in pairwise(oracle[2:]))
    assert np.abs(oracle[-1].edges[0, 0] - oracle[2].edges[0, 0]).max() > 1e-3


@pytest.mark.parametrize("engine", ["numba", "torch", "pyg"])
@pytest.mark.parametrize(("what", "same"), [("wiring", {"mask"}), ("all", {"mask", "edges", "nodes"})])
def test_what_is_frozen_stays_the_same(engine: str, what: str, same: set[str]) -> None:
    agent = LNDP(OBSERVATION, ACTION, engine=engine, threads=1, nodes=11, density=0.4)
    rng = np.random.default_rng(0)
    state = agent.birth(0.6 * rng.standard_normal((3, agent.genome_size)), lane_seeds(0, 3))
    state = agent.freeze(state, what)
    before = agent.body(state)
    for _ in range(3):
        _, state = agent.step(state, rng.standard_normal((3, 3)), Feedback.of(np.ones(3)))
    after = agent.body(agent.copy(state))
    for name in ("mask", "edges", "nodes", "activation"):
        assert (getattr(after, name) == getattr(before, name)).all() == (name in same), name


@pytest.mark.parametrize("engine", ["numba", "torch", "pyg"])
def test_an_edge_that_returns_has_its_places_weight(engine: str) -> None:
    agent = LNDP(
        OBSERVATION, ACTION, engine=engine, dtype="float64", threads=1, nodes=11, decisions="stochastic"
    )
    rng = np.random.default_rng(0)
    state = agent.birth(0.6 * rng.standard_normal((3, agent.genome_size)), lane_seeds(0, 3))
    state = agent.foresee(state, "places")
    last, present, returned = np.zeros((3, 11, 11)), agent.body(state).mask > 0, 0
    for t in range(16):
        if t == 4:
            state = agent.copy(agent.freeze(state, "places"))
        _, state = agent.step(state, rng.standard_normal((3, 3)), Feedback.of(np.ones(3)))
        body = agent.body(state)
        weights, edges = body.edges[:, 0], body.mask > 0
        if t >= 4:
            known = edges & (last != 0)
            np.testing.assert_array_equal(weights[known], last[known])
            returned += int((known & ~present).sum())
        last, present = np.where(weights != 0, weights, last), edges
    assert returned > 10


def test_engines_hold_the_same_places() -> None:
    options = {"decisions": "stochastic"}
    oracle = hold("pyg", options, places=np.array([True, False, True]))
    for engine in ("numba", "torch"):
        for body, expected in zip(hold(engine, options, places=np.array([True, False, True])), oracle):
            np.testing.assert_array_equal(body.mask, expected.mask)
            np.testing.assert_allclose(body.edges, expected.edges, atol=1e-9)


@pytest.mark.parametrize("engine", ["numba", "torch", "pyg"])
def test_shuffled_wiring_has_the_same_weights_at_other_places(engine: str) -> None:
    agent = LNDP(OBSERVATION, ACTION, engine=engine, threads=1, nodes=11, density=0.4)
    genomes = 0.6 * np.random.default_rng(0).standard_normal((2, agent.genome_size))
    state = agent.birth(genomes, lane_seeds(0, 2))
    before = agent.body(state)
    after = agent.body(agent.shuffle_wiring(state, lane_seeds(1, 2)))
    allowed = allowed_edges(agent.options, agent.layout.n_inputs, agent.layout.n_outputs)
    assert (after.mask != before.mask).any()
    assert not after.mask[:, allowed == 0].any()
    for row in range(2):
        old, new = (np.sort(body.edges[row, 0][body.mask[row] > 0]) for body in (before, after))
        np.testing.assert_array_equal(old, new)
    np.testing.assert_array_equal(after.nodes, before.nodes)


@pytest.mark.parametrize("engine", ["numba", "torch", "pyg"])
def test_wiring_changes_at_every_third_update(engine: str) -> None:
    masks = [body.mask for body in hold(engine, {"rewire_every": 3, "density": 0.4})]
    changes = [bool((a != b).any()) for a, b in pairwise(masks)]
    assert [k for k, change in enumerate(changes, start=2) if change] == [3, 6]


@pytest.mark.parametrize("engine", ["numba", "torch", "pyg"])
def test_rows_do_not_depend_on_their_neighbours(engine: str) -> None:
    options = {"decisions": "stochastic", "io_identity": True}
    agent = LNDP(OBSERVATION, ACTION, engine=engine, dtype="float64", nodes=11, **options)
    rng = np.random.default_rng(0)
    genomes, seeds = 0.4 * rng.standard_normal((10, agent.genome_size)), lane_seeds(0, 10)
    experience, reward = rng.standard_normal((6, 10, 3)), rng.standard_normal((6, 10))

    def run(rows: list[int]) -> np.ndarray:
        state = agent.birth(genomes[rows], seeds[rows])
        for obs, r in zip(experience, reward):
            motor, state = agent.step(state, obs[rows], Feedback.of(r[rows]))
        return motor

    together = run(list(range(10)))
    for k in (0, 7):
        np.testing.assert_allclose(run([k]), together[[k]], atol=1e-10)


def test_numba_rows_are_bit_identical_whatever_the_threads() -> None:
    motors = []
    for threads in (1, 2):
        agent = LNDP(OBSERVATION, ACTION, threads=threads, nodes=11)
        genomes = np.random.default_rng(0).standard_normal((40, agent.genome_size))
        state = agent.birth(genomes, lane_seeds(0, 40))
        for t in range(5):
            motor, state = agent.step(state, np.full((40, 3), 0.1 * t), Feedback.of(np.ones(40)))
        motors.append(motor)
    np.testing.assert_array_equal(*motors)


def test_compaction_computes_the_living_only() -> None:
    """Three of twenty alive: the torch engine computes a bucket of eight and touches nobody else."""
    agent = LNDP(OBSERVATION, ACTION, engine="torch", nodes=11)
    rng = np.random.default_rng(0)
    state = agent.birth(0.3 * rng.standard_normal((20, agent.genome_size)), lane_seeds(0, 20))
    before = agent.body(state)
    active = np.zeros(20, bool)
    active[[2, 11, 19]] = True
    sizes = []
    inner = agent.engine._step
    agent.engine._step = lambda s, *rest: sizes.append(len(s.nodes)) or inner(s, *rest)
    motor, state = agent.step(state, np.ones((20, 3)), Feedback.of(np.ones(20)), active)
    after = agent.body(state)
    assert sizes == [8]
    assert (motor[~active] == 0).all()
    np.testing.assert_array_equal(after.nodes[~active], before.nodes[~active])
    assert (np.abs(after.nodes[active] - before.nodes[active]).max((1, 2)) > 0).all()


@pytest.mark.parametrize("engine", ["numba", "torch", "pyg"])
def test_a_copied_state_is_left_alone(engine: str) -> None:
    agent = LNDP(OBSERVATION, ACTION, engine=engine, nodes=11, decisions="stochastic")
    state = agent.birth(np.full((2, agent.genome_size), 0.1), lane_seeds(0, 2))
    kept = agent.copy(state)
    before = agent.body(kept)
    first, _ = agent.step(state, np.ones((2, 3)), Feedback.of(np.ones(2)))
    np.testing.assert_array_equal(agent.body(kept).nodes, before.nodes)
    again, _ = agent.step(kept, np.ones((2, 3)), Feedback.of(np.ones(2)))
    np.testing.assert_array_equal(first, again)


def test_the_torch_engine_can_be_differentiated_through_a_life():
    """What `benchmarks/lndp_gradients.py` needs: the gradient of one gene is that of finite differences."""
    agent = LNDP(Box(-1, 1, (4,)), Discrete(2), engine="torch", dtype="float64", nodes=10, density=1.0,
                 structural_plasticity=False)  # fmt: skip
    start = np.random.default_rng(0).normal(0, 0.3, agent.genome_size)
    gene = agent.layout.slices["synaptic"].start

    def life(genome: torch.Tensor) -> torch.Tensor:
        state = agent.birth(np.zeros((2, agent.genome_size)), lane_seeds(0, 2)).engine
        networks, earned = state.networks._replace(genomes=genome.expand(2, -1)), torch.zeros(())
        for t in range(5):
            seen = torch.full((2, 4), 0.1 * t, dtype=torch.float64)
            networks = agent.engine.advance(networks, seen, torch.ones(2, dtype=torch.float64))
            earned = earned + agent.engine.motor(networks).sum()
        return earned

    genome = torch.tensor(start, requires_grad=True)
    life(genome).backward()
    ahead, behind = (torch.tensor(start + step * np.eye(len(start))[gene]) for step in (1e-6, -1e-6))
    assert float(genome.grad[gene]) == pytest.approx(float(life(ahead) - life(behind)) / 2e-6, rel=1e-4)
