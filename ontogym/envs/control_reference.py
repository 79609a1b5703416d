"""Hand-written controllers for bodies under unknown rules: what can be had by whoever identifies the rule.

Each is a batched policy: ``act(observations (P, O), rewards (P,), starts (P,)) -> actions (P,)``, where `starts` marks
lanes whose episode has just begun (None: none did), so that nothing is concluded across a reset. Those that remember do
so for a whole life. Designed, not learned: the controllers know the body, and all but one which sensor is which.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ontogym.envs.worlds import Worlds

__all__ = ["AcrobotPump", "LeastSquares", "LinearCartPole", "Policy", "SignObserver", "Told"]

CARTPOLE_WEIGHTS = np.array([0.02, 0.06, 1.0, 0.25])
"""Push right if this times (position, velocity, angle, angular velocity) is positive: 500 steps from every start."""


class Policy(Protocol):
    """A batched policy."""

    def act(
        self, observations: NDArray[Any], rewards: NDArray[Any], starts: NDArray[np.bool_] | None = None
    ) -> NDArray[np.int64]: ...


class LinearCartPole:
    """CartPole under its usual rule: push by the sign of a weighted sum of the sensors."""

    def __init__(self, num_envs: int) -> None:
        self.num_envs = num_envs

    def act(
        self, observations: NDArray[Any], rewards: NDArray[Any], starts: NDArray[np.bool_] | None = None
    ) -> NDArray[np.int64]:
        """Actions ``(P,)`` for observations ``(P, 4)``."""
        return (observations @ CARTPOLE_WEIGHTS > 0).astype(np.int64)


class AcrobotPump:
    """Acrobot under its usual rule: torque along the lower joint's speed, which only ever adds energy."""

    def __init__(self, num_envs: int) -> None:
        self.num_envs = num_envs

    def act(
        self, observations: NDArray[Any], rewards: NDArray[Any], starts: NDArray[np.bool_] | None = None
    ) -> NDArray[np.int64]:
        """Actions ``(P,)`` for observations ``(P, 6)``."""
        # The torque's power is torque times theta2_dot.
        return np.where(observations[:, 5] > 0, 2, 0)


class Told:
    """A policy that is told the rule: it undoes the rule before and after a policy for the body as it is.

    Args:
        policy: for the body under its usual rule.
        worlds: of the body.
        rules: ``(P,)`` number of the rule that each lane believes in; true or not.
    """

    def __init__(self, policy: Policy, worlds: Worlds, rules: NDArray[np.integer]) -> None:
        self.policy = policy
        self._place = worlds.orders[rules].argsort(1)  # where each sensor is seen
        self._signs = np.take_along_axis(worlds.signs[rules], self._place, axis=1)
        self._does = worlds.actions[rules].argsort(1)  # which action does what the body's action k does

    def act(
        self, observations: NDArray[Any], rewards: NDArray[Any], starts: NDArray[np.bool_] | None = None
    ) -> NDArray[np.int64]:
        """Actions ``(P,)`` for observations ``(P, O)`` as the rule shows them."""
        body = np.take_along_axis(observations, self._place, axis=1) * self._signs
        action = self.policy.act(body, rewards, starts)
        return np.asarray(self._does[np.arange(len(action)), action])


class SignObserver:
    """CartPole under any signs of sensors and either order of actions, changing at any time: a few bits of memory.

    A fixed controller with four observed signs: of (change of a position) times (its speed), for cart and pole, and of
    (change of a speed) times (own action), for both. With signs that never change it is the fixed policy plus one bit,
    the sign of the change of the cart's speed times the own action.

    Args:
        num_envs: number of lanes P.
    """

    def __init__(self, num_envs: int) -> None:
        self.pair = np.ones((num_envs, 2))
        """Sign of position times speed as seen, relative to true: cart, pole."""
        self.drive = np.tile([1.0, -1.0], (num_envs, 1))
        """Sign of what action 1 does to each speed as seen; truly it drives the cart right and the pole left."""
        self._last: NDArray[np.float64] | None = None
        self._push = np.zeros(num_envs)

    def act(
        self, observations: NDArray[Any], rewards: NDArray[Any], starts: NDArray[np.bool_] | None = None
    ) -> NDArray[np.int64]:
        """Actions ``(P,)`` for observations ``(P, 4)``."""
        seen = np.asarray(observations, dtype=np.float64)
        if self._last is not None:
            fresh = np.zeros(len(seen), dtype=np.bool_) if starts is None else starts
            self._learn(self._last, seen - self._last, ~fresh)
        # In coordinates in which action 1 pushes right, the speeds' signs follow from what it does to them.
        true = self.drive * [1.0, -1.0]
        body = np.stack(
            [self.pair[:, 0] * true[:, 0] * seen[:, 0], true[:, 0] * seen[:, 1],
             self.pair[:, 1] * true[:, 1] * seen[:, 2], true[:, 1] * seen[:, 3]], axis=1
        )  # fmt: skip
        right = body @ CARTPOLE_WEIGHTS > 0
        self._last, self._push = seen, np.where(right, 1.0, -1.0)
        return right.astype(np.int64)

    def _learn(self, last: NDArray[Any], change: NDArray[Any], known: NDArray[np.bool_]) -> None:
        for k, (position, speed) in enumerate(((0, 1), (2, 3))):
            for signs, evidence in (
                (self.pair, change[:, position] * last[:, speed]),
                (self.drive, change[:, speed] * self._push),
            ):
                signs[:, k] = np.where(known & (evidence != 0), np.sign(evidence), signs[:, k])


