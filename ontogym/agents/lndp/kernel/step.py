"""The LNDP's built-in rule as one kernel: one individual at a time, all of its step in cache.

The arithmetic is that of `graph_transformer.py`, the readable oracle of this package's tests, for the default sizes
(8 node features, 4 edge features, 3 heads, ...); docs/kernel.md says how it is built. What makes it fast:

- it is written in explicit vectors over nodes (`lanes`), and rows of nodes are padded (`options.PAD`), so that one
  compiled kernel serves every number of nodes and no loop has a remainder;
- first layers of the edge networks are done once per node and only added up per edge;
- blocks that have no edge, and growth where every edge exists, are skipped.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ontogym.agents.lndp.kernel.attention import attend, attend_released
from ontogym.agents.lndp.kernel.edges import project, rewire
from ontogym.agents.lndp.kernel.lanes import WIDTH
from ontogym.agents.lndp.kernel.memory import add_number, put
from ontogym.agents.lndp.kernel.nodes import activate, degrees, dense, identify, node_gru
from ontogym.agents.lndp.kernel.options import GATES, HEADS, HIDDEN, NO_BIAS, PAD, QKV, UPDATE, VALUE, F, S
from ontogym.agents.lndp.kernel.places import below, genes, rows, with_length, working_rows
from ontogym.compiling import CALLED, COMPILED, njit

__all__ = ["WORK", "mark_types", "step_rows", "update"]

CALLER_WAITS, HELPER_LISTENS = 20_000, 20_000
"""How often the caller asks whether the helpers are done (a few rows' time), and a helper whether the bell rings
(less than a tenth of a millisecond: where other programs want the core, one that listens long is sent away when its
turn comes)."""

TYPES = 3
"""Row of what perception sees that says which nodes are inputs; the next one says which are outputs."""
WORK = 2 * F + QKV + 2 * HIDDEN + PAD
"""Rows to work in, beside the 5 + K rows of degrees, types and history."""


# Inlined before it is compiled, or LLVM would optimise all that it calls once for it and once for its caller.
@njit(inline="always")
def update(
    n: int, m: int, w: Any, at: Any, flags: Any, reward: Any, change: int, key: Any, allowed: Any, innate: Any, h: Any,
    edges: Any, mask: Any, mask_t: Any, past: Any, view: Any,
) -> int:  # fmt: skip
    """One step of development of one individual, in place: nodes, edges, wiring; returns edges changed.

    Args:
        view: rows to work in, the first of which are what a node perceives: 3 degrees, 2 types, K activations
            remembered, and F features.
    """
    k = flags.rnn_iters + 1
    sees = 5 + k + F
    history, seen, x = below(view, 5), below(view, 5 + k), below(view, sees)
    qkv = below(x, F)
    y = below(qkv, QKV)
    work = below(y, 2 * HIDDEN)
    degrees(n, m, mask, mask_t, flags.released, view)
    for t in range(k):
        for u in range(0, m, WIDTH):
            history[t, u] = past[t, u]
    identify(n, m, w, at, flags, h, seen)
    dense(w, at.perception, sees, F, sees, view, x, m, at.perception_bias)  # (1)
    if flags.transformer:
        dense(w, at.query, F, QKV, F, x, qkv, m, NO_BIAS)  # (2)
        if flags.released:
            attend_released(n, m, w, at, qkv, edges, mask, mask_t, work, y)
        else:
            attend(n, m, w, at, qkv, edges, mask, mask_t, work, y)
        dense(w, at.output, VALUE * HEADS, F, VALUE * HEADS, y, x, m, at.output_bias)  # (3)
    node_gru(m, w, at, x, y, h)
    identify(n, m, w, at, flags, h, seen)
    pair = below(y, 2 * GATES)
    project(m, w, at, flags, reward, seen, history, y, below(y, GATES), qkv, below(qkv, HIDDEN), pair)
    changed: int = rewire(
        n, m, w, at, flags, change, key, allowed, innate, y, below(y, GATES), qkv, below(qkv, HIDDEN), seen, pair, work, edges,
        mask, mask_t,
    )  # fmt: skip
    return changed


@njit(**CALLED)
def mark_types(n: int, m: int, flags: Any, view: Any) -> None:
    """One where a node is an input, and one where it is an output."""
    for u in range(0, m, WIDTH):
        view[TYPES, u] = view[TYPES + 1, u] = 0.0
    for j in range(flags.n_inputs):
        put(view, TYPES, j, 1.0)
    for j in range(n - flags.n_outputs, n):
        put(view, TYPES + 1, j, 1.0)


@njit(**COMPILED)
def step_rows(
    at: Any, flags: Any, allowed: Any, state: Any, observation: Any, reward: Any, changes: Any, living: Any,
    seat: int, taken: Any, bell: Any, call: int,
) -> bool:  # fmt: skip
    """One environment step of the individuals in `living`, in place; releases the GIL.

    Threads share the individuals among them: each begins with the share of its seat, whose memory it probably
    still has near, and then takes those that are left of the others' shares, one at a time.

    The caller (seat 0) waits a little for the others; a helper that is done stays here for a while, awake and
    without the GIL, until the bell rings for the next call. (A thread that sleeps takes 30 to 60 microseconds to
    wake, and one that wants the GIL at the moment when the caller needs it costs as much again.)

    Returns:
        whether all are done, by whomever.

    Args:
        at, flags: `Offsets` and `Flags`.
        allowed: (1, N * M), (pre, post).
        state: `NumbaState`.
        observation: (P, O). reward: (P,).
        changes: (P,) int64, what may change, bits `UPDATE`, `REWIRE`, `KEEP`; 0: act only.
        living: (R,) indices of those who step.
        seat: number of the calling thread. taken: (threads + 1,) int64, how many of each share are taken, and
            how many are done. bell: (1,) int64, which seat 0 raises to `call` when it begins, and once more if
            it cannot wait for the helpers to be done.
    """
    n = flags.nodes
    m = (n + PAD - 1) // PAD * PAD
    space = np.empty((5 + flags.rnn_iters + 1 + WORK) * m + PAD, state.genomes.dtype)
    view = working_rows(space, m)
    mark_types(n, m, flags, view)
    may = rows(allowed, 0, m)
    seats = len(taken) - 1
    if seat == 0:
        add_number(bell, 0, 1)
    for share in range(seat, seat + seats):
        share %= seats
        start, stop = share * len(living) // seats, (share + 1) * len(living) // seats
        while True:
            turn = start + add_number(taken, share, 1)
            if turn >= stop:
                break
            p = living[turn]
            h, past, e = rows(state.nodes, p, m), rows(state.history, p, m), rows(state.edges, p, m)
            if changes[p] & UPDATE:
                state.changed[p] = update(
                    n, m, genes(state.genomes, p), at, flags, reward[p], changes[p], state.keys[p], may,
                    rows(state.innate, p, m), h, e, rows(state.mask, p, m), rows(state.mask_t, p, m), past, view,
                )  # fmt: skip
            seen, weights = rows(observation, p, 1), with_length(e, S * m)
            activate(n, m, flags, seen, h, weights, past, rows(state.activation, p, m))
            add_number(taken, seats, 1)
    if seat == 0:
        patience = CALLER_WAITS
        while add_number(taken, seats, 0) < len(living) and patience > 0:
            patience -= 1
        if patience == 0:
            add_number(bell, 0, 1)
    else:
        patience = HELPER_LISTENS
        while add_number(bell, 0, 0) <= call and patience > 0:
            patience -= 1
    space[0] = 0.0  # numba would free it after the last line that names it, and `view` lies in it
    done: bool = add_number(taken, seats, 0) >= len(living)
    return done
