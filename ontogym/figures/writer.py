"""The one writer of films: GIF and MP4, through imageio."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ontogym.checkpoint import write_atomic
from ontogym.errors import OntogymError

__all__ = ["write_frames"]

Shown = tuple[NDArray[np.uint8], float]
"""A picture, (H, W) grey or (H, W, 3), and for how many frames it is shown."""

_COLOURS = 96
_FEWEST = 25
"""Pictures that a GIF keeps, however large."""


def write_frames(pictures: Iterable[Shown], path: Path | str, fps: int, max_bytes: int | None = None) -> Path:
    """Write a film, atomically.

    Args:
        pictures: all of one size, uint8, each with its duration in frames.
        path: ends in ``.gif`` or ``.mp4``.
        fps: frames per second, 1 to 50.
        max_bytes: a GIF that would be larger is written with half the pictures, each shown twice as long, until it
            fits or only 25 are left.

    Raises:
        OntogymError: another ending, a bad rate, a folder that cannot be written, or an MP4 without ffmpeg.
    """
    path = Path(path)
    if not 1 <= fps <= 50:
        raise OntogymError(f"fps={fps} is out of range; choose 1 to 50.")
    kind = path.suffix.lower()
    if kind == ".mp4":
        _write_mp4(path, pictures, fps)
    elif kind == ".gif":
        shown = list(pictures)
        data = _gif(shown, fps)
        while max_bytes is not None and len(data) > max_bytes and len(shown) >= 2 * _FEWEST:
            shown = [(picture, 2 * hold) for picture, hold in shown[::2]]
            data = _gif(shown, fps)
        write_atomic(path, data)
    else:
        raise OntogymError(f"Films are written as .gif or .mp4, not {path.name!r}; change the ending.")
    return path


def _gif(shown: list[Shown], fps: int) -> bytes:
    """Encode with one palette for all pictures, so that what stands still costs nothing."""
    import imageio.v3 as imageio

    frames = [picture for picture, _ in shown]
    palette = bytes(np.repeat(np.arange(256, dtype=np.uint8), 3))
    if frames[0].ndim == 3:
        frames, palette = _indexed(frames)
    # A GIF counts hundredths of a second.
    holds = [10 * max(2, round(100 * hold / fps)) for _, hold in shown]
    return bytes(
        imageio.imwrite(
            "<bytes>", np.stack(frames), extension=".gif", plugin="pillow",
            mode="P", palette=palette, optimize=False, duration=holds, loop=0,
        )
    )  # fmt: skip


def _indexed(frames: list[NDArray[np.uint8]]) -> tuple[list[NDArray[np.uint8]], bytes]:
    """Pictures as indices into the palette that is returned with them."""
    from PIL import Image

    sample = np.concatenate(frames[:: max(1, len(frames) // 8)])
    palette = Image.fromarray(sample).quantize(_COLOURS, dither=Image.Dither.NONE)
    flat = [Image.fromarray(f).quantize(palette=palette, dither=Image.Dither.NONE) for f in frames]
    return [np.asarray(picture) for picture in flat], bytes(palette.getpalette() or ())


def _write_mp4(path: Path, pictures: Iterable[Shown], fps: int) -> None:
    """Encode picture by picture into a file beside `path`, then rename it."""
    import imageio.v2 as imageio

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=".part.mp4")
    except OSError as error:
        raise OntogymError(
            f"Cannot write {path} ({error.strerror}); choose a folder you may write to."
        ) from error
    os.close(handle)
    try:
        with imageio.get_writer(name, format="FFMPEG", fps=fps, macro_block_size=2, quality=7) as writer:  # type: ignore[arg-type]
            for picture, hold in pictures:
                colour = picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)
                # The codec wants sides that are even.
                even = np.pad(
                    colour, ((0, colour.shape[0] % 2), (0, colour.shape[1] % 2), (0, 0)), mode="edge"
                )
                for _ in range(max(1, round(hold))):
                    writer.append_data(even)  # type: ignore[attr-defined]
        os.chmod(name, 0o644)
        os.replace(name, path)
    except (ImportError, RuntimeError, ValueError, OSError) as error:
        raise OntogymError(
            f"ffmpeg was not found or could not write {path} ({error}); run pip install imageio-ffmpeg, check the disk, "
            "or write a .gif."
        ) from error
    finally:
        Path(name).unlink(missing_ok=True)
