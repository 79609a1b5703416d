"""Encoders that are networks: trained through what subjects answer, without knowing who will look.

Where electrodes are blocks of pixels (`Layout.fold`) they are convolutions, the same for every block; elsewhere one
hidden layer of a coarse picture, added to the electrodes' own averages.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ontogym import checkpoint as files
from ontogym.errors import OntogymError
from ontogym.retina_env.encoding.encoders import mean_loss
from ontogym.retina_env.encoding.judge import Judge
from ontogym.retina_env.encoding.layout import Layout
from ontogym.retina_env.filters import cut
from ontogym.retina_env.weights import frozen, weights_from
from ontogym.seeding import generator, torch_generator

__all__ = ["BlockNetwork", "fit_network", "load_network", "save_network", "shipped_network"]

_KIND = "block-network"
_GREY = 0.4
"""Mean luminance of dead leaves, about which a network sees pictures."""
_WIDEST, _FOLDS = 256, 64


class BlockNetwork(nn.Module):
    """Three convolutions over blocks, then a sum; what it adds to a block's average begins at 0.

        low = average + sum_k m_k h_k / 4,   h^1 = relu(W^1 * u),  h^{l+1} = h^l + relu(W^{l+1} * h^l)

    with u the pixels of a block as channels. A value depends on the pixels of nine blocks along each side, as wide as
    the actor's kernels of 31 pixels at four-fold; what it has and the actor has not is more than one layer.

    Args:
        fold: side of a block, pixels.
        width: channels of the hidden layers.
        seed: draws the first weights.
    """

    def __init__(self, fold: int = 4, width: int = 24, seed: int = 0) -> None:
        super().__init__()
        self.fold, self.width = fold, width
        self.first = _convolution(fold**2, width, 5, torch_generator(seed, "encoder", "first"))
        self.second = _convolution(width, width, 3, torch_generator(seed, "encoder", "second"))
        self.third = _convolution(width, width, 3, torch_generator(seed, "encoder", "third"))
        self.mix = nn.Conv2d(width, 1, 1)
        for value in self.mix.parameters():
            nn.init.zeros_(value)

    def forward(self, images: Tensor) -> Tensor:
        """Luminance ``(B, S, S)`` to electrode values ``(B, (S / fold)^2)``, not cut off at 0 and 1."""
        u = nn.functional.pixel_unshuffle(images[:, None] - _GREY, self.fold)
        h = torch.relu(self.first(4 * u))
        h = h + torch.relu(self.second(h))
        h = h + torch.relu(self.third(h))
        low: Tensor = u.mean(1) + _GREY + self.mix(h)[:, 0] / 4
        return low.flatten(1)


def _convolution(channels: int, width: int, side: int, chance: torch.Generator) -> nn.Conv2d:
    """Weights after He et al. 2015 (arXiv 1502.01852); a picture goes on beyond its edges as it ends there."""
    layer = nn.Conv2d(channels, width, side, padding=side // 2, padding_mode="replicate")
    with torch.no_grad():
        layer.weight.copy_(
            torch.randn(layer.weight.shape, generator=chance) * (2 / (channels * side**2)) ** 0.5
        )
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


class _DenseNetwork(nn.Module):
    """Averages on a coarse grid, one hidden layer, beside the electrodes' own averages; all in units of the picture's SD.

        low = sigmoid(a u_own + b + W relu(V u)),   u = (coarse averages - mean) / (SD + 0.05)

    A sigmoid, and nothing to be cut off: percepts ask for contrasts so high that most values would be.
    """

    def __init__(self, layout: Layout, hidden: int, seed: int) -> None:
        super().__init__()
        self.layout, self.grid = layout, 16
        self.first = nn.Linear(self.grid**2, hidden)
        self.last = nn.Linear(hidden, layout.n)
        self.gain, self.shift = nn.Parameter(torch.ones(layout.n)), nn.Parameter(torch.zeros(layout.n))
        with torch.no_grad():
            noise = torch.randn(self.first.weight.shape, generator=torch_generator(seed, "encoder", "first"))
            self.first.weight.copy_(noise / self.grid)
        for value in (self.first.bias, self.last.weight, self.last.bias):
            nn.init.zeros_(value)

    def forward(self, images: Tensor) -> Tensor:
        coarse = nn.functional.adaptive_avg_pool2d(images[:, None], self.grid).flatten(1)
        mean, unit = coarse.mean(1, keepdim=True), coarse.std(1, keepdim=True) + 0.05
        own, u = ((part - mean) / unit for part in (self.layout.average(images), coarse))
        out: Tensor = self.gain * own + self.shift + self.last(torch.relu(self.first(u)))
        return torch.sigmoid(out)


def fit_network(
    judge: Judge,
    images: NDArray[np.float32],
    subjects: Sequence[int],
    iterations: int = 1500,
    batch: int = 32,
    rate: float = 2e-3,
    hidden: int | None = None,
    seed: int = 0,
) -> nn.Module:
    """An encoder trained through what subjects answer (after the hybrid neural autoencoder of Granley et al. 2022).

    In each step another of the subjects, of whom the network is told nothing: it learns what helps all of them.

    Args:
        judge: made of the same pictures as `images`, ``(M, S, S)``.
        subjects: those to learn from, by number.
        hidden: units of a hidden layer; None: 24 channels over blocks, 128 units elsewhere.
        seed: first weights, order of pictures and of subjects.
    """
    layout = judge.layout
    net: nn.Module = (
        _DenseNetwork(layout, hidden or 128, seed)
        if layout.fold is None
        else BlockNetwork(layout.fold, hidden or 24, seed)
    )
    rng = generator(seed, "fit network")
    optimiser, x = torch.optim.Adam(net.parameters(), lr=rate), torch.from_numpy(images)
    for step in range(iterations):
        if step == iterations * 7 // 10:
            optimiser.param_groups[0]["lr"] = rate / 5
        rows = torch.from_numpy(rng.permutation(len(x))[:batch])
        loss = mean_loss(judge, cut(net(x[rows])), rows, int(rng.choice(list(subjects))))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return net.eval()


def save_network(path: Path | str, net: BlockNetwork) -> None:
    """Write weights and sizes in one safetensors file."""
    arrays = {name: value.detach().numpy() for name, value in net.state_dict().items()}
    files.save(path, _KIND, arrays, {"fold": net.fold, "width": net.width})


def load_network(path: Path | str) -> BlockNetwork:
    """Read what `save_network` wrote; in eval mode and frozen.

    Raises:
        OntogymError: no such file; damaged; no such network; weights missing, of another shape or not finite.
    """
    arrays, meta = files.load(path, _KIND)
    sizes: dict[str, int] = {}
    for name, most in (("fold", _FOLDS), ("width", _WIDEST)):
        number = meta.get(name)
        if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= most:
            raise OntogymError(f"{path} does not say how wide its network is; restore it from a copy.")
        sizes[name] = number
    net = BlockNetwork(**sizes)
    net.load_state_dict(weights_from(path, arrays, ((name, v.shape) for name, v in net.state_dict().items())))
    return frozen(net)


def shipped_network() -> BlockNetwork:
    """The network that ships: 4-fold, trained through sixteen simulated animals.

    The best of the encoders that are shown a picture once and need no gradient then, on animals that it has not met;
    ``python benchmarks/encoding_experiments.py network-animals --seeds 1`` made it.
    """
    return load_network(Path(__file__).with_name("network-animals.safetensors"))
