"""The ganglion cells of a simulated retina: a table of types as data, and an animal drawn from it by a seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.seeding import generator

__all__ = ["CELL_TYPES", "FIELD_UM", "CellType", "Cells", "draw_cells"]

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
