"""Who answers to what the electrodes show: a digital twin, a simulated retina, or a model from elsewhere.

All are functions of the electrodes' values ``(B, E)``. Rounding in single precision depends on how many images are
evaluated at once; `in_blocks` evaluates always eight, so that a lane's numbers do not depend on its neighbours.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ontogym.errors import OntogymError
from ontogym.retina_env.encoding.layout import Layout
from ontogym.retina_env.filters import blurred
from ontogym.retina_env.forward_model import ForwardModel
from ontogym.retina_env.retina import Bipolar, SimulatedRetina

__all__ = [
    "BLOCK",
    "ExternalModel",
    "FoldedBipolar",
    "FoldedRetina",
    "FoldedTwin",
    "ModelOnLayout",
    "in_blocks",
    "make_responder",
]

BLOCK = 8
"""Images that are always evaluated together."""


def in_blocks(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """``function(x)``, eight rows at a time; what is missing of the last eight is filled with its first row."""
    parts = []
    for part in x.split(BLOCK):
        missing = BLOCK - len(part)
        if missing:
            part = torch.cat([part, part[:1].expand(missing, *part.shape[1:])])
        parts.append(function(part))
    return torch.cat(parts)[: len(x)]


class ModelOnLayout(nn.Module):
    """A model of images, shown what the electrodes show.

    Args:
        model: `SimulatedRetina`, `ForwardModel` or `ExternalModel`.
        layout: the electrodes.
    """

    def __init__(self, model: nn.Module, layout: Layout) -> None:
        super().__init__()
        self.model, self.layout = model, layout

    def forward(self, low: Tensor) -> Tensor:
        """Expected spikes ``(B, N)`` for electrode values ``(B, E)`` in [0, 1]."""
        rates: Tensor = self.model(self.layout.show(low))
        return rates


class FoldedTwin(nn.Module):
    """The twin of images made of blocks, its kernels summed over the blocks once: `ForwardModel.forward_low`, faster.

    Blocks of `fold` and the `pool` of the twin's readout fall together every ``lcm(fold, pool)`` pixels. For each such
    tile one product gives every output of the convolution in it, ordered so that pooling adds up whole columns, and
    the readout is one product more.

    Args:
        twin: a frozen twin; its weights are copied.
        fold: pixels per block along a side.
    """

    kernels: Tensor
    shift: Tensor
    weights: Tensor
    bias: Tensor

    def __init__(self, twin: ForwardModel, fold: int) -> None:
        super().__init__()
        s = twin.shape
        self.tile = math.lcm(fold, s.pool)
        self.tiles = -(-s.map_size // self.tile)
        self.reach = (s.kernel_size + self.tile - 2) // fold + 1
        self.stride, self.low_size = self.tile // fold, s.size // fold
        self.pools = self.tile // s.pool
        with torch.no_grad():
            norm = twin.norm
            assert norm.running_var is not None
            assert norm.running_mean is not None
            scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            kernels = self._tile_kernels(twin.kernels * (scale / twin.image_sd)[:, None, None], fold, s.pool)
            shift = norm.bias - scale * norm.running_mean
            shift = shift - twin.kernels.sum((1, 2)) * scale * twin.image_mean / twin.image_sd
            self.register_buffer("kernels", kernels.contiguous())
            self.register_buffer("shift", shift.repeat_interleave(self.pools**2).repeat(s.pool**2))
            self.register_buffer("weights", self._tile_weights(twin).contiguous())
            self.register_buffer("bias", twin.bias.detach().clone())

    def _tile_kernels(self, kernels: Tensor, fold: int, pool: int) -> Tensor:
        """``(reach * reach, pool * pool * K * pools * pools)``: from blocks to outputs of a tile."""
        k, q, t = kernels.shape[-1], self.reach, self.tile
        corner, tap = torch.meshgrid(torch.arange(t), torch.arange(k), indexing="ij")
        onto = kernels.new_zeros(t, q, k)
        onto[corner, (corner + tap) // fold, tap] = 1
        weights = torch.einsum("aqi,kij,brj->qrkab", onto, kernels, onto)
        # Corner a of a tile is pixel a % pool of pool a // pool.
        weights = weights.reshape(q, q, -1, self.pools, pool, self.pools, pool)
        return weights.permute(0, 1, 4, 6, 2, 3, 5).reshape(q * q, -1)

    def _tile_weights(self, twin: ForwardModel) -> Tensor:
        """``(tiles * tiles * K * pools * pools, N)``: from pooled sums to drives; 0 beyond the twin's maps."""
        s, side = twin.shape, self.tiles * self.pools
        spatial = F.pad(twin.spatial, (0, side - s.side, 0, side - s.side)) / s.pool**2
        spatial = spatial.reshape(s.neurons, self.tiles, self.pools, self.tiles, self.pools)
        return torch.einsum("niajb,nk->ijkabn", spatial, twin.feature).reshape(-1, s.neurons)

    def forward(self, low: Tensor) -> Tensor:
        """Expected spikes ``(B, N)`` for electrode values ``(B, E)``; differentiable."""
        x = low.reshape(-1, self.low_size, self.low_size)
        beyond = max(0, (self.tiles - 1) * self.stride + self.reach - self.low_size)
        if beyond:  # only outputs that have no weight look there
            x = F.pad(x, (0, beyond, 0, beyond))
        patches = x.unfold(1, self.reach, self.stride).unfold(2, self.reach, self.stride)
        patches = patches[:, : self.tiles, : self.tiles].reshape(-1, self.reach**2)
        activity = F.softplus(torch.addmm(self.shift, patches, self.kernels))
        # The order is (pixel of a pool, kernel, pool): pooling is a sum over the first.
        columns = self.kernels.shape[1] * self.pools**2 // self.tile**2
        pooled = activity.view(len(patches), -1, columns).sum(1)
        return F.softplus(pooled.reshape(len(low), -1) @ self.weights + self.bias)


