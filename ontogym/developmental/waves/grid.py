"""The hexagonal mosaic of amacrine cells, and how its cells are coupled."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError, whole_number

__all__ = ["MAX_RADIUS", "PITCH_UM", "HexGrid", "dendritic_overlap", "hex_distance", "within"]

PITCH_UM = 34.0
"""Distance between neighbouring cells."""
MAX_RADIUS = 1024
_ROW_UM = PITCH_UM * math.sqrt(3) / 2


class HexGrid:
    """Cells of a circular retina on a hexagonal grid, in axial coordinates (x, y).

    ``X = 34 x + 17 y`` and ``Y = 34 (sqrt(3) / 2) y`` micrometres; a hexagon of `radius` rings is cut to a circle of
    radius ``(radius + 1/2) * 34 * sqrt(3) / 2``. Cells are in order of y, then of x. Grids are made once per radius and
    shared; their arrays are read-only.

    Args:
        radius: rings around the central cell: 36 gives 3 643 cells, 64 gives 11 323, 256 gives 179 017.

    Attributes:
        cells: number of cells C.
        axial: ``(C, 2)`` int32.
        position_um: ``(C, 2)`` float64, from the centre.
        radius_um: radius of the circle.
        area_mm2: area of the cells (a hexagon each).

    Raises:
        OntogymError: `radius` is no whole number from 1 to 1024.
    """

    radius: int
    cells: int
    axial: NDArray[np.int32]
    position_um: NDArray[np.float64]
    radius_um: float
    area_mm2: float

    def __new__(cls, radius: int = 36) -> HexGrid:
        return _grid(whole_number("A retina's radius", radius, 1, MAX_RADIUS, of="cells"))

    def __reduce__(self) -> tuple[Any, ...]:
        return HexGrid, (self.radius,)

    def __repr__(self) -> str:
        return f"HexGrid({self.radius})"

    @functools.cached_property
    def index(self) -> NDArray[np.int32]:
        """``(2R + 1, 2R + 1)``: the cell at ``[y + R, x + R]``, -1 where there is none."""
        side = 2 * self.radius + 1
        table = np.full((side, side), -1, dtype=np.int32)
        table[self.axial[:, 1] + self.radius, self.axial[:, 0] + self.radius] = np.arange(self.cells)
        return _frozen(table)

    def raster(self, size: int) -> NDArray[np.int32]:
        """``(size, size)`` int32: the cell nearest to each pixel of the square inscribed in the retina.

        Row 0 is the top (largest Y). Pixels are points in the middle of equal squares.

        Raises:
            OntogymError: `size` is below 1 or above ``2 radius + 1``, the number of cells across.
        """
        across = 2 * self.radius + 1
        if not isinstance(size, (int, np.integer)) or not 1 <= size <= across:
            raise OntogymError(
                f"A picture of {size!r} pixels a side does not suit a retina of radius {self.radius}; "
                f"give 1 to {across} pixels (the cells across), or a larger radius."
            )
        return _raster(self.radius, int(size))


@functools.lru_cache(maxsize=16)
def _grid(radius: int) -> HexGrid:
    grid = object.__new__(HexGrid)
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    position = np.stack([PITCH_UM * x + PITCH_UM / 2 * y, _ROW_UM * y], axis=-1)
    grid.radius, grid.radius_um = radius, (radius + 0.5) * _ROW_UM
    inside = (hex_distance(x, y) <= radius) & (np.hypot(*np.moveaxis(position, -1, 0)) < grid.radius_um)
    grid.axial = _frozen(np.stack([x[inside], y[inside]], axis=1).astype(np.int32))
    grid.position_um = _frozen(position[inside])
    grid.cells = len(grid.axial)
    grid.area_mm2 = grid.cells * PITCH_UM * _ROW_UM * 1e-6
    return grid


@functools.lru_cache(maxsize=64)
def _raster(radius: int, size: int) -> NDArray[np.int32]:
    grid = _grid(radius)
    side = math.sqrt(2) * grid.radius_um
    middle = ((np.arange(size) + 0.5) / size - 0.5) * side
    x, y = nearest_axial(*np.meshgrid(middle, -middle))
    inside = hex_distance(x, y) <= radius
    cell = np.where(inside, grid.index[np.where(inside, y, 0) + radius, np.where(inside, x, 0) + radius], -1)
    # Pixels in the square's corners can be nearest to a place just outside the circle, where there is no cell.
    for row, column in np.argwhere(cell < 0):
        away = grid.position_um - (middle[column], -middle[row])
        cell[row, column] = np.einsum("ij,ij->i", away, away).argmin()
    return _frozen(cell.astype(np.int32))


def nearest_axial(
    x_um: NDArray[np.float64], y_um: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Axial coordinates of the grid point nearest to each place (rounding in cube coordinates)."""
    y = y_um / _ROW_UM
    x = x_um / PITCH_UM - y / 2
    z = -x - y
    rx, ry, rz = np.rint(x), np.rint(y), np.rint(z)
    dx, dy, dz = np.abs(rx - x), np.abs(ry - y), np.abs(rz - z)
    fix_x = (dx > dy) & (dx > dz)
    fix_y = ~fix_x & (dy > dz)
    return (
        np.where(fix_x, -ry - rz, rx).astype(np.int64),
        np.where(fix_y, -rx - rz, ry).astype(np.int64),
    )


def hex_distance(x: Any, y: Any) -> Any:
    """Rings between the origin and the cell at axial (x, y)."""
    return np.maximum(np.maximum(np.abs(x), np.abs(y)), np.abs(x + y))


def within(index: NDArray[np.integer], axial: NDArray[np.int32], rings: int) -> NDArray[np.int32]:
    """What a table holds within so many rings of each cell, itself left out: ``(C, 3 rings (rings + 1))``.

    Args:
        index: as `HexGrid.index`, its middle at axial (0, 0), -1 where there is nothing.
        axial: ``(C, 2)``.
        rings: how far.

    Returns:
        The entries that there are, then -1.
    """
    y, x = np.mgrid[-rings : rings + 1, -rings : rings + 1]
    ring = hex_distance(x, y)
    offsets = np.stack([x, y], axis=-1)[(ring > 0) & (ring <= rings)]
    place = axial + (len(index) // 2 + rings)
    table = np.pad(index, rings, constant_values=-1)
    found = np.stack([table[place[:, 1] + dy, place[:, 0] + dx] for dx, dy in offsets], axis=1)
    # The gaps last, so that a loop may stop at the first.
    order = np.argsort(found < 0, axis=1, kind="stable")
    return np.ascontiguousarray(np.take_along_axis(found, order, axis=1).astype(np.int32))


def dendritic_overlap(distance_um: Any, radius_um: float) -> Any:
    """Overlap of two discs of `radius_um` at `distance_um`, as a share of one disc: 1 at 0, 0 from two radii on."""
    half = np.minimum(np.asarray(distance_um) / 2, radius_um)
    lens = 2 * (radius_um**2 * np.arccos(half / radius_um) - half * np.sqrt(radius_um**2 - half**2))
    return lens / (math.pi * radius_um**2)


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array
