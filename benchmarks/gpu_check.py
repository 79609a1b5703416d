"""The parts of `benchmarks/gpu_check.sh`, one a process:

    python benchmarks/gpu_check.py PART --write PART.json [--device cuda] [--quick]

Agent-steps per second are those of the step alone (default LNDP, 32 nodes, CartPole's spaces, N(0, 1) genomes, everyone
alive, 64 bodies shared); lives are whole lives with birth, world and returns.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium.spaces import Box, Discrete

from ontogym.agents.base import Feedback
from ontogym.agents.batching import Replayed
from ontogym.agents.lndp import LNDP
from ontogym.baselines.evolution.config import EvolutionConfig
from ontogym.baselines.evolution.run import evolve
from ontogym.baselines.lives.device import device_lives, on_device
from ontogym.baselines.lives.life import LifeSpec, lane_options, life_seeds, make_agent
from ontogym.batched.tensors import increments, stream_tensor, uniform
from ontogym.seeding import LaneStreams, lane_seeds

SIZES = (256, 1024, 4096, 16384, 65536)
QUICK = (8, 16)


class Report:
    """Rows of a part, written after each, so that a process that is killed has left what it measured."""

    def __init__(self, path: Path, device: str) -> None:
        self.path, self.device, self.rows = path, torch.device(device), []

    def add(self, **row: Any) -> None:
        print(
            "  " + ", ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items())
        )
        self.rows.append(row)
        self.path.write_text(json.dumps(self.rows))

    @contextmanager
    def surviving(self, **case: Any) -> Iterator[None]:
        """A case whose failure is a row."""
        try:
            yield
        except Exception as error:
            self.add(**case, error=f"{type(error).__name__}: {str(error)[:300]}")
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()

    def wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def memory(self) -> float | None:
        """Most memory taken since the last case, GB."""
        return torch.cuda.max_memory_allocated() / 1e9 if self.device.type == "cuda" else None


def lndp(device: torch.device, **options: Any) -> LNDP:
    return LNDP(Box(-1, 1, (4,)), Discrete(2), engine="torch", device=str(device), **options)


def stepper(agent: LNDP, population: int, device: torch.device) -> Callable[[], None]:
    """One step of everyone, in place, told from memory that stays where it is."""
    genomes = np.random.default_rng(0).standard_normal((population, agent.genome_size), dtype=np.float32)
    networks = agent.birth(genomes, np.resize(lane_seeds(0, 64), population)).engine.networks
    observation = torch.full((population, 4), 0.1, device=device)
    reward, alive = (
        torch.ones(population, device=device),
        torch.ones(population, dtype=torch.bool, device=device),
    )
    return lambda: agent.engine._live(networks, observation, reward, alive)


def rate(report: Report, step: Callable[[], None], population: int, seconds: float) -> float:
    """Agent-steps per second: median of three."""
    rates = []
    for _ in range(3):
        report.wait()
        steps, start = 0, time.perf_counter()
        while time.perf_counter() - start < seconds / 3:
            for _ in range(5):
                step()
            steps += 5
            report.wait()
        rates.append(population * steps / (time.perf_counter() - start))
    return statistics.median(rates)


def launches(step: Callable[[], None], report: Report, top: int = 6) -> dict[str, Any]:
    """Kernels that a step launches, and those that take longest, in microseconds."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CUDA, ProfilerActivity.CPU]) as seen:
        step()
        report.wait()
    kernels = [e for e in seen.events() if e.device_type == torch.autograd.DeviceType.CUDA]
    took: dict[str, float] = {}
    for event in kernels:
        took[event.name[:60]] = took.get(event.name[:60], 0.0) + event.self_device_time_total
    longest = sorted(took.items(), key=lambda item: -item[1])[:top]
    return {
        "kernels": len(kernels),
        "microseconds": sum(took.values()),
        "longest": {name: round(us, 1) for name, us in longest},
    }


@torch.no_grad()
def speed(report: Report, sizes: tuple[int, ...], seconds: float, compiled: bool) -> None:
    """Agent-steps per second of the step alone, launched kernel by kernel and replayed as a graph."""
    agent = lndp(report.device, compiled=compiled)
    for population in sizes:
        for graph in (False, True):
            case = {"P": population, "compiled": compiled, "graph": graph}
            with report.surviving(**case):
                start = time.perf_counter()
                step = Replayed(stepper(agent, population, report.device), report.device, graph)
                for _ in range(Replayed.WARM + 1):
                    step()
                report.wait()
                prepared = time.perf_counter() - start
                done = rate(report, step, population, seconds)
                report.add(
                    **case,
                    captured=step.graphs,
                    agent_steps_per_s=done,
                    prepare_s=prepared,
                    peak_GB=report.memory(),
                )
                del step
        if report.device.type == "cuda" and population in (1024, 16384):
            with report.surviving(P=population, compiled=compiled, profile=True):
                step = stepper(agent, population, report.device)
                step()
                report.add(P=population, compiled=compiled, **launches(step, report))
                del step


