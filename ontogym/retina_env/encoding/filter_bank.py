"""Twelve maps of an image on the electrodes: what an action of thirteen numbers weights (the last is a bias)."""

from __future__ import annotations

import functools

import torch
import torch.nn.functional as F
from torch import Tensor

from ontogym.retina_env.encoding.layout import Layout
from ontogym.retina_env.filters import blurred, gaussian_matrix
from ontogym.retina_env.images.leaves import dead_leaves

__all__ = ["MAPS", "SCALES", "FilterBank"]

SCALES = (0.25, 0.5, 1.0)
"""SD of the centres of the differences of Gaussians, in electrode pitches; their surrounds are twice as wide."""
MAPS = (
    "average",
    *(f"difference of Gaussians {s:g}" for s in SCALES),
    *(f"on {s:g}" for s in SCALES),
    *(f"off {s:g}" for s in SCALES),
    "aliasing residual",
    "blur",
)
"""Their names, in the order of the actions."""
_SURROUND, _THRESHOLD, _BLUR = 2.0, 0.02, 2.0
_SCENES_SEED, _SCENES = 2, 64


class FilterBank:
    """The maps of a layout, each of mean 0 and SD 1 over dead leaves, so that weights mean the same everywhere.

    - average: local mean minus the image's: its weight is a correction of contrast.
    - difference of Gaussians: centre minus surround, averaged over the electrode; three scales.
    - on, off: the same, but positive and negative parts beyond a threshold are averaged apart, as subunits of a
      retina would: what averaging first would cancel.
    - aliasing residual: the pixel in the electrode's middle minus the local mean.
    - blur: two pitches wide, minus the image's mean.

    Args:
        layout: the electrodes.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        blur = functools.partial(_blur, layout.size)
        self._centres = [blur(layout.pitch * s) for s in SCALES]
        self._surrounds = [blur(layout.pitch * s * _SURROUND) for s in SCALES]
        self._wide = blur(layout.pitch * _BLUR)
        raw = self._raw(torch.from_numpy(dead_leaves(_SCENES, _SCENES_SEED, layout.size)))
        self._mean = raw.mean((0, 2), keepdim=True)
        # A single electrode sees no difference to the mean; its maps stay 0.
        self._sd = raw.std((0, 2), keepdim=True).clamp(min=1e-3)

    def __call__(self, images: Tensor) -> Tensor:
        """Luminance ``(B, size, size)`` to maps ``(B, 12, E)``; differentiable."""
        return (self._raw(images) - self._mean) / self._sd

    def _raw(self, images: Tensor) -> Tensor:
        average = self.layout.average(images)
        mean = images.mean((-2, -1))[:, None]
        bands = [blurred(images, c) - blurred(images, s) for c, s in zip(self._centres, self._surrounds)]
        maps = [average - mean, *(self.layout.average(band) for band in bands)]
        maps += [self.layout.average(F.relu(band - _THRESHOLD)) for band in bands]
        maps += [self.layout.average(F.relu(-band - _THRESHOLD)) for band in bands]
        maps += [
            self.layout.sample(images) - average,
            self.layout.average(blurred(images, self._wide)) - mean,
        ]
        return torch.stack(maps, 1)


def _blur(size: int, sd: float) -> Tensor:
    return gaussian_matrix(size, min(sd, size / 2))
