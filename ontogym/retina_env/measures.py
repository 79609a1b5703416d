"""Measures of images and of responses: contrast, power spectrum, neuronal reliability."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ontogym.errors import OntogymError

__all__ = ["local_contrast", "neuronal_reliability", "power_slope", "rms_contrast"]

Array = NDArray[np.float64]


def local_contrast(images: ArrayLike, window: int = 7) -> Array:
    """Mean variance of luminance in a sliding window (Leong et al. 2024, Image analysis).

    Args:
        images: ``(B, H, W)``; or ``(H, W)`` for one image.
        window: side of the square window, pixels; only windows that lie inside the image count.

    Returns:
        ``(B,)``, in squared units of luminance.

    Raises:
        OntogymError: a window that does not fit.
    """
    x = _stack(images)
    if not 1 <= window <= min(x.shape[1:]):
        raise OntogymError(
            f"A window of {window} pixels does not fit in {x.shape[1:]} images; make it smaller."
        )
    # The mean is taken away first: the difference of two large moments would lose the small variances.
    x = x - x.mean((1, 2), keepdims=True)
    variance = _box_mean(x * x, window) - _box_mean(x, window) ** 2
    return np.asarray(np.maximum(variance, 0).mean((1, 2)))


def _box_mean(x: Array, window: int) -> Array:
    """Mean over each window, ``(B, H - window + 1, W - window + 1)``, by cumulative sums."""
    total = np.zeros((x.shape[0], x.shape[1] + 1, x.shape[2] + 1))
    np.cumsum(np.cumsum(x, axis=1), axis=2, out=total[:, 1:, 1:])
    corners = total[:, window:, window:] - total[:, :-window, window:]
    corners += total[:, :-window, :-window] - total[:, window:, :-window]
    return np.asarray(corners / window**2)


def rms_contrast(images: ArrayLike) -> Array:
    """Standard deviation of luminance over its mean, ``(B,)``; a black image has none, 0."""
    x = _stack(images)
    mean = x.mean((1, 2))
    return np.divide(x.std((1, 2)), mean, out=np.zeros_like(mean), where=mean > 0)


def power_slope(images: ArrayLike) -> float:
    """Slope of log power against log spatial frequency, over all images ``(B, H, H)`` (natural scenes: about -2).

    The power of Hann-windowed images is averaged over images and orientations, in rings of one cycle per image
    from 2 cycles up to 7/8 of the Nyquist frequency, and a line is fitted to it.

    Raises:
        OntogymError: images that are not square, have fewer than 16 pixels a side, or lack power at some frequency.
    """
    x = _stack(images)
    side = x.shape[1]
    if x.shape[2] != side or side < 16:
        raise OntogymError(f"A power slope needs square images of 16 pixels or more, not {x.shape[1:]}.")
    x = x - x.mean((1, 2), keepdims=True)
    hann = np.hanning(side)
    power = (np.abs(np.fft.fft2(x * hann[:, None] * hann)) ** 2).mean(0)
    frequency = np.fft.fftfreq(side, 1 / side)
    ring = np.hypot(frequency[:, None], frequency).astype(int).ravel()
    rings = np.arange(2, side * 7 // 16)
    mean = (np.bincount(ring, power.ravel()) / np.bincount(ring))[rings]
    if not (mean > 0).all():
        raise OntogymError("These images have no power at some frequencies, so they have no slope.")
    return float(np.polyfit(np.log(rings + 0.5), np.log(mean), 1)[0])


def neuronal_reliability(a: ArrayLike, b: ArrayLike) -> Array:
    """Squared Pearson correlation over images, per neuron (Leong et al. 2024, Neuronal reliability).

    Args:
        a, b: responses ``(images, N)`` to two sets of paired images.

    Returns:
        ``(N,)`` in [0, 1]; 0 where a neuron does not vary, because it tells nothing then.

    Raises:
        OntogymError: tables of different shapes, or of fewer than two images.
    """
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if x.shape != y.shape or x.ndim != 2 or len(x) < 2:
        raise OntogymError(
            f"Reliability compares two (images, neurons) tables of one shape with two images or more, "
            f"not {x.shape} and {y.shape}."
        )
    x, y = x - x.mean(0), y - y.mean(0)
    product = (x * x).sum(0) * (y * y).sum(0)
    # Where rounding is all that varies, the quotient would be noise of any size.
    scale = np.finfo(np.float64).eps ** 2 * len(x) ** 2 * (np.abs(a).max() * np.abs(b).max()) ** 2
    return np.divide((x * y).sum(0) ** 2, product, out=np.zeros(x.shape[1]), where=product > scale)


def _stack(images: Any) -> Array:
    x = np.asarray(images, dtype=np.float64)
    x = x[None] if x.ndim == 2 else x
    if x.ndim != 3 or 0 in x.shape:
        raise OntogymError(f"Images come as (B, H, W) or (H, W), not with shape {x.shape}.")
    if not np.isfinite(x).all():
        raise OntogymError("These images hold NaN or infinite values; repair or drop them first.")
    return x
