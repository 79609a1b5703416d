"""Foraging for one lane, compiled; what each function means: `ontogym.batched.native`.

The row: position, goal, trial, step of the trial, last reward, then rewards that are still to come, the next one first.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from ontogym.batched.native import NativeDynamics
from ontogym.envs.foraging import FOOD_REWARD, ForagingDynamics

__all__ = ["foraging_native"]

_SIZE, _TRIAL_STEPS, _P_SWITCH, _DENSE, _REWARD_ONLY, _ONE_HOT, _DELAY = range(7)
_LATE = 5
_FOOD = FOOD_REWARD


@njit(cache=True)
def _reset(row: Any, uniforms: Any, options: Any, params: Any) -> None:
    row[:] = 0.0
    row[0] = params[_SIZE] // 2
    row[1] = (1.0 if uniforms[0] < 0.5 else 0.0) if math.isnan(options[0]) else options[0]


@njit(cache=True)
def _step(row: Any, action: float, params: Any, uniforms: Any) -> tuple[float, bool]:
    last = params[_SIZE] - 1.0
    move = 1.0 if action == 0.0 else (-1.0 if action == 1.0 else 0.0)
    position = min(max(row[0] + move, 0.0), last)
    distance = abs(position - row[1] * last)
    found = distance == 0.0
    reward = -distance if params[_DENSE] else (_FOOD if found else 0.0)
    arrived = (position == 0.0 or position == last) if params[_REWARD_ONLY] else found
    row[3] += 1.0
    if arrived or row[3] >= params[_TRIAL_STEPS]:
        position = params[_SIZE] // 2
        row[2] += 1.0
        row[3] = 0.0
        if params[_P_SWITCH] > 0.0 and uniforms[0] < params[_P_SWITCH]:
            row[1] = 1.0 - row[1]
    row[0] = position
    delay = int(params[_DELAY])
    if delay:
        paid = row[_LATE]
        for k in range(_LATE, _LATE + delay - 1):
            row[k] = row[k + 1]
        row[_LATE + delay - 1] = reward
        reward = paid
    row[4] = reward
    return reward, False


@njit(cache=True)
def _observe(row: Any, params: Any, out: Any) -> None:
    if params[_ONE_HOT]:
        out[:] = 0.0
        out[int(row[0])] = 1.0
    else:
        out[0] = row[0]


@njit(cache=True)
def _advance(row: Any, action: float, params: Any, uniforms: Any, out: Any) -> tuple[float, bool]:
    told = _step(row, action, params, uniforms)
    _observe(row, params, out)
    return told


def foraging_native(dynamics: ForagingDynamics) -> NativeDynamics:
    """Foraging; one random number a step where the food can move."""
    one_hot = dynamics.observation == "one-hot"
    params = np.array(
        [
            dynamics.size,
            dynamics.trial_steps,
            dynamics.p_switch,
            dynamics.dense_reward,
            dynamics.reward_only,
            one_hot,
            dynamics.reward_delay,
        ],
        dtype=np.float64,
    )
    seen, drawn = dynamics.size if one_hot else 1, int(dynamics.stochastic)
    facts = (("goal", 1), ("trial", 2), ("position", 0))
    return NativeDynamics(
        _reset, _step, _observe, _advance, _LATE + dynamics.reward_delay, seen, 1, drawn, params, facts
    )
