"""Rewiring that keeps the number of edges: as many come as go. Nonlocal by nature."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["ranks", "swap_edges"]


def ranks(score: Tensor) -> Tensor:
    """The place of each number in the ascending order of its row: ``(P, M)`` to ``(P, M)`` int64.

    Equal numbers have different places, so that exactly k of them are below k.
    """
    order = score.argsort(1)
    places = torch.arange(score.shape[1], device=score.device).expand_as(order)
    return torch.zeros_like(order).scatter(1, order, places)


def swap_edges(mask: Tensor, allowed: Tensor, count: Tensor, leaving: Tensor, coming: Tensor) -> Tensor:
    """Remove edges and put equally many elsewhere.

    Args:
        mask, allowed: (P, N, N), where edges are and may be.
        count: (P,) how many edges of each network to move; fewer where there is no room.
        leaving: (P, N, N); of the present edges, those with the smallest go.
        coming: (P, N, N); of the absent ones that are allowed, those with the smallest come.

    Returns:
        The new mask, (P, N, N) of 0 and 1, with as many edges as before.
    """
    present = (mask > 0).flatten(1)
    free = ((mask == 0) & (allowed > 0)).flatten(1)
    room = torch.minimum(free.sum(1), present.sum(1))
    moved = torch.minimum(count, room.to(count.dtype))[:, None]
    infinite = float("inf")
    goes = ranks(torch.where(present, leaving.flatten(1), infinite)) < moved
    comes = ranks(torch.where(free, coming.flatten(1), infinite)) < moved
    return ((present & ~goes) | comes).to(mask.dtype).view_as(mask)
