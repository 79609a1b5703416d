"""Agents compared: scores with their intervals, as bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ontogym.errors import OntogymError
from ontogym.figures.style import BLUE, GRID, INK, MUTED, blank_figure, page_style
from ontogym.figures.words import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Score", "comparison_figure"]


class Score(NamedTuple):
    """One agent's bar: its mean return and the ends of its 95 % interval."""

    name: str
    mean: float
    low: float
    high: float


def comparison_figure(
    scores: Sequence[Score],
    random: float | None = None,
    optimal: float | None = None,
    title: str = "",
    score: str = "mean return, with 95 % interval",
) -> Figure:
    """Agents as horizontal bars that begin at the random agent's return, with their intervals.

    Args:
        scores: one an agent, drawn from top to bottom.
        random, optimal: returns of the random and of the best possible agent, as dashed lines.
        title: above the figure.
        score: what the x axis is called.

    Raises:
        OntogymError: no scores, or numbers that are not finite or not ordered low <= mean <= high.
    """
    if not scores:
        raise OntogymError("There is nothing to compare; pass at least one score.")
    for item in scores:
        if not (np.isfinite(item[1:]).all() and item.low <= item.mean <= item.high):
            raise OntogymError(
                f"The score of {item.name!r} is {item.mean} in [{item.low}, {item.high}]; give finite numbers "
                "with low <= mean <= high."
            )
    with page_style():
        # A character of a name is about .075 inches wide.
        left, height = 0.3 + 0.075 * max(len(item.name) for item in scores), 1.15 + 0.42 * len(scores)
        figure = blank_figure(left + 6.0, height)
        axes = figure.add_axes((left / (left + 6.0), 0.55 / height, 5.5 / (left + 6.0), 1 - 1.1 / height))
        _bars(axes, scores, 0.0 if random is None else random)
        known = {"random": random, "optimal": optimal}
        _anchors(axes, scores, {name: value for name, value in known.items() if value is not None})
        axes.set_xlabel(score)
        figure.text(0.02, 1 - 0.25 / height, title, size=10, weight="bold", va="center")
    return figure


def _bars(axes: Axes, scores: Sequence[Score], base: float) -> None:
    """A bar from `base` for each, with its interval and its number."""
    means, rows = np.array([item.mean for item in scores]), np.arange(len(scores))
    axes.barh(rows, means - base, left=base, height=0.58, color=BLUE, alpha=0.85, zorder=2)
    spread = np.array([[s.mean - s.low for s in scores], [s.high - s.mean for s in scores]])
    axes.errorbar(means, rows, xerr=spread, fmt="none", ecolor=INK, elinewidth=1.3, capsize=3, zorder=3)
    for k, item in enumerate(scores):
        axes.annotate(number(item.mean), (max(item.high, base), k), (5, 0), textcoords="offset points",
                      va="center", size=8.5, color=INK, zorder=4,
                      bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8})  # fmt: skip
    axes.set_yticks(rows, [item.name for item in scores], color=INK, size=9)
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=GRID, linewidth=0.7, zorder=0)


def _anchors(axes: Axes, scores: Sequence[Score], known: Mapping[str, float]) -> None:
    """Dashed lines at what is known, and limits that hold everything."""
    held = [value for s in scores for value in (s.low, s.high)] + [*known.values()]
    low, high = min([*held, known.get("random", 0.0)]), max(held)
    axes.set_xlim(low - 0.02 * (high - low), high + 0.12 * (high - low or 1.0))
    for name, value in known.items():
        axes.axvline(value, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
        axes.text(value, 1.01, f"{name} {number(value)}", transform=axes.get_xaxis_transform(), size=8,
                  color=MUTED, ha="center", va="bottom")  # fmt: skip
