"""The wave model as it reads in the paper, one retina, every cell at every step: the oracle of the fast kernel's tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ontogym.developmental.waves.fixed_point import (
    DECAY_OCCASION,
    EXCITATION_FLOOR,
    FIRST_OCCASION,
    INPUT_UNIT,
    RISE_MAX,
    SHIFT,
    THRESHOLD_MAX,
    THRESHOLD_OCCASION,
    draw_decay,
    draw_threshold,
    keys,
    rates,
    words,
)
from ontogym.developmental.waves.grid import HexGrid, dendritic_overlap, hex_distance
from ontogym.developmental.waves.parameters import WaveParameters, resolve_parameters
from ontogym.errors import OntogymError

__all__ = ["DenseRetina"]

_LARGEST = 24


class DenseRetina:
    """One retina, stepped densely with a matrix of couplings. Slow, and meant to be read.

    Args:
        parameters: a `WaveParameters` or the name of a preset.
        radius: at most 24 (the matrix has C x C entries).
        seed: a retina's seed, as for `WaveSimulator.fresh`.

    Attributes:
        active: ``(C,)`` bool.
        excitation: ``(C,)`` in units of 2^-16.
        threshold, decay: ``(C,)`` in units of 2^-20, the latter per step.
        step_count: steps done.
    """

    def __init__(self, parameters: str | WaveParameters, radius: int = 12, seed: int = 0) -> None:
        if radius > _LARGEST:
            raise OntogymError(
                f"DenseRetina takes a radius of at most {_LARGEST}; use WaveSimulator for {radius}."
            )
        self.parameters = resolve_parameters(parameters)
        self.grid = HexGrid(radius)
        self.rates = rates(self.parameters)
        self.coupling = _coupling_matrix(self.grid, self.parameters)
        total = self.coupling.sum(axis=1)
        share = total / total.max() if total.max() else np.ones(len(total))
        # lambda_i = (H1 / P) sum_j w_ij / max_k sum_j w_kj, before N(1, 0.2)
        self.mean_decay = self.rates.decay * share

        self.key, self.cells = keys(np.array([seed], dtype=np.uint64)), np.arange(self.grid.cells)
        self.threshold = draw_threshold(words(self.key, self.cells, THRESHOLD_OCCASION))
        self.decay = draw_decay(words(self.key, self.cells, DECAY_OCCASION), self.mean_decay)
        self.excitation = np.zeros(self.grid.cells, dtype=np.int32)
        self.active = np.zeros(self.grid.cells, dtype=bool)
        self.started = np.zeros(self.grid.cells, dtype=np.int64)
        self.step_count = 0

    def step(self) -> None:
        """25 ms, all cells at once."""
        now = self.step_count
        drawn = (self.coupling @ self.active).astype(np.int32)  # I_i = sum_j w_ij [j active at t - 1]
        stop = self.active & (now - self.started >= self.rates.hold)
        quiet = ~self.active

        e, v = self.excitation.astype(np.float32), drawn.astype(np.float32)
        # E <- max(0, E + (I - E) dt / T_K)
        moved = np.maximum((e + (v - e) * self.rates.mix).astype(np.int32), 0)
        moved[(drawn == 0) & (moved < EXCITATION_FLOOR)] = 0
        self.excitation = np.where(quiet, moved, np.where(stop, 0, self.excitation))
        start = quiet & (self.excitation << SHIFT >= self.threshold)  # E >= theta

        fresh = draw_decay(words(self.key, self.cells, now + FIRST_OCCASION), self.mean_decay)
        self.decay = np.where(stop, fresh, self.decay)
        self.started[start] = now
        self.active = (self.active & ~stop) | start

        rise = np.minimum(self.rates.rise + v * self.rates.gain, np.float32(RISE_MAX)).astype(np.int32)
        # theta <- max(0, theta + dt (-lambda + [active] (H1 + H2 I) / D))
        moved = self.threshold - self.decay + np.where(self.active, rise, 0)
        self.threshold = np.clip(moved, 0, THRESHOLD_MAX)
        self.step_count = now + 1


def _coupling_matrix(grid: HexGrid, parameters: WaveParameters) -> NDArray[np.int64]:
    """``(C, C)``: w_ij in units of 2^-16; the overlap of dendritic fields within the rings, 0 with itself."""
    x, y = (a[:, None] - a[None, :] for a in grid.axial.T.astype(np.int64))
    away = grid.position_um[:, None] - grid.position_um[None, :]
    weight = dendritic_overlap(np.sqrt((away**2).sum(-1)), parameters.dendritic_radius_um)
    near = (hex_distance(x, y) >= 1) & (hex_distance(x, y) <= parameters.rings)
    return np.where(near, np.rint(weight / INPUT_UNIT), 0).astype(np.int64)
