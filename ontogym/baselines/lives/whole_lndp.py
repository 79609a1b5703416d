"""Whole lives of LNDPs in one call, where the numba engine computes them and the world is compiled.

`live` takes this path by itself; it gives what `rollout` gives, bit for bit. A network stays in its core's cache from birth to death, and
threads take lives, not steps, from a common stock. Nothing may look on, and nothing be held still; what wiring comes to over
a life is counted as `WiringWatcher` counts it.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from numba import typeof, types, void
from numpy.typing import NDArray

from ontogym.agents.base import CONDUCTS
from ontogym.agents.individuals import Individuals
from ontogym.agents.lndp.agent import LNDP
from ontogym.agents.lndp.kernel.memory import add_number
from ontogym.agents.lndp.kernel.nodes import activate
from ontogym.agents.lndp.kernel.options import PAD, REWIRE, UPDATE, S
from ontogym.agents.lndp.kernel.places import genes, rows, with_length, working_rows
from ontogym.agents.lndp.kernel.step import WORK, mark_types, update
from ontogym.agents.lndp.numba_engine import NumbaEngine
from ontogym.baselines.lives.rollout import Lived
from ontogym.baselines.lives.spec import LifeSpec
from ontogym.baselines.lives.whole_parts import (
    Compiled,
    beginnings,
    choose,
    edges_of,
    finite,
    hearing,
    tell,
    told_of,
)
from ontogym.baselines.lives.wiring import EVERY, LATE, WiringWatcher
from ontogym.batched.native import OBSERVE, STEP
from ontogym.compiling import CALLED, COMPILED, njit
from ontogym.seeding import GOLDEN

__all__ = ["lndp_lives"]

_CONDUCTS = np.float32(CONDUCTS)
_ONE = np.float32(1.0)
CALL_SECONDS, SECONDS_A_STEP = 2.0, 2e-8
"""How long a call may take if nobody dies early, so that an interrupt is noticed; a step's time over the square of the nodes."""


class Motor(NamedTuple):
    """How many motor outputs there are, and whether they are an action in a box."""

    outputs: int
    box: bool


class Counted(NamedTuple):
    """What of wiring is counted, see `WiringWatcher`: ``sums`` (3, P), ``age`` (P,), ``recent`` (LATE, P)."""

    sums: NDArray[np.float64]
    age: NDArray[np.int64]
    recent: NDArray[np.float32]


def lndp_lives(
    found: Compiled,
    genomes: NDArray[np.floating],
    spec: LifeSpec,
    seeds: NDArray[np.uint64],
    options: dict[str, NDArray[Any]],
) -> tuple[Lived, dict[str, NDArray[np.floating]]]:
    """Every genome ``(P, D)`` lives every life ``(L,)``, or its own of ``(P, L)``, lanes genome-major; and what wiring came to.

    Args:
        options: reset options of the lives of `seeds`.
    """
    agent, native = found.agent, found.native
    assert isinstance(agent, LNDP)
    lives = seeds.shape[-1]
    actor = Individuals(agent, np.repeat(genomes, lives, 0), spec.imposed_development)
    born = actor.begin(np.tile(seeds, len(genomes)) if seeds.ndim == 1 else seeds.ravel())
    starts, streams = beginnings(found, spec, seeds.ravel(), options)
    lanes, heard = len(actor.genomes), hearing(agent, spec, found.lanes.limit, native.age)
    returns, lengths = np.zeros((lanes, spec.episodes)), np.zeros((lanes, spec.episodes), np.int64)
    failed, counts = np.zeros(lanes, np.bool_), []
    each = lives * _genomes_a_call(agent.options.nodes, lives * spec.episodes * heard.limit)
    for first in range(0, lanes, each):
        part = slice(first, first + each)
        count = len(failed[part])
        counted = Counted(
            np.zeros((3, count)), np.zeros(count, np.int64), np.zeros((LATE, count), np.float32)
        )
        # Lives of their own have beginnings of their own.
        own = part if seeds.ndim == 2 else slice(None)
        _live_some(
            found, spec, heard, _rows_of(born.agent.engine, part), np.ascontiguousarray(starts[:, own]),
            np.ascontiguousarray(streams[:, own]), (returns[part], lengths[part], failed[part], counted),
        )  # fmt: skip
        counts.append(counted)
    whole = (np.concatenate(parts, -1) for parts in zip(*counts))
    measured: dict[str, NDArray[np.floating]] = {**WiringWatcher(actor).tell(*whole)}
    return Lived(born, returns, lengths, failed), measured


