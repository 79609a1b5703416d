"""``ontogym fractals``: images of iterated function systems."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

import tyro

from ontogym.cli.image_sets import MakeImageSet
from ontogym.studies.wave_pretraining.fractals import FractalRecipe

__all__ = ["FractalsDataset"]


@dataclass(frozen=True)
class FractalsDataset(MakeImageSet):
    """Draw a labelled image set of iterated function systems, after FractalDB: the comparator of waves.

    A run that was stopped, however it was stopped, goes on with the same command; finished classes are kept.
    """

    sources: ClassVar[tuple[str, ...]] = ("2101.08515",)
    recipe: Annotated[FractalRecipe, tyro.conf.arg(name="")] = field(default_factory=FractalRecipe)

    def shown(self) -> dict[str, Any]:
        return self.estimated(self.recipe)

    def work(self) -> dict[str, Any]:
        """Make the set."""
        return self.make(self.recipe)
