"""Which words of a figure a reader cannot read: cut off by the page's edge, or lying on one another."""

from __future__ import annotations

from itertools import combinations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text


def clipped(figure: Figure) -> list[str]:
    """Texts that reach over the edge of the page."""
    return [text for text, box in _boxes(figure) if box.x0 < -1 or box.y0 < -1
            or box.x1 > figure.bbox.width + 1 or box.y1 > figure.bbox.height + 1]  # fmt: skip


def overlapping(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of texts of which one covers more than a little of the other."""
    found = []
    for (one, a), (other, b) in combinations(_boxes(figure), 2):
        wide, high = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        if wide > 2 and high > 0.4 * min(a.height, b.height):
            found.append((one, other))
    return found


def _boxes(figure: Figure):
    figure.canvas.draw()
    # Labels of ticks beyond the axes' limits exist and are never drawn.
    beyond: set[Text] = set()
    for axes in figure.findobj(Axes):
        for axis, at in ((axes.xaxis, 0), (axes.yaxis, 1)):
            low, high = sorted(axis.get_view_interval())
            slack = 1e-6 * (high - low)
            labels = axis.get_majorticklabels() + axis.get_minorticklabels()
            beyond |= {
                t
                for t in labels
                if not axes.axison or not low - slack <= t.get_position()[at] <= high + slack
            }
    texts = [t for t in figure.findobj(Text) if t.get_text().strip() and t.get_visible() and t not in beyond]
    return [(text.get_text(), text.get_window_extent()) for text in texts]
