"""Rewiring that keeps the number of edges: as many come as go. Nonlocal by nature."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["smallest", "swap_edges"]


def smallest(score: Tensor, count: Tensor) -> Tensor:
    """Which `count` numbers of each row are the smallest: ``(P, M)`` and ``(P, 1)`` to ``(P, M)`` bool.

    Exactly so many, of equal numbers the first; `score` must not be negative. The last of them is found bit by bit,
    since floats of one sign are ordered as their bits are: a compiler fuses 31 comparisons, but no sort.
    """
    bits = score.contiguous().view(torch.int32 if score.dtype == torch.float32 else torch.int64)
    last = torch.zeros_like(bits[:, :1])
    for place in reversed(range(8 * score.element_size() - 1)):
        trial = last | (1 << place)
        last = torch.where((bits < trial).sum(1, keepdim=True) < count, trial, last)
    below, equal = bits < last, bits == last
    return below | (equal & (equal.cumsum(1) <= count - below.sum(1, keepdim=True)))


def swap_edges(mask: Tensor, allowed: Tensor, count: Tensor, leaving: Tensor, coming: Tensor) -> Tensor:
    """Remove edges and put equally many elsewhere.

    Args:
        mask, allowed: (P, N, N), where edges are and may be.
        count: (P,) how many edges of each network to move; fewer where there is no room.
        leaving: (P, N, N), not negative; of the present edges, those with the smallest go.
        coming: (P, N, N), not negative; of the absent ones that are allowed, those with the smallest come.

    Returns:
        The new mask, (P, N, N) of 0 and 1, with as many edges as before.
    """
    present = (mask > 0).flatten(1)
    free = ((mask == 0) & (allowed > 0)).flatten(1)
    room = torch.minimum(free.sum(1), present.sum(1))
    moved = torch.minimum(count, room.to(count.dtype))[:, None]
    infinite = float("inf")
    goes = smallest(torch.where(present, leaving.flatten(1), infinite), moved)
    comes = smallest(torch.where(free, coming.flatten(1), infinite), moved)
    return ((present & ~goes) | comes).to(mask.dtype).view_as(mask)
