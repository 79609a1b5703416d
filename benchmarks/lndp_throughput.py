"""Steps of every LNDP engine, as ratios, and a generation's seconds. Run by hand:

    python benchmarks/lndp_throughput.py [--json] [--quick | --cores | --old CHECKOUT [--nodes N ...]]

Default configuration (32 nodes, CartPole's 4 inputs and 2 outputs), genomes from N(0, 1) as at the start of a
search, everyone alive, one thread, processor time. Each figure is the median over repetitions that are interleaved between
engines, so that a machine whose speed drifts slows them all; "times" is over the eager PyTorch engine at 64. `--cores` only
asks what the second core brings to the numba engine: half seconds on one and on two threads in turn, by the clock, on a
machine left alone.

`--old CHECKOUT` steps the numba engine of another checkout and this one's in turn, on one thread each, in processor
time: networks that rewire ("free"), and networks whose wiring is held at a density. To see what a processor without
AVX-512 does, set NUMBA_CPU_NAME=haswell and NUMBA_CPU_FEATURES=+sse4.2,+avx,+avx2,+fma for the run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete

from ontogym.agents.lndp import LNDP
from ontogym.seeding import lane_seeds

Case = dict[str, Any]


def cases(quick: bool) -> list[Case]:
    """Every engine, population and number of cores that is worth a row."""
    rows: list[Case] = [{"engine": "numba", "population": p} for p in (1, 64, 256)]
    rows += [{"engine": "torch", "population": p} for p in (64, 256)]
    if not quick:
        for rule in ("lndp-edge-gru", "hebbian-abcd"):
            rows += [
                {"engine": "torch", "compiled": True, "population": p, "synaptic_rule": rule}
                for p in (64, 256)
            ]
    return [*rows, {"engine": "pyg", "population": 1}]


class Runner:
    """One case, ready to step."""

    def __init__(self, case: Case, threads: int = 1, clock: Callable[[], float] = time.process_time) -> None:
        import torch

        self.case, self.threads, self.clock = case, threads, clock
        options = {k: case[k] for k in ("compiled", "synaptic_rule") if k in case}
        torch.set_num_threads(self.threads)
        self.agent = LNDP(
            Box(-1, 1, (4,)), Discrete(2), engine=case["engine"], threads=self.threads, **options
        )
        self.population = case["population"]
        rng = np.random.default_rng(0)
        genomes = rng.standard_normal((self.population, self.agent.genome_size))
        self.state = self.agent.birth(genomes, lane_seeds(0, self.population))
        self.observation = 0.1 * rng.standard_normal((self.population, 4)).astype(np.float32)
        self.reward = np.ones(self.population, np.float32)
        self.rates: list[float] = []
        start = clock()
        self.steps(1)
        self.first_seconds = clock() - start
        self.steps(5)
        start = clock()
        self.steps(3)
        self.count = max(3, int(0.4 * 3 / (clock() - start)))

    def steps(self, count: int) -> None:
        import torch

        from ontogym.agents.base import Feedback

        torch.set_num_threads(self.threads)
        for _ in range(count):
            _, self.state = self.agent.step(self.state, self.observation, Feedback.of(self.reward))

    def measure(self) -> None:
        start = self.clock()
        self.steps(self.count)
        self.rates.append(self.population * self.count / (self.clock() - start))


def second_core(population: int, rounds: int) -> Case:
    """What two threads of the numba engine do, times what one does, in turn."""
    case = {"engine": "numba", "population": population}
    one, two = (Runner(case, threads, time.perf_counter) for threads in (1, 2))
    for _ in range(rounds):
        one.measure()
        two.steps(50)  # finds its caches again
        two.measure()
    rates = [statistics.median(runner.rates) for runner in (one, two)]
    return {"population": population, "one": rates[0], "two": rates[1], "ratio": rates[1] / rates[0]}


def generation_seconds() -> dict[str, float]:
    """Processor seconds of one generation on CartPole, population 256, 1 life of 3 episodes: at the start of a search
    (most die at once, and cost nothing) and were everyone to live all 500 steps of each episode."""
    from gymnasium import make

    import ontogym  # noqa: F401  (registers the environment)
    from ontogym.baselines.lives.life import LifeSpec, life_seeds, live

    env = make("ontogym/CartPole-v1")
    agent = LNDP(env.observation_space, env.action_space, threads=1)
    genomes = np.random.default_rng(0).standard_normal((256, agent.genome_size))
    spec = LifeSpec("ontogym/CartPole-v1")
    live(agent, genomes[:8], spec, life_seeds(spec, 1, 0))
    start = time.process_time()
    result = live(agent, genomes, spec, life_seeds(spec, 1, 0))
    seconds = time.process_time() - start
    return {
        "seconds": seconds,
        "agent_steps": int(result.lengths.sum()),
        "agent_steps_if_all_live": 256 * 1500,
    }


HELD = 1 - 2**-53
"""A threshold that no structural decision reaches."""
OLD_AND_NEW = {16: 64, 32: 64, 64: 32, 128: 16}
"""Number of nodes to population, about as much work each."""


def serve() -> None:
    """Answer lines of nodes, population, density, and seconds with microseconds a step of one agent."""
    known: dict[tuple[str, ...], Callable[[], Any]] = {}
    for line in sys.stdin:
        *case, seconds = line.split()
        if tuple(case) not in known:
            known.clear()
            known[tuple(case)] = _population(int(case[0]), int(case[1]), case[2])
        step = known[tuple(case)]
        step()
        start, steps = time.process_time(), 0
        while time.process_time() - start < float(seconds):
            for _ in range(3):
                step()
            steps += 3
        print((time.process_time() - start) / (steps * int(case[1])) * 1e6, flush=True)


def _population(nodes: int, population: int, density: str) -> Callable[[], Any]:
    """The step of a population that has lived a little (of its engine: the agent's contract may have changed)."""
    options = {} if density == "free" else {"density": float(density), "density_sd": 0.0, "threshold": HELD}
    agent = LNDP(Box(-1, 1, (4,)), Discrete(2), engine="numba", threads=1, nodes=nodes, **options)
    rng = np.random.default_rng(0)
    state = agent.birth(rng.standard_normal((population, agent.genome_size)), lane_seeds(0, population))
    observation = 0.1 * rng.standard_normal((population, 4)).astype(np.float32)
    reward = np.ones(population, np.float32)

    def step() -> Any:
        return agent.engine.step(state.engine, observation, reward)

    for _ in range(30):
        step()
    return step


def against(old: Path, sizes: list[int], rounds: int) -> list[Case]:
    """The numba engine of an older checkout beside this one's, in turn, at some numbers of nodes."""
    here = Path(__file__).resolve()
    children = [
        subprocess.Popen(
            [sys.executable, str(here), "--serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"},
        )
        for checkout in (old.resolve(), here.parents[1])
    ]

    def ask(child: Any, *words: object) -> float:
        child.stdin.write(" ".join(map(str, words)) + "\n")
        child.stdin.flush()
        return float(child.stdout.readline())

    found = []
    for nodes, population in [(n, OLD_AND_NEW.get(n, 16)) for n in sizes]:
        for density in (".1", "1", "free"):
            for child in children:
                ask(child, nodes, population, density, 0.01)
            times = [
                [ask(child, nodes, population, density, 0.2) for child in children] for _ in range(rounds)
            ]
            ratios = sorted(a / b for a, b in times)
            before, after = (statistics.median(column) for column in zip(*times))
            found.append(
                {"nodes": nodes, "density": density, "old_us": before, "new_us": after,
                 "ratio": statistics.median(ratios), "least": ratios[0], "most": ratios[-1]}
            )  # fmt: skip
            print(
                f"N={nodes:3} density {density:>4}: {before:7.1f} us, {after:7.1f} us, "
                f"{statistics.median(ratios):.2f} times ({ratios[0]:.2f} to {ratios[-1]:.2f})", flush=True,
            )  # fmt: skip
    for child in children:
        child.communicate()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--quick", action="store_true", help="leave out what needs torch.compile")
    parser.add_argument("--cores", action="store_true", help="only what the second core brings")
    parser.add_argument("--old", type=Path, help="another checkout, whose numba engine is measured in turn")
    parser.add_argument("--nodes", type=int, nargs="+", default=list(OLD_AND_NEW), help="sizes for --old")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--repetitions", type=int, default=7)
    arguments = parser.parse_args()
    if arguments.serve:
        serve()
        return
    if arguments.old:
        pairs = against(arguments.old, arguments.nodes, arguments.repetitions)
        if arguments.json:
            print(json.dumps({"against": pairs}))
        return
    if arguments.cores:
        found = [second_core(population, 2 * arguments.repetitions) for population in (64, 256)]
        for row in found:
            print(
                f"numba P={row['population']}: {row['one']:.0f} steps/s on one core, {row['two']:.0f} on two, "
                f"{row['ratio']:.2f} times"
            )
        if arguments.json:
            print(json.dumps({"cores": found}))
        return
    runners = [Runner(case) for case in cases(arguments.quick)]
    for _ in range(arguments.repetitions):
        for runner in runners:
            runner.measure()
    rows = []
    (usual,) = (
        statistics.median(r.rates) for r in runners if r.case == {"engine": "torch", "population": 64}
    )
    print("| engine | P | times |\n|---|---|---|")
    for runner in runners:
        case, rate = runner.case, statistics.median(runner.rates)
        name = case["engine"] + (" compiled" if case.get("compiled") else "")
        name += f" {case['synaptic_rule']}" if "synaptic_rule" in case else ""
        print(f"| {name} | {runner.population} | {rate / usual:.2f} |")
        rows.append({**case, "name": name, "steps_per_second": rate, "times": rate / usual,
                     "first_step_seconds": runner.first_seconds})  # fmt: skip
    generation = generation_seconds()
    print(
        f"generation 0, population 256: {generation['seconds']:.2f} s for {generation['agent_steps']} agent-steps "
        f"(of {generation['agent_steps_if_all_live']} if none died)"
    )
    if arguments.json:
        print(json.dumps({"rows": rows, "generation": generation}))


if __name__ == "__main__":
    main()
