"""Any space as one that SB3 can learn in, and the way back: what `SpaceAdapter` is to evolved agents.

SB3 takes whole numbers to begin at 0, action boxes to be of floats, and dictionaries to be flat, and checks none of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ontogym.agents.spaces import SpaceError
from ontogym.errors import OntogymError

__all__ = ["MappedEnv", "SpaceMap", "narrowed"]


class SpaceMap:
    """Maps observations to SB3's form and SB3's actions back; one or a batch of them.

    Args:
        observation_space, action_space: of one environment.

    Attributes:
        observation_space, action_space: as SB3 shall see them; the same objects where it can take them as they are.

    Raises:
        SpaceError: an observation that is no numbers.
    """

    def __init__(self, observation_space: spaces.Space[Any], action_space: spaces.Space[Any]) -> None:
        self._seen, self._acted = observation_space, action_space
        self.observation_space = _observed(observation_space)
        self.action_space = _acted(action_space)

    def observe(self, observations: Any) -> Any:
        """Observations of the environment in SB3's form."""
        if self.observation_space is self._seen:
            return observations
        if isinstance(self._seen, (spaces.Dict, spaces.Tuple)):
            return {name: _leaf_value(leaf, value) for name, leaf, value in _leaves(self._seen, observations)}
        return _leaf_value(self._seen, observations)

    def act(self, actions: Any) -> Any:
        """Actions of SB3 as the environment takes them: as in `SpaceAdapter.act`, whole numbers are scaled from [-1, 1]."""
        space = self._acted
        if self.action_space is space:
            return actions
        values = np.asarray(actions)
        if isinstance(space, spaces.Discrete):
            return (values + space.start).astype(space.dtype)
        if isinstance(space, spaces.Box):
            low, high = space.low.astype(np.float64), space.high.astype(np.float64)
            scaled = low + (values.astype(np.float64) + 1.0) * 0.5 * (high - low)
            return np.clip(np.rint(scaled), low, high).astype(space.dtype)
        shaped = values.reshape(*values.shape[:-1], *space.shape)  # type: ignore[misc]
        if isinstance(space, spaces.MultiDiscrete):
            shaped = shaped + space.start
        return shaped.astype(space.dtype)


def narrowed(space: spaces.Space[Any], share: float) -> spaces.Space[Any]:
    """The part of a box of actions that a learner shall use: `share` of each range, around its middle.

    Off-policy learners try actions anywhere in their box, and their critics guess where they have not been. Where most
    actions are far worse than small ones, a smaller box is what lets them learn.

    Raises:
        OntogymError: a share that is not in (0, 1]; actions that are no bounded box of floats.
    """
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 < share <= 1:
        raise OntogymError(f"action_share is {share!r}; give a number above 0 and at most 1.")
    if share == 1:
        return space
    if not isinstance(space, spaces.Box) or not space.is_bounded():
        raise OntogymError(f"action_share is for bounded boxes of actions, not {space}; leave it out.")
    middle, half = 0.5 * (space.high + space.low), 0.5 * share * (space.high - space.low)
    return spaces.Box((middle - half).astype(space.dtype), (middle + half).astype(space.dtype))


class MappedEnv(gym.Wrapper[Any, Any, Any, Any]):
    """An environment as SB3 shall see it."""

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        self._map = SpaceMap(env.observation_space, env.action_space)
        self.observation_space, self.action_space = self._map.observation_space, self._map.action_space

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        observation, info = self.env.reset(seed=seed, options=options)
        return self._map.observe(observation), info

    def step(self, action: Any) -> Any:
        observation, reward, terminated, truncated, info = self.env.step(self._map.act(action))
        return self._map.observe(observation), reward, terminated, truncated, info


def _observed(space: spaces.Space[Any]) -> spaces.Space[Any]:
    if not isinstance(space, (spaces.Dict, spaces.Tuple)):
        return _leaf(space)
    parts = [(name, part, _leaf(part)) for name, part, _ in _leaves(space)]
    if len({name for name, _, _ in parts}) < len(parts):
        raise SpaceError("Two parts of the nested observations get the same name; rename one of them.")
    flat = isinstance(space, spaces.Dict) and set(space.spaces) == {name for name, _, _ in parts}
    if flat and all(part is leaf for _, part, leaf in parts):
        return space
    return spaces.Dict([(name, leaf) for name, _, leaf in parts])


def _leaves(
    space: spaces.Space[Any], value: Any = None, name: str = ""
) -> Iterator[tuple[str, spaces.Space[Any], Any]]:
    """Name, space and value (if there is one) of every part of nested dictionaries and tuples."""
    if isinstance(space, spaces.Dict):
        items: Any = space.spaces.items()
    elif isinstance(space, spaces.Tuple):
        items = enumerate(space.spaces)
    else:
        yield name, space, value
        return
    for key, part in items:
        inner = None if value is None else value[key]
        yield from _leaves(part, inner, f"{name}/{key}" if name else str(key))


def _leaf(space: spaces.Space[Any]) -> spaces.Space[Any]:
    if isinstance(space, spaces.Discrete):
        return space if space.start == 0 else spaces.Discrete(int(space.n))
    if isinstance(space, spaces.MultiDiscrete):
        plain = len(space.shape) == 1 and not space.start.any()
        return space if plain else spaces.MultiDiscrete(space.nvec.ravel())
    if isinstance(space, (spaces.Box, spaces.MultiBinary)):
        return space
    raise SpaceError(
        f"An observation space of type {type(space).__name__} is no numbers; wrap the environment so that it gives a Box, "
        "Discrete, MultiDiscrete or MultiBinary, or a Dict or Tuple of these."
    )


def _leaf_value(space: spaces.Space[Any], value: Any) -> Any:
    values = np.asarray(value)
    if isinstance(space, spaces.Discrete):
        return values - space.start
    if isinstance(space, spaces.MultiDiscrete):
        shifted: NDArray[Any] = values - space.start
        return shifted.reshape(*shifted.shape[: shifted.ndim - len(space.shape)], -1)
    return value


def _acted(space: spaces.Space[Any]) -> spaces.Space[Any]:
    if isinstance(space, spaces.MultiBinary):
        return space if len(space.shape) == 1 else spaces.MultiBinary(int(np.prod(space.shape)))
    if isinstance(space, spaces.Box) and np.issubdtype(space.dtype, np.integer):
        return spaces.Box(-1.0, 1.0, space.shape, np.float32)
    return _leaf(space) if isinstance(space, (spaces.Discrete, spaces.MultiDiscrete)) else space
