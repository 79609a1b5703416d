"""The graph transformer's attention over all pairs of nodes. Equations as numbered in docs/kernel.md.

`qkv` has, component by component and head by head (quirk 2), 4 components of the queries, 4 of the keys and 8 of
the values: component c of head l is row 3 c + l of its part. `y` has the 8 components of what each node receives
in the same order.
"""

from __future__ import annotations

from typing import Any

from ontogym.agents.lndp.kernel.functions import (
    choose,
    dot,
    exp,
    fma,
    larger,
    largest_lane,
    node_is,
    nodes_before,
    sum_lanes,
)
from ontogym.agents.lndp.kernel.lanes import WIDTH
from ontogym.agents.lndp.kernel.memory import column, every_four, four, lanes, no_four, put_four
from ontogym.agents.lndp.kernel.options import HEADS, QK, VALUE, S
from ontogym.agents.lndp.kernel.places import below, with_length
from ontogym.compiling import CALLED, INLINE, njit

__all__ = ["attend", "attend_released"]

LEAST = -1e30


@njit(**INLINE)
def _edge_weights(w: Any, at: Any, head: int) -> Any:
    """The edge term's weights of one head: of the features, of A (post, pre), its transpose and I, and its bias."""
    k = at.edge + head * (S + 3)
    return column(w, k, 1), w[k + S], w[k + S + 1], w[k + S + 2], w[at.edge_bias + head]


@njit(**INLINE)
def _scores(u: int, i: int, terms: Any, keys: Any, qkv: Any, edges: Any, mask: Any, mask_t: Any) -> Any:
    """(q_pre . k_post / sqrt 4) E([e, A, A^T, I]) of source i and a block of targets, from u on; `keys` are k_post / 2."""
    of_edge, of_mask, of_mask_t, of_self, bias = terms
    term = fma(of_mask_t, mask_t[i, u], fma(of_mask, mask[i, u], bias))  # (2)
    term = choose(node_is(u, i), term + of_self, term)  # (2)
    term = dot(of_edge, four(edges, i * S, u), term)  # (2)
    return dot(every_four(qkv, 0, i), keys, lanes(qkv, 0.0)) * term  # (2)


@njit(**CALLED)
def attend(
    n: int, m: int, w: Any, at: Any, qkv: Any, edges: Any, mask: Any, mask_t: Any, work: Any, y: Any
) -> None:
    """What each node receives: for each target the weights over sources sum to 1.

    Args:
        work: room for n blocks of numbers.
    """
    s = with_length(work, WIDTH)
    for u in range(0, m, WIDTH):
        for head in range(HEADS):
            terms = _edge_weights(w, at, head)
            own, out = with_length(below(qkv, head), HEADS * m), with_length(below(y, head), HEADS * m)
            keys = four(own, QK, u) * 0.5
            top = lanes(w, LEAST)
            for i in range(n):
                score = _scores(u, i, terms, keys, own, edges, mask, mask_t)
                s[i, 0] = score
                top = larger(top, score)
            total, low, high = lanes(w, 0.0), no_four(w), no_four(w)
            for i in range(n):
                p = exp(s[i, 0] - top)  # (3)
                total = total + p
                low = fma(every_four(own, 2 * QK, i), p, low)  # (3)
                high = fma(every_four(own, 2 * QK + 4, i), p, high)  # (3)
            share = 1.0 / total
            put_four(out, 0, u, low * share)  # (3)
            put_four(out, 4, u, high * share)  # (3)


@njit(**CALLED)
def attend_released(
    n: int, m: int, w: Any, at: Any, qkv: Any, edges: Any, mask: Any, mask_t: Any, work: Any, y: Any
) -> None:
    """As `attend`, but for each source the weights over targets sum to 1 (quirk 1)."""
    for k in range(VALUE * HEADS):
        for u in range(0, m, WIDTH):
            y[k, u] = 0.0
    for head in range(HEADS):
        terms = _edge_weights(w, at, head)
        own, out = with_length(below(qkv, head), HEADS * m), with_length(below(y, head), HEADS * m)
        for i in range(n):
            top = lanes(w, LEAST)
            for u in range(0, m, WIDTH):
                score = _scores(u, i, terms, four(own, QK, u) * 0.5, own, edges, mask, mask_t)
                score = choose(nodes_before(u, n), score, LEAST)
                work[0, u] = score
                top = larger(top, score)
            highest, total = lanes(w, largest_lane(top)), lanes(w, 0.0)
            for u in range(0, m, WIDTH):
                p = exp(work[0, u] - highest)  # (3), by targets (quirk 1)
                work[0, u] = p
                total = total + choose(nodes_before(u, n), p, 0.0)
            share = 1.0 / lanes(w, sum_lanes(total))
            low, high = every_four(own, 2 * QK, i) * share, every_four(own, 2 * QK + 4, i) * share
            for u in range(0, m, WIDTH):
                put_four(out, 0, u, fma(low, work[0, u], four(out, 0, u)))  # (3)
                put_four(out, 4, u, fma(high, work[0, u], four(out, 4, u)))  # (3)
