"""Encoders: from pictures to electrode values of any layout; without learning, with one filter, or learned.

Each is a function of images ``(B, S, S)`` to values ``(B, E)`` in [0, 1]. `ontogym.retina_env.encoding.scoring.score`
scores them on any judge, ``benchmarks/encoding_experiments.py`` all of them on all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ontogym.retina_env.actor import Actor
from ontogym.retina_env.downsampling import DOWNSAMPLERS, upsample_nearest
from ontogym.retina_env.encoding.dynamics import WEIGHT_SCALE
from ontogym.retina_env.encoding.judge import Judge
from ontogym.retina_env.encoding.layout import Layout
from ontogym.retina_env.encoding.scenes import Scenes
from ontogym.retina_env.filters import cut
from ontogym.seeding import generator

__all__ = [
    "averaging",
    "constant_filter",
    "contrast",
    "fit_filter",
    "lanczos",
    "mean_loss",
    "network",
    "shown_by_actor",
]

Images = NDArray[np.float32]
Encode = Callable[[Images], Images]


def averaging(layout: Layout) -> Encode:
    """The mean of each electrode's part of the picture."""
    return lambda images: np.asarray(layout.average(torch.from_numpy(images)).numpy())


def contrast(layout: Layout, alpha: float) -> Encode:
    """Averages with the contrast changed by a factor (Leong et al. 2024, Image analysis)."""
    mean = averaging(layout)

    def encode(images: Images) -> Images:
        low = mean(images)
        grey = low.mean(1, keepdims=True)
        return np.clip((low - grey) * alpha + grey, 0, 1)

    return encode


def lanczos(layout: Layout) -> Encode:
    """Antialiased Lanczos-3, three electrode pitches wide, at each electrode's middle."""
    method = DOWNSAMPLERS["lanczos3-antialiased"]
    if layout.fold is not None:
        fold = layout.fold
        return lambda images: np.clip(method(images, fold).reshape(len(images), -1), 0, 1)
    assert method.kernel is not None
    weight, size = method.kernel.weight, layout.size
    row, column = np.divmod(layout.centres.numpy(), size)
    away = [np.abs(np.arange(size) - at[:, None]) / layout.pitch for at in (row, column)]
    y, x = (weight(part) * (part < method.kernel.radius) for part in away)
    y, x = (part / part.sum(1, keepdims=True) for part in (y, x))
    return lambda images: np.clip(np.einsum("ey,byx,ex->be", y, images, x, optimize=True), 0, 1).astype(
        np.float32
    )


def constant_filter(layout: Layout, weights: NDArray[np.floating]) -> Encode:
    """The same 13 weights of the environments' maps for every picture."""
    action = torch.from_numpy(np.asarray(weights, dtype=np.float32))

    def encode(images: Images) -> Images:
        scenes = Scenes(images, layout)
        return np.asarray(_weighted(scenes.average, scenes.maps, action).clamp(0, 1).numpy())

    return encode


def shown_by_actor(layout: Layout, actor: Actor) -> Encode:
    """What an actor shows, averaged onto other electrodes if it was trained for others."""
    return lambda images: _onto(
        layout, torch.from_numpy(actor.encode(images[:, None])[:, 0]), actor.shape.fold
    )


def network(net: nn.Module, layout: Layout | None = None) -> Encode:
    """A network as `ontogym.retina_env.encoding.networks.fit_network` makes it.

    Args:
        layout: other electrodes than those that a `BlockNetwork` was trained for: what it shows is averaged onto them.
    """
    fold: int | None = getattr(net, "fold", None)

    @torch.no_grad()
    def encode(images: Images) -> Images:
        low = net(torch.from_numpy(images)).clamp(0, 1)
        if fold is None or layout is None:
            return np.asarray(low.numpy())
        side = images.shape[1] // fold
        return _onto(layout, low.view(-1, side, side), fold)

    return encode


def _onto(layout: Layout, low: Tensor, fold: int) -> Images:
    """What was made for blocks of `fold` pixels, ``(B, side, side)``, for the electrodes of a layout."""
    if layout.fold == fold:
        return np.asarray(low.flatten(1).numpy())
    return np.asarray(layout.average(upsample_nearest(low, fold)).numpy())


def fit_filter(
    judge: Judge,
    scenes: Scenes,
    subjects: Sequence[int],
    iterations: int = 80,
    batch: int = 16,
    rate: float = 0.05,
    seed: int = 0,
    start: NDArray[np.floating] | None = None,
) -> NDArray[np.float32]:
    """The 13 weights ``(13,)``, the same for all pictures, of least mean loss over subjects and pictures, by Adam.

    Args:
        judge: made of the same pictures as `scenes`.
        subjects: an ensemble, of which each counts by its own scale; or one, for whom the filter then is.
    """
    device = getattr(judge, "device", torch.device("cpu"))
    base, maps = scenes.average.to(device), scenes.maps.to(device)
    weights = torch.zeros(maps.shape[1]) if start is None else torch.from_numpy(np.array(start))
    weights = weights.float().to(device).requires_grad_(True)
    optimiser, rng = torch.optim.Adam([weights], lr=rate), generator(seed, "fit filter")
    for step in range(iterations):
        if step == iterations * 7 // 10:
            optimiser.param_groups[0]["lr"] = rate / 4
        rows = torch.from_numpy(rng.permutation(len(scenes))[:batch]).to(device)
        optimiser.zero_grad()
        for k in subjects:
            low = cut(_weighted(base[rows], maps[rows], weights))
            mean_loss(judge, low, rows, k).div(len(subjects)).backward()
        optimiser.step()
        with torch.no_grad():
            weights.clamp_(-1, 1)
    return np.asarray(weights.detach().cpu().numpy())


def mean_loss(judge: Judge, low: Tensor, rows: Tensor, subject: int) -> Tensor:
    """Of one subject, over pictures by number, in units of what the best known picture gains."""
    who = torch.full_like(rows, subject)
    return (judge.distance(judge.goal(rows, who), judge.answer(low, who)) / judge.gaps(who)).mean()


def _weighted(average: Tensor, maps: Tensor, weights: Tensor) -> Tensor:
    return average + WEIGHT_SCALE * torch.einsum("k,bke->be", weights, maps)
