"""Retinal waves as spontaneous activity: any agent can develop on them, whatever its senses will be.

Kept apart from `ontogym.developmental.spontaneous.base` because it needs numba; ``"retinal-waves"`` in the registry
imports it when it is asked for.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.developmental.spontaneous.base import SpontaneousActivity
from ontogym.developmental.waves import WaveParameters, WaveSimulator, WaveState
from ontogym.developmental.waves.parameters import DT_MS, PRESETS
from ontogym.developmental.waves.pool import wave_pool
from ontogym.developmental.waves.receptive_fields import ARRANGEMENTS, receptive_fields
from ontogym.developmental.waves.settings import (
    LONGEST_WARM_UP_MIN,
    checked_frame_ms,
    checked_minutes,
    checked_pool_size,
    chosen_parameters,
)
from ontogym.errors import OntogymError, UnknownNameError
from ontogym.seeding import lane_seeds

__all__ = ["RetinalWaves"]

STARTS = ("wave", "any")
_ONSET = 0.01
"""Part of the retina that is active when a wave counts as begun: above single cells, below the smallest waves."""
_LARGEST = 256
"""Radius. A saved agent names its source's options, and a stranger's must not ask for more memory than there is."""
_LOOK_MS, _LONGEST_WAIT_MS = 1000.0, 600_000.0
_REFERENCES, _REFERENCE_MIN = 4, 5.0
"""The scale of the channels is measured on so many retinas for so many minutes (longer where they are slow)."""
_OFTEN = 0.5
"""Times that a cell has to be active meanwhile, in the mean."""
_CHUNK_BYTES = 32_000_000
"""Frames are recorded in pieces of this size: a long development must not hold all of its frames."""


class RetinalWaves(SpontaneousActivity):
    r"""Spontaneous waves of a retina before birth, seen through receptive fields (arXiv 2311.17232).

    Each individual has one retina (`ontogym.developmental.waves`), whose cells are projected onto its O channels by
    Gaussian receptive fields that tile the disc. With a_i(t) the part of field i that is depolarised at frame t,

    .. math:: x_i(t) = g \, (a_i(t) - m) / s

    where m and s are the mean and the standard deviation of a over time and channels in such retinas (measured once,
    on four of them for five minutes, for longer where they are slow), so that the channels have mean 0 and variance 1 in the long run, as those of `OrnsteinUhlenbeck`
    and `WhiteNoise` have by default. The distribution is another: between waves a channel rests at -m/s (ferret: -0.5
    with 4 channels, -0.2 with 100), and a wave is a pulse of several units, now and then more than 10.

    Time: with frames of 200 ms the activity of a channel decorrelates (to 1/e) in about 8 steps, that of the default
    Ornstein-Uhlenbeck walk in 9.5. A hundred steps, 20 s, hold three or four waves of a ferret's retina of the default
    size; any one of 4 channels sees some of them in nine stretches of ten.

    Every retina is warmed up. Its start is drawn from a pool of `retinas` warmed-up ones (`RetinaPool`), from then on
    it has its own chance; individuals of equal seeds share one retina, which is simulated once.

    Args:
        preset: name of a parameter set, see ``ontogym.developmental.waves.PRESETS``.
        parameters: `WaveParameters`, or a dictionary of those that differ from the preset's.
        radius: of the retina, cells.
        frame_ms: simulated time from one developmental step to the next, a multiple of 25.
        gain: g.
        arrangement: "sunflower", fields over the whole disc in no particular order; or "grid", row by row over the
            inscribed square, for observations that are pictures.
        start: "wave": a stretch begins within the second before 1 % of the retina is active, so that a short
            stretch is not silent (waves come every five seconds or so to a ferret's retina of the default size, those
            of the preset "reward" every two minutes); or "any": at any moment.
        retinas: size of the pool; 0 warms up a retina for each individual (slow: fifteen simulated minutes).
        warm_up_min: minutes of warm-up; where the refractory period is longer than any preset's, as many times more as
            it is longer (a day at most), since slow retinas keep the memory of their common start for longer.

    Raises:
        OntogymError: an unknown preset, arrangement or start, a number out of range; when it is sampled, parameters
            under which a cell is active too seldom for m and s to be measured.
    """

    name = "retinal-waves"

    def __init__(
        self,
        preset: str = "ferret",
        parameters: WaveParameters | Mapping[str, float] | None = None,
        radius: int = 36,
        frame_ms: float = 200.0,
        gain: float = 1.0,
        arrangement: str = "sunflower",
        start: str = "wave",
        retinas: int = 16,
        warm_up_min: float = 15.0,
    ) -> None:
        for kind, name, known in (("arrangement", arrangement, ARRANGEMENTS), ("start", start, STARTS)):
            if name not in known:
                raise UnknownNameError(f"{kind} of retinal waves", str(name), known)
        if not (isinstance(gain, (int, float)) and math.isfinite(gain)):
            raise OntogymError(f"The gain of retinal waves is {gain!r}; use a finite number.")
        chosen = chosen_parameters(preset, parameters)
        if isinstance(radius, (int, np.integer)) and radius > _LARGEST:
            raise OntogymError(
                f"Retinal waves of radius {radius} are too large to develop on; use at most {_LARGEST}."
            )
        warm_up = min(checked_minutes(warm_up_min) * _slower(chosen), LONGEST_WARM_UP_MIN)
        self._setting = _Setting(chosen, radius, arrangement, checked_pool_size(retinas), warm_up)
        self.simulator = WaveSimulator(chosen, radius)
        self.frame_ms, self.gain, self.start = checked_frame_ms(frame_ms), float(gain), start

    def _sample(
        self, steps: int, seeds: NDArray[np.uint64], channels: int, params: NDArray[np.float64]
    ) -> NDArray[np.floating]:
        # In evolution all genomes share the seeds of their lives: one retina serves them all.
        unique, row = np.unique(seeds, return_inverse=True)
        if not (steps and len(seeds)):
            return np.zeros((steps, len(seeds), channels))
        mean, sd = _standard(self._setting, channels)
        fields = _fields(self._setting, channels)
        activity = _see(self.simulator, self._begin(unique), steps, self.frame_ms, fields)
        activity -= np.float32(mean)
        activity *= np.float32(self.gain / sd)
        return activity[:, row.reshape(-1)]

    def _begin(self, seeds: NDArray[np.uint64]) -> WaveState:
        s = self._setting
        if s.retinas:
            waves = wave_pool(s.parameters, s.radius, s.retinas, s.warm_up_min).draw(seeds)
        else:
            waves = self.simulator.warmed_up(seeds, s.warm_up_min)
        return waves if self.start == "any" else self._await_wave(waves)

    def _await_wave(self, waves: WaveState) -> WaveState:
        """Let each retina run on to the last whole second before its next wave; silent ones stop waiting."""
        waiting = np.arange(len(waves))
        for _ in range(int(_LONGEST_WAIT_MS * _slower(self.simulator.parameters) / _LOOK_MS)):
            after, frames = self.simulator.record(
                waves.take(waiting), int(_LOOK_MS / 100.0), 100.0, inplace=True
            )
            quiet = ~(frames.mean(-1) >= _ONSET).any(0)
            waiting = waiting[quiet]
            if not len(waiting):
                break
            waves.put(waiting, after.take(quiet))
        return waves


class _Setting(NamedTuple):
    """What the scale of a source depends on."""

    parameters: WaveParameters
    radius: int
    arrangement: str
    retinas: int
    warm_up_min: float


def _slower(parameters: WaveParameters) -> float:
    """How many times slower than the slowest preset's retinas of these parameters recover; 1 for all that are not."""
    return max(1.0, parameters.refractory_s / max(preset.refractory_s for preset in PRESETS.values()))


