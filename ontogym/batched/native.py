"""The seam between compiled worlds and compiled agents: one lane's rules as functions that numba can call.

State, action, parameters and stream of a lane are flat arrays, so that one compiled rollout serves every world: the
functions travel as arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import float32, float64, types, uint64, void
from numpy.typing import NDArray

from ontogym.batched.dynamics import Dynamics, own_native_form
from ontogym.compiling import COMPILED, njit
from ontogym.registry import load_object

__all__ = ["OBSERVE", "STEP", "NativeDynamics", "native_of", "uniform"]

_F64, _F32, _U64 = (types.Array(kind, 1, "C") for kind in (float64, float32, uint64))
STEP = void(_F64, _F64, _F64, _U64, _F64)
"""``step(state, action, parameters, stream, outcome)``: changes state and stream; outcome is reward and terminated."""
OBSERVE = void(_F64, _F64, _F32)
"""``observe(state, parameters, view)``."""

_GOLDEN, _MIX1, _MIX2 = (
    np.uint64(0x9E3779B97F4A7C15),
    np.uint64(0xBF58476D1CE4E5B9),
    np.uint64(0x94D049BB133111EB),
)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)


class NativeDynamics(NamedTuple):
    """One lane's rules.

    Attributes:
        step, observe: compiled, of the types `STEP` and `OBSERVE`.
        parameters: ``(K,)`` float64, the same for every lane.
        pack: a state of the batched dynamics as rows ``(P, S)`` float64, its fields in their order.
        facts: name and place in the row of each number in the dynamics' info; all are whole numbers.
        age: where in the row the steps lived before the episode stand, twice: to go on with, and to keep. `pack` is
            then given states of age 0. None where the world does not depend on them.
    """

    step: Any
    observe: Any
    parameters: NDArray[np.float64]
    pack: Callable[[Any], NDArray[np.float64]]
    facts: tuple[tuple[str, int], ...] = ()
    age: int | None = None


def native_of(dynamics: Dynamics[Any]) -> NativeDynamics | None:
    """The compiled form of these dynamics (`Dynamics.native_form`), or None if they have none."""
    point = own_native_form(dynamics)
    return None if point is None else load_object(point)(dynamics)


@njit(**COMPILED)
def uniform(stream: Any) -> float:
    """The next number of a `ontogym.seeding.LaneStreams` whose word is ``stream[0]``."""
    stream[0] += _GOLDEN
    x = stream[0]
    x = (x ^ (x >> _S30)) * _MIX1
    x = (x ^ (x >> _S27)) * _MIX2
    return float((x ^ (x >> _S31)) >> _S11) * 2.0**-53