class FoldedBipolar(nn.Module):
    """`Bipolar` of images made of blocks: cones once per block, and two of its three blurs on fewer numbers.

    Args:
        bipolar: what it equals, up to rounding.
        size: side of the images.
        fold: pixels per block along a side.
    """

    centre: Tensor
    surround: Tensor

    def __init__(self, bipolar: Bipolar, size: int, fold: int) -> None:
        super().__init__()
        self.bipolar, self.low_size = bipolar, size // fold
        onto = torch.repeat_interleave(torch.eye(self.low_size), fold, 0)
        self.register_buffer("centre", bipolar.centre @ onto, persistent=False)
        self.register_buffer("surround", bipolar.surround @ onto, persistent=False)

    def forward(self, low: Tensor) -> Tensor:
        """Bipolar output ``(B, size, size)`` for electrode values ``(B, E)``."""
        cones = self.bipolar.cones(low.reshape(-1, self.low_size, self.low_size))
        return self.bipolar.respond(blurred(cones, self.centre), blurred(cones, self.surround))


class FoldedRetina(nn.Module):
    """`SimulatedRetina` of images made of blocks; arguments as in `FoldedTwin`."""

    def __init__(self, retina: SimulatedRetina, fold: int) -> None:
        super().__init__()
        self.retina, self.bipolar = retina, FoldedBipolar(retina.bipolar, retina.size, fold)

    def forward(self, low: Tensor) -> Tensor:
        """Expected spikes ``(B, N)`` for electrode values ``(B, E)``."""
        return self.retina.fire(self.bipolar(low))


class ExternalModel(nn.Module):
    """A model from elsewhere, checked at every call: images ``(B, S, S)`` in [0, 1] to rates ``(B, N)``.

    Args:
        model: a `torch.nn.Module` of tensors (differentiable), or any function of NumPy arrays.
        size: side of the images.
    """

    def __init__(self, model: Callable[[Any], Any], size: int) -> None:
        super().__init__()
        if not callable(model):
            raise OntogymError(f"The twin is {model!r}; pass a file, a ForwardModel or a function of images.")
        if memory := _memory(model):
            raise OntogymError(
                f"The twin {type(model).__name__} has memory ({memory}), but judges show stills, each for itself and in "
                "any order; pass a function of one still that shows it as long as it takes and gives the whole answer."
            )
        own = getattr(model, "size", None)
        if isinstance(own, int) and own != size:
            raise OntogymError(
                f"The twin sees images of {own} pixels, but these have {size}; pass images of the twin's size."
            )
        self.model, self.size = model, size
        self.differentiable = isinstance(model, nn.Module)
        self.n_cells = self(torch.full((2, size, size), 0.4)).shape[1]

    def forward(self, images: Tensor) -> Tensor:
        """Expected spikes ``(B, N)``, finite and not negative."""
        try:
            found: Any = self.model(images if self.differentiable else images.detach().numpy())
            rates = (
                found if isinstance(found, Tensor) else torch.from_numpy(np.asarray(found, dtype=np.float32))
            )
        except (
            ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError
        ) as error:  # fmt: skip
            raise OntogymError(
                f"The twin failed on images of shape {tuple(images.shape)} ({error}); it must map such images "
                "to rates (B, N)."
            ) from error
        if rates.ndim != 2 or len(rates) != len(images) or not rates.shape[1]:
            raise OntogymError(
                f"The twin gave rates of shape {tuple(rates.shape)} for {len(images)} images; "
                "it must give one row of N rates for each."
            )
        if not torch.isfinite(rates).all() or bool((rates < 0).any()):
            raise OntogymError(
                "The twin gave rates that are negative or not finite; rates are expected spikes."
            )
        return rates.float()


def _memory(model: Any) -> str | None:
    """What of a model says that its answer depends on what it was shown before; None: nothing does."""
    if callable(getattr(model, "reset", None)):
        return "reset"
    parts = model.modules() if isinstance(model, nn.Module) else ()
    return next((type(p).__name__ for p in parts if isinstance(p, (nn.RNNBase, nn.RNNCellBase))), None)


def make_responder(model: nn.Module, layout: Layout) -> nn.Module:
    """The fastest way to show `model` what the electrodes show."""
    if isinstance(model, ForwardModel) and layout.fold is not None:
        return FoldedTwin(model, layout.fold)
    if isinstance(model, Bipolar) and layout.fold is not None:
        return FoldedBipolar(model, layout.size, layout.fold)
    if isinstance(model, SimulatedRetina) and layout.fold is not None:
        return FoldedRetina(model, layout.fold)
    return ModelOnLayout(model, layout)
