"""What all images of the suite have in common: one check, one luminance scale, one way to split."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ontogym.errors import OntogymError
from ontogym.seeding import generator

__all__ = ["GREY", "Images", "Split", "adapt", "check_images", "cut_patches", "split"]

Images = NDArray[np.float32]

GREY = 0.4
"""Mean luminance of every scene: the eye has adapted to it, and the screen's white is 2.5 times as bright."""


class Split(NamedTuple):
    """Indices of the images of each part, sorted, int64."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]


def check_images(images: Any, size: int | None = None, what: str = "images") -> Images:
    """`images` as float32 ``(B, size, size)`` in [0, 1]; a single image becomes a batch of one.

    Raises:
        OntogymError: another shape, values that are not finite or not in [0, 1], or integers: whether 255 or 1
            is white cannot be guessed.
    """
    x = np.asarray(images)
    x = x[None] if x.ndim == 2 else x
    if x.dtype.kind != "f":
        raise OntogymError(
            f"The {what} are of type {x.dtype}, but must be floats in [0, 1]; divide 8-bit images by 255."
        )
    side = "H, W" if size is None else f"{size}, {size}"
    if x.ndim != 3 or 0 in x.shape or (size is not None and x.shape[1:] != (size, size)):
        raise OntogymError(f"The {what} have shape {x.shape}, but must be (B, {side}) or ({side}).")
    low, high = float(x.min()), float(x.max())
    # A NaN anywhere makes both NaN, and then no comparison holds.
    if not (low >= 0 and high <= 1):
        raise OntogymError(
            f"The {what} reach from {low:.4g} to {high:.4g}, but luminance must lie in [0, 1]; "
            "scale it, for example with ontogym.retina_env.images.adapt."
        )
    return np.asarray(x, dtype=np.float32)


def adapt(images: ArrayLike, mean: float = GREY) -> Images:
    """Images scaled so that each one's mean is `mean`, as after adaptation, then cut off at white (1).

    Args:
        images: ``(B, H, W)``, linear in luminance, in any unit, nowhere negative.

    Returns:
        ``(B, H, W)`` float32. Where highlights were cut off, the mean is a little lower.

    Raises:
        OntogymError: images of another shape, or with a number that is negative or not finite.
    """
    x = np.asarray(images, dtype=np.float64)
    if x.ndim != 3 or not np.isfinite(x).all() or (x < 0).any():
        raise OntogymError("Only (B, H, W) images of finite luminance, nowhere negative, can be adapted.")
    own = x.mean((1, 2), keepdims=True)
    # An image that is black throughout has no scale; it is shown as it is.
    scaled = np.divide(x, own, out=np.zeros_like(x), where=own > 0) * mean
    return np.minimum(scaled, 1).astype(np.float32)


def cut_patches(image: NDArray[Any], size: int = 128) -> NDArray[Any]:
    """Non-overlapping patches ``(B, size, size)`` of one image ``(H, W)``, centred on it, row by row.

    Raises:
        OntogymError: an image smaller than one patch.
    """
    rows, columns = (side // size for side in image.shape)
    if not rows * columns:
        raise OntogymError(
            f"An image of {image.shape} pixels holds no patch of {size}; choose a smaller size."
        )
    top, left = (image.shape[0] - rows * size) // 2, (image.shape[1] - columns * size) // 2
    part = image[top : top + rows * size, left : left + columns * size]
    return part.reshape(rows, size, columns, size).swapaxes(1, 2).reshape(-1, size, size)


def split(
    count: int,
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
    seed: int = 0,
    groups: Sequence[Hashable] | None = None,
) -> Split:
    """Train, validation and test images (Leong et al. 2024: .8, .1, .1).

    Args:
        count: how many images there are.
        fractions: sizes of the three parts; they sum to 1.
        seed: decides which images (or groups) go where.
        groups: for each image what it was cut from; a group is never torn apart.

    Raises:
        OntogymError: fractions that do not sum to 1, or a part with a share that gets nothing.
    """
    if len(fractions) != 3 or min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-6:
        raise OntogymError(f"The three fractions must be positive and sum to 1, not {fractions}.")
    owners = np.arange(count) if groups is None else np.unique(_labels(groups), return_inverse=True)[1]
    if len(owners) != count:
        raise OntogymError(f"There are {len(owners)} group labels for {count} images; give one an image.")
    order = generator(seed, "split").permutation(owners.max() + 1 if count else 0)
    ends = np.rint(np.cumsum(fractions) * len(order)).astype(int)
    parts = np.split(order, ends[:2])
    found = Split(*(np.flatnonzero(np.isin(owners, part)) for part in parts))
    for name, part, fraction in zip(Split._fields, found, fractions):
        if fraction and not len(part):
            raise OntogymError(f"{len(order)} images or groups are too few to give the {name} part any.")
    return found


def _labels(groups: Sequence[Hashable]) -> NDArray[np.int64]:
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(group, len(numbers)) for group in groups], dtype=np.int64)
