"""The agent contract: a population first, state in and state out.

``P`` is the population, ``O`` the flattened observation, ``A`` the motor channels, ``D`` the genome.
A single agent in a plain ``gymnasium.Env`` is the population of one.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ontogym.errors import OntogymError

__all__ = ["Agent", "NetworkSnapshot", "SpaceAdapter", "check_genomes", "observation_gain"]

State = TypeVar("State")
MAX_CHANNELS = 512
"""Widest flattened observation an agent takes; images need an encoder in front."""


class NetworkSnapshot(NamedTuple):
    """One living network, for pictures and analysis; matrices are (post, pre).

    Shapes: ``weights`` (N, N), zero where no edge is; ``mask`` (N, N) bool; ``activation`` (N,) in [-1, 1];
    ``nodes`` (N, F) node states. The first `n_inputs` nodes are sensory, the last `n_outputs` motor.
    """

    weights: NDArray[np.float32]
    mask: NDArray[np.bool_]
    activation: NDArray[np.float32]
    nodes: NDArray[np.float32]
    n_inputs: int
    n_outputs: int


class Agent(abc.ABC, Generic[State]):
    """A population of agents that are born, develop, and then live in an environment.

    Subclasses are built by ``AGENTS.get(name)(observation_space, action_space, **options)`` where the spaces
    are those of *one* environment. `step` consumes the state it is given (its memory may be reused):
    keep ``agent.copy(state)`` if you need the old one.

    Attributes:
        observation_space, action_space: spaces of one environment.
        development: name of a source of spontaneous activity, or None.
        development_steps: how many steps of it each newborn sees.
        development_options: options of the source, a dictionary or KEY=VALUE words.
    """

    name: ClassVar[str]

    def __init__(self, observation_space: spaces.Space[Any], action_space: spaces.Space[Any]) -> None:
        self.observation_space, self.action_space = observation_space, action_space
        self.spaces = SpaceAdapter(observation_space, action_space)
        self.development: str | None = None
        self.development_steps: int = 0
        self.development_options: Mapping[str, Any] | tuple[str, ...] = ()

    @property
    @abc.abstractmethod
    def genome_size(self) -> int:
        """Number D of evolved numbers."""

    @property
    @abc.abstractmethod
    def config(self) -> dict[str, Any]:
        """JSON-able keyword options that rebuild this agent (spaces excepted)."""

    @abc.abstractmethod
    def initial_genome(self) -> NDArray[np.float64]:
        """Where a search starts: its mean, shape ``(D,)``."""

    @abc.abstractmethod
    def birth(self, genomes: NDArray[np.floating], seeds: NDArray[np.integer]) -> State:
        """Newborn agents.

        Args:
            genomes: ``(P, D)``, finite.
            seeds: ``(P,)`` unsigned; all chance in an agent's life follows from its own seed.

        Raises:
            OntogymError: genomes of another length, or not finite.
        """

    @abc.abstractmethod
    def develop(self, state: State, activity: NDArray[np.floating]) -> State:
        """Let the newborns live through spontaneous activity ``(T, P, O)`` before any experience."""

    def begin_episode(self, state: State) -> State:
        """Told before the first step of every episode. Most agents live on and need not know; policies do."""
        return state

    @abc.abstractmethod
    def step(
        self,
        state: State,
        observation: NDArray[np.floating],
        reward: NDArray[np.floating],
        active: NDArray[np.bool_] | None = None,
    ) -> tuple[NDArray[Any], State]:
        """One environment step.

        Args:
            state: what the last call returned.
            observation: ``(P, O)`` float32, already flattened by `spaces.observe`.
            reward: ``(P,)`` of the previous step (0 at the first).
            active: ``(P,)``; rows that are False cost nothing and stay exactly as they are
                (their action is the action space's zero). None means all.

        Returns:
            Motor output ``(P, A)`` float32, which `spaces.act` turns into actions, and the new state.
        """

    @abc.abstractmethod
    def copy(self, state: State) -> State:
        """A copy of the state that later steps leave alone."""

    def development_params(self, genomes: NDArray[np.floating]) -> NDArray[np.floating] | None:
        """The part of the genomes that a learnable source of spontaneous activity takes, ``(P, n)``."""
        return None

    def network(self, state: State, row: int = 0) -> NetworkSnapshot:
        """The network of one member of the population, as it is now."""
        raise NotImplementedError(f"{type(self).__name__} has no network to show")

    def diagnose(self, state: State) -> dict[str, NDArray[np.floating]]:
        """Named measurements of the living agents, each ``(P,)`` (for example wiring density)."""
        return {}


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
        return _flatten_batch(self.observation_space, observations)

    def act(self, motor: NDArray[np.floating]) -> NDArray[Any]:
        """Motor outputs ``(P, A)`` in [-1, 1] as a batch of actions.

        Discrete: argmax. Box: clipped, scaled from [-1, 1] to the box (NaN is the middle), and
        rounded if its numbers are whole. MultiDiscrete: argmax in each group. MultiBinary: positive means 1.
        """
        space = self.action_space
        if isinstance(space, spaces.Discrete):
            return motor.argmax(1).astype(space.dtype) + space.start
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
        return np.clip(scaled, low, high).astype(space.dtype)


def check_genomes(genomes: NDArray[np.floating], size: int) -> NDArray[np.floating]:
    """Return `genomes` if they are finite and ``(P, size)``; a flat genome becomes the population of one."""
    genomes = np.atleast_2d(np.asarray(genomes))
    if genomes.ndim != 2:
        raise OntogymError(
            f"Genomes of shape {genomes.shape} are no population; give ({size},) or (P, {size})."
        )
    if genomes.shape[1] != size:
        raise OntogymError(
            f"These genomes have {genomes.shape[-1]} numbers but this agent needs {size}; "
            "rebuild the agent with the options and the environment that the genome was evolved with."
        )
    if not np.isfinite(genomes).all():
        bad = int(np.flatnonzero(~np.isfinite(genomes).all(1))[0])
        raise OntogymError(f"Genome {bad} holds NaN or infinite numbers; drop it or evolve again.")
    return genomes


def observation_gain(space: spaces.Space[Any]) -> NDArray[np.float32]:
    """One over the largest magnitude of each flattened channel; 1 where it is not bounded. Shape ``(O,)``."""
    flat = spaces.flatten_space(space)
    if not isinstance(flat, spaces.Box):
        return np.ones(spaces.flatdim(space), np.float32)
    bound = np.maximum(np.abs(flat.low), np.abs(flat.high)).ravel().astype(np.float64)
    # A bound like CartPole's 3.4e38 stands for none.
    usual = (bound > 0) & (bound < 1e6)
    return np.where(usual, 1.0 / np.where(usual, bound, 1.0), 1.0).astype(np.float32)


def _observation_channels(space: spaces.Space[Any]) -> int:
    if isinstance(space, spaces.Box) and len(space.shape) >= 2 and min(space.shape[:2]) >= 8:
        raise OntogymError(
            f"Observations of shape {space.shape} are images, which this agent does not take; "
            "put an encoder in front (gymnasium.wrappers.TransformObservation) that gives a short vector."
        )
    if isinstance(space, spaces.Dict):
        channels = sum(_observation_channels(part) for part in space.spaces.values())
    elif isinstance(space, spaces.Tuple):
        channels = sum(_observation_channels(part) for part in space.spaces)
    elif isinstance(space, (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)):
        channels = spaces.flatdim(space)
    else:
        raise OntogymError(
            f"An observation space of type {type(space).__name__} cannot be flattened to numbers; "
            "wrap the environment so that it gives a Box, Discrete, MultiDiscrete or MultiBinary."
        )
    if channels > MAX_CHANNELS:
        raise OntogymError(
            f"Observations flatten to {channels} numbers, more than the {MAX_CHANNELS} this agent takes; "
            "put an encoder in front that gives a shorter vector."
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
            raise OntogymError(
                "The action box is unbounded; wrap the environment in gymnasium.wrappers.RescaleAction or "
                "ClipAction so that it has finite limits."
            )
        return int(np.prod(space.shape))
    raise OntogymError(
        f"An action space of type {type(space).__name__} is not supported; wrap the environment so that it "
        "takes Discrete, MultiDiscrete, MultiBinary or Box actions."
    )


def _flatten_batch(space: spaces.Space[Any], batch: Any) -> NDArray[np.float32]:
    if isinstance(space, spaces.Dict):
        return np.concatenate([_flatten_batch(part, batch[key]) for key, part in space.spaces.items()], 1)
    if isinstance(space, spaces.Tuple):
        return np.concatenate([_flatten_batch(part, item) for part, item in zip(space.spaces, batch)], 1)
    values = np.asarray(batch)
    if isinstance(space, spaces.Discrete):
        return np.eye(int(space.n), dtype=np.float32)[values - space.start]
    if isinstance(space, spaces.MultiDiscrete):
        rows = (values - space.start).reshape(len(values), -1)
        return np.concatenate(
            [np.eye(int(n), dtype=np.float32)[rows[:, k]] for k, n in enumerate(space.nvec.ravel())], 1
        )
    return values.reshape(len(values), -1).astype(np.float32)
