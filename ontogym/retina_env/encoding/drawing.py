"""Pictures of an encoding: the image, what the electrodes show, and the responses, side by side."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ontogym.retina_env.cells import FIELD_UM

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

__all__ = ["draw_encoding", "draw_percept"]

# Okabe & Ito's palette, which colour-blind readers can tell apart.
_BLUE, _ORANGE, _GREEN = (0, 114, 178), (230, 159, 0), (0, 158, 115)
_PAPER, _LINE, _GREY, _INK = (255, 255, 255), (40, 40, 40), (120, 120, 120), (34, 39, 46)
_PANEL, _GAP, _TOP, _BOTTOM = 256, 16, 26, 96


def draw_encoding(
    image: NDArray[np.floating],
    shown: NDArray[np.floating],
    target: NDArray[np.floating],
    response: NDArray[np.floating],
    skill: float,
    one: str = "full resolution",
) -> NDArray[np.uint8]:
    """Three panels: the image, what is shown, and responses: one row per neuron, target left and response right.

    Bars of the response are blue where they are within a spike of the target, orange beyond. Below, a bar from the
    middle: skill, green to the right (better than averaging), orange to the left, full at 1.

    Args:
        image, shown: ``(S, S)`` in [0, 1].
        target, response: ``(N,)``, spikes of a presentation.
        skill: of this presentation.
        one: what skill 1 is as good as.

    Returns:
        ``(H, W, 3)`` uint8.
    """
    most = max(float(np.max(target)), float(np.max(response)), 1.0)
    panels = (_luminance(image), _luminance(shown), _bars(target, response, most))
    page, pen, font = _page(
        panels, f"image, {FIELD_UM / 1000:g} mm wide", f"responses of {len(target)} neurons"
    )
    below, left = _TOP + _PANEL + 4, _GAP + 2 * (_PANEL + _GAP)
    for x, text, anchor in ((0, f"{most:.3g}", "la"), (0.5, "0 spikes", "ma"), (1, f"{most:.3g}", "ra")):
        pen.text((left + x * _PANEL, below), text, fill=_INK, font=font, anchor=anchor)
    _legend(pen, font, left, below + 20)
    _skill(pen, font, skill, below + 20, f"1: {one}")
    return np.asarray(page)


def draw_percept(
    image: NDArray[np.floating],
    shown: NDArray[np.floating],
    percept: NDArray[np.floating],
    skill: float,
    wide_deg: float,
) -> NDArray[np.uint8]:
    """Three panels: the image, what is shown, and what the patient sees of it, dark to brightest; below, the skill.

    Args:
        image, shown: ``(S, S)`` in [0, 1].
        percept: ``(rows, columns)`` brightness, as wide as the image.
        wide_deg: how wide that is in the visual field.

    Returns:
        ``(H, W, 3)`` uint8.
    """
    rows, columns = percept.shape
    seen = np.zeros((columns, columns))
    top = (columns - rows) // 2
    most = float(percept.max())
    seen[top : top + rows] = percept / max(most, 1e-6)
    panels = (_luminance(image), _luminance(shown), _luminance(seen))
    page, pen, font = _page(panels, f"image, {wide_deg:.0f} degrees wide", "percept")
    below, left = _TOP + _PANEL + 4, _GAP + 2 * (_PANEL + _GAP)
    text = f"white: brightness {most:.2g} (1: one electrode's most)"
    pen.text((left, below), text, fill=_INK, font=font)
    _skill(pen, font, skill, below + 20, "1: best known picture")
    return np.asarray(page)


def _page(panels: Sequence[NDArray[np.uint8]], image: str, answer: str) -> tuple[Any, ImageDraw, Any]:
    """A page with three panels and their titles, a pen on it, and a font."""
    from PIL import Image, ImageFont
    from PIL.ImageDraw import Draw

    page = Image.new("RGB", (3 * _PANEL + 4 * _GAP, _TOP + _PANEL + _BOTTOM), _PAPER)
    pen, font = Draw(page), ImageFont.load_default(13)
    for k, (panel, title) in enumerate(zip(panels, (image, "what the electrodes show", answer))):
        left = _GAP + k * (_PANEL + _GAP)
        page.paste(Image.fromarray(panel), (left, _TOP))
        pen.text((left, _TOP - 6), title, fill=_INK, font=font, anchor="ls")
    pen.text((_GAP, _TOP + _PANEL + 2), "luminance: black 0, white 1", fill=_INK, font=font)
    return page, pen, font


def _legend(pen: ImageDraw, font: Any, left: int, top: int) -> None:
    """What the colours of the bars mean, one line each."""
    rows = (
        (_GREY, "target (left)"),
        (_BLUE, "response within a spike of it"),
        (_ORANGE, "response further off"),
    )
    for k, (colour, text) in enumerate(rows):
        y = top + 20 * k
        pen.rectangle([left, y + 3, left + 10, y + 13], fill=colour)
        pen.text((left + 17, y), text, fill=_INK, font=font)


def _skill(pen: ImageDraw, font: Any, skill: float, top: int, one: str) -> None:
    """Skill as a bar between -1 and 1, with its ends and middle in words."""
    left, right = _GAP, _GAP + 2 * _PANEL + _GAP
    middle, half = (left + right) // 2, (right - left) // 2
    end = middle + round(float(np.clip(np.nan_to_num(skill), -1, 1)) * half)
    pen.rectangle([left, top, right, top + 14], fill=(235, 238, 241))
    pen.rectangle([min(middle, end), top, max(middle, end), top + 14], fill=_GREEN if skill >= 0 else _ORANGE)
    pen.line([(middle, top - 3), (middle, top + 17)], fill=_LINE, width=2)
    words = (
        (left, "-1", "la"),
        (middle, f"skill {skill:.2f}   (0: averaging)", "ma"),
        (right, one, "ra"),
    )
    for x, text, anchor in words:
        pen.text((x, top + 22), text, fill=_INK, font=font, anchor=anchor)


def _luminance(image: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Luminance as it looks, enlarged (or thinned out) to the panel, ``(256, 256, 3)``."""
    at = np.arange(_PANEL) * len(image) // _PANEL
    # Displays are not linear: sRGB's exponent is near 2.2.
    grey = np.rint(255 * np.clip(image[at][:, at], 0, 1) ** (1 / 2.2)).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _bars(target: NDArray[np.floating], response: NDArray[np.floating], most: float) -> NDArray[np.uint8]:
    """Rows of neurons, ``(256, 256, 3)``: the target's bar grows to the left, the response's to the right."""
    panel = np.full((_PANEL, _PANEL, 3), 255, dtype=np.uint8)
    middle = _PANEL // 2
    edges = np.linspace(0, _PANEL, len(target) + 1).astype(int)
    for k, (top, below) in enumerate(itertools.pairwise(edges)):
        rows = slice(top, max(top + 1, below - 1))
        left, right = (round(float(value[k]) / most * (middle - 2)) for value in (target, response))
        panel[rows, middle - 1 - left : middle - 1] = _GREY
        panel[rows, middle + 1 : middle + 1 + right] = _BLUE if abs(target[k] - response[k]) <= 1 else _ORANGE
    panel[:, middle - 1 : middle + 1] = _LINE
    return panel
