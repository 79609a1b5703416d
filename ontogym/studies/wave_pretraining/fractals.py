"""Images of iterated function systems, after FractalDB: the comparator for pre-training without natural images.

After Kataoka et al. 2020 ("Pre-training without natural images", ACCV). A class is an iterated function system: 2 to
8 random affine maps of the plane, each a contraction, chosen with a probability proportional to its determinant; a
system is a class if its attractor fills more than a fifth of the image. An instance scales one of the six
coefficients of all maps by 0.8 to 1.2 (25 variations), mirrors the image (4) and draws every point as one of several
random 3 x 3 patches.

Departs from FractalDB: maps that are no contractions are drawn again (there, systems whose points run away are thrown
away later), and a variation that would be none is shrunk to one; classes are drawn independently, each from a seed of
its own, so they can be made in any order. Validation images have patches that no training image has; a fractal has no
time to split by. Images are drawn at 256 pixels or more and averaged down: drawn small they would be blots.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import check_ranges
from ontogym.seeding import derive, generator
from ontogym.studies.wave_pretraining.building import ClassImages, check_split
from ontogym.studies.wave_pretraining.image_set import pack

__all__ = ["FractalRecipe"]

GENERATOR = 1
"""Raised whenever the same configuration gives other images than before."""
CANVAS = 256
"""Least size at which images are drawn."""
_VARIATIONS, _MIRRORS = 25, 4


@dataclass(frozen=True)
class FractalRecipe:
    """What a data set of fractals is made of; a `Recipe`.

    Attributes:
        classes: iterated function systems.
        per_class: instances of each, validation included.
        size: pixels a side.
        points: points drawn per image; 1.5 a pixel of the canvas, which is at least 256 pixels wide, if not given.
        validation: fraction of the instances kept for validation.
        seed: decides all chance.

    Raises:
        OntogymError: a value out of range.
    """

    classes: int = 1000
    per_class: int = 1000
    size: int = 64
    points: int | None = None
    validation: float = 0.2
    seed: int = 0

    bits = 8

    def __post_init__(self) -> None:
        check_ranges(self, classes=(1, 100_000), size=(8, 1024), points=(1, 10**8))
        check_split(self.per_class, self.validation)

    @property
    def name(self) -> str:
        return f"fractals-{self.classes}"

    def config(self) -> dict[str, Any]:
        return {"kind": "fractals", "generator": GENERATOR, **dataclasses.asdict(self)}

    def class_names(self) -> list[str]:
        return [f"{label:05d}" for label in range(self.classes)]

    def make(self, label: int) -> ClassImages:
        """Find the class's system, then draw its instances."""
        from ontogym.studies.wave_pretraining.iterated_systems import random_system

        system, attempts = random_system(derive(self.seed, "fractal", label))
        n_validation = round(self.per_class * self.validation)
        images = np.stack([self._instance(system, label, k) for k in range(self.per_class)])
        rows = pack(images, 8)
        cut = self.per_class - n_validation
        facts = {"maps": system.round(6).tolist(), "attempts": attempts, "split": "patches"}
        return ClassImages(rows[:cut], rows[cut:], facts)

    def _instance(self, system: NDArray[np.float64], label: int, k: int) -> NDArray[np.uint8]:
        """Instance k: variations turn over fastest, then mirrors, then patches."""
        from ontogym.studies.wave_pretraining.iterated_systems import draw, iterate, varied

        cut = self.per_class - round(self.per_class * self.validation)
        position, patches = (k, slice(0, 400)) if k < cut else (k - cut, slice(400, 511))
        variation, mirror = position % _VARIATIONS, position // _VARIATIONS % _MIRRORS
        # All patches but the empty one, in an order of the class's own.
        order = generator(self.seed, "fractal-patches", label).permutation(511)[patches] + 1
        bits = order[position // (_VARIATIONS * _MIRRORS) % len(order)]
        patch = ((bits >> np.arange(9)) & 1).astype(np.uint8).reshape(3, 3)
        fold = -(-CANVAS // self.size)
        canvas = fold * self.size
        count = self.points or round(1.5 * canvas**2)
        points = iterate(varied(system, variation), count, derive(self.seed, label, k))
        image = draw(points, canvas, patch)
        sums = np.add.reduceat(image, np.arange(0, canvas, fold), 0, dtype=np.uint32)
        sums = np.add.reduceat(sums, np.arange(0, canvas, fold), 1)
        return (sums // fold**2).astype(np.uint8)[:: -1 if mirror & 1 else 1, :: -1 if mirror & 2 else 1]
