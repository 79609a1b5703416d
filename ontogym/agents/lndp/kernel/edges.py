"""What an edge computes and whether there is one. Equations as numbered in docs/kernel.md.

Edges are stored (pre, feature, post): the targets of one node are a row, and a block of a row is worked on at once.
The inputs of an edge's networks are sums of what its two nodes bring, so first layers are done once per node
(`project`) and only added up per edge.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ontogym.agents.lndp.kernel.functions import bits, choose, dot, fma, larger, lowest, sigmoid, tanh
from ontogym.agents.lndp.kernel.lanes import WIDTH
from ontogym.agents.lndp.kernel.memory import (
    add_first,
    column,
    every_four,
    four,
    lanes,
    matrix,
    no_four,
    node,
    put,
    put_four,
)
from ontogym.agents.lndp.kernel.nodes import dense
from ontogym.agents.lndp.kernel.options import ADD, GATES, HIDDEN, KEEP, NO_BIAS, REWIRE, F, S
from ontogym.compiling import CALLED, INLINE, njit

__all__ = ["project", "rewire"]


@njit(**CALLED)
def project(m: int, w: Any, at: Any, flags: Any, reward: Any, h: Any, a: Any, e_post: Any, e_pre: Any,
            g_post: Any, g_pre: Any, pair: Any) -> None:  # fmt: skip
    """First layers of the edge GRU on [h_post, h_pre, a_post, a_pre, r] (12 rows) and of synaptogenesis on
    [h_post, h_pre] (16).

    Args:
        h: F rows, identities included. a: K rows. e_post, g_post: of a node as target, without bias. e_pre, g_pre: of a
            node as source, with bias and reward. pair: of a source too, F rows of B h_pre where the rule is pairwise.
    """
    if flags.synaptic:
        k, n_in, rule = flags.rnn_iters + 1, 2 * F + 2 * (flags.rnn_iters + 1) + 1, at.synaptic
        dense(w, rule, n_in, GATES, F, h, e_post, m, NO_BIAS)
        dense(w, rule + 2 * F, n_in, GATES, k, a, e_post, m, ADD)
        dense(w, rule + F, n_in, GATES, F, h, e_pre, m, rule + GATES * (n_in + S))
        dense(w, rule + 2 * F + k, n_in, GATES, k, a, e_pre, m, ADD)
        for gate in range(GATES):
            told = w[rule + gate * n_in + n_in - 1] * lanes(w, reward)
            for u in range(0, m, WIDTH):
                e_pre[gate, u] = e_pre[gate, u] + told
        if flags.pairwise is not None:
            # Row k of B h_pre; B follows the edge GRU's own genes.
            dense(w, rule + GATES * (n_in + S) + GATES + S, F, F, F, h, pair, m, NO_BIAS)
    if flags.grow:
        rule = at.synaptogenesis
        dense(w, rule, 2 * F, HIDDEN, F, h, g_post, m, NO_BIAS)
        dense(w, rule + F, 2 * F, HIDDEN, F, h, g_pre, m, rule + HIDDEN * 2 * F)


@njit(**INLINE)
def _edge_gru(
    u: int, i: int, w: Any, hh: int, flags: Any, h: Any, pair: Any, post: Any, pre: Any, e: Any
) -> Any:
    """GRU([h_post, h_pre, a_post, a_pre, r], e) of source i and a block of targets, from u on."""
    bias = column(w, hh + GATES * S + GATES, 1)
    r = sigmoid(matrix(w, hh, e, four(post, 0, u) + every_four(pre, 0, i)))  # (5)
    z = sigmoid(matrix(w, hh + S * S, e, four(post, S, u) + every_four(pre, S, i)))  # (5)
    g = matrix(w, hh + 2 * S * S, e, bias)
    x = four(post, 2 * S, u) + every_four(pre, 2 * S, i)
    if flags.pairwise is not None:
        half = dot(four(h, 0, u), every_four(pair, 0, i), lanes(w, 0.0))
        x = add_first(x, dot(four(h, S, u), every_four(pair, S, i), half))  # (5b)
    new = tanh(fma(r, g, x))  # (5)
    return fma(z, e - new, new)  # (5)


@njit(**INLINE)
def _prune_logits(w: Any, rule: int, e: Any) -> Any:
    """MLP 4 -> 16 -> 1 on the features of a block of edges."""
    bias, second = rule + HIDDEN * S, rule + HIDDEN * (S + 1)
    logit = w[second + HIDDEN]
    for k in range(0, HIDDEN, 4):
        hidden = larger(matrix(w, rule + S * k, e, column(w, bias + k, 1)), 0.0)  # (6)
        logit = dot(column(w, second + k, 1), hidden, logit)  # (6)
    return logit


@njit(**INLINE)
def _grow_logits(u: int, i: int, w: Any, rule: int, post: Any, pre: Any) -> Any:
    """MLP 16 -> 16 -> 1 on [h_post, h_pre] of source i and a block of targets, from u on."""
    second = rule + HIDDEN * (2 * F + 1)
    logit = w[second + HIDDEN]
    for k in range(0, HIDDEN, 4):
        hidden = larger(four(post, k, u) + every_four(pre, k, i), 0.0)  # (7)
        logit = dot(column(w, second + k, 1), hidden, logit)  # (7)
    return logit


@njit(**INLINE)
def _uniform(key: Any, index: Any) -> float:
    """Number `index` of the SplitMix64 stream at `key`, as `ontogym.seeding.LaneStreams` draws it."""
    x = key + np.uint64(0x9E3779B97F4A7C15) * np.uint64(index + 1)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    x = x ^ (x >> np.uint64(31))
    return np.float64(x >> np.uint64(11)) * 2.0**-53


@njit(**CALLED)
def _draw(n: int, u: int, first: int, key: Any, logits: Any) -> None:
    """A stochastic decision each, u < p / 2: replaces a block of logits by 1 where it falls, else by -1."""
    for k in range(WIDTH):
        p = 1.0 / (1.0 + np.exp(-np.float64(node(logits, 0, k))))
        put(logits, 0, k, 1.0 if u + k < n and _uniform(key, first + (u + k) * n) < 0.5 * p else -1.0)


@njit(**INLINE)
def _falls(n: int, u: int, first: int, flags: Any, key: Any, logits: Any, limit: Any, work: Any) -> Any:
    """Where a structural decision falls."""
    if flags.stochastic:
        work[0, 0] = logits
        _draw(n, u, first, key, work)
        logits = work[0, 0]
    return logits > limit


@njit(**CALLED)
def rewire(
    n: int, m: int, w: Any, at: Any, flags: Any, change: int, key: Any, allowed: Any, innate: Any, e_post: Any,
    e_pre: Any, g_post: Any, g_pre: Any, h: Any, pair: Any, work: Any, edges: Any, mask: Any, mask_t: Any,
) -> int:  # fmt: skip
    """Synaptic update, pruning and synaptogenesis of every block of edges; returns how many came or went.

    Args:
        change: bits `REWIRE` and `KEEP` of what may change.
    """
    limit = lanes(w, 0.0 if flags.stochastic else flags.threshold_logit)
    hh = at.synaptic + GATES * (2 * F + 2 * (flags.rnn_iters + 1) + 1)
    prune, grow, keep = flags.prune and change & REWIRE, flags.grow and change & REWIRE, change & KEEP
    changed = 0
    for i in range(n - flags.n_outputs):
        for u in range(0, m, WIDTH):
            had, may = mask[i, u] > 0.0, allowed[i, u] > 0.0
            vacant = may & ~had
            some, e = bits(had) != 0, no_four(edges)
            if some:
                if flags.synaptic:
                    e = _edge_gru(u, i, w, hh, flags, h, pair, e_post, e_pre, four(edges, i * S, u))
                else:
                    e = four(innate, i * S, u)
                e = choose(had, e, 0.0)  # (5), by the old A
            old = edges[i * S, u]
            put_four(edges, i * S, u, e)
            if flags.decays is not None:
                edges[i * S, u] = lanes(w, flags.kept_weight) * edges[i * S, u]
                e = four(edges, i * S, u)
            if keep:
                edges[i * S, u] = choose(had & ((old > 0.0) | (lanes(w, 0.0) > old)), old, edges[i * S, u])
                e = four(edges, i * S, u)
            cut = add = had ^ had
            # The released code prunes after adding, and looks at absent edges (e = 0) too (quirk 6).
            if prune and (some or flags.released):
                cut = _falls(n, u, n * n + i, flags, key, _prune_logits(w, at.pruning, e), limit, work)
            if grow and bits(vacant) != 0:
                logits = _grow_logits(u, i, w, at.synaptogenesis, g_post, g_pre)
                add = _falls(n, u, i, flags, key, logits, limit, work)
                if flags.released:
                    add = add & ~cut
            after = (had & ~cut) | (vacant & add)  # (8)
            flips = bits(after ^ had)
            if flips != 0:
                mask[i, u] = choose(after, lanes(w, 1.0), 0.0)
            while flips != 0:
                j = u + lowest(flips)
                flips &= flips - np.uint64(1)
                put(mask_t, j, i, node(mask, i, j))
                changed += 1
    return changed
