"""What a calcium indicator shows of a retina: activity smeared out in time, and a little in space."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ontogym.developmental.waves.calcium import AROUND, FADE, REACH, SELF, fluoresce
from ontogym.developmental.waves.grid import HexGrid, within

__all__ = ["CalciumIndicator"]


class CalciumIndicator:
    """Fluorescence of every cell, from 0 to 1 (Godfrey & Swindale 2007, as the code of arXiv 2311.17232 has it).

    .. math:: c_i \\leftarrow \\min\\bigl(1, d\\,c_i + g\\,(.01\\,a_i + .005 \\sum_{j \\in N_3(i)} a_j)\\bigr)

    where a is 1 for an active cell and N_3(i) are the 36 cells within three rings of cell i (fewer at the border).
    At 100 ms a frame d = .85 and g = 1: a cell amid a wave is at the cap within 1 s, and half of it is gone
    .43 s after the wave. For other frames d = .85^(f / 100 ms) and g = (1 - d) / .15, so that the time constant and
    the brightness of a standing wave are the indicator's and not the camera's.

    Args:
        grid: the retina's `HexGrid`.
        frame_ms: time between two frames.
    """

    def __init__(self, grid: HexGrid, frame_ms: float = 100.0) -> None:
        self.cells = grid.cells
        self.decay = np.float32(FADE ** (frame_ms / 100.0))
        gain = (1.0 - FADE ** (frame_ms / 100.0)) / (1.0 - FADE)
        self.own, self.near = np.float32(gain * SELF), np.float32(gain * AROUND)
        self._place, self._around = np.arange(grid.cells), within(grid.index, grid.axial, REACH)

    def dark(self, retinas: int) -> NDArray[np.float32]:
        """Where an indicator starts, ``(B, C)``: zeros."""
        return np.zeros((retinas, self.cells), dtype=np.float32)

    def step(self, calcium: NDArray[np.float32], active: NDArray[np.bool_]) -> None:
        """One frame, in place: `calcium` ``(B, C)`` float32, `active` ``(B, C)`` bool."""
        for light, lit in zip(calcium, active):
            fluoresce(light, lit, self._place, self._around, self.decay, self.own, self.near)
