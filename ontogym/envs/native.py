"""Scalar steps of CartPole, Acrobot, Pendulum and Foraging, compiled: what the functions mean: `ontogym.batched.native`.

Every line is that of the batched form, in the same order of operations, so that both give the same bits where NumPy's sine
is the C library's (tests compare them). No fastmath: it would reorder them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.batched.native import OBSERVE, STEP, NativeDynamics, uniform
from ontogym.compiling import COMPILED, njit
from ontogym.envs.classic_control import acrobot, cartpole, pendulum
from ontogym.envs.foraging import FOOD_REWARD, ForagingDynamics

__all__ = ["acrobot_native", "cartpole_native", "foraging_native", "pendulum_native"]

_X_LIMIT, _ANGLE_LIMIT, _CART_STEP = cartpole.X_LIMIT, cartpole.ANGLE_LIMIT, cartpole.STEP_S
_ARM_STEP, _INERTIA, _V1, _V2 = acrobot.STEP_S, acrobot.INERTIA, acrobot.MAX_SPEED_1, acrobot.MAX_SPEED_2
_ROD_STEP, _ROD_SPEED = pendulum.STEP_S, pendulum.MAX_SPEED
_COST_OF_TORQUE = np.float32(0.001)
_LINE_MOVES = (1.0, -1.0, 0.0)
_LATE = 5
"""Where in Foraging's state the rewards begin that are still to come, the next one first."""


def _columns(state: Any) -> NDArray[np.float64]:
    """The fields of a state side by side."""
    parts = [np.asarray(part, dtype=np.float64) for part in state]
    return np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)


@njit(STEP, **COMPILED)
def _cartpole_step(state: Any, action: Any, parameters: Any, stream: Any, outcome: Any) -> None:
    gravity, mass_cart, mass_pole = parameters[0], parameters[1], parameters[2]
    half_length, force = parameters[3], parameters[4]
    total = mass_cart + mass_pole
    pole_share = mass_pole * half_length / total
    push = (2.0 * action[0] - 1.0) * (force / total)
    x, x_dot, theta, theta_dot = state[0], state[1], state[2], state[3]
    cos, sin = math.cos(theta), math.sin(theta)
    # Florian (2007), eqs. 23 and 24.
    temp = push + pole_share * (theta_dot * theta_dot) * sin
    moment = half_length * 4.0 / 3.0 - half_length * mass_pole / total * (cos * cos)
    theta_acc = (gravity * sin - cos * temp) / moment
    x_acc = temp - pole_share * (theta_acc * cos)
    state[0], state[1] = x + _CART_STEP * x_dot, x_dot + _CART_STEP * x_acc
    state[2], state[3] = theta + _CART_STEP * theta_dot, theta_dot + _CART_STEP * theta_acc
    fell = abs(state[0]) > _X_LIMIT or abs(state[2]) > _ANGLE_LIMIT
    outcome[1] = 1.0 if fell else 0.0
    outcome[0] = 1.0 if parameters[5] == 0.0 else -outcome[1]


@njit(OBSERVE, **COMPILED)
def _as_it_is(state: Any, parameters: Any, view: Any) -> None:
    for i in range(len(view)):
        view[i] = state[i]


@njit(**COMPILED)
def _accelerations(q1: float, q2: float, v1: float, v2: float, torque: float, m: Any) -> tuple[float, float]:
    coupling, const_1, const_2, pull_1, pull_2 = m
    cos2, sin2 = coupling * math.cos(q2), coupling * math.sin(q2)
    d1, d2 = const_1 + 2 * cos2, const_2 + cos2
    phi2 = pull_2 * math.sin(q1 + q2)
    phi1 = phi2 + pull_1 * math.sin(q1) - (v2 * (v2 + 2 * v1)) * sin2
    ratio = d2 / d1
    acc2 = (torque + ratio * phi1 - v1 * v1 * sin2 - phi2) / (const_2 - d2 * ratio)
    return -(d2 * acc2 + phi1) / d1, acc2


@njit(**COMPILED)
def _wrapped(angle: float) -> float:
    turns = np.rint(angle * (0.5 / math.pi))
    return angle - turns * (2 * math.pi)


@njit(STEP, **COMPILED)
def _acrobot_step(state: Any, action: Any, parameters: Any, stream: Any, outcome: Any) -> None:
    gravity, mass_1, mass_2 = parameters[0], parameters[1], parameters[2]
    length_1, length_2, strength = parameters[3], parameters[4], parameters[5]
    centre_1, centre_2 = length_1 * 0.5, length_2 * 0.5
    m = (
        mass_2 * length_1 * centre_2,
        mass_1 * (centre_1 * centre_1) + mass_2 * (length_1 * length_1 + centre_2 * centre_2) + 2 * _INERTIA,
        mass_2 * (centre_2 * centre_2) + _INERTIA,
        (mass_1 * centre_1 + mass_2 * length_1) * gravity,
        mass_2 * centre_2 * gravity,
    )
    torque = strength * (action[0] - 1.0)
    q1, q2, v1, v2 = state[0], state[1], state[2], state[3]
    half, sixth = _ARM_STEP / 2.0, _ARM_STEP / 6.0
    a1, a2 = _accelerations(q1, q2, v1, v2, torque, m)
    v1b, v2b = v1 + half * a1, v2 + half * a2
    b1, b2 = _accelerations(q1 + half * v1, q2 + half * v2, v1b, v2b, torque, m)
    v1c, v2c = v1 + half * b1, v2 + half * b2
    c1, c2 = _accelerations(q1 + half * v1b, q2 + half * v2b, v1c, v2c, torque, m)
    v1d, v2d = v1 + _ARM_STEP * c1, v2 + _ARM_STEP * c2
    d1, d2 = _accelerations(q1 + _ARM_STEP * v1c, q2 + _ARM_STEP * v2c, v1d, v2d, torque, m)
    state[0] = _wrapped(q1 + sixth * (v1 + 2 * (v1b + v1c) + v1d))
    state[1] = _wrapped(q2 + sixth * (v2 + 2 * (v2b + v2c) + v2d))
    state[2] = min(max(v1 + sixth * (a1 + 2 * (b1 + c1) + d1), -_V1), _V1)
    state[3] = min(max(v2 + sixth * (a2 + 2 * (b2 + c2) + d2), -_V2), _V2)
    height = -math.cos(state[0]) - math.cos(state[1] + state[0])
    outcome[1] = 1.0 if height > 1.0 else 0.0
    outcome[0] = outcome[1] - 1.0
    if parameters[6] != 0.0 and outcome[1] == 0.0:
        outcome[0] = (height - 1.0) / 3.0


