"""Images with all that does not depend on actions: averages, maps, statistics; made once and then looked up."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ontogym.errors import OntogymError
from ontogym.retina_env.encoding.filter_bank import MAPS, FilterBank
from ontogym.retina_env.encoding.layout import Layout
from ontogym.retina_env.images.arrays import check_images
from ontogym.retina_env.images.leaves import dead_leaves
from ontogym.retina_env.measures import local_contrast

__all__ = ["STATISTICS", "Scenes", "given_images", "image_size"]

STATISTICS = ("mean luminance", "SD of luminance", "local contrast", *(f"RMS of {name}" for name in MAPS))
"""What the observation ``statistics`` holds; local contrast times 10; maps as in `FilterBank`."""
STATISTICS_MAX = 10.0
IMAGES_SEED = 2
"""Not the dead leaves that twins are fitted on (1)."""


def image_size(images: Any, default: int) -> int:
    """Side of the images, pixels; `default` of what are no images at all (`given_images` tells that).

    Raises:
        OntogymError: rows of different lengths.
    """
    try:
        shape = np.shape(images)
    except ValueError as error:
        raise OntogymError("images have rows of different lengths; pass one array (M, S, S).") from error
    return int(shape[-1]) if len(shape) >= 2 else default


def given_images(images: Any, n_images: int, size: int) -> tuple[NDArray[np.float32], int]:
    """Images ``(M, S, S)``, and how many successive ones make a film (1: stills).

    Args:
        images: None for `n_images` dead leaves; stills ``(M, S, S)``; films ``(V, T, S, S)``.
        size: side of dead leaves.

    Raises:
        OntogymError: another shape or type, or values outside [0, 1].
    """
    if images is None:
        if isinstance(n_images, bool) or not isinstance(n_images, (int, np.integer)) or n_images < 2:
            raise OntogymError(f"n_images is {n_images!r}; pass a whole number from 2 on.")
        return dead_leaves(int(n_images), IMAGES_SEED, size), 1
    x = np.asarray(images)
    if x.ndim not in (3, 4) or x.shape[-1] != x.shape[-2] or 0 in x.shape:
        raise OntogymError(f"images have shape {x.shape}; pass stills (M, S, S) or films (V, T, S, S).")
    frames = x.shape[1] if x.ndim == 4 else 1
    return check_images(x.reshape(-1, *x.shape[-2:])), frames


class Scenes:
    """M images as the environments need them.

    Args:
        images: ``(M, S, S)`` float32 in [0, 1].
        layout: the electrodes.
        frames: successive images that make a film.

    Attributes:
        images: ``(M, S, S)``.
        average: ``(M, E)``, each electrode's mean.
        maps: ``(M, 13, E)``: the filter bank's, and ones for the bias.
        statistics: ``(M, 15)`` float32, see `STATISTICS`.
    """

    def __init__(self, images: NDArray[np.float32], layout: Layout, frames: int = 1) -> None:
        self.images, self.frames = images, frames
        bank, tensor = FilterBank(layout), torch.from_numpy(images)
        maps: list[Tensor] = [bank(part) for part in tensor.split(64)]
        with_bias = torch.cat([torch.cat(maps), torch.ones(len(images), 1, layout.n)], 1)
        self.average, self.maps = layout.average(tensor), with_bias
        spread = [images.mean((1, 2)), images.std((1, 2)), 10 * local_contrast(images, min(7, layout.size))]
        power = with_bias[:, :-1].square().mean(2).sqrt().numpy()
        statistics = np.concatenate([np.stack(spread, 1), power], 1)
        self.statistics = np.clip(statistics, 0, STATISTICS_MAX).astype(np.float32)

    def __len__(self) -> int:
        return len(self.images)
