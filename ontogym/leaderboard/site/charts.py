"""Drawings as coordinates: intervals in table cells, learning curves, returns through a life.

Nothing here is markup. Templates turn these into SVG, so that every text in a drawing is escaped where all
others are, and colours come from the page's stylesheet, light or dark.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

from ontogym.figures.words import budget, number

__all__ = [
    "Chart",
    "Interval",
    "Line",
    "Series",
    "Tick",
    "draw_chart",
    "draw_interval",
    "interval_span",
    "mean_curve",
]

INTERVAL_WIDTH, INTERVAL_HEIGHT = 140, 20
WIDTH, HEIGHT = 640, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 28, 14, 44
MOST_SERIES = 8
"""Lines in one chart that colours and dashes can still tell apart."""
GRID_POINTS = 48
LARGEST = 1e15
"""No score and no budget is larger; beyond, the arithmetic of an axis overflows."""


@dataclass(frozen=True)
class Interval:
    """A point estimate with its interval in pixels: the bar from `low` to `high`, marks at `anchors`, and in words."""

    low: float
    middle: float
    high: float
    anchors: list[float]
    text: str
    label: str


@dataclass(frozen=True)
class Series:
    """What to draw: x and y, and a band around it or none. All of one length."""

    label: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    low: NDArray[np.float64] | None = None
    high: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Line:
    """A drawn series: SVG path data, and which style it has."""

    label: str
    style: int
    path: str
    band: str
    dot: tuple[float, float] | None


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: where, in pixels, and its text."""

    at: float
    text: str


@dataclass(frozen=True)
class Chart:
    """Everything a template needs to draw a chart and the table that says the same in numbers."""

    title: str
    description: str
    x_name: str
    y_name: str
    lines: list[Line]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    marks: list[Tick]
    columns: list[str]
    rows: list[tuple[str, list[str]]]
    hidden: int = 0
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    top: int = _TOP
    bottom: int = HEIGHT - _BOTTOM


def draw_interval(
    iqm: float | None,
    low: float | None,
    high: float | None,
    span: tuple[float, float],
    anchors: Sequence[float] = (),
) -> Interval | None:
    """An interval drawn over `span`; None where there is no number to draw.

    Args:
        anchors: values to mark: those of a random and of an optimal agent.
    """
    if not _drawable(iqm):
        return None
    ends = [end if _drawable(end) else iqm for end in (low, high)]
    to_pixel = _Scale(*span, 4.0, INTERVAL_WIDTH - 4.0)
    left, middle, right = (round(to_pixel(v), 1) for v in (ends[0], iqm, ends[1]))
    marks = [round(to_pixel(v), 1) for v in anchors if span[0] <= v <= span[1]]
    text = f"{number(ends[0])} to {number(ends[1])}"
    return Interval(left, middle, right, marks, text, f"{number(iqm)}, 95 % interval {text}")


def interval_span(values: Iterable[float | None], anchors: Sequence[float] = ()) -> tuple[float, float]:
    """The scale that intervals share: all values and anchors are on it."""
    known = [*(v for v in values if _drawable(v)), *anchors]
    if not known:
        return 0.0, 1.0
    low, high = min(known), max(known)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def mean_curve(label: str, curves: Sequence[Sequence[Sequence[float]]]) -> Series | None:
    """Mean over seeds of learning curves ``[[env_steps, score], ...]``, with the range of the seeds as band.

    Seeds are read at shared numbers of steps, between their points in straight lines, and only where all of them
    have been: a mean over fewer seeds at the ends would bend where a seed stops, not where an agent learns.
    """
    clean = [points for curve in curves if len(points := _finite_points(curve))]
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
    band = (values.min(0), values.max(0)) if len(clean) > 1 else (None, None)
    return Series(label, x, values.mean(0), *band)


