"""Learning-free downsampling: every method that the paper compares, and the antialiased ones that it does not.

Leong et al. (2024) resize with TensorFlow, whose methods do *not* widen their kernels when an image shrinks: bilinear
at 4-fold reads two of every four pixels. The names without a suffix mean that reading. The same kernels widened by
the fold, which is how other libraries read the same names, have the suffix ``-antialiased``.

All of them are linear and separable, so each is one matrix for the rows and the same for the columns.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError, UnknownNameError

__all__ = ["DOWNSAMPLERS", "FOLDS", "Downsampler", "correct_contrast", "downsampler", "upsample_nearest"]

FOLDS = (2, 4, 8, 16, 32)
"""The folds of the paper's sweep; any other integer that divides the image works too."""

Array = NDArray[np.float64]
T = TypeVar("T")


@dataclass(frozen=True)
class Kernel:
    """A resampling kernel: `weight` of the distance, in output or input pixels, up to `radius`."""

    radius: float
    weight: Callable[[Array], Array]


def _triangle(x: Array) -> Array:
    return np.asarray(np.maximum(1 - x, 0))


def _lanczos(radius: float) -> Kernel:
    """Duchon (1979): a sinc in the window of a wider sinc."""
    return Kernel(radius, lambda x: np.where(x < radius, np.sinc(x) * np.sinc(x / radius), 0))


def _cubic(b: float, c: float) -> Kernel:
    """Mitchell & Netravali (1988), eq. 8: a family of cubics; (0, 1/2) is Keys' bicubic of 1981."""

    def weight(x: Array) -> Array:
        near = ((12 - 9 * b - 6 * c) * x**3 + (-18 + 12 * b + 6 * c) * x**2 + 6 - 2 * b) / 6
        far = ((-b - 6 * c) * x**3 + (6 * b + 30 * c) * x**2 + (-12 * b - 48 * c) * x + 8 * b + 24 * c) / 6
        return np.where(x < 1, near, np.where(x < 2, far, 0))

    return Kernel(2, weight)


# TensorFlow's Gaussian: SD half a pixel, cut off at three SDs.
_GAUSSIAN = Kernel(1.5, lambda x: np.where(x < 1.5, np.exp(-2 * x * x), 0))
_BOX = Kernel(0.5, lambda x: np.where(x <= 0.5, 1.0, 0.0))


@dataclass(frozen=True)
class Downsampler:
    """A linear, separable way to make an image smaller.

    ``downsample(images, fold)`` maps ``(..., S, S)`` to ``(..., S / fold, S / fold)``: NumPy to NumPy, tensors to
    tensors (differentiable, on their device). Kernels with negative lobes may leave [0, 1] by a little; displays
    clip, and so does `correct_contrast`.

    Attributes:
        name: its key in `DOWNSAMPLERS`.
        kernel: what it weights pixels with, or None for nearest.
        antialias: whether the kernel is widened by the fold.
    """

    name: str
    kernel: Kernel | None
    antialias: bool

    def matrix(self, size: int, fold: int) -> Array:
        """Weights ``(size / fold, size)`` of input pixels in each output pixel; rows sum to 1; read-only.

        Raises:
            OntogymError: `fold` is no positive integer that divides `size`.
        """
        return _matrix(self, *check_fold(size, fold))

    def __call__(self, images: T, fold: int = 4) -> T:
        """Images ``(..., S, S)`` made smaller `fold` times; floats stay what they are."""
        x: Any = images if hasattr(images, "new_tensor") else _floats(images)
        if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
            raise OntogymError(f"Only square images can be downsampled, not {tuple(x.shape)}; cut patches.")
        weights = self.matrix(x.shape[-1], fold)
        m: Any = x.new_tensor(weights) if hasattr(x, "new_tensor") else weights.astype(x.dtype)
        small: Any = m @ x @ m.T
        return small  # type: ignore[no-any-return]

    def __reduce__(self) -> tuple[Any, ...]:
        # Kernels are functions without a name; to another process only the name travels.
        return downsampler, (self.name,)


