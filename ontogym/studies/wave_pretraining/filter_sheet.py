"""First-layer filters as one picture."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.checkpoint import write_atomic
from ontogym.errors import OntogymError

__all__ = ["filter_sheet", "write_filter_sheet"]

_GAP = 2


def filter_sheet(weights: Any, columns: int | None = None, scale: int | None = None) -> NDArray[np.uint8]:
    """All filters of a layer side by side.

    Each is scaled by its own largest absolute weight, zero being mid-grey, so that signs can be compared.

    Args:
        weights: ``(F, H, W)`` or ``(F, C, H, W)``, array or tensor. Three channels are shown as red, green and blue;
            any other number by their mean.
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
    if filters.shape[1] != 3:
        filters = np.repeat(filters.mean(1, keepdims=True), 3, axis=1)
    largest = np.abs(filters).max((1, 2, 3), keepdims=True)
    shades = (127.5 + 127.5 * filters / np.where(largest > 0, largest, 1.0)).round().astype(np.uint8)
    scale = scale or max(1, round(40 / filters.shape[-1]))
    tiles = shades.transpose(0, 2, 3, 1).repeat(scale, 1).repeat(scale, 2)
    columns = columns or math.ceil(math.sqrt(len(tiles)))
    rows = math.ceil(len(tiles) / columns)
    high, wide = tiles.shape[1] + _GAP, tiles.shape[2] + _GAP
    sheet = np.full((rows * high + _GAP, columns * wide + _GAP, 3), 255, np.uint8)
    for k, tile in enumerate(tiles):
        top, left = k // columns * high + _GAP, k % columns * wide + _GAP
        sheet[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return sheet


def write_filter_sheet(weights: Any, path: Path | str, **options: Any) -> Path:
    """Write `filter_sheet` as a PNG.

    Raises:
        OntogymError: another ending, a folder that cannot be written, or weights that cannot be shown.
    """
    from PIL import Image

    path = Path(path)
    if path.suffix.lower() != ".png":
        raise OntogymError(f"Filter sheets are written as .png, not {path.name!r}; change the ending.")
    buffer = io.BytesIO()
    Image.fromarray(filter_sheet(weights, **options)).save(buffer, format="PNG")
    write_atomic(path, buffer.getvalue())
    return path
