"""Many retinas at once: state in, state out."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.developmental.waves.fixed_point import (
    DECAY_OCCASION,
    INPUT_UNIT,
    THRESHOLD_MAX,
    THRESHOLD_OCCASION,
    THRESHOLD_UNIT,
    draw_decay,
    draw_threshold,
    keys,
    rates,
    words,
)
from ontogym.developmental.waves.grid import HexGrid
from ontogym.developmental.waves.layout import TILE, layout
from ontogym.developmental.waves.parameters import DT_MS, WaveParameters, resolve_parameters
from ontogym.developmental.waves.state import WaveState
from ontogym.errors import OntogymError, is_number, whole_number

__all__ = ["CACHE_BYTES", "WaveCells", "WaveSimulator"]

CACHE_BYTES = 1 << 28
"""Most memory that warmed-up retinas may take in this process (256 MiB: 1 500 retinas of radius 36, or 40 of radius 256)."""
_MAX_MINUTES = 60 * 24 * 7.0
_MOST_STEPS = 1 << 62
_MOVIE_BYTES = 1 << 36
"""Largest film that is recorded in one piece (64 GiB)."""
_warm: OrderedDict[tuple[WaveParameters, int, int, int], WaveState] = OrderedDict()
_warm_lock = threading.Lock()


class WaveCells(NamedTuple):
    """The cells of B retinas, ``(B, C)`` each.

    Excitation is meaningless while a cell is depolarised, and reads 0 then.
    """

    active: NDArray[np.bool_]
    excitation: NDArray[np.float64]
    threshold: NDArray[np.float64]
    decay_per_step: NDArray[np.float64]


class WaveSimulator:
    """The wave model of Godfrey & Swindale (2007) for B retinas of one setting, in steps of 25 ms.

    Per step and cell, all cells at once, with input ``I = sum of w_ij over neighbours j active after the last step``:

    - quiet: ``E <- max(0, E + (I - E) dt / T_K)``; if ``E >= theta`` it becomes active;
    - active for longer than D: it becomes quiet, ``E <- 0``, and its decay ``lambda`` is drawn anew;
    - always: ``theta <- max(0, theta + dt (-lambda + [active] (H1 + H2 I) / D))``.

    ``lambda = H1 / P * (sum of the cell's w) / (largest such sum) * N(1, 0.2)``; at first ``theta`` is uniform between
    0.5 and 5 and E is 0. `fixed_point` says how numbers are rounded. A retina's life depends on its seed and the
    parameters alone: not on its batch, nor on how its steps are divided among calls.

    Args:
        parameters: a `WaveParameters` or the name of a preset.
        radius: rings of the hexagonal grid, 1 to 1024; 36 in the model's paper, 256 in ReWaRD's.

    Raises:
        UnknownNameError: no such preset.
        OntogymError: `radius` out of range.
    """

    dt_ms = DT_MS

    def __init__(self, parameters: str | WaveParameters, radius: int = 36) -> None:
        self.parameters = resolve_parameters(parameters)
        self.grid = HexGrid(radius)
        self._layout = layout(self.parameters, self.grid.radius)
        self._rates = rates(self.parameters)

    def __repr__(self) -> str:
        return f"WaveSimulator({self.parameters}, radius={self.grid.radius})"

    def fresh(self, seeds: Sequence[int] | NDArray[np.integer]) -> WaveState:
        """B retinas before their first step, one per seed; equal seeds give equal retinas.

        Raises:
            OntogymError: no seed, or a seed that is no whole number from 0 to 2^64 - 1.
        """
        key, grid = keys(np.array(checked_seeds(seeds), dtype=np.uint64)), self._layout
        retinas, cells = len(key), np.arange(self.grid.cells)
        tiles = np.zeros((retinas, grid.tiles, 4, TILE), dtype=np.int32)
        tiles[:, :, 1] = THRESHOLD_MAX
        where = (slice(None), grid.slot // TILE, slice(None), grid.slot % TILE)
        # Indexing with arrays around a slice puts the cells first: (C, B, 4).
        state = np.zeros((self.grid.cells, retinas, 4), dtype=np.int32)
        state[:, :, 1] = draw_threshold(words(key[:, None], cells, THRESHOLD_OCCASION)).T
        state[:, :, 2] = draw_decay(words(key[:, None], cells, DECAY_OCCASION), grid.decay).T
        tiles[where] = state
        return WaveState(
            key=key,
            step=np.zeros(retinas, dtype=np.int64),
            tiles=tiles,
            seen=np.full((retinas, grid.tiles), -1, dtype=np.int64),
            wake=np.zeros((retinas, grid.tiles), dtype=np.int64),
            input=np.zeros((retinas, grid.height * grid.width), dtype=np.int32),
            active=np.zeros((retinas, self.grid.cells), dtype=np.bool_),
            queue=np.zeros((retinas, self.grid.cells), dtype=np.int32),
            due=np.zeros((retinas, self._rates.hold), dtype=np.int32),
            head=np.zeros((retinas, 2), dtype=np.int64),
            made_by=self._identity,
        )

    def warmed_up(self, seeds: Sequence[int] | NDArray[np.integer], minutes: float = 15.0) -> WaveState:
        """B retinas after `minutes` of simulated time, when the memory of the common start has faded.

        Equal to ``advance(fresh(seeds), steps)``. Each retina is remembered by (parameters, radius, seed, minutes)
        until `CACHE_BYTES` are full (the least recently used goes first), so that asking again takes milliseconds.

        Raises:
            OntogymError: a bad seed, or `minutes` not from 0 to a week.
        """
        steps = _steps_of(minutes)
        wanted = [(self.parameters, self.grid.radius, s, steps) for s in checked_seeds(seeds)]
        with _warm_lock:
            found = {k: _warm[k] for k in wanted if k in _warm}
        missing = [k for k in dict.fromkeys(wanted) if k not in found]
        if missing:
            made = self.advance(self.fresh([k[2] for k in missing]), steps, inplace=True)
            found.update((k, made.take([row])) for row, k in enumerate(missing))
        with _warm_lock:
            for k in wanted:
                _warm[k] = found[k]
                _warm.move_to_end(k)
            excess = sum(s.nbytes for s in _warm.values()) - CACHE_BYTES
            while excess > 0:
                excess -= _warm.popitem(last=False)[1].nbytes
        return WaveState.concatenate([found[k] for k in wanted])

    def advance(self, state: WaveState, steps: int, inplace: bool = False) -> WaveState:
        """The state `steps` steps later.

        Args:
            state: a state of this simulator.
            steps: how many, 0 or more.
            inplace: change `state` and return it, instead of a copy.

        Raises:
            OntogymError: a state of another simulator, or steps that are no whole number from 0 on.
        """
        self._check(state)
        steps = whole_number("steps", steps, 0, _MOST_STEPS)
        state = state if inplace else state.copy()
        self._run(state, steps, 0, np.empty((0, len(state), self.grid.cells), dtype=np.bool_))
        return state

    def record(
        self, state: WaveState, frames: int, frame_ms: float = 100.0, inplace: bool = False
    ) -> tuple[WaveState, NDArray[np.bool_]]:
        """Advance by `frames` frames and take a picture at the end of each.

        Args:
            state: a state of this simulator.
            frames: F, 0 or more.
            frame_ms: time between pictures, a multiple of 25 ms.
            inplace: change `state` and return it, instead of a copy.

        Returns:
            The state, and ``(F, B, C)`` bool: which cells are depolarised.

        Raises:
            OntogymError: `frame_ms` is no multiple of 25 ms, `frames` is negative, or more than memory holds, or `state`
                is of another simulator.
        """
        self._check(state)
        frames = whole_number("frames", frames, 0)
        every = steps_per_frame(frame_ms)
        movie = _film(frames, len(state), self.grid.cells)
        state = state if inplace else state.copy()
        self._run(state, frames * every, every, movie)
        return state, movie

    def cells(self, state: WaveState) -> WaveCells:
        """Every cell's activity, excitation, threshold and decay, as the model has them after the last step."""
        self._check(state)
        grid = self._layout
        lag = (state.step[:, None] - 1 - state.seen)[:, :, None]
        threshold = np.maximum(state.tiles[:, :, 1] - lag * state.tiles[:, :, 2], 0)

        def of_cells(values: NDArray[np.integer], unit: float) -> NDArray[np.float64]:
            return np.asarray(values.reshape(len(state), -1)[:, grid.slot] * unit, dtype=np.float64)

        return WaveCells(
            state.active.copy(),
            of_cells(state.tiles[:, :, 0], INPUT_UNIT),
            of_cells(threshold, THRESHOLD_UNIT),
            of_cells(state.tiles[:, :, 2], THRESHOLD_UNIT),
        )

    def _run(self, state: WaveState, steps: int, every: int, movie: NDArray[np.bool_]) -> None:
        # Numba is imported here: parameters, grids and names are wanted without it.
        from ontogym.developmental.waves.kernel import run

        run(steps, every, movie, state.arrays(), self._layout, self._rates)

    @property
    def _identity(self) -> tuple[WaveParameters, int]:
        """What a state's retinas are told by to be of this simulator."""
        return self.parameters, self.grid.radius

    def _check(self, state: WaveState) -> None:
        expected = (self._layout.tiles, self.grid.cells, self._rates.hold)
        shape = (state.tiles.shape[1], state.active.shape[1], state.due.shape[1])
        if shape != expected or state.made_by not in (None, self._identity):
            raise OntogymError(
                "This wave state belongs to a simulator of another radius or other parameters; make one with `fresh`."
            )


def _film(frames: int, retinas: int, cells: int) -> NDArray[np.bool_]:
    """Room for a film.

    Raises:
        OntogymError: there is not so much memory.
    """
    size = frames * retinas * cells
    try:
        if size <= _MOVIE_BYTES:
            return np.empty((frames, retinas, cells), dtype=np.bool_)
    except MemoryError:
        pass
    raise OntogymError(
        f"A film of {frames} frames of {retinas} x {cells} cells takes {size / 2**30:.3g} GiB, more than there is memory for; "
        "record it piece by piece."
    )


def steps_per_frame(frame_ms: float) -> int:
    """Steps in a frame.

    Raises:
        OntogymError: `frame_ms` is no positive multiple of 25 ms.
    """
    steps = frame_ms / DT_MS if is_number(frame_ms) else 0.0
    if steps < 1 or abs(steps - round(steps)) > 1e-9:
        raise OntogymError(f"A frame cannot last {frame_ms!r} ms; give a multiple of {DT_MS:g} ms.")
    return round(steps)


def _steps_of(minutes: float) -> int:
    if not (is_number(minutes) and 0 <= minutes <= _MAX_MINUTES):
        raise OntogymError(f"Warming up cannot take {minutes!r} minutes; give 0 to {_MAX_MINUTES:g}.")
    return round(minutes * 60_000 / DT_MS)


def checked_seeds(seeds: Sequence[int] | NDArray[np.integer]) -> list[int]:
    """Seeds of retinas, at least one.

    Raises:
        OntogymError: none, or one that is no whole number from 0 to 2^64 - 1.
    """
    listed = np.ravel(np.asarray(seeds, dtype=object)).tolist()
    for seed in listed:
        if not isinstance(seed, (int, np.integer)) or isinstance(seed, bool) or not 0 <= seed < 2**64:
            raise OntogymError(f"A retina's seed cannot be {seed!r}; give a whole number from 0 to 2^64 - 1.")
    if not listed:
        raise OntogymError("No retina was asked for; give at least one seed.")
    return [int(s) for s in listed]
