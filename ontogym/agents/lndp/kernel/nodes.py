"""What a node computes: what it perceives, its GRU, its activity. Equations as numbered in docs/kernel.md.

`n` is the number of nodes, `m` the padded length of a row of them; loops over `u` take a block of nodes at a time.
What stands in the padding is finite and never read by a node.
"""

from __future__ import annotations

from typing import Any

from ontogym.agents.lndp.kernel.functions import fma, sigmoid, sum_parts, tanh
from ontogym.agents.lndp.kernel.lanes import WIDTH
from ontogym.agents.lndp.kernel.memory import (
    column,
    every,
    four,
    gene,
    lanes,
    next_four,
    no_four,
    node,
    put,
    put_four,
)
from ontogym.agents.lndp.kernel.options import ADD, NO_BIAS, F
from ontogym.agents.lndp.kernel.places import below
from ontogym.compiling import CALLED, njit

__all__ = ["activate", "degrees", "dense", "identify", "node_gru"]


@njit(**CALLED)
def dense(w: Any, at: int, stride: int, n_out: int, n_in: int, x: Any, y: Any, m: int, bias: int) -> None:
    """y[k] = b_k + sum over c of w[at + k stride + c] x[c], for all nodes, four rows of y at a time.

    Args:
        bias: where the biases are in w. NO_BIAS: they are 0. ADD: the sum is added to y.
    """
    for k in range(0, n_out, 4):
        for u in range(0, m, WIDTH):
            if bias == ADD:
                total = four(y, k, u)
            elif bias == NO_BIAS:
                total = no_four(y)
            else:
                total = column(w, bias + k, 1)
            for c in range(n_in):
                total = fma(column(w, at + k * stride + c, stride), x[c, u], total)
            put_four(y, k, u, total)


@njit(**CALLED)
def degrees(n: int, m: int, mask: Any, mask_t: Any, released: bool, d: Any) -> None:
    """In-degree / 10, out-degree / 10 and the total / 20 of each node, in three rows."""
    for u in range(0, m, WIDTH):
        into = out = lanes(d, 0.0)
        for i in range(n):
            into, out = into + mask[i, u], out + mask_t[i, u]  # (1)
        if released:  # names swapped, and the total by operator precedence (quirk 3)
            d[0, u], d[1, u], d[2, u] = out * 0.1, into * 0.1, out * 0.1 + into * 0.1 * 0.05  # (1)
        else:
            d[0, u], d[1, u], d[2, u] = into * 0.1, out * 0.1, (into + out) * 0.05  # (1)


@njit(**CALLED)
def identify(n: int, m: int, w: Any, at: Any, flags: Any, h: Any, seen: Any) -> None:
    """seen = h, plus the evolved identity of each input and output node."""
    for k in range(F):
        for u in range(0, m, WIDTH):
            seen[k, u] = h[k, u]
        if at.identity >= 0:
            own = at.identity + k
            for j in range(flags.n_inputs):
                put(seen, k, j, node(seen, k, j) + gene(w, own + j * F))
            first = n - flags.n_outputs
            for j in range(first, n):
                put(seen, k, j, node(seen, k, j) + gene(w, own + (flags.n_inputs + j - first) * F))


@njit(**CALLED)
def node_gru(m: int, w: Any, at: Any, x: Any, g: Any, h: Any) -> None:
    """h <- GRU(x, h), in place; `g` are 4 F rows to work in."""
    r, z, c, g_n = 0, F, 2 * F, 3 * F
    dense(w, at.gru_ih, F, 3 * F, F, x, g, m, at.gru_bias)  # W_ih x + b
    dense(w, at.gru_hh, F, 2 * F, F, h, g, m, ADD)
    # Only the n gate has a hidden bias (quirk 4), and it is inside the reset.
    dense(w, at.gru_hh + 2 * F * F, F, F, F, h, below(g, g_n), m, at.gru_bias_n)
    for k in range(0, F, 4):
        for u in range(0, m, WIDTH):
            reset, keep = sigmoid(four(g, r + k, u)), sigmoid(four(g, z + k, u))  # (4)
            new = tanh(fma(reset, four(g, g_n + k, u), four(g, c + k, u)))  # (4)
            put_four(h, k, u, fma(keep, four(h, k, u) - new, new))  # (4)


@njit(**CALLED)
def activate(
    n: int, m: int, flags: Any, observation: Any, h: Any, weights: Any, history: Any, a: Any
) -> None:
    """a <- tanh(W a + b) for `rnn_iters` steps, inputs clamped; the history keeps every step.

    Args:
        observation: one number a row. weights: rows of the first edge feature. history: K rows. a: one row.
    """
    senders = n - flags.n_outputs  # outputs send to nobody
    whole = senders - senders % 4
    for u in range(0, m, WIDTH):
        if not flags.recurrent:
            a[0, u] = 0.0
    for t in range(flags.rnn_iters):
        for u in range(0, m, WIDTH):
            history[t, u] = a[0, u]
        for j in range(flags.n_inputs):
            put(history, t, j, node(observation, j, 0))
        for u in range(0, m, WIDTH):
            total, rest = no_four(a), lanes(a, 0.0)
            if flags.bias:
                rest = h[0, u]
            for i in range(0, whole, 4):
                total = fma(next_four(history, t, i), four(weights, i, u), total)
            for i in range(whole, senders):
                rest = fma(every(history, t, i), weights[i, u], rest)
            a[0, u] = tanh(sum_parts(total) + rest)  # (9)
    for u in range(0, m, WIDTH):
        history[flags.rnn_iters, u] = a[0, u]
