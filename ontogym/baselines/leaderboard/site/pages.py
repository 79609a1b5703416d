"""What each page says: a board turned into the plain values that templates show."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ontogym.baselines.leaderboard.site.charts import Chart, Series, draw_chart, mean_curve
from ontogym.baselines.leaderboard.site.networks import Film
from ontogym.baselines.leaderboard.site.specs import TaskSpec, suite_tasks
from ontogym.baselines.leaderboard.site.tables import FEW_SEEDS, Table, board_table, status_of
from ontogym.baselines.leaderboard.site.text import (
    brief,
    budget,
    duration,
    number,
    pretty_json,
    safe_name,
)

if TYPE_CHECKING:
    from ontogym.baselines.leaderboard.board import Board, Entry, Row

__all__ = ["AgentPage", "IndexPage", "agent_pages", "index_page"]


@dataclass(frozen=True)
class TaskSection:
    """A task on the index: its table and its learning curves."""

    name: str
    anchor: str
    levels: str
    table: Table
    chart: Chart | None


@dataclass(frozen=True)
class SuiteSection:
    """A suite on the index."""

    name: str
    anchor: str
    version: str
    table: Table | None
    tasks: list[TaskSection]


@dataclass(frozen=True)
class IndexPage:
    """The first page."""

    suites: list[SuiteSection]
    n_entries: int
    n_agents: int
    counts: dict[str, int]
    claims: list[str]


@dataclass(frozen=True)
class SeedRow:
    """One submission in an agent's table."""

    id: str
    anchor: str
    manifest_file: str
    manifest: str
    seed: str
    status: str
    reasons: list[str]
    author: str
    notes: str
    numbers: list[str]


@dataclass(frozen=True)
class AgentTask:
    """What an agent did on one task."""

    name: str
    anchor: str
    seeds: list[SeedRow]
    train_commands: list[str]
    check_commands: list[str]
    curve: Chart | None
    life: Chart | None
    film: Film | None
    film_note: str


@dataclass(frozen=True)
class AgentPage:
    """One agent in one suite."""

    file: str
    label: str
    suite: str
    suite_anchor: str
    agent_type: str
    status: str
    table: Table
    tasks: list[AgentTask]
    manifests: dict[str, bytes] = field(default_factory=dict)


def index_page(board: Board, files: Mapping[tuple[str, str], str]) -> IndexPage:
    """The first page of a board.

    Args:
        files: address of the page of each (suite, label).
    """
    by_suite = _grouped(board.entries, lambda entry: entry.suite)
    names = list(dict.fromkeys([*board.suites, *by_suite]))
    counts = dict.fromkeys(("verified", "claimed", "refused"), 0)
    for entry in board.entries:
        counts[status_of(entry.status)] += 1
    return IndexPage(
        suites=[_suite_section(board, name, by_suite[name], files) for name in names if name in by_suite],
        n_entries=len(board.entries),
        n_agents=len({(entry.suite, entry.label) for entry in board.entries}),
        counts=counts,
        claims=_claims(board),
    )


def _suite_section(
    board: Board, suite: str, entries: Sequence[Entry], files: Mapping[tuple[str, str], str]
) -> SuiteSection:
    types = _types(entries)
    pages = {label: f"agents/{files[suite, label]}" for label in types}
    rows = [row for row in board.rows if row.suite == suite]
    by_task = _grouped([row for row in rows if row.task is not None], lambda row: row.task)
    whole = [row for row in rows if row.task is None]
    tasks = suite_tasks(board, suite)
    sections = []
    for name in dict.fromkeys([*tasks, *by_task]):
        if name in by_task:
            own = [entry for entry in entries if entry.task == name]
            order = [row.label for row in sorted(by_task[name], key=_by_score)]
            sections.append(
                TaskSection(
                    name=name,
                    anchor=safe_name("task", suite, name),
                    levels=_levels(tasks.get(name, TaskSpec())),
                    table=board_table(
                        by_task[name],
                        f"{name}: scores in the task's own units",
                        dict.fromkeys(types, tasks.get(name, TaskSpec()).anchors),
                        types,
                        pages,
                    ),
                    chart=_learning(f"Learning curves on {name}", own, order, tasks.get(name, TaskSpec())),
                )
            )
    caption = f"{suite}: normalised scores over all tasks"
    return SuiteSection(
        name=suite,
        anchor=safe_name("suite", suite),
        version=str(board.suites.get(suite, {}).get("version", "")),
        table=board_table(whole, caption, dict.fromkeys(types, (0.0, 1.0)), types, pages, True)
        if whole
        else None,
        tasks=sections,
    )


