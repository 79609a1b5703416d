"""Pictures of a retina: the square inscribed in it, turned and mirrored, nearest neighbour, one bit a pixel.

A retina is a disc, so the square inscribed in it stays inside whatever angle it is turned by: rotation here means any
angle, uniform on the circle, not only the four that map the pixel grid onto itself. (With four, and a hexagonal grid
sampled always along the same axes, sampling artefacts would have an orientation that filters can learn.)
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

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
        self._table = np.full((2 * radius + 1, 2 * radius + 1), -1, np.int32)
        self._table[axial[:, 0] + radius, axial[:, 1] + radius] = np.arange(len(axial))
        rim = (radius + 0.5) * ROW_UM
        self._side_um = rim * 2**0.5
        # A point closer to the centre than this lies in the hexagon of some cell of the disc.
        self._reach_um = rim - PITCH_UM / 3**0.5
        self.pixels_per_cell = size**2 / (self._side_um**2 / (PITCH_UM * ROW_UM))

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
        frames = len(active)
        pixels = np.zeros((frames, self.size * self.size), np.uint8)
        _sample(
            np.ascontiguousarray(active),
            self._table,
            np.cos(angles),
            np.sin(angles),
            np.where(mirrored, -1.0, 1.0),
            self._side_um / self.size,
            self._reach_um,
            self.size,
            pixels,
        )
        return np.packbits(pixels, axis=1), pixels.sum(1, dtype=np.int64)


@numba.njit(cache=True, inline="always")
def _nearest(q: float, r: float) -> Any:
    """The cell whose hexagon holds fractional axial coordinates (q, r): round the three cube coordinates, then
    mend the one that was rounded the most, so that they sum to zero again."""
    s = -q - r
    a, b, c = np.floor(q + 0.5), np.floor(r + 0.5), np.floor(s + 0.5)
    da, db, dc = abs(a - q), abs(b - r), abs(c - s)
    if da > db and da > dc:
        a = -b - c
    elif db > dc:
        b = -a - c
    return int(a), int(b)


@numba.njit(cache=True, nogil=True)
def _sample(
    active: Any,
    table: Any,
    cosines: Any,
    sines: Any,
    signs: Any,
    step: float,
    reach: float,
    size: int,
    pixels: Any,
) -> None:
    radius = table.shape[0] // 2
    middle = 0.5 * (size - 1)
    for f in range(len(active)):
        for i in range(size):
            v = (middle - i) * step
            for j in range(size):
                u = signs[f] * (j - middle) * step
                x = cosines[f] * u - sines[f] * v
                y = sines[f] * u + cosines[f] * v
                distance = x * x + y * y
                if distance > reach * reach:
                    # The outermost tips of the corners are drawn in by less than one cell.
                    shrink = reach / np.sqrt(distance)
                    x *= shrink
                    y *= shrink
                r = y / ROW_UM
                a, b = _nearest((x - 0.5 * PITCH_UM * r) / PITCH_UM, r)
                if abs(a) <= radius and abs(b) <= radius:
                    cell = table[a + radius, b + radius]
                    if cell >= 0 and active[f, cell]:
                        pixels[f, i * size + j] = 1
