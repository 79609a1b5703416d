"""``ontogym fractals``: images of iterated function systems."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

import tyro

from ontogym.cli.image_sets import MakeImageSet
from ontogym.studies.wave_pretraining.fractals import FractalRecipe

__all__ = ["FractalsDataset"]


@dataclass(frozen=True)
class FractalsDataset(MakeImageSet):
    """Draw a labelled image set of iterated function systems, after FractalDB: the comparator of waves.

    A run that was stopped, however it was stopped, goes on with the same command; finished classes are kept.
    """

    recipe: Annotated[FractalRecipe, tyro.conf.arg(name="")] = field(default_factory=FractalRecipe)

    def run(self) -> dict[str, Any]:
        """Make the set, or say what it would take."""
        return self.make(self.recipe)
