"""What the two ways of living whole lives in one call share: which lives can be, how they begin, what is told in them.

`ontogym.baselines.lives.whole` is for evolved networks, `whole_lndp` for LNDPs.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ontogym.agents.base import Agent
from ontogym.agents.feedback import SIGNALS
from ontogym.agents.individuals import life_stream
from ontogym.agents.lndp.agent import LNDP
from ontogym.agents.lndp.numba_engine import NumbaEngine
from ontogym.agents.networks.agent import NetworkAgent
from ontogym.baselines.lives.lanes import Lanes, lanes_of
from ontogym.baselines.lives.rollout import place_in_life
from ontogym.baselines.lives.spec import LifeSpec
from ontogym.batched.inputs import lane_options
from ontogym.batched.native import NativeDynamics, native_of
from ontogym.compiling import CALLED, njit
from ontogym.envs.native_changes import changing_native
from ontogym.envs.native_rules import ruled_native
from ontogym.seeding import LaneStreams

__all__ = ["CONSTANT", "NOTHING", "REWARD", "TERMINATION", "Compiled", "Hearing", "beginnings", "choose", "compiled", "edges_of", "finite", "hearing", "tell", "told_of"]  # fmt: skip

REWARD, TERMINATION, CONSTANT, NOTHING = range(4)


class Hearing(NamedTuple):
    """What is told, where it stands in the input, steps to an episode's end, where the world keeps the steps lived
    (-1: nowhere): whole numbers."""

    told: int
    action: int
    reward: int
    start: int
    terminated: int
    limit: int
    age: int


class Compiled(NamedTuple):
    """An agent and a world that both have a compiled form."""

    agent: NetworkAgent | LNDP
    lanes: Lanes
    native: NativeDynamics


def compiled(agent: Agent[Any], spec: LifeSpec) -> Compiled | None:
    """The compiled forms that live such a life, or None: then it is lived step by step."""
    if not isinstance(agent, (NetworkAgent, LNDP)) or not _plain(agent, spec):
        return None
    lanes = lanes_of(spec.env, 1, spec.env_kwargs)
    dynamics = lanes.dynamics
    if dynamics is None:
        return None
    native = native_of(dynamics) or changing_native(dynamics) or ruled_native(dynamics)
    limited = (lanes.limit or spec.max_steps) is not None
    same = (
        dynamics.observation_space == agent.observation_space and dynamics.action_space == agent.action_space
    )
    return Compiled(agent, lanes, native) if native is not None and limited and same else None


def _plain(agent: NetworkAgent | LNDP, spec: LifeSpec) -> bool:
    """Whether nothing of this life or agent asks for more than steps."""
    base: type[Agent[Any]] = LNDP if isinstance(agent, LNDP) else NetworkAgent
    kind, action, own = type(agent), agent.action_space, ("birth", "develop", "step", "end_episode")
    as_it_was = all(getattr(kind, name) is getattr(base, name) for name in own)
    simple = isinstance(action, spaces.Box) and action.dtype == np.float32
    simple |= isinstance(action, spaces.Discrete) and action.start == 0
    if isinstance(agent, LNDP):
        fused = isinstance(agent.engine, NumbaEngine) and agent.engine.dtype == np.float32
        special = agent.options.released or agent.options.rewire_every != 1
    else:
        fused, special = True, spec.development is not None or agent.development is not None
    return as_it_was and simple and fused and spec.steps_only and not special


def beginnings(
    found: Compiled, spec: LifeSpec, seeds: NDArray[np.uint64], options: dict[str, NDArray[Any]]
) -> tuple[NDArray[np.float64], NDArray[np.uint64]]:
    """States ``(E, L, S)`` and streams ``(E, L)`` in which the episodes begin."""
    dynamics, lives = found.lanes.envs.dynamics, len(seeds)
    starts, words, unborn = [], [], np.zeros(lives, np.int64)
    for episode in range(spec.episodes):
        place = place_in_life(seeds, spec, episode, unborn)
        known = {name: values for name, values in place.items() if name in dynamics.reset_options}
        given = lane_options(known | options, dynamics.reset_options, lives, np.arange(lives))
        streams = LaneStreams(life_stream(seeds, 2 + episode) >> np.uint64(33))
        starts.append(found.native.pack(dynamics.reset(streams, np.arange(lives), given)))
        words.append(streams.state)
    return np.ascontiguousarray(starts), np.ascontiguousarray(words)


def hearing(agent: NetworkAgent | LNDP, spec: LifeSpec, limit: int | None, age: int | None) -> Hearing:
    """What is told in such a life, and where it is heard."""
    silent = set(spec.silenced)
    told = TERMINATION if spec.told == "termination" else REWARD
    if spec.reward_clamp is not None:
        told, silent = CONSTANT, silent - {"reward"}
    elif spec.told == "nothing" or "reward" in silent:
        told, silent = NOTHING, silent | {"reward"}
    at, places = agent.spaces.n_observations, dict.fromkeys(SIGNALS, -1)
    for name in agent.hears:
        places[name] = -1 if name in silent else at
        at += agent.spaces.n_actions if name == "action" else 1
    least = min(n for n in (limit, spec.max_steps) if n is not None)
    return Hearing(told, **places, limit=least, age=-1 if age is None else age)


def edges_of(space: spaces.Space[Any]) -> NDArray[np.float64]:
    """Least and greatest action, ``(2, A)``; zeros where actions are counted."""
    if not isinstance(space, spaces.Box):
        return np.zeros((2, 1))
    return np.stack([space.low.ravel(), space.high.ravel()]).astype(np.float64)


# ---- compiled -----------------------------------------------------------------------------------------------


@njit(**CALLED)
def finite(view: Any) -> bool:
    """Whether every number of an array is finite."""
    for value in view:  # noqa: SIM110 - numba knows no generators
        if not np.isfinite(value):
            return False
    return True


@njit(**CALLED)
def choose(shape: Any, motor: Any, edges: Any, action: Any, heard: Any) -> None:
    """The action of a motor output, as `SpaceAdapter.act` takes it, and as `encode_actions` tells it to the agent.

    Args:
        shape: has `outputs`, how many there are, and `box`, whether they are an action in a box.
    """
    if shape.box:
        for k in range(shape.outputs):
            unit = min(max(motor[0, k], np.float32(-1.0)), np.float32(1.0))
            low, high = edges[0, k], edges[1, k]
            scaled = low + float((unit + np.float32(1.0)) * np.float32(0.5)) * (high - low)
            action[k] = np.float32(min(max(scaled, low), high))
            width = high - low if high > low else 1.0
            heard[k] = 2.0 * (action[k] - low) / width - 1.0
    else:
        best = 0
        for k in range(1, shape.outputs):
            if motor[0, k] > motor[0, best]:
                best = k
        action[0] = best
        heard[:] = np.float32(0.0)
        heard[best] = np.float32(1.0)


@njit(**CALLED)
def told_of(hearing: Hearing, reward: float, terminated: bool, clamp: Any) -> Any:
    """The reward as told, whether or not it is an input."""
    if hearing.told == REWARD:
        return np.float32(reward)
    if hearing.told == TERMINATION:
        return np.float32(-1.0) if terminated else np.float32(0.0)
    return clamp if hearing.told == CONSTANT else np.float32(0.0)


@njit(**CALLED)
def tell(hearing: Hearing, told: Any, terminated: bool, scale: Any, x: Any) -> None:
    """What is heard of a step at the next, into the input; `told` as `told_of` has it."""
    if hearing.reward >= 0:
        x[0, hearing.reward] = told * scale
    if hearing.start >= 0:
        x[0, hearing.start] = np.float32(0.0)
    if hearing.terminated >= 0:
        x[0, hearing.terminated] = np.float32(1.0) if terminated else np.float32(0.0)
