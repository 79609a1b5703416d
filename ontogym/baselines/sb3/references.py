"""The floor and the ceiling: policies that need no training.

``random`` acts uniformly, ``constant`` always acts the same, ``reference`` is written by hand for its environment: the
ceiling where one is known (foraging, choice), a good controller where none is (CartPole, Acrobot, Pendulum).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ontogym.agents.base import Actor
from ontogym.baselines.lives.actors import ByHand, Constant, Random
from ontogym.envs.reference import BlockObserver, WinStayLoseShift
from ontogym.errors import UnknownNameError

__all__ = ["FLOORS", "REFERENCES", "make_floor"]

FLOORS = ("random", "constant", "reference")


class Rule:
    """A function of the observation ``(P, O)`` alone."""

    def __init__(self, rule: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
        self._rule = rule

    def act(self, observations: NDArray[Any], rewards: NDArray[Any]) -> NDArray[Any]:
        """Actions ``(P, ...)``."""
        return self._rule(observations)


def _rule(rule: Callable[[NDArray[Any]], NDArray[Any]]) -> Callable[[int], Rule]:
    return lambda lanes: Rule(rule)


def balance(seen: NDArray[Any]) -> NDArray[np.int64]:
    """CartPole: push to the side to which the pole is falling, with a slow pull to the middle."""
    x, v, angle, spin = seen.T
    return (angle + 0.4 * spin + 0.02 * x + 0.06 * v > 0).astype(np.int64)


def pump(seen: NDArray[Any]) -> NDArray[np.int64]:
    """Acrobot: torque along the swing of the second link puts energy in."""
    return np.where(seen[:, 5] > 0, 2, 0)


def swing_up(seen: NDArray[Any]) -> NDArray[np.float32]:
    """Pendulum: pump energy while it hangs, hold it by a spring and a brake near the top."""
    angle, spin = np.arctan2(seen[:, 1], seen[:, 0]), seen[:, 2]
    energy = spin**2 / 2 + 15.0 * (seen[:, 0] - 1.0)  # 3 g / (2 l) = 15; zero at rest on top
    near = (np.abs(angle) < 0.6) & (np.abs(spin) < 4)
    torque = np.where(
        near, -10.0 * angle - 2.0 * spin, np.where(energy < 0, 1, -1) * 2.0 * np.where(spin < 0, -1, 1)
    )
    return np.clip(torque, -2.0, 2.0).astype(np.float32)[:, None]


REFERENCES: dict[str, Callable[[int], Any]] = {
    "ontogym/Foraging-v0": WinStayLoseShift,
    "ontogym/ForagingSwitch-v0": WinStayLoseShift,
    "ontogym/ForagingRewardOnly-v0": WinStayLoseShift,
    "ontogym/DeNovoChoice-v0": _rule(lambda seen: (seen[:, 1] > seen[:, 0]).astype(np.int64)),
    "ontogym/DeNovoChoiceBlocks-v0": BlockObserver,
    "ontogym/CartPole-v1": _rule(balance),
    "CartPole-v1": _rule(balance),
    "ontogym/Acrobot-v1": _rule(pump),
    "Acrobot-v1": _rule(pump),
    "ontogym/Pendulum-v1": _rule(swing_up),
    "Pendulum-v1": _rule(swing_up),
}
"""Environment id to the maker of its hand-written policy."""


def make_floor(
    options: Mapping[str, Any], observation_space: spaces.Space[Any], action_space: spaces.Space[Any]
) -> Actor[Any]:
    """An actor without weights.

    Args:
        options: ``algorithm`` of `FLOORS`; ``seed`` for random, ``action`` for constant, ``env`` for reference.

    Raises:
        OntogymError: an action outside the space, or an environment without a reference.
    """
    name = options["algorithm"]
    if name == "random":
        return Random(observation_space, action_space, int(options.get("seed", 0)))
    if name == "constant":
        return Constant(observation_space, action_space, options.get("action"))
    env = str(options.get("env"))
    if env not in REFERENCES:
        raise UnknownNameError("environment with a reference policy", env, REFERENCES)
    return ByHand(observation_space, action_space, REFERENCES[env])
