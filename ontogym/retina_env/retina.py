"""The simulated retina: it plays the explanted retina of Leong et al. (2024).

It is deliberately no member of the twin's class of functions: its subunits are rectified one by one, its gain is
divided by local contrast, its surrounds inhibit, its output saturates. What a twin cannot learn of it is what a
twin cannot learn of a real retina.

Of luminance x, with G a Gaussian blur and <.>_c, <.>_s a cell's averages over its centre and its surround:

1. cones: R = 4 (x^0.8 / (x^0.8 + 0.4^0.8) - 1/2)
2. bipolar cells: b = G_22um * R - 0.7 G_80um * R
3. gain: b <- b / (1 + e / 0.5), e = sqrt(G_150um * b^2)
4. subunits: on = [b - 0.02]_+, off = [-b - 0.02]_+
5. drive = p_on (rho <on>_c + (1 - rho)/2 <b>_c) + p_off (rho <off>_c - (1 - rho)/2 <b>_c)
   - 0.6 k_s (p_on <on>_s + p_off <off>_s) - c_x (p_on <off>_c + p_off <on>_c)
6. spikes = base + r_max z^1.3 / (z^1.3 + 2.2), z = softplus(2.2 (d - theta)) / 2.2, d the drive in SDs over natural scenes
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from ontogym.errors import OntogymError
from ontogym.retina_env.cells import FIELD_UM, Cells, draw_cells
from ontogym.retina_env.filters import blurred, gaussian_matrix
from ontogym.retina_env.images.arrays import GREY, check_images
from ontogym.retina_env.images.leaves import dead_leaves
from ontogym.seeding import generator

__all__ = [
    "Bipolar",
    "Ensemble",
    "Pooled",
    "SimulatedRetina",
    "Traits",
    "drive_of",
    "spikes_of",
]

CONE_EXPONENT = 0.8
CONE_GAIN = 4.0
BIPOLAR_CENTRE_UM, BIPOLAR_SURROUND_UM, BIPOLAR_SURROUND = 22.0, 80.0, 0.7
GAIN_POOL_UM, GAIN_HALF = 150.0, 0.5
SUBUNIT_THRESHOLD = 0.02
SURROUND_RATIO, SURROUND_GAIN = 2.5, 0.6
OUTPUT_SHARPNESS, OUTPUT_EXPONENT, OUTPUT_HALF = 2.2, 1.3, 2.2
CALIBRATION_SEED, CALIBRATION_IMAGES = 20_240_214, 256
"""The scenes to whose statistics every animal has adapted."""

_CHUNK = 64
Float = NDArray[np.float32]


class Traits(NamedTuple):
    """What cells are, ``(..., N)`` each; as in `ontogym.retina_env.cells.Cells`."""

    on: Tensor
    off: Tensor
    rectification: Tensor
    surround: Tensor
    crossover: Tensor
    max_spikes: Tensor
    threshold: Tensor
    base: Tensor


class Pooled(NamedTuple):
    """What arrives at cells, ``(B, N)`` each: rectified subunits and bipolar output, averaged over centre or surround."""

    on: Tensor
    off: Tensor
    linear: Tensor
    surround_on: Tensor
    surround_off: Tensor


def drive_of(cell: Traits, pooled: Pooled) -> Tensor:
    """Drive of the cells, ``(B, N)`` (step 5)."""
    linear = 0.5 * (1 - cell.rectification) * pooled.linear
    excitation = cell.on * (cell.rectification * pooled.on + linear)
    excitation = excitation + cell.off * (cell.rectification * pooled.off - linear)
    surround = cell.on * pooled.surround_on + cell.off * pooled.surround_off
    crossover = cell.crossover * (cell.on * pooled.off + cell.off * pooled.on)
    return excitation - SURROUND_GAIN * cell.surround * surround - crossover


def spikes_of(cell: Traits, drive: Tensor) -> Tensor:
    """Expected spikes ``(B, N)`` of drive in SDs over natural scenes (step 6)."""
    z = F.softplus(OUTPUT_SHARPNESS * (drive - cell.threshold)) / OUTPUT_SHARPNESS
    powered = z**OUTPUT_EXPONENT
    return cell.base + cell.max_spikes * powered / (powered + OUTPUT_HALF)


class Bipolar(nn.Module):
    """Cones, bipolar cells and contrast gain control (steps 1 to 3), the same in every animal.

    Args:
        size: side of the images, pixels; they are 3.2 mm wide.
    """

    centre: Tensor
    surround: Tensor
    pool: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        pixel = FIELD_UM / size
        for name, um in (
            ("centre", BIPOLAR_CENTRE_UM),
            ("surround", BIPOLAR_SURROUND_UM),
            ("pool", GAIN_POOL_UM),
        ):
            self.register_buffer(name, gaussian_matrix(size, um / pixel), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Luminance ``(B, size, size)`` to bipolar output of the same shape; 0 is what uniform grey gives."""
        cones = self.cones(images)
        return self.respond(blurred(cones, self.centre), blurred(cones, self.surround))

    def cones(self, images: Tensor) -> Tensor:
        """What cones make of luminance, pixel by pixel (step 1)."""
        # A clamp away from 0, where the slope of the power is infinite; black pixels keep a slope all the same.
        light = (images + (images.clamp(min=1e-4) - images).detach()) ** CONE_EXPONENT
        return CONE_GAIN * (light / (light + GREY**CONE_EXPONENT) - 0.5)

    def respond(self, centre: Tensor, surround: Tensor) -> Tensor:
        """Bipolar output ``(B, size, size)`` from blurred cones of its centre and its surround (steps 2 and 3)."""
        b = centre - BIPOLAR_SURROUND * surround
        contrast = torch.sqrt(blurred(b * b, self.pool) + 1e-6)
        return b / (1 + contrast / GAIN_HALF)


