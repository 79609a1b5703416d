"""Small things that several commands share: KEY=VALUE options, tables, targets."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from ontogym.errors import OntogymError

__all__ = ["key_values", "print_table", "score_line"]

_PIPE_WIDTH = 160
"""Columns where the output is no terminal: a file or a pipe has room."""


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
    """A table on standard output, as wide as the terminal allows; cells are shown as they are, not as markup.

    The first column holds names to copy and is never broken. Empty column names leave out the heading.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, _PIPE_WIDTH)
    table = Table(
        box=SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        show_edge=False,
        show_header=any(columns),
    )
    for k, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=k == 0)
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    console.print(Text(title, style="bold"))
    console.print(table)


def score_line(summary: dict[str, Any]) -> str:
    """Mean and interval of a summary."""
    low, high = summary["ci95"]
    return f"{summary['mean']:.1f}  [{low:.1f}, {high:.1f}]"
