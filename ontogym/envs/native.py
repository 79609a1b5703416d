"""Scalar steps of the fastest worlds, compiled: equal to their batched NumPy form, bit for bit (a test compares them)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ontogym.batched.dynamics import Dynamics
from ontogym.batched.native import OBSERVE, STEP, NativeDynamics, uniform
from ontogym.envs.classic_control import cartpole
from ontogym.envs.classic_control.cartpole import CartPoleDynamics
from ontogym.envs.foraging import FOOD_REWARD, ForagingDynamics
from ontogym.envs.nonstationary import NonstationaryDynamics, NonstationaryState
from ontogym.envs.schedule import CLOCKS, LIFE_CLOCK

__all__ = ["NATIVE", "native_of"]

_COMPILED: dict[str, Any] = {"cache": True, "error_model": "numpy", "nogil": True}
_STEP_S, _X_LIMIT, _ANGLE_LIMIT = cartpole.STEP_S, cartpole.X_LIMIT, cartpole.ANGLE_LIMIT
_LINE_MOVES = (1.0, -1.0, 0.0)


def _columns(state: Any) -> NDArray[np.float64]:
    """The fields of a state side by side."""
    return np.column_stack([np.asarray(part, dtype=np.float64) for part in state])


@njit(STEP, **_COMPILED)
def _cartpole_step(state: Any, action: Any, parameters: Any, stream: Any, outcome: Any) -> None:
    gravity, mass_cart, mass_pole = parameters[1], parameters[2], parameters[3]
    half_length, force = parameters[4], parameters[5]
    x, x_dot, theta, theta_dot = state[0], state[1], state[2], state[3]
    total = mass_cart + mass_pole
    pole_share = mass_pole * half_length / total
    cos, sin = math.cos(theta), math.sin(theta)
    # Florian (2007), eqs. 23 and 24, as in CartPoleDynamics.step.
    temp = (2.0 * action[0] - 1.0) * (force / total) + pole_share * (theta_dot * theta_dot) * sin
    moment = half_length * 4.0 / 3.0 - half_length * mass_pole / total * (cos * cos)
    theta_acc = (gravity * sin - cos * temp) / moment
    x_acc = temp - pole_share * (theta_acc * cos)
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
    earned = -distance if dense != 0.0 else (FOOD_REWARD if found else 0.0)
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
    late = len(state) - 5  # what is earned now is paid so many steps later
    if late > 0:
        paid = state[5]
        for k in range(5, 4 + late):
            state[k] = state[k + 1]
        state[4 + late], earned = earned, paid
    state[4], outcome[0], outcome[1] = earned, earned, 0.0


@njit(OBSERVE, **_COMPILED)
def _foraging_observe(state: Any, parameters: Any, view: Any) -> None:
    if parameters[5] == 0.0:
        view[0] = state[0]
    else:
        view[:] = 0.0
        view[int(state[0])] = 1.0


def _cartpole(dynamics: CartPoleDynamics) -> NativeDynamics:
    numbers = np.array([dynamics.sutton_barto_reward, *dynamics.parameters], dtype=np.float64)
    return NativeDynamics(_cartpole_step, _as_it_is, numbers, _columns)


def _foraging(dynamics: ForagingDynamics) -> NativeDynamics:
    d = dynamics
    numbers = (d.last, d.trial_steps, d.p_switch, d.dense_reward, d.reward_only, d.observation == "one-hot")
    return NativeDynamics(_foraging_step, _foraging_observe, np.array(numbers, dtype=np.float64), _columns)


@njit(**_COMPILED)
def _phase(place: Any, parameters: Any) -> int:
    """How many switches have begun; `place` is age, age when the episode began, its number, and the switch times."""
    clock, ticks = parameters[6], parameters[7]
    now = place[0] if clock == 0.0 else place[2]
    if clock == 2.0:
        now = place[2] * ticks + min(place[0] - place[1], ticks - 1.0)
    begun = 0
    for k in range(3, len(place)):
        if now >= place[k]:
            begun += 1
    return begun


@njit(STEP, **_COMPILED)
def _flipping_cartpole_step(state: Any, action: Any, parameters: Any, stream: Any, outcome: Any) -> None:
    if _phase(state[4:], parameters) % 2:
        action[0] = 1.0 - action[0]
    _cartpole_step(state[:4], action, parameters, stream, outcome)
    state[4] += 1.0


@njit(STEP, **_COMPILED)
def _swapping_foraging_step(state: Any, action: Any, parameters: Any, stream: Any, outcome: Any) -> None:
    own = int(parameters[8])
    swapped = _phase(state[own:], parameters) % 2
    if swapped:
        state[1] = 1.0 - state[1]
    _foraging_step(state[:own], action, parameters, stream, outcome)
    if swapped:
        state[1] = 1.0 - state[1]
    state[own] += 1.0


def _changing(dynamics: NonstationaryDynamics) -> NativeDynamics | None:
    """Flipped actions and swapped goals, where the task has a compiled form; other changes have none."""
    d, step = dynamics, None
    if d.change == "action-flip" and type(d.task) is CartPoleDynamics:
        step = _flipping_cartpole_step
    elif d.change == "goal-swap" and type(d.task) is ForagingDynamics:
        step = _swapping_foraging_step
    task = native_of(d.task)
    if step is None or task is None:
        return None
    own = 5 + d.task.reward_delay if isinstance(d.task, ForagingDynamics) else 4
    clock = (*CLOCKS, LIFE_CLOCK).index(d.schedule.clock)
    numbers = np.append(task.parameters, [clock, d.episode_ticks, own])

    def pack(state: NonstationaryState) -> NDArray[np.float64]:
        inner = state.task
        if d.change == "goal-swap":  # as it would be before any switch
            inner = inner._replace(goal=inner.goal ^ (d.phase(state) % 2))
        place = (state.age, state.begun, state.episode, state.times)
        return np.column_stack([task.pack(inner), _columns(place)])

    return NativeDynamics(step, task.observe, numbers, pack, age=own)


NATIVE: dict[type, Callable[[Any], NativeDynamics | None]] = {
    CartPoleDynamics: _cartpole,
    ForagingDynamics: _foraging,
    NonstationaryDynamics: _changing,
}
"""Dynamics, and how their compiled form is made; subclasses, which may change the rules, have none."""


def native_of(dynamics: Dynamics[Any]) -> NativeDynamics | None:
    """The compiled form of these dynamics, or None if they have none."""
    make = NATIVE.get(type(dynamics))
    return make(dynamics) if make is not None else None
