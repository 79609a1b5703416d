"""Are first-layer filters Gabor functions? Least-squares fits, with the controls that such a number needs.

A Gabor function is a grating under a Gaussian, the classical description of simple cells in V1 (Jones & Palmer 1987):

.. math:: A \\exp(-x'^2 / 2\\sigma_x^2 - y'^2 / 2\\sigma_y^2) \\cos(2\\pi f x' + \\phi) + b

with x' along the direction in which the grating changes. A fit has nine parameters, whatever the size of the filter, so
a high R² comes easily for small kernels: of filters at random initialisation, R² exceeds 0.7 for a quarter to a half
at 4 x 4, for a few percent at 5 x 5, for none from 7 x 7 (medians 0.65, 0.47, 0.28; 0.13 at 11 x 11). And a blob is fitted well
by less than one cycle of a grating. So report R² beside `random_control` and `permuted_control` for kernels of the same
size, and how many of the good fits are blobs (`GaborFits.summary`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError
from ontogym.seeding import generator

__all__ = ["GaborFits", "as_planes", "fit_gabors", "gabor", "permuted_control", "random_control"]

MIN_R2 = 0.7
"""From here a filter counts as Gabor-like."""
N_PARAMETERS = 9
_SMALLEST = 4
"""Kernels smaller than this have no more pixels than the fit has parameters."""


@dataclass(frozen=True)
class GaborFits:
    """Fits of F filters; every array is ``(F,)``.

    Attributes:
        r2: explained variance of the best fit; 0 for a constant filter.
        orientation_deg: direction along which the grating changes, in [0, 180): 0 changes from left to right (vertical
            bars), 90 from bottom to top; y points up.
        frequency: cycles per pixel.
        phase_deg: phase at the centre of the Gaussian, in (-180, 180].
        sigma_x, sigma_y: pixels, along and across the direction of change.
        centre_x, centre_y: pixels from the middle of the kernel, y up.
        amplitude, offset: in units of the filter.
        size: pixels a side of the kernel, for the report.
    """

    r2: NDArray[np.float64]
    orientation_deg: NDArray[np.float64]
    frequency: NDArray[np.float64]
    phase_deg: NDArray[np.float64]
    sigma_x: NDArray[np.float64]
    sigma_y: NDArray[np.float64]
    centre_x: NDArray[np.float64]
    centre_y: NDArray[np.float64]
    amplitude: NDArray[np.float64]
    offset: NDArray[np.float64]
    size: tuple[int, int]

    def fraction(self, above: float = MIN_R2) -> float:
        """Fraction of the filters whose R² exceeds `above`."""
        return float(np.mean(self.r2 > above))

    def __len__(self) -> int:
        return len(self.r2)

    def summary(self) -> dict[str, Any]:
        """What a report prints: how many filters, the fraction above 0.7 (and those of them that are rather blobs: less than
        one cycle a kernel), quartiles of R²."""
        low, median, high = np.quantile(self.r2, [0.25, 0.5, 0.75])
        return {
            "filters": len(self),
            "kernel": list(self.size),
            "parameters_of_a_fit": N_PARAMETERS,
            "fraction_r2_above_0.7": self.fraction(),
            "fraction_under_one_cycle": float(
                np.mean((self.r2 > MIN_R2) & (self.frequency < 1 / max(self.size)))
            ),
            "r2_quartiles": [float(low), float(median), float(high)],
        }


def as_planes(weights: Any) -> NDArray[np.float64]:
    """Filters as one plane each, ``(F, H, W)``.

    Args:
        weights: ``(F, H, W)``, or ``(F, C, H, W)`` as a convolution holds them, array or tensor. With several
            channels, the plane is the filter's first principal component over channels: its spatial profile.

    Raises:
        OntogymError: another shape, no filter, a kernel under 4 x 4, or numbers that are not finite.
    """
    if hasattr(weights, "detach"):
        weights = weights.detach().cpu().numpy()
    planes = np.asarray(weights, np.float64)
    if planes.ndim not in (3, 4) or not planes.size:
        raise OntogymError(
            f"Filters have shape (F, H, W) or (F, C, H, W), not {planes.shape}; pass a first layer."
        )
    if not np.isfinite(planes).all():
        raise OntogymError("The filters hold numbers that are not finite; did the training diverge?")
    if min(planes.shape[-2:]) < _SMALLEST:
        raise OntogymError(
            f"Kernels of {planes.shape[-2]} x {planes.shape[-1]} have no more pixels than a Gabor function has "
            f"parameters; fit kernels of at least {_SMALLEST} x {_SMALLEST}."
        )
    if planes.ndim == 3:
        return planes
    if planes.shape[1] == 1:
        return planes[:, 0]
    flat = planes.reshape(*planes.shape[:2], -1)
    channels, _, _ = np.linalg.svd(flat, full_matrices=False)
    profile = np.einsum("fc,fcn->fn", channels[:, :, 0], flat)
    # The sign of a principal component is arbitrary: let it agree with the mean over channels.
    sign = np.where(np.einsum("fn,fn->f", profile, flat.mean(1)) < 0, -1.0, 1.0)
    return np.asarray(sign[:, None] * profile).reshape(len(planes), *planes.shape[2:])


def gabor(
    size: int | tuple[int, int],
    orientation_deg: float,
    frequency: float,
    phase_deg: float = 0.0,
    sigma_x: float = 2.0,
    sigma_y: float = 2.0,
    centre: tuple[float, float] = (0.0, 0.0),
) -> NDArray[np.float64]:
    """A Gabor function of amplitude 1 on a grid of ``(H, W)`` pixels; see `GaborFits` for the units."""
    x, y = _grid(size if isinstance(size, tuple) else (size, size))
    theta = np.deg2rad(orientation_deg)
    shape = np.array([*centre, theta, np.log(sigma_x), np.log(sigma_y), frequency])
    even, odd = _basis(shape[:, None], x, y)
    phase = np.deg2rad(phase_deg)
    plane = np.asarray(np.cos(phase) * even - np.sin(phase) * odd)
    return plane.reshape(size if isinstance(size, tuple) else (size, size))


def fit_gabors(weights: Any, starts: int = 4) -> GaborFits:
    """Fit a Gabor function to every filter.

    SciPy's bounded least squares (trust region, exact slopes) from `starts` of the best of some thousand templates; the
    best end counts.

    Args:
        weights: see `as_planes`.
        starts: how many templates are refined.

    Raises:
        OntogymError: filters that cannot be fitted (see `as_planes`), or no start.
    """
    if starts < 1:
        raise OntogymError(f"starts={starts}: a fit needs at least one start.")
    planes = as_planes(weights)
    height, width = planes.shape[1:]
    x, y = _grid((height, width))
    targets = planes.reshape(len(planes), -1)
    means, spread = targets.mean(1), targets.std(1)
    constant = spread <= 1e-12 * np.maximum(np.abs(targets).max(1), 1e-300)
    scale = np.where(constant, 0.0, spread)
    unit = (targets - means[:, None]) / np.where(constant, 1.0, spread)[:, None]
    templates, shapes = _templates(height, width, x, y)
    overlaps = np.einsum("tkn,fn->ftk", templates, unit)
    best = np.argsort(-np.square(overlaps).sum(2), axis=1, kind="stable")[
        :, _spread_out(starts)
    ]  # (F, starts)
    fits = [
        min((_refined(target, shapes[t], x, y, (height, width)) for t in chosen), key=lambda fit: fit.cost)
        for target, chosen in zip(unit, best)
    ]
    r2 = np.array([1.0 - 2.0 * fit.cost / len(x) for fit in fits])
    return _collected(
        np.where(constant, 0.0, r2), np.stack([fit.x for fit in fits]), means, scale, (height, width)
    )


def _grid(size: tuple[int, int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pixel centres from the middle of the kernel, y up, each ``(H * W,)``."""
    height, width = size
    y, x = np.mgrid[(height - 1) / 2 : -height / 2 : -1, -(width - 1) / 2 : width / 2 : 1]
    return x.ravel(), y.ravel()


