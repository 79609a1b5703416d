"""The shape of kernels: differences of Gaussians fitted to them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ontogym.errors import OntogymError

__all__ = ["DogFit", "fit_difference_of_gaussians"]

Array = NDArray[np.float64]


class DogFit(NamedTuple):
    """A difference of two round, concentric Gaussians fitted to a kernel. Lengths are pixels.

    Attributes:
        polarity: +1 with a bright centre, -1 with a dark one.
        centre_sigma, surround_sigma: SDs.
        surround: volume of the surround over that of the centre; positive where it opposes the centre.
        x, y: where, from the upper left corner.
        r2: share of the kernel's variance that the fit explains.
        r2_gaussian: share that one Gaussian explains.
        noise: root mean square of what the fit leaves, over the height of the centre.
    """

    polarity: int
    centre_sigma: float
    surround_sigma: float
    surround: float
    x: float
    y: float
    r2: float
    r2_gaussian: float
    noise: float

    @property
    def mexican_hat(self) -> bool:
        """Whether the surround opposes the centre with a tenth of its volume or more, and explains 2 % or more."""
        return self.surround > 0.1 and self.r2 > self.r2_gaussian + 0.02


def fit_difference_of_gaussians(kernel: ArrayLike) -> DogFit:
    """Fit ``h (g(centre) - w g(surround)) + offset`` to a kernel ``(k, k)``.

    Raises:
        OntogymError: not square, smaller than 5 pixels, not finite, or the same everywhere.
    """
    k = np.asarray(kernel, dtype=np.float64)
    if k.ndim != 2 or k.shape[0] != k.shape[1] or len(k) < 5 or not np.isfinite(k).all() or np.ptp(k) == 0:
        raise OntogymError(
            f"A kernel to fit is (k, k) finite numbers that differ, 5 or more a side, not {k.shape}."
        )
    from scipy.ndimage import gaussian_filter

    smooth = gaussian_filter(k - np.median(k), 1.5, mode="nearest")
    row, column = np.unravel_index(np.abs(smooth).argmax(), k.shape)
    peak = smooth[row, column]
    one = _fit(k, [peak, column, row, 2.0], False)
    # The surround's start decides which hollow is found; the best of three is kept.
    both = min(
        (_fit(k, [peak, column, row, 2.0, ratio, 0.5], True) for ratio in (1.8, 2.5, 4.0)), key=lambda f: f[1]
    )
    variance = float(((k - k.mean()) ** 2).sum())
    height, x, y, sigma, ratio, weight = both[0]
    noise = np.sqrt(both[1] / k.size) / (abs(height) + 1e-12)
    return DogFit(
        int(np.sign(height)) or 1,
        float(sigma),
        float(sigma * ratio),
        float(weight),
        float(x),
        float(y),
        1 - both[1] / variance,
        1 - one[1] / variance,
        float(noise),
    )


def _fit(kernel: Array, start: list[float], surround: bool) -> tuple[Array, float]:
    """Parameters and sum of squares. A flat offset is solved for, so that a mean is no surround."""
    from scipy.optimize import least_squares

    side = len(kernel)
    rows, columns = np.mgrid[:side, :side]

    def misfit(p: Any) -> Array:
        square = (columns - p[1]) ** 2 + (rows - p[2]) ** 2
        shape = np.exp(-square / (2 * p[3] ** 2))
        if surround:
            # Volumes are compared: a wide Gaussian is lower by the ratio of the areas.
            shape = shape - p[5] / p[4] ** 2 * np.exp(-square / (2 * (p[3] * p[4]) ** 2))
        residual = kernel - p[0] * shape
        return np.asarray((residual - residual.mean()).ravel())

    low = [-np.inf, -0.5, -0.5, 0.4, 1.6, -2.0][: len(start)]
    high = [np.inf, side - 0.5, side - 0.5, side / 2, 8.0, 4.0][: len(start)]
    # Nearer to 1 than 1.6 the ratio and the weight cannot be told apart: there the difference is already the
    # Laplacian of a Gaussian (Marr & Hildreth 1980).
    scale = [abs(start[0]) + 1e-12, 1, 1, 1, 1, 0.5][: len(start)]
    found = least_squares(misfit, start, bounds=(low, high), x_scale=scale)
    return np.asarray(found.x), float(2 * found.cost)
