"""Curves as coordinates of a light SVG, and the table that says the same in numbers.

Nothing here is markup. Templates turn these into SVG, so that every text in a drawing is escaped where all others are,
and colours come from the page's stylesheet, light or dark. Matplotlib would take twenty times as long for the charts of
a large leaderboard, and styles that its pages' policy forbids.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

from ontogym.figures.curves import LARGEST, Curve
from ontogym.figures.words import budget, number

__all__ = ["MOST_LINES", "Chart", "Line", "Scale", "Tick", "draw_chart", "drawable"]

WIDTH, HEIGHT = 640, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 28, 14, 44
MOST_LINES = 8
"""Lines in one chart that colours and dashes can still tell apart."""


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


def draw_chart(
    title: str,
    series: Sequence[Curve],
    x_name: str,
    y_name: str,
    marks: Sequence[tuple[str, float | None]] = (),
    whole_x: bool = False,
) -> Chart | None:
    """Lines with axes, and the same as a table; None where there is nothing to draw.

    Args:
        series: the most important first; those beyond `MOST_LINES` are in the table only.
        marks: levels worth a line of their own, such as the random return.
        whole_x: x counts something (episodes): ticks are whole numbers.
    """
    if not series:
        return None
    shown = series[:MOST_LINES]
    levels = [(name, float(v)) for name, v in marks if drawable(v)]
    ys = np.concatenate([part for s in shown for part in (s.y, s.low, s.high) if part is not None])
    x_low, x_high = min(s.x[0] for s in series), max(s.x[-1] for s in series)
    if not whole_x:
        x_low = 0.0
    y_low, y_high = min([ys.min(), *(v for _, v in levels)]), max([ys.max(), *(v for _, v in levels)])
    pad = 0.04 * (y_high - y_low) or 0.5
    to_x = Scale(x_low, x_high, _LEFT, WIDTH - _RIGHT)
    to_y = Scale(y_low - pad, y_high + pad, HEIGHT - _BOTTOM, _TOP)
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
    series: Sequence[Curve], low: float, high: float, whole: bool
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


def _line(series: Curve, style: int, to_x: Scale, to_y: Scale) -> Line:
    xs = [f"{to_x(v):.1f}" for v in series.x]

    def trace(values: NDArray[np.float64]) -> list[str]:
        return [f"{x} {to_y(v):.1f}" for x, v in zip(xs, values)]

    band = ""
    if series.low is not None and series.high is not None and len(xs) > 1:
        band = f"M{'L'.join(trace(series.high) + trace(series.low)[::-1])}Z"
    points = trace(series.y)
    dot = (round(to_x(series.x[-1]), 1), round(to_y(series.y[-1]), 1))
    return Line(series.label, style, f"M{'L'.join(points)}" if len(points) > 1 else "", band, dot)


class Scale:
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


def drawable(value: float | None) -> TypeGuard[float]:
    """Whether there is a number and a pixel for it."""
    return value is not None and abs(value) < LARGEST
