"""The first page, the pages of tasks and the page of all results: a board turned into the plain values that its template shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ontogym.figures.charts import Chart, draw_chart
from ontogym.figures.curves import mean_curve
from ontogym.figures.words import budget, number
from ontogym.leaderboard.site.grouping import agent_types, authors_of, grouped, unscored
from ontogym.leaderboard.site.specs import TaskSpec, suite_tasks
from ontogym.leaderboard.site.tables import (
    FEW_SEEDS,
    STATUSES,
    Listed,
    Place,
    Table,
    board_table,
    joined,
    status_of,
)
from ontogym.leaderboard.site.text import safe_name
from ontogym.leaderboard.suites import PACKAGE_SEEDS
from ontogym.leaderboard.verification import UNRECORDED

if TYPE_CHECKING:
    from ontogym.leaderboard.board import Board, Entry, Row

__all__ = [
    "IndexPage",
    "ResultsPage",
    "TaskPage",
    "index_page",
    "results_page",
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
class TaskLine:
    """A task in the list of its suite: address, facts, how many agents, and the best of them with its score."""

    name: str
    page: str
    facts: str
    agents: int
    best: str
    score: str


@dataclass(frozen=True)
class SuiteSection:
    """A suite on the index."""

    name: str
    anchor: str
    version: str
    about: str
    table: Table | None
    partial: int
    tasks: list[TaskLine]


@dataclass(frozen=True)
class Choices:
    """What a page's rows can be filtered by, in the order of the page; rows name them by their number."""

    suites: list[str]
    tasks: list[str]
    authors: list[str]


@dataclass(frozen=True)
class IndexPage:
    """The first page."""

    suites: list[SuiteSection]
    n_entries: int
    n_agents: int
    counts: dict[str, int]
    claims: list[str]
    choices: Choices
    skipped: dict[str, str]


@dataclass(frozen=True)
class ResultsPage:
    """The page with every score of every task in one table."""

    table: Table
    choices: Choices


Files = Mapping[tuple[str, str], str]
"""Names of pages: of agents by (suite, label), or of tasks by (suite, task)."""


def index_page(board: Board, agents: Files, tasks: Files, skipped: Mapping[str, str]) -> IndexPage:
    """The first page of a board.

    Args:
        agents, tasks: names of their pages.
        skipped: by the entry's id, why it is not shown.
    """
    by_suite = grouped(board.entries, lambda entry: entry.suite)
    counts = dict.fromkeys(STATUSES, 0)
    for entry in board.entries:
        counts[status_of(entry.status)] += 1
    return IndexPage(
        suites=[_suite_section(board, name, by_suite[name], agents, tasks) for name in _suites(board)],
        n_entries=len(board.entries),
        n_agents=len({(entry.suite, entry.label) for entry in board.entries}),
        counts=counts,
        claims=_claims(board),
        choices=_choices(board),
        skipped=dict(skipped),
    )


