"""Small things that several commands share: KEY=VALUE options, tables, targets."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from ontogym.errors import OntogymError

__all__ = ["key_values", "print_table", "score_line"]


def key_values(pairs: Iterable[str], flag: str) -> dict[str, Any]:
    """``KEY=VALUE`` words as a dict; a value that is JSON is read as such, anything else is text.

    Raises:
        OntogymError: a word without an equals sign.
    """
    found = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not (key and equals):
            raise OntogymError(f"{flag} takes KEY=VALUE, not {pair!r}; write for example size=7.")
        try:
            found[key.replace("-", "_")] = json.loads(value)
        except json.JSONDecodeError:
            found[key.replace("-", "_")] = {"True": True, "False": False, "None": None}.get(value, value)
    return found


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table on standard output, as wide as the terminal allows."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    Console().print(table)


def score_line(summary: dict[str, Any]) -> str:
    """Mean and interval of a summary."""
    low, high = summary["ci95"]
    return f"{summary['mean']:.1f}  [{low:.1f}, {high:.1f}]"
