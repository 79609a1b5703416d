"""Whole lives in one call: where agent and world are both compiled, a life never comes back to Python.

`live` takes this path by itself; it gives what `rollout` gives, bit for bit. Nothing may look on: no watcher, no trace,
nothing that is frozen or born again between episodes, no development.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from numba import boolean, float32, float64, int64, types, uint64, void
from numpy.typing import NDArray

from ontogym.agents.base import Agent, check_genomes
from ontogym.agents.feedback import SIGNALS
from ontogym.agents.individuals import life_stream
from ontogym.agents.lndp.kernel.lanes import WIDTH
from ontogym.agents.lndp.kernel.places import rows
from ontogym.agents.networks.agent import NetworkAgent, NetworkState
from ontogym.agents.networks.kernel import Shape, network_step, work_size
from ontogym.baselines.lives.lanes import Lanes, lanes_of
from ontogym.baselines.lives.rollout import Lived, place_in_life
from ontogym.baselines.lives.spec import LifeSpec
from ontogym.batched.dynamics import Dynamics
from ontogym.batched.environments import BatchedVectorEnv
from ontogym.batched.inputs import lane_options
from ontogym.batched.native import OBSERVE, STEP, NativeDynamics, native_of
from ontogym.compiling import njit
from ontogym.envs.native_changes import changing_native
from ontogym.envs.native_rules import ruled_native
from ontogym.seeding import LaneStreams

__all__ = ["Compiled", "compiled", "whole_lives"]

REWARD, TERMINATION, CONSTANT = range(3)


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

    agent: NetworkAgent
    lanes: Lanes
    native: NativeDynamics


def compiled(agent: Agent[Any], spec: LifeSpec) -> Compiled | None:
    """The compiled forms that live such a life, or None: then it is lived step by step."""
    if not isinstance(agent, NetworkAgent) or not _plain(agent, spec):
        return None
    lanes = lanes_of(spec.env, 1, spec.env_kwargs)
    dynamics = getattr(lanes.envs, "dynamics", None)
    if not isinstance(lanes.envs, BatchedVectorEnv) or not isinstance(dynamics, Dynamics) or lanes.features:
        return None
    native = native_of(dynamics) or changing_native(dynamics) or ruled_native(dynamics)
    limited = (lanes.limit or spec.max_steps) is not None
    same = (
        dynamics.observation_space == agent.observation_space and dynamics.action_space == agent.action_space
    )
    return Compiled(agent, lanes, native) if native is not None and limited and same else None


def _plain(agent: NetworkAgent, spec: LifeSpec) -> bool:
    """Whether nothing of this life or agent asks for more than steps."""
    kind, action = type(agent), agent.action_space
    own = ("birth", "develop", "step", "end_episode")
    as_it_was = all(getattr(kind, name) is getattr(NetworkAgent, name) for name in own)
    simple = isinstance(action, spaces.Box) and action.dtype == np.float32
    simple |= isinstance(action, spaces.Discrete) and action.start == 0
    asked = (
        spec.freeze is not None
        or spec.rebirth
        or spec.develop_between
        or spec.shuffle_wiring
        or spec.development is not None
        or agent.development is not None
    )
    return as_it_was and simple and not asked


def whole_lives(
    found: Compiled,
    genomes: NDArray[np.floating],
    spec: LifeSpec,
    seeds: NDArray[np.uint64],
    options: dict[str, NDArray[Any]],
) -> Lived:
    """Every genome ``(P, D)`` lives every life ``(L,)``, or its own of ``(P, L)``, lanes genome-major.

    Args:
        options: reset options of the lives of `seeds`.
    """
    agent, native = found.agent, found.native
    packed = agent.layout.pack(check_genomes(genomes, agent.genome_size))
    starts, streams = _beginnings(found, spec, seeds.ravel(), options)
    lives, episodes = seeds.shape[-1], spec.episodes
    lanes = len(packed) * lives
    returns, lengths = np.zeros((lanes, episodes)), np.zeros((lanes, episodes), np.int64)
    failed, hidden = np.zeros(lanes, np.bool_), np.zeros((lanes, agent.state_size), np.float32)
    box = agent.action_space if isinstance(agent.action_space, spaces.Box) else None
    edges = (
        np.zeros((2, 1)) if box is None else np.stack([box.low.ravel(), box.high.ravel()]).astype(np.float64)
    )
    _live_lanes()(
        native.step, native.observe, native.parameters, starts, streams, agent.shape, packed, agent.contrasts,
        agent.gains, agent.gain, np.float32(agent.reward_scale), _hearing(agent, spec, found.lanes.limit, native.age),
        np.float32(spec.reward_clamp or 0.0), edges, hidden, returns, lengths, failed,
        np.zeros((1, work_size(agent.shape)), np.float32),
    )  # fmt: skip
    repeated = np.repeat(packed, lives, 0) if type(agent).diagnose is not Agent.diagnose else packed[:0]
    nothing = np.zeros((lanes, 0), np.float32)
    return Lived(NetworkState(repeated, hidden, nothing, nothing), returns, lengths, failed)


def _beginnings(
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


def _hearing(agent: NetworkAgent, spec: LifeSpec, limit: int | None, age: int | None) -> Hearing:
    silent = set(spec.silenced)
    told = TERMINATION if spec.told == "termination" else REWARD
    if spec.reward_clamp is not None:
        told, silent = CONSTANT, silent - {"reward"}
    elif spec.told == "nothing":
        silent.add("reward")
    at, places = agent.spaces.n_observations, dict.fromkeys(SIGNALS, -1)
    for name in agent.hears:
        places[name] = -1 if name in silent else at
        at += agent.spaces.n_actions if name == "action" else 1
    least = min(n for n in (limit, spec.max_steps) if n is not None)
    return Hearing(told, **places, limit=least, age=-1 if age is None else age)


# ---- the compiled part -----------------------------------------------------------------------------------------

INLINE: dict[str, Any] = {
    "error_model": "numpy",
    "nogil": True,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}


@njit(**INLINE)
def _finite(view: Any) -> bool:
    for value in view:  # noqa: SIM110 - numba knows no generators
        if not np.isfinite(value):
            return False
    return True


@njit(**INLINE)
def _choose(shape: Shape, motor: Any, edges: Any, action: Any, heard: Any) -> None:
    """The action of a motor output, as `SpaceAdapter.act` takes it, and as `encode_actions` tells it to the agent."""
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


@njit(**INLINE)
def _tell(hearing: Hearing, reward: float, terminated: bool, clamp: Any, scale: Any, x: Any) -> None:
    """What is heard of a step at the next, into the input."""
    if hearing.reward >= 0:
        told = clamp
        if hearing.told == REWARD:
            told = np.float32(reward)
        elif hearing.told == TERMINATION:
            told = np.float32(-1.0) if terminated else np.float32(0.0)
        x[0, hearing.reward] = told * scale
    if hearing.start >= 0:
        x[0, hearing.start] = np.float32(0.0)
    if hearing.terminated >= 0:
        x[0, hearing.terminated] = np.float32(1.0) if terminated else np.float32(0.0)


def _lives(
    step: Any, observe: Any, parameters: Any, starts: Any, streams: Any, shape: Shape, weights: Any, contrasts: Any,
    gains: Any, gain: Any, scale: Any, hearing: Hearing, clamp: Any, edges: Any, hidden: Any, returns: Any,
    lengths: Any, failed: Any, work: Any,
) -> None:  # fmt: skip
    """Every lane's life; `returns`, `lengths`, `failed` and `hidden` are written."""
    episodes, count, lives = starts.shape[0], starts.shape[1], len(returns) // len(weights)
    n_obs, view = shape.observed, np.zeros(shape.observed, np.float32)
    action, heard = np.zeros(shape.outputs), np.zeros(shape.outputs, np.float32)
    motor = np.zeros((1, (shape.outputs + WIDTH - 1) // WIDTH * WIDTH), np.float32)
    outcome, stream = np.zeros(2), np.zeros(1, np.uint64)
    for lane in range(len(returns)):
        x = np.zeros((1, shape.inputs), np.float32)
        for episode in range(episodes):
            state = starts[episode, lane % count].copy()
            if hearing.age >= 0:
                state[hearing.age] = state[hearing.age + 1] = lengths[lane].sum()
            stream[0] = streams[episode, lane % count]
            observe(state, parameters, view)
            failed[lane] = not _finite(view)
            if hearing.start >= 0:
                x[0, hearing.start] = np.float32(1.0)
            going = not failed[lane]
            while going:
                for i in range(n_obs):
                    x[0, i] = view[i] * gain[i]
                network_step(
                    shape, rows(x, 0, shape.inputs), rows(weights, lane // lives, WIDTH), contrasts, gains,
                    rows(hidden, lane, shape.row), rows(work, 0, shape.row), rows(motor, 0, motor.shape[1]), False,
                )  # fmt: skip
                _choose(shape, motor, edges, action, heard)
                step(state, action, parameters, stream, outcome)
                observe(state, parameters, view)
                reward, terminated = outcome[0], outcome[1] != 0.0
                if not np.isfinite(reward):
                    failed[lane] = True
                    break
                returns[lane, episode] += reward
                lengths[lane, episode] += 1
                _tell(hearing, reward, terminated, clamp, scale, x)
                if hearing.action >= 0:
                    for k in range(shape.outputs):
                        x[0, hearing.action + k] = heard[k]
                if terminated or lengths[lane, episode] >= hearing.limit:
                    going = False
                elif not _finite(view):
                    failed[lane] = True
                    break
            if failed[lane]:
                returns[lane, episode:] = np.nan
                break


@functools.cache
def _live_lanes() -> Any:
    """`_lives`, compiled once for all worlds and sizes: the world's functions are pointers.

    Numba keeps it by the content of this file alone: it is compiled anew after a change of the networks' kernel only if this
    file changes, too. Form of the kernel that is meant here: 3.
    """

    def array(kind: Any, dimensions: int) -> Any:
        return types.Array(kind, dimensions, "C")

    ints = (
        types.NamedUniTuple(int64, len(Shape._fields), Shape),
        types.NamedUniTuple(int64, len(Hearing._fields), Hearing),
    )
    signature = void(
        types.FunctionType(STEP), types.FunctionType(OBSERVE), array(float64, 1), array(float64, 3), array(uint64, 2),
        ints[0], array(float32, 2), array(int64, 2), array(float32, 1), array(float32, 1), float32, ints[1], float32,
        array(float64, 2), array(float32, 2), array(float64, 2), array(int64, 2), array(boolean, 1),
        array(float32, 2),
    )  # fmt: skip
    return njit(signature, cache=True, error_model="numpy", nogil=True)(_lives)
