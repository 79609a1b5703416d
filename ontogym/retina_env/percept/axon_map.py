"""Axons of the retina: where they run, and how a current beside one is seen (the axon map model, Beyeler et al. 2019).

Current beside an axon is seen where the axon's cell body lies, the fainter the longer the way to it, so phosphenes are
streaks. Coordinates on the retina are micrometres from the fovea, x to the nasal side of a right eye, y upwards;
those of the visual field degrees, x to the right, y upwards: the eye's optics turn y over.
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import cKDTree

from ontogym.compiling import njit

__all__ = ["AxonMap", "Field", "bundle", "field_to_retina", "meridian_blend", "retina_to_field"]

Array = NDArray[np.float64]

OPTIC_DISC_DEG = (15.5, 1.5)
_BUNDLES, _BUNDLE_STEPS, _REACH_DEG = 1000, 500, 50.0
_FAINT = 1e-3
"""Parts of an axon whose weight is below this are left out."""


def field_to_retina(x_deg: Array, y_deg: Array) -> tuple[Array, Array]:
    """Degrees of the visual field to micrometres on the retina, any shape (Watson 2014, eq. A5)."""
    r = np.hypot(x_deg, y_deg)
    um = 1000 * (0.268 * r + 3.427e-4 * r**2 - 8.3309e-6 * r**3)  # eq. A5, in mm
    scale = np.divide(um, r, out=np.full_like(r, 268.0), where=r > 0)
    return x_deg * scale, -y_deg * scale


def retina_to_field(x_um: Array, y_um: Array) -> tuple[Array, Array]:
    """Micrometres on the retina to degrees of the visual field, any shape (Watson 2014, eq. A6)."""
    r = np.hypot(x_um, y_um) / 1000
    deg = 3.556 * r + 0.05993 * r**2 - 0.007358 * r**3 + 3.027e-4 * r**4  # eq. A6
    scale = np.divide(deg, 1000 * r, out=np.full_like(r, 3.556e-3), where=r > 0)
    return x_um * scale, -y_um * scale


def bundle(phi0: float) -> NDArray[np.float32]:
    """One bundle of nerve fibres of a right eye, ``(T, 2)`` degrees, from the optic disc on (Jansonius et al. 2009).

    In single precision throughout: far from the disc the exponent magnifies rounding a thousandfold, and which of two
    bundles is the nearest to a cell depends on it. So grown, bundles are pulse2percept's to the last bit.

    Args:
        phi0: angle at which it leaves the disc, degrees from -180 to 180; above 0 it runs through the upper half.
    """
    r = np.linspace(0, _REACH_DEG, _BUNDLE_STEPS, dtype=np.float32)
    x, y = np.empty_like(r), np.empty_like(r)
    _grow(r, np.float32(phi0), x, y)
    # A bundle ends where it would cross the horizontal raphe.
    crossed = np.flatnonzero(y < 0 if phi0 > 0 else y > 0)
    end = crossed[0] if len(crossed) else len(r)
    x, y = x[:end], y[:end]
    disc_x, disc_y = map(np.float32, OPTIC_DISC_DEG)
    at = x + disc_x
    # eq. 2: the disc lies above the raphe, and bundles come down to it.
    y = np.where(x > -disc_x, y + disc_y * (at / disc_x) ** 2, y)
    return np.stack([at, y], 1)


@njit(cache=True, error_model="numpy")
def _grow(r: Any, phi0: Any, x: Any, y: Any) -> None:
    """Points of a bundle from the disc, degrees; every operation in single precision, none of them fused (equations of Jansonius et al. 2009)."""
    f, radians = np.float32, np.float32(np.pi / 180)
    if phi0 > 0:
        b = math.exp(f(-1.9) + f(3.9) * math.tanh(-(phi0 - f(121)) / f(14)))  # eq. 5
        c = f(1.9) + f(1.4) * math.tanh((phi0 - f(121)) / f(14))  # eq. 3
    else:
        b = -math.exp(f(0.5) + f(1.5) * math.tanh(-(-phi0 - f(90)) / f(25)))  # eq. 6
        c = f(1.0) + f(0.5) * math.tanh((-phi0 - f(90)) / f(25))  # eq. 4
    for i in range(len(r)):
        phi = phi0 + b * math.pow(r[i], c)  # eq. 1
        x[i] = r[i] * math.cos(radians * phi)
        y[i] = r[i] * math.sin(radians * phi)


class Field(NamedTuple):
    """A grid of the visual field, row by row from the upper left: ``x`` (columns,), ``y`` (rows,), degrees."""

    x: Array
    y: Array

    @property
    def points(self) -> tuple[Array, Array]:
        """All of them, ``(rows * columns,)`` twice."""
        return np.tile(self.x, len(self.y)), np.repeat(self.y, len(self.x))


def meridian_blend(field: Field, sd_deg: float = 1.0) -> Array:
    """The blur of brightness along y near the horizontal meridian, ``(rows, rows)``: a percept has no seam there.

    A Gaussian of `sd_deg`, mixed in with a weight that falls off as the same Gaussian of the distance from it.
    """
    rows = len(field.y)
    if not sd_deg or not ((field.y < 0).any() and (field.y > 0).any()):
        return np.eye(rows)
    spacing = float(np.abs(np.diff(field.y)).mean())
    blurred = gaussian_filter1d(np.eye(rows), sd_deg / spacing, axis=0, mode="nearest")
    weight = np.exp(-(field.y**2) / (2 * sd_deg**2))[:, None]
    return np.eye(rows) + weight * (blurred - np.eye(rows))


@functools.lru_cache(maxsize=1)
def _bundles() -> tuple[NDArray[np.float32], ...]:
    return tuple(b for b in map(bundle, np.linspace(-180, 180, _BUNDLES)) if len(b))


class AxonMap:
    """For each point of a field the axon of the cells there, from the cell body to the optic disc.

    Args:
        field: P points of a right eye's visual field.
        longest_um: the longest decay along axons, lambda, that will be asked for.
        every: keep one of so many steps of a tenth of a degree along axons, the one at the cell body among them.

    Attributes:
        starts: ``(P + 1,)`` where each point's segments begin.
        x_um, y_um: ``(S,)`` segments on the retina.
        way_um: ``(S,)`` from each to its point, along the axon.
    """

    def __init__(self, field: Field, longest_um: float = 500.0, every: int = 1) -> None:
        self.field = field
        inside = [b for b in _bundles() if _meets(b, field) and len(b) > 10]
        lengths = [len(b) for b in inside]
        flat = _on_retina(np.concatenate(inside))
        first = np.repeat(np.cumsum([0, *lengths[:-1]]), lengths)
        steps = np.hypot(*np.diff(flat, axis=0).T)
        arc = np.concatenate([[0.0], np.cumsum(steps)])
        points = np.stack(field_to_retina(*field.points), 1)
        off, nearest = cKDTree(flat).query(points)
        reach = longest_um * np.sqrt(-2 * np.log(_FAINT))
        kept = [self._way(k, d, first[k], arc, reach, every) for k, d in zip(nearest, off)]
        self.starts = np.concatenate([[0], np.cumsum([len(k) for k, _ in kept])])
        rows = np.concatenate([k for k, _ in kept])
        self.x_um, self.y_um = flat[rows].T
        self.way_um = np.concatenate([way for _, way in kept])

    @staticmethod
    def _way(
        nearest: int, off: float, first: int, arc: Array, reach: float, every: int
    ) -> tuple[NDArray[np.int64], Array]:
        """Segments from the one nearest to a point towards the disc, and how far each is."""
        rows = np.arange(nearest, first - 1, -every)
        way = off + arc[nearest] - arc[rows]
        near = way < reach
        near[0] = True
        return rows[near], way[near]

    def sensitivity(self, lambda_um: float) -> Array:
        """Weight of each segment ``(S,)``: a Gaussian of its way to the cell body; 0 where it is faint."""
        weight = np.exp(-(self.way_um**2) / (2 * lambda_um**2))  # Beyeler et al. 2019, eq. 3
        return np.where(weight >= _FAINT, weight, 0.0)


def _on_retina(fibres: NDArray[np.float32]) -> Array:
    """`field_to_retina` of ``(T, 2)`` in polar coordinates and single precision, as pulse2percept has it."""
    x, y = fibres.T
    r, angle = np.hypot(x, y), np.arctan2(y, x)
    um = np.float32(1000) * (0.268 * r + 3.427e-4 * r**2 - 8.3309e-6 * r**3)  # Watson 2014, eq. A5
    return np.stack([um * np.cos(angle), -um * np.sin(angle)], 1).astype(np.float64)


def _meets(b: NDArray[np.float32], field: Field) -> bool:
    """Whether the box around a bundle touches the field."""
    (left, low), (right, high) = b.min(0), b.max(0)
    return bool(
        right >= field.x.min() and left <= field.x.max() and high >= field.y.min() and low <= field.y.max()
    )
