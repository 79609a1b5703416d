"""Performance profiles: how many runs score more than any score one may ask for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from ontogym.errors import OntogymError
from ontogym.figures.style import COLOURS, GRID, blank_figure, page_style
from ontogym.statistics import performance_profile

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["profiles_figure"]


def profiles_figure(methods: Mapping[str, Mapping[str, ArrayLike]], title: str = "") -> Figure:
    """The share of runs above each score, with 95 % intervals (Agarwal et al. 2021, Fig. 4).

    Args:
        methods: method to task to scores of its runs ``(n,)``, on a scale from 0, random, to 1, best.
        title: above the figure.

    Raises:
        OntogymError: no method, or scores that are not finite.
    """
    if not methods:
        raise OntogymError("There is nothing to draw; pass at least one method with scores.")
    every = np.concatenate([np.ravel(runs) for tasks in methods.values() for runs in tasks.values()])
    levels = np.linspace(min(0.0, every.min()), max(1.0, every.max()), 101)
    with page_style():
        figure = blank_figure(6.4, 4.2)
        axes = figure.subplots()
        for k, (method, tasks) in enumerate(methods.items()):
            share, low, high = np.transpose(performance_profile(tasks, levels))
            colour, dashes = COLOURS[k % len(COLOURS)], "-" if k < len(COLOURS) else "--"
            axes.step(levels, share, dashes, where="post", label=method, linewidth=2, color=colour)
            axes.fill_between(levels, low, high, step="post", color=colour, alpha=0.15, linewidth=0)
        axes.set(xlim=(levels[0], levels[-1]), ylim=(0, 1.02), title=title)
        axes.set(xlabel="score on the scale of its task: 0 random, 1 best")
        axes.set(ylabel="share of runs above it, mean over tasks")
        axes.grid(axis="y", color=GRID, linewidth=0.7)
        axes.legend(frameon=False, loc="lower left", fontsize=8.5)
        figure.subplots_adjust(left=0.11, right=0.97, top=0.9, bottom=0.13)
    return figure
