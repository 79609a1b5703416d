"""Figures that compare runs: learning curves, and scores with their intervals."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError, UnknownNameError
from ontogym.figures.style import BLUE, COLOURS, GRID, INK, MUTED, blank_figure, page_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Score", "comparison_figure", "learning_curve_figure", "read_progress"]

X_AXES = {
    "env_steps": "environment steps",
    "wall_seconds": "seconds (wall clock)",
    "cpu_seconds": "seconds (processor)",
    "generation": "generation",
}


class Score(NamedTuple):
    """One agent's bar: its mean return and the ends of its 95 % interval."""

    name: str
    mean: float
    low: float
    high: float


def read_progress(path: Path | str, x: str = "env_steps") -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Columns `x` and ``score`` of a run's ``progress.csv``, where there is a score; each ``(n,)``.

    Raises:
        OntogymError: no such file, a column is missing, a cell is no number, or nothing was scored yet.
    """
    path = Path(path)
    try:
        with path.open(newline="") as file:
            reader = csv.DictReader(file)
            columns, rows = reader.fieldnames or [], list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise OntogymError(f"Cannot read {path} ({error}); pass the progress.csv of a run.") from error
    for column in (x, "score"):
        if column not in columns:
            raise UnknownNameError(f"column of {path}", column, columns)
    try:
        points = [(float(row[x]), float(row["score"])) for row in rows if row["score"] not in ("", None)]
    except (ValueError, TypeError) as error:
        raise OntogymError(f"{path} holds a cell that is no number ({error}); is it truncated?") from error
    if not points:
        raise OntogymError(f"{path} holds no re-evaluated score yet; let the run reach its first evaluation.")
    values = np.array(points)
    return values[:, 0], values[:, 1]


def learning_curve_figure(
    progress_csvs: Sequence[Path | str],
    labels: Sequence[str] | None = None,
    x: str = "env_steps",
    lines: Mapping[str, float] | None = None,
    title: str = "",
    score: str = "mean return of the search mean, re-evaluated",
) -> Figure:
    """Re-evaluated score over time, one thin line a run; runs of one label share a colour and a bold median.

    Args:
        progress_csvs: one file a run.
        labels: one a run; equal labels are seeds of one setting. Default: the name of the run's folder.
        x: "env_steps", "wall_seconds", "cpu_seconds" or "generation".
        lines: name to height of dashed lines, such as ``{"random": 22.4, "target": 475}``.
        title: above the figure.
        score: what the y axis is called.

    Raises:
        OntogymError: see `read_progress`; no file, or another number of labels than of files.
    """
    if x not in X_AXES:
        raise UnknownNameError("x axis", x, X_AXES)
    paths = [Path(path) for path in progress_csvs]
    names = list(labels) if labels is not None else [path.resolve().parent.name for path in paths]
    if not paths or len(names) != len(paths):
        raise OntogymError(
            f"{len(paths)} files with {len(names)} labels; pass at least one file, a label each."
        )
    groups: dict[str, list[tuple[NDArray[np.float64], NDArray[np.float64]]]] = {}
    for path, name in zip(paths, names):
        groups.setdefault(name, []).append(read_progress(path, x))
    with page_style():
        figure = blank_figure(7.2, 4.2)
        axes = figure.add_axes((0.1, 0.13, 0.72, 0.75))
        ends = []
        for k, (name, runs) in enumerate(groups.items()):
            colour = COLOURS[k % len(COLOURS)]
            dashes = "-" if k < len(COLOURS) else (0, (5, 1.5))
            for time, value in runs:
                alone = len(runs) == 1
                axes.plot(time, value, color=colour, linewidth=1.9 if alone else 0.9, linestyle=dashes,
                          alpha=1.0 if alone else 0.45, marker="o" if len(time) == 1 else None)  # fmt: skip
            if len(runs) > 1:
                time, value = _median(runs)
                axes.plot(time, value, color=colour, linewidth=2.2, linestyle=dashes)
            last = float(np.median([value[-1] for _, value in runs]))
            ends.append((last, f"{name} ({len(runs)} runs)" if len(runs) > 1 else name, colour))
        _reference_lines(axes, lines or {}, ends)
        axes.set(xlabel=X_AXES[x], ylabel=score)
        axes.set_xlim(left=0)
        axes.margins(y=0.06)
        axes.grid(axis="y", color=GRID, linewidth=0.7)
        axes.ticklabel_format(axis="x", style="sci", scilimits=(-2, 5), useMathText=True)
        axes.set_title(title)
    return figure


def _median(
    runs: list[tuple[NDArray[np.float64], NDArray[np.float64]]],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Median over runs at every time that any of them was scored; a run that stopped keeps its last score.

    It begins where all have a score: a median over fewer would jump when a run joins.
    """
    times = np.unique(np.concatenate([time for time, _ in runs]))
    times = times[times >= max(time[0] for time, _ in runs)]
    return times, np.median([np.interp(times, time, value) for time, value in runs], axis=0)


