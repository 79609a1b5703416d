"""How the kernel stores a retina: tiles of 8 by 8 cells, so that a wave wakes few of them.

The axial coordinates of a retina fill a square of ``2R + 1``; with a margin of the coupling's rings around it, every
neighbour of a cell lies at a constant distance in memory, inside the array. The margins are rounded up to whole
tiles. Places without a cell hold a threshold that no excitation reaches.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.developmental.waves.fixed_point import coupling_table, drive, noise_table, rates
from ontogym.developmental.waves.grid import HexGrid
from ontogym.developmental.waves.parameters import WaveParameters

TILE_WIDTH, TILE_HEIGHT = 8, 8
TILE = TILE_WIDTH * TILE_HEIGHT


class Layout(NamedTuple):
    """Where cells are, and who their neighbours are (arrays are read-only).

    ``place`` is a position in the padded row-major square (``height`` x ``width``); ``slot`` is a position in the
    tiles, ``tile * 64 + row in tile * 8 + column in tile``.
    """

    width: int
    height: int
    place: NDArray[np.int32]
    """``(C,)``: where each cell's input is summed."""
    slot: NDArray[np.int32]
    """``(C,)``: where each cell's state is."""
    cell: NDArray[np.int32]
    """``(tiles * 64,)``: the cell in each slot, -1 for none."""
    origin: NDArray[np.int32]
    """``(tiles,)``: place of each tile's first cell."""
    living: NDArray[np.int32]
    """Tiles that hold any cell."""
    reach: int
    """Rings of margin."""
    row_start: NDArray[np.int32]
    """``(rows,)``: distance in memory from a cell to the first neighbour of each row of neighbours."""
    row_length: NDArray[np.int32]
    row_weight: NDArray[np.int32]
    """``(rows, 2 reach + 1)``."""
    decay: NDArray[np.float64]
    """``(C,)``: mean decay of the threshold per step."""
    noise: NDArray[np.float64]

    @property
    def tiles(self) -> int:
        """Number of tiles."""
        return len(self.origin)


@functools.lru_cache(maxsize=32)
def layout(parameters: WaveParameters, radius: int) -> Layout:
    """The layout of a retina (cached)."""
    grid, table = HexGrid(radius), coupling_table(parameters)
    reach, side = len(table) // 2, 2 * radius + 1 + 2 * (len(table) // 2)
    width, height = -(-side // TILE_WIDTH) * TILE_WIDTH, -(-side // TILE_HEIGHT) * TILE_HEIGHT
    x, y = grid.axial[:, 0] + (radius + reach), grid.axial[:, 1] + (radius + reach)
    across = width // TILE_WIDTH
    tile = (y // TILE_HEIGHT) * across + x // TILE_WIDTH
    slot = tile * TILE + (y % TILE_HEIGHT) * TILE_WIDTH + x % TILE_WIDTH
    tiles = across * (height // TILE_HEIGHT)
    cell = np.full(tiles * TILE, -1, dtype=np.int32)
    cell[slot] = np.arange(grid.cells)
    number = np.arange(tiles)
    origin = (number // across) * TILE_HEIGHT * width + (number % across) * TILE_WIDTH
    starts, lengths, weights = _rows(table, width)
    parts = Layout(
        width,
        height,
        (y * width + x).astype(np.int32),
        slot.astype(np.int32),
        cell,
        origin.astype(np.int32),
        np.unique(tile).astype(np.int32),
        reach,
        starts,
        lengths,
        weights,
        rates(parameters).decay * drive(grid, parameters),
        noise_table(),
    )
    for part in parts:
        if isinstance(part, np.ndarray):
            part.flags.writeable = False
    return parts


def _rows(
    table: NDArray[np.int32], width: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """The couplings row by row: where each row of neighbours starts, how long it is, and its weights."""
    reach = len(table) // 2
    starts, lengths, weights = [], [], []
    for dy, row in zip(range(-reach, reach + 1), table):
        columns = np.flatnonzero(row)
        if len(columns):
            first, last = columns[0], columns[-1] + 1
            starts.append(dy * width + first - reach)
            lengths.append(last - first)
            weights.append(np.pad(row[first:last], (0, len(row) - (last - first))))
    return (
        np.array(starts, dtype=np.int32),
        np.array(lengths, dtype=np.int32),
        np.array(weights, dtype=np.int32).reshape(-1, len(table)),
    )
