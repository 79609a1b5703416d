"""Intervals in table cells, as coordinates; templates turn them into SVG."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ontogym.figures.charts import Scale, drawable
from ontogym.figures.words import number

__all__ = ["Interval", "draw_interval", "interval_span"]

INTERVAL_WIDTH = 140


@dataclass(frozen=True)
class Interval:
    """A point estimate with its interval in pixels: the bar from `low` to `high`, marks at `anchors`, and in words."""

    low: float
    middle: float
    high: float
    anchors: list[float]
    text: str
    label: str


def draw_interval(
    iqm: float | None,
    low: float | None,
    high: float | None,
    span: tuple[float, float],
    anchors: Sequence[float] = (),
    show: Callable[[float | None], str] = number,
) -> Interval | None:
    """An interval drawn over `span`; None where there is no number to draw.

    Args:
        anchors: values to mark: those of a random and of an optimal agent.
        show: writes a value.
    """
    if not drawable(iqm):
        return None
    ends = [end if drawable(end) else iqm for end in (low, high)]
    to_pixel = Scale(*span, 4.0, INTERVAL_WIDTH - 4.0)
    left, middle, right = (round(to_pixel(v), 1) for v in (ends[0], iqm, ends[1]))
    marks = [round(to_pixel(v), 1) for v in anchors if span[0] <= v <= span[1]]
    text = f"{show(ends[0])} to {show(ends[1])}"
    return Interval(left, middle, right, marks, text, f"{show(iqm)}, 95 % interval {text}")


def interval_span(values: Iterable[float | None], anchors: Sequence[float] = ()) -> tuple[float, float]:
    """The scale that intervals share: all values and anchors are on it."""
    known = [*(v for v in values if drawable(v)), *anchors]
    if not known:
        return 0.0, 1.0
    low, high = min(known), max(known)
    return (low, high) if high > low else (low - 0.5, high + 0.5)