def _genomes_a_call(nodes: int, steps: int) -> int:
    """How many genomes live at a time, of so many steps each: so many that Python is heard of every now and then."""
    return max(1, int(CALL_SECONDS / (SECONDS_A_STEP * nodes**2 * steps)))


def _rows_of(state: Any, part: slice) -> Any:
    """Some lanes of an engine's state, in the same memory."""
    return type(state)._make(_rows_of(x, part) if isinstance(x, tuple) else x[part] for x in state)


def _live_some(
    found: Compiled,
    spec: LifeSpec,
    heard: Any,
    state: Any,
    starts: Any,
    streams: Any,
    written: tuple[Any, ...],
) -> None:
    """One compiled call, by all threads; `state` and `written` (returns, lengths, failed, counted) are written."""
    agent, native = found.agent, found.native
    assert isinstance(agent, LNDP)
    engine = agent.engine
    assert isinstance(engine, NumbaEngine)
    gain = np.ones(agent.spaces.n_observations, np.float32) if agent.gain is None else agent.gain
    motor = Motor(agent.spaces.n_actions, isinstance(agent.action_space, spaces.Box))
    scales = np.array(
        [spec.reward_clamp or 0.0, agent.options.reward_scale, agent.n_allowed_edges], np.float32
    )
    threads = min(engine.threads, len(written[0]))
    taken = np.zeros(threads, np.int64)
    given = (
        native.parameters, starts, streams, engine._at, engine._flags, engine._allowed, state, gain, motor, heard, scales,
        edges_of(agent.action_space), *written,
    )  # fmt: skip
    live_lanes = _live_lanes(tuple(typeof(part) for part in given))

    def run(seat: int) -> bool:
        live_lanes(native.step, native.observe, *given, seat, taken)
        return False  # others may be in the middle of a life

    engine.share(run, threads)


# ---- the compiled part -----------------------------------------------------------------------------------------


@njit(**CALLED)
def _count(
    counted: Any, lane: int, step: int, n: int, m: int, changed: int, room: Any, mask: Any, edges: Any
) -> None:
    """As `WiringWatcher.acted`; `mask` and `edges` are those of this lane."""
    counted.recent[counted.age[lane] % LATE, lane] = np.float64(changed) / np.float64(room)
    counted.age[lane] += 1
    if step % EVERY == 0:
        all_edges, conducting = np.float32(0.0), 0
        for i in range(n):
            for j in range(i * m, (i + 1) * m):
                all_edges += mask[j]
                conducting += abs(edges[j + i * (S - 1) * m]) * mask[j] > _CONDUCTS
        counted.sums[0, lane] += np.float64(all_edges / room)
        counted.sums[1, lane] += np.float64(conducting) / np.float64(room)
        counted.sums[2, lane] += 1.0


