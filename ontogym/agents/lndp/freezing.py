"""What of a living network stays as it is: interventions, and wiring that changes at every k-th update only."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Held"]


class Held(NamedTuple):
    """Which lanes keep something, and how often each has been updated (counted where `rewire_every` is not 1).

    Shapes: ``wiring`` (P,) bool, no edge comes or goes; ``weights`` (P,) bool, an edge that has a weight keeps it,
    and a new edge keeps its first; ``updates`` (P,) int64.
    """

    wiring: NDArray[np.bool_]
    weights: NDArray[np.bool_]
    updates: NDArray[np.int64]

    @classmethod
    def nothing(cls, count: int) -> Held:
        """Newborns, in which everything may change."""
        return cls(np.zeros(count, np.bool_), np.zeros(count, np.bool_), np.zeros(count, np.int64))

    def copy(self) -> Held:
        return Held._make(part.copy() for part in self)

    def rewires(self, every: int) -> NDArray[np.bool_] | None:
        """``(P,)``: whose wiring may change at the next update, which is each `every`-th one; None: everybody's."""
        if every == 1 and not self.wiring.any():
            return None
        return ~self.wiring & ((self.updates + 1) % every == 0)

    def keeps_weights(self) -> NDArray[np.bool_] | None:
        """``(P,)``: who keeps weights; None: nobody."""
        return self.weights if self.weights.any() else None
