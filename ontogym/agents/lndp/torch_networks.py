"""What the torch engine computes with: a population's networks as tensors, and how some of them take a step.

Two ways. On the CPU the living are gathered into a few fixed batch sizes, computed and written back, so that ended lives
cost nothing. On a device everyone is computed where he stands and the ended keep what they had: no size ever changes, so
that a step can be replayed as one CUDA graph, and nothing waits for the host.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ontogym.developmental.rules.base import RuleState

__all__ = ["CONSTANT", "Gathered", "Networks", "each", "merge", "overwrite", "put", "where_rows"]


class Networks(NamedTuple):
    """What the step computes with; matrices are (post, pre), every tensor has the population first.

    Shapes: ``genomes`` (P, D), ``nodes`` (P, N, F), ``edges`` (P, S, N, N), ``mask`` (P, N, N), ``history``
    (P, N, K), ``activation`` (P, N), ``innate`` (P, S, N, N), ``changed`` (P,), ``streams`` (P,) int64, each
    individual's noise (`ontogym.batched.tensors`); ``rules`` slot to the rule's own memory.
    """

    genomes: Tensor
    nodes: Tensor
    edges: Tensor
    mask: Tensor
    history: Tensor
    activation: Tensor
    innate: Tensor
    changed: Tensor
    streams: Tensor
    rules: dict[str, RuleState]


CONSTANT = ("genomes", "innate")
"""Fields that no step changes."""
CHANGING = tuple(name for name in Networks._fields if name not in (*CONSTANT, "rules"))


def each(function: Callable[[Tensor], Tensor], networks: Networks) -> Networks:
    """`function` of every tensor, the rules' memories included."""
    rules = {slot: RuleState(*map(function, memory)) for slot, memory in networks.rules.items()}
    fields = {name: function(getattr(networks, name)) for name in Networks._fields if name != "rules"}
    return Networks(**fields, rules=rules)


def merge(choose: Callable[[Tensor, Tensor], Tensor], new: Networks, old: Networks) -> Networks:
    """``choose(new, old)`` of every tensor that a step changes."""
    rules = {slot: RuleState(*map(choose, memory, old.rules[slot])) for slot, memory in new.rules.items()}
    fields = {name: choose(getattr(new, name), getattr(old, name)) for name in CHANGING}
    return old._replace(**fields, rules=rules)


def where_rows(rows: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
    """A choice for `merge`: the first of two tensors in the rows ``(P,)`` that are True, else the second."""
    return lambda a, b: torch.where(rows.view(-1, *[1] * (a.dim() - 1)), a, b)


def overwrite(networks: Networks, new: Networks) -> None:
    """Write `new` into the memory of `networks`."""
    merge(lambda fresh, old: old.copy_(fresh), new, networks)


def put(networks: Networks, new: Networks, rows: Tensor) -> None:
    """Write the first rows of `new` into these rows of `networks`, in place."""
    for name in CHANGING:
        getattr(networks, name)[rows] = getattr(new, name)[: len(rows)]
    for slot, memory in networks.rules.items():
        for old, fresh in zip(memory, new.rules[slot]):
            old[rows] = fresh[: len(rows)]


class Gathered:
    """Some rows of a population, gathered at every step; what never changes only when other rows are asked for."""

    def __init__(self) -> None:
        self._of: Any = lambda: None
        self._rows: NDArray[np.intp] = np.zeros(0, np.intp)
        self._constants: dict[str, Tensor] = {}

    def __call__(self, networks: Networks, rows: NDArray[np.intp], index: Tensor) -> Networks:
        """The rows ``(R,)`` of `networks`; `index` holds them as a tensor."""
        if self._of() is not networks.genomes or not np.array_equal(self._rows, rows):
            self._constants = {name: getattr(networks, name)[index] for name in CONSTANT}
            self._of, self._rows = weakref.ref(networks.genomes), rows
        rules = {
            slot: RuleState(*(part[index] for part in memory)) for slot, memory in networks.rules.items()
        }
        changing = {name: getattr(networks, name)[index] for name in CHANGING}
        return Networks(**self._constants, **changing, rules=rules)
