"""Where lives are lived: in this process, or in a pool of worker processes, with identical results.

A task is stateless: a slice of the genomes (or, for few genomes, of the lives), and the seeds that belong to
it. Results are put together in index order, so neither the number of workers nor the death of one shows.
"""

from __future__ import annotations

import abc
import json
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.agents.base import Agent
from ontogym.baselines.lives.life import LifeResult, LifeSpec, live, make_agent
from ontogym.errors import UnknownNameError
from ontogym.processes import WorkerPool
from ontogym.registry import AGENTS

__all__ = ["Evaluator", "InProcess", "ProcessPool"]

Task = tuple[NDArray[np.floating], LifeSpec, NDArray[np.integer]]


class Evaluator(abc.ABC):
    """Genomes in, lives out.

    Args:
        agent: name of the agent (a key of ``AGENTS`` or ``"module:Class"``).
        options: its options.
    """

    def __init__(self, agent: str, options: Mapping[str, Any] | None = None) -> None:
        self.agent_name, self.options = agent, dict(options or {})
        self._agents: dict[str, Agent[Any]] = {}

    def agent(self, spec: LifeSpec) -> Agent[Any]:
        """The agent for this environment, built at the first call."""
        key = _key(spec.env, spec.env_kwargs)
        if key not in self._agents:
            self._agents[key] = make_agent(self.agent_name, spec.env, spec.env_kwargs, self.options)
        return self._agents[key]

    @abc.abstractmethod
    def evaluate(
        self, genomes: NDArray[np.floating], spec: LifeSpec, seeds: NDArray[np.integer]
    ) -> LifeResult:
        """`live` for these genomes ``(P, D)`` and life seeds ``(L,)``."""

    def cpu_seconds(self) -> float:
        """Processor time used so far by this process and its workers."""
        return time.process_time()

    def close(self) -> None:  # noqa: B027 (most evaluators hold nothing)
        """Free what the evaluator holds."""

    def __enter__(self) -> Evaluator:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class InProcess(Evaluator):
    """All lives as one batch, here."""

    def evaluate(
        self, genomes: NDArray[np.floating], spec: LifeSpec, seeds: NDArray[np.integer]
    ) -> LifeResult:
        return live(self.agent(spec), genomes, spec, seeds)


class ProcessPool(Evaluator):
    """Slices of the population in `workers` spawned processes; one that dies is replaced and its task redone.

    Results are bit-identical to `InProcess` for agents whose rows are independent of each other.
    """

    def __init__(self, agent: str, options: Mapping[str, Any] | None = None, workers: int = 2) -> None:
        super().__init__(agent, options)
        self._pool, self._workers_cpu = WorkerPool(workers), 0.0

    def evaluate(
        self, genomes: NDArray[np.floating], spec: LifeSpec, seeds: NDArray[np.integer]
    ) -> LifeResult:
        genomes = np.atleast_2d(genomes)
        workers = self._pool.workers
        by_genome = len(genomes) >= workers
        target = _import_target(self.agent_name)
        slices = _slices(genomes, spec, np.asarray(seeds), workers, by_genome)
        done = self._pool.map(_work, [(target, self.options, *part) for part in slices])
        self._workers_cpu += sum(cpu for _, cpu in done)
        parts = [result for result, _ in done]
        axis = 0 if by_genome else 1
        return LifeResult(
            np.concatenate([p.returns for p in parts], axis),
            np.concatenate([p.lengths for p in parts], axis),
            {k: np.concatenate([p.diagnostics[k] for p in parts], axis) for k in parts[0].diagnostics},
            None,
            np.concatenate([p.failed for p in parts], axis),
        )

    def cpu_seconds(self) -> float:
        return time.process_time() + self._workers_cpu

    def close(self) -> None:
        self._pool.close()


def _import_target(agent: str) -> str:
    """The agent's name as "module:Class", which a worker can import whatever this process registered."""
    if ":" in agent:
        return agent
    entries = AGENTS.entries()
    if agent not in entries:
        raise UnknownNameError(AGENTS.kind, agent, entries)
    return entries[agent].target


def _slices(
    genomes: NDArray[np.floating],
    spec: LifeSpec,
    seeds: NDArray[np.integer],
    workers: int,
    by_genome: bool,
) -> list[Task]:
    """Fixed slices over genomes, or over whole groups of lives."""
    if by_genome:
        return [(part, spec, seeds) for part in np.array_split(genomes, workers)]
    groups = np.array_split(np.arange(len(seeds)).reshape(-1, spec.group), workers)
    return [(genomes, spec, seeds[g.ravel()]) for g in groups if len(g)]


def _key(env: str, env_kwargs: Mapping[str, Any]) -> str:
    return f"{env}|{json.dumps(dict(env_kwargs), sort_keys=True, default=repr)}"


_worker_evaluators: dict[str, InProcess] = {}


def _work(
    agent: str,
    options: dict[str, Any],
    genomes: NDArray[np.floating],
    spec: LifeSpec,
    seeds: NDArray[np.integer],
) -> tuple[LifeResult, float]:
    """One task, in a worker: the lives, and the processor time they took."""
    start = time.process_time()
    key = _key(agent, options)
    if key not in _worker_evaluators:
        _worker_evaluators[key] = InProcess(agent, options)
    result = _worker_evaluators[key].evaluate(genomes, spec, seeds)
    return result, time.process_time() - start
