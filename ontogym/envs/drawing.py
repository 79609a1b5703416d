"""Pictures of environments. pygame is imported only when one is drawn; only `show_frame` opens a window."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Hashable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import needs

__all__ = [
    "close_window",
    "draw_gratings",
    "draw_line_world",
    "draw_patch_world",
    "gymnasium_frame",
    "show_frame",
]

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


def draw_patch_world(
    size: int, agents: NDArray[np.int64], food: NDArray[np.int64], fullness: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """A square grid with patches of food (diamonds, smaller as they are eaten) and agents (discs; the first is green).

    Args:
        size: cells along a side.
        agents, food: cells ``(N, 2)`` and ``(K, 2)``, the second axis upwards.
        fullness: ``(K,)``, 0 .. 1.

    Returns:
        ``(H, W, 3)`` uint8.
    """
    pygame = _pygame()
    cell = _CELL // 2
    side = size * cell + 2 * _MARGIN
    surface = pygame.Surface((side, side))
    surface.fill(_PAPER)

    def centre(place: NDArray[np.int64]) -> tuple[int, int]:
        return _MARGIN + cell * int(place[0]) + cell // 2, side - _MARGIN - cell * int(place[1]) - cell // 2

    for k in range(size + 1):
        at = _MARGIN + k * cell
        pygame.draw.line(surface, _LINE, (at, _MARGIN), (at, side - _MARGIN))
        pygame.draw.line(surface, _LINE, (_MARGIN, at), (side - _MARGIN, at))
    for place, full in zip(food, fullness):
        (x, y), r = centre(place), round(cell * (0.2 + 0.3 * float(full)))
        pygame.draw.polygon(surface, _ORANGE, [(x, y - r), (x + r, y), (x, y + r), (x - r, y)])
    for k in reversed(range(len(agents))):  # the first on top
        pygame.draw.circle(surface, _BLUE if k else _GREEN, centre(agents[k]), cell // 4)
    return np.ascontiguousarray(pygame.surfarray.array3d(surface).swapaxes(0, 1))


def show_frame(picture: NDArray[np.uint8]) -> None:
    """Show a picture in the window, which is opened at the first call."""
    pygame = _pygame()
    pygame.display.init()
    height, width = picture.shape[:2]
    window = pygame.display.get_surface()
    if window is None or window.get_size() != (width, height):
        window = pygame.display.set_mode((width, height))
    pygame.event.pump()
    window.blit(pygame.surfarray.make_surface(picture.swapaxes(0, 1)), (0, 0))
    pygame.display.flip()


def close_window() -> None:
    """Close the window of `show_frame`, if there is one."""
    _pygame().display.quit()


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


def _font() -> Any:
    """Made anew for each picture: `pygame.quit()`, by whomever it is called, takes every font with it."""
    pygame = _pygame()
    pygame.font.init()
    return pygame.font.Font(None, 32)


@functools.cache
def _pygame() -> Any:
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        # Without a screen SDL would complain on stderr while it looks for one.
        os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    with needs("Drawing", "pygame", "pygame-ce"):
        import pygame
    return pygame
