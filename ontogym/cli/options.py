"""Small things that several commands share: KEY=VALUE options, tables, feature extractors."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ontogym.errors import OntogymError
from ontogym.registry import key_values

FEATURES = "features"
"""As in `ontogym.developmental.feature_extractors.base`, which would import Gymnasium."""

__all__ = ["Features", "as_json", "key_values", "listed", "print_table", "quoted", "score_line"]

_PIPE_WIDTH = 160
"""Columns where the output is no terminal: a file or a pipe has room."""


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


def quoted(path: object) -> str:
    """A path as it stands in a command that is to be pasted."""
    return shlex.quote(str(path))


def listed(values: Iterable[float]) -> str:
    """Returns side by side, to as many places as the largest of them has room for: 487.3, 8.71, 0.937."""
    kept = list(values)
    most = max((abs(value) for value in kept if math.isfinite(value)), default=0.0)
    places = 1 if most >= 10 else 2 if most >= 1 else 3
    return ", ".join(f"{value:.{places}f}" for value in kept)


def score_line(summary: dict[str, Any]) -> str:
    """Mean and interval of a summary."""
    mean, low, high = listed((summary["mean"], *summary["ci95"])).split(", ")
    return f"{mean}  [{low}, {high}]"


def broken_network(summary: dict[str, Any]) -> list[str]:
    """A sentence, where the network's own numbers were not finite."""
    lost = int(summary["diagnostics"].get("not_finite", 0))
    said = f"In {lost} of {summary['lives']} lives the network's own numbers were not finite, so that its actions are no decisions: "
    return [f"{said}look at its rule (ontogym rules check NAME)."] if lost else []


@dataclass(frozen=True)
class Features:
    """Through what an agent sees its world.

    Attributes:
        features: a feature extractor before the agent, for pictures, words and wide observations: flatten, select,
            random-projection, waves, fractals, untrained, network (ontogym agents lists them), or "module:Class".
        features_options: its options, such as size=16.
    """

    features: str | None = None
    features_options: dict[str, Any] = field(default_factory=dict)

    def added_to(self, env_kwargs: dict[str, Any]) -> dict[str, Any]:
        """The arguments of an environment, with the choice among them if one was made.

        Raises:
            OntogymError: options of no extractor.
        """
        if self.features is None:
            if self.features_options:
                raise OntogymError("--features-options are those of an extractor; name it with --features.")
            return env_kwargs
        options = self.features_options
        return {**env_kwargs, FEATURES: {"name": self.features, **options} if options else self.features}


def as_json(found: Mapping[str, Any]) -> str:
    """What ``--json`` prints of a command's result: one line."""
    return json.dumps(_finite(found), allow_nan=False, default=_plain)


def _finite(value: Any) -> Any:
    """The same with null in place of NaN and infinities, which JSON has no word for."""
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plain(value: Any) -> Any:
    """NumPy numbers as numbers, anything else as text."""
    return _finite(value.item()) if hasattr(value, "item") else str(value)
