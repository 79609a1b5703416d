"""Picture files as they come: any depth, turned as their camera noted, in the order a person would put them in.

What is transparent lies on a uniform grey of code `BEHIND`: before white or black one of the two drawings that have no
other ground, in black or in white, would be gone, and what a file hides below full transparency is no content.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError

__all__ = [
    "BEHIND",
    "LARGEST",
    "SUFFIXES",
    "in_colour",
    "load_picture",
    "natural_order",
    "picture_files",
    "read_luminance",
]

SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm"))
LARGEST = 64_000_000
"""Pixels of the largest picture that is decoded; a file of some kilobytes can claim billions."""
BEHIND = 128
"""8-bit code of the grey that is seen through what is transparent."""
_GREY = ("1", "L", "LA", "I", "I;16", "I;16B", "I;16L", "F")
_FAULTS = (OSError, SyntaxError, ValueError, OverflowError)


def natural_order(path: Path | str) -> tuple[tuple[bool, int, str], ...]:
    """A key by which ``frame2`` comes before ``frame10``: numbers in names count as numbers."""
    parts = re.split(r"(\d+)", str(path))
    # Digits beyond ASCII are no numbers to `int`; isdecimal is what it reads.
    return tuple((part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts)


def picture_files(folder: Path | str, deep: bool = True) -> list[Path]:
    """Picture files in a folder and (`deep`) below it, in natural order; names that begin with a dot are no pictures.

    Such are the ``._x.png`` that macOS leaves on other file systems beside ``x.png``.
    """
    folder = Path(folder)
    found = (
        p
        for p in (folder.rglob("*") if deep else folder.iterdir())
        if p.suffix.lower() in SUFFIXES and p.is_file()
    )
    shown = (p for p in found if not any(part.startswith(".") for part in p.relative_to(folder).parts))
    return sorted(shown, key=natural_order)


def load_picture(path: Path | str) -> Any:
    """A picture as a `PIL.Image`, upright, of mode ``L`` or ``RGB`` (8 bits) or ``F`` (grey, 0 to 1).

    16-bit files become ``F`` by dividing by 65 535; float files must hold 0 to 1. Transparency lets the grey `BEHIND`
    through, as much as there is of it.

    Raises:
        OntogymError: no picture, damaged, of more than `LARGEST` pixels, or of values whose white nobody can guess.
    """
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            # Its own bounds warn at one size and raise at another; ours is one, with a sentence.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                _check_size(path, picture.size)
                upright = ImageOps.exif_transpose(picture)
                assert upright is not None
                if upright.mode in ("I", "F") or upright.mode.startswith("I;16"):
                    return Image.fromarray(_unit(path, upright))
                return _opaque(upright).convert("L" if upright.mode in _GREY else "RGB")
    except Image.DecompressionBombError as error:
        raise _too_large(path) from error
    except _FAULTS as error:
        raise OntogymError(f"Cannot read the image {path} ({error}); replace or delete it.") from error


def _opaque(picture: Any) -> Any:
    """A picture of 8 bits before the grey that is behind it (of a PNG with one transparent colour in 2, 4 or 3 x 16 bits Pillow shows what it hides)."""
    from PIL import Image

    # By a channel of its own, or by one colour or palette entry that stands for it.
    if picture.mode not in ("LA", "La", "PA", "RGBA", "RGBa") and "transparency" not in picture.info:
        return picture
    behind = Image.new("RGBA", picture.size, (BEHIND, BEHIND, BEHIND, 255))
    return Image.alpha_composite(behind, picture.convert("RGBA"))


def _check_size(path: Path | str, size: tuple[int, int]) -> None:
    if size[0] * size[1] > LARGEST:
        raise _too_large(path)


def _too_large(path: Path | str) -> OntogymError:
    return OntogymError(f"The image {path} has more than {LARGEST:,} pixels; make it smaller.")


def _unit(path: Path | str, picture: Any) -> NDArray[np.float32]:
    """Grey of more than 8 bits in [0, 1]."""
    values = np.asarray(picture, dtype=np.float64)
    if picture.mode != "F":
        clear = picture.info.get("transparency")
        behind = values == clear if isinstance(clear, int) else np.zeros(values.shape, np.bool_)
        # 16 bits are opened as 32 by some formats.
        values = np.where(behind, BEHIND / 255, values / 65_535)
    if not (values.size and values.min() >= 0 and values.max() <= 1):
        held = "floats from 0 to 1" if picture.mode == "F" else "16 bits"
        raise OntogymError(
            f"The image {path} holds values other than {held}, whose white cannot be guessed; convert it."
        )
    return np.asarray(values, dtype=np.float32)


def in_colour(path: Path | str) -> bool:
    """Whether a picture file has colours, by its header."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                return picture.mode not in _GREY
    except Image.DecompressionBombError as error:
        raise _too_large(path) from error
    except _FAULTS as error:
        raise OntogymError(f"Cannot read the image {path} ({error}); replace or delete it.") from error


def read_luminance(path: Path | str) -> NDArray[np.float64]:
    """A picture file as relative luminance ``(H, W)`` in [0, 1]: sRGB undone, then Rec. 709 weights."""
    picture = load_picture(path)
    coded = np.asarray(picture, dtype=np.float64) / (1 if picture.mode == "F" else 255)
    return linear(coded)


def linear(coded: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coded values ``(H, W)`` or ``(H, W, 3)`` in [0, 1] to luminance ``(H, W)``."""
    light = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)  # IEC 61966-2-1
    return np.asarray(light if light.ndim == 2 else light @ [0.2126, 0.7152, 0.0722])
