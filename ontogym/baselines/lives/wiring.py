"""What a life's wiring came to: how dense it was, how much of it conducted, and whether it went on rewiring.

One look at the end of a life says little: wiring may flicker. These numbers are over the whole life.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.agents.base import Actor
from ontogym.baselines.lives.rollout import Moment, Watcher

__all__ = ["EVERY", "LATE", "WiringWatcher"]

EVERY = 5
"""Steps of an episode between two counts of the edges."""
LATE = 100
"""Steps at the end of a life over which late rewiring is a mean; half of the life where it is shorter than twice that."""


class WiringWatcher(Watcher):
    """Counts edges and changes of every lane, where the actor has wiring.

    Args:
        actor: whose lanes they are.
    """

    def __init__(self, actor: Actor[Any]) -> None:
        self.actor = actor
        self._sums: NDArray[np.float64] | None = None
        self._blind = False

    def acted(self, moment: Moment) -> None:
        changed = None if self._blind else self.actor.rewired(moment.state)
        if changed is None:
            self._blind = True
            return
        if self._sums is None:
            lanes = len(changed)
            # Edges, conducting edges, and how often they were counted.
            self._sums, self._age = np.zeros((3, lanes)), np.zeros(lanes, np.int64)
            self._recent = np.zeros((LATE, lanes), np.float32)
        rows = np.flatnonzero(moment.active)
        self._recent[self._age[rows] % LATE, rows] = changed[rows]
        self._age[rows] += 1
        if moment.step % EVERY == 0:
            edges, conducting = self.actor.wired(moment.state)
            self._sums[:, rows] += np.stack([edges[rows], conducting[rows], np.ones(len(rows))])

    def tell(
        self, sums: NDArray[np.float64], age: NDArray[np.int64], recent: NDArray[np.float32]
    ) -> dict[str, NDArray[np.float64]]:
        """What is `measured` of lives that were counted elsewhere, as `acted` counts them."""
        self._sums, self._age, self._recent = sums, age, recent
        return self.measured()

    def measured(self) -> dict[str, NDArray[np.float64]]:
        """``density`` and ``conducting``: edges, and those that conduct, over allowed edges, means over life;
        ``late_rewiring``: edges that came or went per step at the end of life, over allowed edges; ``(P,)`` each. Empty
        where there is no wiring."""
        if self._sums is None:
            return {}
        edges, conducting, counts = self._sums
        late = np.minimum(np.maximum(self._age // 2, 1), LATE)
        # How long ago each remembered step was, from 0.
        ago = (self._age - 1 - np.arange(LATE)[:, None]) % LATE
        changed = np.where(ago < late, self._recent, 0.0).sum(0) / late
        counts = np.maximum(counts, 1)
        return {"density": edges / counts, "conducting": conducting / counts, "late_rewiring": changed}
