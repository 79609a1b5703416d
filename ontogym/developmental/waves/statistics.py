"""Size, interval, speed and duration of retinal waves, measured as the released program measures them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.developmental.waves.grid import PITCH_UM, HexGrid
from ontogym.developmental.waves.parameters import WaveParameters
from ontogym.developmental.waves.simulator import WaveSimulator, checked_seeds
from ontogym.errors import OntogymError, is_number

__all__ = ["MIN_SPEED_PLACES", "Statistic", "WaveStatistics", "WaveTracker", "wave_statistics"]

PLACE_MM2 = math.pi / 4 * (PITCH_UM / 1000) ** 2
"""Area of a place: the disc in the hexagon, as in the released program (the hexagon itself is 10 % larger)."""
MIN_SPEED_PLACES = 100
"""Smaller waves have no speed."""
_CHUNK_BYTES = 1 << 26


class Statistic(NamedTuple):
    """Mean, standard deviation (of the sample, divided by n) and number; NaN where nothing was measured."""

    mean: float
    sd: float
    n: int


class WaveStatistics(NamedTuple):
    """What was measured of the waves that ended within the time observed.

    Attributes:
        size_mm2: places that a wave ever covered.
        interval_s: pauses of more than 3 s between waves, of every cell.
        speed_um_s: from a wave's centre in its first frame to the farthest place that it ever reached, over the
            time it took; of waves that met no other and covered at least 100 places.
        duration_s: from a wave's first frame to the one in which its last place leaves.
        clean: number of waves that met no other.
        observed_min: simulated minutes, of all retinas together.
    """

    size_mm2: Statistic
    interval_s: Statistic
    speed_um_s: Statistic
    duration_s: Statistic
    clean: int
    observed_min: float

    def as_json(self) -> dict[str, Any]:
        """Nested dicts for JSON; what was not measured is None."""

        def plain(value: Any) -> Any:
            if isinstance(value, Statistic):
                return {k: plain(v) for k, v in value._asdict().items()}
            return None if isinstance(value, float) and math.isnan(value) else value

        return {k: plain(v) for k, v in self._asdict().items()}


class WaveTracker:
    """Follows the waves of one retina through frames of 100 ms, handed in piece by piece.

    Args:
        grid: the retina's grid.
    """

    def __init__(self, grid: HexGrid) -> None:
        from ontogym.developmental.waves.calcium import canvas, ledger

        self.grid = grid
        self._canvas = canvas(grid)
        self._book = ledger(self._canvas)

    def update(self, movie: NDArray[np.bool_]) -> None:
        """The next ``(F, C)`` frames: which cells are depolarised.

        Raises:
            OntogymError: the frames are of another retina.
        """
        from ontogym.developmental.waves.calcium import follow

        if movie.ndim != 2 or movie.shape[1] != self.grid.cells:
            raise OntogymError(
                f"Frames of shape {movie.shape} are not (frames, cells) of a retina of radius {self.grid.radius} "
                f"with {self.grid.cells} cells."
            )
        done = 0
        while done < len(movie):
            done += follow(movie[done:].view(np.bool_), self._canvas, self._book)
            if done < len(movie):
                self._make_room()

    def _make_room(self) -> None:
        room = 2 * len(self._book.parent) + 2 * len(self._canvas.places)
        parent, table = self._book.parent, self._book.table
        self._book = self._book._replace(
            parent=np.concatenate([parent, np.zeros(room - len(parent), dtype=np.int64)]),
            table=np.concatenate([table, np.zeros((room - len(table), table.shape[1]))]),
        )

    @property
    def waves(self) -> NDArray[np.float64]:
        """``(n, 5)``: size (mm2), duration (s), speed (µm/s, NaN if not measured), begin (s), clean (0 or 1)."""
        from ontogym.developmental.waves import calcium as c

        rows = self._book.table[1 : self._book.counters[c.WAVES] + 1]
        rows = rows[(rows[:, c.MERGED] < 2) & (rows[:, c.ACTIVE] == 0)]
        frame_s = c.FRAME_MS / 1000
        clean = rows[:, c.MERGED] == 0
        travelled = (rows[:, c.FAR_FRAME] - rows[:, c.BEGIN]) * frame_s
        measured = clean & (rows[:, c.SIZE] >= MIN_SPEED_PLACES) & (travelled > 0)
        speed = np.full(len(rows), np.nan)
        speed[measured] = rows[measured, c.FAR] / travelled[measured]
        return np.stack(
            [
                rows[:, c.SIZE] * PLACE_MM2,
                (rows[:, c.END] - rows[:, c.BEGIN]) * frame_s,
                speed,
                rows[:, c.BEGIN] * frame_s,
                clean,
            ],
            axis=1,
        )

    @property
    def pauses(self) -> tuple[int, float, float]:
        """Number, sum (s) and sum of squares (s2) of the intervals between waves, of all cells."""
        from ontogym.developmental.waves import calcium as c

        counters, frame_s = self._book.counters, c.FRAME_MS / 1000
        return (
            int(counters[c.PAUSES]),
            float(counters[c.PAUSE_SUM]) * frame_s,
            float(counters[c.PAUSE_SQUARES]) * frame_s**2,
        )

    @property
    def observed_min(self) -> float:
        """Minutes seen."""
        from ontogym.developmental.waves import calcium as c

        return float(self._book.counters[c.FRAMES]) * c.FRAME_MS / 60_000

    def statistics(self) -> WaveStatistics:
        """What has been measured so far."""
        return _pool([self])


def wave_statistics(
    simulator_or_parameters: WaveSimulator | WaveParameters | str,
    *,
    radius: int = 36,
    seeds: Sequence[int] = (0,),
    minutes: float = 60.0,
    warm_up_minutes: float = 15.0,
) -> WaveStatistics:
    """Simulate retinas and measure their waves.

    Args:
        simulator_or_parameters: a simulator, parameters, or the name of a preset.
        radius: of the retina; a simulator brings its own.
        seeds: one retina a seed; their waves are pooled.
        minutes: simulated time per retina.
        warm_up_minutes: time before the measurement starts.

    Raises:
        OntogymError: a bad seed, equal seeds, a bad radius or time (more than 0 minutes, at most a week).
    """
    simulator = (
        simulator_or_parameters
        if isinstance(simulator_or_parameters, WaveSimulator)
        else WaveSimulator(simulator_or_parameters, radius)
    )
    if not (is_number(minutes) and 0 < minutes <= 7 * 24 * 60):
        raise OntogymError(
            f"Waves cannot be observed for {minutes!r} minutes; give more than 0, at most a week."
        )
    listed = checked_seeds(seeds)
    if len(set(listed)) < len(listed):
        raise OntogymError(f"The seeds {tuple(listed)} must be different; each is a retina of its own.")
    state = simulator.warmed_up(listed, warm_up_minutes)
    trackers = [WaveTracker(simulator.grid) for _ in range(len(state))]
    left = max(1, round(minutes * 600))
    while left:
        frames = min(left, max(1, _CHUNK_BYTES // state.active.nbytes))
        state, movie = simulator.record(state, frames, inplace=True)
        for row, tracker in enumerate(trackers):
            tracker.update(movie[:, row])
        left -= frames
    return _pool(trackers)


def _pool(trackers: Sequence[WaveTracker]) -> WaveStatistics:
    size, duration, speed, _, clean = np.concatenate([t.waves for t in trackers]).T
    n, total, squares = (sum(part) for part in zip(*(t.pauses for t in trackers)))
    mean = total / n if n else math.nan
    sd = math.sqrt(max(squares / n - mean**2, 0.0)) if n else math.nan
    return WaveStatistics(
        _statistic(size),
        Statistic(mean, sd, int(n)),
        _statistic(speed[~np.isnan(speed)]),
        _statistic(duration),
        int(clean.sum()),
        sum(t.observed_min for t in trackers),
    )


def _statistic(values: NDArray[np.float64]) -> Statistic:
    if not len(values):
        return Statistic(math.nan, math.nan, 0)
    return Statistic(float(values.mean()), float(values.std()), len(values))
