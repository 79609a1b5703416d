"""One seed, many independent streams of randomness, each with a name.

Two kinds are needed here. `generator` gives a NumPy generator for code that runs once. `LaneStreams`
gives every row of a population its own stream, drawn for all rows in one vectorised call: the numbers of
a row depend on its own seed and on how often it has drawn, never on which rows stand beside it. So the
single environment is the batch of one, and a population cut into slices draws what the whole would.
"""

from __future__ import annotations

import functools
import hashlib
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError

__all__ = ["LaneStreams", "derive", "generator", "lane_seeds", "mix64", "one_seed", "torch_generator"]

# SplitMix64: Steele, Lea & Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX1, _MIX2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = (np.uint64(s) for s in (30, 27, 31, 11))


def derive(seed: int, *names: object) -> int:
    """A 63-bit seed that depends on `seed` and on every name, in order (stable across machines)."""
    text = "\x1f".join([str(int(seed)), *map(str, names)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") >> 1


def generator(seed: int, *names: object) -> np.random.Generator:
    """A NumPy generator for the stream called `names` under `seed`."""
    return np.random.default_rng(derive(seed, *names))


def torch_generator(seed: int, *names: object, device: str = "cpu") -> Any:
    """A ``torch.Generator`` for the stream called `names` under `seed`."""
    import torch

    return torch.Generator(device=device).manual_seed(derive(seed, *names))


def lane_seeds(seed: int, count: int, *names: object) -> NDArray[np.uint64]:
    """`count` seeds for rows 0 .. count-1; row k's seed does not depend on `count`. Shape ``(count,)``."""
    base = np.uint64(derive(seed, *names))
    with np.errstate(over="ignore"):
        return mix64(base + GOLDEN * np.arange(1, count + 1, dtype=np.uint64)) >> np.uint64(1)


def one_seed(seed: Any) -> NDArray[np.uint64]:
    """The seed of a single life as an array of one, ``(1,)``.

    Raises:
        OntogymError: no whole number from 0 to 2**64 - 1.
    """
    whole = isinstance(seed, (int, np.integer)) and not isinstance(seed, bool)
    if not (whole and 0 <= seed < 2**64):
        raise OntogymError(f"The seed of a life is {seed!r}; give a whole number from 0 to 2**64 - 1.")
    return np.array([seed], dtype=np.uint64)


def mix64(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's finaliser (Steele, Lea & Flood 2014): a bijection of 64-bit words, any shape, whose output passes for random."""
    with np.errstate(over="ignore"):
        x = (x ^ (x >> _S30)) * _MIX1
        x = (x ^ (x >> _S27)) * _MIX2
        return x ^ (x >> _S31)


def _mix_in_place(x: NDArray[np.uint64]) -> None:
    """`mix64` of an array without new memory: environments draw a few numbers at every step."""
    x ^= x >> _S30
    x *= _MIX1
    x ^= x >> _S27
    x *= _MIX2
    x ^= x >> _S31


@functools.cache
def _increments(count: int) -> NDArray[np.uint64]:
    steps = GOLDEN * np.arange(1, count + 1, dtype=np.uint64)
    steps.flags.writeable = False
    return steps


class LaneStreams:
    """One SplitMix64 stream per row.

    Args:
        seeds: shape ``(P,)``, unsigned 64-bit; equal seeds give equal streams.

    A draw for a subset of rows advances only those rows.
    """

    def __init__(self, seeds: NDArray[np.integer]) -> None:
        # Mixed once so that neighbouring seeds do not give overlapping streams.
        self.state = mix64(np.array(seeds, dtype=np.uint64) ^ _MIX1)

    def __len__(self) -> int:
        return len(self.state)

    def copy(self) -> LaneStreams:
        """An independent copy that goes on from the same place."""
        other = object.__new__(LaneStreams)
        other.state = self.state.copy()
        return other

    def reseed(
        self, rows: NDArray[np.bool_] | NDArray[np.integer] | slice, seeds: NDArray[np.integer]
    ) -> None:
        """Start the given rows afresh from `seeds` (one seed a row)."""
        self.state[rows] = mix64(np.asarray(seeds, dtype=np.uint64) ^ _MIX1)

    def uniform(
        self,
        size: tuple[int, ...] = (),
        rows: NDArray[np.bool_] | NDArray[np.integer] | slice | None = None,
    ) -> NDArray[np.float64]:
        """Uniform numbers in [0, 1), shape ``(rows, *size)``, float64."""
        select: Any = slice(None) if rows is None else rows
        count = math.prod(size)
        # Unsigned arrays wrap around silently; only scalars would warn.
        words = self.state[select, None] + _increments(count)
        if count:
            self.state[select] = words[:, -1]
        _mix_in_place(words)
        words >>= _S11
        return np.asarray(words * 2.0**-53, dtype=np.float64).reshape(len(words), *size)

    def normal(
        self,
        size: tuple[int, ...] = (),
        rows: NDArray[np.bool_] | NDArray[np.integer] | slice | None = None,
    ) -> NDArray[np.float64]:
        """Standard normal numbers, shape ``(rows, *size)``, float64 (inverse of the normal CDF)."""
        from scipy.special import ndtri

        # Half a step away from 0 so that the inverse CDF stays finite.
        return np.asarray(ndtri(self.uniform(size, rows) + 2.0**-54), dtype=np.float64)
