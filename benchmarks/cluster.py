"""What limits lives on many machines: one life, its slice, its traffic, the strategy, and Ray's own cost a task.

Processor seconds of one core, medians of three in turn. Run: ``OMP_NUM_THREADS=1 python benchmarks/cluster.py [--ray]``.
"""

from __future__ import annotations

import argparse
import os
import pickle
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import numpy as np

from ontogym.baselines.evolution.config import EvolutionConfig
from ontogym.baselines.evolution.evaluators import make_workers
from ontogym.baselines.evolution.search import make_strategy
from ontogym.baselines.lives.life import LifeSpec, life_seeds, live, make_agent

SPEC = LifeSpec("ontogym/CartPole-v1", episodes=3, max_steps=200)
AGENTS: dict[str, dict[str, Any]] = {
    "lndp": {"io_identity": True, "threads": 1},
    "mlp": {},
    "gru": {},
    "plastic": {},
}
STRATEGIES = ("csa", "openai-es", "cma-diagonal", "cma-full")


def seconds(*works: Callable[[], Any]) -> list[float]:
    """Median processor time of each of the works, done in turn three times after once for nothing."""
    taken: list[list[float]] = [[] for _ in works]
    for turn in range(4):
        for work, row in zip(works, taken, strict=True):
            start = time.process_time()
            work()
            if turn:
                row.append(time.process_time() - start)
    return [float(np.median(row)) for row in taken]


def lives() -> None:
    """A life's processor time and bytes, and what slices of it cost."""
    print(
        "| agent | genes | µs a step | bytes out a genome | bytes back a life | slices of 64 | of 32 | of 16 |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name, options in AGENTS.items():
        agent = make_agent(name, SPEC.env, {}, options)
        genomes = np.random.default_rng(0).normal(size=(256, agent.genome_size))
        seeds = life_seeds(SPEC, 2, 0)
        found = live(agent, genomes, SPEC, seeds)

        def cut(pieces: int, agent: Any = agent, genomes: Any = genomes, seeds: Any = seeds) -> None:
            for part in np.array_split(genomes, pieces):
                live(agent, part, SPEC, seeds)

        whole, *cuts = seconds(*(lambda n=n: cut(n) for n in (1, 8, 16, 32)))  # type: ignore[misc]
        out = len(pickle.dumps((genomes[:16], SPEC, seeds))) / 16
        back = len(pickle.dumps(live(agent, genomes[:16], SPEC, seeds))) / 32
        print(
            f"| {name} | {agent.genome_size} | {1e6 * whole / found.lengths.sum():.2f} | {out:.0f} | {back:.0f} | "
            + " | ".join(f"{c / whole:.2f}" for c in cuts)
            + " |"
        )


def strategies() -> None:
    """Processor time of ask and tell for each genome."""
    print("\n| strategy | genes | population | µs a genome, ask and tell |\n|---|---|---|---|")
    for name in STRATEGIES:
        for genes in (178, 1966):
            for population in (256, 4096):
                if name == "cma-full" and genes > 1000:
                    continue
                config = EvolutionConfig(strategy=name, population=population)
                strategy = make_strategy(config, np.zeros(genes))

                def generation(strategy: Any = strategy) -> None:
                    strategy.tell(-np.square(strategy.ask()).sum(1))

                (taken,) = seconds(generation)
                print(f"| {name} | {genes} | {population} | {1e6 * taken / population:.1f} |")


def nothing(genomes: Any) -> None:
    """A task that does no work."""


def on_ray() -> None:
    """What Ray itself takes for a task, by the clock and of this process."""
    slices = [(np.zeros((16, 1966)),)] * 500
    with make_workers("ray", 1) as workers:
        workers.map(nothing, slices[:20])
        clock, own = time.perf_counter(), time.process_time()
        workers.map(nothing, slices)
        clock, own = time.perf_counter() - clock, time.process_time() - own
    each = 1e3 / len(slices)
    print(
        f"\nRay, a task of 16 genomes of 1 966 numbers: {each * clock:.2f} ms by the clock, {each * own:.2f} of this process"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ray", action="store_true", help="also measure Ray, which must be installed")
    arguments = parser.parse_args()
    lives()
    strategies()
    if arguments.ray:
        on_ray()
