"""The streams of `ontogym.seeding.LaneStreams` for compiled code: the same numbers, one at a time."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["next_uniform"]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX1, _MIX2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)


@njit(cache=True)
def next_uniform(states: NDArray[np.uint64], lane: int) -> float:
    """The next number in [0, 1) of a lane's stream; `states` is `LaneStreams.state`, which it advances."""
    states[lane] += _GOLDEN
    x = states[lane]
    x = (x ^ (x >> _S30)) * _MIX1
    x = (x ^ (x >> _S27)) * _MIX2
    x = x ^ (x >> _S31)
    return float(x >> _S11) * 2.0**-53