@njit(OBSERVE, **COMPILED)
def _acrobot_observe(state: Any, parameters: Any, view: Any) -> None:
    view[0], view[1] = math.cos(state[0]), math.sin(state[0])
    view[2], view[3] = math.cos(state[1]), math.sin(state[1])
    view[4], view[5] = state[2], state[3]


@njit(STEP, **COMPILED)
def _pendulum_step(state: Any, action: Any, parameters: Any, stream: Any, outcome: Any) -> None:
    gravity, mass, length = parameters[0], parameters[1], parameters[2]
    pull = 3 * gravity / (2 * length)
    grip = np.float32(3.0 / (mass * (length * length)))
    theta, theta_dot, torque = state[0], state[1], np.float32(action[0])
    angle = (theta + math.pi) % (2 * math.pi) - math.pi
    # Products of the torque stay in single precision, as Gymnasium's do.
    effort = np.float32(_COST_OF_TORQUE * np.float32(torque * torque))
    outcome[0], outcome[1] = -(angle * angle + 0.1 * (theta_dot * theta_dot) + effort), 0.0
    push = pull * math.sin(theta) + np.float32(grip * torque)
    state[1] = min(max(theta_dot + push * _ROD_STEP, -_ROD_SPEED), _ROD_SPEED)
    state[0] = theta + state[1] * _ROD_STEP
    state[2] = torque


@njit(OBSERVE, **COMPILED)
def _pendulum_observe(state: Any, parameters: Any, view: Any) -> None:
    view[0], view[1], view[2] = math.cos(state[0]), math.sin(state[0]), state[1]


@njit(STEP, **COMPILED)
def _foraging_step(state: Any, action: Any, parameters: Any, stream: Any, outcome: Any) -> None:
    last, trial_steps, p_switch, dense, reward_only = (
        parameters[0], parameters[1], parameters[2], parameters[3], parameters[4],
    )  # fmt: skip
    position = min(max(state[0] + _LINE_MOVES[int(action[0])], 0.0), last)
    distance = abs(position - state[1] * last)
    found = distance == 0.0
    reward = -distance if dense != 0.0 else (FOOD_REWARD if found else 0.0)
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
    delay = len(state) - _LATE
    if delay:
        paid = state[_LATE]
        for k in range(_LATE, _LATE + delay - 1):
            state[k] = state[k + 1]
        state[_LATE + delay - 1] = reward
        reward = paid
    state[4] = reward
    outcome[0], outcome[1] = reward, 0.0


@njit(OBSERVE, **COMPILED)
def _foraging_observe(state: Any, parameters: Any, view: Any) -> None:
    if parameters[5] == 0.0:
        view[0] = state[0]
    else:
        view[:] = 0.0
        view[int(state[0])] = 1.0


def cartpole_native(d: cartpole.CartPoleDynamics) -> NativeDynamics:
    """CartPole; the last parameter is 1 for `sutton_barto_reward`."""
    numbers = np.array([*d.parameters, d.sutton_barto_reward], dtype=np.float64)
    return NativeDynamics(_cartpole_step, _as_it_is, numbers, _columns)


def acrobot_native(d: acrobot.AcrobotDynamics) -> NativeDynamics:
    """Acrobot; the last parameter is 1 for `height_cost`."""
    numbers = np.array([*d.parameters, d.height_cost], dtype=np.float64)
    return NativeDynamics(_acrobot_step, _acrobot_observe, numbers, _columns)


def pendulum_native(d: pendulum.PendulumDynamics) -> NativeDynamics:
    """Pendulum; the third number of its state is the last torque."""
    return NativeDynamics(
        _pendulum_step, _pendulum_observe, np.array(d.parameters, dtype=np.float64), _columns
    )


def foraging_native(dynamics: ForagingDynamics) -> NativeDynamics:
    """Foraging; it draws a number a step where the food can move."""
    d = dynamics
    numbers = (d.last, d.trial_steps, d.p_switch, d.dense_reward, d.reward_only, d.observation == "one-hot")
    facts = (("goal", 1), ("trial", 2), ("position", 0))
    return NativeDynamics(
        _foraging_step, _foraging_observe, np.array(numbers, dtype=np.float64), _columns, facts
    )
