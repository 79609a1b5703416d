"""Moving edges on the CPU without sorting their places; `fixed_sparsity` holds the oracle.

A float becomes a whole number of the same order (from its bits), and bisection finds the number up to which there
are as many as are wanted: a dozen or two of passes without a branch, which LLVM turns into vector code.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.compiling import COMPILED, njit

__all__ = ["swap_rows"]


def swap_rows(
    mask: NDArray[np.floating],
    allowed: NDArray[np.floating],
    count: NDArray[np.int64],
    leaving: NDArray[np.floating],
    coming: NDArray[np.floating],
) -> NDArray[np.floating]:
    """`fixed_sparsity.swap_edges` of C-contiguous arrays ``(P, M)``, all float32 or all float64; count ``(P,)``."""
    words = np.int32 if mask.dtype == np.float32 else np.int64
    infinity, never = np.array(np.inf, mask.dtype).view(words)[()], words(np.iinfo(words).max)
    new = np.empty_like(mask)
    _swap(mask, allowed, count, leaving.view(words), coming.view(words), infinity, never, new)
    return new


@njit(**COMPILED)
def _swap(
    mask: Any, allowed: Any, count: Any, leaving: Any, coming: Any, infinity: Any, never: Any, new: Any
) -> None:
    """Floats to compare come as their bits. `infinity`: its bits. `never`: a key above those of all numbers."""
    size = mask.shape[1]
    keys = np.empty(size, leaving.dtype)
    present, free = np.empty(size, np.bool_), np.empty(size, np.bool_)
    goes, comes = np.empty(size, np.bool_), np.empty(size, np.bool_)
    for row in range(len(mask)):
        for place in range(size):
            present[place] = mask[row, place] > 0
            free[place] = (mask[row, place] == 0) & (allowed[row, place] > 0)
        edges, room = present.sum(), free.sum()
        moved = min(count[row], edges, room)
        if moved > 0:
            _order(leaving[row], present, infinity, never, keys)
            _smallest(keys, moved, edges, never, goes)
            _order(coming[row], free, infinity, never, keys)
            _smallest(keys, moved, room, never, comes)
            for place in range(size):
                present[place] = (present[place] & ~goes[place]) | comes[place]
        for place in range(size):
            new[row, place] = present[place]


@njit(error_model="numpy")
def _order(bits: Any, among: Any, infinity: Any, never: Any, keys: Any) -> None:
    """Whole numbers in the order of the floats behind `bits`; all NaNs alike and last, then the others."""
    for place in range(len(bits)):
        magnitude = bits[place] & never  # all but the sign
        key = magnitude if bits[place] >= 0 else -magnitude  # so -0.0 is 0.0
        key = key if magnitude <= infinity else infinity + 1
        keys[place] = key if among[place] else never


@njit(error_model="numpy")
def _smallest(keys: Any, wanted: Any, candidates: Any, never: Any, chosen: Any) -> None:
    """Where the `wanted` smallest keys are; of equal ones the first."""
    bound, found = _bound(keys, wanted, candidates, never)
    sure = bound if found == wanted else bound - 1
    for place in range(len(keys)):
        chosen[place] = keys[place] <= sure
    if found > wanted:  # several are equal to the bound, and not all of them are wanted
        missing, place = wanted - _up_to(keys, sure), 0
        while missing > 0:
            if keys[place] == bound:
                chosen[place] = True
                missing -= 1
            place += 1


@njit(error_model="numpy")
def _bound(keys: Any, wanted: Any, candidates: Any, never: Any) -> Any:
    """The least key that has `wanted` keys up to it, or any with just that many; and how many it has."""
    low, high, found = np.int64(keys.min()), np.int64(never - 1), candidates
    middle = low  # first, because many edges may share the least, of 0
    while low < high and found > wanted:
        below = _up_to(keys, middle)
        if below >= wanted:
            high, found = middle, below
        else:
            low = middle + 1
        middle = (low & high) + ((low ^ high) >> 1)  # their mean, rounded down, without overflow
    return high, found


@njit(error_model="numpy")
def _up_to(keys: Any, bound: Any) -> Any:
    """How many keys are `bound` or less."""
    bound, count = keys.dtype.type(bound), 0
    for place in range(len(keys)):  # by index: a loop over the keys themselves does not become vector code
        count += keys[place] <= bound
    return count
