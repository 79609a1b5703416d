"""Rows of a board: entries of one label put together, per task and per suite, with intervals over training seeds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ontogym import statistics as scores
from ontogym.leaderboard.entries import Entry, task_of
from ontogym.leaderboard.suite import CONTROLS

__all__ = ["Row", "grouped", "suite_row", "task_row"]


@dataclass(frozen=True)
class Row:
    """A label on a task (in units of return), or on a whole suite (`task` is None; normalised).

    `iqm` with its 95 % stratified bootstrap interval `low` to `high` is over training seeds (where subjects are hidden, the
    mean and its interval over seeds and subjects together: `ontogym.statistics.crossed_interval`); the other numbers are
    means over them. `regained` and `held_out` are there where a task ranks by them. Refused entries are left out; a row is verified if all its entries are, and `unverified` counts
    the seeds that were claimed beside them and touch none of the numbers. `over_budget` counts the entries whose
    training took more steps than their task's budget, `copies` those that are agents which were there before. `told` is what
    they hear in place of a reward, in words: empty for the reward itself. `ranked_by` is what the task ranks by (`SuiteTask.ranked`).
    `told_clamped` to `reborn` are scores under `ontogym.leaderboard.suite.CONTROLS`, of the seeds that have them.
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
    unverified: int = 0
    copies: int = 0
    regained: float | None = None
    held_out: float | None = None
    told: str = ""
    ranked_by: str = "score"
    told_clamped: float | None = None
    action_blind: float | None = None
    weights_frozen: float | None = None
    wiring_frozen: float | None = None
    reborn: float | None = None

    @property
    def ranked(self) -> float | None:
        """What the task ranks by, where that is not the return."""
        return self.held_out if self.regained is None else self.regained

    def in_words(self, digits: int) -> str:
        """`iqm` with its interval, which one seed without subjects does not give."""
        iqm, low, high = (f"{value:.{digits}f}" for value in (self.iqm, self.low, self.high))
        return f"{iqm} [{low}, {high}]" if self.seeds > 1 or self.low < self.high else iqm

    @property
    def rank(self) -> tuple[bool, bool, float, float, str]:
        """What rows of one task or suite are sorted by: verified ones first, then by what the task ranks by, then by return.

        Rows of which that is not known come last: returns are never sorted among shares.
        """
        value = self.ranked
        unknown = self.ranked_by != "score" and value is None
        first = self.iqm if value is None else value
        return self.status != "verified", unknown, -first, -self.iqm, self.label


def grouped(entries: Sequence[Entry]) -> dict[tuple[str, str, str], list[Entry]]:
    """Entries by (suite, task, label), one per training seed: not refused, of a task that is known here."""
    found: dict[tuple[str, str, str], dict[int, Entry]] = defaultdict(dict)
    for entry in entries:
        if entry.status == "refused" or entry.normalised is None or entry.left_out:
            continue
        runs = found[entry.suite, entry.task, entry.label]
        # The same seed twice is no second run: what the organiser put in last stands, whichever scores more.
        if entry.seed not in runs or _standing(entry) > _standing(runs[entry.seed]):
            runs[entry.seed] = entry
    return {key: list(runs.values()) for key, runs in found.items()}


def _standing(entry: Entry) -> tuple[bool, int, str]:
    return entry.status == "verified", entry.order, entry.id


def _counted(entries: Sequence[Entry]) -> list[Entry]:
    """The verified ones, or the others where there is none."""
    return [entry for entry in entries if entry.status == "verified"] or list(entries)


def task_row(found: list[Entry]) -> Row:
    entries = _counted(found)
    interval = _interval(entries)
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
        ranked_by=entries[0].ranked,
        **_under_controls(entries),
        unverified=len(found) - len(entries),
        **_measures(entries),
        **_costs(entries),
    )


def _interval(entries: Sequence[Entry]) -> scores.Interval:
    tables = [e.by_subject for e in entries]
    if tables[0]:
        return scores.crossed_interval(tables)
    return scores.bootstrap_interval({entries[0].task: [e.score for e in entries]})


def _measures(entries: Sequence[Entry]) -> dict[str, Any]:
    """Means of what tasks rank by, under the names that rows have for it.

    An entry counts as 1 at most: whoever was poor before a change may earn more after it, which is no merit.
    """
    return {
        name: _mean_or_none(
            None if e.measure is None else min(e.measure, 1.0) for e in entries if e.ranked == ranked
        )
        for name, ranked in (("regained", "regained"), ("held_out", "held-out"))
    }


def _under_controls(entries: Sequence[Entry]) -> dict[str, Any]:
    """Means over the entries that have them, under the names that rows have for `CONTROLS`."""
    return {name: _mean_or_none(e.controls.get(name) for e in entries) for name in CONTROLS}


def suite_row(suite: str, label: str, found: Mapping[str, list[Entry]]) -> Row:
    """Normalised, each task with the same weight in the means."""
    cells = {task: _counted(entries) for task, entries in found.items()}
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
        unverified=sum(map(len, found.values())) - len(every),
        **_measures(every),
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
        "copies": sum(bool(e.copy_of) for e in entries),
        "told": _told(entries),
    }


def _told(entries: Sequence[Entry]) -> str:
    """What agents hear in place of a reward, and what they do not hear, in words; empty where all hear all of it."""
    words = set()
    for entry in entries:
        agent = entry.manifest["agent"]
        told, deaf = agent.get("told", "reward"), agent.get("silenced", ())
        words.add(" ".join([told, *(f"not {name}" for name in deaf)]))
    return "" if words == {"reward"} else ", ".join(sorted(words))


def _scaled(entry: Entry, value: float) -> float:
    task = task_of(entry.manifest)
    assert task is not None
    return float(scores.normalise(value, *task.anchors))


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def _mean_or_none(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