def _learning(title: str, entries: Sequence[Entry], order: Sequence[str], spec: TaskSpec) -> Chart | None:
    """One line per agent, mean over its seeds; what was refused is no evidence and is left out."""
    curves = _grouped([e for e in entries if e.status != "refused"], lambda entry: entry.label)
    series = [mean_curve(label, [e.curve for e in curves[label]]) for label in order if label in curves]
    return draw_chart(title, [s for s in series if s is not None], "environment steps", "score", spec.marks)


def agent_pages(
    board: Board, files: Mapping[tuple[str, str], str], films: Mapping[str, Film | str], store: str
) -> list[AgentPage]:
    """A page for every agent of every suite.

    Args:
        files: name of the page of each (suite, label).
        films: by the entry's id: its network's film, or the sentence that says why there is none.
        store: name of the store's folder, for the commands.
    """
    rows = _grouped(board.rows, lambda row: (row.suite, row.label))
    groups = _grouped(board.entries, lambda entry: (entry.suite, entry.label))
    found = []
    for (suite, label), entries in groups.items():
        own = rows.get((suite, label), [])
        status = [status_of(row.status) for row in own if row.task is None] or ["claimed"]
        by_task = _grouped(entries, lambda entry: entry.task)
        specs = suite_tasks(board, suite)
        found.append(
            AgentPage(
                file=files[suite, label],
                label=label,
                suite=suite,
                suite_anchor=safe_name("suite", suite),
                agent_type=_types(entries)[label],
                status=status[0],
                table=_task_table(own, specs),
                tasks=[
                    _agent_task(task, by_task[task], specs.get(task, TaskSpec()), films, store)
                    for task in by_task
                ],
                manifests={f"{safe_name(e.id)}.json": _manifest_bytes(e) for e in entries},
            )
        )
    return found


def _task_table(rows: Sequence[Row], specs: Mapping[str, TaskSpec]) -> Table:
    """The agent's rows, one a task, in the shape of the index's tables; each is drawn from random to optimal."""
    tasks = [replace(row, label=row.task) for row in rows if row.task is not None]
    anchors = {row.label: specs.get(row.label, TaskSpec()).anchors for row in tasks}
    links = {row.label: f"#{safe_name('task', row.label)}" for row in tasks}
    return board_table(
        tasks, "Scores in each task's own units, drawn from random to optimal", anchors, {}, links
    )


def _agent_task(
    task: str, entries: Sequence[Entry], spec: TaskSpec, films: Mapping[str, Film | str], store: str
) -> AgentTask:
    entries = sorted(entries, key=lambda entry: (entry.seed, entry.id))
    shown = [entry for entry in entries if isinstance(films.get(entry.id), Film)]
    film = films[shown[0].id] if shown else None
    notes = [note for entry in entries if isinstance(note := films.get(entry.id), str)]
    curves = [s for e in entries if (s := mean_curve(f"seed {e.seed}", [e.curve])) is not None]
    lives = [s for e in entries if (s := _life_series(e)) is not None]
    return AgentTask(
        name=task,
        anchor=safe_name("task", task),
        seeds=[_seed_row(entry) for entry in entries],
        train_commands=list(dict.fromkeys(entry.command for entry in entries if entry.command)),
        check_commands=[
            f"ontogym leaderboard verify {shlex.quote(f'{store}/submissions/{entry.id}')}"
            for entry in entries
        ],
        curve=draw_chart(f"Learning curves on {task}", curves, "environment steps", "score", spec.marks),
        life=draw_chart(
            f"Return through a life on {task}",
            lives,
            "episode of the life",
            "return",
            spec.marks,
            whole_x=True,
        ),
        film=film if isinstance(film, Film) else None,
        film_note=f"seed {shown[0].seed}" if shown else (notes[0] if notes else ""),
    )


