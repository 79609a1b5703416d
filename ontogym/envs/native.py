"""Scalar steps of the fastest worlds, compiled: equal to their batched NumPy form, bit for bit (a test compares them)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ontogym.batched.native import OBSERVE, STEP, NativeDynamics, uniform
from ontogym.envs.classic_control import cartpole
from ontogym.envs.classic_control.cartpole import CartPoleDynamics
from ontogym.envs.foraging import FOOD_REWARD, ForagingDynamics

__all__ = ["NATIVE"]

_COMPILED: dict[str, Any] = {"cache": True, "error_model": "numpy", "nogil": True}
_PUSH = cartpole.FORCE / (cartpole.MASS_CART + cartpole.MASS_POLE)
_SHARE = cartpole.MASS_POLE * cartpole.HALF_LENGTH / (cartpole.MASS_CART + cartpole.MASS_POLE)
_MOMENT_1 = cartpole.HALF_LENGTH * 4.0 / 3.0
_MOMENT_2 = cartpole.HALF_LENGTH * cartpole.MASS_POLE / (cartpole.MASS_CART + cartpole.MASS_POLE)
_GRAVITY, _STEP_S = cartpole.GRAVITY, cartpole.STEP_S
_X_LIMIT, _ANGLE_LIMIT = cartpole.X_LIMIT, cartpole.ANGLE_LIMIT
_LINE_MOVES = (1.0, -1.0, 0.0)


def _columns(state: Any) -> NDArray[np.float64]:
    """The fields of a state side by side."""
    return np.stack([np.asarray(part, dtype=np.float64) for part in state], 1)


@njit(STEP, **_COMPILED)
def _cartpole_step(state: Any, action: Any, parameters: Any, stream: Any, outcome: Any) -> None:
    x, x_dot, theta, theta_dot = state[0], state[1], state[2], state[3]
    cos, sin = math.cos(theta), math.sin(theta)
    push = _PUSH if action[0] == 1.0 else -_PUSH
    temp = push + _SHARE * (theta_dot * theta_dot) * sin
    theta_acc = (_GRAVITY * sin - cos * temp) / (_MOMENT_1 - _MOMENT_2 * (cos * cos))
    x_acc = temp - _SHARE * (theta_acc * cos)
    state[0], state[1] = x + _STEP_S * x_dot, x_dot + _STEP_S * x_acc
    state[2], state[3] = theta + _STEP_S * theta_dot, theta_dot + _STEP_S * theta_acc
    fell = abs(state[0]) > _X_LIMIT or abs(state[2]) > _ANGLE_LIMIT
    outcome[1] = 1.0 if fell else 0.0
    outcome[0] = 1.0 if parameters[0] == 0.0 else -outcome[1]


@njit(OBSERVE, **_COMPILED)
def _as_it_is(state: Any, parameters: Any, view: Any) -> None:
    for i in range(len(view)):
        view[i] = state[i]


@njit(STEP, **_COMPILED)
def _foraging_step(state: Any, action: Any, parameters: Any, stream: Any, outcome: Any) -> None:
    last, trial_steps, p_switch, dense, reward_only = (
        parameters[0], parameters[1], parameters[2], parameters[3], parameters[4],
    )  # fmt: skip
    position = min(max(state[0] + _LINE_MOVES[int(action[0])], 0.0), last)
    distance = abs(position - state[1] * last)
    found = distance == 0.0
    state[4] = -distance if dense != 0.0 else (FOOD_REWARD if found else 0.0)
    arrived = (position == 0.0 or position == last) if reward_only != 0.0 else found
    state[3] += 1.0
    over = arrived or state[3] >= trial_steps
    # Drawn at every step, whether a trial is over or not.
    switches = p_switch > 0.0 and uniform(stream) < p_switch
    if over:
        position, state[3] = last / 2.0, 0.0
        state[2] += 1.0
        if switches:
            state[1] = 1.0 - state[1]
    state[0] = position
    outcome[0], outcome[1] = state[4], 0.0


@njit(OBSERVE, **_COMPILED)
def _foraging_observe(state: Any, parameters: Any, view: Any) -> None:
    if parameters[5] == 0.0:
        view[0] = state[0]
    else:
        view[:] = 0.0
        view[int(state[0])] = 1.0


def _cartpole(dynamics: CartPoleDynamics) -> NativeDynamics:
    return NativeDynamics(
        _cartpole_step, _as_it_is, np.array([float(dynamics.sutton_barto_reward)]), _columns
    )


def _foraging(dynamics: ForagingDynamics) -> NativeDynamics:
    d = dynamics
    numbers = (d.last, d.trial_steps, d.p_switch, d.dense_reward, d.reward_only, d.observation == "one-hot")
    return NativeDynamics(_foraging_step, _foraging_observe, np.array(numbers, dtype=np.float64), _columns)


NATIVE: dict[type, Callable[[Any], NativeDynamics]] = {
    CartPoleDynamics: _cartpole,
    ForagingDynamics: _foraging,
}
"""Dynamics, and how their compiled form is made; subclasses, which may change the rules, have none."""
