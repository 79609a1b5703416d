"""The forward model of Leong et al. (2024): a digital twin that predicts a retina's responses to images.

Convolution, batch normalisation, softplus; then for each neuron n a readout that factorises into where, u_ijn, and
what, v_kn; softplus:

    r_n = softplus(sum_k v_kn sum_ij u_ijn softplus(BN(K_k * X))_ij + b_n)

What the paper leaves open is chosen as follows: normalisation stands before the softplus (behind it, activity would
not be non-negative); four kernels of 21 pixels; the readout sees means of 3 by 3 pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from ontogym.errors import OntogymError, whole_number
from ontogym.retina_env.downsampling import check_fold
from ontogym.retina_env.images.arrays import check_images

__all__ = ["ForwardModel", "TwinShape", "poisson_loss"]

_CHUNK = 64


@dataclass(frozen=True)
class TwinShape:
    """Sizes of a forward model.

    Attributes:
        neurons: how many it predicts, N.
        size: side of the images, pixels.
        kernels: convolution kernels, K.
        kernel_size: their side, pixels.
        pool: side of the blocks that the readout sees as one.
    """

    neurons: int = 60
    size: int = 128
    kernels: int = 4
    kernel_size: int = 21
    pool: int = 3

    def __post_init__(self) -> None:
        for field in fields(self):
            size = whole_number(f"The twin's setting {field.name}", getattr(self, field.name), 1, 4096)
            object.__setattr__(self, field.name, size)
        if self.side < 1:
            raise OntogymError(
                f"Kernels of {self.kernel_size} and blocks of {self.pool} leave nothing of {self.size} pixels; "
                "make one of them smaller."
            )

    @property
    def side(self) -> int:
        """Side of the maps that the readout sees."""
        return (self.size - self.kernel_size + 1) // self.pool

    @property
    def map_size(self) -> int:
        """Side of the part of the convolution's output that the readout uses."""
        return self.side * self.pool


