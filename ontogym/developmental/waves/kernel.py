"""The wave model as an event-driven kernel: what does not change is not computed.

Three things make it fast; none of them changes a bit of the result (`oracle.py` is the proof).

- Inputs are kept and changed by events: a cell that starts adds its couplings to its neighbours' inputs, and takes
  them away when it stops. Whole numbers leave no residue. All cells stay depolarised equally long, so that a
  queue in order of starting is also in order of stopping.
- A tile of 64 cells where nothing is depolarised, excited or receiving input can only decay. It sleeps until a
  neighbour starts, or until the first of its thresholds reaches 0; the decay of the steps in between is one product.
- A tile's 64 excitations, thresholds, decays and phases lie together, at constant distances from one address, as
  int32: the loop over them is a fixed number of vector instructions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ontogym.compiling import COMPILED, njit
from ontogym.developmental.waves import fixed_point, layout

__all__ = ["run"]

_INLINE: dict[str, Any] = {"error_model": "numpy", "forceinline": True}
# Written out once more, because Numba's cache of compiled code looks for changes in this file alone.
TILE_WIDTH, TILE_HEIGHT, TILE, FIRST_OCCASION = 8, 8, 64, 2
_FLOOR, _TOP, _SHIFT = np.int32(64), np.int32(1_800_000_000), np.int32(4)
_RISE_TOP = np.float32(300_000_000)
assert (TILE_WIDTH, TILE_HEIGHT, TILE) == (layout.TILE_WIDTH, layout.TILE_HEIGHT, layout.TILE)
assert FIRST_OCCASION == fixed_point.FIRST_OCCASION
assert (int(_FLOOR), int(_TOP)) == (fixed_point.EXCITATION_FLOOR, fixed_point.THRESHOLD_MAX)
assert (int(_SHIFT), int(_RISE_TOP)) == (fixed_point.SHIFT, fixed_point.RISE_MAX)
_ZERO, _ONE, _TWO = np.int32(0), np.int32(1), np.int32(2)
_LONGEST_SLEEP = np.float32(1e6)
"""Steps; up to here a quotient in float32 errs by less than the step that is taken off for it."""
_GOLDEN, _MIX1, _MIX2 = (
    np.uint64(0x9E3779B97F4A7C15),
    np.uint64(0xBF58476D1CE4E5B9),
    np.uint64(0x94D049BB133111EB),
)
_S30, _S27, _S31, _S48 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(48)


@njit(**_INLINE)
def _mix(x: Any) -> Any:
    x = (x ^ (x >> _S30)) * _MIX1
    x = (x ^ (x >> _S27)) * _MIX2
    return x ^ (x >> _S31)


@njit(**_INLINE)
def _word(key: Any, cell: Any, occasion: Any) -> Any:
    """`fixed_point.words` for one cell."""
    return _mix(_mix(key + _GOLDEN * np.uint64(cell + 1)) + _GOLDEN * np.uint64(occasion + 1))


@njit(**_INLINE)
def _catch_up(tile: Any, steps: Any) -> None:
    """The decay of `steps` steps in which nothing else happened. No threshold can pass 0: the tile would have woken."""
    count = np.int32(steps)
    for i in range(TILE):
        tile[1, i] = max(np.int32(tile[1, i] - np.int32(count * tile[2, i])), _ZERO)


@njit(**_INLINE)
def _sleep(tile: Any) -> Any:
    """Steps for which a tile at rest can surely be left alone."""
    least = _LONGEST_SLEEP
    for i in range(TILE):
        decay = tile[2, i]
        steps = np.float32(tile[1, i]) / np.float32(max(decay, _ONE))
        least = min(least, steps if decay > _ZERO else _LONGEST_SLEEP)
    return max(np.int64(least) - 1, 0)


@njit(**_INLINE)
def _update(tile: Any, drawn: Any, mix: Any, rise: Any, gain: Any) -> Any:
    """One step of 64 cells under the input `drawn`; how many started, and whether any is not at rest."""
    started, busy = _ZERO, _ZERO
    for i in range(TILE):
        total, excitation, phase = drawn[i], tile[0, i], tile[3, i]
        v, e = np.float32(total), np.float32(excitation)
        # E <- max(0, E + (I - E) dt / T_K)
        x = max(np.int32(e + (v - e) * mix), _ZERO)
        x = _ZERO if (total == _ZERO) & (x < _FLOOR) else x
        threshold = tile[1, i]
        quiet = phase == _ZERO
        # A quiet cell starts where E >= theta.
        start = quiet & (np.int32(x << _SHIFT) >= threshold)
        on = start | (phase > _ZERO)
        # theta <- max(0, theta + dt (-lambda + [active] (H1 + H2 I) / D))
        up = np.int32(min(rise + v * gain, _RISE_TOP))
        threshold = np.int32(np.int32(threshold - tile[2, i]) + (up if on else _ZERO))
        # E is not kept while active; it begins at 0 after the off step.
        x = x if quiet & (not start) else _ZERO
        phase = _TWO if start else (_ONE if on else _ZERO)
        tile[0, i] = x
        tile[1, i] = min(max(threshold, _ZERO), _TOP)
        tile[3, i] = phase
        started += _ONE if start else _ZERO
        busy |= x | phase | total
    return started, busy


@njit(**_INLINE)
def _spread(inputs: Any, place: Any, sign: Any, row_start: Any, row_length: Any, row_weight: Any) -> None:
    """Add (or take away) a cell's couplings to (from) its neighbours' inputs."""
    for r in range(row_start.size):
        first = place + row_start[r]
        for j in range(row_length[r]):
            inputs[first + j] += sign * row_weight[r, j]


@njit(**_INLINE)
def _place(slot: Any, origin: Any, width: Any) -> Any:
    """Where the input of the cell in a slot is summed."""
    tile, inner = slot // TILE, slot % TILE
    return origin[tile] + (inner // TILE_WIDTH) * width + inner % TILE_WIDTH


@njit(**_INLINE)
def _wake_around(wake: Any, place: Any, width: Any, reach: Any, step: Any) -> None:
    """Wake all tiles within `reach` of a place, for `step`."""
    y, x = place // width, place % width
    across = width // TILE_WIDTH
    for ty in range((y - reach) // TILE_HEIGHT, (y + reach) // TILE_HEIGHT + 1):
        for tx in range((x - reach) // TILE_WIDTH, (x + reach) // TILE_WIDTH + 1):
            at = ty * across + tx
            wake[at] = min(wake[at], step)


@njit(**_INLINE)
def _stop(
    queue: Any, first: Any, stopping: Any, t: Any, key: Any, tiles: Any, active: Any, grid: Any
) -> None:
    """Cells that have been depolarised for longer than D fall quiet: lambda is drawn anew, from N(1, 0.2) times its mean."""
    for j in range(first, first + stopping):
        slot = queue[j % queue.size]
        cell = grid.cell[slot]
        tile, inner = slot // TILE, slot % TILE
        tiles[tile, 3, inner] = -1
        noise = grid.noise[_word(key, cell, t + FIRST_OCCASION) >> _S48]
        # lambda_i = (H1 / P) (sum_j w_ij / max_k sum_j w_kj) N(1, 0.2)
        tiles[tile, 2, inner] = np.int32(np.rint(grid.decay[cell] * noise))
        active[cell] = False


@njit(**_INLINE)
def _step_tiles(
    t: Any,
    tiles: Any,
    seen: Any,
    wake: Any,
    inputs: Any,
    queue: Any,
    last: Any,
    drawn: Any,
    grid: Any,
    rate: Any,
) -> Any:
    """Step `t` of all tiles that are awake; the end of the queue, to which the cells that started were added."""
    for b in grid.living:
        if wake[b] > t:
            continue
        tile = tiles[b]
        if seen[b] < t - 1:
            _catch_up(tile, t - 1 - seen[b])
        seen[b] = t
        for y in range(TILE_HEIGHT):
            for x in range(TILE_WIDTH):
                drawn[y * TILE_WIDTH + x] = inputs[grid.origin[b] + y * grid.width + x]
        started, busy = _update(tile, drawn, rate.mix, rate.rise, rate.gain)
        if started:
            for i in range(TILE):
                if tile[3, i] == _TWO:
                    queue[last % queue.size] = b * TILE + i
                    last += 1
        wake[b] = t + 1 if busy else t + 1 + _sleep(tile)
    return last


@njit(**COMPILED)
def _run_one(
    steps: Any, every: Any, frames: Any, key: Any, step: Any, state: Any, grid: Any, rate: Any
) -> None:
    """Advance one retina by `steps`; after each `every` of them (if not 0), write `active` to the next frame."""
    tiles, seen, wake, inputs, active, queue, due, head = state
    room, drawn = queue.size, np.empty(TILE, np.int32)
    for t in range(step, step + steps):
        first, stopping = head[0], due[t % rate.hold]
        _stop(queue, first, stopping, t, key, tiles, active, grid)
        last = _step_tiles(t, tiles, seen, wake, inputs, queue, head[1], drawn, grid, rate)
        # I_i(t + 1) = sum_j w_ij [j active at t], kept by what each cell adds and takes away.
        for j in range(first, first + stopping):
            place = _place(queue[j % room], grid.origin, grid.width)
            _spread(inputs, place, np.int32(-1), grid.row_start, grid.row_length, grid.row_weight)
        for j in range(head[1], last):
            slot = queue[j % room]
            active[grid.cell[slot]] = True
            place = _place(slot, grid.origin, grid.width)
            _spread(inputs, place, _ONE, grid.row_start, grid.row_length, grid.row_weight)
            _wake_around(wake, place, grid.width, grid.reach, t + 1)
        due[t % rate.hold] = last - head[1]
        head[0], head[1] = first + stopping, last
        if every > 0 and (t + 1 - step) % every == 0:
            frames[(t + 1 - step) // every - 1] = active


@njit(**COMPILED)
def run(steps: Any, every: Any, frames: Any, state: Any, grid: Any, rate: Any) -> None:
    """Advance B retinas by `steps`, in place.

    Args:
        every: steps per frame, 0 for no frames.
        frames: ``(steps // every, B, C)`` bool, which cells are depolarised at the end of each frame.
        state: the arrays of a `WaveState`.
        grid: a `Layout`.
        rate: the `Rates`.
    """
    key, step, tiles, seen, wake, inputs, active, queue, due, head = state
    for b in range(step.size):
        one = tiles[b], seen[b], wake[b], inputs[b], active[b], queue[b], due[b], head[b]
        _run_one(steps, every, frames[:, b], key[b], step[b], one, grid, rate)
        step[b] += steps