def draw_chart(
    title: str,
    series: Sequence[Series],
    x_name: str,
    y_name: str,
    marks: Sequence[tuple[str, float | None]] = (),
    whole_x: bool = False,
) -> Chart | None:
    """Lines with axes, and the same as a table; None where there is nothing to draw.

    Args:
        series: the most important first; those beyond `MOST_SERIES` are in the table only.
        marks: levels worth a line of their own, such as the random return.
        whole_x: x counts something (episodes): ticks are whole numbers.
    """
    if not series:
        return None
    shown = series[:MOST_SERIES]
    levels = [(name, float(v)) for name, v in marks if _drawable(v)]
    ys = np.concatenate([part for s in shown for part in (s.y, s.low, s.high) if part is not None])
    x_low, x_high = min(s.x[0] for s in series), max(s.x[-1] for s in series)
    if not whole_x:
        x_low = 0.0
    y_low, y_high = min([ys.min(), *(v for _, v in levels)]), max([ys.max(), *(v for _, v in levels)])
    pad = 0.04 * (y_high - y_low) or 0.5
    to_x = _Scale(x_low, x_high, _LEFT, WIDTH - _RIGHT)
    to_y = _Scale(y_low - pad, y_high + pad, HEIGHT - _BOTTOM, _TOP)
    x_ticks = [
        Tick(round(to_x(v), 1), f"{v:.0f}" if whole_x else budget(v)) for v in _ticks(x_low, x_high, whole_x)
    ]
    columns, rows = _numbers(series, x_low, x_high, whole_x)
    best = max(series, key=lambda s: s.y[-1])
    return Chart(
        title=title,
        description=f"{len(shown)} line{'s' * (len(shown) != 1)} of {y_name} against {x_name}. "
        f"Highest at its end: {best.label}, {number(best.y[-1])}. The table below holds the numbers.",
        x_name=x_name,
        y_name=y_name,
        lines=[_line(s, k, to_x, to_y) for k, s in enumerate(shown)],
        x_ticks=x_ticks,
        y_ticks=[Tick(round(to_y(v), 1), number(v)) for v in _ticks(y_low - pad, y_high + pad)],
        marks=[Tick(round(to_y(v), 1), name) for name, v in levels],
        columns=columns,
        rows=rows,
        hidden=len(series) - len(shown),
    )


def _numbers(
    series: Sequence[Series], low: float, high: float, whole: bool
) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """The chart's table: each line at up to six places along x."""
    at = np.linspace(low, high, 6)[0 if whole else 1 :]
    if whole:
        at = np.unique(at.round())
    rows = []
    for s in series:
        inside = (at >= s.x[0] - 1e-9) & (at <= s.x[-1] + 1e-9)
        values = np.where(inside, np.interp(at, s.x, s.y), np.nan)
        rows.append((s.label, [number(float(v)) for v in values]))
    return [f"{v:.0f}" if whole else budget(v) for v in at], rows


def _line(series: Series, style: int, to_x: _Scale, to_y: _Scale) -> Line:
    xs = [f"{to_x(v):.1f}" for v in series.x]

    def trace(values: NDArray[np.float64]) -> list[str]:
        return [f"{x} {to_y(v):.1f}" for x, v in zip(xs, values)]

    band = ""
    if series.low is not None and series.high is not None and len(xs) > 1:
        band = f"M{'L'.join(trace(series.high) + trace(series.low)[::-1])}Z"
    points = trace(series.y)
    dot = (round(to_x(series.x[-1]), 1), round(to_y(series.y[-1]), 1))
    return Line(series.label, style, f"M{'L'.join(points)}" if len(points) > 1 else "", band, dot)


class _Scale:
    """A straight map from ``low .. high`` to ``start .. end``; the middle where low equals high."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self.low, self.start = low, start
        self.slope = (end - start) / (high - low) if high > low else 0.0
        if high <= low:
            self.start = (start + end) / 2

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) * self.slope


def _ticks(low: float, high: float, whole: bool = False, about: int = 5) -> list[float]:
    """Round numbers within ``low .. high``, about so many."""
    if not high > low:
        return [low]
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= rough)
    step = max(1.0, round(step)) if whole else step
    first = math.ceil(low / step)
    return [k * step for k in range(first, math.floor(high / step + 1e-9) + 1)]


def _finite_points(curve: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    """The points of a curve as ``(n, 2)`` in order of steps; what is no pair of finite numbers is left out."""
    pairs = [(float(p[0]), float(p[1])) for p in curve if len(p) == 2 and None not in p]
    points = np.array([p for p in pairs if all(abs(v) < LARGEST for v in p)], dtype=np.float64).reshape(-1, 2)
    points = points[np.argsort(points[:, 0], kind="stable")]
    # np.interp needs rising steps; of several points at one step the last stands.
    return points[np.append(np.diff(points[:, 0]) > 0, True)] if len(points) else points


def _drawable(value: float | None) -> TypeGuard[float]:
    """Whether there is a number and a pixel for it."""
    return value is not None and abs(value) < LARGEST
