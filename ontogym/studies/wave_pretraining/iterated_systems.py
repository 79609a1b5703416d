"""Iterated function systems: drawing them at random, their attractors by the chaos game, and pictures of these.

A system is an array ``(M, 6)`` of the coefficients (a, b, c, d, e, f) of M maps x -> a x + b y + e, y -> c x + d y + f.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.batched.native import uniform
from ontogym.compiling import njit
from ontogym.errors import OntogymError

__all__ = ["draw", "filling_rate", "iterate", "random_system", "varied"]

MIN_FILLING = 0.2
SEARCH_POINTS, SEARCH_SIZE = 100_000, 256
"""Points and pixels a side with which filling rates are measured."""
_MAX_ATTEMPTS = 10_000
_NORM = 0.999


def random_system(seed: int) -> tuple[NDArray[np.float64], int]:
    """The first iterated function system of a random sequence that fills more than a fifth of an image.

    Returns:
        2 to 8 maps ``(m, 6)``: a, b, c, d, e, f of each; and how many systems were tried.

    Raises:
        OntogymError: none of ten thousand does.
    """
    rng = np.random.default_rng(seed)
    for attempt in range(1, _MAX_ATTEMPTS + 1):
        system = np.array([_random_map(rng) for _ in range(rng.integers(2, 9))])
        if filling_rate(iterate(system, SEARCH_POINTS, seed), SEARCH_SIZE) > MIN_FILLING:
            return system, attempt
    raise OntogymError(
        f"None of {_MAX_ATTEMPTS} iterated function systems of seed {seed} fills {MIN_FILLING:.0%} of an image; "
        "choose another seed."
    )


def _random_map(rng: np.random.Generator) -> NDArray[np.float64]:
    while True:
        coefficients = rng.uniform(-1.0, 1.0, 6)
        # A contraction: the largest singular value of [[a, b], [c, d]] is below 1.
        if np.linalg.norm(coefficients[:4].reshape(2, 2), 2) < _NORM:
            return coefficients


def varied(system: NDArray[np.float64], variation: int) -> NDArray[np.float64]:
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
    # A map is chosen in proportion to the area of its image, p_m ~ |a d - b c|.
    weights = np.abs(system[:, 0] * system[:, 3] - system[:, 1] * system[:, 2]) + 1e-6
    limits = np.cumsum(weights / weights.sum())
    points = np.empty((2, count))
    _chaos_game(system, limits, np.uint64(seed), points)
    return points


def filling_rate(points: NDArray[np.float64], size: int) -> float:
    """Fraction of the pixels of the points' bounding square that hold a point."""
    return float(draw(points, size, None).mean() / 255)


def draw(points: NDArray[np.float64], size: int, patch: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
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


@njit(cache=True)
def _chaos_game(system: Any, limits: Any, seed: Any, points: Any) -> None:
    x, y, stream = 0.0, 0.0, np.array([seed])
    for k in range(-100, points.shape[1]):  # the first hundred points are still on their way
        u, m = uniform(stream), 0  # numba's own generator is shared by everything in the process
        while m < len(limits) - 1 and u > limits[m]:
            m += 1
        a, b, c, d, e, f = system[m]
        # (x, y) <- A_m (x, y) + t_m
        x, y = a * x + b * y + e, c * x + d * y + f
        if k >= 0:
            points[0, k], points[1, k] = x, y


@njit(cache=True)
def _plot(points: Any, scale: float, shift: Any, hit: Any) -> None:
    for k in range(points.shape[1]):
        hit[int(points[1, k] * scale + shift[1]), int(points[0, k] * scale + shift[0])] = 1