@functools.lru_cache(maxsize=16)
def _fields(setting: _Setting, channels: int) -> Any:
    """Receptive fields ``(O, C)`` transposed."""
    grid = WaveSimulator(setting.parameters, setting.radius).grid
    return receptive_fields(grid, channels, setting.arrangement).T.tocsr()


@functools.lru_cache(maxsize=64)
def _standard(setting: _Setting, channels: int) -> tuple[float, float]:
    """Mean and standard deviation over time, channels and a few retinas of the active part of a field.

    Slow retinas are looked at for longer (`_slower`), and on, up to four times that, until their cells have been active
    often enough.
    """
    simulator, p = WaveSimulator(setting.parameters, setting.radius), setting.parameters
    waves = simulator.warmed_up(lane_seeds(0, _REFERENCES, "retina-pool"), setting.warm_up_min)
    fields, frames = _fields(setting, channels), int(_REFERENCE_MIN * 120)
    seen: list[
        tuple[float, float]
    ] = []  # mean and standard deviation of each piece: all frames would be many
    for pieces in (1, 2, 4):
        while len(seen) < pieces * round(_slower(p)):
            active = _see(simulator, waves, frames, 500.0, fields)
            seen.append((float(active.mean(dtype=np.float64)), float(active.std(dtype=np.float64))))
        mean, sd = _together(seen)
        if mean * len(seen) * frames * 0.5 >= _OFTEN * p.hold_steps * DT_MS / 1000:
            return mean, sd
    raise OntogymError(
        f"Retinal waves of these parameters are too seldom for their scale to be measured (less than {_OFTEN:g} times a cell "
        f"in {len(seen) * _REFERENCE_MIN:.0f} simulated minutes); choose a shorter refractory_s, or a larger h1 beside h2."
    )


def _together(pieces: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Mean and standard deviation over pieces of one length, from those of each."""
    if len(pieces) == 1:
        return pieces[0]
    means, sds = np.transpose(pieces)
    return float(means.mean()), float(np.sqrt((sds**2 + (means - means.mean()) ** 2).mean()))


def _see(
    simulator: WaveSimulator, waves: WaveState, steps: int, frame_ms: float, fields: Any
) -> NDArray[np.float32]:
    """The active part of each field at each frame, ``(T, B, O)``; `waves` is used up."""
    retinas, channels = len(waves), fields.shape[1]
    activity, at = np.empty((steps, retinas, channels), dtype=np.float32), 0
    most = max(1, _CHUNK_BYTES // (retinas * (simulator.grid.cells + 4 * channels)))
    while at < steps:
        count = min(most, steps - at)
        waves, frames = simulator.record(waves, count, frame_ms, inplace=True)
        activity[at : at + count] = _project(frames, fields)
        at += count
    return activity


def _project(frames: NDArray[np.bool_], fields: Any) -> NDArray[np.float32]:
    """Frames ``(F, B, C)`` through fields ``(C, O)``: the active part of each, ``(F, B, O)``.

    Few cells are active at a time, so that sparse times sparse is fastest; and each row's sum has one order,
    whatever stands beside it.
    """
    from scipy import sparse

    flat = frames.reshape(-1, frames.shape[-1])
    rows, cells = np.nonzero(flat)
    ends = np.searchsorted(rows, np.arange(len(flat) + 1))
    table = sparse.csr_matrix((np.ones(len(rows), np.float32), cells, ends), shape=flat.shape)
    seen: NDArray[np.float32] = (table @ fields).toarray()
    return seen.reshape(*frames.shape[:2], -1)
