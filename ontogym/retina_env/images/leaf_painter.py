"""The painter of dead leaves, compiled: from front to back, and each pixel is painted once."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.compiling import COMPILED, njit

__all__ = ["paint"]

_ECCENTRICITY_SD, _RAMP_SD = 0.3, 0.25


def paint(rng: np.random.Generator, side: int, smallest: float, largest: float) -> NDArray[np.float32]:
    """Elliptical leaves of normal brightness with a ramp across each, until nothing shines through.

    Args:
        rng: drawn from as long as leaves are needed.
        side: side of the canvas, pixels.
        smallest, largest: radii, pixels; density proportional to the radius to the power -3.

    Returns:
        ``(side, side)`` float32.
    """
    canvas = np.empty((side, side), dtype=np.float32)
    # Where the next unpainted pixel of a row is, at or after a column: a path-compressed forest, one a row.
    following = np.tile(np.arange(side + 1, dtype=np.int32), (side, 1))
    _paint(rng, canvas, following, float(smallest), float(largest))
    return canvas


@njit(**COMPILED)
def _paint(rng: Any, canvas: Any, following: Any, smallest: float, largest: float) -> None:
    side = canvas.shape[0]
    left = side * side
    low, high = smallest**-2.0, largest**-2.0
    while left > 0:
        # Inverse of the cumulative distribution of a density r^-3 between the two radii.
        r = (low + rng.random() * (high - low)) ** -0.5
        x, y = rng.random() * (side + largest) - largest / 2, rng.random() * (side + largest) - largest / 2
        # Most leaves are small and miss the canvas, or lie where all is painted: spend nothing more on them.
        # (Three SDs of eccentricity bound the longer axis here; what is cut beyond is one leaf in 370.)
        reach = r * math.exp(3 * _ECCENTRICITY_SD)
        if x + reach < 0 or y + reach < 0 or x - reach > side - 1 or y - reach > side - 1:
            continue
        stretch = math.exp(min(max(rng.normal(0.0, _ECCENTRICITY_SD), -0.9), 0.9))
        angle = rng.random() * math.pi
        value = rng.normal(0.0, 1.0)
        slope, towards = rng.normal(0.0, _RAMP_SD) / r, rng.random() * 2 * math.pi
        left -= _leaf(
            canvas, following, x, y, r * stretch, r / stretch, angle, value,
            slope * math.cos(towards), slope * math.sin(towards),
        )  # fmt: skip


@njit(**COMPILED)
def _leaf(
    canvas: Any, following: Any, x: float, y: float, a: float, b: float, angle: float,
    value: float, ramp_x: float, ramp_y: float,
) -> int:  # fmt: skip
    """Paint what is still free of one ellipse; returns how many pixels that was.

    The ellipse is p dx^2 + 2 q dx dy + s dy^2 <= 1; solved for dx, it gives the span of each row.
    """
    side = canvas.shape[0]
    c, d = math.cos(angle), math.sin(angle)
    p, s = (c / a) ** 2 + (d / b) ** 2, (d / a) ** 2 + (c / b) ** 2
    q = c * d * (1 / a**2 - 1 / b**2)
    tall = math.sqrt((a * d) ** 2 + (b * c) ** 2)
    painted = 0
    for row in range(max(0, math.ceil(y - tall)), min(side - 1, math.floor(y + tall)) + 1):
        dy = row - y
        root = (q * dy) ** 2 - p * (s * dy * dy - 1)
        if root < 0:
            continue
        half, middle = math.sqrt(root) / p, x - q * dy / p
        first, last = max(0, math.ceil(middle - half)), min(side - 1, math.floor(middle + half))
        # A row whose span lies off the canvas has no first column to ask about.
        column = _free(following[row], first) if first <= last else side
        while column <= last:
            canvas[row, column] = value + ramp_x * (column - x) + ramp_y * dy
            following[row, column] = column + 1
            painted += 1
            column = _free(following[row], column + 1)
    return painted


@njit(**COMPILED)
def _free(following: Any, column: int) -> int:
    """The first unpainted column at or after `column` (the side itself if there is none)."""
    root = column
    while following[root] != root:
        root = following[root]
    while following[column] != root:
        following[column], column = root, following[column]
    return root