def _lives(
    step: Any, observe: Any, parameters: Any, starts: Any, streams: Any, at: Any, flags: Any, allowed: Any, state: Any,
    gain: Any, motor: Any, heard: Any, scales: Any, bounds: Any, returns: Any, lengths: Any, failed: Any, counted: Any,
    seat: int, taken: Any,
) -> None:  # fmt: skip
    """Lives of the lanes that are left, one after another; `state`, `returns`, `lengths`, `failed` and `counted` are written.

    Args:
        scales: clamped reward, factor on rewards, edges that may be. seat: of the calling thread. taken: ``(threads,)``, how
            many of each thread's share are taken, see `step_rows`.
    """
    n = flags.nodes
    m = (n + PAD - 1) // PAD * PAD
    space = np.empty((5 + flags.rnn_iters + 1 + WORK) * m + PAD, state.genomes.dtype)
    work = working_rows(space, m)
    mark_types(n, m, flags, work)
    may, drawn = rows(allowed, 0, m), GOLDEN * np.uint64(2 * n * n)
    view, x = np.zeros(len(gain), np.float32), np.zeros((1, flags.n_inputs), np.float32)
    action, own = np.zeros(motor.outputs), np.zeros(motor.outputs, np.float32)
    outcome, stream = np.zeros(2), np.zeros(1, np.uint64)
    lanes, seats = len(returns), len(taken)
    for share in range(seat, seat + seats):
        share %= seats
        first, stop = share * lanes // seats, (share + 1) * lanes // seats
        while True:
            lane = first + add_number(taken, share, 1)
            if lane >= stop:
                break
            h, past, e = rows(state.nodes, lane, m), rows(state.history, lane, m), rows(state.edges, lane, m)
            mask, activation = rows(state.mask, lane, m), rows(state.activation, lane, m)
            x[:] = np.float32(0.0)
            told = np.float32(0.0)
            for episode in range(starts.shape[0]):
                world = starts[episode, lane % starts.shape[1]].copy()
                if heard.age >= 0:
                    world[heard.age] = world[heard.age + 1] = lengths[lane].sum()
                stream[0] = streams[episode, lane % starts.shape[1]]
                observe(world, parameters, view)
                failed[lane] = not finite(view)
                if heard.start >= 0:
                    x[0, heard.start] = _ONE
                going, age = not failed[lane], 0
                while going:
                    for i in range(len(view)):
                        x[0, i] = view[i] * gain[i]
                    state.changed[lane] = update(
                        n, m, genes(state.genomes, lane), at, flags, told * scales[1], UPDATE | REWIRE, state.keys[lane], may,
                        rows(state.innate, lane, m), h, e, mask, rows(state.mask_t, lane, m), past, work,
                    )  # fmt: skip
                    activate(n, m, flags, rows(x, 0, 1), h, with_length(e, S * m), past, activation)
                    if flags.stochastic:
                        state.keys[lane] += drawn
                    _count(
                        counted,
                        lane,
                        age,
                        n,
                        m,
                        state.changed[lane],
                        scales[2],
                        state.mask[lane],
                        state.edges[lane],
                    )
                    age += 1
                    choose(motor, state.activation[lane : lane + 1, n - motor.outputs :], bounds, action, own)
                    step(world, action, parameters, stream, outcome)
                    observe(world, parameters, view)
                    reward, terminated = outcome[0], outcome[1] != 0.0
                    if not np.isfinite(reward):
                        failed[lane] = True
                        break
                    returns[lane, episode] += reward
                    lengths[lane, episode] += 1
                    told = told_of(heard, reward, terminated, scales[0])
                    tell(heard, told, terminated, _ONE, x)
                    if heard.action >= 0:
                        for k in range(motor.outputs):
                            x[0, heard.action + k] = own[k]
                    if terminated or age >= heard.limit:
                        going = False
                    elif not finite(view):
                        failed[lane] = True
                        break
                if failed[lane]:
                    returns[lane, episode:] = np.nan
                    break
    space[0] = 0.0  # until here numba keeps it, in which `work` lies


@functools.cache
def _live_lanes(given: tuple[Any, ...]) -> Any:
    """`_lives`, compiled once for all worlds and sizes: the world's functions are pointers."""
    seat, taken = types.int64, types.Array(types.int64, 1, "C")
    signature = void(types.FunctionType(STEP), types.FunctionType(OBSERVE), *given, seat, taken)
    return njit(signature, **COMPILED)(_lives)
