"""That a step stays on the device of its networks, on machines that have only one.

PyTorch's "meta" device has shapes and no numbers; an operation that mixes it with the CPU's tensors fails, as it would on a
GPU. What a step of every rule makes on it must lie there, too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Discrete

from ontogym.agents.base import Feedback
from ontogym.agents.batching import Replayed
from ontogym.agents.lndp import LNDP
from ontogym.agents.plastic import Plastic
from ontogym.errors import OntogymError
from ontogym.registry import RULES
from ontogym.seeding import lane_seeds
from tests.agents.host_traffic import NothingFromTheHost

SLOTS = ("synaptic_rule", "pruning_rule", "synaptogenesis_rule", "structural_rule")
OPTIONS: list[dict[str, Any]] = [
    {},
    {"io_identity": True, "bias": True, "recurrent": True},
    {"decisions": "stochastic"},
    {"graph_transformer": False},
    {"compat": "released"},
    {"synaptic_plasticity": False},
    {"structural_plasticity": False},
    {"dtype": "float64"},
]


def step_elsewhere(agent: Any) -> None:
    state = agent.birth(np.zeros((8, agent.genome_size)), lane_seeds(0, 8))
    lndp = isinstance(agent, LNDP)
    engine = agent.engine if lndp else agent.networks
    networks = (state.engine if lndp else state).networks
    zeros = {"device": "meta", "dtype": engine.dtype}
    n = networks.mask.shape[1]
    given = [torch.zeros(8, 4, **zeros), torch.zeros(8, **zeros)]
    # The LNDP draws its noise itself; who learns is said to it.
    given.append(torch.ones(8, dtype=torch.bool, device="meta") if lndp else torch.zeros(8, 2, n, n, **zeros))
    with torch.no_grad(), NothingFromTheHost():
        after = engine.advance(networks, *given)
    for name, value in after._asdict().items():
        tensors = [t for memory in value.values() for t in memory] if name == "rules" else [value]
        assert {tensor.device.type for tensor in tensors} <= {"meta"}, name


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_lndp_stays_on_its_device(options: dict[str, Any]) -> None:
    step_elsewhere(LNDP(Box(-1, 1, (4,)), Discrete(2), engine="torch", device="meta", **options))


@pytest.mark.parametrize("rule", sorted(RULES))
@pytest.mark.parametrize("agent", [LNDP, Plastic])
def test_every_rule_stays_on_its_device(agent: Any, rule: str) -> None:
    engine = {"engine": "torch"} if agent is LNDP else {}
    fitted = 0
    for slot in SLOTS:
        try:
            made = agent(Box(-1, 1, (4,)), Discrete(2), device="meta", **engine, **{slot: rule})
        except OntogymError:
            continue  # a synaptic rule in a structural slot, or the reverse
        step_elsewhere(made)
        fitted += 1
    assert fitted


def test_mixing_devices_would_be_seen() -> None:
    with pytest.raises(RuntimeError, match="device"):
        torch.zeros(3, device="meta") + torch.zeros(3)


@pytest.mark.parametrize("options", [{}, {"decisions": "stochastic"}, {"compat": "released"}], ids=str)
def test_everyone_where_he_stands_is_the_living_gathered(options: dict[str, Any]) -> None:
    """The two ways of `torch_networks` give the same networks to 1e-12, and nobody else is touched."""
    agent = LNDP(Box(-1, 1, (3,)), Discrete(2), engine="torch", dtype="float64", nodes=11, **options)
    rng = np.random.default_rng(0)
    genomes = 0.5 * rng.standard_normal((20, agent.genome_size))
    bodies = []
    for in_place in (False, True):
        agent.engine.in_place = in_place
        state, draw = agent.birth(genomes, lane_seeds(0, 20)), np.random.default_rng(1)
        alive = np.ones(20, bool)
        for step in range(6):
            alive &= draw.random(20) < 0.8
            feedback = Feedback.of(draw.standard_normal(20), start=step == 3)._replace(truncated=alive.copy())
            motor, state = agent.step(state, draw.standard_normal((20, 3)), feedback, alive)
            assert (motor[~alive] == 0).all()
        assert 0 < alive.sum() < 20
        bodies.append((motor, *agent.body(state), agent.engine.changed(state.engine)))
    for gathered, stood in zip(*bodies):
        np.testing.assert_allclose(stood, gathered, atol=1e-12)


def test_constants_are_gathered_once() -> None:
    """Nine of twenty alive for two steps: genomes are the same memory, activity is not."""
    agent = LNDP(Box(-1, 1, (3,)), Discrete(2), engine="torch", nodes=11)
    state = agent.birth(np.full((20, agent.genome_size), 0.1), lane_seeds(0, 20))
    alive, seen = np.arange(20) < 9, []
    inner = agent.engine._step
    agent.engine._step = lambda networks, *rest: seen.append(networks) or inner(networks, *rest)
    for living in (alive, alive, ~alive):
        _, state = agent.step(state, np.ones((20, 3)), Feedback.of(np.ones(20)), living)
    assert seen[0].genomes is seen[1].genomes is not seen[2].genomes
    assert seen[0].edges is not seen[1].edges


def test_a_replayed_step_runs_as_it_is_without_a_gpu() -> None:
    calls = []
    step = Replayed(lambda: calls.append(1), torch.device("cpu"))
    for _ in range(4):
        step()
    assert len(calls) == 4


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("compiled", [False, True])
def test_a_gpu_replays_what_the_cpu_computes(compiled: bool) -> None:
    """Ten steps in float64, to 1e-9; from the third on as one CUDA graph."""
    bodies = []
    for device in ("cpu", "cuda"):
        agent = LNDP(
            Box(-1, 1, (3,)), Discrete(2), engine="torch", dtype="float64", device=device, nodes=11,
            decisions="stochastic", compiled=compiled and device == "cuda",
        )  # fmt: skip
        genomes = 0.3 * np.random.default_rng(0).standard_normal((20, agent.genome_size))
        state = agent.birth(genomes, lane_seeds(0, 20))
        for step in range(10):
            motor, state = agent.step(
                state, np.full((20, 3), 0.1 * step), Feedback.of(np.ones(20)), np.arange(20) > step
            )
        bodies.append((motor, *agent.body(state)))
    assert agent.engine._seat.replayed.graphs
    for cpu, gpu in zip(*bodies):
        np.testing.assert_allclose(gpu, cpu, atol=1e-9)
