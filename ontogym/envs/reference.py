"""Hand-written policies that show what a task allows: the ceilings beside the learners.

``REFERENCES`` is the one table of their names: what ``ontogym train --algo reference`` runs and what the leaderboard
calls an agent of that kind. Each is built for a number of lanes and has ``act(observations, rewards, starts) -> actions``, as those of
`ontogym.envs.control_reference`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.envs.control_reference import LeastSquares, SignObserver
from ontogym.envs.de_novo_choice import BLOCK_BIAS, BLOCK_LENGTHS, BLOCK_MEAN, UNBIASED_TRIALS
from ontogym.errors import UnknownNameError

__all__ = [
    "FLOORS",
    "REFERENCES",
    "BlockObserver",
    "NearestFood",
    "OneHotForager",
    "Reference",
    "RuleKeeper",
    "WinStayLoseShift",
    "reference_of",
]

FLOORS = ("random", "constant")
"""Policies that know nothing of their task: uniform actions, and always the same one."""
_RIGHT, _LEFT = 0, 1
_NOWHERE = -1


class WinStayLoseShift:
    """Foraging without being told the goal: go where the food was last; if it is not there, to the other end.

    The best policy for every registered foraging task: food is at either end with equal chance at birth, and later
    more probably where it was found last (p_switch < 1/2), so the first visit of a trial goes there; one
    unrewarded visit proves that it is at the other end.

    Args:
        num_envs: number of lanes P.
        size: number of cells.
        delay: steps by which rewards come late (the argument `reward_delay` of the task). Then a good policy, no
            bound: it goes on as before until it is told.
        target: the end visited first, 0 or 1, one for all or ``(P,)``. Given the true goal, and a goal that
            never moves, this is the informed policy that earns the ceiling.
    """

    def __init__(
        self, num_envs: int, size: int = 5, target: int | NDArray[np.integer] = 1, delay: int = 0
    ) -> None:
        self.last = size - 1
        self.target = np.broadcast_to(np.asarray(target, dtype=np.int64), (num_envs,)).copy()
        # Ends reached in the last delay + 1 steps, the oldest first; _NOWHERE for none.
        self._reached = np.full((num_envs, delay + 1), _NOWHERE)

    def act(
        self, observations: NDArray[Any], rewards: NDArray[Any], starts: NDArray[np.bool_] | None = None
    ) -> NDArray[np.int64]:
        """Actions ``(P,)`` for observations ``(P, O)`` (raw or one-hot) and the last rewards ``(P,)``."""
        one_hot = observations.shape[1] > 1
        position = observations.argmax(1) if one_hot else observations[:, 0].astype(np.int64)
        # The reward belongs to the oldest step; none at an end means that the food is at the other.
        end = self._reached[:, 0]
        self.target = np.where(end == _NOWHERE, self.target, np.where(rewards > 0, end, 1 - end))
        goal = self.target * self.last
        move = np.sign(goal - position)
        arrived = np.where(position + move == goal, self.target, _NOWHERE)
        self._reached = np.concatenate([self._reached[:, 1:], arrived[:, None]], axis=1)
        return np.where(move > 0, _RIGHT, _LEFT)


class OneHotForager(WinStayLoseShift):
    """`WinStayLoseShift` in the shape of the others; it remembers where the food was through all episodes."""

    def act(
        self, observations: NDArray[Any], rewards: NDArray[Any], starts: NDArray[np.bool_] | None = None
    ) -> NDArray[np.int64]:
        """Actions ``(P,)`` for one-hot observations ``(P, 5)``."""
        if starts is not None:
            self._reached[starts] = -1
        return super().act(observations, rewards)


class NearestFood:
    """Shared foraging by the senses alone: stay where food is, else walk to the side where it is nearest.

    Args:
        num_envs: number of lanes P (nothing is remembered, so any number will do).
    """

    _SIDES = np.array([0, 1, 3, 4])

    def __init__(self, num_envs: int) -> None:
        self.num_envs = num_envs

    def act(
        self, observations: NDArray[Any], rewards: NDArray[Any], starts: NDArray[np.bool_] | None = None
    ) -> NDArray[np.int64]:
        """Actions ``(P,)`` for observations ``(P, 10)``."""
        return np.where(observations[:, 0] > 0, 2, self._SIDES[observations[:, 1:5].argmax(1)])


class RuleKeeper:
    """De novo choice with reversals: report what is seen by the rule that the last reward spoke for.

    Win-stay, lose-shift on the rule: at every reversal one trial is lost. For trials of one step that show their side.

    Args:
        num_envs: number of lanes P.
    """

    def __init__(self, num_envs: int) -> None:
        self.mapping = np.zeros(num_envs, dtype=np.int64)
        self._told = False

    def act(
        self, observations: NDArray[Any], rewards: NDArray[Any], starts: NDArray[np.bool_] | None = None
    ) -> NDArray[np.int64]:
        """Actions ``(P,)`` for observations ``(P, 5)`` and the last rewards ``(P,)``."""
        if self._told:
            self.mapping = np.where(rewards > 0, self.mapping, 1 - self.mapping)
        self._told = True
        side = (observations[:, 1] > observations[:, 0]).astype(np.int64)
        return side ^ self.mapping


class BlockObserver:
    """De novo choice with blocks, played as well as it can be: report what is seen, else the likelier side.

    Where nothing is seen it knows the protocol and what the sides were so far (feedback tells the true side
    of every trial), and holds a belief over block and trials since its beginning: the exact filter of a hidden
    semi-Markov chain. For trials of one step.

    Args:
        num_envs: number of lanes P.
    """

    def __init__(self, num_envs: int) -> None:
        low, high = BLOCK_LENGTHS
        cut = np.exp(-(np.arange(low, high + 2) - low) / BLOCK_MEAN)
        lengths = np.concatenate([np.zeros(low), (cut[:-1] - cut[1:]) / (1 - cut[-1])])  # P(length = k)
        alive = np.cumsum(lengths[::-1])[::-1]  # P(length >= k)
        # After k trials of a block (k = 1 ..), the probability that it is over.
        self._ends = np.where(alive > 0, lengths / np.maximum(alive, math.ulp(0.0)), 1.0)[1:]
        self._belief = np.zeros((num_envs, 2, high))  # (block of left or right, trials since its start)
        self._belief[:, :, 0] = 0.5
        self._trial = 0
        self._shown: NDArray[Any] | None = None
        self._chosen = np.zeros(num_envs, dtype=np.int64)

    def act(
        self, observations: NDArray[Any], rewards: NDArray[Any], starts: NDArray[np.bool_] | None = None
    ) -> NDArray[np.int64]:
        """Actions ``(P,)`` for observations ``(P, 5)`` and the last rewards ``(P,)``."""
        if self._shown is not None:
            # A reward means that the choice was the side.
            self._learn(np.where(rewards > 0, self._chosen, 1 - self._chosen))
        self._shown = np.asarray(observations)
        left, right = self._shown[:, 0], self._shown[:, 1]
        guess = (self._belief[:, 1].sum(1) > 0.5).astype(np.int64)
        self._chosen = np.where(left > right, 0, np.where(right > left, 1, guess))
        return self._chosen

    def _learn(self, side: NDArray[np.int64]) -> None:
        self._trial += 1
        if self._trial <= UNBIASED_TRIALS:
            return
        likely = np.where(side[:, None] == np.arange(2), BLOCK_BIAS, 1 - BLOCK_BIAS)
        belief = self._belief * likely[:, :, None]
        over = (belief * self._ends).sum(2)
        stays = belief * (1 - self._ends)
        belief = np.concatenate([over[:, ::-1, None], stays[:, :, :-1]], 2)
        self._belief = belief / belief.sum((1, 2), keepdims=True)


class _Reflex:
    """A function of the observation ``(P, O)`` alone."""

    def __init__(self, rule: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
        self._rule = rule

    def act(
        self, observations: NDArray[Any], rewards: NDArray[Any], starts: NDArray[np.bool_] | None = None
    ) -> NDArray[Any]:
        """Actions ``(P, ...)``."""
        return self._rule(np.asarray(observations))


def _choose_seen(seen: NDArray[Any]) -> NDArray[np.int64]:
    """De novo choice: the side that shows more."""
    return (seen[:, 1] > seen[:, 0]).astype(np.int64)


def _balance(seen: NDArray[Any]) -> NDArray[np.int64]:
    """CartPole: push to the side to which the pole is falling, with a slow pull to the middle."""
    x, v, angle, spin = seen.T
    return (angle + 0.4 * spin + 0.02 * x + 0.06 * v > 0).astype(np.int64)


def _pump(seen: NDArray[Any]) -> NDArray[np.int64]:
    """Acrobot: torque along the swing of the second link puts energy in."""
    return np.where(seen[:, 5] > 0, 2, 0)


def _swing_up(seen: NDArray[Any]) -> NDArray[np.float32]:
    """Pendulum: pump energy while it hangs, hold it by a spring and a brake near the top."""
    angle, spin = np.arctan2(seen[:, 1], seen[:, 0]), seen[:, 2]
    energy = spin**2 / 2 + 15.0 * (seen[:, 0] - 1.0)  # 3 g / (2 l) = 15; zero at rest on top
    near = (np.abs(angle) < 0.6) & (np.abs(spin) < 4)
    torque = np.where(
        near, -10.0 * angle - 2.0 * spin, np.where(energy < 0, 1, -1) * 2.0 * np.where(spin < 0, -1, 1)
    )
    return np.clip(torque, -2.0, 2.0).astype(np.float32)[:, None]


@dataclass(frozen=True)
class Reference:
    """A hand-written policy.

    Attributes:
        make: builds it for a number of lanes.
        envs: ids of the environments that it is written for.
    """

    make: Callable[[int], Any]
    envs: tuple[str, ...]


REFERENCES: Mapping[str, Reference] = MappingProxyType(
    {
        "win-stay-lose-shift": Reference(
            WinStayLoseShift,
            tuple(f"ontogym/Foraging{kind}-v0" for kind in ("", "RewardOnly", "Switch", "GoalSwap")),
        ),
        "win-stay-lose-shift-delayed": Reference(
            functools.partial(WinStayLoseShift, delay=3),
            tuple(f"ontogym/Foraging{kind}Late-v0" for kind in ("RewardOnly", "Switch", "GoalSwap")),
        ),
        "nearest-food": Reference(NearestFood, ("ontogym/SharedForaging-v0",)),
        "choose-seen": Reference(lambda _: _Reflex(_choose_seen), ("ontogym/DeNovoChoice-v0",)),
        "block-observer": Reference(BlockObserver, ("ontogym/DeNovoChoiceBlocks-v0",)),
        "rule-keeper": Reference(RuleKeeper, ("ontogym/DeNovoChoiceBlocks-v1",)),
        "cart-pole-balance": Reference(lambda _: _Reflex(_balance), ("ontogym/CartPole-v1", "CartPole-v1")),
        "acrobot-pump": Reference(lambda _: _Reflex(_pump), ("ontogym/Acrobot-v1", "Acrobot-v1")),
        "sign-observer": Reference(
            SignObserver,
            (
                "ontogym/RuleShiftCartPole-v0",
                *(f"ontogym/CartPoleActionFlip{kind}" for kind in ("-v1", "Back-v0", "Often-v0")),
            ),
        ),
        "least-squares": Reference(LeastSquares, ("ontogym/RuleShiftCartPole-v0",)),
        "pendulum-swing-up": Reference(lambda _: _Reflex(_swing_up), ("ontogym/Pendulum-v1", "Pendulum-v1")),
    }
)
"""Name to policy; an environment's reference is the first that is written for it."""


def reference_of(env: str, policy: str | None = None) -> str:
    """Name of the hand-written policy for an environment.

    Args:
        policy: the one that is wanted; None for the first that is written for it.

    Raises:
        UnknownNameError: there is none, or not that one.
    """
    fitting = [name for name, reference in REFERENCES.items() if env in reference.envs]
    if not fitting:
        known = {id_ for reference in REFERENCES.values() for id_ in reference.envs}
        raise UnknownNameError("environment with a reference policy", env, known)
    if policy is not None and policy not in fitting:
        raise UnknownNameError(f"reference policy of {env}", policy, fitting)
    return policy or fitting[0]