class LeastSquares:
    """CartPole under any signs and order of sensors and actions: identify a linear system, control it optimally.

    Recursive least squares with forgetting of ``o' = A o + B u`` (Ljung, *System Identification*, 11.2), then the gain of
    the linear-quadratic regulator of that system by the Riccati recursion. It knows that the body is near a linear system
    that is to be held near 0, and nothing of which sensor is which. A sudden surprise makes it begin anew.

    Args:
        num_envs: number of lanes P.
        sensors: how many are seen.
        forget: weight of a step relative to the next one.
        surprise: error of a prediction from which the rule counts as another one.
    """

    _BEFORE, _REFRESH, _SWEEPS, _SPREAD, _EFFORT = 30, 10, 60, 100.0, 0.1

    def __init__(
        self, num_envs: int, sensors: int = 4, forget: float = 0.995, surprise: float = 0.05
    ) -> None:
        self.sensors, self.forget, self.surprise = sensors, forget, surprise
        self.system = np.zeros((num_envs, sensors, sensors + 1))
        self.spread = np.zeros((num_envs, sensors + 1, sensors + 1))
        self.known = np.zeros(num_envs, dtype=np.int64)
        self.gain = np.zeros((num_envs, sensors))
        self._last: NDArray[np.float64] | None = None
        self._forget_all(np.ones(num_envs, dtype=np.bool_))

    def act(
        self, observations: NDArray[Any], rewards: NDArray[Any], starts: NDArray[np.bool_] | None = None
    ) -> NDArray[np.int64]:
        """Actions ``(P,)``, 0 or 1, for observations ``(P, sensors)``."""
        seen = np.asarray(observations, dtype=np.float64)
        if self._last is not None:
            told = np.ones(len(seen), dtype=np.bool_) if starts is None else ~starts
            error = self._learn(self._last, seen, told)
            moved = told & (error > self.surprise) & (self.known > 2 * 6)
            if moved.any():
                self._forget_all(moved)
                self._learn(self._last, seen, moved)
        stale = np.flatnonzero((self.known <= self._BEFORE) | (self.known % self._REFRESH == 0))
        if len(stale):
            self.gain[stale] = self._regulate(stale)
        push = np.where((self.gain * seen).sum(1) < 0, 1.0, -1.0)
        self._last = np.concatenate([seen, push[:, None]], axis=1)
        return (push > 0).astype(np.int64)

    def _forget_all(self, rows: NDArray[np.bool_]) -> None:
        self.system[rows] = np.eye(self.sensors, self.sensors + 1)
        self.spread[rows] = np.eye(self.sensors + 1) * self._SPREAD
        self.known[rows] = 0

    def _learn(self, last: NDArray[Any], seen: NDArray[Any], rows: NDArray[np.bool_]) -> NDArray[np.float64]:
        """One step of recursive least squares in the lanes `rows`; the greatest error of each lane's prediction."""
        error = seen - np.einsum("pij,pj->pi", self.system, last)
        reach = np.einsum("pij,pj->pi", self.spread, last)
        step = reach / (self.forget + (last * reach).sum(1))[:, None]
        spread = (self.spread - step[:, :, None] * reach[:, None]) / self.forget
        # Forgetting makes the spread of directions that are not visited grow without bound.
        trace, most = np.trace(spread, axis1=1, axis2=2), self._SPREAD * (self.sensors + 1)
        spread *= np.minimum(1.0, most / trace)[:, None, None]
        self.system[rows] += error[rows, :, None] * step[rows, None]
        self.spread[rows] = spread[rows]
        self.known[rows] += 1
        return np.asarray(np.abs(error).max(1))

    def _regulate(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Gains ``(R, sensors)`` of the regulator with weights I of the state and `_EFFORT` of the action."""
        a, b = self.system[rows, :, :-1], self.system[rows, :, -1]
        cost = np.tile(np.eye(self.sensors), (len(rows), 1, 1))
        for _ in range(self._SWEEPS):
            cb = np.einsum("pij,pj->pi", cost, b)
            # Riccati: S = I + A'(S - S B B' S / (r + B' S B)) A.
            inner = cost - cb[:, :, None] * cb[:, None] / (self._EFFORT + (b * cb).sum(1))[:, None, None]
            new = np.eye(self.sensors) + a.transpose(0, 2, 1) @ inner @ a
            # A system that is not known yet need not be stabilisable: where it diverges, it stays.
            calm = np.abs(cost).max((1, 2)) <= 1e7
            cost = np.where(calm[:, None, None], new, cost)
        return np.einsum("pi,pij->pj", np.einsum("pij,pj->pi", cost, b), a)