class SimulatedRetina(nn.Module):
    """One animal's retina: images to expected spikes of 60 ganglion cells.

    ``retina.rates(images)`` takes and gives NumPy arrays and checks them; ``retina(images)`` takes and gives
    tensors, on the device that the module is on, and can be differentiated.

    Args:
        seed: which animal.
        size: side of the images, pixels.
        cells: cells of one's own in place of those drawn from `seed`.
        adapted: mean and SD ``(N,)`` of their drive over natural scenes, where they are known already.

    Attributes:
        cells: what and where the cells are.
        size: side of the images it sees.
    """

    pools: Tensor
    on: Tensor
    off: Tensor
    rectification: Tensor
    surround: Tensor
    crossover: Tensor
    max_spikes: Tensor
    threshold: Tensor
    base: Tensor
    drive_mean: Tensor
    drive_sd: Tensor

    def __init__(
        self,
        seed: int = 0,
        size: int = 128,
        cells: Cells | None = None,
        adapted: tuple[Tensor, Tensor] | None = None,
    ) -> None:
        super().__init__()
        if not 16 <= size <= 512:
            raise OntogymError(f"A retina cannot see {size} pixels; choose a size from 16 to 512.")
        self.seed, self.size = int(seed), int(size)
        self.cells = draw_cells(self.seed) if cells is None else cells
        self.bipolar = Bipolar(self.size)
        pools = [_pools(self.cells, self.size, ratio) for ratio in (1.0, SURROUND_RATIO)]
        self.register_buffer("pools", torch.from_numpy(np.concatenate(pools)), persistent=False)
        for name in Traits._fields:
            values = torch.from_numpy(getattr(self.cells, name).astype(np.float32))
            self.register_buffer(name, values, persistent=False)
        mean, sd = self._statistics() if adapted is None else adapted
        self.register_buffer("drive_mean", mean, persistent=False)
        self.register_buffer("drive_sd", sd, persistent=False)

    @property
    def n_cells(self) -> int:
        """How many cells there are, N."""
        return len(self.cells)

    @property
    def traits(self) -> Traits:
        """What its cells are, tensors ``(N,)`` on its device."""
        return Traits(*(getattr(self, name) for name in Traits._fields))

    def forward(self, images: Tensor) -> Tensor:
        """Expected spikes in 400 ms, ``(B, N)``, for luminance ``(B, size, size)`` in [0, 1]."""
        return self.fire(self.bipolar(images))

    def fire(self, b: Tensor) -> Tensor:
        """Expected spikes ``(B, N)`` for bipolar output ``(B, size, size)``, which is the same in every animal."""
        return spikes_of(self.traits, (self._drive(b) - self.drive_mean) / self.drive_sd)

    @torch.no_grad()
    def rates(self, images: Any) -> Float:
        """Expected spikes in 400 ms.

        Args:
            images: ``(B, size, size)`` floats in [0, 1].

        Returns:
            ``(B, N)`` float32. A pure function of the images; an image's rates in another batch are equal up to
            rounding in single precision.
        """
        x = check_images(images, self.size)
        parts = [self(self._tensor(x[k : k + _CHUNK])) for k in range(0, len(x), _CHUNK)]
        return np.asarray(torch.cat(parts).cpu().numpy(), dtype=np.float32)

    def record(self, images: Any, repeats: int = 10, seed: int = 0) -> NDArray[np.int64]:
        """Poisson spike counts, ``(repeats, B, N)``: the images are shown `repeats` times.

        Args:
            seed: decides the noise; the same images with the same seed give the same spikes.

        Raises:
            OntogymError: images that `check_images` refuses, or no repeat.
        """
        if repeats < 1:
            raise OntogymError(f"Images must be shown once or more, not {repeats} times.")
        rates = self.rates(images).astype(np.float64)
        return generator(seed, "retina", self.seed, "spikes").poisson(rates, (repeats, *rates.shape))

    def respond(self, images: Any, repeats: int = 10, seed: int = 0) -> Float:
        """Responses averaged over repeats, ``(B, N)`` float32: the rows of the paper's response matrix."""
        return np.asarray(self.record(images, repeats, seed).mean(0), dtype=np.float32)

    def _drive(self, b: Tensor) -> Tensor:
        """Bipolar output ``(B, size, size)`` to the drive of the cells ``(B, N)`` (steps 4 and 5)."""
        n, b = self.n_cells, b.flatten(1)
        subunits = [F.relu(b - SUBUNIT_THRESHOLD), F.relu(-b - SUBUNIT_THRESHOLD), b]
        # One product: for few images the time goes into reading the weights.
        on, off, linear = (torch.cat(subunits) @ self.pools.T).chunk(3)
        return drive_of(self.traits, Pooled(on[:, :n], off[:, :n], linear[:, :n], on[:, n:], off[:, n:]))

    @torch.no_grad()
    def _statistics(self) -> tuple[Tensor, Tensor]:
        """Mean and SD ``(N,)`` of the drive over natural scenes; taken at 128 pixels whatever the size."""
        if self.size != 128:
            other = SimulatedRetina(self.seed, 128, self.cells)
            return other.drive_mean, other.drive_sd
        drive = torch.cat([self._drive(b) for b in _calibration_scenes().split(_CHUNK)])
        return drive.mean(0), drive.std(0) + 1e-6

    def _tensor(self, images: Float) -> Tensor:
        return torch.from_numpy(images).to(self.pools.device)


