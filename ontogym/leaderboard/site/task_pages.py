"""The pages of tasks, and the page of all results: a board turned into the plain values that their templates show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ontogym.figures.charts import Chart, draw_chart
from ontogym.figures.curves import mean_curve
from ontogym.figures.words import budget, number
from ontogym.leaderboard.site.grouping import agent_types, authors_of, grouped, unscored
from ontogym.leaderboard.site.specs import TaskSpec, suite_tasks
from ontogym.leaderboard.site.tables import Listed, Place, Table, board_table, joined
from ontogym.leaderboard.site.text import safe_name

if TYPE_CHECKING:
    from ontogym.leaderboard.board import Board, Entry, Row

__all__ = [
    "Choices",
    "Files",
    "ResultsPage",
    "TaskPage",
    "by_score",
    "choices",
    "facts",
    "listed",
    "results_page",
    "suite_names",
    "task_names",
    "task_pages",
]


@dataclass(frozen=True)
class TaskPage:
    """The page of a task: its table and its learning curves."""

    file: str
    suite: str
    suite_anchor: str
    name: str
    facts: str
    table: Table
    chart: Chart | None


@dataclass(frozen=True)
class Choices:
    """What a page's rows can be filtered by, in the order of the page; rows name them by their number."""

    suites: list[str]
    tasks: list[str]
    authors: list[str]


@dataclass(frozen=True)
class ResultsPage:
    """The page with every score of every task in one table."""

    table: Table
    choices: Choices


Files = Mapping[tuple[str, str], str]
"""Names of pages: of agents by (suite, label), or of tasks by (suite, task)."""


def task_pages(board: Board, agents: Files, tasks: Files) -> Iterator[TaskPage]:
    """A page for every task that anyone has tried."""
    by_task = grouped(board.entries, lambda entry: (entry.suite, entry.task))
    rows = grouped(board.rows, lambda row: (row.suite, row.task))
    for (suite, name), file in tasks.items():
        entries, own = by_task[suite, name], rows.get((suite, name), [])
        spec = suite_tasks(board, suite).get(name, TaskSpec())
        place = Place(suite, name)
        order = [row.label for row in sorted(own, key=by_score)]
        yield TaskPage(
            file=file,
            suite=suite,
            suite_anchor=safe_name("suite", suite),
            name=name,
            facts=facts(spec),
            table=board_table(
                [(row, place) for row in own],
                f"{name}: scores in the task's own units",
                listed(entries, spec.anchors, suite, agents, "../"),
                unscored=[(label, status, place) for label, status in unscored(entries, own).items()],
            ),
            chart=_learning(f"Learning curves on {name}", entries, order, spec),
        )


def results_page(board: Board, agents: Files, tasks: Files) -> ResultsPage:
    """Every row of every task in one table, suite by suite and task by task."""
    tables = []
    for suite, task in tasks:
        spec = suite_tasks(board, suite).get(task, TaskSpec())
        entries = [entry for entry in board.entries if (entry.suite, entry.task) == (suite, task)]
        rows = [row for row in board.rows if (row.suite, row.task) == (suite, task)]
        place = Place(suite, task, f"tasks/{tasks[suite, task]}")
        out = [(label, status, place) for label, status in unscored(entries, rows).items()]
        said = listed(entries, spec.anchors, suite, agents, "")
        tables.append(board_table([(row, place) for row in rows], "", said, unscored=out))
    caption = "All scores, each in its task's own units and drawn from random to optimal"
    return ResultsPage(joined(tables, caption), choices(board))


def suite_names(board: Board) -> list[str]:
    """Suites that have entries, in the board's order."""
    tried = dict.fromkeys(entry.suite for entry in board.entries)
    return [name for name in dict.fromkeys([*board.suites, *tried]) if name in tried]


def task_names(board: Board) -> list[tuple[str, str]]:
    """(suite, task) of all that has entries, in the order of the suites."""
    found = []
    for suite in suite_names(board):
        tried = dict.fromkeys(entry.task for entry in board.entries if entry.suite == suite)
        found += [
            (suite, name) for name in dict.fromkeys([*suite_tasks(board, suite), *tried]) if name in tried
        ]
    return found


def choices(board: Board) -> Choices:
    """What the rows of a board can be filtered by."""
    authors = {name for names in authors_of(board.entries).values() for name in names}
    return Choices(
        suite_names(board), list(dict.fromkeys(task for _, task in task_names(board))), sorted(authors)
    )


def listed(
    entries: Sequence[Entry], anchors: tuple[float, ...], suite: str, agents: Files, root: str
) -> Listed:
    """What a table says of the labels of these entries; `root` leads from its page to the site's folder."""
    types = agent_types(entries)
    pages = {label: f"{root}agents/{agents[suite, label]}" for label in types}
    return Listed(dict.fromkeys(types, anchors), types, pages, authors_of(entries))


def _learning(title: str, entries: Sequence[Entry], order: Sequence[str], spec: TaskSpec) -> Chart | None:
    """One line per agent, mean over its seeds; what was refused is no evidence and is left out."""
    curves = grouped([e for e in entries if e.status != "refused"], lambda entry: entry.label)
    series = [mean_curve(label, [e.curve for e in curves[label]]) for label in order if label in curves]
    return draw_chart(title, [s for s in series if s is not None], "environment steps", "score", spec.marks)


def facts(spec: TaskSpec) -> str:
    """Anchors and rules of a task in words."""
    known = [f"{name} {number(value)}" for name, value in spec.marks]
    if spec.lives is not None:
        known.append(f"{spec.lives} lives of {spec.episodes} episode{'s' * (spec.episodes != 1)}")
    if spec.development:
        known.append(f"after {spec.development_steps} steps of {spec.development}")
    if spec.budget is not None:
        known.append(f"compared at up to {budget(spec.budget)} steps")
    return ", ".join(known)


def by_score(row: Row) -> tuple[bool, bool, float, str]:
    """To sort by: the best first, then by name."""
    return row.iqm is None, row.status != "verified", -(row.iqm or 0.0), row.label
