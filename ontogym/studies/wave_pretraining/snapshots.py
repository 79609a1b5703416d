"""Pictures of a retina: the square inscribed in it, turned and mirrored, nearest neighbour, one bit a pixel.

A retina is a disc, so the square inscribed in it stays inside whatever angle it is turned by: rotation here means any
angle, uniform on the circle, not only the four that map the pixel grid onto itself. (With four, and a hexagonal grid
sampled always along the same axes, sampling artefacts would have an orientation that filters can learn.)
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.compiling import njit

__all__ = ["Camera"]

PITCH_UM = 34.0
ROW_UM = PITCH_UM * 3**0.5 / 2


class Camera:
    """Takes packed binary pictures of `size` x `size` pixels.

    Args:
        axial: ``(C, 2)`` axial coordinates of the cells of a hexagonal grid cut to a circle.
        radius: of the retina, in cells.
        size: pixels a side.
    """

    def __init__(self, axial: NDArray[np.integer], radius: int, size: int) -> None:
        self.size = size
        self._radius = radius
        # Cell under each pair of axial coordinates; where there is none, no pixel lies (see `reach`).
        self._table = np.zeros((2 * radius + 1, 2 * radius + 1), np.int32)
        self._table[axial[:, 0] + radius, axial[:, 1] + radius] = np.arange(len(axial))
        rim = (radius + 0.5) * ROW_UM
        side = rim * 2**0.5
        at = ((np.arange(size) + 0.5) / size - 0.5) * side
        u, v = np.meshgrid(at, -at)
        # Any point up to here lies in the hexagon of a cell; the outermost tips of the corners, which do not, are
        # drawn in, by less than one cell.
        reach = rim - PITCH_UM / 3**0.5
        shrink = np.minimum(1.0, reach / np.maximum(np.hypot(u, v), 1e-9))
        self._u, self._v = ((w * shrink).ravel().astype(np.float32) for w in (u, v))
        self.pixels_per_cell = size**2 / (side**2 / (PITCH_UM * ROW_UM))

    def shoot(
        self, active: NDArray[np.bool_], angles: NDArray[np.floating], mirrored: NDArray[np.bool_]
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """One picture per frame.

        Args:
            active: ``(F, C)``, which cells are white.
            angles: ``(F,)`` radians by which the square is turned.
            mirrored: ``(F,)``, whether left and right are exchanged.

        Returns:
            Packed pictures ``(F, bytes)`` and their numbers of white pixels ``(F,)``.
        """
        cosine, sine = np.cos(angles), np.sin(angles)
        sign = np.where(mirrored, -1.0, 1.0)
        # Axial coordinates are linear in those of the square: r = y / row, q = (x - r pitch / 2) / pitch.
        r = np.stack([sine * sign, cosine]) / ROW_UM
        q = np.stack([cosine * sign, -sine]) / PITCH_UM - r / 2
        pixels = np.empty((len(active), self.size * self.size), np.uint8)
        to_axial = np.concatenate([q, r]).T.astype(np.float32)
        _sample(np.ascontiguousarray(active).view(np.uint8), self._table, self._u, self._v, to_axial, pixels)
        return np.packbits(pixels, axis=1), np.count_nonzero(pixels, axis=1)


@njit(cache=True)
def _sample(active: Any, table: Any, u: Any, v: Any, to_axial: Any, pixels: Any) -> None:
    cells = table.ravel()
    at = np.empty(len(u), np.int32)
    for f in range(len(active)):
        _locate(u, v, to_axial[f], np.int32(table.shape[0]), at)
        _gather(active[f], cells, at, pixels[f])


@njit(cache=True)
def _locate(u: Any, v: Any, to_axial: Any, width: Any, at: Any) -> None:
    """Index into the table of the hexagon that each point lies in.

    All in 32 bits and without branches, so that the compiler makes vector instructions of it.
    """
    radius = width // np.int32(2)
    half = np.float32(0.5)
    qu, qv, ru, rv = to_axial
    for p in range(len(u)):
        q = qu * u[p] + qv * v[p]
        r = ru * u[p] + rv * v[p]
        s = -q - r
        # Round the three cube coordinates, then mend the one that was rounded the most: their sum is zero.
        a, b, c = np.floor(q + half), np.floor(r + half), np.floor(s + half)
        da, db, dc = abs(a - q), abs(b - r), abs(c - s)
        mend_a = (da > db) & (da > dc)
        mend_b = (db > dc) & ~mend_a
        a = -b - c if mend_a else a
        b = -a - c if mend_b else b
        at[p] = (np.int32(a) + radius) * width + np.int32(b) + radius


@njit(cache=True)
def _gather(active: Any, cells: Any, at: Any, pixels: Any) -> None:
    for p in range(len(at)):
        # Unsigned: a signed index would be looked at for being negative.
        pixels[p] = active[np.uint32(cells[np.uint32(at[p])])]
