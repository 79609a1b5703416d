"""How many times as fast whole lives are in one call (compiled agent and world) as step by step.

    python benchmarks/lives_throughput.py [--hidden 16] [--population 64] [--repeats 5] [--agents lndp-16 lndp-32] [--json]

Both ways live the same lives in one run, in turn, so that the ratio means something on any machine. On CartPole the
networks are first evolved until they balance, for a network that falls at once lives a birth and little else.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.agents.base import Agent
from ontogym.baselines.evolution.strategies import IsotropicCSA
from ontogym.baselines.lives.life import LifeResult, LifeSpec, life_seeds, live, make_agent
from ontogym.baselines.lives.rollout import Watcher

WORLDS = {"ontogym/CartPole-v1": 3, "ontogym/Foraging-v0": 1}
AGENTS = ("mlp", "rnn", "gru", "hyper", "trace", "lndp-16", "lndp-32")
GRU_TARGET = 2
"""Million environment steps a processor second, of a GRU of 16 units on CartPole."""


def built(name: str, world: str, hidden: int) -> Agent[Any]:
    """An agent by its name; that of an LNDP ends with its number of nodes."""
    kind, _, nodes = name.partition("-")
    options = {"io_identity": True, "threads": 1, "nodes": int(nodes)} if nodes else {"hidden": hidden}
    return make_agent(kind, world, options=options)


def competent(agent, spec: LifeSpec, population: int) -> NDArray[np.float64]:
    """A genome that scores 475, or the best of 60 generations."""
    search = IsotropicCSA(agent.initial_genome(), population, seed=1, sigma=0.5)
    for generation in range(60):
        search.tell(live(agent, search.ask(), spec, life_seeds(spec, 2, 1, generation)).returns.mean((1, 2)))
        if live(agent, search.mean, spec, life_seeds(spec, 8, 2, generation)).returns.mean() >= 475:
            break
    return search.mean


def rate(work: Callable[[], LifeResult]) -> float:
    """Million environment steps per processor second."""
    start = time.process_time()
    steps = int(work().lengths.sum())
    return steps / (time.process_time() - start) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--hidden", type=int, default=16)
    parser.add_argument("--population", type=int, default=64)
    parser.add_argument("--lives", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--agents", nargs="+", choices=AGENTS, default=list(AGENTS))
    parser.add_argument("--worlds", nargs="+", choices=list(WORLDS), default=list(WORLDS))
    parser.add_argument(
        "--newborn", action="store_true", help="do not evolve first: lives as at the start of a search"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    given = parser.parse_args()
    rows: list[dict[str, Any]] = []
    held: bool | None = None
    print("| lives in | agent | times |\n|---|---|---|")
    for world in given.worlds:
        episodes = WORLDS[world]
        for name in given.agents:
            agent = built(name, world, given.hidden)
            spec = LifeSpec(world, episodes=episodes)
            genome = (
                competent(agent, spec, given.population)
                if world.endswith("CartPole-v1") and not given.newborn
                else agent.initial_genome()
            )
            genomes = np.repeat(genome[None], given.population, 0)
            if given.newborn:
                genomes = genomes + np.random.default_rng(0).standard_normal(genomes.shape)
            seeds = life_seeds(spec, given.lives, 3)

            def at_once() -> LifeResult:
                return live(agent, genomes, spec, seeds)  # noqa: B023

            def stepped() -> LifeResult:
                return live(agent, genomes, spec, seeds, watchers=[Watcher()])  # noqa: B023

            at_once(), stepped()
            rates = np.array([(rate(at_once), rate(stepped)) for _ in range(given.repeats)])
            row: dict[str, Any] = {
                "world": world,
                "agent": name,
                "hidden": given.hidden,
                "score": round(float(at_once().returns.mean()), 1),
                "at_once_Msteps_per_cpu_s": round(float(np.median(rates[:, 0])), 2),
                "step_by_step_Msteps_per_cpu_s": round(float(np.median(rates[:, 1])), 3),
                "ratio": round(float(np.median(rates[:, 0] / rates[:, 1])), 1),
            }
            rows.append(row)
            print(f"| {world.partition('/')[2]} | {name} | {row['ratio']} |", flush=True)
            if (name, world, given.hidden) == ("gru", "ontogym/CartPole-v1", 16):
                held = row["at_once_Msteps_per_cpu_s"] >= GRU_TARGET
    if held is not None:
        print(
            f"{'held' if held else 'MISSED'}: {GRU_TARGET} million steps a second, GRU of 16 units on CartPole"
        )
    if given.json:
        print(json.dumps(rows))


if __name__ == "__main__":
    main()
