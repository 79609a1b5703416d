"""Warmed-up retinas to begin many lives from, so that a life need not wait fifteen simulated minutes for its own."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ontogym.developmental.waves import WaveParameters, WaveSimulator, WaveState
from ontogym.developmental.waves.fixed_point import keys
from ontogym.seeding import LaneStreams, lane_seeds

__all__ = ["RetinaPool", "wave_pool"]

SPAN_MIN = 8.0
"""Lives begin at any 100 ms of so many minutes after the warm-up of a retina of the pool."""
_FRAME_STEPS = 4
"""100 ms, in steps of 25 ms."""
_MOST_SNAPSHOTS, _SNAPSHOT_BYTES = 16, 64_000_000


class RetinaPool:
    """A fixed set of warmed-up retinas; a life begins with a copy of one of them and has its own chance from then on.

    The retina of a seed is: one of the pool, at one moment of the `SPAN_MIN` minutes after its warm-up (both drawn
    from the seed), with the random numbers of the seed from that moment on. So no two lives are the same, but those
    that begin with the same retina at nearly the same moment look alike until its cells, once active, have drawn
    anew when to be active next: for a minute or two. Retinas that are warmed up for themselves
    (`WaveSimulator.warmed_up`) differ from the start and take about forty times as long.

    The pool fills as its retinas are drawn; states along the way are kept so that a draw costs milliseconds.

    Args:
        simulator: of the retinas.
        retinas: how many, at least 1.
        warm_up_min: minutes of warm-up.
    """

    def __init__(self, simulator: WaveSimulator, retinas: int = 16, warm_up_min: float = 15.0) -> None:
        self.simulator, self.warm_up_min = simulator, warm_up_min
        self.seeds = lane_seeds(0, retinas, "retina-pool")
        self._span = int(SPAN_MIN * 600)
        self._kept: dict[int, list[WaveState]] = {}
        self._spacing = 0

    def draw(self, seeds: Sequence[int] | NDArray[np.integer]) -> WaveState:
        """The retinas of these seeds, ``(B,)``: a state of B retinas that is the caller's own."""
        parts = [self._at(int(which), int(frame)) for which, frame in zip(*self.places(seeds))]
        # Every later random number is a function of the key, the cell and the step.
        return dataclasses.replace(WaveState.concatenate(parts), key=keys(np.asarray(seeds, dtype=np.uint64)))

    def places(
        self, seeds: Sequence[int] | NDArray[np.integer]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where the retinas of these seeds come from, ``(B,)`` each: which of the pool, and how many frames of 100 ms
        after its warm-up."""
        streams = LaneStreams(np.asarray(seeds, dtype=np.uint64))
        which, frame = streams.uniform() * len(self.seeds), streams.uniform() * self._span
        return which.astype(np.int64), frame.astype(np.int64)

    def _at(self, which: int, frame: int) -> WaveState:
        """Retina `which` so many frames after its warm-up."""
        if which not in self._kept:
            self._kept[which] = self._run(which)
        kept = self._kept[which][frame // self._spacing]
        return self.simulator.advance(kept, frame % self._spacing * _FRAME_STEPS)

    def _run(self, which: int) -> list[WaveState]:
        """States of a retina at even intervals after its warm-up."""
        state = self.simulator.warmed_up(self.seeds[which : which + 1], self.warm_up_min)
        size = state.nbytes * len(self.seeds)
        count = int(np.clip(_SNAPSHOT_BYTES // size, 1, _MOST_SNAPSHOTS))
        self._spacing = -(-self._span // count)
        states = [state]
        for _ in range(1, count):
            states.append(self.simulator.advance(states[-1], self._spacing * _FRAME_STEPS))
        return states


@functools.lru_cache(maxsize=4)
def wave_pool(parameters: WaveParameters, radius: int, retinas: int, warm_up_min: float) -> RetinaPool:
    """The process's pool of this kind; environments and sources share it."""
    return RetinaPool(WaveSimulator(parameters, radius), retinas, warm_up_min)
