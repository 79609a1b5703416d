"""Receptive fields by spike-triggered averaging, as the paper screens its cells.

    STA = sum_t y_t X_t / sum_t y_t                         (Leong et al. 2024, Spike detection and sorting)

from random binary checkerboards, 50 micrometres a check, 33 frames a second; then a Gaussian is fitted to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError
from ontogym.retina_env.cells import FIELD_UM
from ontogym.retina_env.images.arrays import GREY
from ontogym.retina_env.retina import SimulatedRetina
from ontogym.seeding import generator

__all__ = ["ReceptiveFields", "checkerboards", "fit_receptive_fields", "spike_triggered_average"]

CHECK_UM, FRAMES_PER_SECOND, WINDOW_S = 50.0, 33.0, 0.4
_BATCH = 64
Array = NDArray[np.float64]


class ReceptiveFields(NamedTuple):
    """Gaussians fitted to N spike-triggered averages; every field is ``(N,)``, lengths in micrometres.

    Attributes:
        x, y: centre, from the upper left corner of the image.
        sigma: geometric mean of the two SDs.
        polarity: +1 where light at the centre makes the cell fire, -1 where darkness does.
        recognisable: whether the peak stands out of the noise; the paper drops the cells where it does not.
    """

    x: Array
    y: Array
    sigma: Array
    polarity: Array
    recognisable: NDArray[np.bool_]

    @property
    def area_um2(self) -> Array:
        """Area within one SD."""
        return np.pi * self.sigma**2


def checkerboards(
    frames: int, seed: int = 0, size: int = 128, contrast: float = 1.0
) -> Iterator[NDArray[np.float32]]:
    """Random binary checkerboards around grey, in batches ``(up to 64, size, size)``, luminance in [0, 1].

    Args:
        frames: how many in all.
        seed: decides the checks.
        size: side, pixels; checks of 50 micrometres must be whole pixels.
        contrast: of the checks, 1 for black and white (0 and twice the grey).

    Raises:
        OntogymError: checks that are no whole number of pixels, or a contrast that cannot be shown.
    """
    pixels = CHECK_UM * size / FIELD_UM
    if pixels != int(pixels) or not 0 < contrast <= 1:
        raise OntogymError(
            f"Checks of {CHECK_UM:g} um at a contrast of {contrast} cannot be shown on {size} pixels; use a "
            "multiple of 64 pixels and a contrast up to 1."
        )
    rng, checks = generator(seed, "checkerboards"), int(size // pixels)
    for first in range(0, frames, _BATCH):
        n = min(_BATCH, frames - first)
        signs = 2 * rng.integers(0, 2, (n, checks, checks), dtype=np.int8) - 1
        boards = (GREY * (1 + contrast * signs)).astype(np.float32)
        yield boards.repeat(int(pixels), 1).repeat(int(pixels), 2)


def spike_triggered_average(
    retina: SimulatedRetina, frames: int = 20_000, seed: int = 0, contrast: float = 1.0
) -> Array:
    """STA of each cell, ``(N, checks, checks)``, in units of the check's contrast: 0 is no relation.

    One frame lasts 1/33 s, and a cell fires as in that share of a presentation's 400 ms. (The simulated retina
    has no memory: a frame's spikes depend on that frame.)

    Args:
        frames: 20 000 are ten minutes of recording, and about 20 seconds of computing.
        seed: decides the checks and the spikes.
    """
    share = 1 / FRAMES_PER_SECOND / WINDOW_S
    rng = generator(seed, "retina", retina.seed, "checkerboard spikes")
    step = int(CHECK_UM * retina.size / FIELD_UM)
    checks = retina.size // step
    total, shown = np.zeros((retina.n_cells, checks, checks)), np.zeros((checks, checks))
    spikes = np.zeros(retina.n_cells)
    for boards in checkerboards(frames, seed, retina.size, contrast):
        counts = rng.poisson(retina.rates(boards) * share).astype(np.float64)
        signs = boards[:, ::step, ::step].astype(np.float64) / GREY - 1
        total += np.tensordot(counts, signs, (0, 0))
        spikes += counts.sum(0)
        shown += signs.sum(0)
    mean = total / np.maximum(spikes, 1)[:, None, None]
    # By chance a check was bright more often than not, whatever the cell did.
    return mean - shown / frames


def fit_receptive_fields(averages: Array, threshold: float = 5.0) -> ReceptiveFields:
    """Fit an elliptical Gaussian to each STA.

    Args:
        averages: ``(N, checks, checks)``, from `spike_triggered_average`.
        threshold: how many SDs of the noise the smoothed peak must be high to count as recognisable.

    Raises:
        OntogymError: averages of another shape, or not finite.
    """
    sta = np.asarray(averages, dtype=np.float64)
    if sta.ndim != 3 or sta.shape[1] != sta.shape[2] or not np.isfinite(sta).all():
        raise OntogymError(
            f"Spike-triggered averages are (N, checks, checks) finite numbers, not {sta.shape}."
        )
    um = FIELD_UM / sta.shape[1]
    found = np.array([_fit_one(one) for one in sta]).reshape(-1, 5)
    x, y, sigma, peak, score = found.T
    return ReceptiveFields((x + 0.5) * um, (y + 0.5) * um, sigma * um, np.sign(peak), score >= threshold)


def _fit_one(sta: Array) -> tuple[float, float, float, float, float]:
    """x, y and sigma in checks, height, and peak of the smoothed map in SDs of its noise."""
    from scipy.ndimage import gaussian_filter
    from scipy.optimize import least_squares

    smooth = gaussian_filter(sta, 1.0, mode="nearest")
    row, column = np.unravel_index(np.abs(smooth).argmax(), sta.shape)
    peak = smooth[row, column]
    # The median ignores the receptive field itself; 1.4826 makes it the SD of a normal distribution.
    noise = 1.4826 * np.median(np.abs(smooth - np.median(smooth))) + 1e-12
    top, left = max(0, row - 8), max(0, column - 8)
    window = sta[top : row + 9, left : column + 9]
    rows, columns = np.mgrid[top : top + window.shape[0], left : left + window.shape[1]]

    def misfit(p: Any) -> Array:
        return np.asarray((_gaussian(p, rows, columns) - window).ravel())

    start = [peak, column, row, 2.0, 2.0, 0.0]
    bounds = ([-np.inf, left - 1, top - 1, 0.3, 0.3, -2], [np.inf, left + 17, top + 17, 8, 8, 2])
    fitted = least_squares(misfit, start, bounds=bounds, x_scale=[abs(peak) + 1e-12, 1, 1, 1, 1, 0.5]).x
    return fitted[1], fitted[2], float(np.sqrt(fitted[3] * fitted[4])), fitted[0], abs(peak) / noise


def _gaussian(p: Any, rows: Array, columns: Array) -> Array:
    """Height, x, y, two SDs and the angle between the longer one and the rows."""
    height, x, y, a, b, angle = p
    c, s = np.cos(angle), np.sin(angle)
    u, v = (columns - x) * c + (rows - y) * s, (rows - y) * c - (columns - x) * s
    return np.asarray(height * np.exp(-0.5 * ((u / a) ** 2 + (v / b) ** 2)))
