"""The pages of agents: what each did on every task, seed by seed, turned into plain values for their template."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ontogym.figures.charts import Chart, draw_chart
from ontogym.figures.curves import mean_curve
from ontogym.figures.words import NO_NUMBER
from ontogym.leaderboard.site.grouping import agent_types, common_status, grouped, unscored
from ontogym.leaderboard.site.networks import Film
from ontogym.leaderboard.site.screening import SEED_COLUMNS, SeedRow, Shown, manifest_bytes
from ontogym.leaderboard.site.specs import TaskSpec, suite_tasks
from ontogym.leaderboard.site.tables import Listed, Place, Table, board_table
from ontogym.leaderboard.site.text import safe_name

if TYPE_CHECKING:
    from ontogym.leaderboard.board import Board, Entry, Row

__all__ = ["AgentPage", "agent_pages"]


@dataclass(frozen=True)
class AgentTask:
    """What an agent did on one task."""

    name: str
    anchor: str
    columns: list[str]
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


def agent_pages(
    board: Board,
    shown: Mapping[str, Shown],
    files: Mapping[tuple[str, str], str],
    films: Mapping[str, Film | str],
    store: str,
) -> Iterator[AgentPage]:
    """A page for every agent of every suite, one after the other: together their manifests may be large.

    Args:
        shown: see `screened`.
        files: name of the page of each (suite, label).
        films: by the entry's id: its network's film, or the sentence that says why there is none.
        store: name of the store's folder, for the commands.
    """
    rows = grouped(board.rows, lambda row: (row.suite, row.label))
    groups = grouped(board.entries, lambda entry: (entry.suite, entry.label))
    for (suite, label), entries in groups.items():
        own = rows.get((suite, label), [])
        by_task = grouped(entries, lambda entry: entry.task)
        specs = suite_tasks(board, suite)
        yield AgentPage(
            file=files[suite, label],
            label=label,
            suite=suite,
            suite_anchor=safe_name("suite", suite),
            agent_type=agent_types(entries)[label],
            status=common_status(entries, own),
            table=_task_table(entries, own, specs),
            tasks=[
                _agent_task(task, by_task[task], specs.get(task, TaskSpec()), shown, films, store)
                for task in by_task
            ],
            manifests={f"{safe_name(e.id)}.json": manifest_bytes(e) for e in entries},
        )


def _task_table(entries: Sequence[Entry], rows: Sequence[Row], specs: Mapping[str, TaskSpec]) -> Table:
    """The agent's tasks in the shape of the index's tables; each is drawn from random to optimal."""
    tasks = [replace(row, label=row.task) for row in rows if row.task is not None]
    named = [replace(entry, label=entry.task) for entry in entries]
    names = {entry.task for entry in entries}
    place = Place(entries[0].suite)
    anchors = {name: specs.get(name, TaskSpec()).anchors for name in names}
    listed = Listed(anchors, {}, {name: f"#{safe_name('task', name)}" for name in names}, {})
    return board_table(
        [(row, place) for row in tasks],
        "Scores in each task's own units, drawn from random to optimal",
        listed,
        unscored=[(name, status, place) for name, status in unscored(named, tasks).items()],
    )


def _agent_task(
    task: str,
    entries: Sequence[Entry],
    spec: TaskSpec,
    shown: Mapping[str, Shown],
    films: Mapping[str, Film | str],
    store: str,
) -> AgentTask:
    entries = sorted(entries, key=lambda entry: (entry.seed, entry.id))
    filmed = [entry for entry in entries if isinstance(films.get(entry.id), Film)]
    film = films[filmed[0].id] if filmed else None
    notes = [note for entry in entries if isinstance(note := films.get(entry.id), str)]
    rows = [shown[entry.id].row for entry in entries]
    kept = [k for k in range(len(SEED_COLUMNS)) if any(row.numbers[k] != NO_NUMBER for row in rows)]
    curves = [s for e in entries if (s := mean_curve(f"seed {e.seed}", [e.curve])) is not None]
    lives = [s for e in entries if (s := shown[e.id].life) is not None]
    return AgentTask(
        name=task,
        anchor=safe_name("task", task),
        columns=[SEED_COLUMNS[k] for k in kept],
        seeds=[replace(row, numbers=[row.numbers[k] for k in kept]) for row in rows],
        train_commands=list(dict.fromkeys(entry.command for entry in entries if entry.command)),
        check_commands=[
            f"ontogym leaderboard verify {shlex.quote(entry.id)} --store {shlex.quote(store)}"
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
        film_note=f"seed {filmed[0].seed}" if filmed else (notes[0] if notes else ""),
    )
