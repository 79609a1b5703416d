"""The picture of an inferred rule: what choices change, with and without reward, beside the truth if it is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ontogym.figures.style import BLUE, GRID, INK, MUTED, VERMILLION, blank_figure, page_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["inference_figure"]

COLOURS = {"correct": BLUE, "error": VERMILLION}
WORDS = {"correct": "rewarded", "error": "not rewarded"}
TITLES = {"dnn": "DNN (sees the trial)", "gru": "GRU (remembers trials)"}
WIDTH, HEIGHT = 3.3, 2.3


def inference_figure(result: Mapping[str, Any], title: str) -> Figure:
    """A column a model; on top the updates along the data, below g itself.

    Top: change of the drive towards the choice, over ``1 + x^2``, by the decision variable for that choice. Bottom:
    change of the stimulus weight by that weight, at stimulus 1 and bias 0 (GRU: at rest). Dashed: the truth.

    Args:
        result: of `infer_rule`.
        title: above the figure.
    """
    models, truth = result["models"], result.get("truth")
    width, height = 0.75 + WIDTH * len(models), 2 * HEIGHT + 1.5
    rows = [
        ("curve", "drive", "update", "decision variable for the choice made", "update towards the choice"),
        ("weight_curve", "weight", None, "stimulus weight", "change of that weight"),
    ]
    with page_style():
        figure = blank_figure(width, height)
        for row, (key, across, up, xlabel, ylabel) in enumerate(rows):
            first: Axes | None = None
            for column, (kind, model) in enumerate(models.items()):
                left = (0.78 + column * WIDTH) / width
                bottom = (0.55 + (1 - row) * (HEIGHT + 0.45)) / height
                axes = figure.add_axes(
                    (left, bottom, (WIDTH - 0.35) / width, (HEIGHT - 0.35) / height), sharey=first
                )
                first = first or axes
                for source, dashed in ((model, False), *([(truth, True)] if truth is not None else [])):
                    _lines(axes, source[key], across, up, dashed)
                axes.axhline(0, color=GRID, linewidth=0.8, zorder=0)
                axes.set_xlabel(xlabel)
                if column == 0:
                    axes.set_ylabel(ylabel)
                else:
                    axes.tick_params(labelleft=False)
                if row == 0:
                    axes.set_title(TITLES[kind])
                if row == column == 0:
                    axes.legend(loc="best")
        figure.text(0.012, 1 - 0.24 / height, title, weight="bold", size=10, color=INK, va="center")
        if truth is not None:
            note = "solid: inferred, dashed: true"
            figure.text(0.988, 1 - 0.24 / height, note, size=8, color=MUTED, va="center", ha="right")
    return figure


def _lines(axes: Axes, curve: Mapping[str, Any], across: str, up: str | None, dashed: bool) -> None:
    """The two outcomes; `up` is the key of their heights, None where they lie side by side."""
    for outcome, colour in COLOURS.items():
        x, y = (curve[across], curve[outcome]) if up is None else (curve[outcome][across], curve[outcome][up])
        look: dict[str, Any] = {"linewidth": 1.8, "label": WORDS[outcome]}
        if dashed:
            look = {"linewidth": 1.2, "linestyle": "--", "alpha": 0.75}
        axes.plot(x, y, color=colour, **look)
