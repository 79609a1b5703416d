"""Figures of training runs: accuracy, or loss, from the epoch before the first on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ontogym.errors import OntogymError
from ontogym.figures.style import COLOURS, GRID, blank_figure, page_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["training_figure"]

_NAMES = {
    "validation_accuracy": "accuracy on validation images",
    "validation_loss": "loss on validation images",
}


def training_figure(
    runs: Mapping[str, Sequence[Sequence[Mapping[str, Any]]]],
    title: str = "",
    chance: float | None = None,
    y: str | None = None,
) -> Figure:
    """One line a run; runs of one name share a colour and have their mean drawn bold.

    Args:
        runs: name to the histories of its runs (see ``TrainingResult.history``), seeds of one setting.
        title: above the figure.
        chance: accuracy of guessing, as a dashed line.
        y: the column; ``validation_accuracy`` if the runs have it, else ``validation_loss``.

    Raises:
        OntogymError: no run, or one without that column.
    """
    histories = [history for group in runs.values() for history in group]
    if not histories:
        raise OntogymError("There is nothing to draw; pass at least one run.")
    if y is None:
        scored = all(history[0].get("validation_accuracy") is not None for history in histories)
        y = "validation_accuracy" if scored else "validation_loss"
    if any(row.get(y) is None for history in histories for row in history):
        raise OntogymError(f"A run has no {y}; draw another column, or train with validation images.")
    with page_style():
        figure = blank_figure(6.4, 4.0)
        axes = figure.add_axes((0.12, 0.13, 0.83, 0.76))
        for k, (name, group) in enumerate(runs.items()):
            colour = COLOURS[k % len(COLOURS)]
            curves = [([row["epoch"] for row in history], [row[y] for row in history]) for history in group]
            label = f"{name} ({len(group)} seeds)" if len(group) > 1 else name
            for epochs, values in curves:
                alone = len(group) == 1
                axes.plot(epochs, values, color=colour, linewidth=1.9 if alone else 0.8,
                          alpha=1.0 if alone else 0.45, label=label if alone else None)  # fmt: skip
            if len(group) > 1:
                shortest = min(len(epochs) for epochs, _ in curves)
                mean = np.mean([values[:shortest] for _, values in curves], 0)
                axes.plot(curves[0][0][:shortest], mean, color=colour, linewidth=2.2, label=label)
        if chance is not None and y == "validation_accuracy":
            axes.axhline(
                chance, color="0.5", linewidth=1.0, linestyle=(0, (4, 3)), label=f"chance ({chance:.3g})"
            )
        axes.set(xlabel="epoch", ylabel=_NAMES.get(y, y.replace("_", " ")))
        axes.set_title(title)
        axes.grid(axis="y", color=GRID, linewidth=0.7)
        axes.locator_params(axis="x", integer=True)
        axes.legend(frameon=False, fontsize=8)
    return figure