def _basis(
    shapes: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cosine and sine Gabors for shapes ``(6, K)``: centre x, y, theta, log sigmas, frequency; ``(K, N)``."""
    cx, cy, theta, log_sx, log_sy, frequency = (v[:, None] for v in shapes)
    along, across = _turned(x - cx, y - cy, theta)
    # exp(-x'^2 / 2 sigma_x^2 - y'^2 / 2 sigma_y^2)
    envelope = np.exp(-0.5 * ((along * np.exp(-log_sx)) ** 2 + (across * np.exp(-log_sy)) ** 2))
    angle = 2 * np.pi * frequency * along
    return envelope * np.cos(angle), envelope * np.sin(angle)


def _turned(x: Any, y: Any, theta: Any) -> tuple[Any, Any]:
    """x' and y': along the direction `theta`, and across it."""
    return x * np.cos(theta) + y * np.sin(theta), -x * np.sin(theta) + y * np.cos(theta)


def _templates(
    height: int, width: int, x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Orthonormal pairs ``(K, 2, N)`` spanning cosine and sine of each template, and their shapes ``(K, 6)``."""
    side = min(height, width)
    grid = np.meshgrid(
        np.array([-0.25, 0.0, 0.25]) * width,
        np.array([-0.25, 0.0, 0.25]) * height,
        np.arange(8) * np.pi / 8,
        np.log(np.array([0.12, 0.22, 0.4]) * side),
        [0.0],
        np.geomspace(1.0 / side, 0.4, 6),
        indexing="ij",
    )
    shapes = np.stack([g.ravel() for g in grid])
    shapes[4] = shapes[3]
    even, odd = _basis(shapes, x, y)
    even = even - even.mean(1, keepdims=True)
    odd = odd - odd.mean(1, keepdims=True)
    even /= np.maximum(np.linalg.norm(even, axis=1, keepdims=True), 1e-9)
    odd -= (odd * even).sum(1, keepdims=True) * even
    norm = np.linalg.norm(odd, axis=1, keepdims=True)
    return np.stack([even, np.where(norm > 1e-6, odd / np.maximum(norm, 1e-9), 0.0)], 1), shapes.T


def _spread_out(starts: int) -> NDArray[np.integer]:
    """Ranks of the templates to start from: neighbours of the best alone would fall into the same minimum."""
    return np.unique(np.geomspace(1, 40, starts).astype(int) - 1) if starts > 1 else np.array([0])


def _bounds(height: int, width: int) -> NDArray[np.float64]:
    """Least and largest parameters ``(2, 9)``.

    Frequencies from half a cycle a kernel to Nyquist: below, a grating cannot be told from a blob, above, from a
    coarser one.
    """
    side = max(height, width)
    high = [width / 2, height / 2, np.inf, np.log(side), np.log(side), 0.5, np.inf, np.inf, np.inf]
    low = [-width / 2, -height / 2, -np.inf, np.log(0.5), np.log(0.5), 0.5 / side, -np.inf, -np.inf, -np.inf]
    return np.array([low, high])


def _refined(
    target: NDArray[np.float64],
    shape: NDArray[np.float64],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    size: tuple[int, int],
) -> Any:
    """The least-squares fit of one filter ``(N,)`` from one template's shape ``(6,)``, as SciPy returns it.

    Its nine parameters are the shape and the coefficients of cosine, sine and offset, which start at their best.
    """
    from scipy.optimize import least_squares

    low, high = _bounds(*size)
    shape = np.clip(shape, low[:6] + 1e-6, high[:6] - 1e-6)
    even, odd = _basis(shape[:, None], x, y)
    design = np.stack([even[0], odd[0], np.ones_like(x)], 1)
    linear = np.linalg.lstsq(design, target, rcond=None)[0]
    return least_squares(
        lambda p: _model(p, x, y) - target,
        np.concatenate([shape, linear]),
        lambda p: _slopes(p, x, y),
        bounds=(low, high),
        ftol=1e-6,
        max_nfev=100,
    )


def _model(p: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """The Gabor function of nine parameters at every pixel, ``(N,)``."""
    even, odd = _basis(p[:6, None], x, y)
    # A cos(2 pi f x' + phi) = A cos(phi) cos(2 pi f x') - A sin(phi) sin(2 pi f x')
    return np.asarray(p[6] * even[0] + p[7] * odd[0] + p[8])


def _slopes(p: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Derivatives of `_model` by its parameters, ``(N, 9)``."""
    even, odd = (part[0] for part in _basis(p[:6, None], x, y))
    along, across = _turned(x - p[0], y - p[1], p[2])
    grating, quadrature = p[6] * even + p[7] * odd, p[7] * even - p[6] * odd
    wide, high = along**2 * np.exp(-2 * p[3]), across**2 * np.exp(-2 * p[4])
    by_along = 2 * np.pi * p[5] * quadrature - along * np.exp(-2 * p[3]) * grating
    by_across = -across * np.exp(-2 * p[4]) * grating
    cos, sin = np.cos(p[2]), np.sin(p[2])
    columns = [
        by_across * sin - by_along * cos,  # d/d cx
        -by_along * sin - by_across * cos,  # d/d cy
        by_along * across - by_across * along,  # d/d theta
        wide * grating,  # d/d log sigma_x
        high * grating,  # d/d log sigma_y
        2 * np.pi * along * quadrature,  # d/d f
        even,
        odd,
        np.ones_like(x),
    ]
    return np.stack(columns, 1)


def _collected(
    r2: NDArray[np.float64],
    fitted: NDArray[np.float64],
    means: NDArray[np.float64],
    scale: NDArray[np.float64],
    size: tuple[int, int],
) -> GaborFits:
    """Parameters ``(F, 9)`` of the standardised filters, in the units of the filters."""
    cx, cy, theta, log_sx, log_sy, frequency, even, odd, offset = fitted.T
    turned = np.rad2deg(theta) % 360.0
    # A grating turned by half a circle is the same one with its phase reversed.
    phase = np.rad2deg(np.arctan2(-odd, even)) * np.where(turned >= 180.0, -1.0, 1.0)
    phase = np.where(phase <= -180.0, 180.0, phase)
    amplitude = np.hypot(even, odd) * scale
    return GaborFits(
        r2, turned % 180.0, frequency, phase, np.exp(log_sx), np.exp(log_sy), cx, cy, amplitude, offset * scale + means, size
    )  # fmt: skip


def random_control(
    size: tuple[int, int],
    count: int = 64,
    seed: int = 0,
    distribution: Literal["uniform", "normal"] = "uniform",
) -> GaborFits:
    """Fits of filters at random initialisation: what R² is worth at this kernel size.

    Args:
        size: of the kernels, ``(H, W)``.
        count: how many.
        seed: decides them.
        distribution: ``"uniform"`` (PyTorch's default of a convolution) or ``"normal"``; their scale changes no R².
    """
    rng = generator(seed, "gabor-control", *size)
    draw = rng.standard_normal if distribution == "normal" else lambda shape: rng.uniform(-1.0, 1.0, shape)
    return fit_gabors(draw((count, *size)))


def permuted_control(weights: Any, seed: int = 0) -> GaborFits:
    """Fits of the same filters with their pixels shuffled: the same values without their arrangement."""
    planes = as_planes(weights)
    flat = planes.reshape(len(planes), -1)
    shuffled = generator(seed, "gabor-permuted").permuted(flat, axis=1)
    return fit_gabors(shuffled.reshape(planes.shape))
