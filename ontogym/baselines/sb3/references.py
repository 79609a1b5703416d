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

from ontogym.envs.reference import BlockObserver, WinStayLoseShift
from ontogym.errors import OntogymError, UnknownNameError
from ontogym.seeding import generator

__all__ = ["FLOORS", "REFERENCES", "make_floor"]

FLOORS = ("random", "constant", "reference")


class Random:
    """Uniform actions from a seeded stream that starts over at every reset."""

    def __init__(self, action_space: spaces.Space[Any], seed: int = 0) -> None:
        self._space, self._seed = action_space, seed

    def reset(self, lanes: int) -> None:
        """Begin `lanes` lives."""
        self._space.seed(int(generator(self._seed, "random").integers(2**31)))

    def act(self, observations: Any, rewards: NDArray[Any], starts: NDArray[Any]) -> NDArray[Any]:
        """Actions ``(P, ...)``."""
        return np.stack([np.asarray(self._space.sample()) for _ in range(len(rewards))])


class Constant:
    """The same action always."""

    def __init__(self, action: NDArray[Any]) -> None:
        self._action = action

    def reset(self, lanes: int) -> None:
        """Nothing to forget."""

    def act(self, observations: Any, rewards: NDArray[Any], starts: NDArray[Any]) -> NDArray[Any]:
        """Actions ``(P, ...)``."""
        return np.stack([self._action] * len(rewards))


class Rule:
    """A function of the observation ``(P, O)`` alone."""

    def __init__(self, rule: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
        self._rule = rule

    def reset(self, lanes: int) -> None:
        """Nothing to forget."""

    def act(self, observations: Any, rewards: NDArray[Any], starts: NDArray[Any]) -> NDArray[Any]:
        """Actions ``(P, ...)``."""
        return self._rule(np.asarray(observations))


class Remembering:
    """A reference with a memory of its own: made anew for every life."""

    def __init__(self, make: Callable[[int], Any]) -> None:
        self._make = make

    def reset(self, lanes: int) -> None:
        """Begin `lanes` lives."""
        self._inner = self._make(lanes)

    def act(self, observations: Any, rewards: NDArray[Any], starts: NDArray[Any]) -> NDArray[Any]:
        """Actions ``(P, ...)``."""
        return np.asarray(self._inner.act(observations, rewards))


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


REFERENCES: dict[str, Callable[[], Any]] = {
    "ontogym/Foraging-v0": lambda: Remembering(WinStayLoseShift),
    "ontogym/ForagingSwitch-v0": lambda: Remembering(WinStayLoseShift),
    "ontogym/ForagingRewardOnly-v0": lambda: Remembering(WinStayLoseShift),
    "ontogym/DeNovoChoice-v0": lambda: Rule(lambda seen: (seen[:, 1] > seen[:, 0]).astype(np.int64)),
    "ontogym/DeNovoChoiceBlocks-v0": lambda: Remembering(BlockObserver),
    "ontogym/CartPole-v1": lambda: Rule(balance),
    "CartPole-v1": lambda: Rule(balance),
    "ontogym/Acrobot-v1": lambda: Rule(pump),
    "Acrobot-v1": lambda: Rule(pump),
    "ontogym/Pendulum-v1": lambda: Rule(swing_up),
    "Pendulum-v1": lambda: Rule(swing_up),
}
"""Environment id to the maker of its hand-written policy."""


def make_floor(
    options: Mapping[str, Any], observation_space: spaces.Space[Any], action_space: spaces.Space[Any]
) -> Any:
    """A policy without weights.

    Args:
        options: ``algorithm`` of `FLOORS`; ``seed`` for random, ``action`` for constant, ``env`` for reference.

    Raises:
        OntogymError: an action outside the space, or an environment without a reference.
    """
    name = options["algorithm"]
    if name == "random":
        return Random(action_space, int(options.get("seed", 0)))
    if name == "reference":
        env = str(options.get("env"))
        if env not in REFERENCES:
            raise UnknownNameError("environment with a reference policy", env, REFERENCES)
        return REFERENCES[env]()
    dtype, shape = getattr(action_space, "dtype", None), action_space.shape
    if shape is None or dtype is None:
        raise OntogymError(f"There is no constant action in {action_space}; use random.")
    try:
        action = np.broadcast_to(np.asarray(options.get("action", 0), dtype=dtype), shape).copy()
    except (TypeError, ValueError) as error:
        raise OntogymError(f"action={options.get('action')!r} does not fit {action_space}.") from error
    member = action[()] if shape == () else action
    if not action_space.contains(member):
        raise OntogymError(f"action={options.get('action', 0)!r} is outside {action_space}.")
    return Constant(action)
