"""The leaderboard as data: entries (one trained agent on one task) and rows (one label over its seeds).

What was not verified never touches a number of what was: a label with verified entries on a task is ranked by those
alone, one without comes after all that have some, and no claim counts for more than the optimum.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ontogym.leaderboard.admission import Record, copies_of, owners
from ontogym.leaderboard.entries import Entry, make_entry, suite_title
from ontogym.leaderboard.rows import Row, grouped, suite_row, task_row
from ontogym.leaderboard.suites import every_suite

__all__ = ["Board", "Entry", "Row", "make_board", "make_entry", "read_board", "suite_title"]


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


def make_board(entries: Iterable[Entry]) -> Board:
    """Rows for entries: per task, and per suite for labels that have run all of its tasks that anyone has."""
    every = sorted(entries, key=lambda e: (e.suite, e.task, e.label, e.seed, e.id))
    cells: dict[tuple[str, str], dict[str, list[Entry]]] = defaultdict(dict)
    for (suite, task, label), found in grouped(every).items():
        cells[suite, task][label] = found
    rows = [task_row(found) for labels in cells.values() for found in labels.values()]
    for suite in dict.fromkeys(suite for suite, _ in cells):
        tasks = {task: labels for (name, task), labels in cells.items() if name == suite}
        for label in sorted({label for labels in tasks.values() for label in labels}):
            # An aggregate over other tasks than the next agent's compares nothing.
            if all(label in labels for labels in tasks.values()):
                rows.append(suite_row(suite, label, {task: labels[label] for task, labels in tasks.items()}))
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
