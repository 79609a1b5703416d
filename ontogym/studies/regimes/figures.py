"""The picture of an experiment: every seed as a dot, means with intervals, one panel a metric."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ontogym.figures.style import BLUE, GRID, INK, MUTED, VERMILLION, blank_figure, page_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["regimes_figure"]


def regimes_figure(result: Mapping[str, Any], panels: Mapping[str, str], title: str) -> Figure:
    """Conditions from top to bottom, one panel for each metric.

    Args:
        result: of `rank_sweep` or `curvature`.
        panels: metric to axis label, at most four.
        title: above the figure.
    """
    rows = result["conditions"]
    height = 1.25 + 0.3 * len(rows)
    with page_style():
        figure = blank_figure(2.1 + 2.5 * len(panels), height)
        left = 1.9 / (2.1 + 2.5 * len(panels))
        width = (0.985 - left) / len(panels)
        for k, (metric, label) in enumerate(panels.items()):
            axes = figure.add_axes((left + k * width, 0.62 / height, 0.9 * width, 1 - 1.12 / height))
            for place, row in enumerate(rows):
                summary = row[metric]
                values = np.array([v for v in summary["values"] if v is not None])
                if not len(values):
                    continue
                # Controls and shuffles stand back.
                control = row["name"].startswith("control") or row["name"].endswith(("shuffled", "scaled"))
                colour = VERMILLION if control else BLUE
                spread = np.linspace(-0.16, 0.16, len(values)) if len(values) > 1 else np.zeros(1)
                axes.plot(
                    values, place + spread, "o", color=colour, markersize=3, alpha=0.45, markeredgewidth=0
                )
                if summary["ci95"] is not None:
                    axes.plot(
                        summary["ci95"], [place, place], color=colour, linewidth=1.6, solid_capstyle="butt"
                    )
                axes.plot(summary["mean"], place, "|", color=colour, markersize=11, markeredgewidth=2.2)
            axes.set_ylim(len(rows) - 0.5, -0.5)
            axes.set_yticks(range(len(rows)), [row["title"] for row in rows] if k == 0 else [""] * len(rows))
            axes.tick_params(axis="y", length=0, labelcolor=INK)
            axes.grid(axis="x", color=GRID, linewidth=0.7)
            axes.set_axisbelow(True)
            axes.set_xlabel(label)
            axes.margins(x=0.08)
        figure.text(0.012, 1 - 0.24 / height, title, weight="bold", size=10, color=INK, va="center")
        figure.text(
            0.988, 1 - 0.24 / height, "dots: seeds; bar: mean, 95 % interval", size=8, color=MUTED, va="center", ha="right"
        )  # fmt: skip
    return figure
