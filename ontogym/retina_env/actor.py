"""The actor of Leong et al. (2024): a small network that makes few pixels of many so that a twin responds alike.

    low = clip(sum_k m_k softplus(W_k * X + b_k) + c, 0, 1)

with six kernels W of 31 pixels, moved by one block (`fold` pixels) at a time. It is trained by the gradient of the
Poisson loss through a frozen twin, which sees each pixel of `low` as a block. How the paper makes one image of six
maps it does not say; here it is the sum above, and the gradient passes the clip as if it were not there.

Kernels start as noise: nothing in them is round, or bright in the middle, before training.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from ontogym.errors import OntogymError, whole_number
from ontogym.retina_env.downsampling import check_fold
from ontogym.retina_env.filters import cut
from ontogym.retina_env.images.arrays import GREY, check_images
from ontogym.retina_env.weights import load_model, save_model

__all__ = [
    "Actor",
    "ActorShape",
    "effective_kernel",
    "load_actor",
    "save_actor",
    "shipped_actor",
]

_KIND = "actor"
_CHUNK = 64


@dataclass(frozen=True)
class ActorShape:
    """Sizes of an actor.

    Attributes:
        fold: how many times smaller its images are.
        size: side of the images it sees, pixels.
        kernels: how many, K.
        kernel_size: their side, pixels.
    """

    fold: int = 4
    size: int = 128
    kernels: int = 6
    kernel_size: int = 31

    def __post_init__(self) -> None:
        for field in fields(self):
            size = whole_number(f"The actor's setting {field.name}", getattr(self, field.name), 1, 1024)
            object.__setattr__(self, field.name, size)
        check_fold(self.size, self.fold)

    @property
    def before(self) -> int:
        """Pixels by which a kernel reaches over its block upwards and to the left."""
        return max(0, (self.kernel_size - self.fold) // 2)

    @property
    def group(self) -> int:
        """Side of the square of pixels of the low-resolution image that one step of the convolution gives.

        Where blocks are small, four at once are two to three times faster: one channel for each.
        """
        return 2 if self.fold <= 4 and self.size % (2 * self.fold) == 0 else 1

    @property
    def tile(self) -> int:
        """Side of the tiles that images are cut into, pixels."""
        return self.fold * self.group

    @property
    def reach(self) -> int:
        """Tiles that the kernels of one group read along a side."""
        first = max(0, (self.fold - self.kernel_size) // 2)
        return -(-(first + self.tile - self.fold + self.kernel_size) // self.tile)

    @property
    def beyond(self) -> int:
        """Pixels that the image is continued by, downwards and to the right."""
        return (self.reach - 1) * self.tile - self.before


class Actor(nn.Module):
    """The network. ``actor.encode(images)`` is what to use; ``actor(images)`` is differentiable and may train.

    Args:
        shape: its sizes.
        image_mean, image_sd: of the luminance it is trained on; images are z-scored with them inside.
        generator: draws the first weights.

    Attributes:
        kernels: ``(K, k, k)``.
        shift: ``(K,)``, the b above.
        mix: ``(K,)``, the m above.
        grey: the c above.
        facts: what is known of it, JSON-able; kept in its file.
    """

    image_mean: Tensor
    image_sd: Tensor

    def __init__(
        self,
        shape: ActorShape | None = None,
        image_mean: float = GREY,
        image_sd: float = 0.22,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.shape = s = shape or ActorShape()
        self.facts: dict[str, Any] = {}
        noise = torch.randn(s.kernels, s.kernel_size, s.kernel_size, generator=generator)
        self.kernels = nn.Parameter(noise * 0.1 / s.kernel_size)
        self.shift = nn.Parameter(torch.zeros(s.kernels))
        # Half of the maps are added and half taken away, so that on grey they cancel.
        self.mix = nn.Parameter((-1.0) ** torch.arange(s.kernels) * image_sd)
        grey = float(image_mean) - math.log(2) * self.mix.detach().sum().double()
        self.grey = nn.Parameter(grey.float())
        self.register_buffer("image_mean", torch.tensor(float(image_mean)))
        self.register_buffer("image_sd", torch.tensor(float(image_sd)))

    def forward(self, images: Tensor) -> Tensor:
        """Luminance ``(B, 1, size, size)`` to ``(B, 1, size / fold, size / fold)`` in [0, 1]; differentiable."""
        return self.from_tiles(self.to_tiles(images))

    def to_tiles(self, images: Tensor) -> Tensor:
        """Images z-scored, continued at the edges and cut into tiles, one channel for each pixel of a tile.

        ``(B, 1, size, size)`` to ``(B, tile * tile, n, n)``; does not depend on the weights, so training keeps it.

        Raises:
            OntogymError: images of another shape.
        """
        s = self.shape
        if images.ndim != 4 or images.shape[1:] != (1, s.size, s.size):
            raise OntogymError(
                f"This actor sees (B, 1, {s.size}, {s.size}) images, not {tuple(images.shape)}."
            )
        x = (images - self.image_mean) / self.image_sd
        x = F.pad(x, (s.before, s.beyond, s.before, s.beyond), mode="replicate")
        return F.pixel_unshuffle(x, s.tile)

    def from_tiles(self, tiles: Tensor) -> Tensor:
        """What `to_tiles` gave to ``(B, 1, size / fold, size / fold)`` in [0, 1]."""
        s, g = self.shape, self.shape.group
        shift = self.shift.repeat_interleave(g * g)
        maps = F.softplus(F.conv2d(tiles, self._tiled_kernels(), shift)).unflatten(1, (s.kernels, g * g))
        return cut(F.pixel_shuffle(torch.einsum("bkgij,k->bgij", maps, self.mix), g) + self.grey)

    def _tiled_kernels(self) -> Tensor:
        """Kernels at each place in a group, cut into tiles: ``(K * group * group, tile * tile, reach, reach)``."""
        s = self.shape
        # A kernel smaller than its block lies in the middle of it.
        first, room = max(0, (s.fold - s.kernel_size) // 2), s.reach * s.tile - s.kernel_size
        starts = [first + k * s.fold for k in range(s.group)]
        moved = [F.pad(self.kernels, (x, room - x, y, room - y)) for y in starts for x in starts]
        return F.pixel_unshuffle(torch.stack(moved, 1).flatten(0, 1)[:, None], s.tile)

    @torch.no_grad()
    def encode(self, images: Any) -> Any:
        """What the prosthesis shows.

        Args:
            images: ``(B, 1, size, size)`` floats in [0, 1], a tensor or an array.

        Returns:
            ``(B, 1, size / fold, size / fold)`` float32 in [0, 1], a tensor or an array as `images` was.

        Raises:
            OntogymError: images of another shape, or outside [0, 1].
        """
        if isinstance(images, Tensor):
            return torch.cat([self(part) for part in images.float().split(_CHUNK)])
        x = np.asarray(images)
        if x.ndim != 4 or x.shape[1] != 1:
            raise OntogymError(f"Images come as (B, 1, size, size), not with shape {x.shape}.")
        x = check_images(x[:, 0], self.shape.size)[:, None]
        return self.encode(torch.from_numpy(x).to(self.grey.device)).cpu().numpy()


def effective_kernel(actor: Actor) -> NDArray[np.float64]:
    """The one linear filter that the actor is near grey, ``(k, k)``: its kernels weighted by mix and slope.

    In luminance of the low-resolution pixel per luminance of each pixel of the image.
    """
    with torch.no_grad():
        slope = actor.mix * torch.sigmoid(actor.shift) / actor.image_sd
        return np.asarray(torch.einsum("k,kij->ij", slope, actor.kernels).cpu().numpy(), dtype=np.float64)


def save_actor(path: Path | str, actor: Actor) -> None:
    """Write an actor: weights, sizes and facts in one safetensors file, sizes and facts also as JSON beside it."""
    save_model(path, _KIND, actor)


def load_actor(path: Path | str) -> Actor:
    """Read what `save_actor` wrote; the actor is in eval mode and frozen.

    Raises:
        OntogymError: no such file; damaged; no actor; weights missing, of another shape or not finite.
    """
    return load_model(path, _KIND, ActorShape, Actor)


def shipped_actor() -> Actor:
    """The actor that ships: 4-fold, trained through sixteen simulated animals, at what each answers to full pictures.

    The best actor on animals that it has not met; a network of more than one layer is better
    (`ontogym.retina_env.encoding.networks.shipped_network`). ``python benchmarks/encoding_experiments.py actor-ensemble --seeds 1 --device cuda`` made it.
    """
    return load_actor(Path(__file__).with_name("actor-animals.safetensors"))
