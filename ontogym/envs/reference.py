"""Hand-written policies that show what a task allows: the ceilings beside the learners."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["WinStayLoseShift"]

_RIGHT, _LEFT = 0, 1


class WinStayLoseShift:
    """Foraging without being told the goal: go where the food was last; if it is not there, to the other end.

    The best policy for every registered foraging task: food is at either end with equal chance at birth, and later
    more probably where it was found last (p_switch < 1/2), so the first visit of a trial goes there; one
    unrewarded visit proves that it is at the other end.

    Args:
        num_envs: number of lanes P.
        size: number of cells.
        target: the end visited first, 0 or 1, one for all or ``(P,)``. Given the true goal, and a goal that
            never moves, this is the informed policy that earns the ceiling.
    """

    def __init__(self, num_envs: int, size: int = 5, target: int | NDArray[np.integer] = 1) -> None:
        self.last = size - 1
        self.target = np.broadcast_to(np.asarray(target, dtype=np.int64), (num_envs,)).copy()
        self._arriving = np.zeros(num_envs, dtype=np.bool_)

    def act(self, observations: NDArray[Any], rewards: NDArray[Any]) -> NDArray[np.int64]:
        """Actions ``(P,)`` for observations ``(P, O)`` (raw or one-hot) and the last rewards ``(P,)``."""
        one_hot = observations.shape[1] > 1
        position = observations.argmax(1) if one_hot else observations[:, 0].astype(np.int64)
        # The last move led to the targeted end; no reward there means the food is at the other.
        self.target ^= self._arriving & (rewards <= 0)
        goal = self.target * self.last
        move = np.sign(goal - position)
        self._arriving = position + move == goal
        return np.where(move > 0, _RIGHT, _LEFT)
