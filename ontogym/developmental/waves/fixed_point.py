"""What the fast kernel and the oracle share: units, the random numbers and the couplings.

The state of a cell is held in whole numbers, so that both can agree exactly, and so that a threshold which decays for
a thousand steps unseen is, to the last bit, the threshold that decayed step by step. Conventions (the paper leaves
them open, or computes in floating point):

- Input and excitation are multiples of 2^-16, couplings are rounded to that. Threshold is a multiple of 2^-20.
  Excitation and the threshold's rise are computed in float32 and cut to whole units.
- Excitation below 2^-10 without any input counts as none.
- The threshold stays below 1 716 (`THRESHOLD_MAX`), which no excitation reaches.
- ``N(1, 0.2)`` is drawn as one of 65 536 equally probable values, the quantiles in the middle of as many equal slices.
  Its tails end at 4.3 standard deviations: the factor lies between 0.136 and 1.864. (In the released program, one draw in
  three million is negative: a cell whose threshold rises for ever and which is lost for life.)
- Every random number is a function of (seed, cell, occasion); the occasion is the step at which a cell falls quiet. So no
  order of evaluation and no other retina can change it.
- Where no cell has a neighbour, all have the same (full) decay of the threshold.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.developmental.waves.grid import PITCH_UM, HexGrid, dendritic_overlap, hex_distance
from ontogym.developmental.waves.parameters import DT_S, WaveParameters
from ontogym.seeding import GOLDEN, mix64

INPUT_UNIT = 2.0**-16
THRESHOLD_UNIT = 2.0**-20
SHIFT = 4
"""Excitation shifted left by so many bits is in units of threshold."""
EXCITATION_FLOOR = 64
THRESHOLD_MAX = 1_800_000_000
"""Above the largest excitation: twice (time constant of half a step) the 816 neighbours of 16 rings."""
RISE_MAX = 300_000_000
"""Largest rise in a step; with `THRESHOLD_MAX` it stays below 2^31."""
LEVELS = 1 << 16
NOISE_SD = 0.2
INITIAL_THRESHOLD = (0.5, 5.0)
_SALT = np.uint64(0x52E71AAC0DE57A1D)
THRESHOLD_OCCASION, DECAY_OCCASION, FIRST_OCCASION = 0, 1, 2
"""Occasions of random numbers: the initial threshold, the initial decay, and step 0."""


class Rates(NamedTuple):
    """A setting's constants of one step, in the kernel's units."""

    hold: int
    """Steps that a cell stays depolarised."""
    mix: np.float32
    """Share of the difference to its input that excitation makes up: dt / T_K."""
    rise: np.float32
    """Threshold units gained while depolarised: H1 dt / D."""
    gain: np.float32
    """Threshold units gained per unit of input: H2 dt / D."""
    decay: float
    """Threshold units lost, before noise and the cell's share: H1 dt / P."""


def rates(parameters: WaveParameters) -> Rates:
    """The constants of one step under `parameters`."""
    p = parameters
    per_step = DT_S / THRESHOLD_UNIT
    return Rates(
        p.hold_steps,
        np.float32(DT_S / p.excitation_s),
        np.float32(p.h1 / p.depolarisation_s * per_step),
        np.float32(p.h2 / p.depolarisation_s * per_step * INPUT_UNIT),
        p.h1 / p.refractory_s * per_step,
    )


def coupling_table(parameters: WaveParameters) -> NDArray[np.int32]:
    """``(2r + 1, 2r + 1)``: coupling of a cell with the cell at axial ``[y + r, x + r]`` from it; r >= 1 rings."""
    r = max(parameters.rings, 1)
    y, x = np.mgrid[-r : r + 1, -r : r + 1]
    distance = PITCH_UM * np.sqrt(x * x + x * y + y * y)
    weight = np.rint(dendritic_overlap(distance, parameters.dendritic_radius_um) / INPUT_UNIT)
    ring = hex_distance(x, y)
    return np.where((ring >= 1) & (ring <= parameters.rings), weight, 0).astype(np.int32)


def drive(grid: HexGrid, parameters: WaveParameters) -> NDArray[np.float64]:
    """``(C,)``: a cell's couplings in sum, relative to the best coupled cell's; cells at the rim have less."""
    table = coupling_table(parameters).astype(np.int64)
    r, side = len(table) // 2, len(grid.index)
    present = np.zeros((side + 2 * r, side + 2 * r), dtype=np.int64)
    present[r:-r, r:-r] = grid.index >= 0
    total = np.zeros((side, side), dtype=np.int64)
    for dy, dx in np.argwhere(table):
        total += table[dy, dx] * present[dy : dy + side, dx : dx + side]
    summed = total[grid.axial[:, 1] + grid.radius, grid.axial[:, 0] + grid.radius]
    return summed / summed.max() if summed.max() else np.ones(grid.cells)


@functools.cache
def noise_table() -> NDArray[np.float64]:
    """``(65536,)``: the values of N(1, 0.2), each as probable as any other."""
    from scipy.special import ndtri

    table = 1.0 + NOISE_SD * ndtri((np.arange(LEVELS) + 0.5) / LEVELS)
    table.flags.writeable = False
    return np.asarray(table)


def keys(seeds: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Seeds made keys of random functions, so that neighbouring seeds have nothing in common."""
    return mix64(seeds ^ _SALT)


def words(key: NDArray[np.uint64], cell: NDArray[np.int64], occasion: int) -> NDArray[np.uint64]:
    """64 random bits for every key, cell (broadcast) and occasion."""
    with np.errstate(over="ignore"):
        inner = mix64(key + GOLDEN * (cell.astype(np.uint64) + np.uint64(1)))
        return mix64(inner + GOLDEN * np.uint64(occasion + 1))


def draw_decay(word: NDArray[np.uint64], mean: NDArray[np.float64]) -> NDArray[np.int32]:
    """Decay of the threshold per step: `mean` times a draw of N(1, 0.2), in whole units."""
    return np.asarray(np.rint(mean * noise_table()[word >> np.uint64(48)]), dtype=np.int32)


def draw_threshold(word: NDArray[np.uint64]) -> NDArray[np.int32]:
    """The initial threshold, uniform between 0.5 and 5."""
    low, high = INITIAL_THRESHOLD
    uniform = (word >> np.uint64(11)) * 2.0**-53
    return np.asarray(np.rint((low + (high - low) * uniform) / THRESHOLD_UNIT), dtype=np.int32)


assert math.log2(THRESHOLD_MAX + RISE_MAX) < 31
