"""The first page: a board turned into the plain values that its template shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ontogym.figures.words import budget, number
from ontogym.leaderboard.site.grouping import grouped, unscored
from ontogym.leaderboard.site.specs import TaskSpec, suite_tasks
from ontogym.leaderboard.site.tables import FEW_SEEDS, STATUSES, Place, Table, board_table, status_of
from ontogym.leaderboard.site.task_pages import Choices, Files, by_score, choices, facts, listed, suite_names
from ontogym.leaderboard.site.text import safe_name
from ontogym.leaderboard.suites import PACKAGE_SEEDS
from ontogym.leaderboard.verification import UNRECORDED

if TYPE_CHECKING:
    from ontogym.leaderboard.board import Board, Entry

__all__ = ["IndexPage", "index_page"]


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
class IndexPage:
    """The first page."""

    suites: list[SuiteSection]
    n_entries: int
    n_agents: int
    counts: dict[str, int]
    claims: list[str]
    choices: Choices
    skipped: dict[str, str]


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
        suites=[_suite_section(board, name, by_suite[name], agents, tasks) for name in suite_names(board)],
        n_entries=len(board.entries),
        n_agents=len({(entry.suite, entry.label) for entry in board.entries}),
        counts=counts,
        claims=_claims(board),
        choices=choices(board),
        skipped=dict(skipped),
    )


def _suite_section(
    board: Board, suite: str, entries: Sequence[Entry], agents: Files, tasks: Files
) -> SuiteSection:
    rows = [row for row in board.rows if row.suite == suite]
    whole = [row for row in rows if row.task is None]
    about, place = board.suites.get(suite, {}), Place(suite)
    table = board_table(
        [(row, place) for row in whole],
        f"{suite}: normalised scores over all its tasks that anyone has run",
        listed(entries, (0.0, 1.0), suite, agents, ""),
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
    rows = sorted((row for row in board.rows if (row.suite, row.task) == (suite, name)), key=by_score)
    agents = {entry.label for entry in board.entries if (entry.suite, entry.task) == (suite, name)}
    best = rows[0] if rows else None
    return TaskLine(
        name=name,
        page=f"tasks/{file}",
        facts=facts(suite_tasks(board, suite).get(name, TaskSpec())),
        agents=len(agents),
        best=best.label if best else "",
        score=number(best.iqm) if best else "",
    )


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
    return said


def _held_out(commitment: str) -> str:
    """On which held-out seeds the scores are."""
    if commitment == PACKAGE_SEEDS:
        return "The held-out seeds are those of the package, which stand in its source: nobody trains on them by accident."
    if commitment == UNRECORDED:
        return "Which held-out seeds were used was not recorded."
    return f"The held-out seeds are a secret of the organiser, the same for all scores; its commitment is {commitment}."
