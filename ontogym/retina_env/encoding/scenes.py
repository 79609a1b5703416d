"""Images with all that does not depend on actions: averages, maps, statistics; made once and then looked up."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import rotate
from torch import Tensor

from ontogym.errors import OntogymError, UnknownNameError, whole_number
from ontogym.retina_env.encoding.filter_bank import MAPS, FilterBank
from ontogym.retina_env.encoding.layout import Layout
from ontogym.retina_env.images.arrays import check_images
from ontogym.retina_env.images.leaves import dead_leaves
from ontogym.retina_env.images.shipped import COMPLETE, photographs
from ontogym.retina_env.measures import local_contrast

__all__ = ["PICTURES", "STATISTICS", "Scenes", "TurnedScenes", "given_images", "image_size"]

STATISTICS = ("mean luminance", "SD of luminance", "local contrast", *(f"RMS of {name}" for name in MAPS))
"""What the observation ``statistics`` holds; local contrast times 10; maps as in `FilterBank`."""
STATISTICS_MAX = 10.0
IMAGES_SEED = 2
"""Not the dead leaves that twins are fitted on (1)."""
HELD_OUT_SEED = 3
"""Dead leaves that nothing is trained or chosen on."""
PICTURES = ("leaves", "held-out leaves", "photographs")
"""Kinds of pictures by name; photographs are those that installed packages bring, and none is trained on."""


def image_size(images: Any, default: int) -> int:
    """Side of the images, pixels; `default` of what are no images at all (`given_images` tells that).

    Raises:
        OntogymError: rows of different lengths, or a shape that `given_images` refuses: a fold is to be measured by the side of
            a picture, and not by its colours or the longer of two sides.
    """
    if images is None or isinstance(images, str):
        return default
    try:
        shape = np.shape(images)
    except ValueError as error:
        raise OntogymError("images have rows of different lengths; pass one array (M, S, S).") from error
    if len(shape) < 2:
        return default
    _check_shape(shape)
    return int(shape[-1])


def _check_shape(shape: tuple[int, ...]) -> None:
    if len(shape) not in (3, 4) or shape[-1] != shape[-2] or 0 in shape:
        coloured = len(shape) >= 3 and shape[-1] in (3, 4) and shape[-2] > 4
        raise OntogymError(
            f"images have shape {shape}; pass square stills (M, S, S) or films (V, T, S, S)"
            + (", without colours: luminance is one number a pixel." if coloured else ".")
        )


def given_images(images: Any, n_images: int, size: int) -> tuple[NDArray[np.float32], int]:
    """Images ``(M, S, S)``, and how many successive ones make a film (1: stills).

    Args:
        images: None for `n_images` dead leaves; a word of `PICTURES`; stills ``(M, S, S)``; films ``(V, T, S, S)``.
        size: side of dead leaves.

    Raises:
        OntogymError: another shape or type, or values outside [0, 1].
    """
    if images is None or isinstance(images, str):
        n_images = whole_number("n_images", n_images, 2)
        return _named("leaves" if images is None else images, int(n_images), size), 1
    x = np.asarray(images)
    _check_shape(x.shape)
    frames = x.shape[1] if x.ndim == 4 else 1
    return check_images(x.reshape(-1, *x.shape[-2:])), frames


def _named(word: str, count: int, size: int) -> NDArray[np.float32]:
    """At most `count` images of a kind of `PICTURES`."""
    if word not in PICTURES:
        raise UnknownNameError("kind of pictures", word, PICTURES)
    if word == "photographs":
        found = photographs(size)
        if missing := sorted(set(COMPLETE) - set(found.names)):
            raise OntogymError(
                f"Not all photographs are installed (missing: {missing[0]}), so scores would not be comparable; "
                "run pip install 'ontogym[data]'."
            )
        # Evenly over the photographs, of which some are ten times as large as others.
        rows = np.unique(np.linspace(0, len(found.images) - 1, count).round().astype(int))
        return found.images[rows]
    return dead_leaves(count, HELD_OUT_SEED if word == "held-out leaves" else IMAGES_SEED, size)


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


TURNS_DEG = tuple(float(d) for d in np.linspace(-45, 45, 13))
"""Angles for which maps of turned pictures are kept; between them they are mixed."""


class TurnedScenes(Scenes):
    """The same for pictures that can also be turned about their middle before they are encoded.

    Attributes:
        turned: ``(M, 13 angles, 13 maps, E)`` float32; what lies beyond the picture is its edge.
        turned_average: ``(M, 13 angles, E)``.
    """

    def __init__(self, images: NDArray[np.float32], layout: Layout, frames: int = 1) -> None:
        super().__init__(images, layout, frames)
        bank, maps, averages = FilterBank(layout), [], []
        for degrees in TURNS_DEG:
            picture = torch.from_numpy(np.clip(_turned(images, degrees), 0, 1))
            found = torch.cat([bank(part) for part in picture.split(64)])
            maps.append(torch.cat([found, torch.ones(len(images), 1, layout.n)], 1))
            averages.append(layout.average(picture))
        self.turned, self.turned_average = torch.stack(maps, 1), torch.stack(averages, 1)

    def mixed(self, image: Tensor, turn: Tensor) -> tuple[Tensor, Tensor]:
        """Average ``(B, E)`` and maps ``(B, 13, E)`` of pictures turned by ``turn`` in [-1, 1] times 45 degrees."""
        at = (turn.clamp(-1, 1) + 1) / 2 * (len(TURNS_DEG) - 1)
        low = at.detach().long().clamp(max=len(TURNS_DEG) - 2)
        share = (at - low)[:, None]
        average = self.turned_average[image, low] * (1 - share) + self.turned_average[image, low + 1] * share
        share = share[..., None]
        return average, self.turned[image, low] * (1 - share) + self.turned[image, low + 1] * share


def _turned(images: NDArray[np.float32], degrees: float) -> NDArray[np.float32]:
    """Images ``(M, S, S)`` turned counter-clockwise, as one looks at them."""
    if not degrees:
        return images
    found = rotate(images, degrees, axes=(2, 1), reshape=False, order=1, mode="nearest")
    return np.asarray(found, dtype=np.float32)
