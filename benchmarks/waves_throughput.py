"""Speed of the retinal-wave simulator on one core, as ratios within the run.

    python benchmarks/waves_throughput.py [--minutes 4] [--json]

- A step of 25 ms as the event-driven kernel takes it, beside the same with every cell computed at every step: at radius 36, 64
  and 256, in ReWaRD's setting (large waves) and the ferret's (small ones, which keep more of the retina awake), after a
  warm-up of 15 simulated minutes and over at least `minutes` more (two cycles of waves: what sleeps and what works differs
  from second to second).
- Frames of 100 ms of 8 retinas of radius 36 beside those of one, one frame a call, with the picture: what an environment sees;
  and a hundred frames a call beside one: what a data set sees.
- Whether the specification's targets (ns per cell and step; frames a second) are held on this machine.

Times are of the process, not of the clock, so that other work on the machine disturbs less.
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

RADII = (36, 64, 256)
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
    cells, frames, targets = [], [], []
    print("| | " + " | ".join(f"R = {radius}" for radius in RADII) + " |\n|---|" + "---|" * len(RADII))
    for preset in ("reward", "ferret"):
        row = []
        for radius in RADII:
            simulator = WaveSimulator(preset, radius)
            state = simulator.warmed_up([1])
            lazy, dense = cell_step_ns(simulator, state, arguments.minutes), dense_ns(simulator, state)
            cells.append({"preset": preset, "radius": radius, "ns": lazy, "dense_ns": dense})
            row.append(f"{dense / lazy:.1f}")
            if preset == "reward" and radius in TARGET_NS:
                targets.append(
                    (f"{TARGET_NS[radius]} ns per cell and step at R = {radius}", lazy <= TARGET_NS[radius])
                )
        print(f"| `{preset}`, beside all cells awake | {' | '.join(row)} |", flush=True)
    for preset in ("reward", "ferret"):
        (one, hundred), (eight, many) = frames_per_second(preset, 1), frames_per_second(preset, 8)
        frames.append(
            {"preset": preset, "one": one, "hundred_a_call": hundred, "eight": eight, "eight_at_once": many}
        )
        print(f"| `{preset}`, frames of eight retinas a call beside one's | {eight / one:.1f} | – | – |")
        print(
            f"| `{preset}`, eight retinas, 100 frames a call beside one | {many / eight:.1f} | – | – |",
            flush=True,
        )
        targets.append((f"{TARGET_FRAMES} frames/s of eight retinas, {preset}", eight >= TARGET_FRAMES))
    for what, held in targets:
        print(f"{'held' if held else 'MISSED'}: {what}")
    if arguments.json:
        versions = {"numba": numba.__version__, "numpy": np.__version__}
        print(json.dumps({"cell_steps": cells, "frames": frames, "versions": versions}))


if __name__ == "__main__":
    main()
