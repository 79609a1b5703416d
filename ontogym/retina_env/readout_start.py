"""Where a twin's readout starts: at the places whose contrast a neuron answers to.

Started anywhere, a spatial readout under an L1 penalty needs hundreds of epochs to find its receptive field, and
some never do; correlation finds it at once.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ontogym.retina_env.filters import blurred, gaussian_matrix
from ontogym.retina_env.forward_model import ForwardModel, TwinShape

__all__ = ["contrast_features", "response_contrast_maps", "start_readout"]

_CENTRE, _SURROUND = 2.0, 6.0
"""SDs in pixels of the filter whose rectified output is called contrast here."""


@torch.no_grad()
def start_readout(twin: ForwardModel, images: Tensor, counts: Tensor) -> None:
    """Set u to the response-contrast maps, then v and the biases by ridge regression, in place.

    Args:
        images: ``(B, size, size)`` luminance.
        counts: ``(B, N)`` responses to them.
    """
    twin.spatial.copy_(response_contrast_maps(twin.shape, images, counts))
    twin.train()
    parts = [twin.pooled(twin.convolve(twin.spectrum(part))) for part in images.split(64)]
    seen = torch.cat(parts).double()
    centre, target = seen.mean(0), _before_softplus(counts.double())
    x, y = (seen - centre).permute(2, 0, 1), (target - target.mean(0)).T[..., None]
    gram = x.mT @ x
    # Features of one neuron are nearly collinear; a tenth of their mean power keeps the weights moderate.
    ridge = 0.1 * gram.diagonal(dim1=1, dim2=2).mean(1)[:, None, None] * torch.eye(
        gram.shape[1]
    ) + 1e-6 * torch.eye(gram.shape[1])
    weights = torch.linalg.solve(gram + ridge, x.mT @ y)[..., 0]
    twin.feature.copy_(weights.float())
    twin.bias.copy_((target.mean(0) - (centre.T * weights).sum(1)).float())


def _before_softplus(counts: Tensor) -> Tensor:
    """What the last softplus makes these counts from; few spikes are taken for 0.2, which has an answer."""
    return torch.log(torch.expm1(counts.clamp(min=0.2)))


def response_contrast_maps(shape: TwinShape, images: Tensor, counts: Tensor) -> Tensor:
    """Correlation of each neuron with contrast at each place, cut off at a third of its peak, ``(N, side, side)``.

    The larger of its squared correlations with bright and with dark contrast; each map sums to 1, and a neuron
    that answers to nothing gets a flat one.
    """
    y = counts - counts.mean(0)
    y = y / (y.norm(dim=0) + 1e-6)
    best = torch.zeros(shape.neurons, shape.side**2)
    for feature in contrast_features(shape, images):
        x = feature.flatten(1)
        x = x - x.mean(0)
        x = x / (x.norm(dim=0) + 1e-6)
        best = torch.maximum(best, (y.T @ x) ** 2)
    peak = best.amax(1, keepdim=True)
    maps = F.relu(best - peak / 3) + 1e-9
    return (maps / maps.sum(1, keepdim=True)).unflatten(1, (shape.side, shape.side))


def contrast_features(shape: TwinShape, images: Tensor) -> tuple[Tensor, Tensor]:
    """Bright and dark contrast in the readout's blocks, each ``(B, side, side)``."""
    centre, surround = (gaussian_matrix(shape.size, sd).to(images) for sd in (_CENTRE, _SURROUND))
    local = blurred(images, centre) - blurred(images, surround)
    edge = (shape.kernel_size - 1) // 2
    inside = local[:, None, edge : edge + shape.map_size, edge : edge + shape.map_size]
    bright, dark = (F.avg_pool2d(F.relu(sign * inside), shape.pool)[:, 0] for sign in (1, -1))
    return bright, dark
