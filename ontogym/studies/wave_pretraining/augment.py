"""Augmentations of whole batches: no worker processes, and the same draws on a CPU as on a GPU.

Every function takes ``(B, C, H, W)`` and, where chance is involved, a CPU generator.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Generator, Tensor

__all__ = ["centre_crop", "normalise", "random_crop", "random_flip", "random_view", "resize", "to_batch"]


def to_batch(images: NDArray[np.uint8], channels: int) -> Tensor:
    """Images ``(B, H, W)`` or ``(B, H, W, 3)``, uint8, as a uint8 tensor ``(B, channels, H, W)``.

    Grey becomes colour by repetition, colour grey by ITU-R BT.601's luma.
    """
    batch = torch.from_numpy(np.ascontiguousarray(images))
    batch = batch[:, None] if batch.ndim == 3 else batch.permute(0, 3, 1, 2)
    if batch.shape[1] == channels:
        return batch
    if batch.shape[1] == 1:
        return batch.expand(-1, channels, -1, -1)
    luma = (batch * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(1, keepdim=True)
    return luma.round().to(torch.uint8).expand(-1, channels, -1, -1)


def normalise(batch: Tensor, mean: Sequence[float], sd: Sequence[float]) -> Tensor:
    """0 to 255 as float32 with `mean` and `sd` (of 0 to 1; one number, or one a channel) taken out.

    A grey batch takes the mean of three.
    """
    if batch.shape[1] == 1 and len(mean) == 3:
        mean, sd = [sum(mean) / 3], [sum(sd) / 3]
    shape = (1, -1, 1, 1)
    centre = torch.tensor(mean, dtype=torch.float32, device=batch.device).view(shape)
    spread = torch.tensor(sd, dtype=torch.float32, device=batch.device).view(shape)
    return (batch.float() / 255 - centre) / spread


def resize(batch: Tensor, size: int) -> Tensor:
    """Images ``(B, C, H, W)`` with the shorter side scaled to `size`, bilinear, smoothed where it shrinks; uint8 stays uint8."""
    height, width = batch.shape[-2:]
    if min(height, width) == size:
        return batch
    scale = size / min(height, width)
    shape = (size, round(width * scale)) if height <= width else (round(height * scale), size)
    scaled = F.interpolate(batch.float(), shape, mode="bilinear", antialias=True)
    return scaled.round().clamp(0, 255).to(torch.uint8) if batch.dtype == torch.uint8 else scaled


def random_crop(batch: Tensor, size: int, generator: Generator) -> Tensor:
    """A square of `size` from each image, each at its own uniform place: ``(B, C, size, size)`` of ``(B, C, H, W)``."""
    count, _, height, width = batch.shape
    if height == width == size:
        return batch
    top = torch.randint(height - size + 1, (count, 1), generator=generator) + torch.arange(size)
    left = torch.randint(width - size + 1, (count, 1), generator=generator) + torch.arange(size)
    top, left = top.to(batch.device), left.to(batch.device)
    which = torch.arange(count, device=batch.device).view(-1, 1, 1, 1)
    channel = torch.arange(batch.shape[1], device=batch.device).view(1, -1, 1, 1)
    return batch[which, channel, top[:, None, :, None], left[:, None, None, :]]


def centre_crop(batch: Tensor, size: int) -> Tensor:
    """The square of `size` in the middle: ``(B, C, size, size)`` of ``(B, C, H, W)``."""
    height, width = batch.shape[-2:]
    top, left = (height - size) // 2, (width - size) // 2
    return batch[..., top : top + size, left : left + size]


def random_flip(batch: Tensor, generator: Generator) -> Tensor:
    """Each image of ``(B, C, H, W)`` mirrored, left to right, with probability one half."""
    flip = (torch.rand(len(batch), generator=generator) < 0.5).to(batch.device)
    return torch.where(flip.view(-1, 1, 1, 1), batch.flip(-1), batch)


def random_view(
    batch: Tensor,
    size: int,
    generator: Generator,
    scale: tuple[float, float] = (0.2, 1.0),
    rotate: bool = True,
    flip: bool = True,
) -> Tensor:
    """A random square of each image, scaled to `size`: what SimCLR compares (its random resized crop).

    Args:
        batch: uint8 or float.
        size: pixels a side of the result.
        generator: decides.
        scale: share of the image's area, uniform between the two.
        rotate: turn by an angle uniform on the circle, mirroring what lies beyond the border (a wave has no upside).
        flip: mirror one half of them.

    Returns:
        Float tensor ``(B, C, size, size)`` in the range of `batch`.
    """
    count = len(batch)
    draws = torch.rand(5, count, generator=generator)
    side = (scale[0] + (scale[1] - scale[0]) * draws[0]).sqrt()
    angle = 2 * math.pi * draws[1] if rotate else torch.zeros(count)
    mirror = torch.where(draws[2] < 0.5, -1.0, 1.0) if flip else torch.ones(count)
    # Centres such that the unrotated square stays inside; in units of half the image.
    x, y = (1 - side) * (2 * draws[3] - 1), (1 - side) * (2 * draws[4] - 1)
    cos, sin = angle.cos() * side, angle.sin() * side
    affine = torch.stack(
        [torch.stack([cos * mirror, -sin, x], 1), torch.stack([sin * mirror, cos, y], 1)], 1
    ).to(batch.device)
    grid = F.affine_grid(affine, [count, batch.shape[1], size, size], align_corners=False)
    return F.grid_sample(batch.float(), grid, padding_mode="reflection", align_corners=False)
