"""Many retinas at once: each image is looked at by a retina of its own.

As products with dense weights, as in `SimulatedRetina`, the time goes into reading eight megabytes of weights for each
retina; of those of centres all but a twentieth are zero in single precision. Here centres are windows, and surrounds,
which are round, a row of weights times a column of weights. `SimulatedRetina.fire` is the readable oracle of the tests.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ontogym.compiling import COMPILED, njit
from ontogym.retina_env.retina import SUBUNIT_THRESHOLD, Pooled, SimulatedRetina, Traits, drive_of, spikes_of

__all__ = ["ManyRetinas"]

_NEGLIGIBLE = 1e-7
"""Weights below this share of a cell's greatest are left out: less than single precision resolves."""
_KERNEL: dict[str, Any] = COMPILED | {"fastmath": {"reassoc", "contract", "nsz", "nnan"}}


class ManyRetinas:
    """K retinas of equally many cells, N, and of the same image size S.

    Args:
        retinas: the animals, taken one at a time; what they are is copied.
        negligible: weights below this share of a cell's greatest are left out.
    """

    def __init__(self, retinas: Iterable[SimulatedRetina], negligible: float = _NEGLIGIBLE) -> None:
        parts = [_Compact(retina, negligible) for retina in retinas]
        self._traits = Traits(*(torch.stack(part) for part in zip(*(p.traits for p in parts))))
        self._mean = torch.stack([p.mean for p in parts])
        self._sd = torch.stack([p.sd for p in parts])
        # First row, row behind the last, and the same of columns: (K, N, 2: centre and surround, 4).
        self._window = np.stack([p.window for p in parts])
        self._across, self._along = (np.stack([p.sums[axis] for p in parts]) for axis in (0, 1))
        sizes = np.array([[c.size for c in p.centres] for p in parts])
        self._start = (np.cumsum(sizes) - sizes.ravel()).reshape(sizes.shape)
        self._centres = np.concatenate([c for p in parts for c in p.centres])

    def __len__(self) -> int:
        return len(self._mean)

    def pool(self, b: Tensor, who: Tensor) -> Tensor:
        """What arrives at the cells of retina ``who[b]`` of bipolar output ``(B, S, S)``; differentiable.

        Returns:
            ``(5, B, N)`` float32, in the order of `Pooled`. A row does not depend on the rows beside it.
        """
        at = (self._window, self._start, self._centres, self._across, self._along)
        sums: Tensor = _Pool.apply(b, who.numpy(), at)
        return sums

    def fire(self, pooled: Tensor, who: Tensor) -> Tensor:
        """Expected spikes ``(B, N)`` of retina ``who[b]`` for what arrives at its cells."""
        traits = Traits(*(part[who] for part in self._traits))
        return spikes_of(traits, (drive_of(traits, Pooled(*pooled)) - self._mean[who]) / self._sd[who])