def parity(report: Report) -> None:
    """How far device and CPU are apart after 1 and 10 steps: the largest difference of any number of an individual (those
    whose wiring differs, because a probability lay at the threshold, are counted apart); noise bit by bit."""
    streams = LaneStreams(lane_seeds(0, 1000))
    words = stream_tensor(streams.state, report.device)
    drawn, _ = uniform(words, increments(2048, report.device), (2048,))
    report.add(noise_equal=bool((drawn.cpu().numpy() == streams.uniform((2048,))).all()))
    for dtype in ("float64", "float32"):
        for decisions in ("threshold", "stochastic"):
            with report.surviving(dtype=dtype, decisions=decisions):
                bodies = [_bodies(device, dtype, decisions) for device in ("cpu", str(report.device))]
                for steps, cpu, other in zip((1, 10), *bodies):
                    rewired = (cpu.mask != other.mask).any((1, 2))
                    apart = np.max([np.abs(a - b).reshape(len(a), -1).max(1) for a, b in zip(cpu, other)], 0)
                    same = apart[~rewired]
                    report.add(
                        dtype=dtype, decisions=decisions, steps=steps, individuals=len(apart),
                        wired_otherwise=int(rewired.sum()), most_of_the_same_wiring=float(same.max(initial=0.0)),
                        median=float(np.median(apart)),
                    )  # fmt: skip


def _bodies(device: str, dtype: str, decisions: str) -> list[Any]:
    agent = lndp(torch.device(device), dtype=dtype, decisions=decisions, io_identity=True)
    rng = np.random.default_rng(0)
    state = agent.birth(0.3 * rng.standard_normal((64, agent.genome_size)), lane_seeds(0, 64))
    kept = []
    for step in range(10):
        _, state = agent.step(state, rng.standard_normal((64, 4)), Feedback.of(np.ones(64)))
        if step in (0, 9):
            kept.append(agent.body(state))
    return kept


def lives(report: Report, sizes: tuple[int, ...], seconds: float) -> None:
    """Lived steps per second in whole lives that never leave the device; in Foraging nobody dies early."""
    del seconds
    for compiled in (False, True):
        options = {"engine": "torch", "device": str(report.device), "io_identity": True, "compiled": compiled}
        for env in ("ontogym/Foraging-v0", "ontogym/CartPole-v1"):
            spec = LifeSpec(env, episodes=1)
            agent = make_agent("lndp", env, {}, options)
            found = on_device(agent, spec, cpu=True)
            for lanes in sizes if compiled else sizes[1:3]:
                case = {"env": env, "lanes": lanes, "compiled": compiled}
                with report.surviving(**case):
                    genomes = np.random.default_rng(0).standard_normal((lanes // 8, agent.genome_size))
                    seeds, took = life_seeds(spec, 8, 0), []
                    for _ in range(3):
                        start = time.perf_counter()
                        lived = device_lives(found, genomes, spec, seeds, lane_options(spec, 1, 8))
                        took.append(time.perf_counter() - start)
                    steps = int(lived.lengths.sum())
                    report.add(
                        **case, steps=steps, seconds=took[-1], first_s=took[0], steps_per_s=steps / took[-1]
                    )


def evolution(report: Report, sizes: tuple[int, ...], seconds: float) -> None:
    """Wall time until CartPole with I/O identity is solved: 475 confirmed on fresh lives, as `ontogym evolve` says it."""
    quick = sizes == QUICK
    options = {"engine": "torch", "device": str(report.device), "io_identity": True, "compiled": not quick}
    if quick:
        options["nodes"] = 9
    for population, seed in ((64, 0), (512, 0), (512, 1), (64, 1), (512, 2), (64, 2)):
        case = {"population": population, "seed": seed}
        with report.surviving(**case):
            config = EvolutionConfig(
                env="ontogym/CartPole-v1", agent_options=options, population=4 if quick else population,
                generations=2 if quick else 100, eval_every=5, target=475.0, seed=seed,
                **({"eval_lives": 2, "final_lives": 2} if quick else {}),
            )  # fmt: skip
            found = evolve(config, progress=False)
            report.add(
                **case, solved=found.solved, generations=found.generations, score=float(found.score["mean"]),
                wall_s=found.wall_seconds, warmup_s=found.warmup_seconds, env_steps=found.env_steps,
            )  # fmt: skip
        if quick:
            return


def machine(report: Report, sizes: tuple[int, ...], seconds: float) -> None:
    """What it all runs on, and whether it computes what the CPU computes."""
    del sizes, seconds
    driver = subprocess.run(
        ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"],
        capture_output=True, text=True, check=False,
    ).stdout.strip() if report.device.type == "cuda" else ""  # fmt: skip
    name = torch.cuda.get_device_name() if report.device.type == "cuda" else platform.processor()
    report.add(
        device=name, nvidia_smi=driver, torch=torch.__version__, cuda=torch.version.cuda, numpy=np.__version__,
        python=platform.python_version(), system=platform.platform(), when=time.strftime("%Y-%m-%d"),
    )  # fmt: skip
    parity(report)


PARTS: dict[str, Callable[[Report, tuple[int, ...], float], None]] = {
    "machine": machine,
    "eager": lambda *given: speed(*given, compiled=False),
    "compiled": lambda *given: speed(*given, compiled=True),
    "lives": lives,
    "evolution": evolution,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--write", type=Path, required=True)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to try the script itself")
    given = parser.parse_args()
    report = Report(given.write, given.device)
    return PARTS[given.part](report, QUICK if given.quick else SIZES, 0.05 if given.quick else 0.6)


if __name__ == "__main__":
    main()