def task_pages(board: Board, agents: Files, tasks: Files) -> Iterator[TaskPage]:
    """A page for every task that anyone has tried."""
    by_task = grouped(board.entries, lambda entry: (entry.suite, entry.task))
    rows = grouped(board.rows, lambda row: (row.suite, row.task))
    for (suite, name), file in tasks.items():
        entries, own = by_task[suite, name], rows.get((suite, name), [])
        spec = suite_tasks(board, suite).get(name, TaskSpec())
        place = Place(suite, name)
        order = [row.label for row in sorted(own, key=_by_score)]
        yield TaskPage(
            file=file,
            suite=suite,
            suite_anchor=safe_name("suite", suite),
            name=name,
            facts=_facts(spec),
            table=board_table(
                [(row, place) for row in own],
                f"{name}: scores in the task's own units",
                _listed(entries, spec.anchors, suite, agents, "../"),
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
        listed = _listed(entries, spec.anchors, suite, agents, "")
        tables.append(board_table([(row, place) for row in rows], "", listed, unscored=out))
    caption = "All scores, each in its task's own units and drawn from random to optimal"
    return ResultsPage(joined(tables, caption), _choices(board))


def _suites(board: Board) -> list[str]:
    """Suites that have entries, in the board's order."""
    tried = dict.fromkeys(entry.suite for entry in board.entries)
    return [name for name in dict.fromkeys([*board.suites, *tried]) if name in tried]


def task_names(board: Board) -> list[tuple[str, str]]:
    """(suite, task) of all that has entries, in the order of the suites."""
    found = []
    for suite in _suites(board):
        tried = dict.fromkeys(entry.task for entry in board.entries if entry.suite == suite)
        found += [
            (suite, name) for name in dict.fromkeys([*suite_tasks(board, suite), *tried]) if name in tried
        ]
    return found


def _choices(board: Board) -> Choices:
    authors = {name for names in authors_of(board.entries).values() for name in names}
    return Choices(
        _suites(board), list(dict.fromkeys(task for _, task in task_names(board))), sorted(authors)
    )


def _listed(
    entries: Sequence[Entry], anchors: tuple[float, ...], suite: str, agents: Files, root: str
) -> Listed:
    types = agent_types(entries)
    pages = {label: f"{root}agents/{agents[suite, label]}" for label in types}
    return Listed(dict.fromkeys(types, anchors), types, pages, authors_of(entries))


def _suite_section(
    board: Board, suite: str, entries: Sequence[Entry], agents: Files, tasks: Files
) -> SuiteSection:
    rows = [row for row in board.rows if row.suite == suite]
    whole = [row for row in rows if row.task is None]
    about, place = board.suites.get(suite, {}), Place(suite)
    table = board_table(
        [(row, place) for row in whole],
        f"{suite}: normalised scores over all its tasks that anyone has run",
        _listed(entries, (0.0, 1.0), suite, agents, ""),
        normalised=True,
        unscored=[(label, status, place) for label, status in unscored(entries, rows).items()],
    )
    return SuiteSection(
        name=suite,
        anchor=safe_name("suite", suite),
        version=str(about.get("version", "")),
        about=str(about.get("about", "")),
        table=table if table.rows else None,
        partial=len({row.label for row in rows} - {row.label for row in whole}),
        tasks=[_task_line(board, suite, name, file) for (of, name), file in tasks.items() if of == suite],
    )


def _task_line(board: Board, suite: str, name: str, file: str) -> TaskLine:
    rows = sorted((row for row in board.rows if (row.suite, row.task) == (suite, name)), key=_by_score)
    agents = {entry.label for entry in board.entries if (entry.suite, entry.task) == (suite, name)}
    best = rows[0] if rows else None
    return TaskLine(
        name=name,
        page=f"tasks/{file}",
        facts=_facts(suite_tasks(board, suite).get(name, TaskSpec())),
        agents=len(agents),
        best=best.label if best else "",
        score=number(best.iqm) if best else "",
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
            "claims, or were refused when they were run again. They stand below all that is verified, and count for "
            "no more than the optimum."
        )
    if board.held_out:
        said.append(_held_out(board.held_out))
    if board.faults:
        said.append(
            f"{len(board.faults)} entries cannot be read and are left out: {', '.join(board.faults)[:500]}."
        )
    return said


def _held_out(commitment: str) -> str:
    """On which held-out seeds the scores are."""
    if commitment == PACKAGE_SEEDS:
        return "The held-out seeds are those of the package, which stand in its source: nobody trains on them by accident."
    if commitment == UNRECORDED:
        return "Which held-out seeds were used was not recorded."
    return f"The held-out seeds are a secret of the organiser, the same for all scores; its commitment is {commitment}."


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


def _by_score(row: Row) -> tuple[bool, bool, float, str]:
    return row.iqm is None, row.status != "verified", -(row.iqm or 0.0), row.label