class _Pool(torch.autograd.Function):
    """`_pool`, and back."""

    @staticmethod
    def forward(ctx: Any, b: Tensor, who: NDArray[np.int64], at: tuple[Any, ...]) -> Tensor:
        ctx.b, ctx.who, ctx.at = b.detach().numpy(), who, at
        sums = np.empty((5, len(b), at[1].shape[1]), dtype=np.float32)
        _pool(ctx.b, who, *at, sums)
        return torch.from_numpy(sums)

    @staticmethod
    def backward(ctx: Any, slopes: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        found = np.empty(ctx.b.shape, dtype=np.float32)
        _back(ctx.b, ctx.who, *ctx.at, np.ascontiguousarray(slopes.numpy()), found)
        return torch.from_numpy(found), None, None


class _Compact:
    """What is kept of one retina; its dense weights are many megabytes."""

    def __init__(self, retina: SimulatedRetina, negligible: float) -> None:
        n, size = retina.n_cells, retina.size
        self.traits, self.mean, self.sd = retina.traits, retina.drive_mean, retina.drive_sd
        self.window = np.zeros((n, 2, 4), dtype=np.int64)
        self.centres: list[NDArray[np.float32]] = []
        pools = retina.pools.numpy().reshape(2, n, size, size)
        for i, pair in enumerate(zip(*pools)):
            self.window[i] = [_window(weights, negligible) for weights in pair]
            top, below, left, right = self.window[i, 0]
            self.centres.append(pair[0][top:below, left:right].ravel())
        # A round Gaussian whose weights sum to one is the product of its sums.
        self.sums = [pools[1].sum(axis, dtype=np.float64).astype(np.float32) for axis in (1, 2)]


def _window(weights: NDArray[np.float32], negligible: float) -> tuple[int, int, int, int]:
    """First row, row behind the last, first column, column behind the last of what counts of ``(S, S)``."""
    counts = weights > negligible * weights.max()
    rows, columns = (np.flatnonzero(counts.any(axis)) for axis in (1, 0))
    return rows[0], rows[-1] + 1, columns[0], columns[-1] + 1


@njit(**_KERNEL)
def _pool(
    b: Any, who: Any, window: Any, start: Any, centres: Any, across: Any, along: Any, sums: Any
) -> None:
    """Sums ``(5, B, N)``, in the order of `Pooled`."""
    for row in range(b.shape[0]):
        k = who[row]
        for i in range(start.shape[1]):
            found = _centre(b[row], window[k, i, 0], centres[start[k, i] :])
            sums[0, row, i], sums[1, row, i], sums[2, row, i] = found
            sums[3, row, i], sums[4, row, i] = _surround(b[row], window[k, i, 1], across[k, i], along[k, i])


@njit(**_KERNEL)
def _centre(b: Any, window: Any, weights: Any) -> Any:
    """Weighted sums of ON subunits, OFF subunits and of `b` itself in a window (steps 4 and 5 of `retina`); weights row by row."""
    nothing, threshold = np.float32(0), np.float32(SUBUNIT_THRESHOLD)
    on = off = linear = nothing
    width = window[3] - window[2]
    for y in range(window[0], window[1]):
        line = b[y, window[2] : window[3]]
        of_line = weights[(y - window[0]) * width : (y - window[0] + 1) * width]
        for x in range(width):
            value, weight = line[x], of_line[x]
            on += weight * max(value - threshold, nothing)
            off += weight * max(-value - threshold, nothing)
            linear += weight * value
    return on, off, linear


@njit(**_KERNEL)
def _surround(b: Any, window: Any, across: Any, along: Any) -> Any:
    """Weighted sums of ON and of OFF subunits in a window (steps 4 and 5); a pixel's weight is ``along[y] * across[x]``."""
    nothing, threshold = np.float32(0), np.float32(SUBUNIT_THRESHOLD)
    on = off = nothing
    weights = across[window[2] : window[3]]
    for y in range(window[0], window[1]):
        line = b[y, window[2] : window[3]]
        on_line = off_line = nothing
        for x in range(len(weights)):
            on_line += weights[x] * max(line[x] - threshold, nothing)
            off_line += weights[x] * max(-line[x] - threshold, nothing)
        on += along[y] * on_line
        off += along[y] * off_line
    return on, off


@njit(**_KERNEL)
def _back(
    b: Any, who: Any, window: Any, start: Any, centres: Any, across: Any, along: Any, slopes: Any, found: Any
) -> None:
    """Slopes by sums ``(5, B, N)`` to slopes by bipolar output ``(B, S, S)``."""
    nothing, threshold = np.float32(0), np.float32(SUBUNIT_THRESHOLD)
    size = b.shape[1]
    # By ON subunits, by OFF subunits, by `b` itself.
    parts = np.empty((3, size, size), dtype=np.float32)
    for row in range(b.shape[0]):
        k = who[row]
        parts[:] = nothing
        for i in range(start.shape[1]):
            by = slopes[:, row, i]
            _centre_back(parts, window[k, i, 0], centres[start[k, i] :], by)
            _surround_back(parts, window[k, i, 1], across[k, i], along[k, i], by)
        for y in range(size):
            for x in range(size):
                value, slope = b[row, y, x], parts[2, y, x]
                slope += parts[0, y, x] if value > threshold else nothing
                slope -= parts[1, y, x] if -value > threshold else nothing
                found[row, y, x] = slope


@njit(**_KERNEL)
def _centre_back(parts: Any, window: Any, weights: Any, by: Any) -> None:
    width = window[3] - window[2]
    for k in range(3):
        slope = by[k]
        for y in range(window[0], window[1]):
            line = parts[k, y, window[2] : window[3]]
            of_line = weights[(y - window[0]) * width : (y - window[0] + 1) * width]
            for x in range(width):
                line[x] += slope * of_line[x]


@njit(**_KERNEL)
def _surround_back(parts: Any, window: Any, across: Any, along: Any, by: Any) -> None:
    weights = across[window[2] : window[3]]
    for k in range(2):
        for y in range(window[0], window[1]):
            line, slope = parts[k, y, window[2] : window[3]], by[3 + k] * along[y]
            for x in range(len(weights)):
                line[x] += slope * weights[x]
