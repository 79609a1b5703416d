"""The first page: a board turned into the plain values that its template shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ontogym.figures.charts import Chart, draw_chart
from ontogym.figures.curves import mean_curve
from ontogym.figures.words import budget, number
from ontogym.leaderboard.site.grouping import agent_types, grouped, unscored
from ontogym.leaderboard.site.specs import TaskSpec, suite_tasks
from ontogym.leaderboard.site.tables import FEW_SEEDS, STATUSES, Table, board_table, status_of
from ontogym.leaderboard.site.text import safe_name

if TYPE_CHECKING:
    from ontogym.leaderboard.board import Board, Entry, Row

__all__ = ["IndexPage", "index_page"]


@dataclass(frozen=True)
class TaskSection:
    """A task on the index: its table and its learning curves."""

    name: str
    anchor: str
    facts: str
    table: Table
    chart: Chart | None


@dataclass(frozen=True)
class SuiteSection:
    """A suite on the index."""

    name: str
    anchor: str
    version: str
    about: str
    table: Table | None
    partial: int
    tasks: list[TaskSection]


@dataclass(frozen=True)
class IndexPage:
    """The first page."""

    suites: list[SuiteSection]
    n_entries: int
    n_agents: int
    counts: dict[str, int]
    claims: list[str]


def index_page(board: Board, files: Mapping[tuple[str, str], str]) -> IndexPage:
    """The first page of a board.

    Args:
        files: address of the page of each (suite, label).
    """
    by_suite = grouped(board.entries, lambda entry: entry.suite)
    names = list(dict.fromkeys([*board.suites, *by_suite]))
    counts = dict.fromkeys(STATUSES, 0)
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
    types = agent_types(entries)
    pages = {label: f"agents/{files[suite, label]}" for label in types}
    rows = [row for row in board.rows if row.suite == suite]
    whole = [row for row in rows if row.task is None]
    specs = suite_tasks(board, suite)
    tried = {entry.task for entry in entries}
    names = [name for name in dict.fromkeys([*specs, *(entry.task for entry in entries)]) if name in tried]
    caption = f"{suite}: normalised scores over all its tasks that anyone has run"
    anchors = dict.fromkeys(types, (0.0, 1.0))
    about, out = board.suites.get(suite, {}), unscored(entries, rows)
    table = board_table(whole, caption, anchors, types, pages, normalised=True, unscored=out)
    return SuiteSection(
        name=suite,
        anchor=safe_name("suite", suite),
        version=str(about.get("version", "")),
        about=str(about.get("about", "")),
        table=table if table.rows else None,
        partial=len({row.label for row in rows} - {row.label for row in whole}),
        tasks=[
            _task_section(
                suite,
                name,
                specs.get(name, TaskSpec()),
                [entry for entry in entries if entry.task == name],
                [row for row in rows if row.task == name],
                pages,
            )
            for name in names
        ],
    )


def _task_section(
    suite: str,
    name: str,
    spec: TaskSpec,
    entries: Sequence[Entry],
    rows: Sequence[Row],
    pages: Mapping[str, str],
) -> TaskSection:
    types = agent_types(entries)
    order = [row.label for row in sorted(rows, key=_by_score)]
    return TaskSection(
        name=name,
        anchor=safe_name("task", suite, name),
        facts=_facts(spec),
        table=board_table(
            rows,
            f"{name}: scores in the task's own units",
            dict.fromkeys(types, spec.anchors),
            types,
            pages,
            unscored=unscored(entries, rows),
        ),
        chart=_learning(f"Learning curves on {name}", entries, order, spec),
    )


def _learning(title: str, entries: Sequence[Entry], order: Sequence[str], spec: TaskSpec) -> Chart | None:
    """One line per agent, mean over its seeds; what was refused is no evidence and is left out."""
    curves = grouped([e for e in entries if e.status != "refused"], lambda entry: entry.label)
    series = [mean_curve(label, [e.curve for e in curves[label]]) for label in order if label in curves]
    return draw_chart(title, [s for s in series if s is not None], "environment steps", "score", spec.marks)


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


def _facts(spec: TaskSpec) -> str:
    """Anchors and rules of a task in words."""
    known = [f"{name} {number(value)}" for name, value in spec.marks]
    if spec.lives is not None:
        known.append(f"{spec.lives} lives of {spec.episodes} episode{'s' * (spec.episodes != 1)}")
    if spec.development:
        known.append(f"after {spec.development_steps} steps of {spec.development}")
    if spec.budget is not None:
        known.append(f"compared at up to {budget(spec.budget)} steps")
    return ", ".join(known)


def _by_score(row: Row) -> tuple[bool, float, str]:
    return row.iqm is None, -(row.iqm or 0.0), row.label
