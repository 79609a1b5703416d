"""The leaderboard as data: entries (one trained agent on one task) and rows (one label over its seeds)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym import statistics as scores
from ontogym.adaptation import adaptation
from ontogym.envs.registration import ENTRIES
from ontogym.leaderboard.suites import SUITES, SuiteTask

__all__ = ["Board", "Entry", "Row", "make_board", "make_entry", "read_board"]

STATUSES = ("verified", "claimed", "refused")


@dataclass(frozen=True)
class Entry:
    """One submission: one trained agent on one task with one training seed.

    Attributes:
        id: name of its folder. suite, task, label, agent_type, seed: as in its manifest.
        status: "verified", "claimed" or "refused".
        score: mean return of an episode: on held-out seeds where verified, else as claimed.
        normalised: the same with random actions at 0 and the optimum at 1; None if this version of ontogym does not
            know the task.
        first_episode, last_episode: mean return of each life's first and last episode.
        adaptation: return regained after a switch: between episodes `ontogym.adaptation.Adaptation`; within one the reward of a
            step that `ontogym.adaptation.recovery` found regained, times the steps of an episode. None where there is none, or
            where the verification is older than the measure.
        wiring_cost: density of the living networks at the end of life; None for agents without wiring.
        env_steps, wall_seconds: what training took, as claimed.
        command: what trains it again.
        manifest: the submitter's. verification: ours, or None.
        curve: [environment steps, score] during training, as claimed.
        path: its folder.
        over_budget: training took more steps than the suite's task allows for a comparison at a matched budget; it is
            marked, not refused.
    """

    id: str
    suite: str
    task: str
    label: str
    agent_type: str
    seed: int
    status: str
    score: float
    normalised: float | None
    first_episode: float
    last_episode: float
    adaptation: float | None
    wiring_cost: float | None
    env_steps: int
    wall_seconds: float
    command: str
    manifest: dict[str, Any]
    verification: dict[str, Any] | None
    curve: list[list[float]]
    path: Path
    over_budget: bool = False


@dataclass(frozen=True)
class Row:
    """A label on a task (in units of return), or on a whole suite (`task` is None; normalised).

    `iqm` with its 95 % stratified bootstrap interval `low` to `high` is over training seeds; the other numbers are
    means over them. Refused entries are left out; a row is verified if all its entries are. `over_budget` counts the
    entries whose training took more steps than their task's budget.
    """

    suite: str
    task: str | None
    label: str
    seeds: int
    iqm: float
    low: float
    high: float
    first_episode: float
    last_episode: float
    adaptation: float | None
    wiring_cost: float | None
    env_steps: float
    wall_seconds: float
    status: str
    entries: list[str]
    over_budget: int = 0


@dataclass(frozen=True)
class Board:
    """All entries, their rows per task and per suite, and what the suites are (name to version and tasks)."""

    entries: list[Entry]
    rows: list[Row]
    suites: dict[str, dict[str, Any]]


def read_board(store: Path | str) -> Board:
    """The board of a store.

    Raises:
        OntogymError: no store, one of a newer format, or a damaged entry (named).
    """
    from ontogym.leaderboard.store import Store

    found = Store.open(store)
    return make_board(make_entry(*record) for record in found.records())


def make_entry(path: Path, manifest: dict[str, Any], verification: dict[str, Any] | None) -> Entry:
    """An entry from what a store holds: a checked manifest and, if there is one, our verification of it."""
    agent, training, claimed = manifest["agent"], manifest["training"], manifest["claimed"]
    status = "claimed" if verification is None else str(verification["status"])
    raw, wiring = claimed["returns"], claimed.get("wiring_cost")
    if verification is not None and status == "verified":
        raw, wiring = verification["returns_held_out"], verification.get("wiring_cost")
    returns = np.asarray(raw, dtype=np.float64)
    task = _task(manifest)
    score = float(returns.mean())
    return Entry(
        id=path.name,
        suite=manifest["suite"],
        task=manifest["task"],
        label=agent["label"],
        agent_type=agent["type"],
        seed=manifest["seed"],
        status=status,
        score=score,
        normalised=None if task is None else float(scores.normalise(score, *task.anchors)),
        first_episode=scores.first_episode(returns),
        last_episode=scores.last_episode(returns),
        adaptation=_adaptation(task, returns, verification if status == "verified" else None),
        wiring_cost=wiring,
        env_steps=training["env_steps"],
        wall_seconds=training["wall_seconds"],
        command=training["command"],
        manifest=manifest,
        verification=verification,
        curve=training.get("curve", []),
        path=path,
        over_budget=task is not None and training["env_steps"] > task.budget,
    )


def _adaptation(
    task: SuiteTask | None, returns: NDArray[np.float64], verification: Mapping[str, Any] | None
) -> float | None:
    """Return regained after a switch, in units of an episode's return."""
    if task is None:
        return None
    if task.switch is not None:
        return adaptation(returns, task.switch).gain
    found = (verification or {}).get("recovery")
    steps = ENTRIES[task.env].max_episode_steps if task.env in ENTRIES else 0
    return float(found["regained"]) * steps if found and steps else None


