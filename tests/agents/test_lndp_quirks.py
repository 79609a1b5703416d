"""What the released code decided, quirk by quirk, against the corrected reading (docs/lndp.md has the table).

Most tests use the readable engine's small methods; that the fast engines equal it in both readings is tested in
test_lndp_engines.py, and that the released reading is the authors' in test_lndp_released.py.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Discrete

from ontogym.agents.base import Feedback
from ontogym.agents.lndp import LNDP
from ontogym.agents.lndp.graph_transformer import GraphTransformer
from ontogym.baselines.lives.life import LifeSpec, life_seeds, live
from ontogym.developmental.spontaneous import OrnsteinUhlenbeck
from ontogym.envs.foraging import ForagingEnv
from ontogym.registry import STRATEGIES
from ontogym.seeding import lane_seeds
from tests.baselines.toy import GOAL

READINGS = ["corrected", "released"]
ENGINES = ["numba", "torch", "pyg"]
N, INPUTS, OUTPUTS = 11, 3, 2
SURE = 50.0
"""A logit at which every gate is open and every decision taken."""


def build(compat: str, engine: str = "pyg", **options: Any) -> LNDP:
    return LNDP(
        Box(-1, 1, (INPUTS,)), Discrete(OUTPUTS), engine=engine, dtype="float64", threads=1, nodes=N,
        compat=compat, **options,
    )  # fmt: skip


def genome_of(agent: LNDP, parts: dict[str, Any]) -> np.ndarray:
    """A genome of zeros but for the named arrays; "synaptic.bias" is the array `bias` of the synaptic rule."""
    genome = np.zeros(agent.genome_size)
    for name, value in parts.items():
        genome[place(agent, name)] = np.ravel(value)
    return genome


def place(agent: LNDP, name: str) -> slice:
    """Where an array lies in the genome."""
    slot, _, array = name.partition(".")
    if slot not in agent.layout.rules:
        return agent.layout.slices[name]
    at = agent.layout.slices[slot].start
    for key, shape in agent.layout.rules[slot].layout.items():
        if key == array:
            return slice(at, at + math.prod(shape))
        at += math.prod(shape)
    raise KeyError(name)


def gates(size: int, reset: float, keep: float) -> np.ndarray:
    """The bias of a GRU whose reset and keep gates have these logits; nothing else drives it."""
    return np.repeat([reset, keep, 0.0], size)


def newborn(agent: LNDP, genome: np.ndarray, seed: int = 0) -> Any:
    """The one graph of a newborn, and the engine that runs it."""
    return agent.birth(genome[None], lane_seeds(seed, 1)).engine.graphs[0], agent.engine


def update(engine: Any, graph: Any, reward: float = 0.0) -> Any:
    return engine.update(graph, torch.tensor(reward, dtype=torch.float64), torch.zeros(2, N, N))


def attention(released: bool) -> torch.Tensor:
    """Attention weights (target, source, head) of a random layer over five nodes, read off by one-hot values."""
    n, heads, gen = 5, 3, torch.Generator().manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=gen, dtype=torch.float64)

    eye = torch.eye(n, dtype=torch.float64)
    genes = {
        "query": draw(4 * heads, n),
        "key": draw(4 * heads, n),
        "value": eye.repeat_interleave(heads, 0),
        "output.weight": torch.eye(n * heads, dtype=torch.float64),
        "output.bias": torch.zeros(n * heads, dtype=torch.float64),
        "edge.weight": draw(heads, 2),
        "edge.bias": draw(heads),
    }
    pre, post = torch.meshgrid(torch.arange(n), torch.arange(n), indexing="ij")
    pairs = torch.stack([pre.flatten(), post.flatten()])
    return GraphTransformer(genes, heads, released)(eye, pairs, draw(n * n, 2)).reshape(n, n, heads)


def test_quirk_1_attention_is_normalised_over_sources_or_over_targets() -> None:
    corrected, released = attention(released=False), attention(released=True)
    one = torch.ones(5, 3, dtype=torch.float64)
    torch.testing.assert_close(corrected.sum(1), one)  # what a node receives sums to 1
    torch.testing.assert_close(released.sum(0), one)  # what a node sends sums to 1
    assert (corrected.sum(0) - one).abs().max() > 0.1
    assert (released.sum(1) - one).abs().max() > 0.1
    # The scores are the same: what is left of their logarithms when target and source means are taken away.
    logs = [w.log() for w in (corrected, released)]
    logs = [x - x.mean(0, keepdim=True) - x.mean(1, keepdim=True) + x.mean((0, 1)) for x in logs]
    torch.testing.assert_close(*logs)
    assert logs[0].abs().max() > 0.1


@pytest.mark.parametrize("released", [False, True])
def test_quirk_2_projections_and_output_are_laid_out_component_by_head(released: bool) -> None:
    """Head 0 attends evenly, head 1 to itself alone: their components alternate in the output."""
    n, heads, components = 4, 2, 3
    eye = torch.eye(n, dtype=torch.float64)
    value = torch.arange(heads * components * n, dtype=torch.float64).reshape(-1, n)
    genes = {
        "query": torch.ones(heads, n, dtype=torch.float64),
        "key": torch.ones(heads, n, dtype=torch.float64),
        "value": value,
        "output.weight": torch.eye(heads * components, dtype=torch.float64),
        "output.bias": torch.zeros(heads * components, dtype=torch.float64),
        "edge.weight": torch.tensor([[0.0], [1e3]], dtype=torch.float64),
        "edge.bias": torch.zeros(heads, dtype=torch.float64),
    }
    pre, post = torch.meshgrid(torch.arange(n), torch.arange(n), indexing="ij")
    pairs, same = torch.stack([pre.flatten(), post.flatten()]), (pre == post).flatten()[:, None].double()
    y = GraphTransformer(genes, heads, released)(eye, pairs, same)
    own = value.T  # (N, components * heads)
    for c in range(components):
        torch.testing.assert_close(y[:, c * heads], own[:, c * heads].mean().expand(n))
        torch.testing.assert_close(y[:, c * heads + 1], own[:, c * heads + 1])


@pytest.mark.parametrize("compat", READINGS)
def test_quirk_3_degrees(compat: str) -> None:
    """Corrected: in, out, mean of both, in tenths. Released: out, in, and out + in / 20 (of the tenths)."""
    agent = build(compat, graph_transformer=False, density=0.5)
    selector = np.zeros(agent.layout.shapes["perception.weight"])
    selector[range(3), range(3)] = 1
    graph, engine = newborn(agent, genome_of(agent, {"perception.weight": selector}))
    seen = engine.perceive(graph)[:, :3].numpy()
    mask = graph.mask.numpy()  # (post, pre)
    into, out = mask.sum(1) / 10, mask.sum(0) / 10
    assert (into != out).any()
    if compat == "corrected":
        expected = [into, out, (into + out) / 2]
    else:
        expected = [out, into, out + into / 20]
    np.testing.assert_allclose(seen, np.transpose(expected))


@pytest.mark.parametrize("compat", READINGS)
def test_quirk_4_gates_are_in_the_order_r_z_n_and_only_n_has_a_hidden_bias(compat: str) -> None:
    agent = build(compat, structural_plasticity=False)
    f, s = agent.options.node_features, agent.options.edge_features

    def live_with(reset: float, keep: float) -> tuple[Any, Any]:
        nodes = {"gru.bias": gates(f, reset, keep), "gru.bias_n": 0.7}
        edges = {"synaptic.bias": gates(s, reset, keep), "synaptic.bias_n": 0.3}
        graph, engine = newborn(agent, genome_of(agent, nodes | edges))
        return graph, update(engine, graph)

    before, kept = live_with(reset=SURE, keep=SURE)
    torch.testing.assert_close(kept.nodes, before.nodes)
    torch.testing.assert_close(kept.edges, before.edges)
    _, open_reset = live_with(reset=SURE, keep=-SURE)  # h = tanh(1 * bias_n)
    torch.testing.assert_close(open_reset.nodes, torch.full_like(before.nodes, np.tanh(0.7)))
    torch.testing.assert_close(open_reset.edges, np.tanh(0.3) * before.mask.expand_as(before.edges))
    _, shut_reset = live_with(reset=-SURE, keep=-SURE)  # h = tanh(0 * bias_n)
    assert shut_reset.nodes.abs().max() < 1e-12
    assert shut_reset.edges.abs().max() < 1e-12


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("compat", READINGS)
def test_quirk_5_a_pruned_edge_conducts_one_more_step(compat: str, engine: str) -> None:
    agent = build(compat, engine, density=1.0, density_sd=0.0)
    genome = genome_of(agent, {"synaptic.bias": gates(4, 0.0, keep=SURE), "pruning.b2": SURE})
    state = agent.birth(genome[None], lane_seeds(0, 1))
    assert agent.body(state).mask.sum() == agent.n_allowed_edges
    motors, present = [], []
    for _ in range(2):
        motor, state = agent.step(state, np.ones((1, INPUTS)), Feedback.of(np.zeros(1)))
        motors.append(np.abs(motor).max())
        present.append(agent.body(state).mask.sum())
    assert present == [0, 0]  # gone at the first step
    assert motors[0] > 0.01  # yet it conducts in that step
    assert motors[1] == 0


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("compat", READINGS)
def test_quirk_5_a_new_edge_is_silent_until_the_next_update(compat: str, engine: str) -> None:
    agent = build(compat, engine, start="empty")
    genome = genome_of(agent, {"synaptic.bias_n": 1.0, "synaptogenesis.b2": SURE})
    state = agent.birth(genome[None], lane_seeds(0, 1))
    weights, motors = [], []
    for _ in range(2):
        motor, state = agent.step(state, np.ones((1, INPUTS)), Feedback.of(np.zeros(1)))
        body = agent.body(state)
        assert body.mask.sum() == agent.n_allowed_edges  # there from the first step on
        weights.append(np.abs(body.edges).max())
        motors.append(np.abs(motor).max())
    assert weights[0] == motors[0] == 0
    assert min(weights[1], motors[1]) > 0.01


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("compat", READINGS)
def test_quirk_6_pruning_that_would_cut_an_absent_edge_forbids_all_growth(compat: str, engine: str) -> None:
    """The pruning network cuts e = 0 and spares the first feature's tanh(1) of a living edge."""
    agent = build(compat, engine, start="empty")
    first_feature, first_unit = np.eye(16, 4) * np.eye(16, 1), -10.0 * np.eye(1, 16)
    genome = genome_of(
        agent,
        {
            # Reset open, old features forgotten: a living edge has e = tanh(1) after one update.
            "synaptic.bias": gates(4, reset=SURE, keep=-SURE),
            "synaptic.bias_n": 1.0,
            # logit = 3 - 10 ReLU(e_0): 3 at an absent edge, -4.6 at a living one.
            "pruning.w1": first_feature,
            "pruning.w2": first_unit,
            "pruning.b2": 3.0,
            "synaptogenesis.b2": SURE,
        },
    )
    state = agent.birth(genome[None], lane_seeds(0, 1))
    present = []
    for _ in range(3):
        _, state = agent.step(state, np.ones((1, INPUTS)), Feedback.of(np.zeros(1)))
        present.append(agent.body(state).mask.sum())
    everything = agent.n_allowed_edges
    assert present == ([everything] * 3 if compat == "corrected" else [0] * 3)


