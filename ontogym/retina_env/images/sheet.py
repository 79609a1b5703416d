"""A picture of many images side by side."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym import checkpoint
from ontogym.retina_env.images.arrays import check_images

__all__ = ["sheet", "tiled", "write_png", "write_sheet"]

_GAP = 4


def sheet(images: Any, columns: int | None = None) -> NDArray[np.uint8]:
    """Images ``(B, H, W)`` in rows, ``(height, width)`` uint8 as a screen shows them (sRGB), on white."""
    x = check_images(images)
    # Luminance is linear; screens expect the code values of IEC 61966-2-1.
    coded = np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.maximum(x, 1e-9) ** (1 / 2.4) - 0.055)
    columns = columns or math.ceil(math.sqrt(1.5 * len(x)))
    return tiled(np.rint(255 * coded).astype(np.uint8), columns, _GAP)


def tiled(pictures: NDArray[np.uint8], columns: int, gap: int, paper: int = 255) -> NDArray[np.uint8]:
    """Pictures ``(B, H, W)`` or ``(B, H, W, 3)`` in rows, on a `paper` of which `gap` pixels show around each."""
    high, wide = pictures.shape[1] + gap, pictures.shape[2] + gap
    rows = math.ceil(len(pictures) / columns)
    page = np.full((rows * high + gap, columns * wide + gap, *pictures.shape[3:]), paper, np.uint8)
    for k, picture in enumerate(pictures):
        top, left = k // columns * high + gap, k % columns * wide + gap
        page[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return page


def write_sheet(path: Path | str, images: Any) -> Path:
    """Write `sheet` of the images as PNG, atomically; returns the path."""
    return write_png(path, sheet(images))


def write_png(path: Path | str, picture: NDArray[np.uint8]) -> Path:
    """Write a picture as PNG, atomically; returns the path."""
    from PIL import Image

    data = io.BytesIO()
    Image.fromarray(picture).save(data, format="PNG")
    checkpoint.write_atomic(path, data.getvalue())
    return Path(path)
