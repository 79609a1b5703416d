"""The floor and the ceiling: policies that need no training.

``random`` acts uniformly, ``constant`` always acts the same, ``reference`` is written by hand for its environment (see
`ontogym.envs.reference`): the ceiling where one is known (foraging, choice), a good controller where none is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ontogym.envs import reference
from ontogym.envs.reference import REFERENCES, reference_of
from ontogym.errors import OntogymError
from ontogym.seeding import generator

__all__ = ["FLOORS", "make_floor"]

FLOORS = (*reference.FLOORS, "reference")
"""What can be had without training; "reference" is the one policy of `REFERENCES` for the environment."""


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


class HandWritten:
    """A policy of `ontogym.envs.reference`, made anew for every life: it may remember."""

    def __init__(self, make: Callable[[int], Any]) -> None:
        self._make = make

    def reset(self, lanes: int) -> None:
        """Begin `lanes` lives."""
        self._inner = self._make(lanes)

    def act(self, observations: Any, rewards: NDArray[Any], starts: NDArray[Any]) -> NDArray[Any]:
        """Actions ``(P, ...)``."""
        return np.asarray(self._inner.act(observations, rewards))


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
        return HandWritten(REFERENCES[reference_of(str(options.get("env")))].make)
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
