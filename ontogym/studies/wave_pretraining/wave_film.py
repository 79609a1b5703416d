"""Films of simulated retinas: GIF, MP4, or a sheet of stills as PNG."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError
from ontogym.figures.writer import write_frames
from ontogym.retina_env.images.sheet import tiled, write_png

if TYPE_CHECKING:
    from ontogym.developmental.waves import WaveSimulator

__all__ = ["wave_frames", "write_film"]

_MAX_BYTES = 2**30
_SHEET = 24
"""Most stills on a sheet."""
_SIDE, _STILL, _GAP = 512, 256, 6
"""Pixels a side of a film and of a still, if whole pixels of the simulation fill them; between stills."""


def wave_frames(
    simulator: WaveSimulator,
    seed: int,
    frames: int,
    frame_ms: float = 100.0,
    size: int = 128,
    warmup_minutes: float = 15.0,
    obs: Literal["binary", "calcium"] = "binary",
) -> NDArray[np.uint8]:
    """Frames ``(F, size, size)`` uint8 of the square inscribed in one retina.

    Args:
        simulator: of the retina.
        seed: of the retina.
        frames: F.
        frame_ms: simulated time between frames, a multiple of 25.
        size: pixels a side; at most the retina's diameter in cells, 2 radius + 1.
        warmup_minutes: simulated before.
        obs: ``"binary"``: 255 where a cell is depolarised; ``"calcium"``: what a slow indicator shows, 0 to 255.

    Raises:
        OntogymError: a value out of range.
    """
    from ontogym.developmental.waves import render
    from ontogym.developmental.waves.indicator import CalciumIndicator

    if obs not in ("binary", "calcium"):
        raise OntogymError(f"obs={obs!r} is neither binary nor calcium; choose one.")
    if frames < 1 or frames * size**2 > _MAX_BYTES:
        raise OntogymError(
            f"{frames} frames of {size} x {size} pixels are none or too many; choose other seconds."
        )
    grid = simulator.grid
    grid.raster(size)  # refuses a size before anything is simulated
    state = simulator.warmed_up([seed], warmup_minutes)
    indicator = CalciumIndicator(grid, frame_ms) if obs == "calcium" else None
    level = np.zeros((1, grid.cells), np.float32)
    film = np.empty((frames, size, size), np.uint8)
    for k in range(frames):
        state, active = simulator.record(state, 1, frame_ms, inplace=True)
        if indicator:
            indicator.step(level, active[:, 0])
        film[k] = render(grid, level[0] if indicator else active[0, 0], size)
    return film


def write_film(frames: NDArray[np.uint8], path: Path | str, fps: int = 25) -> tuple[Path, int]:
    """Write frames ``(F, H, W)``, small ones enlarged; returns the path and how many were written.

    Args:
        frames: grey pictures.
        path: ends in ``.gif``, ``.mp4``, or ``.png`` for a sheet of at most 24 stills, in rows.
        fps: frames shown per second, 1 to 50.

    Raises:
        OntogymError: another ending, a bad rate, a folder that cannot be written, or an MP4 without ffmpeg.
    """
    path = Path(path)
    if path.suffix.lower() not in (".gif", ".mp4", ".png"):
        raise OntogymError(f"Films are written as .gif, .mp4 or .png, not {path.name!r}; change the ending.")
    if path.suffix.lower() == ".png":
        chosen = frames[np.linspace(0, len(frames) - 1, min(_SHEET, len(frames))).round().astype(int)]
        page = tiled(_enlarged(chosen, _STILL), min(len(chosen), 6), _GAP, 128)
        write_png(path, page[_GAP:-_GAP, _GAP:-_GAP])
        return path, len(chosen)
    room = int((_MAX_BYTES / max(frames.size, 1)) ** 0.5)
    shown = _enlarged(frames, min(_SIDE, max(1, room) * frames.shape[1]))
    write_frames(((frame, 1.0) for frame in shown), path, fps)
    return path, len(frames)


def _enlarged(frames: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Every pixel repeated as often as `side` pixels have room for."""
    zoom = max(1, side // max(frames.shape[1:]))
    return frames.repeat(zoom, 1).repeat(zoom, 2)
