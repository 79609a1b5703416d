"""Rows of the board as tables that a page can sort: what a cell says, and what it is sorted by."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ontogym.figures.words import NO_NUMBER, budget, duration, number
from ontogym.leaderboard.site.intervals import Interval, draw_interval, interval_span

if TYPE_CHECKING:
    from ontogym.leaderboard.board import Row

__all__ = ["FEW_SEEDS", "Cell", "Column", "Table", "TableRow", "board_table", "status_of"]

FEW_SEEDS = 10
"""Rows with fewer are marked: their interval is likely too narrow."""
STATUSES = ("verified", "claimed", "refused")


@dataclass(frozen=True)
class Column:
    """A column's heading, what it means, and which way a first click sorts it."""

    name: str
    meaning: str
    best_first: str = "descending"


@dataclass(frozen=True)
class Cell:
    """A cell: its text, the number it is sorted by (empty: always last), and a mark ("few" or "over") with its reason."""

    text: str
    key: str = ""
    mark: str = ""
    why: str = ""


@dataclass(frozen=True)
class TableRow:
    """One agent: label, page, status, the drawn interval and the cells after it."""

    label: str
    agent_type: str
    page: str
    status: str
    interval: Interval | None
    iqm: Cell
    cells: list[Cell]


@dataclass(frozen=True)
class Table:
    """A sortable table; the first two columns are the agent and its interval, the last its status."""

    caption: str
    score: Column
    columns: list[Column]
    rows: list[TableRow]


def _few(row: Row) -> tuple[str, str]:
    return ("few", "Few seeds: the interval is likely too narrow") if row.seeds < FEW_SEEDS else ("", "")


def _over(row: Row) -> tuple[str, str]:
    if not row.over_budget:
        return "", ""
    count = f"{row.over_budget} of {len(row.entries)} trainings"
    return "over", f"Over budget: {count} took more steps than the task allows for a matched comparison"


_COLUMNS: tuple[tuple[Column, Callable[[Row], Cell]], ...] = (
    (
        Column("First episode", "Mean score of the first episode of a life: what is innate."),
        lambda row: _number(row.first_episode),
    ),
    (
        Column("Last episode", "Mean score of the last episode of a life: with what was learned."),
        lambda row: _number(row.last_episode),
    ),
    (
        Column(
            "Adaptation",
            "Return of an episode that was regained after the rules had changed, where the task changes them.",
        ),
        lambda row: _number(row.adaptation),
    ),
    (
        Column(
            "Wiring cost",
            "Edges of the network at the end of a life, as a part of those it could have.",
            "ascending",
        ),
        lambda row: _number(row.wiring_cost),
    ),
    (
        Column(
            "Env steps",
            "Steps of the environment used in training, mean over seeds; more than the task's budget is marked.",
            "ascending",
        ),
        lambda row: Cell(budget(row.env_steps), _key(row.env_steps), *_over(row)),
    ),
    (
        Column("Wall-clock", "Time of training on the submitter's hardware, mean over seeds.", "ascending"),
        lambda row: Cell(duration(row.wall_seconds), _key(row.wall_seconds)),
    ),
    (
        Column("Seeds", f"Training seeds; fewer than {FEW_SEEDS} are marked."),
        lambda row: Cell(str(row.seeds), _key(row.seeds), *_few(row)),
    ),
)


def board_table(
    rows: Sequence[Row],
    caption: str,
    anchors: Mapping[str, Sequence[float]],
    types: Mapping[str, str],
    pages: Mapping[str, str],
    normalised: bool = False,
    unscored: Mapping[str, str] | None = None,
) -> Table:
    """A table of these rows, best first; those without a score come last.

    Rows with equal anchors share a scale: a task's, or 0 and 1 of normalised scores.

    Args:
        anchors: by label, the scores of a random and of an optimal agent, as far as they are known.
        types: agent type of each label. pages: address of each label's page.
        normalised: 0 is random and 1 is optimal.
        unscored: status of labels that are listed without a row of their own, such as the refused.
    """
    scales = {
        marks: interval_span(
            (v for row in rows if _marks(anchors, row) == marks for v in (row.iqm, row.low, row.high)), marks
        )
        for marks in {_marks(anchors, row) for row in rows}
    }
    meaning = "Interquartile mean with its 95 % stratified bootstrap interval"
    meaning += "; 0 is a random agent, 1 an optimal one." if normalised else ", in the task's own units."
    return Table(
        caption=caption,
        score=Column("IQM", meaning),
        columns=[column for column, _ in _COLUMNS],
        rows=[_table_row(row, _marks(anchors, row), scales, types, pages) for row in sorted(rows, key=_rank)]
        + [_unscored_row(label, status, types, pages) for label, status in sorted((unscored or {}).items())],
    )


def _table_row(
    row: Row,
    marks: tuple[float, ...],
    scales: Mapping[tuple[float, ...], tuple[float, float]],
    types: Mapping[str, str],
    pages: Mapping[str, str],
) -> TableRow:
    return TableRow(
        label=row.label,
        agent_type=types.get(row.label, ""),
        page=pages.get(row.label, ""),
        status=status_of(row.status),
        interval=draw_interval(row.iqm, row.low, row.high, scales[marks], marks),
        iqm=_number(row.iqm),
        cells=[cell(row) for _, cell in _COLUMNS],
    )


def _unscored_row(label: str, status: str, types: Mapping[str, str], pages: Mapping[str, str]) -> TableRow:
    cells = [Cell(NO_NUMBER) for _ in _COLUMNS]
    return TableRow(
        label, types.get(label, ""), pages.get(label, ""), status_of(status), None, Cell(NO_NUMBER), cells
    )


def _marks(anchors: Mapping[str, Sequence[float]], row: Row) -> tuple[float, ...]:
    return tuple(anchors.get(row.label, ()))


def status_of(status: str) -> str:
    """One of `STATUSES`; whatever is none of them has not been verified."""
    return status if status in STATUSES else "claimed"


def _rank(row: Row) -> tuple[bool, float, str]:
    """Refused and unscored last, then by score, then by name, so that equal boards give equal pages."""
    known = row.iqm is not None and math.isfinite(row.iqm)
    return row.status == "refused" or not known, -row.iqm if known else 0.0, row.label


def _number(value: float | None) -> Cell:
    return Cell(number(value), _key(value))


def _key(value: float | None) -> str:
    return "" if value is None or not math.isfinite(value) else f"{value:.10g}"
