"""Receptive fields: how the cells of a retina become any number of sensory channels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.developmental.waves.grid import PITCH_UM, HexGrid
from ontogym.errors import UnknownNameError

__all__ = ["ARRANGEMENTS", "field_centres", "field_width_um", "receptive_fields"]

ARRANGEMENTS = ("sunflower", "grid")
_CUT = 3.0
"""Fields end at so many standard deviations: beyond lie 1.1 % of a Gaussian's weight."""


def receptive_fields(grid: HexGrid, channels: int, arrangement: str = "sunflower") -> Any:
    """Gaussian receptive fields that tile a retina evenly.

    Args:
        grid: the retina's `HexGrid`.
        channels: O, from 1 to any number.
        arrangement: where their centres lie, see `field_centres`.

    Returns:
        A SciPy CSR matrix ``(O, C)`` float32 whose rows sum to 1: times the activity of the cells, the part of
        each field that is active.
    """
    from scipy import sparse
    from scipy.spatial import cKDTree

    place = grid.position_um
    centres = field_centres(grid, channels, arrangement)
    width = field_width_um(grid, channels, arrangement)
    near = cKDTree(place).query_ball_point(centres, _CUT * width, return_sorted=True)
    counts = np.array([len(cells) for cells in near])
    columns = np.concatenate([np.asarray(cells, dtype=np.int64) for cells in near])
    rows = np.repeat(np.arange(channels), counts)
    weights = np.exp(-((place[columns] - centres[rows]) ** 2).sum(1) / (2.0 * width**2))
    weights /= np.bincount(rows, weights, channels)[rows]
    return sparse.csr_matrix((weights.astype(np.float32), (rows, columns)), shape=(channels, len(place)))


def field_centres(grid: HexGrid, channels: int, arrangement: str = "sunflower") -> NDArray[np.float64]:
    """Centres ``(O, 2)`` in the retina's µm.

    ``"sunflower"``: Vogel's spiral (1979) over the whole disc, equally dense for any number of channels, the first
    ones in the middle; neighbouring channels are no neighbours. ``"grid"``: rows and columns of the square inscribed
    in the disc, as square as the number allows, channels row by row from the upper left: for observations that are
    pictures.

    Raises:
        UnknownNameError: another arrangement.
    """
    if arrangement not in ARRANGEMENTS:
        raise UnknownNameError("arrangement of receptive fields", str(arrangement), ARRANGEMENTS)
    radius = grid.radius_um
    if arrangement == "sunflower":
        k = np.arange(channels)
        # A single field looks from the middle; the spiral would put it at .7 of the radius.
        r = radius * np.sqrt((k + 0.5) / channels) if channels > 1 else np.zeros(1)
        turn = k * math.pi * (3.0 - math.sqrt(5.0))
        return np.stack([r * np.cos(turn), r * np.sin(turn)], axis=1)
    height = next(h for h in range(math.isqrt(channels), 0, -1) if channels % h == 0)
    width, side = channels // height, radius * math.sqrt(2.0)
    x = ((np.arange(width) + 0.5) / width - 0.5) * side
    y = (0.5 - (np.arange(height) + 0.5) / height) * side
    return np.stack([np.tile(x, height), np.repeat(y, width)], axis=1)


def field_width_um(grid: HexGrid, channels: int, arrangement: str = "sunflower") -> float:
    """Standard deviation of the fields: half the side of a channel's share of the area, at least half a cell.

    So the fields of neighbours overlap and every cell is seen.
    """
    area = (math.pi if arrangement == "sunflower" else 2.0) * grid.radius_um**2
    return max(0.5 * math.sqrt(area / channels), 0.5 * PITCH_UM)
