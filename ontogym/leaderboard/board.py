"""The leaderboard as data: entries (one trained agent on one task) and rows (one label over its seeds).

What was not verified never touches a number of what was: a label with verified entries on a task is ranked by those
alone, one without comes after all that have some, and no claim counts for more than the optimum.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym import statistics as scores
from ontogym.adaptation import adaptation
from ontogym.envs.registration import ENTRIES
from ontogym.errors import OntogymError
from ontogym.leaderboard.admission import Record, copies_of, owners
from ontogym.leaderboard.submission import Submission
from ontogym.leaderboard.suite import CONTROLS
from ontogym.leaderboard.suites import SUITES, SuiteTask, every_suite, get_task

__all__ = ["Board", "Entry", "Row", "make_board", "make_entry", "read_board", "suite_title"]

STATUSES = ("verified", "claimed", "refused")


@dataclass(frozen=True)
class Entry:
    """One submission: one trained agent on one task with one training seed.

    Attributes:
        id: name of its file. suite: as `suite_title` names it. task, label, agent_type, seed: as in its manifest.
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
        path: its file.
        over_budget: training took more steps than the suite's task allows for a comparison at a matched budget; it is
            marked, not refused.
        author: under which name the organiser took it. order: which entry of the store it was.
        left_out: why it counts in no row; empty for one that does.
        copy_of: ids of the entries on its task that were there before and are the same agent.
        record: what the store holds of it.
        measure: what its task ranks by, as verified, where `ranked` says that it is not the score.
        by_subject: mean return for each hidden subject; empty where the task has none.
        controls: mean return under each of `ontogym.leaderboard.suite.CONTROLS`, as verified; empty where there is none.
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
    author: str = ""
    order: int = 0
    left_out: str = ""
    copy_of: tuple[str, ...] = ()
    record: Record | None = None
    measure: float | None = None
    ranked: str = "score"
    by_subject: tuple[float, ...] = ()
    controls: Mapping[str, float] = field(default_factory=dict)

    def submission(self) -> Submission:
        """The submission, all bytes of which were checked when the store was read.

        Raises:
            OntogymError: the entry was not read from a store.
        """
        if self.record is None:
            raise OntogymError(f"The entry {self.id} was not read from a store; read its board again.")
        return self.record.submission


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

    @property
    def rank(self) -> tuple[bool, bool, float, float, str]:
        """What rows of one task or suite are sorted by: verified ones first, then by what the task ranks by, then by return.

        Rows of which that is not known come last: returns are never sorted among shares.
        """
        value = self.ranked
        unknown = self.ranked_by != "score" and value is None
        first = self.iqm if value is None else value
        return self.status != "verified", unknown, -first, -self.iqm, self.label


@dataclass(frozen=True)
class Board:
    """All entries, their rows per task and per suite, and what the suites are (name to version and tasks).

    `faults` says by name why further entries cannot be read, `held_out` on which held-out seeds the scores are (a
    commitment, see `suites.held_out`; empty if nothing is verified).
    """

    entries: list[Entry]
    rows: list[Row]
    suites: dict[str, dict[str, Any]]
    faults: dict[str, str] = field(default_factory=dict)
    held_out: str = ""

    @property
    def not_shown(self) -> str:
        """A sentence about submissions to suites that are not known here; empty where there are none."""
        strange = sorted({entry.suite for entry in self.entries} - self.suites.keys())
        about = "are not shown: no such suite is known here; name its file: --suite FILE.toml."
        return f"Submissions to {', '.join(strange)} {about}" if strange else ""


def read_board(store: Path | str) -> Board:
    """The board of a store.

    Raises:
        OntogymError: no store, or one of a newer format. Damaged entries are named in `Board.faults`.
    """
    from ontogym.leaderboard.store import Store

    found = Store.open(store)
    contents = found.read()
    faults, entries = dict(contents.faults), []
    for entry in _entries(contents.records, found.entries):
        if isinstance(entry, Entry):
            entries.append(entry)
        else:
            faults |= entry
    board = make_board(entries)
    return replace(board, faults=faults, held_out=contents.held_out or "")


