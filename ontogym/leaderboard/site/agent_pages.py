"""The pages of agents: what each did on every task, seed by seed, turned into plain values for their template."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from ontogym.figures.charts import Chart, draw_chart
from ontogym.figures.curves import LARGEST, Curve, mean_curve
from ontogym.figures.words import budget, duration, number
from ontogym.leaderboard.site.grouping import agent_types, common_status, grouped, unscored
from ontogym.leaderboard.site.networks import Film
from ontogym.leaderboard.site.specs import TaskSpec, suite_tasks
from ontogym.leaderboard.site.tables import Table, board_table, status_of
from ontogym.leaderboard.site.text import brief, pretty_json, safe_name

if TYPE_CHECKING:
    from ontogym.leaderboard.board import Board, Entry, Row

__all__ = ["AgentPage", "agent_pages"]


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


def agent_pages(
    board: Board, files: Mapping[tuple[str, str], str], films: Mapping[str, Film | str], store: str
) -> Iterator[AgentPage]:
    """A page for every agent of every suite, one after the other: together their manifests may be large.

    Args:
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
                _agent_task(task, by_task[task], specs.get(task, TaskSpec()), films, store)
                for task in by_task
            ],
            manifests={f"{safe_name(e.id)}.json": _manifest_bytes(e) for e in entries},
        )


def _task_table(entries: Sequence[Entry], rows: Sequence[Row], specs: Mapping[str, TaskSpec]) -> Table:
    """The agent's tasks in the shape of the index's tables; each is drawn from random to optimal."""
    tasks = [replace(row, label=row.task) for row in rows if row.task is not None]
    named = [replace(entry, label=entry.task) for entry in entries]
    names = {entry.task for entry in entries}
    return board_table(
        tasks,
        "Scores in each task's own units, drawn from random to optimal",
        {name: specs.get(name, TaskSpec()).anchors for name in names},
        {},
        {name: f"#{safe_name('task', name)}" for name in names},
        unscored=unscored(named, tasks),
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
            budget(entry.env_steps) + " (over budget)" * entry.over_budget,
            duration(entry.wall_seconds),
        ],
    )


def _life_series(entry: Entry) -> Curve | None:
    """Mean return of every episode of a life, over lives; held-out seeds if they were run."""
    verified = entry.verification or {}
    claimed = entry.manifest.get("claimed") or {}
    raw = verified.get("returns_held_out") or verified.get("returns_public") or claimed.get("returns") or []
    try:
        returns = np.array(raw, dtype=np.float64)
    except (TypeError, ValueError):
        return None  # rows of unequal length have no mean per episode
    if returns.ndim != 2 or returns.shape[1] < 2 or not (np.abs(returns) < LARGEST).all():
        return None
    return Curve(f"seed {entry.seed}", np.arange(1.0, returns.shape[1] + 1), returns.mean(0))


def _manifest_bytes(entry: Entry) -> bytes:
    """The whole manifest; escapes keep what cannot be encoded, and the invisible visible."""
    return (json.dumps(entry.manifest, indent=1, ensure_ascii=True) + "\n").encode()
