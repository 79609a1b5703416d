"""Electrodes on the retina: which pixels an electrode is computed from, and which show it.

Every pixel shows its nearest electrode, so a square array whose side divides the image is what the paper shows:
blocks of ``fold`` by ``fold`` pixels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ontogym.errors import OntogymError
from ontogym.retina_env.cells import FIELD_UM
from ontogym.retina_env.downsampling import check_fold, upsample_nearest
from ontogym.retina_env.images.arrays import GREY

__all__ = ["Layout", "implant_layout", "make_layout"]


class Layout:
    """E electrodes in front of an image of ``size`` by ``size`` pixels.

    Args:
        size: side of the image, pixels.
        owner: ``(size * size,)`` the electrode that each pixel shows, 0 .. E-1, row by row; -1 where there is none.
        shape: shape of an array with one value per electrode: ``(rows, columns)`` or ``(E,)``.
        fold: side of the blocks, where the electrodes are such; else None.

    Attributes:
        centres: ``(E,)`` the pixel in the middle of each electrode's own.
        pitch: side of a square as large as an electrode's part of the image, pixels.
    """

    def __init__(
        self, size: int, owner: NDArray[np.int64], shape: tuple[int, ...], fold: int | None = None
    ) -> None:
        self.n = int(np.prod(shape))
        self.size, self.shape, self.fold = size, shape, fold
        # What belongs to no electrode counts as one more, which is left out again.
        owner = np.where(owner < 0, self.n, owner)
        counts = np.bincount(owner, minlength=self.n + 1)[: self.n]
        if counts.min() == 0:
            raise OntogymError(
                f"Electrode {int(counts.argmin())} is the nearest to no pixel; move it away from the others "
                "or leave it out."
            )
        self.owner = torch.from_numpy(owner)
        self.pitch = float(np.sqrt(counts.sum() / self.n))
        self.centres = torch.from_numpy(_middles(size, owner, counts))
        self._share = torch.from_numpy((1 / counts).astype(np.float32))

    def average(self, images: Tensor) -> Tensor:
        """Mean of each electrode's pixels, ``(..., size, size)`` to ``(..., E)``."""
        if self.fold is not None:
            n, f = self.size // self.fold, self.fold
            blocks = images.reshape(*images.shape[:-2], n, f, n, f)
            return blocks.mean((-3, -1)).flatten(-2)
        flat = images.flatten(-2)
        sums = flat.new_zeros(*flat.shape[:-1], self.n + 1).index_add_(-1, self.owner, flat)
        return sums[..., :-1] * self._share

    def sample(self, images: Tensor) -> Tensor:
        """The one pixel in the middle of each electrode, ``(..., size, size)`` to ``(..., E)``."""
        return images.flatten(-2)[..., self.centres]

    def show(self, low: Tensor) -> Tensor:
        """What the retina sees, ``(B, E)`` or ``(B, *shape)`` to ``(B, size, size)``; differentiable."""
        if self.fold is not None:
            return upsample_nearest(low.reshape(len(low), *self.shape), self.fold)
        # What no electrode shows is grey.
        values = F.pad(low.reshape(len(low), -1), (0, 1), value=GREY)
        return values[:, self.owner].view(-1, self.size, self.size)


def make_layout(size: int, fold: int = 4, grid: Any = None) -> Layout:
    """Electrodes as the environments' arguments describe them.

    Args:
        size: side of the image, pixels.
        fold: with no `grid`, a square array of blocks of ``fold`` by ``fold`` pixels.
        grid: None; ``(rows, columns)`` spread evenly over the image, ``(6, 10)`` being as many as an Argus II has;
            or coordinates ``(E, 2)``, x to the right and y downwards in micrometres from the upper left corner of
            an image 3 200 micrometres wide.

    Raises:
        OntogymError: a fold that does not divide the image, more rows than pixels, coordinates outside the image or
            on top of each other.
    """
    if grid is None:
        size, fold = check_fold(size, fold)
        side = size // fold
        return _array(size, side, side)
    try:
        given = np.asarray(grid, dtype=np.float64)
    except (TypeError, ValueError):
        given = np.zeros(0)
    if given.shape == (2,):
        whole = (given == np.rint(given)).all() and (given >= 1).all() and (given <= size).all()
        if not whole:
            raise OntogymError(
                f"A grid of {grid!r} electrodes does not fit {size} pixels; pass (rows, columns)."
            )
        return _array(size, int(given[0]), int(given[1]))
    if given.ndim != 2 or given.shape[1:] != (2,) or not len(given):
        raise OntogymError(f"grid is {grid!r}; pass (rows, columns), or coordinates (E, 2) in micrometres.")
    if not ((given >= 0) & (given <= FIELD_UM)).all():
        raise OntogymError(
            f"Electrodes must lie within the image, from 0 to {FIELD_UM:g} micrometres; move those outside."
        )
    return Layout(size, _nearest(size, given), (len(given),))


def implant_layout(size: int, degrees: NDArray[np.float64], pitch: float, half: float) -> Layout:
    """The electrodes of an implant at their true size, on images that show a square of the visual field.

    A pixel shows its nearest electrode, if one is nearer than the corner of its own square of one pitch.

    Args:
        size: side of the image, pixels.
        degrees: ``(E, 2)`` electrodes in the visual field, x to the right and y upwards.
        pitch: distance of neighbours, degrees.
        half: the image reaches from ``-half`` to ``half`` degrees along both axes.
    """
    at = ((np.arange(size) + 0.5) / size * 2 - 1) * half
    owner = np.empty((size, size), dtype=np.int64)
    for row, y in enumerate(-at):
        apart = (at[:, None] - degrees[:, 0]) ** 2 + (y - degrees[:, 1]) ** 2
        owner[row] = np.where(apart.min(1) <= pitch**2 / 2, apart.argmin(1), -1)
    return Layout(size, owner.ravel(), (len(degrees),))


def _array(size: int, rows: int, columns: int) -> Layout:
    at = np.arange(size)
    owner = (at * rows // size)[:, None] * columns + at * columns // size
    fold = size // rows if rows == columns and size % rows == 0 else None
    return Layout(size, owner.ravel(), (rows, columns), fold)


def _nearest(size: int, coordinates: NDArray[np.float64]) -> NDArray[np.int64]:
    """The nearest electrode of each pixel, ``(size * size,)``; of two equally near ones the first."""
    x, y = (coordinates / FIELD_UM * size - 0.5).T
    at = np.arange(size)
    rows = [((at[:, None] - x) ** 2 + (row - y) ** 2).argmin(1) for row in at]
    return np.concatenate(rows)


def _middles(size: int, owner: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The pixel nearest to the mean of each electrode's pixels, ``(E,)``."""
    y, x = np.divmod(np.arange(size * size), size)
    mean_y, mean_x = (np.bincount(owner, part)[: len(counts)] / counts for part in (y, x))
    return np.asarray(np.floor(mean_y + 0.5) * size + np.floor(mean_x + 0.5), dtype=np.int64)
