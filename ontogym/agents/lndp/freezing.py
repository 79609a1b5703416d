"""What of a living network stays as it is: interventions, and wiring that changes at every k-th update only."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Held"]


class Held(NamedTuple):
    """Which lanes keep something, and how often each has been updated (counted where `rewire_every` is not 1).

    Shapes: ``wiring`` (P,) bool, no edge comes or goes; ``weights`` (P,) bool, an edge that has a weight keeps it,
    and a new edge keeps its first; ``places`` (P,) bool, and an edge that returns has its place's last; ``updates`` (P,)
    int64; ``memory`` (P, N, N), the last weight of every place, 0 where there was none; (P, 0, 0) where nobody asked
    for it.
    """

    wiring: NDArray[np.bool_]
    weights: NDArray[np.bool_]
    places: NDArray[np.bool_]
    updates: NDArray[np.int64]
    memory: NDArray[np.floating]

    @classmethod
    def nothing(cls, count: int) -> Held:
        """Newborns, in which everything may change."""
        wiring, weights, places = np.zeros((3, count), np.bool_)
        return cls(wiring, weights, places, np.zeros(count, np.int64), np.zeros((count, 0, 0)))

    def copy(self) -> Held:
        return Held._make(part.copy() for part in self)

    def rewires(self, every: int) -> NDArray[np.bool_] | None:
        """``(P,)``: whose wiring may change at the next update, which is each `every`-th one; None: everybody's."""
        if every == 1 and not self.wiring.any():
            return None
        now: NDArray[np.bool_] = ~self.wiring & ((self.updates + 1) % every == 0)
        return now

    def keeps_weights(self) -> NDArray[np.bool_] | None:
        """``(P,)``: who keeps weights; None: nobody."""
        return self.weights | self.places if self.weights.any() or self.places.any() else None

    def recalled(self, weights: NDArray[np.floating], mask: NDArray[np.floating]) -> NDArray[np.floating]:
        """Weights ``(P, N, N)`` after a step, where edges that have just returned have the weight of their place.

        What they were is remembered, in place.
        """
        returned = self.places[:, None, None] & (mask > 0) & (weights == 0)
        weights = np.where(returned, self.memory, weights)
        self.memory[:] = np.where(weights != 0, weights, self.memory)
        return weights