class ForwardModel(nn.Module):
    """The twin. ``twin.rates(images)`` is NumPy and checked; ``twin(images)`` is tensors and differentiable.

    Args:
        shape: its sizes.
        image_mean, image_sd: of the luminance it was fitted on; images are z-scored with them inside.
        generator: draws the initial kernels.

    Attributes:
        kernels: ``(K, k, k)``.
        spatial: ``(N, side, side)``, the u of the paper.
        feature: ``(N, K)``, the v of the paper.
        bias: ``(N,)``.
        facts: what is known of it (retina, R2, command), JSON-able; kept in its file.
    """

    image_mean: Tensor
    image_sd: Tensor

    def __init__(
        self,
        shape: TwinShape | None = None,
        image_mean: float = 0.4,
        image_sd: float = 0.22,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.shape = s = shape or TwinShape()
        self.facts: dict[str, Any] = {}
        self.kernels = nn.Parameter(_first_kernels(s, generator))
        self.norm = nn.BatchNorm2d(s.kernels)
        self.spatial = nn.Parameter(torch.zeros(s.neurons, s.side, s.side))
        noise = torch.randn(s.neurons, s.kernels, generator=generator)
        self.feature = nn.Parameter(1 / s.kernels + 0.1 * noise)
        self.bias = nn.Parameter(torch.zeros(s.neurons))
        self.register_buffer("image_mean", torch.tensor(float(image_mean)))
        self.register_buffer("image_sd", torch.tensor(float(image_sd)))

    @property
    def n_cells(self) -> int:
        """How many neurons it predicts, N."""
        return self.shape.neurons

    @property
    def size(self) -> int:
        """Side of the images it sees, pixels."""
        return self.shape.size

    def forward(self, images: Tensor) -> Tensor:
        """Expected spikes ``(B, N)`` for luminance ``(B, size, size)`` in [0, 1]."""
        return self.readout(self.convolve(self.spectrum(images)))

    def spectrum(self, images: Tensor) -> Tensor:
        """Fourier transform of the z-scored images, ``(B, size, size // 2 + 1)`` complex; training keeps it."""
        return torch.fft.rfft2((images - self.image_mean) / self.image_sd)

    def convolve(self, spectrum: Tensor) -> Tensor:
        """Kernels applied where they lie inside the image, ``(B, K, map_size, map_size)``.

        By FFT: with kernels of 21 pixels it is several times faster than summing.
        """
        n, m = self.shape.size, self.shape.map_size
        kernels = torch.fft.rfft2(self.kernels, s=(n, n)).conj()
        return torch.fft.irfft2(spectrum[:, None] * kernels, s=(n, n))[..., :m, :m]

    def pooled(self, maps: Tensor) -> Tensor:
        """Activity where each neuron looks, ``(B, K, N)``, from the convolution's output."""
        return self._where(F.softplus(self.norm(maps)))

    def readout(self, maps: Tensor) -> Tensor:
        """Expected spikes ``(B, N)`` from the convolution's output."""
        return self._what(self.pooled(maps))

    def forward_low(self, low: Tensor, fold: int) -> Tensor:
        """``twin(upsample_nearest(low, fold))`` of a twin in eval mode, up to rounding, in half the time.

        Within a block all pixels are alike, so the kernel's weights on it can be added up beforehand, once for
        each position inside a block; what remains is one product with patches of the low-resolution image.

        Args:
            low: luminance ``(B, size / fold, size / fold)``; gradients reach it.
            fold: pixels per block along a side.

        Raises:
            OntogymError: a fold that does not divide the size, or images of another shape.
        """
        size, fold = check_fold(self.shape.size, fold)
        if low.shape[1:] != (size // fold, size // fold):
            raise OntogymError(
                f"Low-resolution images have shape {tuple(low.shape)}, not (B, {size // fold}, {size // fold})."
            )
        if fold == 1:
            return self(low)
        weights, shift = self._folded_kernels(fold)
        q, m, k = weights.shape[-1], self.shape.map_size, self.shape.kernels
        blocks = -(-m // fold)
        x = (low - self.image_mean) / self.image_sd
        # The last blocks reach beyond the image with weights that are cut off again; any value will do there.
        beyond = max(0, blocks - 1 + q - x.shape[-1])
        x = F.pad(x, (0, beyond, 0, beyond))[:, : blocks - 1 + q, : blocks - 1 + q]
        patches = x.unfold(1, q, 1).unfold(2, q, 1).reshape(-1, q * q)
        activity = F.softplus(torch.addmm(shift, patches, weights.flatten(1).T))
        maps = activity.view(len(low), blocks, blocks, k, fold, fold).permute(0, 3, 1, 4, 2, 5)
        return self._what(self._where(maps.reshape(len(low), k, blocks * fold, blocks * fold)[..., :m, :m]))

    def _where(self, activity: Tensor) -> Tensor:
        """Activity ``(B, K, map_size, map_size)`` summed with the spatial weights, ``(B, K, N)``."""
        if self.shape.pool > 1:
            activity = F.avg_pool2d(activity, self.shape.pool)
        return activity.flatten(2) @ self.spatial.flatten(1).T

    def _what(self, pooled: Tensor) -> Tensor:
        """The same summed with the feature weights, then the output nonlinearity, ``(B, N)``."""
        return F.softplus((pooled * self.feature.T).sum(1) + self.bias)

    def _folded_kernels(self, fold: int) -> tuple[Tensor, Tensor]:
        """Kernels on blocks with the normalisation in them, ``(K * fold * fold, q, q)``, and their shifts.

        One for each position of the kernel's corner in its block.
        """
        norm, k = self.norm, self.shape.kernel_size
        assert norm.running_var is not None
        assert norm.running_mean is not None
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        q = (k + fold - 2) // fold + 1
        corner, tap = torch.meshgrid(torch.arange(fold), torch.arange(k), indexing="ij")
        onto = self.kernels.new_zeros(fold, q, k)
        onto[corner, (corner + tap) // fold, tap] = 1
        kernels = self.kernels * scale[:, None, None]
        weights = torch.einsum("aqi,kij,brj->kabqr", onto, kernels, onto).reshape(-1, q, q)
        return weights, (norm.bias - scale * norm.running_mean).repeat_interleave(fold * fold)

    @torch.no_grad()
    def rates(self, images: Any) -> NDArray[np.float32]:
        """Expected spikes ``(B, N)`` float32 for images ``(B, size, size)``, floats in [0, 1]."""
        x = torch.from_numpy(check_images(images, self.size))
        training = self.training
        self.eval()
        try:
            parts = [self(part.to(self.bias.device)) for part in x.split(_CHUNK)]
        finally:
            self.train(training)
        return np.asarray(torch.cat(parts).cpu().numpy())

    def laplacian_penalty(self) -> Tensor:
        """Roughness of the kernels over their squared norm, epsilon 1e-8 (the paper's L_Delta)."""
        laplacian = self.kernels.new_tensor([[0.0, -1, 0], [-1, 4, -1], [0, -1, 0]])
        rough = F.conv2d(self.kernels[:, None], laplacian[None, None])
        return (rough**2).sum() / (1e-8 + (self.kernels**2).sum())


def poisson_loss(rates: Tensor, counts: Tensor) -> Tensor:
    """Loss of expected spikes r and counted ones y, both ``(B, N)``: ``r - y log r``, averaged over images and neurons, 0-dim.

    The paper writes no sum over neurons; summed, its published penalties would be too weak by a factor of 60.
    """
    return (rates - counts * torch.log(rates + 1e-8)).mean()


def _first_kernels(shape: TwinShape, generator: torch.Generator | None) -> Tensor:
    """Centre-surround, bright and dark in turns and of growing size, plus noise: ``(K, k, k)``.

    From noise alone the kernels end up alike half of the time. Their scale does not matter: it is normalised away.
    """
    k = shape.kernel_size
    at = torch.arange(k) - (k - 1) / 2
    square = at**2 + at[:, None] ** 2
    kernels = []
    for index in range(shape.kernels):
        sd = k / 14 * 1.5 ** (index // 2)
        centre, surround = torch.exp(-square / (2 * sd**2)), torch.exp(-square / (2 * (2.5 * sd) ** 2))
        kernels.append((-1) ** index * (centre / centre.sum() - surround / surround.sum()))
    start = torch.stack(kernels)
    noise = torch.randn(shape.kernels, k, k, generator=generator)
    return start / start.std() * 0.02 + 0.004 * noise
