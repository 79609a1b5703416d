"""Policies dressed as agents, so that all of them meet the same evaluation (`ontogym.baselines.lives.life.live`)."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ontogym.agents.base import Agent
from ontogym.envs.reference import REFERENCES, HandWritten
from ontogym.errors import OntogymError
from ontogym.seeding import LaneStreams, mix64

__all__ = ["WEIGHT_FREE", "ConstantPolicy", "PolicyAgent", "RandomPolicy", "ReferencePolicy"]


class RawSpaces:
    """Stands where an agent's `SpaceAdapter` does, for policies that take observations and give actions as they are.

    Attributes:
        raw: the last batch of observations, in the form of the space.
    """

    def __init__(self, observation_space: spaces.Space[Any], action_space: spaces.Space[Any]) -> None:
        self.observation_space, self.action_space = observation_space, action_space
        self.n_observations = spaces.flatdim(observation_space)
        self.raw: Any = None

    def observe(self, observations: Any) -> NDArray[Any]:
        """Keep the batch as it is; returns its numbers ``(P, ...)``, so that they can be found finite."""
        self.raw = observations
        parts = list(_leaves(observations))
        return parts[0] if len(parts) == 1 else np.concatenate([p.reshape(len(p), -1) for p in parts], 1)

    def act(self, motor: NDArray[Any]) -> NDArray[Any]:
        """The actions themselves."""
        return motor


def _leaves(batch: Any) -> Any:
    if isinstance(batch, Mapping):
        for part in batch.values():
            yield from _leaves(part)
    elif isinstance(batch, tuple):
        for part in batch:
            yield from _leaves(part)
    else:
        yield np.asarray(batch)


class PolicyState:
    """A policy in the middle of its lives: whatever it remembers, and which lanes begin an episode."""

    def __init__(self, policy: Any, lanes: int) -> None:
        self.policy = policy
        self.starts = np.ones(lanes, dtype=bool)


class PolicyAgent(Agent[PolicyState]):
    """A policy ``act(observations, rewards, starts) -> actions`` as an agent without development.

    Args:
        observation_space, action_space: of one environment.
        make: makes the policy for the seeds ``(P,)`` of its lanes.
    """

    name = "policy"

    def __init__(
        self, observation_space: spaces.Space[Any], action_space: spaces.Space[Any], make: Any
    ) -> None:
        self.observation_space, self.action_space = observation_space, action_space
        self.spaces: Any = RawSpaces(observation_space, action_space)
        self.make = make
        self.development, self.development_steps, self.development_options = None, 0, ()

    @property
    def genome_size(self) -> int:
        return 0

    @property
    def config(self) -> dict[str, Any]:
        return {}

    def initial_genome(self) -> NDArray[np.float64]:
        return np.zeros(0)

    def birth(self, genomes: NDArray[np.floating], seeds: NDArray[np.integer]) -> PolicyState:
        return PolicyState(self.make(np.asarray(seeds, dtype=np.uint64)), len(genomes))

    def develop(self, state: PolicyState, activity: NDArray[np.floating]) -> PolicyState:
        return state

    def begin_episode(self, state: PolicyState) -> PolicyState:
        state.starts[:] = True
        return state

    def step(
        self,
        state: PolicyState,
        observation: NDArray[np.floating],
        reward: NDArray[np.floating],
        active: NDArray[np.bool_] | None = None,
    ) -> tuple[NDArray[Any], PolicyState]:
        actions = np.asarray(state.policy.act(self.spaces.raw, reward, state.starts))
        state.starts[:] = False
        return actions, state

    def copy(self, state: PolicyState) -> PolicyState:
        raise NotImplementedError("A policy's memory is its own; build the agent again.")


class RandomPolicy:
    """Uniformly random actions, each lane from its own seed and that of the submission."""

    def __init__(self, action_space: spaces.Space[Any], seeds: NDArray[np.uint64], seed: int = 0) -> None:
        self.space = action_space
        self.streams = LaneStreams(mix64(np.asarray(seeds, dtype=np.uint64) + np.uint64(seed)))

    def act(self, observations: Any, rewards: Any, starts: Any) -> NDArray[Any]:
        """Actions ``(P, ...)``."""
        space = self.space
        draw = self.streams.uniform(space.shape or ())
        if isinstance(space, spaces.Discrete):
            return (space.start + np.floor(draw * space.n)).astype(np.int64)
        if isinstance(space, spaces.MultiDiscrete):
            return (space.start + np.floor(draw * space.nvec)).astype(space.dtype)
        if isinstance(space, spaces.MultiBinary):
            return (draw < 0.5).astype(space.dtype)
        assert isinstance(space, spaces.Box)
        return (space.low + draw * (space.high.astype(np.float64) - space.low)).astype(space.dtype)


class ConstantPolicy:
    """One action, always: `action`, or else 0 of a discrete space and the middle of a box."""

    def __init__(
        self, action_space: spaces.Space[Any], seeds: NDArray[np.uint64], action: Any = None
    ) -> None:
        if action is None:
            box = isinstance(action_space, spaces.Box)
            action = (action_space.low + action_space.high) / 2 if box else 0  # type: ignore[attr-defined]
        try:
            one = np.broadcast_to(np.asarray(action, dtype=action_space.dtype), action_space.shape or ())
        except (TypeError, ValueError) as error:
            raise OntogymError(f"{action!r} is no action of {action_space} ({error}).") from error
        if not action_space.contains(one[()]):
            raise OntogymError(f"{action!r} is no action of {action_space}; choose one that it contains.")
        self.actions = np.repeat(one[None], len(seeds), 0)

    def act(self, observations: Any, rewards: Any, starts: Any) -> NDArray[Any]:
        """Actions ``(P, ...)``."""
        return self.actions


class ReferencePolicy:
    """A hand-written policy of `ontogym.envs.reference`."""

    def __init__(
        self, make: Callable[[int], HandWritten], action_space: spaces.Space[Any], seeds: NDArray[np.uint64]
    ) -> None:
        self.policy = make(len(seeds))

    def act(self, observations: Any, rewards: Any, starts: Any) -> NDArray[Any]:
        """Actions ``(P, ...)``."""
        return np.asarray(self.policy.act(observations, rewards))


WEIGHT_FREE: Mapping[str, Callable[..., Any]] = {
    "random": RandomPolicy,
    "constant": ConstantPolicy,
    **{name: functools.partial(ReferencePolicy, each.make) for name, each in REFERENCES.items()},
}
"""Floors and ceilings: agents that are whole without weights. Policies of an action space, seeds and options."""
