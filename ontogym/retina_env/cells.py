"""The ganglion cells of a simulated retina: a table of types as data, and an animal drawn from it by a seed."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.seeding import generator

__all__ = ["CELL_TYPES", "FIELD_UM", "MOSAIC_CELLS", "CellType", "Cells", "draw_cells", "draw_mosaics"]

FIELD_UM = 3200.0
"""Side of the projected image on the retina (Leong et al. 2024, Visual stimulation)."""
_MARGIN_UM = 350.0
"""No receptive-field centre lies nearer to the edge, so that its surround is on the screen."""


class CellType(NamedTuple):
    """One type of mouse retinal ganglion cell.

    Attributes:
        n: cells in one retina.
        on, off: how strongly ON and OFF bipolar cells drive it.
        diameter_um: range of the diameter of the receptive-field centre, four SDs of its Gaussian.
        rectification: 0, subunits summed linearly, to 1, each rectified before the sum.
        surround: strength of inhibition of the same polarity from the surround.
        crossover: strength of inhibition of the other polarity from the centre.
        max_spikes: saturation, spikes in 400 ms.
    """

    n: int
    on: float
    off: float
    diameter_um: tuple[float, float]
    rectification: float
    surround: float
    crossover: float
    max_spikes: float


CELL_TYPES: dict[str, CellType] = {
    "ON sustained alpha": CellType(10, 1.0, 0.0, (250, 330), 0.35, 0.5, 0.2, 24),
    "OFF sustained alpha": CellType(10, 0.0, 1.0, (220, 300), 0.6, 0.5, 0.2, 22),
    "OFF transient alpha": CellType(10, 0.0, 1.0, (280, 380), 1.0, 0.3, 0.1, 14),
    "ON transient small": CellType(8, 1.0, 0.0, (160, 220), 0.9, 0.5, 0.2, 14),
    "OFF small": CellType(8, 0.0, 1.0, (150, 220), 0.8, 0.5, 0.2, 14),
    "ON-OFF direction selective": CellType(8, 0.7, 0.5, (180, 260), 1.0, 0.6, 0.0, 12),
    "W3": CellType(6, 0.6, 0.6, (130, 180), 1.0, 1.0, 0.0, 10),
}
"""The 60 cells of a retina. Diameters are typical values of the mouse literature, not measurements of one paper."""

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Cells:
    """N cells; every field is ``(N,)``. Lengths are in micrometres from the upper left corner of the image.

    Attributes:
        types: names of the types, in the order of the table.
        x, y: centre of the receptive field, to the right and downwards.
        sigma: SD of the centre's Gaussian; it is `stretch` times longer along `angle` (radians) and as much
            shorter across.
        on, off, rectification, surround, crossover, max_spikes: as in `CellType`, with the cell's own deviation.
        threshold: drive, in SDs over natural scenes, where firing begins.
        base: spikes in 400 ms without drive.
    """

    types: tuple[str, ...]
    x: Vector
    y: Vector
    sigma: Vector
    stretch: Vector
    angle: Vector
    on: Vector
    off: Vector
    rectification: Vector
    surround: Vector
    crossover: Vector
    max_spikes: Vector
    threshold: Vector
    base: Vector

    def __len__(self) -> int:
        return len(self.types)


def draw_cells(seed: int, table: dict[str, CellType] | None = None) -> Cells:
    """The cells of animal `seed`, type by type."""
    kinds = CELL_TYPES if table is None else table
    rng = generator(seed, "retina", "cells")
    names = tuple(name for name, kind in kinds.items() for _ in range(kind.n))
    n = len(names)

    def column(field: str) -> Vector:
        return np.array([getattr(kinds[name], field) for name in names], dtype=np.float64)

    low, high = np.array([kinds[name].diameter_um for name in names], dtype=np.float64).T
    return Cells(
        names,
        x=rng.uniform(_MARGIN_UM, FIELD_UM - _MARGIN_UM, n),
        y=rng.uniform(_MARGIN_UM, FIELD_UM - _MARGIN_UM, n),
        sigma=rng.uniform(low, high) / 4,
        stretch=np.exp(rng.normal(0, 0.12, n)),
        angle=rng.uniform(0, np.pi, n),
        on=column("on"),
        off=column("off"),
        rectification=np.clip(column("rectification") + rng.normal(0, 0.1, n), 0, 1),
        surround=column("surround") * rng.uniform(0.8, 1.2, n),
        crossover=column("crossover"),
        max_spikes=column("max_spikes") * np.exp(rng.normal(0, 0.3, n)),
        threshold=0.3 + rng.normal(0, 0.15, n),
        base=rng.uniform(0.2, 1.2, n),
    )


MOSAIC_CELLS = 300
"""Cells that are recorded of an animal with mosaics."""
_MOSAIC_SHARE = 8
"""Cells of each type are drawn so many times as often as in a retina of 60; four in ten of them are lost or missed."""
_JITTER = 0.15


def draw_mosaics(seed: int) -> Cells:
    """The recorded cells of an animal whose types each tile the picture, and who differs from other animals.

    Every type lies on a hexagonal lattice of its own (turned, moved, jittered by .15 of its spacing). What differs
    between animals: the scale of all receptive fields (log-normal, SD .15), the share of ON and of OFF cells that has
    survived (each .65 to 1), gain (log-normal, SD .25) and surround (SD .2), where firing begins (SD .15 of the drive's
    SD) and how much subunits rectify (SD .12). `MOSAIC_CELLS` of the survivors are recorded.
    """
    rng = generator(seed, "retina", "mosaics")
    table = {name: kind._replace(n=_MOSAIC_SHARE * kind.n) for name, kind in CELL_TYPES.items()}
    cells = draw_cells(seed, table)
    scale, gain, surround = np.exp(rng.normal(0, (0.15, 0.25, 0.2)))
    shift, rectification = rng.normal(0, (0.15, 0.12))
    survival = rng.uniform(0.65, 1, 2)
    places = np.concatenate([_lattice(kind.n, rng) for kind in table.values()])
    lost = rng.uniform(size=len(cells)) > np.where(cells.on >= cells.off, *survival)
    left = np.flatnonzero(~lost)
    kept = np.sort(rng.permutation(left)[:MOSAIC_CELLS])
    changed = {
        "x": places[:, 0],
        "y": places[:, 1],
        "sigma": cells.sigma * scale,
        "max_spikes": cells.max_spikes * gain,
        "surround": cells.surround * surround,
        "threshold": cells.threshold + shift,
        "rectification": np.clip(cells.rectification + rectification, 0, 1),
    }
    columns = {
        f.name: changed.get(f.name, getattr(cells, f.name)) for f in fields(Cells) if f.name != "types"
    }
    return Cells(
        tuple(cells.types[k] for k in kept), **{name: values[kept] for name, values in columns.items()}
    )


def _lattice(count: int, rng: np.random.Generator) -> Vector:
    """`count` points of a jittered hexagonal lattice that fills the field but for its margin, ``(count, 2)``."""
    side = FIELD_UM - 2 * _MARGIN_UM
    spacing = np.sqrt(side * side / count * 2 / np.sqrt(3))
    at = np.arange(-int(2 * side / spacing), int(2 * side / spacing) + 1)
    row, column = np.meshgrid(at, at, indexing="ij")
    grid = np.stack([column + 0.5 * row, row * np.sqrt(3) / 2], -1).reshape(-1, 2) * spacing
    grid = grid + rng.normal(0, _JITTER * spacing, grid.shape) + rng.uniform(0, spacing, 2)
    angle = rng.uniform(0, np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = grid @ turn.T
    # Of a turned lattice not exactly `count` points fall into the square: the nearest to its middle do.
    nearest = np.argsort(np.abs(points).max(1))[:count]
    inside = points[nearest] * min(1.0, side / 2 / np.abs(points[nearest]).max())
    return np.asarray(inside + FIELD_UM / 2)
