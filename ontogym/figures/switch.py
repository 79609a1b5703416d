"""The figure of many lives with a change of the rules: what changed in their networks, and what it was good for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ontogym.baselines.lives.networks import Changed
from ontogym.errors import OntogymError
from ontogym.figures.comparison import Score
from ontogym.figures.style import BLUE, GREEN, GRID, INK, MUTED, ORANGE, PURPLE, blank_figure, page_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Side", "switch_figure"]

_COLOURS = {"turned": ORANGE, "went": PURPLE, "came": GREEN}


class Side(NamedTuple):
    """One agent.

    Attributes:
        name: its heading.
        changes: between which moments, in words, to what changed in its lives' networks there.
        scores: returns after the change, as it lives and with something held still.
    """

    name: str
    changes: Mapping[str, Changed]
    scores: Sequence[Score]


def switch_figure(
    sides: Sequence[Side], title: str = "", score: str = "return of an episode after the flip"
) -> Figure:
    """Agents side by side, 4.8 inches each: above, the shares of conducting edges that turned their sign, went and came (of
    those that conducted before or after, mean over lives); below, what it earned, free and held still.

    Raises:
        OntogymError: no agent, or one without changes or scores.
    """
    if not sides or any(not side.changes or not side.scores for side in sides):
        raise OntogymError("There is nothing to draw; give every agent its changes and its scores.")
    with page_style():
        width = 4.8 * len(sides)
        figure = blank_figure(width, 4.6)
        figure.text(0.02, 0.965, title, size=11, weight="bold", va="center")
        grid = figure.add_gridspec(
            2, len(sides), left=1.25 / width, right=1 - 0.35 / width, top=0.83, bottom=0.12, hspace=0.75,
            wspace=0.55, height_ratios=[max(len(s.changes) for s in sides), max(len(s.scores) for s in sides)],
        )  # fmt: skip
        shared = max(score.high for side in sides for score in side.scores)
        for column, side in enumerate(sides):
            _changes(figure.add_subplot(grid[0, column]), side)
            axes = figure.add_subplot(grid[1, column])
            _scores(axes, side.scores, shared)
            axes.set_xlabel(score)
    return figure


def _changes(axes: Axes, side: Side) -> None:
    """A row of stacked bars for each pair of moments."""
    for row, found in enumerate(side.changes.values()):
        every = np.maximum(sum(found), 1)
        left = 0.0
        for name, colour in _COLOURS.items():
            share = float((getattr(found, name) / every).mean())
            axes.barh(row, share, left=left, height=0.55, color=colour, zorder=2)
            left += share
        many = float(np.mean(found.stayed + found.turned + found.went))
        axes.text(left + 0.02, row, f"of {many:.0f} edges", va="center", size=8, color=MUTED)
    axes.set_yticks(range(len(side.changes)), list(side.changes), color=INK, size=8.5)
    axes.set_xlim(0, 1.18)
    axes.set_xticks([0, 0.5, 1], ["0", "50 %", "100 %"])
    axes.set_title(side.name, loc="left", color=INK, pad=18)
    for k, (name, colour) in enumerate(_COLOURS.items()):
        axes.text(0.24 * k, 1.06, name, transform=axes.transAxes, color=colour, size=8.5)
    _plain(axes)


def _scores(axes: Axes, scores: Sequence[Score], shared: float) -> None:
    """A bar for each way of living, with its interval."""
    for row, item in enumerate(scores):
        axes.barh(row, item.mean, height=0.55, color=BLUE if row == 0 else MUTED, alpha=0.85, zorder=2)
        axes.plot([item.low, item.high], [row, row], color=INK, linewidth=1.3, zorder=3)
        axes.text(item.high + 0.02 * shared, row, f"{item.mean:.0f}", va="center", size=8.5, color=INK)
    axes.set_yticks(range(len(scores)), [item.name for item in scores], color=INK, size=8.5)
    axes.set_xlim(0, 1.12 * shared)
    _plain(axes)


def _plain(axes: Axes) -> None:
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=GRID, linewidth=0.7, zorder=0)
