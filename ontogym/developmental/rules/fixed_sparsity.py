"""Rewiring that keeps the number of edges: as many come as go. Nonlocal by nature."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = ["smallest", "swap_edges", "swap_edges_by_sorting"]


def swap_edges(mask: Tensor, allowed: Tensor, count: Tensor, leaving: Tensor, coming: Tensor) -> Tensor:
    """Remove edges and put equally many elsewhere.

    The same on every machine and device: of equal numbers the first places, row by row, are taken first; NaN is
    larger than infinity, and -0.0 is 0.0. No gradient goes through it.

    Args:
        mask, allowed: (P, N, N), where edges are and may be.
        count: (P,) how many edges of each network to move; fewer where there is no room.
        leaving: (P, N, N); of the present edges, those with the smallest go.
        coming: (P, N, N); of the absent ones that are allowed, those with the smallest come.

    Returns:
        The new mask, (P, N, N) of 0 and 1, with as many edges as before.
    """
    count = count.clamp(max=mask[0].numel()).long()
    parts = [part.detach() for part in (mask, allowed, count, leaving, coming)]
    kinds = {part.dtype for part in (mask, allowed, leaving, coming)}
    # A kernel on the CPU, where to sort all places would take longer than all the rest of a step.
    if mask.device.type != "cpu" or kinds not in ({torch.float32}, {torch.float64}):
        return swap_edges_by_sorting(*parts)
    # The operation is for the compiler only: called, it first imports all of it, for two seconds.
    return _operation(*parts) if torch.compiler.is_compiling() else _swap(*parts)


def swap_edges_by_sorting(
    mask: Tensor, allowed: Tensor, count: Tensor, leaving: Tensor, coming: Tensor
) -> Tensor:
    """`swap_edges` in plain PyTorch: for other devices and dtypes, and what the kernel is tested against."""
    present = (mask > 0).flatten(1)
    free = ((mask == 0) & (allowed > 0)).flatten(1)
    moved = torch.minimum(count, torch.minimum(free.sum(1), present.sum(1)))
    goes = smallest(leaving.flatten(1), present, moved)
    comes = smallest(coming.flatten(1), free, moved)
    return ((present & ~goes) | comes).to(mask.dtype).view_as(mask)


def smallest(scores: Tensor, among: Tensor, count: Tensor) -> Tensor:
    """The `count` (P,) candidates `among` (P, M) with the smallest scores (P, M), as (P, M) bool."""
    order = scores.argsort(dim=1, stable=True)
    candidates = among.gather(1, order)
    chosen = candidates & (candidates.cumsum(1) <= count[:, None])
    return torch.zeros_like(among).scatter(1, order, chosen)


def _swap(mask: Tensor, allowed: Tensor, count: Tensor, leaving: Tensor, coming: Tensor) -> Tensor:
    # Only now: reading what rules there are must not wait for numba.
    from ontogym.developmental.rules.fixed_sparsity_kernel import swap_rows

    def rows(part: Tensor) -> Any:
        return part.flatten(1).contiguous().numpy()

    new = swap_rows(rows(mask), rows(allowed), count.contiguous().numpy(), rows(leaving), rows(coming))
    return torch.from_numpy(new).view(mask.shape)


_operation = torch.library.custom_op(
    "ontogym::swap_edges",
    _swap,
    mutates_args=(),
    device_types="cpu",
    schema="(Tensor mask, Tensor allowed, Tensor count, Tensor leaving, Tensor coming) -> Tensor",
)


@_operation.register_fake
def _(mask: Tensor, allowed: Tensor, count: Tensor, leaving: Tensor, coming: Tensor) -> Tensor:
    return mask.new_empty(mask.shape)
