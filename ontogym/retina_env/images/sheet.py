"""A picture of many images side by side."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import numpy as np

from ontogym import checkpoint
from ontogym.retina_env.images.arrays import check_images

__all__ = ["sheet", "write_sheet"]

_GAP = 4


def sheet(images: Any, columns: int | None = None) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Images ``(B, H, W)`` in rows, ``(height, width)`` uint8 as a screen shows them (sRGB), on white."""
    x = check_images(images)
    n, height, width = x.shape
    columns = columns or math.ceil(math.sqrt(1.5 * n))
    rows = math.ceil(n / columns)
    page = np.full((rows * (height + _GAP) + _GAP, columns * (width + _GAP) + _GAP), 255, np.uint8)
    # Luminance is linear; screens expect the code values of IEC 61966-2-1.
    coded = np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.maximum(x, 1e-9) ** (1 / 2.4) - 0.055)
    for k, picture in enumerate(np.rint(255 * coded).astype(np.uint8)):
        top, left = _GAP + (k // columns) * (height + _GAP), _GAP + (k % columns) * (width + _GAP)
        page[top : top + height, left : left + width] = picture
    return page


def write_sheet(path: Path | str, images: Any) -> Path:
    """Write `sheet` of the images as PNG, atomically; returns the path."""
    from PIL import Image

    data = io.BytesIO()
    Image.fromarray(sheet(images)).save(data, format="PNG")
    checkpoint.write_atomic(path, data.getvalue())
    return Path(path)
