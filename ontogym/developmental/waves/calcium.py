"""Waves as calcium imaging shows them, and every wave followed from its first place to its last.

This is the measurement of the released program (its Java part), because numbers can be compared only if they were
measured alike. Every 100 ms, each place of the hexagon loses 15 % of its calcium; a depolarised cell adds 0.01 at
its own place and 0.005 at all places within three rings; calcium is capped at 1. A place that rises above 0.30 starts a wave
or joins the one that it touches, together with all places above 0.25 that hang together with it; below 0.25 it leaves.
Waves that touch go on as one, which is no longer "clean" (it has no single origin, and no speed). Places are
those of the whole hexagon, a few more than the circle has cells.

Two quirks of the program are not followed: a place that came back to its own wave was not counted as active in it,
and a merger made places that had left one of the waves leave once more, which shortened their next interval.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.compiling import COMPILED, njit
from ontogym.developmental.waves.grid import HexGrid, hex_distance, within

__all__ = ["FRAME_MS", "Canvas", "Ledger", "canvas", "fluoresce", "follow", "ledger"]

FRAME_MS = 100.0
FADE, SELF, AROUND = 0.85, 0.01, 0.005
REACH = 3
HIGH, LOW = 0.30, 0.25
SHORTEST_PAUSE = 30
"""Frames; a pause that is not longer is the flicker of one wave."""
X, Y, BEGIN, SIZE, ACTIVE, FAR, FAR_FRAME, MERGED, END, COLUMNS = range(10)
"""Columns of the ledger's table; MERGED is 1 if the wave absorbed others and 2 if it was absorbed."""
FRAMES, WAVES, PAUSES, PAUSE_SUM, PAUSE_SQUARES, COUNTERS = range(6)


class Canvas(NamedTuple):
    """The places of the hexagon, row by row, in a square with a margin of `REACH`."""

    cell_place: NDArray[np.int64]
    """``(C,)``: the place of each cell."""
    places: NDArray[np.int64]
    """Positions that are places of the hexagon."""
    is_cell: NDArray[np.bool_]
    """``(side * side,)``: whether a cell is at a position."""
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    """Micrometres from the centre."""
    near: NDArray[np.int64]
    """Distances in memory of the 6 neighbours."""
    around: NDArray[np.int32]
    """``(C, 36)``: the places within three rings of each cell, -1 where the hexagon has ended."""


class Ledger(NamedTuple):
    """What is known so far: arrays that `follow` changes in place (sizes as in `Canvas`)."""

    calcium: NDArray[np.float64]
    label: NDArray[np.int64]
    """The wave in which a place is active, 0 for none."""
    member: NDArray[np.int64]
    """The wave in which a place was active last."""
    lit: NDArray[np.bool_]
    """Whether a place rose above `HIGH` since it last left a wave."""
    left: NDArray[np.int64]
    """The frame in which a place last left a wave, 0 for never."""
    parent: NDArray[np.int64]
    """``(rows,)``: the wave that absorbed each wave, or itself."""
    table: NDArray[np.float64]
    """``(rows, COLUMNS)``: one row a wave, from 1 on."""
    counters: NDArray[np.int64]


def canvas(grid: HexGrid) -> Canvas:
    """The places of a retina's hexagon."""
    reach = grid.radius + REACH
    side = 2 * reach + 1
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    inside = hex_distance(x, y) <= grid.radius
    cell_place = (grid.axial[:, 1].astype(np.int64) + reach) * side + grid.axial[:, 0] + reach
    is_cell = np.zeros(side * side, dtype=np.bool_)
    is_cell[cell_place] = True
    position = np.where(inside, np.arange(side * side).reshape(side, side), -1)
    dy, dx = np.mgrid[-1:2, -1:2]
    return Canvas(
        cell_place,
        np.flatnonzero(inside),
        is_cell,
        (34.0 * x + 17.0 * y).ravel(),
        (17.0 * np.sqrt(3.0) * y).ravel(),
        (dy * side + dx)[hex_distance(dx, dy) == 1],
        within(position, grid.axial, REACH),
    )


def ledger(places: Canvas) -> Ledger:
    """An empty ledger."""
    size = len(places.is_cell)
    return Ledger(
        np.zeros(size),
        np.zeros(size, dtype=np.int64),
        np.zeros(size, dtype=np.int64),
        np.zeros(size, dtype=np.bool_),
        np.zeros(size, dtype=np.int64),
        np.zeros(0, dtype=np.int64),
        np.zeros((0, COLUMNS)),
        np.zeros(COUNTERS, dtype=np.int64),
    )


_INLINE: dict[str, Any] = {"error_model": "numpy"}