def _seed_row(entry: Entry) -> SeedRow:
    manifest = entry.manifest
    reasons = (entry.verification or {}).get("reasons") or []
    return SeedRow(
        id=entry.id,
        anchor=safe_name("entry", entry.id),
        manifest_file=f"../manifests/{safe_name(entry.id)}.json",
        manifest=pretty_json(manifest),
        seed=str(entry.seed),
        status=status_of(entry.status),
        reasons=[brief(str(reason), 300) for reason in reasons][:20],
        author=brief(str(manifest.get("author") or "")),
        notes=str(manifest.get("notes") or "")[:2000],
        numbers=[
            number(entry.score),
            number(entry.normalised),
            number(entry.first_episode),
            number(entry.last_episode),
            number(entry.adaptation),
            number(entry.wiring_cost),
            budget(entry.env_steps),
            duration(entry.wall_seconds),
        ],
    )


def _life_series(entry: Entry) -> Series | None:
    """Mean return of every episode of a life, over lives; held-out seeds if they were run."""
    verified = entry.verification or {}
    claimed = entry.manifest.get("claimed") or {}
    raw = verified.get("returns_held_out") or verified.get("returns_public") or claimed.get("returns") or []
    try:
        returns = np.array(raw, dtype=np.float64)
    except (TypeError, ValueError):
        return None  # rows of unequal length have no mean per episode
    if returns.ndim != 2 or returns.shape[1] < 2 or not (np.abs(returns) < 1e15).all():
        return None
    return Series(f"seed {entry.seed}", np.arange(1.0, returns.shape[1] + 1), returns.mean(0))


def _claims(board: Board) -> list[str]:
    """What the tables do not show, in sentences about this very board."""
    rows = [row for row in board.rows if row.task is not None]
    few = sum(row.seeds < FEW_SEEDS for row in rows)
    unverified = sum(entry.status != "verified" for entry in board.entries)
    steps = [entry.env_steps for entry in board.entries if entry.env_steps]
    said = []
    if few:
        said.append(
            f"{few} of {len(rows)} rows have fewer than {FEW_SEEDS} training seeds. Their intervals are likely too "
            "narrow, and ranks among overlapping intervals mean nothing."
        )
    if steps:
        said.append(
            f"Budgets run from {budget(min(steps))} to {budget(max(steps))} environment steps. They are small by the "
            "field's standards: a method that ranks low here may win with more steps. Compare agents only at "
            "similar budgets."
        )
    said.append(
        "Intervals cover the chance of training seeds and evaluation lives. They do not cover the choice of "
        "hyper-parameters, nor tasks that are not in the suite."
    )
    said.append("Wall-clock times come from different machines and are no comparison of speed.")
    if unverified:
        said.append(
            f"{unverified} of {len(board.entries)} submissions are not verified: their scores are their authors' "
            "claims, or were refused when they were run again."
        )
    return said


def _types(entries: Sequence[Entry]) -> dict[str, str]:
    """Agent type of each label; several, if a label was used for several."""
    types: dict[str, dict[str, None]] = defaultdict(dict)
    for entry in entries:
        types[entry.label][entry.agent_type] = None
    return {label: ", ".join(found) for label, found in types.items()}


def _levels(spec: TaskSpec) -> str:
    """The anchors in words."""
    return ", ".join(f"{name} {number(value)}" for name, value in spec.marks)


def _by_score(row: Row) -> tuple[bool, float, str]:
    return row.iqm is None, -(row.iqm or 0.0), row.label


def _grouped(items: Any, key: Any) -> dict[Any, list[Any]]:
    """Items by key, both in order of first appearance."""
    found: dict[Any, list[Any]] = defaultdict(list)
    for item in items:
        found[key(item)].append(item)
    return found


def _manifest_bytes(entry: Entry) -> bytes:
    """The whole manifest; escapes keep what cannot be encoded, and the invisible visible."""
    import json

    return (json.dumps(entry.manifest, indent=1, ensure_ascii=True) + "\n").encode()
