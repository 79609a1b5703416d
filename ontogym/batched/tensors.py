"""The seam between worlds and agents that live on one device: lanes' streams and dynamics as PyTorch tensors.

Not imported by the package itself: only what needs torch comes here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ontogym.seeding import GOLDEN

__all__ = [
    "TensorDynamics",
    "World",
    "increments",
    "state_tensors",
    "stream_tensor",
    "uniform",
]


# ---- streams ---------------------------------------------------------------------------------------------------


def _signed(word: int) -> int:
    """A 64-bit word as the whole number that int64 takes it for."""
    return word - 2**64 if word >= 2**63 else word


# SplitMix64's constants (see `ontogym.seeding`); int64 multiplies and adds the same bits as uint64, modulo 2^64.
_GOLDEN = _signed(int(GOLDEN))
_MIX1, _MIX2 = _signed(0xBF58476D1CE4E5B9), _signed(0x94D049BB133111EB)


def stream_tensor(words: NDArray[np.uint64], device: torch.device | str) -> Tensor:
    """The state of a `LaneStreams` ``(P,)`` as int64 of the same bits."""
    return torch.tensor(np.ascontiguousarray(words, dtype=np.uint64).view(np.int64), device=device)


def increments(count: int, device: torch.device | str) -> Tensor:
    """How far the next `count` words lie from a stream's state, ``(count,)`` int64; a constant of whoever draws."""
    return torch.arange(1, count + 1, device=device) * _GOLDEN


def _shifted(x: Tensor, by: int) -> Tensor:
    """``x >> by`` of unsigned words: int64 would draw the sign in."""
    return (x >> by) & ((1 << (64 - by)) - 1)


def uniform(
    streams: Tensor, steps: Tensor, size: tuple[int, ...] = (), dtype: torch.dtype = torch.float64
) -> tuple[Tensor, Tensor]:
    """`LaneStreams.uniform` on the device: numbers ``(P, *size)``, and the streams after it.

    Args:
        streams: ``(P,)`` int64. steps: `increments` of as many numbers as `size` holds. dtype: of the numbers; float32
            gives what a float64 number rounds to (1 is possible, once in 2^25).
    """
    x = streams[:, None] + steps
    after = x[:, -1]
    x = (x ^ _shifted(x, 30)) * _MIX1
    x = (x ^ _shifted(x, 27)) * _MIX2
    x = _shifted(x ^ _shifted(x, 31), 11)
    # 53 bits: rounded once, then scaled by a power of two, so that no float64 is needed for float32.
    return (x.to(dtype) * 2.0**-53).reshape(-1, *size), after


# ---- dynamics --------------------------------------------------------------------------------------------------

World = tuple[Tensor, ...]


class TensorDynamics(NamedTuple):
    """The rules of a task for tensors: what `Dynamics` says, on whatever device the tensors are.

    Attributes:
        step: of state, actions ``(P,)`` and streams ``(P,)``: new state, reward ``(P,)`` float64, terminated ``(P,)``,
            streams after it. Pure; a lane's numbers depend on that lane alone and are always finite.
        observe: of a state: ``(P, O)`` float32.
    """

    step: Callable[[World, Tensor, Tensor], tuple[World, Tensor, Tensor, Tensor]]
    observe: Callable[[World], Tensor]


def state_tensors(state: Any, device: torch.device | str) -> World:
    """A state of the batched dynamics as tensors, field by field."""
    return tuple(torch.tensor(np.ascontiguousarray(part), device=device) for part in state)
