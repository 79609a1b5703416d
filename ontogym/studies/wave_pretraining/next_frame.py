"""What comes next in a film: a recurrent convolutional network that predicts the next frame, and the films that it learns from.

After May, Dauphin & Gjorgjieva 2025 (PLoS Comput. Biol. 21(3):e1012830): a network that saw retinal waves first learns to
predict natural films faster, also where waves take the place of its first steps on films. The cell is the convolutional
GRU of Ballas, Yao, Pal & Courville 2015 (arXiv 1511.06432).

Departs from the paper: films are dead leaves that scroll, not a walk through a virtual maze; waves have no preferred
direction (the paper's are those of Teh et al. 2023, which have); one layer of few units at half the resolution.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from ontogym.errors import OntogymError
from ontogym.seeding import generator

__all__ = [
    "ConvGRU",
    "NextFrame",
    "copy_loss",
    "learn_films",
    "prediction_loss",
    "scrolling_leaves",
    "windows",
]

CONTEXT = 2
"""Frames before the first prediction that counts: what moves, and where to, needs two."""


class ConvGRU(nn.Module):
    """A gated recurrent unit whose products are convolutions (Ballas et al. 2015): with * for these,

    z = sigma(W_z * x + U_z * h),  r = sigma(W_r * x + U_r * h),
    h' = tanh(W * x + U * (r h)),  h <- (1 - z) h + z h'.

    Args:
        inputs, width: channels of input and state.
        kernel: pixels a side, odd.
    """

    def __init__(self, inputs: int, width: int, kernel: int = 3) -> None:
        super().__init__()
        self.gates = nn.Conv2d(inputs + width, 2 * width, kernel, padding=kernel // 2)
        self.candidate = nn.Conv2d(inputs + width, width, kernel, padding=kernel // 2)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        """The next state ``(B, width, H, W)`` from the input ``(B, inputs, H, W)`` and the last state."""
        update, reset = torch.sigmoid(self.gates(torch.cat([x, h], 1))).chunk(2, 1)  # z, r
        new = torch.tanh(self.candidate(torch.cat([x, reset * h], 1)))  # h'
        return (1 - update) * h + update * new


class NextFrame(nn.Module):
    """Encoder (5 x 5, stride 2), convolutional GRU, decoder (3 x 3, then back to full resolution).

    Args:
        width: units a place, in what is seen and in state.
        seed: decides the weights and leaves torch's global generator as it was.
    """

    def __init__(self, width: int = 12, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.seeing = nn.Conv2d(1, width, 5, 2, padding=2)
            self.cell = ConvGRU(width, width)
            self.decoder = nn.Conv2d(width, 4, 3, padding=1)

    def forward(self, films: Tensor) -> Tensor:
        """Predictions ``(B, T - 1, H, W)`` of the frames 1 to T - 1 of films ``(B, T, H, W)``; H and W even."""
        state = None
        found = []
        for frame in films[:, :-1].unbind(1):
            seen = F.relu(self.seeing(frame[:, None]))
            state = self.cell(seen, torch.zeros_like(seen) if state is None else state)
            found.append(F.pixel_shuffle(self.decoder(state), 2)[:, 0])
        return torch.stack(found, 1)


def prediction_loss(model: nn.Module, films: Tensor) -> Tensor:
    """Mean squared error of the predictions of films ``(B, T, H, W)`` that have `CONTEXT` frames or more before them, 0-dim."""
    return F.mse_loss(model(films)[:, CONTEXT - 1 :], films[:, CONTEXT:])


def copy_loss(films: Tensor) -> float:
    """The same of the prediction that nothing changes."""
    return float(F.mse_loss(films[:, CONTEXT - 1 : -1], films[:, CONTEXT:]))


def learn_films(
    model: nn.Module,
    films: NDArray[np.float32],
    steps: int,
    seed: int,
    held_out: NDArray[np.float32] | None = None,
    measure: Collection[int] = (),
    batch: int = 16,
    lr: float = 1e-3,
    optimiser: torch.optim.Optimizer | None = None,
) -> dict[int, float]:
    """Learn to predict films, in place; every step draws films at random.

    Args:
        model: see `NextFrame`.
        films: ``(M, T, H, W)``.
        steps: of learning.
        seed: decides which films are drawn.
        held_out: films that the loss is measured on.
        measure: steps after which it is; 0 is before the first.
        batch: films a step.
        lr: learning rate.
        optimiser: one that goes on with what it remembers of earlier steps; a new Adam if not given.

    Returns:
        The loss on `held_out` by step.

    Raises:
        OntogymError: the loss is no longer finite.
    """
    rng = generator(seed, "films")
    optimiser = optimiser or torch.optim.Adam(model.parameters(), lr)
    tests = None if held_out is None else torch.from_numpy(held_out)
    found = {}
    for step in range(steps + 1):
        if tests is not None and step in measure:
            with torch.no_grad():
                found[step] = float(prediction_loss(model, tests))
        if step == steps:
            break
        loss = prediction_loss(model, torch.from_numpy(films[rng.integers(len(films), size=batch)]))
        if not torch.isfinite(loss):
            raise OntogymError(f"The loss is no longer finite in step {step}; pass a smaller learning rate.")
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
    return found


def scrolling_leaves(
    count: int, frames: int, size: int, seed: int, speed: tuple[float, float] = (0.5, 2.0)
) -> NDArray[np.float32]:
    """Films ``(count, frames, size, size)`` from 0 to 1: a window that glides over dead leaves, a picture a film.

    Args:
        count, frames, size: of the films.
        seed: decides pictures, places, directions and speeds.
        speed: pixels a frame, uniform between the two; the direction is uniform on the circle. Constant within a film.

    Raises:
        OntogymError: the window would leave the picture, which is twice as wide.
    """
    from ontogym.retina_env.images.leaves import DeadLeaves

    if not 0 <= speed[0] <= speed[1] or speed[1] * (frames - 1) > size - 1:
        raise OntogymError(
            f"At {speed[0]:g} to {speed[1]:g} pixels a frame {frames} frames of {size} pixels leave the picture; choose fewer."
        )
    rng = generator(seed, "scrolling")
    pictures = DeadLeaves(size=2 * size).images(count, seed, cached=False, show_progress=False)
    films = np.empty((count, frames, size, size), np.float32)
    for film, picture in zip(films, pictures):
        angle, pace = rng.uniform(0, 2 * np.pi), rng.uniform(*speed)
        way = pace * np.arange(frames)[:, None] * [np.sin(angle), np.cos(angle)]
        low, high = way.min(0), way.max(0)
        places = way - low + rng.uniform(0, size - 1 - (high - low))
        for frame, place in zip(film, places):
            frame[:] = _window(picture, place, size)
    return films


def _window(picture: NDArray[np.float32], place: NDArray[np.float64], size: int) -> NDArray[np.float32]:
    """A square at a place between pixels, bilinear."""
    top, left = place.astype(int)
    y, x = place - (top, left)
    part = picture[top : top + size + 1, left : left + size + 1]
    rows = (1 - y) * part[:-1] + y * part[1:]
    return np.asarray((1 - x) * rows[:, :-1] + x * rows[:, 1:], np.float32)


def windows(
    films: NDArray[np.uint8], frames: int, least: int, seed: int | None = None
) -> NDArray[np.float32]:
    """All stretches ``(n, frames, H, W)`` from 0 to 1 of films ``(M, F, H, W)`` whose every frame shows something.

    Args:
        films: grey pictures.
        frames: of a stretch; the next begins half a stretch later.
        least: pixels that are not black in every frame.
        seed: the control, if given: frames of all stretches change places, so that none follows from the last.

    Raises:
        OntogymError: there is no such stretch.
    """
    seen = np.count_nonzero(films.reshape(*films.shape[:2], -1), 2) >= least
    found = [
        film[k : k + frames]
        for film, good in zip(films, seen)
        for k in range(0, len(film) - frames + 1, max(1, frames // 2))
        if good[k : k + frames].all()
    ]
    if not found:
        raise OntogymError(
            f"No {frames} frames in a row show {least} pixels or more; record longer films or pass a smaller number."
        )
    stretches = np.stack(found).astype(np.float32) / np.float32(255)
    if seed is not None:
        loose = stretches.reshape(-1, *stretches.shape[2:])
        return loose[generator(seed, "shuffled frames").permutation(len(loose))].reshape(stretches.shape)
    return stretches