def make_board(entries: Iterable[Entry]) -> Board:
    """Rows for entries: per task, and per suite for labels that have run all of its tasks that anyone has."""
    every = sorted(entries, key=lambda e: (e.suite, e.task, e.label, e.seed, e.id))
    cells: dict[tuple[str, str], dict[str, list[Entry]]] = defaultdict(dict)
    for (suite, task, label), found in _grouped(every).items():
        cells[suite, task][label] = found
    rows = [_task_row(found) for labels in cells.values() for found in labels.values()]
    for suite in SUITES:
        tasks = {task: labels for (name, task), labels in cells.items() if name == suite}
        for label in sorted({label for labels in tasks.values() for label in labels}):
            # An aggregate over other tasks than the next agent's compares nothing.
            if all(label in labels for labels in tasks.values()):
                rows.append(_suite_row(suite, label, {task: labels[label] for task, labels in tasks.items()}))
    suites = {
        suite.name: {
            "version": suite.version,
            "about": suite.about,
            "tasks": {task.name: task.as_json() for task in suite.tasks},
        }
        for suite in SUITES.values()
    }
    return Board(every, rows, suites)


def _grouped(entries: Sequence[Entry]) -> dict[tuple[str, str, str], list[Entry]]:
    """What counts, by (suite, task, label): not refused, of this version of the suite, one per training seed."""
    found: dict[tuple[str, str, str], dict[int, Entry]] = defaultdict(dict)
    for entry in entries:
        if entry.status == "refused" or entry.normalised is None:
            continue
        runs = found[entry.suite, entry.task, entry.label]
        # The same seed twice is no second run: the one verified last stands, whichever scores more.
        if entry.seed not in runs or _standing(entry) > _standing(runs[entry.seed]):
            runs[entry.seed] = entry
    return {key: list(runs.values()) for key, runs in found.items()}


def _standing(entry: Entry) -> tuple[bool, str, str]:
    date = str((entry.verification or {}).get("date", ""))
    return entry.status == "verified", date, entry.id


def _task_row(entries: list[Entry]) -> Row:
    interval = scores.bootstrap_interval({entries[0].task: [e.score for e in entries]})
    return Row(
        suite=entries[0].suite,
        task=entries[0].task,
        label=entries[0].label,
        seeds=len(entries),
        iqm=interval.value,
        low=interval.low,
        high=interval.high,
        first_episode=_mean(e.first_episode for e in entries),
        last_episode=_mean(e.last_episode for e in entries),
        adaptation=_mean_or_none(e.adaptation for e in entries),
        **_costs(entries),
    )


def _suite_row(suite: str, label: str, cells: Mapping[str, list[Entry]]) -> Row:
    """Normalised, each task with the same weight in the means."""
    interval = scores.bootstrap_interval(
        {task: [e.normalised or 0.0 for e in es] for task, es in cells.items()}
    )
    every = [entry for entries in cells.values() for entry in entries]
    return Row(
        suite=suite,
        task=None,
        label=label,
        seeds=min(len(entries) for entries in cells.values()),
        iqm=interval.value,
        low=interval.low,
        high=interval.high,
        first_episode=_mean(_mean(_scaled(e, e.first_episode) for e in es) for es in cells.values()),
        last_episode=_mean(_mean(_scaled(e, e.last_episode) for e in es) for es in cells.values()),
        adaptation=_mean_or_none(
            None if e.adaptation is None else _scaled(e, e.adaptation) - _scaled(e, 0.0) for e in every
        ),
        **_costs(every),
    )


def _costs(entries: list[Entry]) -> dict[str, Any]:
    return {
        "wiring_cost": _mean_or_none(e.wiring_cost for e in entries),
        "env_steps": _mean(float(e.env_steps) for e in entries),
        "wall_seconds": _mean(e.wall_seconds for e in entries),
        "status": "verified" if all(e.status == "verified" for e in entries) else "claimed",
        "entries": [e.id for e in entries],
        "over_budget": sum(e.over_budget for e in entries),
    }


def _scaled(entry: Entry, value: float) -> float:
    task = _task(entry.manifest)
    assert task is not None
    return float(scores.normalise(value, *task.anchors))


def _task(manifest: Mapping[str, Any]) -> SuiteTask | None:
    """The task of a manifest, or None if this version of the suites has none."""
    suite = SUITES.get(manifest["suite"])
    if suite is None or suite.version != manifest["suite_version"]:
        return None
    return next((task for task in suite.tasks if task.name == manifest["task"]), None)


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def _mean_or_none(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