def _reference_lines(axes: Axes, lines: Mapping[str, float], ends: list[tuple[float, str, str]]) -> None:
    """Dashed lines, and all names at the right margin, moved apart where they would overlap."""
    for height in lines.values():
        axes.axhline(height, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
    marks = sorted([*ends, *((height, name, MUTED) for name, height in lines.items())])
    axes.margins(y=0.06)
    low, high = axes.get_ylim()
    gap = (high - low) * 0.05
    at = np.array([height for height, _, _ in marks])
    for _ in range(200):
        close = np.diff(at) < gap
        if not close.any():
            break
        push = np.where(close, gap - np.diff(at), 0.0) / 2 + 1e-9 * close
        at[:-1] -= push
        at[1:] += push
    for y, (_, name, colour) in zip(at, marks):
        axes.annotate(name, (1.0, y), (6, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
                      va="center", size=8.5, color=colour, annotation_clip=False)  # fmt: skip


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
    means = np.array([item.mean for item in scores])
    base = 0.0 if random is None else random
    with page_style():
        figure = blank_figure(7.2, 1.15 + 0.42 * len(scores))
        height = figure.get_figheight()
        axes = figure.add_axes((0.22, 0.55 / height, 0.7, 1 - 1.1 / height))
        rows = np.arange(len(scores))
        axes.barh(rows, means - base, left=base, height=0.58, color=BLUE, alpha=0.85, zorder=2)
        spread = np.array([[s.mean - s.low for s in scores], [s.high - s.mean for s in scores]])
        axes.errorbar(means, rows, xerr=spread, fmt="none", ecolor=INK, elinewidth=1.3, capsize=3, zorder=3)
        ends = [s.high for s in scores] + [s.low for s in scores]
        known = [value for value in (random, optimal) if value is not None]
        low, high = min([base, *ends, *known]), max([base, *ends, *known])
        axes.set_xlim(low - 0.02 * (high - low), high + 0.12 * (high - low or 1.0))
        for k, item in enumerate(scores):
            axes.annotate(f"{item.mean:.4g}", (max(item.high, base), k), (5, 0), textcoords="offset points",
                          va="center", size=8.5, color=INK, zorder=4,
                          bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8})  # fmt: skip
        for name, value in (("random", random), ("optimal", optimal)):
            if value is not None:
                axes.axvline(value, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
                axes.text(value, 1.01, f"{name} {value:.4g}", transform=axes.get_xaxis_transform(), size=8,
                          color=MUTED, ha="center", va="bottom")  # fmt: skip
        axes.set_yticks(rows, [item.name for item in scores], color=INK, size=9)
        axes.invert_yaxis()
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x", color=GRID, linewidth=0.7, zorder=0)
        axes.set_xlabel(score)
        figure.text(0.02, 1 - 0.25 / height, title, size=10, weight="bold", va="center")
    return figure
