"""First-layer filters as one picture."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError
from ontogym.figures.style import INK, diverging
from ontogym.retina_env.images.sheet import tiled, write_png

__all__ = ["filter_sheet", "write_filter_sheet"]

_GAP, _BAR = 2, 32


def filter_sheet(weights: Any, columns: int | None = None, scale: int | None = None) -> NDArray[np.uint8]:
    """All filters of a layer side by side.

    Each is scaled by its own largest absolute weight, so that signs can be compared: blue is positive, orange negative
    and white zero; filters of three channels are colours themselves, and zero is mid-grey.

    Args:
        weights: ``(F, H, W)`` or ``(F, C, H, W)``, array or tensor. Three channels are shown as red, green and blue;
            of any other number the mean is.
        columns: filters per row; as square as possible if not given.
        scale: pixels per weight; what makes a tile about 40 pixels wide if not given.

    Returns:
        A picture ``(height, width, 3)``, uint8.

    Raises:
        OntogymError: another shape, or weights that are not finite.
    """
    if hasattr(weights, "detach"):
        weights = weights.detach().cpu().numpy()
    filters = np.asarray(weights, np.float64)
    if filters.ndim == 3:
        filters = filters[:, None]
    if filters.ndim != 4 or not filters.size:
        raise OntogymError(
            f"Filters have shape (F, H, W) or (F, C, H, W), not {filters.shape}; pass a first layer."
        )
    if not np.isfinite(filters).all():
        raise OntogymError("The filters hold numbers that are not finite; did the training diverge?")
    coloured = filters.shape[1] == 3
    shown = filters.transpose(0, 2, 3, 1) if coloured else filters.mean(1)
    largest = np.abs(shown).reshape(len(shown), -1).max(1).reshape(-1, *[1] * (shown.ndim - 1))
    parts = shown / np.where(largest > 0, largest, 1.0)
    shades = (127.5 + 127.5 * parts).round().astype(np.uint8) if coloured else diverging(parts)
    scale = scale or max(1, round(40 / filters.shape[-1]))
    tiles = shades.repeat(scale, 1).repeat(scale, 2)
    return tiled(tiles, columns or math.ceil(math.sqrt(len(tiles))), _GAP)


def write_filter_sheet(weights: Any, path: Path | str, **options: Any) -> Path:
    """Write `filter_sheet` as a PNG, above the scale of its colours.

    Raises:
        OntogymError: another ending, a folder that cannot be written, or weights that cannot be shown.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise OntogymError(f"Filter sheets are written as .png, not {path.name!r}; change the ending.")
    sheet = filter_sheet(weights, **options)
    if not (np.ndim(weights) == 4 and weights.shape[1] == 3):
        sheet = np.concatenate([sheet, _scale_bar(sheet.shape[1])])
    return write_png(path, sheet)


def _scale_bar(width: int) -> NDArray[np.uint8]:
    """The colours from -1 to 1 with their ends and middle in numbers, ``(_BAR, width, 3)``."""
    from PIL import Image, ImageDraw, ImageFont

    bar = np.full((_BAR, width, 3), 255, np.uint8)
    span = slice(_GAP, width - _GAP)
    bar[4:14, span] = diverging(np.linspace(-1.0, 1.0, width - 2 * _GAP))
    picture = Image.fromarray(bar)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(11)
    for x, text, anchor in ((_GAP, "−1", "la"), (width // 2, "0", "ma"), (width - _GAP, "1", "ra")):
        pen.text((x, 16), text, fill=INK, font=font, anchor=anchor)
    return np.asarray(picture)