def _entries(records: Sequence[Record], folder: Path) -> Iterator[Entry | dict[str, str]]:
    """An entry for each record, or why there is none."""
    own = owners(records)
    for record in records:
        before = [each for each in records if each.order < record.order]
        try:
            entry = make_entry(folder / record.name, record)
        except (LookupError, TypeError, ValueError, ArithmeticError) as error:
            yield {record.name: f"It cannot be shown ({type(error).__name__}: {str(error)[:200]})."}
            continue
        left_out = ""
        if record.author != own[record.label] and "label" not in record.accepted:
            left_out = f"The label belongs to {own[record.label] or 'an author without a name'}."
        copies = tuple(each.name for each in copies_of(record, before))
        yield replace(entry, left_out=left_out, copy_of=copies)


def suite_title(name: str, version: int) -> str:
    """A suite as boards and pages name it: the newest version by its name alone, an older one with its version."""
    newest = SUITES.get(name)
    return name if newest is not None and newest.version == version else f"{name} (version {version})"


def make_entry(path: Path, record: Record) -> Entry:
    """An entry from what a store holds of it."""
    manifest, verification = record.manifest, record.verification
    agent, training, claimed = manifest["agent"], manifest["training"], manifest["claimed"]
    status = "claimed" if verification is None else str(verification["status"])
    task = _task(manifest)
    raw, wiring = claimed["returns"], claimed["wiring_cost"]
    if verification is not None and status == "verified":
        raw, wiring = verification["returns_held_out"], verification["wiring_cost"]
    returns = np.asarray(raw, dtype=np.float64)
    if status != "verified" and task is not None:
        returns = np.minimum(returns, task.anchors[1])  # no claim counts for more than the optimum
    score = float(returns.mean())
    return Entry(
        id=record.name,
        suite=suite_title(manifest["suite"], manifest["suite_version"]),
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
        measure=(verification or {}).get("measure") if status == "verified" else None,
        ranked="score" if task is None else task.ranked,
        controls=(verification or {}).get("controls", {}) if status == "verified" else {},
        by_subject=() if task is None else tuple(map(float, task.by_subject(returns))),
        wiring_cost=wiring,
        env_steps=training["env_steps"],
        wall_seconds=training["wall_seconds"],
        command=training["command"],
        manifest=manifest,
        verification=verification,
        curve=training["curve"],
        path=path,
        over_budget=task is not None and training["env_steps"] > task.budget,
        author=record.author,
        order=record.order,
        record=record,
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
    for suite in dict.fromkeys(suite for suite, _ in cells):
        tasks = {task: labels for (name, task), labels in cells.items() if name == suite}
        for label in sorted({label for labels in tasks.values() for label in labels}):
            # An aggregate over other tasks than the next agent's compares nothing.
            if all(label in labels for labels in tasks.values()):
                rows.append(_suite_row(suite, label, {task: labels[label] for task, labels in tasks.items()}))
    return Board(every, rows, _suites(every))


def _suites(entries: Sequence[Entry]) -> dict[str, dict[str, Any]]:
    """What the suites are: the newest version of each, and older ones that have entries."""
    shown = {entry.suite for entry in entries}
    found = {}
    for suite in every_suite():
        title = suite_title(suite.name, suite.version)
        if title in shown or title == suite.name:
            tasks = {task.name: task.as_json() for task in suite.tasks}
            found[title] = {"version": suite.version, "about": suite.about, "tasks": tasks}
    return found


def _grouped(entries: Sequence[Entry]) -> dict[tuple[str, str, str], list[Entry]]:
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


def _task_row(found: list[Entry]) -> Row:
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


def _suite_row(suite: str, label: str, found: Mapping[str, list[Entry]]) -> Row:
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
    task = _task(entry.manifest)
    assert task is not None
    return float(scores.normalise(value, *task.anchors))


def _task(manifest: Mapping[str, Any]) -> SuiteTask | None:
    """The task of a manifest, or None if this version of ontogym has none."""
    try:
        return get_task(manifest["suite"], manifest["suite_version"], manifest["task"])
    except OntogymError:
        return None


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def _mean_or_none(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
