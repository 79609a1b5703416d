"""Pictures of the retina: which cells are depolarised, as white on black, or how much calcium they hold, as grey."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.developmental.waves.grid import HexGrid
from ontogym.errors import OntogymError

__all__ = ["render"]


def render(grid: HexGrid, active: NDArray[Any], size: int) -> NDArray[np.uint8]:
    """Nearest-neighbour pictures of the square inscribed in the retina.

    Args:
        grid: the retina's grid of C cells.
        active: ``(..., C)``, true where a cell is depolarised; or floats, a level from 0 to 1.
        size: pixels a side, at most ``2 radius + 1``.

    Returns:
        ``(..., size, size)`` uint8: 255 where depolarised or at the highest level.

    Raises:
        OntogymError: `active` is of another retina or has levels beyond 0 and 1, or `size` does not suit this one.
    """
    active = np.asarray(active)
    if active.ndim == 0 or active.shape[-1] != grid.cells:
        raise OntogymError(
            f"Activity of shape {active.shape} is not of a retina of radius {grid.radius}; "
            f"its last axis must be the {grid.cells} cells."
        )
    if active.dtype.kind == "f":
        levels = (255 * active).round()
        if not ((levels >= 0) & (levels <= 255)).all():
            raise OntogymError(
                f"Levels to be drawn reach from {active.min():g} to {active.max():g}; they must be from 0 to 1: divide by the highest."
            )
        lit = levels.astype(np.uint8)
    else:
        lit = (active.view(np.uint8) if active.dtype == np.bool_ else active != 0) * np.uint8(255)
    return np.take(lit, grid.raster(size), axis=-1)
