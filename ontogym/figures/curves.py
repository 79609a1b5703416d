"""Learning curves: from rows of numbers to lines with names, whatever was learned and by whom.

A curve is made of rows ``(steps, score)`` or ``(steps, score, low, high)``. `points` cleans rows, `mean_curve` pools runs,
`curve_figure` draws with Matplotlib; `ontogym.figures.charts` draws the same curves as light SVG for pages that hold
hundreds of them.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError, UnknownNameError
from ontogym.figures.style import COLOURS, GRID, MUTED, blank_figure, page_style
from ontogym.statistics import mean_summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "LARGEST",
    "Curve",
    "curve_figure",
    "draw_curves",
    "learning_curve_figure",
    "mean_curve",
    "points",
    "read_progress",
    "training_figure",
]

LARGEST = 1e15
"""No score and no budget is larger; beyond, the arithmetic of an axis overflows."""
GRID_POINTS = 48
"""Points of a curve that is pooled from runs with more."""
X_AXES = {
    "env_steps": "environment steps",
    "wall_seconds": "seconds (wall clock)",
    "cpu_seconds": "seconds (processor)",
    "generation": "generation",
}
_TRAINING = {
    "validation_accuracy": "accuracy on validation images",
    "validation_loss": "loss on validation images",
}

Rows = Sequence[Sequence[Any]] | NDArray[np.floating]
"""``(steps, score)`` or ``(steps, score, low, high)`` each."""


class Curve(NamedTuple):
    """What to draw: x and y, and a band around it or none. All of one length."""

    label: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    low: NDArray[np.float64] | None = None
    high: NDArray[np.float64] | None = None


def points(rows: Rows) -> NDArray[np.float64]:
    """Rows as numbers in order of steps, ``(n, 2)`` or ``(n, 4)``; what is no row of finite numbers is left out.

    All rows have the width of the first good one. Of several at one step the last stands.
    """
    good: list[list[float]] = []
    for row in rows.tolist() if isinstance(rows, np.ndarray) else rows:
        if len(row) not in (2, 4) or (good and len(row) != len(good[0])):
            continue
        if all(isinstance(v, (int, float)) and abs(v) < LARGEST for v in row):
            good.append([float(v) for v in row])
    if not good:
        return np.zeros((0, 2))
    found = np.array(good)
    found = found[np.argsort(found[:, 0], kind="stable")]
    return found[np.append(np.diff(found[:, 0]) > 0, True)]


def mean_curve(label: str, runs: Sequence[Rows]) -> Curve | None:
    """Mean over runs, with the range of the runs as band; one run keeps the band that its rows bring.

    Runs are read at shared numbers of steps, between their points in straight lines, and only where all of them have
    been: a mean over fewer at the ends would bend where a run stops, not where an agent learns.

    Returns:
        None where no run has a point, or where they have no steps in common.
    """
    clean = [found for rows in runs if len(found := points(rows))]
    if len(clean) == 1:
        return Curve(label, *clean[0].T)
    if not clean:
        return None
    first, last = max(c[0, 0] for c in clean), min(c[-1, 0] for c in clean)
    if last < first:
        return None
    own = np.unique(np.concatenate([c[:, 0] for c in clean]))
    x = own[(own >= first) & (own <= last)]
    if len(x) > GRID_POINTS:
        x = np.linspace(first, last, GRID_POINTS)
    values = np.stack([np.interp(x, c[:, 0], c[:, 1]) for c in clean])
    return Curve(label, x, values.mean(0), values.min(0), values.max(0))


def draw_curves(
    axes: Axes,
    groups: Mapping[str, Sequence[Rows]],
    marks: Mapping[str, float] | None = None,
    interval: bool = False,
) -> None:
    """One colour a group: its mean bold, its runs thin; names at the right margin.

    Args:
        axes: with room to its right.
        groups: name to the rows of its runs, seeds of one setting.
        marks: name to height of dashed lines, such as ``{"random": 22.4, "target": 475}``.
        interval: behind each mean of several runs, its 95 % interval over runs (Student's t) in place of the runs.
    """
    ends = []
    for k, (name, runs) in enumerate(groups.items()):
        colour, dashes = COLOURS[k % len(COLOURS)], "-" if k < len(COLOURS) else (0, (5, 1.5))
        clean = [found for rows in runs if len(found := points(rows))]
        mean = mean_curve(name, runs)
        if interval and len(clean) > 1 and mean is not None:
            mean = _with_interval(mean, clean)
        for run in clean if len(clean) > 1 and not interval else ():
            axes.plot(run[:, 0], run[:, 1], color=colour, linewidth=0.9, linestyle=dashes, alpha=0.45)
        if mean is None:  # runs without common steps
            ends += [(float(run[-1, 1]), name, colour) for run in clean[:1]]
            continue
        axes.plot(mean.x, mean.y, color=colour, linewidth=2.2 if len(clean) > 1 else 1.9, linestyle=dashes,
                  marker="o" if len(mean.x) == 1 else None)  # fmt: skip
        if (len(clean) == 1 or interval) and mean.low is not None and mean.high is not None:
            axes.fill_between(mean.x, mean.low, mean.high, color=colour, alpha=0.15, linewidth=0)
        ends.append((float(mean.y[-1]), f"{name} ({len(clean)} runs)" if len(clean) > 1 else name, colour))
    for height in (marks or {}).values():
        axes.axhline(height, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
    axes.margins(y=0.06)
    axes.grid(axis="y", color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    _name_at_margin(axes, [*ends, *((height, name, MUTED) for name, height in (marks or {}).items())])


def _with_interval(mean: Curve, runs: Sequence[NDArray[np.float64]]) -> Curve:
    """The mean of several runs with its 95 % interval at each of its points."""
    values = np.stack([np.interp(mean.x, run[:, 0], run[:, 1]) for run in runs])
    ends = np.array([mean_summary(column)["ci95"] for column in values.T.tolist()])
    return mean._replace(low=ends[:, 0], high=ends[:, 1])


def _name_at_margin(axes: Axes, names: list[tuple[float, str, str]]) -> None:
    """Names at their heights right of the axes, moved apart where they would overlap."""
    low, high = axes.get_ylim()
    gap = (high - low) * 0.05
    at = np.array([height for height, _, _ in sorted(names)])
    for _ in range(200):
        close = np.diff(at) < gap
        if not close.any():
            break
        push = np.where(close, gap - np.diff(at), 0.0) / 2 + 1e-9 * close
        at[:-1] -= push
        at[1:] += push
    for y, (_, name, colour) in zip(at, sorted(names)):
        axes.annotate(name, (1.0, y), (6, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
                      va="center", size=8.5, color=colour, annotation_clip=False)  # fmt: skip


def curve_figure(
    groups: Mapping[str, Sequence[Rows]],
    x_name: str,
    y_name: str,
    marks: Mapping[str, float] | None = None,
    title: str = "",
    interval: bool = False,
) -> Figure:
    """`draw_curves` on a page of its own, as wide as its names need.

    Raises:
        OntogymError: no run has a point.
    """
    if not any(len(points(rows)) for runs in groups.values() for rows in runs):
        raise OntogymError("There is nothing to draw; pass at least one run with a finite score.")
    with page_style():
        # A character of a name is about .068 inches wide.
        longest = max(len(name) for name in [*groups, *(marks or {})]) + 9 * any(
            len(r) > 1 for r in groups.values()
        )
        margin = min(3.0, 0.25 + 0.068 * longest)
        width = 6.0 + margin
        figure = blank_figure(width, 4.2)
        axes = figure.add_axes((0.72 / width, 0.13, (width - 0.72 - margin) / width, 0.75))
        draw_curves(axes, groups, marks, interval)
        axes.set(xlabel=x_name, ylabel=y_name)
        axes.set_xlim(left=0)
        axes.ticklabel_format(axis="x", style="sci", scilimits=(-2, 5), useMathText=True)
        axes.locator_params(axis="x", integer=True)
        axes.set_title(title)
    return figure


def learning_curve_figure(
    progress_csvs: Sequence[Path | str],
    labels: Sequence[str] | None = None,
    x: str = "env_steps",
    lines: Mapping[str, float] | None = None,
    title: str = "",
    score: str = "mean return of the search mean, re-evaluated",
) -> Figure:
    """Re-evaluated score over time, from the ``progress.csv`` of runs.

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
    groups: dict[str, list[Rows]] = {}
    for path, name in zip(paths, names):
        groups.setdefault(name, []).append(np.stack(read_progress(path, x), 1))
    return curve_figure(groups, X_AXES[x], score, lines, title)


def training_figure(
    runs: Mapping[str, Sequence[Sequence[Mapping[str, Any]]]],
    title: str = "",
    chance: float | None = None,
    y: str | None = None,
) -> Figure:
    """Accuracy, or loss, of training runs from the epoch before the first on.

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
    groups: dict[str, list[Rows]] = {
        name: [[(row["epoch"], row[y]) for row in history] for history in group]
        for name, group in runs.items()
    }
    guess = chance is not None and y == "validation_accuracy"
    marks = {f"chance ({chance:.3g})": float(chance)} if guess and chance is not None else {}
    return curve_figure(groups, "epoch", _TRAINING.get(y, y.replace("_", " ")), marks, title)


def read_progress(path: Path | str, x: str = "env_steps") -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Columns `x` and ``score`` of a run's ``progress.csv``, where there is a score; each ``(n,)``.

    Raises:
        OntogymError: no such file, a column is missing, a cell is no number, or nothing was scored yet.
    """
    path = Path(path)
    try:
        with path.open(newline="", encoding="utf-8") as file:
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
