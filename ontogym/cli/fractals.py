"""``ontogym fractals``: images of iterated function systems."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

from ontogym.cli.image_sets import make_image_set

__all__ = ["FractalsDataset"]


@dataclass(frozen=True)
class FractalsDataset:
    """Draw a labelled image set of iterated function systems, after FractalDB: the comparator of waves.

    A run that was stopped, however it was stopped, goes on with the same command; finished classes are kept.

    Attributes:
        out: folder of the set.
        classes: iterated function systems.
        per_class: images of each, validation included.
        size: pixels a side.
        points: points drawn per image; 1.5 a pixel of the canvas if not given.
        validation: fraction of images kept for validation.
        format: packed (one memory-mapped file) or png (train/CLASS, val/CLASS).
        workers: processes; 0: one for each core.
        dry_run: make a few classes, print what the whole would take, keep nothing.
        seed: decides all chance.
        json: print one JSON object as the last line.
    """

    out: str | None = None
    classes: int = 1000
    per_class: int = 1000
    size: int = 64
    points: int | None = None
    validation: float = 0.2
    format: Literal["packed", "png"] = "packed"
    workers: int = 0
    dry_run: bool = False
    seed: int = 0
    json: bool = False

    def run(self) -> dict[str, Any]:
        """Make the set, or say what it would take."""
        from ontogym.studies.wave_pretraining.fractals import FractalRecipe

        names = {f.name for f in dataclasses.fields(FractalRecipe)}
        recipe = FractalRecipe(**{name: getattr(self, name) for name in names})
        return make_image_set(recipe, self.out, self.format, self.workers, self.dry_run, self.json)
