"""Whole lives of evolved networks in one call: where agent and world are both compiled, a life never comes back to Python.

`live` takes this path by itself; it gives what `rollout` gives, bit for bit. Nothing may look on: no watcher, no trace,
nothing that is frozen or born again between episodes, no development.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numba import boolean, float32, float64, int64, types, uint64, void
from numpy.typing import NDArray

from ontogym.agents.base import Agent, check_genomes
from ontogym.agents.lndp.kernel.lanes import WIDTH
from ontogym.agents.lndp.kernel.places import rows
from ontogym.agents.networks.agent import NetworkAgent, NetworkState
from ontogym.agents.networks.kernel import Shape, network_step, work_size
from ontogym.baselines.lives.rollout import Lived
from ontogym.baselines.lives.spec import LifeSpec
from ontogym.baselines.lives.whole_parts import (
    Compiled,
    Hearing,
    beginnings,
    choose,
    edges_of,
    finite,
    hearing,
    tell,
    told_of,
)
from ontogym.batched.native import OBSERVE, STEP
from ontogym.compiling import COMPILED, njit

__all__ = ["whole_lives"]


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
    assert isinstance(agent, NetworkAgent)
    packed = agent.layout.pack(check_genomes(genomes, agent.genome_size))
    starts, streams = beginnings(found, spec, seeds.ravel(), options)
    lives, episodes = seeds.shape[-1], spec.episodes
    lanes = len(packed) * lives
    returns, lengths = np.zeros((lanes, episodes)), np.zeros((lanes, episodes), np.int64)
    failed, hidden = np.zeros(lanes, np.bool_), np.zeros((lanes, agent.state_size), np.float32)
    _live_lanes()(
        native.step, native.observe, native.parameters, starts, streams, agent.shape, packed, agent.contrasts,
        agent.gains, agent.gain, np.float32(agent.reward_scale), hearing(agent, spec, found.lanes.limit, native.age),
        np.float32(spec.reward_clamp or 0.0), edges_of(agent.action_space), hidden, returns, lengths, failed,
        np.zeros((1, work_size(agent.shape)), np.float32),
    )  # fmt: skip
    repeated = np.repeat(packed, lives, 0) if type(agent).diagnose is not Agent.diagnose else packed[:0]
    nothing = np.zeros((lanes, 0), np.float32)
    return Lived(NetworkState(repeated, hidden, nothing, nothing), returns, lengths, failed)


# ---- the compiled part -----------------------------------------------------------------------------------------


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
            failed[lane] = not finite(view)
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
                choose(shape, motor, edges, action, heard)
                step(state, action, parameters, stream, outcome)
                observe(state, parameters, view)
                reward, terminated = outcome[0], outcome[1] != 0.0
                if not np.isfinite(reward):
                    failed[lane] = True
                    break
                returns[lane, episode] += reward
                lengths[lane, episode] += 1
                tell(hearing, told_of(hearing, reward, terminated, clamp), terminated, scale, x)
                if hearing.action >= 0:
                    for k in range(shape.outputs):
                        x[0, hearing.action + k] = heard[k]
                if terminated or lengths[lane, episode] >= hearing.limit:
                    going = False
                elif not finite(view):
                    failed[lane] = True
                    break
            if failed[lane]:
                returns[lane, episode:] = np.nan
                break


@functools.cache
def _live_lanes() -> Any:
    """`_lives`, compiled once for all worlds and sizes: the world's functions are pointers."""

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
    return njit(signature, **COMPILED)(_lives)
