"""From Gymnasium's spaces to the numbers that agents take and give, batch axis first.

``P`` lanes, ``O`` observation channels, ``A`` motor channels.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ontogym.batched.flat import flatten_batch
from ontogym.errors import OntogymError, UnknownNameError

__all__ = ["MAX_CHANNELS", "SpaceAdapter", "SpaceError", "encode_actions", "observation_gain", "parts_of"]

MAX_CHANNELS = 512
"""Widest flattened observation an agent takes; images need a feature extractor in front."""


class SpaceError(OntogymError):
    """A space that no agent of the asked kind can live in."""


def parts_of(space: spaces.Space[Any], keys: Sequence[str] | None) -> spaces.Space[Any]:
    """The parts of a dictionary of observations that an agent reads, in the order of the space; all if `keys` is None.

    Raises:
        OntogymError: a space that is no dictionary, or no part. UnknownNameError: a part that it does not have.
    """
    if keys is None:
        return space
    if not isinstance(space, spaces.Dict):
        raise OntogymError(
            f"'observe' names parts of a dictionary of observations, and here they are a {type(space).__name__}; leave it out."
        )
    for key in keys:
        if key not in space.spaces:
            raise UnknownNameError("part of the observations", key, space.spaces)
    if not keys:
        raise OntogymError("'observe' names no part; name one or leave it out.")
    return spaces.Dict({key: part for key, part in space.spaces.items() if key in keys})


class SpaceAdapter:
    """Adapts Gymnasium spaces once: observations to ``(P, O)`` float32, motor outputs to actions.

    Args:
        observation_space: Box, Discrete, MultiDiscrete, MultiBinary, or Dict/Tuple of these, at most
            512 numbers when flattened.
        action_space: Discrete, MultiDiscrete, MultiBinary, or bounded Box.

    Attributes:
        n_observations, n_actions: channels O and A.
    """

    def __init__(self, observation_space: spaces.Space[Any], action_space: spaces.Space[Any]) -> None:
        self.observation_space, self.action_space = observation_space, action_space
        self.n_observations = _observation_channels(observation_space)
        self.n_actions = _action_channels(action_space)

    def observe(self, observations: Any) -> NDArray[np.float32]:
        """A batch of observations, as a vector env returns them, flattened to ``(P, O)`` float32."""
        return flatten_batch(self.observation_space, observations)

    def encode(self, actions: Any) -> NDArray[np.float32]:
        """Actions as motor channels ``(P, A)``: see `encode_actions`."""
        return encode_actions(self.action_space, actions)

    def act(self, motor: NDArray[np.floating]) -> NDArray[Any]:
        """Motor outputs ``(P, A)`` in [-1, 1] as a batch of actions.

        Discrete: argmax. Box: clipped, scaled from [-1, 1] to the box (NaN is the middle), and
        rounded if its numbers are whole. MultiDiscrete: argmax in each group. MultiBinary: positive means 1.
        """
        space = self.action_space
        if isinstance(space, spaces.Discrete):
            chosen: NDArray[Any] = motor.argmax(1).astype(space.dtype) + space.start
            return chosen
        if isinstance(space, spaces.MultiBinary):
            return (motor > 0).astype(space.dtype).reshape(len(motor), *space.shape)
        if isinstance(space, spaces.MultiDiscrete):
            edges = np.cumsum(space.nvec.ravel())[:-1]
            picks = np.stack([part.argmax(1) for part in np.split(motor, edges, axis=1)], 1)
            return (picks.reshape(len(motor), *space.shape) + space.start).astype(space.dtype)
        assert isinstance(space, spaces.Box)
        unit = np.clip(np.nan_to_num(motor, nan=0.0), -1.0, 1.0).reshape(len(motor), *space.shape)
        low, high = space.low.astype(np.float64), space.high.astype(np.float64)
        scaled = low + (unit + 1.0) * 0.5 * (high - low)
        if np.issubdtype(space.dtype, np.integer):
            scaled = np.rint(scaled)
        within: NDArray[Any] = np.clip(scaled, low, high).astype(space.dtype)
        return within


def encode_actions(space: spaces.Space[Any], actions: Any) -> NDArray[np.float32]:
    """A batch of actions as motor channels ``(P, A)`` float32: the inverse of `SpaceAdapter.act`.

    Discrete and MultiDiscrete: one-hot. Box: scaled from the box to [-1, 1]. MultiBinary: 0 or 1.
    """
    if not isinstance(space, spaces.Box):
        return flatten_batch(space, actions)
    values = np.asarray(actions, dtype=np.float64)
    low, high = space.low.astype(np.float64), space.high.astype(np.float64)
    unit = 2.0 * (values - low) / np.where(high > low, high - low, 1.0) - 1.0
    return unit.reshape(len(unit), -1).astype(np.float32)


def observation_gain(space: spaces.Space[Any]) -> NDArray[np.float32]:
    """One over the largest magnitude of each flattened channel; 1 where it is not bounded. Shape ``(O,)``.

    Raises:
        OntogymError: no channel is bounded, so that nothing would be scaled. Where only some are, a warning names the others.
    """
    flat = spaces.flatten_space(space)
    if not isinstance(flat, spaces.Box):
        return np.ones(spaces.flatdim(space), np.float32)
    bound = np.maximum(np.abs(flat.low), np.abs(flat.high)).ravel().astype(np.float64)
    # A bound like CartPole's 3.4e38 stands for none.
    usual = (bound > 0) & (bound < 1e6)
    free = np.flatnonzero(bound >= 1e6)
    if len(free):
        mend = "wrap the environment so that they are (gymnasium.wrappers.TransformObservation, or NormalizeObservation)"
        if len(free) == len(bound):
            raise OntogymError(
                f"scale_observations divides by bounds, and none of the {len(bound)} observations is bounded; leave it out, or "
                f"{mend}."
            )
        named = ", ".join(map(str, free[:8])) + (", ..." if len(free) > 8 else "")
        warnings.warn(
            f"scale_observations leaves observations {named} as they are, which are not bounded; {mend}.",
            stacklevel=2,
        )
    return np.where(usual, 1.0 / np.where(usual, bound, 1.0), 1.0).astype(np.float32)


def _observation_channels(space: spaces.Space[Any]) -> int:
    if isinstance(space, spaces.Box) and len(space.shape) >= 2 and min(space.shape[:2]) >= 8:
        raise SpaceError(
            f"Observations of shape {space.shape} are images, which this agent does not take; "
            "put a feature extractor in front that gives a short vector, such as --features waves."
        )
    if isinstance(space, spaces.Dict):
        channels = sum(_observation_channels(part) for part in space.spaces.values())
    elif isinstance(space, spaces.Tuple):
        channels = sum(_observation_channels(part) for part in space.spaces)
    elif isinstance(space, (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)):
        channels = spaces.flatdim(space)
    else:
        raise SpaceError(
            f"An observation space of type {type(space).__name__} cannot be flattened to numbers; "
            "wrap the environment so that it gives a Box, Discrete, MultiDiscrete or MultiBinary."
        )
    if channels > MAX_CHANNELS:
        raise SpaceError(
            f"Observations flatten to {channels} numbers, more than the {MAX_CHANNELS} this agent takes; "
            "put a feature extractor in front that gives a shorter vector, such as --features random-projection."
        )
    return channels


def _action_channels(space: spaces.Space[Any]) -> int:
    if isinstance(space, spaces.Discrete):
        return int(space.n)
    if isinstance(space, spaces.MultiDiscrete):
        return int(space.nvec.sum())
    if isinstance(space, spaces.MultiBinary):
        return int(np.prod(space.shape))
    if isinstance(space, spaces.Box):
        if not (np.isfinite(space.low).all() and np.isfinite(space.high).all()):
            raise SpaceError(
                "The action box is unbounded; give it finite limits: gymnasium.wrappers.TransformAction(env, lambda action: "
                "action, gymnasium.spaces.Box(LOW, HIGH, SHAPE))."
            )
        return int(np.prod(space.shape))
    raise SpaceError(
        f"An action space of type {type(space).__name__} is not supported; wrap the environment so that it "
        "takes Discrete, MultiDiscrete, MultiBinary or Box actions."
    )