class Ensemble(nn.Module):
    """Several models of images as one: their neurons side by side, so that a mean over neurons is one over models.

    Args:
        models: `SimulatedRetina`, twins, or any modules of images ``(B, S, S)`` to rates; at least one.
    """

    def __init__(self, models: Sequence[nn.Module]) -> None:
        super().__init__()
        if not models:
            raise OntogymError("An ensemble needs one model or more.")
        self.models = nn.ModuleList(models)
        size = getattr(models[0], "size", None)
        if isinstance(size, int):
            self.size = size
        self._alike = all(isinstance(model, SimulatedRetina) for model in models)

    def forward(self, images: Tensor) -> Tensor:
        """Expected spikes ``(B, sum of N)``."""
        if self._alike:
            first: Any = self.models[0]
            # Retinas differ behind the bipolar cells only: what comes before is computed once.
            b = first.bipolar(images)
            return torch.cat([model.fire(b) for model in self.models], 1)  # type: ignore[operator]
        return torch.cat([model(images) for model in self.models], 1)


def _pools(cells: Cells, size: int, ratio: float) -> Float:
    """Weights ``(N, size * size)`` of each cell over pixels, summing to 1; `ratio` 1 is the centre.

    The surround is round, the centre has the cell's own shape.
    """
    grid = (np.arange(size) + 0.5) * (FIELD_UM / size)
    dx, dy = grid - cells.x[:, None, None], grid[:, None] - cells.y[:, None, None]
    stretch = (cells.stretch if ratio == 1 else np.ones(len(cells)))[:, None, None]
    c, s = np.cos(cells.angle)[:, None, None], np.sin(cells.angle)[:, None, None]
    u, v = (dx * c + dy * s) / stretch, (dy * c - dx * s) * stretch
    weights = np.exp(-(u * u + v * v) / (2 * (ratio * cells.sigma[:, None, None]) ** 2))
    weights /= weights.sum((1, 2), keepdims=True)
    return weights.reshape(len(cells), -1).astype(np.float32)


@functools.lru_cache(maxsize=4)
def _bipolar(size: int) -> Bipolar:
    return Bipolar(size)


@functools.lru_cache(maxsize=1)
def _calibration_scenes() -> Tensor:
    """Bipolar output to the calibration images: the same for every animal, so made once in a process."""
    images = torch.from_numpy(dead_leaves(CALIBRATION_IMAGES, CALIBRATION_SEED))
    with torch.no_grad():
        return torch.cat([_bipolar(128)(part) for part in images.split(_CHUNK)])
