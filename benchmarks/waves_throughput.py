"""Speed of the retinal-wave simulator on one core.

    python benchmarks/waves_throughput.py [--minutes 4] [--json]

- ns per cell and step of 25 ms, at radius 36, 64 and 256, in ReWaRD's setting (large waves) and the ferret's (small ones, which
  keep more of the retina awake), after a warm-up of 15 simulated minutes and over at least `minutes` more
  (two cycles of waves: what sleeps and what works differs from second to second).
- The same with every tile computed at every step: what the event-driven kernel saves.
- Frames per second for 1 and 8 retinas of radius 36, one frame of 100 ms a call, with the picture: what an
  environment sees; and for 8 retinas, recorded and drawn in one call: what a data set sees.

Times are of the process, not of the clock, so that other work on the machine disturbs less. The released C++
program's figures stand in the project's specification; they were not measured in this run, nor on this machine.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from ontogym.developmental.waves import WaveSimulator, WaveState, render

RELEASED_NS = {36: 6.9, 64: 11.7, 256: 48.5}
"""The specification's: one core, ReWaRD's setting; 45 to 52 at radius 256."""
TARGET_NS = {64: 0.6, 256: 0.9}
TARGET_FRAMES = 50_000
LEAST_CELL_STEPS = 2e8
SIZE = 64


def seconds(work: Callable[[], Any]) -> float:
    """Processor time of `work`."""
    start = time.process_time()
    work()
    return time.process_time() - start


def cell_step_ns(simulator: WaveSimulator, state: WaveState, minutes: float) -> float:
    """ns per cell and step, over at least `minutes` of simulated time."""
    steps = int(max(minutes * 2400, LEAST_CELL_STEPS / simulator.grid.cells))
    return (
        seconds(lambda: simulator.advance(state, steps, inplace=True)) / (steps * simulator.grid.cells) * 1e9
    )


def dense_ns(simulator: WaveSimulator, state: WaveState) -> float:
    """The same with no tile asleep: every step is a call, before which all tiles are woken."""
    steps = int(max(20, 2e7 / simulator.grid.cells))

    def run() -> None:
        for _ in range(steps):
            state.wake[:] = 0
            simulator.advance(state, 1, inplace=True)

    return seconds(run) / (steps * simulator.grid.cells) * 1e9


def frames_per_second(preset: str, retinas: int, frames: int = 8000) -> tuple[float, float]:
    """Retina frames per second with pictures of 64 x 64: frame by frame, and in calls of 100 frames."""
    simulator = WaveSimulator(preset)
    state = simulator.warmed_up(range(retinas))

    def by_frame() -> None:
        for _ in range(frames // retinas):
            _, movie = simulator.record(state, 1, inplace=True)
            render(simulator.grid, movie[0], SIZE)

    def at_once() -> None:
        for _ in range(frames // retinas // 100):
            _, movie = simulator.record(state, 100, inplace=True)
            render(simulator.grid, movie, SIZE)

    return frames / seconds(by_frame), frames / seconds(at_once)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=4.0, help="least simulated time of a measurement")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    arguments = parser.parse_args()
    cells, frames = [], []
    for preset in ("reward", "ferret"):
        for radius, released in RELEASED_NS.items():
            simulator = WaveSimulator(preset, radius)
            state = simulator.warmed_up([1])
            lazy, dense = cell_step_ns(simulator, state, arguments.minutes), dense_ns(simulator, state)
            cells.append({"preset": preset, "radius": radius, "ns": lazy, "dense_ns": dense})
            line = (
                f"{preset:<8} radius {radius:>3}: {lazy:6.3f} ns per cell-step; all tiles awake {dense:5.2f}"
            )
            if preset == "reward":
                line += f"; the released C++ {released} (specification): {released / lazy:.0f} times"
                line += f"; target {TARGET_NS[radius]}" if radius in TARGET_NS else ""
            print(line, flush=True)
        for retinas in (1, 8):
            single, many = frames_per_second(preset, retinas)
            frames.append({"preset": preset, "retinas": retinas, "frames_per_s": single, "in_one_call": many})
            target = f"; target {TARGET_FRAMES}" if retinas == 8 else ""
            print(
                f"{preset:<8} {retinas} of radius 36: {single:9.0f} frames/s a frame a call, {many:9.0f} a hundred{target}"
            )
    if arguments.json:
        versions = {"numba": numba.__version__, "numpy": np.__version__}
        print(json.dumps({"cell_steps": cells, "frames": frames, "versions": versions}))


if __name__ == "__main__":
    main()
