"""Pictures of an encoding: the image, what the electrodes show, and the responses, side by side."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

__all__ = ["draw_encoding", "draw_percept"]

# Okabe & Ito's palette, which colour-blind readers can tell apart.
_BLUE, _ORANGE, _GREEN = (0, 114, 178), (230, 159, 0), (0, 158, 115)
_PANEL, _GAP, _PAPER = 256, 12, 255


def draw_encoding(
    image: NDArray[np.floating],
    shown: NDArray[np.floating],
    target: NDArray[np.floating],
    response: NDArray[np.floating],
    skill: float,
) -> NDArray[np.uint8]:
    """Three panels: the image, what is shown, and responses: one row per neuron, target left and response right.

    Bars of the response are blue where they are within a spike of the target, orange beyond. Below, a line from the
    middle: skill, green to the right (better than averaging), orange to the left, full at 1.

    Args:
        image, shown: ``(S, S)`` in [0, 1].
        target, response: ``(N,)``.
        skill: of this presentation.

    Returns:
        ``(H, W, 3)`` uint8.
    """
    return _page(_luminance(image), _luminance(shown), _bars(target, response), skill)


def draw_percept(
    image: NDArray[np.floating], shown: NDArray[np.floating], percept: NDArray[np.floating], skill: float
) -> NDArray[np.uint8]:
    """Three panels: the image, what is shown, and what is seen of it, from dark to its brightest; and the skill's line.

    Args:
        image, shown: ``(S, S)`` in [0, 1].
        percept: ``(rows, columns)`` brightness, as wide as the image.

    Returns:
        ``(H, W, 3)`` uint8.
    """
    rows, columns = percept.shape
    seen = np.zeros((columns, columns))
    top = (columns - rows) // 2
    seen[top : top + rows] = percept / max(float(percept.max()), 1e-6)
    return _page(_luminance(image), _luminance(shown), _luminance(seen), skill)


def _page(
    image: NDArray[np.uint8], shown: NDArray[np.uint8], answer: NDArray[np.uint8], skill: float
) -> NDArray[np.uint8]:
    """Panels side by side with the line of skill below them."""
    gap = np.full((_PANEL, _GAP, 3), _PAPER, dtype=np.uint8)
    panels = [image, gap, shown, gap, answer]
    top = np.concatenate(panels, axis=1)
    line = np.full((2 * _GAP, top.shape[1], 3), _PAPER, dtype=np.uint8)
    middle = top.shape[1] // 2
    length = round(min(abs(skill), 1.0) * (middle - _GAP))
    part = slice(middle, middle + length) if skill >= 0 else slice(middle - length, middle)
    line[_GAP // 2 : -_GAP // 2, part] = _GREEN if skill >= 0 else _ORANGE
    line[_GAP // 2 : -_GAP // 2, middle - 1 : middle + 1] = 40
    return np.concatenate([top, line], axis=0)


def _luminance(image: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Luminance as it looks, enlarged (or thinned out) to the panel, ``(256, 256, 3)``."""
    at = np.arange(_PANEL) * len(image) // _PANEL
    # Displays are not linear: sRGB's exponent is near 2.2.
    grey = np.rint(255 * np.clip(image[at][:, at], 0, 1) ** (1 / 2.2)).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _bars(target: NDArray[np.floating], response: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Rows of neurons, ``(256, 256, 3)``: the target's bar grows to the left, the response's to the right."""
    panel = np.full((_PANEL, _PANEL, 3), _PAPER, dtype=np.uint8)
    middle, most = _PANEL // 2, max(float(np.max(target)), float(np.max(response)), 1.0)
    edges = np.linspace(0, _PANEL, len(target) + 1).astype(int)
    for k, (top, below) in enumerate(itertools.pairwise(edges)):
        rows = slice(top, max(top + 1, below - 1))
        left, right = (round(float(value[k]) / most * (middle - 2)) for value in (target, response))
        panel[rows, middle - 1 - left : middle - 1] = 120
        panel[rows, middle + 1 : middle + 1 + right] = _BLUE if abs(target[k] - response[k]) <= 1 else _ORANGE
    panel[:, middle - 1 : middle + 1] = 40
    return panel