@njit(**COMPILED)
def fluoresce(calcium: Any, active: Any, place: Any, around: Any, fade: Any, own: Any, near: Any) -> None:
    """One frame of one retina's calcium, in place: ``c <- min(1, fade c + own a + near sum of a within three rings)``.

    Args:
        calcium: at every place.
        active: ``(C,)`` bool, which cells are depolarised.
        place: ``(C,)``, the place of each cell.
        around: ``(C, n)``, the places around each cell; the first -1 ends a row.
        fade, own, near: the constants.
    """
    for i in range(calcium.size):
        calcium[i] *= fade
    for c in range(active.size):
        if active[c]:
            calcium[place[c]] += own
            for other in around[c]:
                if other < 0:
                    break
                calcium[other] += near
    for i in range(calcium.size):
        if calcium[i] > 1:
            calcium[i] = 1


@njit(**_INLINE)
def _root(parent: Any, wave: Any) -> Any:
    while parent[wave] != wave:
        wave = parent[wave]
    return wave


@njit(**_INLINE)
def _flood(seed: Any, canvas: Any, book: Any, found: Any, met: Any) -> Any:
    """Unassigned places above `LOW` that hang together with `seed`, and the waves that they touch: their numbers."""
    found[0], size, n_met, at = seed, 1, 0, 0
    book.label[seed] = -1
    while at < size:
        for d in canvas.near:
            other = found[at] + d
            if book.label[other] > 0:
                wave = _root(book.parent, book.label[other])
                if not (met[:n_met] == wave).any():
                    met[n_met] = wave
                    n_met += 1
            elif book.label[other] == 0 and book.calcium[other] > LOW:
                book.label[other] = -1
                found[size] = other
                size += 1
        at += 1
    return size, n_met


@njit(**_INLINE)
def _join(wave: Any, frame: Any, places: Any, canvas: Any, book: Any) -> None:
    """Places become part of a wave: of a new one its origin, of an old one perhaps its farthest point."""
    row = book.table[wave]
    new = row[SIZE] == 0
    if new:
        weight = 0.0
        for place in places:
            weight += book.calcium[place]
            row[X] += book.calcium[place] * canvas.x[place]
            row[Y] += book.calcium[place] * canvas.y[place]
        row[X] /= weight
        row[Y] /= weight
        row[BEGIN] = frame
    for place in places:
        book.label[place] = wave
        row[ACTIVE] += 1
        before = book.member[place]
        book.member[place] = wave
        if before > 0 and _root(book.parent, before) == wave:
            continue
        row[SIZE] += 1
        distance = np.hypot(canvas.x[place] - row[X], canvas.y[place] - row[Y])
        if not new and distance > row[FAR]:
            row[FAR], row[FAR_FRAME] = distance, frame


@njit(**_INLINE)
def _absorb(wave: Any, other: Any, book: Any) -> None:
    """`other` goes on as part of `wave`."""
    mine, theirs = book.table[wave], book.table[other]
    book.parent[other] = wave
    mine[SIZE] += theirs[SIZE]
    mine[ACTIVE] += theirs[ACTIVE]
    mine[BEGIN] = min(mine[BEGIN], theirs[BEGIN])
    mine[MERGED], theirs[MERGED] = 1, 2


@njit(**_INLINE)
def _rise(place: Any, frame: Any, canvas: Any, book: Any) -> None:
    """A place above `HIGH`: perhaps the end of an interval."""
    pause = frame - book.left[place]
    if not book.lit[place] and canvas.is_cell[place] and book.left[place] > 0 and pause > SHORTEST_PAUSE:
        book.counters[PAUSES] += 1
        book.counters[PAUSE_SUM] += pause
        book.counters[PAUSE_SQUARES] += pause * pause
    book.lit[place] = True


@njit(**_INLINE)
def _leave(place: Any, frame: Any, book: Any) -> None:
    """A place below `LOW` leaves its wave, which ends with its last place."""
    row = book.table[_root(book.parent, book.label[place])]
    book.label[place], book.lit[place], book.left[place] = 0, False, frame
    row[ACTIVE] -= 1
    if row[ACTIVE] == 0:
        row[END] = frame


@njit(**COMPILED)
def follow(movie: Any, canvas: Any, book: Any) -> Any:
    """Follow all waves through ``(F, C)`` frames; returns how many frames the table had room for."""
    found = np.empty(canvas.places.size, np.int64)
    met = np.empty(canvas.places.size, np.int64)
    for f in range(len(movie)):
        if book.counters[WAVES] + canvas.places.size >= len(book.parent):
            return f
        book.counters[FRAMES] += 1
        frame = book.counters[FRAMES]
        fluoresce(book.calcium, movie[f], canvas.cell_place, canvas.around, FADE, SELF, AROUND)
        for place in canvas.places:
            level = book.calcium[place]
            if level > HIGH:
                _rise(place, frame, canvas, book)
            if level > HIGH and book.label[place] == 0:
                size, n_met = _flood(place, canvas, book, found, met)
                if n_met == 0:
                    book.counters[WAVES] += 1
                    met[0] = book.counters[WAVES]
                    book.parent[met[0]] = met[0]
                _join(met[0], frame, found[:size], canvas, book)
                for m in range(1, n_met):
                    _absorb(met[0], met[m], book)
            elif book.label[place] > 0 and level < LOW:
                _leave(place, frame, book)
    return len(movie)
