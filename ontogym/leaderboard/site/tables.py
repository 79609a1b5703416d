"""Rows of the board as tables that a page can sort: what a cell says, and what it is sorted by."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ontogym.figures.words import NO_NUMBER, budget, duration, number, share
from ontogym.leaderboard.site.intervals import Interval, draw_interval, interval_span

if TYPE_CHECKING:
    from ontogym.leaderboard.board import Row

__all__ = [
    "FEW_SEEDS",
    "Cell",
    "Column",
    "Listed",
    "Place",
    "Table",
    "TableRow",
    "board_table",
    "joined",
    "status_of",
]

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
class Place:
    """Where a row belongs, by which it can be filtered: a suite and a task (None: of all its tasks), with the task's page."""

    suite: str
    task: str | None = None
    page: str = ""


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
    place: Place
    authors: list[str]


@dataclass(frozen=True)
class Table:
    """A sortable table: first the agent, then its place if `placed`, the interval, the columns, and last its status."""

    caption: str
    score: Column
    columns: list[Column]
    rows: list[TableRow]
    placed: bool = False


@dataclass(frozen=True)
class Listed:
    """What a table says of labels beside their numbers, by label.

    Attributes:
        anchors: the scores of a random and of an optimal agent, as far as they are known.
        types: agent type. pages: address of the label's page. authors: who submitted it.
    """

    anchors: Mapping[str, Sequence[float]]
    types: Mapping[str, str]
    pages: Mapping[str, str]
    authors: Mapping[str, Sequence[str]]


def _few(row: Row) -> Cell:
    why = "Few seeds: the interval is likely too narrow"
    return Cell(str(row.seeds), _key(row.seeds), *(("few", why) if row.seeds < FEW_SEEDS else ()))


def _steps(row: Row) -> Cell:
    over: tuple[str, str] = ("", "")
    if row.over_budget:
        count = f"{row.over_budget} of {len(row.entries)} trainings"
        over = ("over", f"Over budget: {count} took more steps than the task allows for a matched comparison")
    return Cell(budget(row.env_steps), _key(row.env_steps), *over)


def _plain(name: str, show: Callable[[float | None], str] = number) -> Callable[[Row], Cell]:
    """The cell of an attribute that rows may lack: what a board does not measure has no column."""

    def cell(row: Row) -> Cell:
        value = getattr(row, name, None)
        whole = show is number and getattr(row, "task", "") is None  # a suite's row is normalised
        return Cell(share(value) if whole else show(value), _key(value))

    return cell


def _told(row: Row) -> Cell:
    told = getattr(row, "told", "")
    return Cell(told, told) if told else Cell("reward")


_COLUMNS: tuple[tuple[Column, Callable[[Row], Cell]], ...] = (
    (Column("Held-out", "The same on lives that nobody has seen, normalised."), _plain("held_out")),
    (
        Column("First episode", "Mean score of the first episode of a life: what is innate."),
        _plain("first_episode"),
    ),
    (
        Column("Last episode", "Mean score of the last episode of a life: with what was learned."),
        _plain("last_episode"),
    ),
    (
        Column(
            "Regained", "Return of an episode that was regained after the rules had changed, where they do."
        ),
        lambda row: _plain("adaptation" if getattr(row, "regained", None) is None else "regained")(row),
    ),
    (Column("Told clamped", "Score when the agent is told 0 throughout."), _plain("told_clamped")),
    (Column("Action blind", "Score when the agent does not hear its own action."), _plain("action_blind")),
    (
        Column("Weights frozen", "Score when no edge changes its weight after development."),
        _plain("weights_frozen"),
    ),
    (Column("Wiring frozen", "Score when no edge comes or goes after development."), _plain("wiring_frozen")),
    (
        Column("Reborn", "Score when every episode begins with a newborn: no memory of the last."),
        _plain("reborn"),
    ),
    (Column("Told", "What the agent hears in place of a reward; what counts is the task's return."), _told),
    (
        Column("End density", "Edges at the end of a life, as a part of those it could have.", "ascending"),
        _plain("wiring_cost"),
    ),
    (Column("Parameters", "Numbers that training chose.", "ascending"), _plain("parameters", budget)),
    (
        Column(
            "Env steps",
            "Steps of the environment used in training, mean over seeds; more than the task's budget is marked.",
            "ascending",
        ),
        _steps,
    ),
    (
        Column("CPU time", "Processor time of training, mean over seeds.", "ascending"),
        _plain("cpu_seconds", duration),
    ),
    (
        Column("Wall-clock", "Time of training on the submitter's hardware, mean over seeds.", "ascending"),
        _plain("wall_seconds", duration),
    ),
    (Column("Seeds", f"Training seeds; fewer than {FEW_SEEDS} are marked."), _few),
)


