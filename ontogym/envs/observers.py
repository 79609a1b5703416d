"""Controllers by hand that find out within a life what their sensors and actions mean: ceilings of `RuleShiftEnv`.

Both know CartPole's physics or its form and nothing of the rule, and both remember what they did. `SignObserver` knows
which sensor is which and infers signs alone; `LeastSquares` assumes nothing of the sensors: it fits
``o' = A o + B u`` to what it sees, and steers by the gain that is best for what it has fitted.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LeastSquares", "SignObserver"]

Array = NDArray[np.float64]

WEIGHTS = np.array([0.02, 0.06, 1.0, 0.25])
"""CartPole is pushed right where the weighted sum of position, speed, angle and spin is positive."""
_JUMP = np.array([0.2, np.inf, 0.1, np.inf])
"""No step moves the cart (m) or turns the pole (rad) so far: a new episode has begun."""


class _Remembers:
    """What is common: the last observation and the last push, -1 or 1, of P lanes."""

    def __init__(self, num_envs: int) -> None:
        self.last: Array | None = None
        self.push = np.zeros(num_envs)

    def act(self, observations: NDArray[Any], rewards: NDArray[Any]) -> NDArray[np.int64]:
        """Actions ``(P,)`` for observations ``(P, 4)``."""
        seen = np.asarray(observations, np.float64)
        if self.last is not None:
            # What stands still is a lane that waits for others.
            self.learn(self.last, seen, (seen != self.last).any(1))
        self.last, self.push = seen.copy(), np.where(self.score(seen) > 0, 1.0, -1.0)
        return (self.push > 0).astype(np.int64)

    def learn(self, before: Array, seen: Array, moved: NDArray[np.bool_]) -> None:
        """What a step shows to the lanes that `moved`."""

    def score(self, seen: Array) -> Array:
        """Positive where action 1 is to be taken, ``(P,)``."""
        raise NotImplementedError


class SignObserver(_Remembers):
    """CartPole under signs of sensors and actions: every sign from the last step that showed it.

    A speed's sign is that of its change after a push (times -1 for the spin); a position's that of its change times
    its speed. In coordinates in which action 1 pushes right, so that mirror images need not be told apart.

    Args:
        num_envs: number of lanes P.
    """

    def __init__(self, num_envs: int) -> None:
        super().__init__(num_envs)
        self.drive, self.pair = np.ones((num_envs, 2)), np.ones((num_envs, 2))

    def learn(self, before: Array, seen: Array, moved: NDArray[np.bool_]) -> None:
        change = seen - before
        known = (moved & (np.abs(change) < _JUMP).all(1))[:, None]
        drive = np.sign(change[:, 1::2] * self.push[:, None]) * np.array([1.0, -1.0])
        pair = np.sign(change[:, ::2] * before[:, 1::2])
        self.drive = np.where(known & (drive != 0), drive, self.drive)
        self.pair = np.where(known & (pair != 0), pair, self.pair)

    def score(self, seen: Array) -> Array:
        signs = np.stack([self.pair * self.drive, self.drive], axis=2).reshape(-1, 4)
        return np.asarray((signs * seen) @ WEIGHTS)


class LeastSquares(_Remembers):
    """Recursive least squares of ``o' = A o + B u`` with forgetting, and the gain of a linear-quadratic regulator.

    Ljung & Soderstrom 1983, "Theory and practice of recursive identification", ch. 2. It begins with A = 1 and B = 0. A
    step that is far from what was expected is left out (an episode's first); two in a row are a new rule, and it begins
    anew.

    Args:
        num_envs: number of lanes P.
        sensors: n.
        forgets: factor of a step on what was learned before it.
        surprise: error of a prediction that is not believed.
        effort: cost of a push beside squared sensors of 1.
    """

    def __init__(
        self,
        num_envs: int,
        sensors: int = 4,
        forgets: float = 0.995,
        surprise: float = 0.05,
        effort: float = 0.1,
    ) -> None:
        super().__init__(num_envs)
        self.sensors, self.forgets, self.surprise, self.effort = sensors, forgets, surprise, effort
        self.model = np.zeros((num_envs, sensors, sensors + 1))  # A and B side by side
        self.spread = np.zeros((num_envs, sensors + 1, sensors + 1))
        self.gain = np.zeros((num_envs, sensors))
        self.steps, self.seen, self.doubted = 0, np.zeros(num_envs, np.int64), np.zeros(num_envs, np.bool_)
        self._begin(np.ones(num_envs, np.bool_))

    def _begin(self, rows: NDArray[np.bool_]) -> None:
        self.model[rows] = np.eye(self.sensors, self.sensors + 1)
        self.spread[rows] = 100.0 * np.eye(self.sensors + 1)
        self.seen[rows] = 0

    def learn(self, before: Array, seen: Array, moved: NDArray[np.bool_]) -> None:
        z = np.concatenate([before, self.push[:, None]], axis=1)
        error = seen - np.einsum("pij,pj->pi", self.model, z)
        far = moved & (np.abs(error).max(1) > self.surprise) & (self.seen > 2 * self.sensors)
        self._begin(far & self.doubted)
        self.doubted = np.where(moved, far, self.doubted)
        rows = moved & ~far
        towards = np.einsum("pij,pj->pi", self.spread, z)
        k = towards / (self.forgets + np.einsum("pi,pi->p", z, towards))[:, None]
        model = self.model + error[:, :, None] * k[:, None, :]
        spread = (self.spread - k[:, :, None] * towards[:, None, :]) / self.forgets
        # Without news the spread would grow for ever.
        most = 100.0 * (self.sensors + 1)
        spread *= np.minimum(1.0, most / np.trace(spread, axis1=1, axis2=2))[:, None, None]
        self.model = np.where(rows[:, None, None], model, self.model)
        self.spread = np.where(rows[:, None, None], spread, self.spread)
        self.seen += rows
        self.steps += 1
        self._steer(np.flatnonzero(rows & ((self.seen <= 30) | (self.steps % 10 == 0))))

    def _steer(self, rows: NDArray[np.intp], steps: int = 60) -> None:
        """The gain of these lanes, by `steps` of the Riccati recursion."""
        if not len(rows):
            return
        a, b = self.model[rows, :, :-1], self.model[rows, :, -1]
        one = np.eye(self.sensors)
        cost = np.broadcast_to(one, a.shape)
        for _ in range(steps):
            push = np.einsum("pij,pj->pi", cost, b)
            share = push / (self.effort + np.einsum("pi,pi->p", b, push))[:, None]
            new = one + a.transpose(0, 2, 1) @ (cost - push[:, :, None] * share[:, None, :]) @ a
            cost = np.where((np.abs(new).max((1, 2)) < 1e7)[:, None, None], new, cost)
        self.gain[rows] = np.einsum("pi,pij->pj", np.einsum("pij,pj->pi", cost, b), a)

    def score(self, seen: Array) -> Array:
        return -np.asarray(np.einsum("pi,pi->p", self.gain, seen))
