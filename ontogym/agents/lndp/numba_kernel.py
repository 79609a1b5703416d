"""The LNDP's built-in rule as one fused kernel: one individual at a time, all of its step in cache.

The arithmetic is that of `graph_transformer.py`, the readable oracle of this file's tests, for the default
sizes (8 node features, 4 edge features, 3 heads, ...). What makes it fast:

- the number of nodes is a compile-time constant, handed in as the length of a tuple (`tag`), so that every
  inner loop over nodes is a fixed number of vector instructions;
- first layers of the edge networks are projected once per node and only added up per edge;
- edges are stored (pre, feature, post): a presynaptic node's row is contiguous, and all its features have
  one base address, which lets LLVM prove that the loops may be vectorised;
- rows that have no edge, and growth where every edge exists, are skipped.

All arrays of one individual are flat; `n` is the number of nodes throughout.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from ontogym.agents.lndp.numba_math import FASTMATH, add_number, exp, like, sigmoid, tanh, tanh_pair

__all__ = ["Flags", "Offsets", "step_rows"]

F, S, HEADS, QK, VALUE, HIDDEN = 8, 4, 3, 4, 8, 16
QKV = (2 * QK + VALUE) * HEADS

CALLER_WAITS, HELPER_LISTENS = 20_000, 20_000
"""How often the caller asks whether the helpers are done (a few rows' time), and a helper whether the bell rings
(less than a tenth of a millisecond: where other programs want the core, one that listens long is sent away when its
turn comes)."""

_KERNEL: dict[str, Any] = {"fastmath": FASTMATH, "error_model": "numpy", "cache": True, "nogil": True}
_ORDERED: dict[str, Any] = {"fastmath": FASTMATH - {"reassoc"}, "error_model": "numpy", "forceinline": True}
_INLINE: dict[str, Any] = {"fastmath": FASTMATH, "error_model": "numpy", "forceinline": True}


class Offsets(NamedTuple):
    """Where each learned array starts in the genome (-1: absent)."""

    query: int
    output: int
    output_bias: int
    edge: int
    edge_bias: int
    perception: int
    perception_bias: int
    gru_ih: int
    gru_hh: int
    gru_bias: int
    gru_bias_n: int
    synaptic: int
    pruning: int
    synaptogenesis: int
    identity: int


class Flags(NamedTuple):
    """Options of the step; see `LNDPConfig`."""

    n_inputs: int
    n_outputs: int
    rnn_iters: int
    released: bool
    transformer: bool
    synaptic: bool
    prune: bool
    grow: bool
    stochastic: bool
    recurrent: bool
    bias: bool
    threshold_logit: float


@njit(**_INLINE)
def _load4(w: Any, at: Any) -> Any:
    return w[at], w[at + 1], w[at + 2], w[at + 3]


@njit(**_INLINE)
def _dot4(w: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    return w[0] * a + w[1] * b + w[2] * c + w[3] * d


@njit(**_INLINE)
def _fill_rows(tag: Any, w: Any, at: Any, rows: Any, y: Any) -> None:
    """y[k] = w[at + k], or 0 if `at` is negative: the bias of a dense layer over nodes."""
    n = len(tag)
    for k in range(rows):
        b = w[at + k] if at >= 0 else like(w[0], 0.0)
        for j in range(n):
            y[k * n + j] = b


@njit(**_INLINE)
def _add_dense(tag: Any, w: Any, at: Any, stride: Any, rows: Any, cols: Any, x: Any, y: Any) -> None:
    """y[k] += sum_c w[at + k stride + c] x[c], for all nodes at once; four rows by four columns at a time."""
    n = len(tag)
    whole = cols - cols % 4
    for k in range(0, rows, 4):
        base = at + k * stride
        yk = y[k * n :]
        for c in range(0, whole, 4):
            w0, w1 = _load4(w, base + c), _load4(w, base + stride + c)
            w2, w3 = _load4(w, base + 2 * stride + c), _load4(w, base + 3 * stride + c)
            xc = x[c * n :]
            for j in range(n):
                x0, x1, x2, x3 = xc[j], xc[n + j], xc[2 * n + j], xc[3 * n + j]
                yk[j] += _dot4(w0, x0, x1, x2, x3)
                yk[n + j] += _dot4(w1, x0, x1, x2, x3)
                yk[2 * n + j] += _dot4(w2, x0, x1, x2, x3)
                yk[3 * n + j] += _dot4(w3, x0, x1, x2, x3)
        for c in range(whole, cols):
            v0, v1, v2, v3 = (
                w[base + c],
                w[base + stride + c],
                w[base + 2 * stride + c],
                w[base + 3 * stride + c],
            )
            xc = x[c * n :]
            for j in range(n):
                x0 = xc[j]
                yk[j] += v0 * x0
                yk[n + j] += v1 * x0
                yk[2 * n + j] += v2 * x0
                yk[3 * n + j] += v3 * x0


@njit(**_INLINE)
def _degrees(tag: Any, mask: Any, mask_t: Any, released: bool, deg: Any) -> None:
    """In-degree / 10, out-degree / 10 and the total, per node (released code: see quirk 3)."""
    n = len(tag)
    tenth, half_tenth = like(deg[0], 0.1), like(deg[0], 0.05)
    for j in range(3 * n):
        deg[j] = like(deg[0], 0.0)
    for i in range(n):
        for j in range(n):
            deg[j] += mask[i * n + j]
            deg[n + j] += mask_t[i * n + j]
    for j in range(n):
        d_in, d_out = deg[j], deg[n + j]
        if released:
            deg[j] = d_out * tenth
            deg[n + j] = d_in * tenth
            deg[2 * n + j] = d_out * tenth + d_in * tenth * half_tenth
        else:
            deg[j] = d_in * tenth
            deg[n + j] = d_out * tenth
            deg[2 * n + j] = (d_in + d_out) * half_tenth


@njit(**_INLINE)
def _perceive(tag: Any, w: Any, at: Any, flags: Any, deg: Any, history: Any, seen: Any, x: Any) -> None:
    """x = W_pre [degrees, type, remembered activations, node state]."""
    n = len(tag)
    k_history = flags.rnn_iters + 1
    stride = 5 + k_history + F
    _fill_rows(tag, w, at.perception_bias, F, x)
    _add_dense(tag, w, at.perception, stride, F, 3, deg, x)
    _add_dense(tag, w, at.perception + 5, stride, F, k_history, history, x)
    _add_dense(tag, w, at.perception + 5 + k_history, stride, F, F, seen, x)
    for k in range(F):
        w_in, w_out = w[at.perception + k * stride + 3], w[at.perception + k * stride + 4]
        for j in range(flags.n_inputs):
            x[k * n + j] += w_in
        for j in range(n - flags.n_outputs, n):
            x[k * n + j] += w_out


@njit(**_INLINE)
def _head_query(w: Any, at: Any, head: Any, i: Any, n: Any, qkv: Any) -> Any:
    """What one head needs of source i: its query / sqrt 4, and the edge term's weights."""
    half = like(w[0], 0.5)
    step = HEADS * n
    q = head * n + i
    edge = at.edge + head * (S + 3)
    return (
        (qkv[q] * half, qkv[q + step] * half, qkv[q + 2 * step] * half, qkv[q + 3 * step] * half),
        _load4(w, edge),
        (w[edge + 4], w[edge + 5], w[edge + 6], w[at.edge_bias + head]),
    )


@njit(**_INLINE)
def _scores(tag: Any, w: Any, at: Any, i: Any, qkv: Any, er: Any, ar: Any, at_row: Any, s: Any) -> None:
    """Attention scores of all heads between source i and every target j, head h in s[h n n :]:
    (q_i . k_j / sqrt 4) E([e_ij, A_ij, A_ji, I_ij])."""
    n = len(tag)
    q0, e0, m0 = _head_query(w, at, 0, i, n, qkv)
    q1, e1, m1 = _head_query(w, at, 1, i, n, qkv)
    q2, e2, m2 = _head_query(w, at, 2, i, n, qkv)
    step, plane = HEADS * n, n * n
    key = qkv[QK * HEADS * n :]
    for j in range(n):
        a, b, c, d, m, t = er[j], er[n + j], er[2 * n + j], er[3 * n + j], ar[j], at_row[j]
        k0, k1 = key[j], key[step + j]
        k2, k3 = key[2 * step + j], key[3 * step + j]
        s[j] = _dot4(q0, k0, k1, k2, k3) * (_dot4(e0, a, b, c, d) + m0[0] * m + m0[1] * t + m0[3])
        k0, k1 = key[n + j], key[step + n + j]
        k2, k3 = key[2 * step + n + j], key[3 * step + n + j]
        s[plane + j] = _dot4(q1, k0, k1, k2, k3) * (_dot4(e1, a, b, c, d) + m1[0] * m + m1[1] * t + m1[3])
        k0, k1 = key[2 * n + j], key[step + 2 * n + j]
        k2, k3 = key[2 * step + 2 * n + j], key[3 * step + 2 * n + j]
        s[2 * plane + j] = _dot4(q2, k0, k1, k2, k3) * (_dot4(e2, a, b, c, d) + m2[0] * m + m2[1] * t + m2[3])
    key = key[i:]
    s[i] += m0[2] * _dot4(q0, key[0], key[step], key[2 * step], key[3 * step])
    s[plane + i] += m1[2] * _dot4(q1, key[n], key[step + n], key[2 * step + n], key[3 * step + n])
    key = key[2 * n :]
    s[2 * plane + i] += m2[2] * _dot4(q2, key[0], key[step], key[2 * step], key[3 * step])


@njit(**_INLINE)
def _four_values(value: Any, i: Any) -> Any:
    """One value component of the sources i .. i + 3."""
    return value[i], value[i + 1], value[i + 2], value[i + 3]


@njit(**_INLINE)
def _add_values(tag: Any, i: Any, value: Any, p: Any, y: Any) -> None:
    """y[c, j] += sum over sources i .. i + 3 of p[i, j] v_i[c], for the eight components of one head."""
    n = len(tag)
    step = HEADS * n
    v0, v1 = _four_values(value, i), _four_values(value, step + i)
    v2, v3 = _four_values(value, 2 * step + i), _four_values(value, 3 * step + i)
    v4, v5 = _four_values(value, 4 * step + i), _four_values(value, 5 * step + i)
    v6, v7 = _four_values(value, 6 * step + i), _four_values(value, 7 * step + i)
    for j in range(n):
        a, b, c, d = p[j], p[n + j], p[2 * n + j], p[3 * n + j]
        y[j] += _dot4(v0, a, b, c, d)
        y[step + j] += _dot4(v1, a, b, c, d)
        y[2 * step + j] += _dot4(v2, a, b, c, d)
        y[3 * step + j] += _dot4(v3, a, b, c, d)
        y[4 * step + j] += _dot4(v4, a, b, c, d)
        y[5 * step + j] += _dot4(v5, a, b, c, d)
        y[6 * step + j] += _dot4(v6, a, b, c, d)
        y[7 * step + j] += _dot4(v7, a, b, c, d)


@njit(**_INLINE)
def _softmax_over_targets(tag: Any, s: Any) -> None:
    """Released code: for each source the weights over targets sum to 1 (quirk 1)."""
    n = len(tag)
    for i in range(HEADS * n):
        row = s[i * n :]
        top, total = row[0], like(row[0], 0.0)
        for j in range(n):
            top = max(top, row[j])
        for j in range(n):
            t = exp(row[j] - top)
            row[j] = t
            total += t
        total = like(total, 1.0) / total
        for j in range(n):
            row[j] *= total


@njit(**_ORDERED)
def _add_in_order(total: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    """total + a + b + c + d, from left to right whatever the blocking, so that results do not depend on it."""
    return (((total + a) + b) + c) + d


@njit(**_INLINE)
def _softmax_over_sources(tag: Any, s: Any, top: Any, total: Any) -> None:
    """Corrected reading: for each target the weights over sources sum to 1. Four rows at a time: a loop over
    32 targets is two vector instructions long, and its overhead would cost as much as its work."""
    n = len(tag)
    whole = n - n % 4
    for head in range(HEADS):
        plane = s[head * n * n :]
        for j in range(n):
            top[j] = plane[j]
            total[j] = like(top[0], 0.0)
        for i in range(0, whole, 4):
            row = plane[i * n :]
            for j in range(n):
                highest = max(max(row[j], row[n + j]), max(row[2 * n + j], row[3 * n + j]))
                top[j] = max(top[j], highest)
        for i in range(whole, n):
            row = plane[i * n :]
            for j in range(n):
                top[j] = max(top[j], row[j])
        for i in range(0, whole, 4):
            row = plane[i * n :]
            for j in range(n):
                t = top[j]
                a, b = exp(row[j] - t), exp(row[n + j] - t)
                c, d = exp(row[2 * n + j] - t), exp(row[3 * n + j] - t)
                row[j], row[n + j], row[2 * n + j], row[3 * n + j] = a, b, c, d
                total[j] = _add_in_order(total[j], a, b, c, d)
        for i in range(whole, n):
            row = plane[i * n :]
            for j in range(n):
                t = exp(row[j] - top[j])
                row[j] = t
                total[j] += t
        for j in range(n):
            total[j] = like(top[0], 1.0) / total[j]
        for i in range(0, whole, 4):
            row = plane[i * n :]
            for j in range(n):
                t = total[j]
                row[j] *= t
                row[n + j] *= t
                row[2 * n + j] *= t
                row[3 * n + j] *= t
        for i in range(whole, n):
            row = plane[i * n :]
            for j in range(n):
                row[j] *= total[j]


@njit(**_INLINE)
def _attend(
    tag: Any, w: Any, at: Any, released: Any, qkv: Any, edges: Any, mask: Any, mask_t: Any, s: Any, y: Any
) -> None:
    """The graph transformer's attention over all pairs: y[c, h] is what each node receives."""
    n = len(tag)
    for i in range(n):
        _scores(tag, w, at, i, qkv, edges[i * S * n :], mask[i * n :], mask_t[i * n :], s[i * n :])
    if released:
        _softmax_over_targets(tag, s)
    else:
        _softmax_over_sources(tag, s, s[HEADS * n * n :], s[HEADS * n * n + n :])
    whole = n - n % 4
    for head in range(HEADS):
        value = qkv[(2 * QK * HEADS + head) * n :]
        plane, out = s[head * n * n :], y[head * n :]
        for i in range(0, whole, 4):
            _add_values(tag, i, value, plane[i * n :], out)
        for i in range(whole, n):
            row = plane[i * n :]
            for c in range(VALUE):
                v = value[c * HEADS * n + i]
                for j in range(n):
                    out[c * HEADS * n + j] += v * row[j]


@njit(**_INLINE)
def _node_gru(tag: Any, w: Any, at: Any, x: Any, gi: Any, gh: Any, nodes: Any) -> None:
    """h <- GRU(x, h); gates r, z, n, only n has a hidden bias (quirk 4)."""
    n = len(tag)
    _fill_rows(tag, w, at.gru_bias, 3 * F, gi)
    _add_dense(tag, w, at.gru_ih, F, 3 * F, F, x, gi)
    _fill_rows(tag, w, -1, 3 * F, gh)
    _add_dense(tag, w, at.gru_hh, F, 3 * F, F, nodes, gh)
    for k in range(F):
        bn = w[at.gru_bias_n + k]
        r, z, c = k * n, (F + k) * n, (2 * F + k) * n
        for j in range(n):
            gi[c + j] = tanh(gi[c + j] + sigmoid(gi[r + j] + gh[r + j]) * (gh[c + j] + bn))
        for j in range(n):
            nodes[k * n + j] = gi[c + j] + sigmoid(gi[z + j] + gh[z + j]) * (nodes[k * n + j] - gi[c + j])


@njit(**_INLINE)
def _gates(r: Any, z: Any, x: Any, hidden: Any, e: Any) -> Any:
    """Two components of a GRU from their pre-activations: n = tanh(x + r hidden), e <- n + z (e - n)."""
    half = like(e[0], 0.5)
    ra, rb = tanh_pair(half * r[0], half * r[1])
    za, zb = tanh_pair(half * z[0], half * z[1])
    na, nb = tanh_pair(x[0] + (half * ra + half) * hidden[0], x[1] + (half * rb + half) * hidden[1])
    return na + (half * za + half) * (e[0] - na), nb + (half * zb + half) * (e[1] - nb)


@njit(**_INLINE)
def _edge_gru_row(tag: Any, w: Any, hh: Any, bn: Any, i: Any, post: Any, pre: Any, ar: Any, er: Any) -> None:
    """e_i. <- GRU([h_j, h_i, a_j, a_i, r], e_i.) A_i. for every target j of node i."""
    n = len(tag)
    r0, r1, r2, r3 = _load4(w, hh), _load4(w, hh + 4), _load4(w, hh + 8), _load4(w, hh + 12)
    z0, z1, z2, z3 = _load4(w, hh + 16), _load4(w, hh + 20), _load4(w, hh + 24), _load4(w, hh + 28)
    c0, c1, c2, c3 = _load4(w, hh + 32), _load4(w, hh + 36), _load4(w, hh + 40), _load4(w, hh + 44)
    b0, b1, b2, b3 = _load4(w, bn)
    ir0, ir1, ir2, ir3 = pre[i], pre[n + i], pre[2 * n + i], pre[3 * n + i]
    iz0, iz1, iz2, iz3 = pre[4 * n + i], pre[5 * n + i], pre[6 * n + i], pre[7 * n + i]
    ic0, ic1, ic2, ic3 = pre[8 * n + i], pre[9 * n + i], pre[10 * n + i], pre[11 * n + i]
    for j in range(n):
        a, b, c, d = er[j], er[n + j], er[2 * n + j], er[3 * n + j]
        m = ar[j]
        new_a, new_b = _gates(
            (post[j] + ir0 + _dot4(r0, a, b, c, d), post[n + j] + ir1 + _dot4(r1, a, b, c, d)),
            (post[4 * n + j] + iz0 + _dot4(z0, a, b, c, d), post[5 * n + j] + iz1 + _dot4(z1, a, b, c, d)),
            (post[8 * n + j] + ic0, post[9 * n + j] + ic1),
            (_dot4(c0, a, b, c, d) + b0, _dot4(c1, a, b, c, d) + b1),
            (a, b),
        )
        new_c, new_d = _gates(
            (post[2 * n + j] + ir2 + _dot4(r2, a, b, c, d), post[3 * n + j] + ir3 + _dot4(r3, a, b, c, d)),
            (post[6 * n + j] + iz2 + _dot4(z2, a, b, c, d), post[7 * n + j] + iz3 + _dot4(z3, a, b, c, d)),
            (post[10 * n + j] + ic2, post[11 * n + j] + ic3),
            (_dot4(c2, a, b, c, d) + b2, _dot4(c3, a, b, c, d) + b3),
            (c, d),
        )
        er[j], er[n + j], er[2 * n + j], er[3 * n + j] = m * new_a, m * new_b, m * new_c, m * new_d


@njit(**_INLINE)
def _prune_logits(tag: Any, w: Any, at: Any, er: Any, out: Any) -> None:
    """MLP 4 -> 16 -> 1 on the edge features of one row."""
    n = len(tag)
    bias, second = at + HIDDEN * S, at + HIDDEN * (S + 1)
    b_out = w[second + HIDDEN]
    zero = like(w[0], 0.0)
    for j in range(n):
        out[j] = b_out
    for k in range(0, HIDDEN, 2):
        p, q = _load4(w, at + S * k), _load4(w, at + S * (k + 1))
        bp, bq, vp, vq = w[bias + k], w[bias + k + 1], w[second + k], w[second + k + 1]
        for j in range(n):
            a, b, c, d = er[j], er[n + j], er[2 * n + j], er[3 * n + j]
            out[j] += vp * max(bp + _dot4(p, a, b, c, d), zero) + vq * max(bq + _dot4(q, a, b, c, d), zero)


@njit(**_INLINE)
def _grow_logits(tag: Any, w: Any, at: Any, i: Any, post: Any, pre: Any, out: Any) -> None:
    """MLP 16 -> 16 -> 1 on [h_j, h_i]; its first layer was projected per node into `post` and `pre`."""
    n = len(tag)
    second = at + HIDDEN * (2 * F + 1)
    b_out = w[second + HIDDEN]
    zero = like(w[0], 0.0)
    for j in range(n):
        out[j] = b_out
    for k in range(0, HIDDEN, 4):
        v0, v1, v2, v3 = _load4(w, second + k)
        p0, p1, p2, p3 = pre[k * n + i], pre[(k + 1) * n + i], pre[(k + 2) * n + i], pre[(k + 3) * n + i]
        for j in range(n):
            out[j] += (
                v0 * max(p0 + post[k * n + j], zero)
                + v1 * max(p1 + post[(k + 1) * n + j], zero)
                + v2 * max(p2 + post[(k + 2) * n + j], zero)
                + v3 * max(p3 + post[(k + 3) * n + j], zero)
            )


@njit(**_INLINE)
def _uniform(key: Any, index: Any) -> float:
    """Number `index` of the SplitMix64 stream at `key`, as `ontogym.seeding.LaneStreams` draws it."""
    x = key + np.uint64(0x9E3779B97F4A7C15) * np.uint64(index + 1)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    x = x ^ (x >> np.uint64(31))
    return np.float64(x >> np.uint64(11)) * 2.0**-53


@njit(**_INLINE)
def _draws(logit: Any, key: Any, index: Any) -> bool:
    """A stochastic decision: u < p / 2."""
    return _uniform(key, index) < 0.5 / (1.0 + np.exp(-np.float64(logit)))


@njit(**_INLINE)
def _edges_and_wiring(
    tag: Any,
    w: Any,
    at: Any,
    flags: Any,
    key: Any,
    allowed: Any,
    innate: Any,
    e_post: Any,
    e_pre: Any,
    g_post: Any,
    g_pre: Any,
    s: Any,
    edges: Any,
    mask: Any,
) -> int:
    """Synaptic update, pruning and synaptogenesis, a presynaptic row at a time; returns edges changed."""
    n = len(tag)
    zero, one = like(w[0], 0.0), like(w[0], 1.0)
    limit = like(w[0], flags.threshold_logit)
    cut, add = s, s[n:]
    big = like(w[0], 1e30)
    stride = 2 * F + 2 * (flags.rnn_iters + 1) + 1
    hh = at.synaptic + 12 * stride
    changed = 0
    for i in range(n - flags.n_outputs):
        er, ar, al = edges[i * S * n :], mask[i * n :], allowed[i * n :]
        count, room = zero, zero
        for j in range(n):
            count += ar[j]
            room += al[j]
        if count > zero:
            if flags.synaptic:
                _edge_gru_row(tag, w, hh, hh + 60, i, e_post, e_pre, ar, er)
            else:
                for j in range(S * n):
                    er[j] = innate[i * S * n + j] * ar[j % n]
        else:
            for j in range(S * n):
                er[j] = zero
        grow = flags.grow and count < room
        # The released code prunes after adding, and looks at absent edges (e = 0) too (quirk 6).
        prune = flags.prune and (count > zero or (flags.released and grow))
        if not (prune or grow):
            continue
        for j in range(n):
            cut[j] = -big
            add[j] = -big
        if prune:
            _prune_logits(tag, w, at.pruning, er, cut)
        if grow:
            _grow_logits(tag, w, at.synaptogenesis, i, g_post, g_pre, add)
        if flags.stochastic:
            for j in range(n):
                cut[j] = limit + (one if prune and _draws(cut[j], key, (n + j) * n + i) else -one)
                add[j] = limit + (one if grow and _draws(add[j], key, j * n + i) else -one)
        flips = zero
        for j in range(n):
            keep = zero if cut[j] > limit else ar[j]
            vetoed = flags.released and cut[j] > limit
            new = al[j] if (add[j] > limit and not vetoed) else zero
            after = keep if ar[j] > zero else new
            flips += abs(after - ar[j])
            ar[j] = after
        changed += int(flips)
    return changed


@njit(**_KERNEL)
def _update(
    tag: Any,
    w: Any,
    at: Any,
    flags: Any,
    reward: Any,
    key: Any,
    allowed: Any,
    innate: Any,
    nodes: Any,
    edges: Any,
    mask: Any,
    mask_t: Any,
    history: Any,
    scratch: Any,
) -> int:
    """One step of development of one individual, in place: nodes, edges, wiring."""
    n = len(tag)
    k_history = flags.rnn_iters + 1
    deg, x, seen = scratch, scratch[3 * n :], scratch[11 * n :]
    qkv, y = scratch[19 * n :], scratch[67 * n :]
    gi, gh = scratch[91 * n :], scratch[115 * n :]
    s = scratch[139 * n :]
    _degrees(tag, mask, mask_t, flags.released, deg)
    _identify(tag, w, at, flags, nodes, seen)
    _perceive(tag, w, at, flags, deg, history, seen, x)
    if flags.transformer:
        _fill_rows(tag, w, -1, QKV, qkv)
        _add_dense(tag, w, at.query, F, QKV, F, x, qkv)
        _fill_rows(tag, w, -1, VALUE * HEADS, y)
        _attend(tag, w, at, flags.released, qkv, edges, mask, mask_t, s, y)
        _fill_rows(tag, w, at.output_bias, F, x)
        _add_dense(tag, w, at.output, VALUE * HEADS, F, VALUE * HEADS, y, x)
    _node_gru(tag, w, at, x, gi, gh, nodes)
    _identify(tag, w, at, flags, nodes, seen)
    e_post, e_pre, g_post, g_pre = gi, gh, qkv, qkv[HIDDEN * n :]
    if flags.synaptic:
        stride = 2 * F + 2 * k_history + 1
        bias = at.synaptic + 12 * stride + 48
        _fill_rows(tag, w, -1, 12, e_post)
        _add_dense(tag, w, at.synaptic, stride, 12, F, seen, e_post)
        _add_dense(tag, w, at.synaptic + 2 * F, stride, 12, k_history, history, e_post)
        _fill_rows(tag, w, bias, 12, e_pre)
        _add_dense(tag, w, at.synaptic + F, stride, 12, F, seen, e_pre)
        _add_dense(tag, w, at.synaptic + 2 * F + k_history, stride, 12, k_history, history, e_pre)
        for k in range(12):
            heard = w[at.synaptic + k * stride + stride - 1] * reward
            for j in range(n):
                e_pre[k * n + j] += heard
    if flags.grow:
        _fill_rows(tag, w, -1, HIDDEN, g_post)
        _add_dense(tag, w, at.synaptogenesis, 2 * F, HIDDEN, F, seen, g_post)
        _fill_rows(tag, w, at.synaptogenesis + HIDDEN * 2 * F, HIDDEN, g_pre)
        _add_dense(tag, w, at.synaptogenesis + F, 2 * F, HIDDEN, F, seen, g_pre)
    changed = _edges_and_wiring(
        tag, w, at, flags, key, allowed, innate, e_post, e_pre, g_post, g_pre, s, edges, mask
    )
    if changed:
        for i in range(n):
            for j in range(n):
                mask_t[i * n + j] = mask[j * n + i]
    return changed


@njit(**_INLINE)
def _identify(tag: Any, w: Any, at: Any, flags: Any, nodes: Any, seen: Any) -> None:
    """seen = h, plus the evolved identity of each input and output node."""
    n = len(tag)
    for j in range(F * n):
        seen[j] = nodes[j]
    if at.identity >= 0:
        first_output = n - flags.n_outputs
        for k in range(F):
            for j in range(flags.n_inputs):
                seen[k * n + j] += w[at.identity + j * F + k]
            for j in range(first_output, n):
                seen[k * n + j] += w[at.identity + (flags.n_inputs + j - first_output) * F + k]


@njit(**_KERNEL)
def _activate(tag: Any, flags: Any, observation: Any, nodes: Any, edges: Any, history: Any, act: Any) -> None:
    """a <- tanh(a w + b) for `rnn_iters` steps with the inputs clamped; the history keeps every step."""
    n = len(tag)
    zero = like(act[0], 0.0)
    if not flags.recurrent:
        for j in range(n):
            act[j] = zero
    for t in range(flags.rnn_iters):
        now = history[t * n :]
        for j in range(n):
            now[j] = act[j]
        for j in range(flags.n_inputs):
            now[j] = observation[j]
        for j in range(n):
            act[j] = nodes[j] if flags.bias else zero
        for i in range(n - flags.n_outputs):
            a = now[i]
            if a != zero:
                row = edges[i * S * n :]
                for j in range(n):
                    act[j] += a * row[j]
        for j in range(n):
            act[j] = tanh(act[j])
    last = history[flags.rnn_iters * n :]
    for j in range(n):
        last[j] = act[j]


@njit(**_KERNEL)
def step_rows(
    tag: Any,
    at: Any,
    flags: Any,
    rows: Any,
    seat: int,
    taken: Any,
    bell: Any,
    call: int,
    updates: Any,
    genomes: Any,
    keys: Any,
    observation: Any,
    reward: Any,
    allowed: Any,
    innate: Any,
    nodes: Any,
    edges: Any,
    mask: Any,
    mask_t: Any,
    history: Any,
    act: Any,
    changed: Any,
) -> bool:
    """One environment step of the individuals in `rows`, in place; releases the GIL.

    Threads share the rows among them: each begins with the share of its seat, whose memory it probably still has
    near, and then takes rows that are left of the others' shares, one at a time.

    The caller (seat 0) waits a little for the others; a helper that is done stays here for a while, awake and without
    the GIL, until the bell rings for the next call. (A thread that sleeps takes 30 to 60 microseconds to wake, and one
    that wants the GIL at the moment when the caller needs it costs as much again.)

    Returns:
        whether all rows are done, by whomever.

    Args:
        tag: a tuple of N zeros; its length is the number of nodes.
        at, flags: `Offsets` and `Flags`.
        seat: number of the calling thread. taken: (threads + 1,) int64, how many rows of each share are taken,
            and how many are done. bell: (1,) int64, which seat 0 raises to `call` when it begins, and
            once more if it cannot wait for the helpers to be done.
        rows: (R,) indices of the living. updates: (P,) bool, False: act, but do not change.
        genomes: (P, D). keys: (P,) uint64, noise of stochastic decisions.
        observation: (P, O). reward: (P,). allowed: (N * N,) (pre, post).
        innate: (P, N * S * N) or (P, 0). nodes: (P, F * N). edges: (P, N * S * N), (pre, feature, post).
        mask, mask_t: (P, N * N). history: (P, K * N). act: (P, N). changed: (P,) edges that came or went.
    """
    n = len(tag)
    scratch = np.empty((141 + HEADS * n) * n + 6 * n, genomes.dtype)
    seats = len(taken) - 1
    if seat == 0:
        add_number(bell, 0, 1)
    for share in range(seat, seat + seats):
        share %= seats
        start, stop = share * len(rows) // seats, (share + 1) * len(rows) // seats
        while True:
            turn = start + add_number(taken, share, 1)
            if turn >= stop:
                break
            p = rows[turn]
            if updates[p]:
                changed[p] = _update(
                    tag, genomes[p], at, flags, reward[p], keys[p], allowed, innate[p],
                    nodes[p], edges[p], mask[p], mask_t[p], history[p], scratch,
                )  # fmt: skip
            _activate(tag, flags, observation[p], nodes[p], edges[p], history[p], act[p])
            add_number(taken, seats, 1)
    if seat == 0:
        patience = CALLER_WAITS
        while add_number(taken, seats, 0) < len(rows) and patience > 0:
            patience -= 1
        if patience == 0:
            add_number(bell, 0, 1)
    else:
        patience = HELPER_LISTENS
        while add_number(bell, 0, 0) <= call and patience > 0:
            patience -= 1
    return add_number(taken, seats, 0) >= len(rows)