def _table() -> dict[str, Downsampler]:
    kernels = {
        "bilinear": Kernel(1, _triangle),
        "bicubic": _cubic(0, 0.5),
        "mitchell-netravali": _cubic(1 / 3, 1 / 3),
        "gaussian": _GAUSSIAN,
        "lanczos3": _lanczos(3),
        "lanczos5": _lanczos(5),
    }
    table = {name: Downsampler(name, _BOX, antialias=True) for name in ("average", "area")}
    # Nearest has no kernel to widen, and TensorFlow ignores antialiasing for it as it does for area.
    table["nearest"] = Downsampler("nearest", None, antialias=False)
    for name, kernel in kernels.items():
        table[name] = Downsampler(name, kernel, antialias=False)
    for name, kernel in kernels.items():
        table[f"{name}-antialiased"] = Downsampler(f"{name}-antialiased", kernel, antialias=True)
    return table


DOWNSAMPLERS: dict[str, Downsampler] = _table()
"""All of them by name."""


def downsampler(name: str) -> Downsampler:
    """The downsampler called `name`.

    Raises:
        UnknownNameError: there is none; the nearest name is suggested.
    """
    if name not in DOWNSAMPLERS:
        raise UnknownNameError("downsampler", name, DOWNSAMPLERS)
    return DOWNSAMPLERS[name]


def check_fold(size: int, fold: int) -> tuple[int, int]:
    """`size` and `fold` as integers, if the one divides the other."""
    if isinstance(fold, bool) or int(fold) != fold or fold < 1 or size % int(fold):
        fits = [f for f in range(1, size + 1) if size % f == 0]
        raise OntogymError(f"A fold of {fold} does not divide {size} pixels; choose one of {fits}.")
    return int(size), int(fold)


def upsample_nearest(images: T, fold: int) -> T:
    """Each pixel as a block of ``fold`` by ``fold``: how few pixels are shown. ``(..., L, L)`` to ``(..., S, S)``."""
    x: Any = images
    if hasattr(x, "repeat_interleave"):
        blocks: Any = x.repeat_interleave(fold, -1).repeat_interleave(fold, -2)
    else:
        blocks = np.asarray(x).repeat(fold, -1).repeat(fold, -2)
    return blocks  # type: ignore[no-any-return]


def correct_contrast(images: T, alpha: float, clip: bool = True) -> T:
    """``(X - mean) * alpha + mean`` per image (Leong et al. 2024, Image analysis).

    Args:
        images: ``(..., L, L)`` luminance.
        alpha: contrast factor; 1 changes nothing.
        clip: cut off what a display cannot show, below 0 and above 1.

    Raises:
        OntogymError: a negative or infinite factor.
    """
    if not np.isfinite(alpha) or alpha < 0:
        raise OntogymError(f"A contrast factor of {alpha} makes no image; choose one from 0 on.")
    x: Any = images if hasattr(images, "new_tensor") else _floats(images)
    mean = x.mean((-2, -1), keepdims=True) if isinstance(x, np.ndarray) else x.mean((-2, -1), keepdim=True)
    corrected: Any = (x - mean) * alpha + mean
    return corrected.clip(0, 1) if clip else corrected  # type: ignore[no-any-return]


def _floats(images: Any) -> NDArray[Any]:
    x = np.asarray(images)
    if x.dtype.kind != "f":
        raise OntogymError(f"Images must be floats in [0, 1], not {x.dtype}; divide 8-bit images by 255.")
    return x


@functools.lru_cache(maxsize=512)
def _matrix(method: Downsampler, size: int, fold: int) -> Array:
    """As TensorFlow's ScaleAndTranslate: pixel centres at half integers, weights outside the image left out."""
    rows, columns = np.arange(size // fold), np.arange(size)
    if method.kernel is None:
        # The pixel that the centre of the output pixel falls into; at a border of two, the later one.
        weights = (columns == np.floor((rows[:, None] + 0.5) * fold)).astype(np.float64)
    else:
        widened = fold if method.antialias else 1
        distance = np.abs(columns + 0.5 - (rows[:, None] + 0.5) * fold) / widened
        weights = method.kernel.weight(distance)
        weights = np.where(distance <= method.kernel.radius, weights, 0.0)
        weights /= weights.sum(1, keepdims=True)
    weights.flags.writeable = False
    return weights
