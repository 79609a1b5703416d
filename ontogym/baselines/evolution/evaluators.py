"""Where lives are lived: in this process, in a pool of processes or on a cluster, with identical results.

A task is stateless: a slice of the genomes and of the lives, with the seeds that belong to it. Results are put together in
index order, so neither the number of workers nor the death of one shows. Where tasks are done is one of the registry
``EVALUATORS``, which other packages extend.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium.envs.registration import registry
from numpy.typing import NDArray

from ontogym.agents.base import Agent
from ontogym.baselines.lives.life import LifeResult, LifeSpec, live, make_agent
from ontogym.errors import OntogymError, UnknownNameError
from ontogym.processes import Here, Workers
from ontogym.registry import AGENTS, EVALUATORS

__all__ = ["MIN_LANES", "Evaluator", "make_workers"]

MIN_LANES = 32
"""Lives in a slice, at least (where there are as many): fewer would be mostly overhead of the calls."""

Task = tuple[NDArray[np.floating], LifeSpec, NDArray[np.integer]]


class Evaluator:
    """Genomes in, lives out.

    Where tasks are done one after the other, all lives are one batch; else they are slices. Both give the same bits for
    agents whose rows are independent of each other, which is part of an agent's contract.

    Args:
        agent: name of the agent (a key of ``AGENTS`` or ``"module:Class"``).
        options: its options.
        workers: where lives are lived; None for this process.
        slices: the most slices of a batch; see `_slices`.
    """

    def __init__(
        self,
        agent: str,
        options: Mapping[str, Any] | None = None,
        workers: Workers | None = None,
        slices: int = 16,
    ) -> None:
        self.agent_name, self.options, self.slices = agent, dict(options or {}), slices
        self.workers = Here() if workers is None else workers
        self._agents: dict[str, Agent[Any]] = {}
        self._workers_cpu = 0.0

    def agent(self, spec: LifeSpec) -> Agent[Any]:
        """The agent for this environment, built at the first call."""
        key = _key(spec.env, spec.env_kwargs)
        if key not in self._agents:
            self._agents[key] = make_agent(self.agent_name, spec.env, spec.env_kwargs, self.options)
        return self._agents[key]

    def evaluate(
        self, genomes: NDArray[np.floating], spec: LifeSpec, seeds: NDArray[np.integer]
    ) -> LifeResult:
        """`live` for these genomes ``(P, D)`` and life seeds ``(L,)``, or ``(P, L)``: its own for each."""
        if self.workers.whole:
            return live(self.agent(spec), genomes, spec, seeds)
        target = _import_target(self.agent_name)
        slices, columns = _slices(np.atleast_2d(genomes), spec, np.asarray(seeds), self.slices)
        try:
            done = self.workers.map(_work, [(target, self.options, *part) for part in slices])
        except UnknownNameError as error:
            if error.name != spec.env or spec.env not in registry:
                raise
            raise OntogymError(
                f"Workers are processes of their own and do not know {spec.env}, which this one has registered; register it in "
                "a module, which they import, and say module:id or file.py:id, or leave out workers."
            ) from error
        self._workers_cpu += sum(cpu for _, cpu in done)
        parts = [result for result, _ in done]
        rows = [_join(parts[k : k + columns], axis=1) for k in range(0, len(parts), columns)]
        return _join(rows, axis=0)

    def cpu_seconds(self) -> float:
        """Processor time used so far by this process and its workers."""
        return time.process_time() + self._workers_cpu

    def close(self) -> None:
        """End the workers."""
        self.workers.close()

    def __enter__(self) -> Evaluator:
        return self

    def __exit__(self, *raised: Any) -> None:
        self.workers.__exit__(*raised)


def make_workers(name: str | None, workers: int = 0, address: str | None = None) -> Workers:
    """The workers of the evaluator `name`: a key of ``EVALUATORS`` or ``"module:Class"``.

    Args:
        name: None for a pool if there are workers, for Ray if there is an address, else for this process.
        workers: how many; 0 for as many as the place has cores.
        address: where the engine is found.

    Raises:
        OntogymError: unknown evaluator, or one that cannot start.
    """
    usual = "ray" if address is not None else "pool" if workers else "process"
    kind: type[Workers] = EVALUATORS.resolve(name or usual)
    return kind(workers=workers, address=address)


def _import_target(agent: str) -> str:
    """The agent's name as "module:Class", which a worker can import whatever this process registered."""
    if ":" in agent:
        return agent
    entries = AGENTS.entries()
    if agent not in entries:
        raise UnknownNameError(AGENTS.kind, agent, entries)
    return entries[agent].target


def _slices(
    genomes: NDArray[np.floating], spec: LifeSpec, seeds: NDArray[np.integer], most: int
) -> tuple[list[Task], int]:
    """Slices of about equal size, row by row of a grid of genomes x whole groups of lives, and the grid's columns.

    How a batch is cut depends on the batch alone, never on who works: at most `most` slices (few more where genomes and
    lives are both cut), of `MIN_LANES` lives or more.
    """
    count = seeds.shape[-1]
    wanted = max(1, min(most, len(genomes) * count // MIN_LANES))
    rows = min(len(genomes), wanted)
    groups = np.arange(count).reshape(-1, spec.group)
    columns = min(len(groups), -(-wanted // rows))
    lives = [part.ravel() for part in np.array_split(groups, columns)]
    slices: list[Task] = []
    for some in np.array_split(np.arange(len(genomes)), rows):
        own = seeds if seeds.ndim == 1 else seeds[some]
        slices += [(genomes[some], spec, own[..., part]) for part in lives]
    return slices, columns


def _join(parts: list[LifeResult], axis: int) -> LifeResult:
    """Results side by side: of genomes (axis 0) or of lives (axis 1)."""
    diagnostics = {k: np.concatenate([p.diagnostics[k] for p in parts], axis) for k in parts[0].diagnostics}
    returns, lengths, failed = (
        np.concatenate([getattr(p, name) for p in parts], axis) for name in ("returns", "lengths", "failed")
    )
    return LifeResult(returns, lengths, diagnostics, None, failed)


def _key(env: str, env_kwargs: Mapping[str, Any]) -> str:
    return f"{env}|{json.dumps(dict(env_kwargs), sort_keys=True, default=repr)}"


_worker_evaluators: dict[str, Evaluator] = {}


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
        _worker_evaluators[key] = Evaluator(agent, options)
    result = _worker_evaluators[key].evaluate(genomes, spec, seeds)
    return result, time.process_time() - start