@pytest.mark.parametrize("compat", READINGS)
def test_quirk_7_the_remembered_activations(compat: str) -> None:
    """Three states before each iteration with the inputs clamped, then the final one, unclamped."""
    agent = build(compat, density=0.6)
    graph, engine = newborn(agent, np.zeros(agent.genome_size))
    observation = torch.tensor([0.5, -1.0, 0.25], dtype=torch.float64)
    after = engine.activate(graph, observation)
    weights, a, expected = graph.edges[0].numpy(), np.zeros(N), []
    for _ in range(3):
        a[:INPUTS] = observation
        expected.append(a)
        a = np.tanh(weights @ a)
    expected.append(a)
    np.testing.assert_allclose(after.history.numpy(), np.transpose(expected), atol=1e-15)
    assert (after.history[:INPUTS, :3] == observation[:, None]).all()
    assert (after.history[:INPUTS, 3] == 0).all()  # nothing projects onto an input
    assert after.history[INPUTS:, 0].abs().max() == 0
    assert after.history[-OUTPUTS:, 3].abs().max() > 0


@pytest.mark.parametrize("compat", READINGS)
def test_quirk_8_the_freeze_between_episodes_lags(compat: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two episodes of five steps: released updates once more after the end, and not at the next first step."""
    agent = LNDP(Box(-1, 1, (2,)), Discrete(2), engine="pyg", nodes=N, compat=compat)
    changed = []
    inner = agent.engine.step

    def spy(state: Any, *args: Any) -> Any:
        before = state.graphs[0].nodes.clone()
        motor, after = inner(state, *args)
        changed.append(not torch.equal(before, after.graphs[0].nodes))
        return motor, after

    monkeypatch.setattr(agent.engine, "step", spy)
    genome = 0.5 * np.random.default_rng(0).standard_normal((1, agent.genome_size))
    spec = LifeSpec(GOAL, episodes=2)
    result = live(agent, genome, spec, life_seeds(spec, 1, 0))
    np.testing.assert_array_equal(result.lengths, 5)
    if compat == "corrected":
        assert changed == [True] * 10
    else:
        assert changed == [True] * 6 + [False] + [True] * 5


def test_quirk_9_noise_of_the_learned_activity_has_a_covariance() -> None:
    """Ours is L L^T for any genes; the released matrix is in general no covariance at all."""
    channels, rng = 3, np.random.default_rng(0)
    source = OrnsteinUhlenbeck()
    genes = rng.standard_normal((1, source.n_params(channels)))
    mu, _, mixing = source.process(genes, channels)
    covariance = mixing[0] @ mixing[0].T
    lives = 20_000
    first = source.sample(1, lane_seeds(0, lives), channels, np.repeat(genes, lives, 0))[0] - mu
    # The standard error of a covariance of 20 000 samples is below 1.5 % of the variances.
    np.testing.assert_allclose(np.cov(first.T), covariance, atol=0.06 * covariance.max())
    assert np.linalg.eigvalsh(covariance).min() > 0

    released = np.clip(rng.uniform(-1, 1, (channels, channels)), -1, 1)
    assert np.abs(released - released.T).max() > 0.1
    assert np.linalg.eigvalsh((released + released.T) / 2).min() < 0


@pytest.mark.parametrize("compat", READINGS)
def test_quirk_10_the_search_starts_at_zero_unless_a_conventional_start_is_asked_for(compat: str) -> None:
    assert not build(compat).initial_genome().any()
    agent = build(compat, initialisation="fan-in")
    start = agent.initial_genome()
    np.testing.assert_array_equal(start, build(compat, initialisation="fan-in").initial_genome())
    bounds = {"query": 8, "output.weight": 24, "output.bias": 24, "gru.ih": 8, "gru.bias": 8}
    for name, part in agent.layout.slices.items():
        values = np.abs(start[part])
        assert values.max() > 0, name
        if name in bounds:
            assert 0.5 / np.sqrt(bounds[name]) < values.max() <= 1 / np.sqrt(bounds[name])
    lean = build(compat, growth_bias=2.0)
    assert lean.initial_genome()[lean.layout.slices["synaptogenesis"]][-1] == 2
    assert lean.initial_genome()[lean.layout.slices["pruning"]][-1] == -2
    assert np.count_nonzero(lean.initial_genome()) == 2


def test_quirk_10_a_search_goes_up() -> None:
    """The released code takes the minimum of returns as its best; here more is better, and the mean is kept."""
    strategy = STRATEGIES.get("csa")(np.zeros(4), population=16, seed=0)
    for _ in range(30):
        asked = strategy.ask()
        strategy.tell(asked.sum(1))
    assert strategy.mean.sum() > 10


@pytest.mark.parametrize(("trial_steps", "trials"), [(10, 10), (11, 9)])
def test_quirk_11_a_trial_of_the_foraging_grid(trial_steps: int, trials: int) -> None:
    """A time-out takes eleven steps in the released code, ten as the paper says; food takes two in both."""
    right, stay = 0, 2
    env = ForagingEnv(trial_steps=trial_steps)

    def life(goal: int, action: int) -> tuple[float, int]:
        seen, _ = env.reset(seed=0, options={"goal": goal})
        assert seen[0] == 2  # the raw position
        total = 0.0
        for _ in range(100):
            _, reward, _, _, info = env.step(action)
            total += reward
        return total, info["trial"]

    assert life(1, stay) == (0, trials)
    assert life(1, right) == (500, 50)
    assert life(0, right) == (0, trials)  # a blind agent averages 250 over the goals