def board_table(
    rows: Sequence[tuple[Row, Place]],
    caption: str,
    listed: Listed,
    normalised: bool = False,
    unscored: Sequence[tuple[str, str, Place]] = (),
) -> Table:
    """A table of these rows, best first; those without a score come last. What no row has gets no column.

    Rows with equal anchors share a scale: a task's, or 0 and 1 of normalised scores.

    Args:
        normalised: 0 is random and 1 is optimal.
        unscored: label, status and place of what is listed without a row of its own, such as the refused.
    """
    marks_of = {(row.label, place): tuple(listed.anchors.get(row.label, ())) for row, place in rows}
    scales = {
        marks: interval_span(
            (
                v
                for row, place in rows
                if marks_of[row.label, place] == marks
                for v in (row.iqm, row.low, row.high)
            ),
            marks,
        )
        for marks in set(marks_of.values())
    }
    shown = [(column, cell) for column, cell in _COLUMNS if any(cell(row).key for row, _ in rows)]
    made = []
    for row, place in sorted(rows, key=lambda item: _rank(item[0])):
        marks = marks_of[row.label, place]
        interval = draw_interval(
            row.iqm, row.low, row.high, scales[marks], marks, share if normalised else number
        )
        cells = [cell(row) for _, cell in shown]
        iqm = Cell((share if normalised else number)(row.iqm), _key(row.iqm))
        made.append(_row(row.label, row.status, place, listed, iqm, cells, interval))
    for label, status, place in sorted(unscored, key=lambda item: item[0]):
        made.append(_row(label, status, place, listed, Cell(NO_NUMBER), [Cell(NO_NUMBER)] * len(shown)))
    meaning = "Interquartile mean with its 95 % interval (the mean, over seeds and subjects, where animals or patients are hidden)"
    meaning += "; 0 is a random agent, 1 an optimal one." if normalised else ", in the task's own units."
    return Table(caption, Column("IQM", meaning), [column for column, _ in shown], made)


def _row(
    label: str,
    status: str,
    place: Place,
    listed: Listed,
    iqm: Cell,
    cells: list[Cell],
    interval: Interval | None = None,
) -> TableRow:
    return TableRow(
        label=label,
        agent_type=listed.types.get(label, ""),
        page=listed.pages.get(label, ""),
        status=status_of(status),
        interval=interval,
        iqm=iqm,
        cells=cells,
        place=place,
        authors=list(listed.authors.get(label, ())),
    )


def joined(tables: Sequence[Table], caption: str) -> Table:
    """Tables of several tasks as one, which says of each row what it is about."""
    names = {column.name for table in tables for column in table.columns}
    columns = [column for column, _ in _COLUMNS if column.name in names]
    rows = []
    for table in tables:
        at = {column.name: k for k, column in enumerate(table.columns)}
        for row in table.rows:
            cells = [row.cells[at[c.name]] if c.name in at else Cell(NO_NUMBER) for c in columns]
            rows.append(replace(row, cells=cells))
    score = tables[0].score if tables else Column("IQM", "Interquartile mean")
    return Table(caption, score, columns, rows, placed=True)


def status_of(status: str) -> str:
    """One of `STATUSES`; whatever is none of them has not been verified."""
    return status if status in STATUSES else "claimed"


def _rank(row: Row) -> tuple[int, float, str]:
    """Verified first, refused and unscored last, then by score, then by name, so that equal boards give equal pages."""
    known = row.iqm is not None and math.isfinite(row.iqm)
    # What was only claimed never stands above what was verified.
    return (row.status != "verified") + (not known), -row.iqm if known else 0.0, row.label


def _key(value: float | None) -> str:
    return "" if value is None or not math.isfinite(value) else f"{value:.10g}"
