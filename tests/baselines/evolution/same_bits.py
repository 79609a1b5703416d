"""Runs that must come out the same wherever their lives are lived, and workers that die in the middle of them."""

from __future__ import annotations

import dataclasses
import os
import signal
import tempfile
from pathlib import Path
from typing import ClassVar

import numpy as np

from ontogym.baselines.evolution.run import EvolutionConfig, EvolutionResult, evolve
from ontogym.processes import WorkerPool

CONFIG = EvolutionConfig(
    env="ontogym/CartPole-v1",
    population=96,
    lives=2,
    episodes=1,
    max_steps=20,
    generations=10,
    eval_every=5,
    eval_lives=64,
    final_lives=64,
    seed=5,
)
"""Ten generations of 192 lives, which are six slices; a mean is scored on 64, which are two."""

AGENTS = {
    "lndp": {"nodes": 12, "io_identity": True, "threads": 1},
    "gru": {"hidden": 4},
    "mlp": {"hidden": 4},
}


def run(agent: str, resume: bool = False, **changes: object) -> EvolutionResult:
    config = dataclasses.replace(CONFIG, agent=agent, agent_options=AGENTS[agent], **changes)
    return evolve(config, resume=resume, progress=False)


def assert_same(a: EvolutionResult, b: EvolutionResult) -> None:
    np.testing.assert_array_equal(a.genome, b.genome)
    for name in ("generation", "generations", "score", "control", "env_steps"):
        assert getattr(a, name) == getattr(b, name), name


def die_once(mark, work, task):
    """``work(*task)``, but whoever finds the mark first removes it and is killed."""
    try:
        Path(mark).unlink()
    except FileNotFoundError:
        return work(*task)
    os.kill(os.getpid(), signal.SIGKILL)


class Dying:
    """Workers of which one is killed in some batches of a run; put in front of a kind of `Workers`."""

    deaths: ClassVar[int] = 0

    def __init__(self, workers=0, address=None):
        super().__init__(workers, address)
        self._place, self._calls = Path(tempfile.mkdtemp()), 0

    def results(self, work, tasks):
        self._calls += 1
        mark = self._place / str(self._calls)
        if self._calls in (5, 9):  # of which the first two warm up
            mark.touch()
        yield from super().results(die_once, [(str(mark), work, task) for task in tasks])
        if self._calls in (5, 9):
            type(self).deaths += not mark.exists()


class DyingPool(Dying, WorkerPool):
    deaths = 0
