"""The pictures of the report: Figs. 3, 4, 6, 7, 8 and 9 of Leong et al. (2024) anew."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ontogym.figures.style import (
    BLUE,
    GRID,
    INK,
    MUTED,
    VERMILLION,
    blank_figure,
    diverging_map,
    page_style,
)
from ontogym.studies.retina_report.config import SUBJECTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["contrast_figure", "fold_figure", "image_figure", "kernel_figure", "method_figure", "pair_figure"]

Part = dict[str, Any]
PAIRS = (("high", "average"), ("high", "actor"), ("actor", "average"))


def pair_figure(four: Sequence[Part]) -> Figure:
    """Fig. 3 (and 5): reliability of high resolution, actor and average, neuron by neuron, for each subject."""
    with page_style():
        figure = blank_figure(9.6, 3.4)
        grid = figure.add_gridspec(1, 3, left=0.07, right=0.99, top=0.88, bottom=0.17, wspace=0.25)
        for k, (subject, name) in enumerate(SUBJECTS.items()):
            axes = figure.add_subplot(grid[0, k])
            differences = [_difference(four, subject, a, b) for a, b in PAIRS]
            _boxes(axes, differences, [f"{a} -\n{b}" for a, b in PAIRS])
            axes.set_title(name, loc="left")
            axes.set_ylabel("difference in reliability" if k == 0 else "")
    return figure


def method_figure(four: Sequence[Part], values: str) -> Figure:
    """Figs. 4 and 7a: actor minus each learning-free method.

    Args:
        four: parts at 4-fold.
        values: a subject, for reliability; or "contrast", for local contrast.
    """
    table = four[0]["contrast"] if values == "contrast" else four[0]["reliability"][values]
    methods = [name for name in table if name not in ("high", "actor")]
    with page_style():
        # Names stand at 60 degrees; a character is about .06 inches long.
        below = 0.3 + 0.06 * max(len(name) for name in methods)
        figure = blank_figure(9.6, 2.35 + below)
        axes = figure.add_axes((0.08, below / (2.35 + below), 0.91, 2.2 / (2.35 + below)))
        if values == "contrast":
            shown = [
                _pooled(np.subtract(p["contrast"]["actor"], p["contrast"][m]) for p in four) for m in methods
            ]
            axes.set_ylabel("difference in local contrast")
        else:
            shown = [_difference(four, values, "actor", m) for m in methods]
            axes.set_ylabel("difference in reliability")
        _boxes(axes, shown, methods)
        axes.set_xticks(range(len(methods)), methods, rotation=60, ha="right", rotation_mode="anchor")
    return figure


def image_figure(images: dict[str, NDArray[Any]]) -> Figure:
    """Fig. 6a: a few scenes, one column for each way to show them; ``name: (n, side, side)``."""
    rows = len(next(iter(images.values())))
    titles = [textwrap.fill(name, 20) for name in images]  # as wide as a column
    above = 0.15 * (1 + max(title.count("\n") + 1 for title in titles))
    with page_style():
        figure = blank_figure(1.75 * len(images), 1.75 * rows + above)
        grid = figure.add_gridspec(rows, len(images), left=0.01, right=0.99, top=1 - above / (1.75 * rows + above),
                                   bottom=0.01, wspace=0.04, hspace=0.04)  # fmt: skip
        for column, (title, shown) in enumerate(zip(titles, images.values())):
            for row in range(rows):
                axes = figure.add_subplot(grid[row, column])
                axes.imshow(shown[row], cmap="gray", vmin=0, vmax=1, interpolation="nearest")
                axes.set_axis_off()
                if row == 0:
                    axes.set_title(title, size=9)
    return figure


def contrast_figure(four: Sequence[Part], summary: dict[str, Any]) -> Figure:
    """Fig. 7b and d: the contrast factor swept, and actor against average with the best one."""
    with page_style():
        figure = blank_figure(9.6, 3.3)
        grid = figure.add_gridspec(1, 3, left=0.08, right=0.99, top=0.88, bottom=0.18, wspace=0.3)
        for k, subject in enumerate(("twin", "ex-vivo")):
            axes, found = figure.add_subplot(grid[0, k]), summary["alpha"][subject]
            for curve in found["curves"]:
                axes.plot(found["alphas"], curve, color=BLUE, alpha=0.35, linewidth=1)
            mean = np.mean(found["curves"], axis=0)
            axes.plot(found["alphas"], mean, color=BLUE, linewidth=2)
            axes.plot(found["best"], mean.min(), "o", color=VERMILLION)
            axes.axhline(0, color=MUTED, linewidth=0.8)
            axes.axvline(1.5, color=MUTED, linewidth=0.8, linestyle=":")
            axes.set_title(SUBJECTS[subject], loc="left")
            axes.set_xlabel("contrast factor (dotted: the paper's best)")
            axes.set_ylabel("actor - corrected average" if k == 0 else "")
        axes = figure.add_subplot(grid[0, 2])
        best = summary["alpha"]["twin"]["alphas"].index(summary["alpha"]["twin"]["best"])
        corrected = _pooled(
            np.subtract(part["reliability"]["twin"]["actor"], part["alpha"]["twin"][best]) for part in four
        )
        label = f"actor -\nfactor {summary['alpha']['twin']['best']:g}"
        _boxes(axes, [_difference(four, "twin", "actor", "average"), corrected], ["actor -\naverage", label])
        axes.set_title("twin", loc="left")
    return figure


def kernel_figure(part: Part) -> Figure:
    """Fig. 8: the kernels of one actor, with profiles through the middle, and what they are together."""
    found = part["kernels"]
    shown = [np.asarray(k) for k in (*found["kernels"], found["together"])]
    titles = [*(f"kernel {k + 1}" for k in range(len(shown) - 1)), "together"]
    with page_style():
        figure = blank_figure(9.6, 3.0)
        grid = figure.add_gridspec(2, len(shown), left=0.01, right=0.93, top=0.86, bottom=0.11, hspace=0.08,
                                   wspace=0.08, height_ratios=(3, 2))  # fmt: skip
        for k, kernel in enumerate(shown):
            axes = figure.add_subplot(grid[0, k])
            most = float(np.abs(kernel).max()) or 1.0
            picture = axes.imshow(kernel / most, cmap=diverging_map(), vmin=-1, vmax=1)
            axes.set_axis_off()
            axes.set_title(f"{titles[k]}\nlargest {most:.2g}", size=8.5)
            profile, middle = figure.add_subplot(grid[1, k]), len(kernel) // 2
            profile.axhline(0, color=GRID, linewidth=0.8)
            profile.plot(kernel[middle], color=BLUE, linewidth=1)
            profile.plot(kernel[:, middle], color=VERMILLION, linewidth=1)
            profile.set_ylim(-1.1 * most, 1.1 * most)
            profile.set_axis_off()
        bar = figure.colorbar(picture, cax=figure.add_axes((0.945, 0.42, 0.012, 0.42)), ticks=(-1, 0, 1))
        bar.outline.set_visible(False)
        bar.set_label("weight / largest", size=7.5)
        for x, colour, name in ((0.01, BLUE, "through the middle, across"), (0.2, VERMILLION, "down")):
            figure.text(x, 0.04, f"\u2014 {name}", color=colour, size=8)
    return figure


def fold_figure(parts: Sequence[Part]) -> Figure:
    """Fig. 9: difference to high resolution of actor and average for each fold, for each subject."""
    folds = sorted({part["fold"] for part in parts})
    with page_style():
        figure = blank_figure(9.6, 3.4)
        grid = figure.add_gridspec(1, 3, left=0.07, right=0.99, top=0.88, bottom=0.15, wspace=0.25)
        for k, (subject, name) in enumerate(SUBJECTS.items()):
            axes = figure.add_subplot(grid[0, k])
            for shift, method, colour in ((-0.2, "actor", BLUE), (0.2, "average", VERMILLION)):
                values = [
                    _difference([p for p in parts if p["fold"] == fold], subject, method, "high")
                    for fold in folds
                ]
                _boxes(axes, values, [], np.arange(len(folds)) + shift, colour, 0.34)
                axes.plot([], [], color=colour, linewidth=4, label=method)
            axes.set_xticks(range(len(folds)), [f"{fold}" for fold in folds])
            axes.set_xlabel("fold")
            axes.set_title(name, loc="left")
            axes.set_ylabel("reliability - high resolution" if k == 0 else "")
            if k == 0:
                axes.legend(frameon=False, loc="lower left", fontsize=8)
    return figure


def _boxes(
    axes: Axes,
    values: Sequence[NDArray[np.float64]],
    labels: Sequence[str],
    places: NDArray[np.floating] | None = None,
    colour: str = BLUE,
    width: float = 0.55,
) -> None:
    """Median, quartiles, whiskers of 1.5 interquartile ranges, and what lies beyond, as in the paper."""
    at = np.arange(len(values)) if places is None else places
    line = {"color": colour, "linewidth": 1}
    axes.boxplot(
        list(values), positions=list(at), widths=width, manage_ticks=False, patch_artist=True,
        boxprops={"facecolor": "white", "edgecolor": colour}, medianprops={"color": colour, "linewidth": 2},
        whiskerprops=line, capprops=line, flierprops={"marker": ".", "markersize": 3, "markeredgecolor": MUTED},
    )  # fmt: skip
    axes.axhline(0, color=MUTED, linewidth=0.8, zorder=0)
    axes.grid(axis="y", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    if labels:
        axes.set_xticks(range(len(labels)), labels)
        axes.tick_params(axis="x", length=0, labelcolor=INK, labelsize=8)


def _difference(parts: Sequence[Part], subject: str, a: str, b: str) -> NDArray[np.float64]:
    """Differences of all neurons of all seeds."""
    return _pooled(np.subtract(p["reliability"][subject][a], p["reliability"][subject][b]) for p in parts)


def _pooled(groups: Any) -> NDArray[np.float64]:
    return np.concatenate([np.asarray(group, dtype=np.float64) for group in groups])
