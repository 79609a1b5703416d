"""What holds for every LNDP: labels do not matter, edges stay where they may be, seeds make bodies."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete
from hypothesis import given, settings
from hypothesis import strategies as st

from ontogym.agents.base import Feedback
from ontogym.agents.lndp import LNDP, Body, LNDPConfig
from ontogym.agents.lndp.newborn import newborns
from ontogym.agents.lndp.organism import allowed_edges
from ontogym.errors import OntogymError
from ontogym.seeding import lane_seeds
from ontogym.testing import check_agent

N, INPUTS, OUTPUTS = 11, 3, 2
ENGINES = ["numba", "torch", "pyg"]
SEEDS = st.integers(0, 2**32 - 1)
QUICK = settings(max_examples=10, deadline=None, derandomize=True)


def draw_bodies(config: LNDPConfig, n_inputs: int, n_outputs: int, seeds: np.ndarray) -> Body:
    """The newborns of all seeds in one batch."""
    drawn = list(newborns(config, n_inputs, n_outputs, seeds))
    whole = Body(*(np.empty((len(seeds), *part.shape[1:]), part.dtype) for part in drawn[0][1]))
    for rows, body in drawn:
        for part, fresh in zip(whole, body):
            part[rows] = fresh
    return whole


def build(engine: str = "numba", dtype: str = "float64", **options: Any) -> LNDP:
    return LNDP(
        Box(-1, 1, (INPUTS,)), Discrete(OUTPUTS), engine=engine, dtype=dtype, threads=1, nodes=N, **options
    )


def random_genomes(agent: LNDP, population: int, seed: int, scale: float = 0.7) -> np.ndarray:
    return scale * np.random.default_rng(seed).standard_normal((population, agent.genome_size))


def lived(agent: LNDP, seed: int, steps: int, population: int = 3) -> list[Body]:
    """Bodies at birth and after each step of lives with noise as experience."""
    rng = np.random.default_rng(seed + 1)
    state = agent.birth(random_genomes(agent, population, seed), lane_seeds(seed, population))
    bodies = [agent.body(state)]
    for _ in range(steps):
        observation = rng.uniform(-1, 1, (population, INPUTS))
        _, state = agent.step(state, observation, Feedback.of(rng.standard_normal(population)))
        bodies.append(agent.body(state))
    return bodies


def relabelled(body: Body, order: np.ndarray) -> Body:
    return Body(
        body.nodes[:, order],
        body.edges[:, :, order][..., order],
        body.mask[:, order][..., order],
        body.history[:, order],
        body.activation[:, order],
        body.innate[:, :, order][..., order],
    )


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("compat", ["corrected", "released"])
@QUICK
@given(seed=SEEDS)
def test_relabelling_hidden_nodes_commutes_with_a_step(engine: str, compat: str, seed: int) -> None:
    agent = build(engine, compat=compat, io_identity=True, density=0.4)
    rng = np.random.default_rng(seed)
    order = np.arange(N)
    order[INPUTS : N - OUTPUTS] = rng.permutation(order[INPUTS : N - OUTPUTS])
    genomes, keys = random_genomes(agent, 2, seed, 0.3), np.zeros(2, np.uint64)
    body = draw_bodies(agent.options, INPUTS, OUTPUTS, lane_seeds(seed, 2))
    observation, reward = rng.uniform(-1, 1, (2, INPUTS)), rng.standard_normal(2)

    def after(start: Body) -> tuple[np.ndarray, Body]:
        state = agent.engine.birth(genomes, start, keys)
        for _ in range(2):
            motor, state = agent.engine.step(state, observation, reward)
        return motor, agent.engine.body(state)

    motor, plain = after(body)
    motor_too, twin = after(relabelled(body, order))
    np.testing.assert_allclose(motor_too, motor, atol=1e-9)
    for name, value in relabelled(plain, order)._asdict().items():
        np.testing.assert_allclose(getattr(twin, name), value, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("decisions", ["threshold", "stochastic"])
@QUICK
@given(seed=SEEDS)
def test_edges_only_where_they_may_be_and_weights_only_on_edges(
    engine: str, decisions: str, seed: int
) -> None:
    bodies = lived(build(engine, decisions=decisions), seed, steps=4)
    allowed = allowed_edges(LNDPConfig(nodes=N), INPUTS, OUTPUTS)
    assert not (bodies[0].edges * (1 - bodies[0].mask[:, None])).any()
    for before, after in pairwise(bodies):
        assert np.isin(after.mask, (0, 1)).all()
        assert not (after.mask * (1 - allowed)).any()
        # Features live on the edges of before the step: a pruned edge has one more, a new one none yet.
        assert not (after.edges * (1 - before.mask[:, None])).any()
        assert np.abs(after.nodes).max() <= 1
        assert np.abs(after.edges).max() <= 1
    assert bodies[-1].mask.any()


@pytest.mark.parametrize(
    ("options", "direction"),
    [
        ({"synaptogenesis_rule": ""}, -1),
        ({"pruning_rule": ""}, 1),
        ({"structural_plasticity": False}, 0),
    ],
    ids=["pruning only", "growth only", "neither"],
)
@pytest.mark.parametrize("engine", ENGINES)
@QUICK
@given(seed=SEEDS)
def test_a_network_without_a_rule_never_changes_that_way(
    engine: str, options: dict[str, Any], direction: int, seed: int
) -> None:
    bodies = lived(build(engine, density=0.5, **options), seed, steps=4)
    changes = np.array([b.mask - a.mask for a, b in pairwise(bodies)])
    assert not (changes == (1 if direction <= 0 else -1)).any()
    assert direction or not changes.any()


def test_those_networks_do_change_the_other_way() -> None:
    """Guards the test above: among its lives some prune and some grow."""
    for rule, sign in (("synaptogenesis_rule", -1), ("pruning_rule", 1)):
        first, *_, last = lived(build(density=0.5, **{rule: ""}), 0, steps=4, population=20)
        assert (sign * (last.mask - first.mask)).sum() > 0


@pytest.mark.parametrize("engine", ENGINES)
def test_without_a_synaptic_rule_edges_keep_what_they_were_born_with(engine: str) -> None:
    agents = [build(engine, synaptic_rule=""), build(engine, synaptic_plasticity=False)]
    for agent in agents:
        innate = draw_bodies(agent.options, INPUTS, OUTPUTS, lane_seeds(4, 3)).innate
        bodies = lived(agent, 4, steps=3)
        assert any((a.mask != b.mask).any() for a, b in pairwise(bodies))
        for before, after in pairwise(bodies):
            np.testing.assert_allclose(after.edges, innate * before.mask[:, None])


@pytest.mark.parametrize("engine", ENGINES)
def test_to_pyg_holds_the_body(engine: str) -> None:
    agent = build(engine)
    state = agent.birth(random_genomes(agent, 2, 1), lane_seeds(1, 2))
    for t in range(3):
        _, state = agent.step(state, np.full((2, INPUTS), 0.3 * t), Feedback.of(np.ones(2)))
    data, body, row = agent.to_pyg(state, 1), agent.body(state), 1
    pre, post = data.edge_index.numpy()
    mask, edges = np.zeros((N, N)), np.zeros((4, N, N))
    mask[post, pre] = 1
    edges[:, post, pre] = data.edge_attr.numpy().T
    np.testing.assert_array_equal(mask, body.mask[row])
    np.testing.assert_array_equal(edges, body.edges[row] * body.mask[row])
    np.testing.assert_array_equal(data.x.numpy(), body.nodes[row])
    np.testing.assert_array_equal(data.activation.numpy(), body.history[row, :, -1])
    assert data.node_type.tolist() == [0] * INPUTS + [1] * (N - INPUTS - OUTPUTS) + [2] * OUTPUTS
    data.validate()
    snapshot = agent.network(state, 1)
    np.testing.assert_array_equal(snapshot.mask, mask)
    np.testing.assert_allclose(snapshot.weights, edges[0], rtol=1e-6)
    assert (snapshot.n_inputs, snapshot.n_outputs) == (INPUTS, OUTPUTS)


@pytest.mark.parametrize("density", [0.0, 0.1, 0.5, 1.0])
def test_density_at_birth(density: float) -> None:
    config = LNDPConfig(nodes=N, density=density, density_sd=0.0)
    body = draw_bodies(config, INPUTS, OUTPUTS, lane_seeds(0, 400))
    allowed = allowed_edges(config, INPUTS, OUTPUTS)
    share = body.mask.sum() / (400 * allowed.sum())
    # Three standard errors of a share of 400 * 78 draws.
    assert abs(share - density) <= 3 * np.sqrt(density * (1 - density) / (400 * allowed.sum()))
    assert allowed.sum() == build().n_allowed_edges
    assert not (body.mask * (1 - allowed)).any()


def test_an_empty_start_is_empty_but_has_innate_features() -> None:
    body = draw_bodies(LNDPConfig(nodes=N, start="empty"), INPUTS, OUTPUTS, lane_seeds(0, 3))
    assert not body.mask.any()
    assert not body.edges.any()
    assert body.innate.any()


def test_newborns_may_be_more_alike() -> None:
    seeds = np.arange(3)
    usual, alike = (
        draw_bodies(LNDPConfig(nodes=N, birth_spread=spread), 2, 2, seeds) for spread in (1.0, 0.25)
    )
    np.testing.assert_array_equal(alike.nodes, 0.25 * usual.nodes)
    np.testing.assert_array_equal(alike.innate, 0.25 * usual.innate)
    np.testing.assert_array_equal(alike.mask, usual.mask)


def test_all_lives_may_begin_with_one_newborn() -> None:
    config = LNDPConfig(nodes=N, births="one")
    body = draw_bodies(config, INPUTS, OUTPUTS, lane_seeds(0, 3))
    for part in body:
        np.testing.assert_array_equal(part, part[:1].repeat(3, 0))
    for a, b in zip(body, draw_bodies(config, INPUTS, OUTPUTS, lane_seeds(9, 1))):
        np.testing.assert_array_equal(a[:1], b)
    assert len(np.unique(body.nodes[0], axis=0)) == N  # nodes of one newborn differ
    rows = [row for rows, _ in newborns(config, INPUTS, OUTPUTS, lane_seeds(0, 3)) for row in rows]
    assert sorted(rows) == [0, 1, 2]


@QUICK
@given(seeds=st.lists(SEEDS, min_size=1, max_size=6), density_sd=st.sampled_from([0.0, 0.05]))
def test_a_seed_makes_a_body_whatever_its_neighbours(seeds: list[int], density_sd: float) -> None:
    config = LNDPConfig(nodes=N, density_sd=density_sd)
    together = draw_bodies(config, INPUTS, OUTPUTS, np.array(seeds, np.uint64))
    for row, seed in enumerate(seeds):
        alone = draw_bodies(config, INPUTS, OUTPUTS, np.array([seed], np.uint64))
        for a, b in zip(together, alone):
            np.testing.assert_array_equal(a[row], b[0])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_birth_and_life_leave_what_they_are_given_alone(engine: str, dtype: str) -> None:
    agent = build(engine, dtype)
    body = draw_bodies(agent.options, INPUTS, OUTPUTS, lane_seeds(0, 2))
    body = Body(*(part.astype(dtype) for part in body))
    genomes = random_genomes(agent, 2, 0).astype(dtype)
    copies = [part.copy() for part in (*body, genomes)]
    state = agent.engine.birth(genomes, body, np.zeros(2, np.uint64))
    twin = agent.engine.copy(state)
    for _ in range(3):
        motor, state = agent.engine.step(state, np.ones((2, INPUTS)), np.ones(2))
    for part, copy in zip((*body, genomes), copies):
        np.testing.assert_array_equal(part, copy)
    genomes[:] = 0  # the living are not touched by what becomes of the array they came from
    for _ in range(3):
        again, twin = agent.engine.step(twin, np.ones((2, INPUTS)), np.ones(2))
    np.testing.assert_array_equal(motor, again)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_motor_output_has_the_dtype_of_the_agent(engine: str, dtype: str) -> None:
    agent = build(engine, dtype, density=1.0)
    genomes = random_genomes(agent, 2, 0)
    outputs = []
    for kind in (np.float64, np.int64):
        state = agent.birth(genomes, lane_seeds(0, 2))
        motor, _ = agent.step(
            state, np.ones((2, INPUTS), kind), Feedback.of(np.ones(2, kind)), np.array([True, False])
        )
        assert motor.dtype == dtype
        outputs.append(motor)
    np.testing.assert_array_equal(*outputs)
    assert motor[0].any()
    assert not motor[1].any()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("options", [{}, {"io_identity": True, "decisions": "stochastic"}])
def test_the_agent_contract(engine: str, options: dict[str, Any]) -> None:
    assert check_agent(build(engine, "float32", **options)) == []


def test_released_development_forgets_activity_at_every_step() -> None:
    """The released code never writes a recurrent network's activity back during development."""
    activity = np.random.default_rng(0).uniform(-1, 1, (3, 1, INPUTS))

    def developed(compat: str, recurrent: bool) -> Body:
        agent = build("pyg", compat=compat, recurrent=recurrent, density=1.0)
        state = agent.birth(random_genomes(agent, 1, 0, 0.3), lane_seeds(0, 1))
        return agent.body(agent.develop(state, activity))

    for name, value in developed("released", recurrent=False)._asdict().items():
        np.testing.assert_array_equal(getattr(developed("released", recurrent=True), name), value)
    plain, recurrent = (developed("corrected", recurrent=flag) for flag in (False, True))
    assert np.abs(plain.history - recurrent.history).max() > 1e-3
    assert not recurrent.activation.any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"compat": "relased"}, "LNDP compat 'relased'; did you mean 'released'"),
        ({"start": "full"}, "LNDP start 'full'"),
        ({"births": "twins"}, "LNDP births 'twins'"),
        ({"decisions": "stochastc"}, "did you mean 'stochastic'"),
        ({"initialisation": "fanin"}, "did you mean 'fan-in'"),
        ({"heads": 0}, "heads must be at least 1"),
        ({"node_features": 8.0}, "node_features is a whole number"),
        ({"density": 1.5}, "density is a probability"),
        ({"threshold": 1.0}, "threshold is a probability"),
        ({"density_sd": -0.1}, "density_sd must not be negative"),
        ({"birth_spread": 0.0}, "birth_spread is 0.0; choose a number above 0"),
        ({"growth_bias": float("nan")}, "growth_bias must be finite"),
        ({"development_steps": 5}, "set development"),
        ({"development_steps": -1}, "must not be negative"),
        ({"development": "ornstein-uhlenbek"}, "did you mean 'ornstein-uhlenbeck'"),
        ({"pruning_rule": "lndp-prunning"}, "did you mean 'lndp-pruning'"),
        ({"pruning_rule": "hebbian-abcd", "growth_bias": 1.0}, "leave growth_bias at 0"),
        ({"engine": "torhc"}, "did you mean 'torch'"),
        ({"dtype": "float16"}, "dtype 'float16'"),
        ({"rnn_iter": 3}, "did you mean 'rnn_iters'"),
        ({"node_features": 6, "engine": "numba"}, "use engine='torch'"),
        ({"synaptic_rule": "hebbian-abcd", "engine": "numba"}, "use engine='torch'"),
        ({"synaptic_rule": "hebbian-abcd", "engine": "pyg"}, "use engine='torch'"),
        ({"engine": "numba", "device": "cuda"}, "runs on the CPU"),
        ({"engine": "pyg", "device": "cuda"}, "runs on the CPU"),
        ({"engine": "numba", "compiled": True}, "cannot be compiled"),
    ],
)
def test_wrong_options_are_one_sentence(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OntogymError) as error:
        LNDP(Box(-1, 1, (INPUTS,)), Discrete(OUTPUTS), **{"nodes": N, **options})
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_too_few_nodes() -> None:
    with pytest.raises(OntogymError, match="set nodes to at least 6"):
        LNDP(Box(-1, 1, (INPUTS,)), Discrete(OUTPUTS), nodes=INPUTS + OUTPUTS)
    assert LNDP(Box(-1, 1, (INPUTS,)), Discrete(OUTPUTS), nodes=INPUTS + OUTPUTS + 1).n_allowed_edges == 5


@pytest.mark.parametrize("engine", ENGINES)
def test_wrong_genomes_seeds_and_experience(engine: str) -> None:
    agent = build(engine)
    genomes, seeds = random_genomes(agent, 2, 0), lane_seeds(0, 2)
    with pytest.raises(OntogymError, match=f"needs {agent.genome_size}"):
        agent.birth(genomes[:, 1:], seeds)
    with pytest.raises(OntogymError, match="one seed per genome"):
        agent.birth(genomes, lane_seeds(0, 3))
    hole = genomes.copy()
    hole[1, 5] = np.inf
    with pytest.raises(OntogymError, match="Genome 1 holds NaN or infinite"):
        agent.birth(hole, seeds)
    state = agent.birth(genomes, seeds)
    for observation, reward in (
        (np.ones((2, INPUTS - 1)), np.ones(2)),
        (np.ones((1, INPUTS)), np.ones(2)),
        (np.ones((2, INPUTS)), np.ones((2, 1))),
    ):
        with pytest.raises(OntogymError, match=r"give \(P, 3\) and \(P,\)"):
            agent.step(state, observation, Feedback.of(reward))
