"""Actors that need no training: chance, one action always, and policies written by hand for their environment."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ontogym.agents.base import Actor, Feedback
from ontogym.agents.individuals import life_stream
from ontogym.errors import OntogymError
from ontogym.seeding import LaneStreams, mix64

__all__ = ["ByHand", "Constant", "HandWritten", "Random"]


class Random(Actor[LaneStreams]):
    """Uniformly random actions, each lane from its own stream.

    Args:
        observation_space, action_space: of one environment.
        seed: makes another random agent of the same lives.
    """

    def __init__(
        self, observation_space: spaces.Space[Any], action_space: spaces.Space[Any], seed: int = 0
    ) -> None:
        self.observation_space, self.action_space, self.seed = observation_space, action_space, seed
        self._draw(
            LaneStreams(np.zeros(1, np.uint64))
        )  # an action space that has no uniform action fails here

    def begin(self, seeds: NDArray[np.uint64]) -> LaneStreams:
        with np.errstate(over="ignore"):
            return LaneStreams(mix64(life_stream(seeds, 0) + np.uint64(self.seed)))

    def act(
        self, state: LaneStreams, observations: Any, feedback: Feedback, active: NDArray[np.bool_]
    ) -> tuple[NDArray[Any], LaneStreams]:
        return self._draw(state), state

    def _draw(self, streams: LaneStreams) -> NDArray[Any]:
        space = self.action_space
        draw = streams.uniform(space.shape or ())
        if isinstance(space, spaces.Discrete):
            chosen: NDArray[Any] = (space.start + np.floor(draw * space.n)).astype(np.int64)
            return chosen
        if isinstance(space, spaces.MultiDiscrete):
            return (space.start + np.floor(draw * space.nvec)).astype(space.dtype)
        if isinstance(space, spaces.MultiBinary):
            return (draw < 0.5).astype(space.dtype)
        if not isinstance(space, spaces.Box) or not np.isfinite([space.low, space.high]).all():
            raise OntogymError(f"There is no uniformly random action in {space}; bound it first.")
        low, high = space.low.astype(np.float64), space.high.astype(np.float64)
        if np.issubdtype(space.dtype, np.integer):
            return (low + np.floor(draw * (high - low + 1))).astype(space.dtype)
        return (low + draw * (high - low)).astype(space.dtype)


class Constant(Actor[int]):
    """One action, always: `action`, or else the first of a discrete space and the middle of a box.

    Raises:
        OntogymError: an action outside the space.
    """

    def __init__(
        self, observation_space: spaces.Space[Any], action_space: spaces.Space[Any], action: Any = None
    ) -> None:
        self.observation_space, self.action_space = observation_space, action_space
        if action is None:
            action = _middle(action_space)
        try:
            given = np.asarray(action)
            with np.errstate(invalid="ignore"):
                cast = given.astype(action_space.dtype)
            if action_space.dtype.kind in "iu" and not np.array_equal(given, cast):
                raise ValueError("it is no whole number")
            one = np.broadcast_to(cast, action_space.shape or ())
        except (TypeError, ValueError, OverflowError) as error:
            raise OntogymError(f"{action!r} is no action of {action_space} ({error}).") from error
        if not action_space.contains(one[()]):
            raise OntogymError(f"{action!r} is no action of {action_space}; choose one that it contains.")
        self.action = one

    def begin(self, seeds: NDArray[np.uint64]) -> int:
        return len(seeds)

    def act(
        self, state: int, observations: Any, feedback: Feedback, active: NDArray[np.bool_]
    ) -> tuple[NDArray[Any], int]:
        return np.repeat(self.action[None], state, 0), state


def _middle(space: spaces.Space[Any]) -> Any:
    if isinstance(space, spaces.Box):
        with np.errstate(over="ignore", invalid="ignore"):
            return np.nan_to_num((space.low + space.high) / 2)
    return getattr(space, "start", 0)


class HandWritten(Protocol):
    """A policy of `ontogym.envs.reference`: made for P lanes, remembers what it must."""

    def act(
        self, observations: NDArray[Any], rewards: NDArray[Any], starts: NDArray[np.bool_] | None = None
    ) -> NDArray[Any]: ...


class ByHand(Actor[HandWritten]):
    """A policy written by hand.

    Args:
        observation_space, action_space: of one environment.
        make: makes the policy for P lanes.
    """

    hears = ("reward", "start")

    def __init__(
        self, observation_space: spaces.Space[Any], action_space: spaces.Space[Any], make: Any
    ) -> None:
        self.observation_space, self.action_space, self.make = observation_space, action_space, make

    def begin(self, seeds: NDArray[np.uint64]) -> HandWritten:
        policy: HandWritten = self.make(len(seeds))
        return policy

    def act(
        self, state: HandWritten, observations: Any, feedback: Feedback, active: NDArray[np.bool_]
    ) -> tuple[NDArray[Any], HandWritten]:
        # A lane that waits for others stands still, from which nothing is to be learned.
        starts = feedback.start.astype(np.bool_) | ~active
        return np.asarray(state.act(np.asarray(observations), feedback.reward, starts)), state
