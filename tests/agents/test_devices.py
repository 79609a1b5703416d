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
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ontogym.agents.lndp import LNDP
from ontogym.agents.plastic import Plastic
from ontogym.errors import OntogymError
from ontogym.registry import RULES
from ontogym.seeding import lane_seeds

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


class NothingFromTheHost(TorchDispatchMode):
    """Fails where an operation takes a tensor of the CPU, even a lone number, or asks for a number: on a GPU either
    makes the host wait, and no CUDA graph can hold it."""

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        assert {tensor.device.type for tensor in given} <= {"meta"}, function
        assert function is not torch.ops.aten._local_scalar_dense.default
        return function(*args, **(kwargs or {}))


def step_elsewhere(agent: Any) -> None:
    state = agent.birth(np.zeros((8, agent.genome_size)), lane_seeds(0, 8))
    lndp = isinstance(agent, LNDP)
    engine = agent.engine if lndp else agent.networks
    networks = (state.engine if lndp else state).networks
    zeros = {"device": "meta", "dtype": engine.dtype}
    n = networks.mask.shape[1]
    given = [torch.zeros(8, 4, **zeros), torch.zeros(8, **zeros)]
    # The LNDP draws its noise itself; who learns is said to it.
    given.append(
        torch.ones(8, dtype=torch.bool, device="meta") if lndp else torch.zeros(8, 2, n, n, **zeros)
    )
    with torch.no_grad(), NothingFromTheHost():
        after = engine._advance(networks, *given)
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
