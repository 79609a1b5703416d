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

import numba
import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError
from ontogym.seeding import derive, generator
from ontogym.studies.wave_pretraining.building import ClassImages
from ontogym.studies.wave_pretraining.image_set import pack

__all__ = ["FractalRecipe", "filling_rate", "iterate", "random_system"]

GENERATOR = 1
"""Raised whenever the same configuration gives other images than before."""
MIN_FILLING = 0.2
CANVAS = 256
"""Least size at which images are drawn, and the size at which filling rates are measured."""
SEARCH_POINTS = 100_000
_MAX_ATTEMPTS = 10_000
_VARIATIONS, _MIRRORS = 25, 4
_NORM = 0.999


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
        for name, low, high in (
            ("classes", 1, 100_000),
            ("per_class", 1, 10**6),
            ("size", 8, 1024),
            ("points", 1, 10**8),
        ):
            value = getattr(self, name)
            if value is None:
                continue
            if not low <= value <= high:
                raise OntogymError(f"{name}={value} is out of range; choose {low} to {high}.")
        if not 0 <= self.validation < 1 or round(self.per_class * self.validation) >= self.per_class:
            raise OntogymError(
                f"validation={self.validation} leaves nothing to train on; choose a fraction, for example 0.2."
            )

    @property
    def name(self) -> str:
        return f"fractals-{self.classes}"

    def config(self) -> dict[str, Any]:
        return {"kind": "fractals", "generator": GENERATOR, **dataclasses.asdict(self)}

    def class_names(self) -> list[str]:
        return [f"{label:05d}" for label in range(self.classes)]

    def make(self, label: int) -> ClassImages:
        """Find the class's system, then draw its instances."""
        system, attempts = random_system(derive(self.seed, "fractal", label))
        n_validation = round(self.per_class * self.validation)
        images = np.stack([self._instance(system, label, k) for k in range(self.per_class)])
        rows = pack(images, 8)
        cut = self.per_class - n_validation
        return ClassImages(
            rows[:cut],
            rows[cut:],
            {"maps": system.round(6).tolist(), "attempts": attempts, "split": "patches"},
        )

    def _instance(self, system: NDArray[np.float64], label: int, k: int) -> NDArray[np.uint8]:
        """Instance k: variations turn over fastest, then mirrors, then patches."""
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
        points = iterate(_varied(system, variation), count, derive(self.seed, label, k))
        image = _draw(points, canvas, patch)
        sums = np.add.reduceat(image, np.arange(0, canvas, fold), 0, dtype=np.uint32)
        sums = np.add.reduceat(sums, np.arange(0, canvas, fold), 1)
        return (sums // fold**2).astype(np.uint8)[:: -1 if mirror & 1 else 1, :: -1 if mirror & 2 else 1]


def random_system(seed: int) -> tuple[NDArray[np.float64], int]:
    """The first iterated function system of a random sequence that fills more than a fifth of an image.

    Returns:
        Maps ``(2 to 8, 6)`` with the coefficients (a, b, c, d, e, f) of x -> a x + b y + e, y -> c x + d y + f,
        and how many systems were tried.
    """
    rng = np.random.default_rng(seed)
    for attempt in range(1, _MAX_ATTEMPTS + 1):
        system = np.array([_random_map(rng) for _ in range(rng.integers(2, 9))])
        if filling_rate(iterate(system, SEARCH_POINTS, seed), CANVAS) > MIN_FILLING:
            return system, attempt
    raise OntogymError(
        f"None of {_MAX_ATTEMPTS} iterated function systems of seed {seed} fills {MIN_FILLING:.0%} of an image; "
        "choose another seed."
    )


def _random_map(rng: np.random.Generator) -> NDArray[np.float64]:
    while True:
        coefficients = rng.uniform(-1.0, 1.0, 6)
        if np.linalg.norm(coefficients[:4].reshape(2, 2), 2) < _NORM:
            return coefficients


def _varied(system: NDArray[np.float64], variation: int) -> NDArray[np.float64]:
    """Variation 0 is the system itself; the others scale one coefficient of every map by 0.8, 0.9, 1.1 or 1.2."""
    varied = system.copy()
    if variation:
        column, step = divmod(variation - 1, 4)
        varied[:, column] *= (0.8, 0.9, 1.1, 1.2)[step]
        norms = np.linalg.norm(varied[:, :4].reshape(-1, 2, 2), 2, axis=(1, 2))
        varied[:, :4] *= np.minimum(1.0, _NORM / norms)[:, None]
    return varied


def iterate(system: NDArray[np.float64], count: int, seed: int) -> NDArray[np.float64]:
    """`count` points ``(2, count)`` (x, y) of the attractor of a system ``(M, 6)``, by the chaos game."""
    weights = np.abs(system[:, 0] * system[:, 3] - system[:, 1] * system[:, 2]) + 1e-6
    limits = np.cumsum(weights / weights.sum())
    points = np.empty((2, count))
    _chaos_game(system, limits, np.uint64(seed), points)
    return points


def filling_rate(points: NDArray[np.float64], size: int) -> float:
    """Fraction of the pixels of the points' bounding square that hold a point."""
    return float(_draw(points, size, None).mean() / 255)


def _draw(points: NDArray[np.float64], size: int, patch: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    """Points in a ``(size, size)`` image of 0 and 255, each as one pixel or as a 3 x 3 patch."""
    low, high = points.min(1), points.max(1)
    # One scale for both axes: a variation must not be undone by stretching it back.
    scale = (size - 1) / max(float((high - low).max()), 1e-12)
    middle = 0.5 * (size - 1) - 0.5 * scale * (low + high)
    hit = np.zeros((size + 2, size + 2), np.uint8)
    _plot(points, scale, middle + 1.5, hit)
    if patch is None:
        return hit[1:-1, 1:-1] * np.uint8(255)
    image = np.zeros((size, size), np.uint8)
    for dy, dx in zip(*np.nonzero(patch)):
        image |= hit[dy : dy + size, dx : dx + size]
    return image * np.uint8(255)


@numba.njit(cache=True)
def _chaos_game(system: Any, limits: Any, seed: Any, points: Any) -> None:
    x, y = 0.0, 0.0
    word = seed
    for k in range(-100, points.shape[1]):  # the first hundred points are still on their way
        # SplitMix64, as in ontogym.seeding: numba's own generator is shared by everything in the process.
        word += np.uint64(0x9E3779B97F4A7C15)
        z = word
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
        u = (z >> np.uint64(11)) * 2.0**-53
        m = 0
        while m < len(limits) - 1 and u > limits[m]:
            m += 1
        a, b, c, d, e, f = system[m]
        x, y = a * x + b * y + e, c * x + d * y + f
        if k >= 0:
            points[0, k], points[1, k] = x, y


@numba.njit(cache=True)
def _plot(points: Any, scale: float, shift: Any, hit: Any) -> None:
    for k in range(points.shape[1]):
        hit[int(points[1, k] * scale + shift[1]), int(points[0, k] * scale + shift[0])] = 1
