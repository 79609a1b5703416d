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

__all__ = ["draw_gratings", "draw_line_world", "gymnasium_frame"]

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


def draw_gratings(left: float, right: float, go: bool, rewarded: bool | None) -> NDArray[np.uint8]:
    """A grey screen with a Gabor patch on each side.

    Args:
        left, right: contrasts, 0 .. 1.
        go: whether the fixation spot in the middle is filled.
        rewarded: outcome of the trial before: the screen is framed in its colour; None draws no frame.

    Returns:
        ``(160, 320, 3)`` uint8.
    """
    y, x = np.mgrid[-80:80, -160:160].astype(np.float64)
    screen = np.full((160, 320), 128.0)
    for contrast, middle in ((left, -80), (right, 80)):
        envelope = np.exp(-((x - middle) ** 2 + y**2) / (2 * 22.0**2))
        screen += 127 * contrast * envelope * np.cos(2 * np.pi * (x - middle) / 18)
    picture = np.repeat(np.rint(screen)[:, :, None], 3, axis=2).astype(np.uint8)
    radius = np.hypot(x, y)
    picture[radius <= 5 if go else (radius <= 5) & (radius > 3)] = _INK
    if rewarded is not None:
        frame = (np.abs(y + 0.5) > 75) | (np.abs(x + 0.5) > 155)
        picture[frame] = _GREEN if rewarded else _ORANGE
    return picture


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
