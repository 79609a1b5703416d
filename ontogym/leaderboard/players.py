"""From a submission to something that can live: registered agents, policies of SB3, and agents without weights.

All of them meet the same evaluation (`ontogym.baselines.lives.life.live`): what is no `Agent` is dressed as one.
Agent types are looked up by name in tables; no name is ever imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ontogym.agents.base import Agent, check_genomes
from ontogym.baselines.lives.lanes import check_options, make_single
from ontogym.baselines.lives.life import make_agent
from ontogym.envs.reference import BlockObserver, WinStayLoseShift
from ontogym.errors import OntogymError, UnknownNameError
from ontogym.leaderboard.limits import MAX_STATE_BYTES, Refused
from ontogym.leaderboard.suites import SuiteTask
from ontogym.registry import AGENTS
from ontogym.seeding import LaneStreams, mix64

__all__ = ["SB3_TYPES", "WEIGHT_FREE", "Player", "agent_types", "build_player"]

SB3_TYPES = ("ppo", "a2c", "dqn", "sac", "td3", "recurrent-ppo")


class Player(NamedTuple):
    """An agent built for a task, and the genome that it lives with ``(D,)``."""

    agent: Agent[Any]
    genome: NDArray[np.float64]


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


class _Written:
    """A hand-written policy of `ontogym.envs.reference`."""

    kind: Any = None

    def __init__(self, action_space: spaces.Space[Any], seeds: NDArray[np.uint64]) -> None:
        self.policy = self.kind(len(seeds))

    def act(self, observations: Any, rewards: Any, starts: Any) -> NDArray[Any]:
        """Actions ``(P, ...)``."""
        return np.asarray(self.policy.act(observations, rewards))


class WinStayPolicy(_Written):
    """The best policy for foraging that is not told the goal."""

    kind = WinStayLoseShift


class BlockPolicy(_Written):
    """The ideal observer of de novo choice with blocks."""

    kind = BlockObserver


WEIGHT_FREE: Mapping[str, Any] = {
    "random": RandomPolicy,
    "constant": ConstantPolicy,
    "win-stay-lose-shift": WinStayPolicy,
    "block-observer": BlockPolicy,
}
"""Floors and ceilings: agents that are whole without weights. Policies of an action space and seeds."""

_FOR = {"win-stay-lose-shift": "Foraging", "block-observer": "DeNovoChoice"}


def agent_types() -> list[str]:
    """Names of every agent type a submission may have here."""
    return sorted({*AGENTS, *SB3_TYPES, *WEIGHT_FREE})


def build_player(
    agent_type: str, options: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]], task: SuiteTask
) -> Player:
    """What a submission holds, built for a task.

    Args:
        agent_type: a name in one of the tables.
        options: its options, checked by `manifest.check_options`.
        tensors: its weights.
        task: the task.

    Raises:
        OntogymError: an unknown type, options or weights that do not fit, or networks beyond the limit.
    """
    if agent_type not in agent_types():
        raise UnknownNameError("agent type", agent_type, agent_types())
    single = make_single(task.env, task.env_kwargs)
    spaces_ = single.observation_space, single.action_space
    single.close()
    if agent_type in AGENTS:
        player = _evolved(agent_type, options, tensors, task)
    elif agent_type in WEIGHT_FREE:
        player = _weight_free(agent_type, options, tensors, task, *spaces_)
    else:
        player = _trained(options, tensors, task, *spaces_)
    if task.development:
        player.agent.development_steps = task.development_steps
    return player


def _evolved(
    agent_type: str, options: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]], task: SuiteTask
) -> Player:
    if set(tensors) != {"genome"} or tensors["genome"].ndim != 1 or tensors["genome"].dtype != np.float64:
        raise Refused(f"The weights of {agent_type!r} are one float64 tensor 'genome' of shape (D,).")
    _check_state(options, task.lives)
    agent = make_agent(agent_type, task.env, task.env_kwargs, options)
    genome = np.array(tensors["genome"])
    check_genomes(genome, agent.genome_size)
    return Player(agent, genome)


def _check_state(options: Mapping[str, Any], lanes: int) -> None:
    """Refuse networks whose states would not fit the limit: edges (N, N, S) and nodes (N, F) of every lane."""
    size = {"nodes": 32, "hidden": 0, "edge_features": 4, "node_features": 8, "heads": 3}
    for key in size:
        value = options.get(key, size[key])
        if type(value) is not int or value < 0:
            raise Refused(f"The option {key!r} must be a whole number, not {value!r}.")
        size[key] = value
    n = max(size["nodes"], size["hidden"])
    numbers = n * n * (size["edge_features"] + size["heads"] + 1) + n * size["node_features"]
    if 4 * numbers * lanes > MAX_STATE_BYTES:
        raise Refused(
            f"{lanes} networks of {n} nodes would take {4 * numbers * lanes / 2**30:.3g} GiB; the most is "
            f"{MAX_STATE_BYTES / 2**30:g}."
        )
    steps = options.get("development_steps", 0)
    if type(steps) is int and steps > 2000:
        raise Refused(f"development_steps is {steps}; the most on the leaderboard is 2000.")


def _weight_free(
    agent_type: str,
    options: Mapping[str, Any],
    tensors: Mapping[str, NDArray[Any]],
    task: SuiteTask,
    observation_space: spaces.Space[Any],
    action_space: spaces.Space[Any],
) -> Player:
    if tensors:
        raise Refused(f"An agent of type {agent_type!r} has no weights; leave the tensors out.")
    if _FOR.get(agent_type, "") not in task.env:
        raise OntogymError(
            f"{agent_type!r} is written for {_FOR[agent_type]}, not for {task.name}; choose such a task."
        )
    kind = WEIGHT_FREE[agent_type]
    check_options(f"the agent {agent_type!r}", kind, options, ("action_space", "seeds"))
    kind(action_space, np.zeros(1, np.uint64), **options)
    agent = PolicyAgent(observation_space, action_space, lambda seeds: kind(action_space, seeds, **options))
    return Player(agent, np.zeros(0))


def _trained(
    options: Mapping[str, Any],
    tensors: Mapping[str, NDArray[Any]],
    task: SuiteTask,
    observation_space: spaces.Space[Any],
    action_space: spaces.Space[Any],
) -> Player:
    try:
        from ontogym.baselines.sb3.policy import load_policy  # type: ignore[import-not-found]
    except ImportError as error:
        raise OntogymError(f"Agents of SB3 need stable-baselines3 ({error}); install it.") from error
    policy = load_policy(tensors, options, observation_space, action_space)

    def begin(seeds: NDArray[np.uint64]) -> Any:
        policy.reset(len(seeds))
        return policy

    return Player(PolicyAgent(observation_space, action_space, begin), np.zeros(0))
