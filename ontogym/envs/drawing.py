"""Pictures of environments. pygame is imported only when one is drawn; no window is ever opened."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Hashable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError

__all__ = ["draw_line_world", "gymnasium_frame"]

# Okabe & Ito's palette, which colour-blind readers can tell apart.
_BLUE, _ORANGE, _GREEN = (0, 114, 178), (230, 159, 0), (0, 158, 115)
_PAPER, _LINE, _INK = (255, 255, 255), (170, 170, 170), (40, 40, 40)
_CELL, _MARGIN, _CAPTION = 96, 32, 48


def draw_line_world(
    size: int, agent: int, food: int, caption: str, rewarded: bool = False
) -> NDArray[np.uint8]:
    """A row of `size` cells with the agent (disc) and the food (diamond), and a line of text below.

    Args:
        size: number of cells.
        agent, food: their positions, 0 .. size-1.
        caption: the text.
        rewarded: the last step was rewarded: the row is framed.

    Returns:
        ``(H, W, 3)`` uint8.
    """
    pygame = _pygame()
    width, height = size * _CELL + 2 * _MARGIN, _CELL + 2 * _MARGIN + _CAPTION
    surface = pygame.Surface((width, height))
    surface.fill(_PAPER)
    for cell in range(size):
        box = pygame.Rect(_MARGIN + cell * _CELL, _MARGIN, _CELL, _CELL)
        pygame.draw.rect(surface, _LINE, box, width=2)
        if cell == food:
            (x, y), r = box.center, _CELL // 4
            diamond = [(x, y - r), (x + r, y), (x, y + r), (x - r, y)]
            pygame.draw.polygon(surface, _ORANGE, diamond)
        if cell == agent:
            pygame.draw.circle(surface, _BLUE, box.center, _CELL // 3, width=0 if cell != food else 10)
    if rewarded:  # the whole row, since the food may have moved on within the same step
        row = pygame.Rect(_MARGIN, _MARGIN, size * _CELL, _CELL)
        pygame.draw.rect(surface, _GREEN, row.inflate(12, 12), width=6)
    text = _font().render(caption, True, _INK)
    surface.blit(text, text.get_rect(center=(width // 2, height - _MARGIN // 2 - _CAPTION // 2)))
    return np.ascontiguousarray(pygame.surfarray.array3d(surface).swapaxes(0, 1))


def gymnasium_frame(env_class: Hashable, **attributes: Any) -> NDArray[np.uint8]:
    """The picture that Gymnasium's own environment draws when its attributes (``state=...``) are these."""
    _pygame()
    artist = _artist(env_class)
    for name, value in attributes.items():
        setattr(artist, name, value)
    return np.asarray(artist.render(), dtype=np.uint8)


@functools.cache
def _artist(env_class: Hashable) -> Any:
    assert callable(env_class)
    return env_class(render_mode="rgb_array")


@functools.cache
def _font() -> Any:
    pygame = _pygame()
    pygame.font.init()
    return pygame.font.Font(None, 32)


@functools.cache
def _pygame() -> Any:
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        # Without a screen SDL would complain on stderr while it looks for one.
        os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    try:
        import pygame
    except ImportError as error:
        raise OntogymError("Drawing needs pygame, which is not installed; pip install pygame-ce.") from error
    return pygame
