"""CartPole, Acrobot and Pendulum for one lane, compiled; what each function means: `ontogym.batched.native`.

Every line is that of the batched form (`cartpole.py`, `acrobot.py`, `pendulum.py`), in the same order of operations, so
that both give the same bits. No fastmath: it would reorder them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from ontogym.batched.native import NativeDynamics
from ontogym.envs.classic_control import acrobot, cartpole, pendulum

__all__ = ["acrobot_native", "cartpole_native", "pendulum_native"]

_X_LIMIT, _ANGLE_LIMIT, _CART_STEP = cartpole.X_LIMIT, cartpole.ANGLE_LIMIT, cartpole.STEP_S
_ARM_STEP, _INERTIA, _V1, _V2 = acrobot.STEP_S, acrobot.INERTIA, acrobot.MAX_SPEED_1, acrobot.MAX_SPEED_2
_ROD_STEP, _ROD_SPEED = pendulum.STEP_S, pendulum.MAX_SPEED
_F001 = np.float32(0.001)


@njit(cache=True)
def _option(value: float, otherwise: float) -> float:
    return otherwise if math.isnan(value) else value


@njit(cache=True)
def _cartpole_reset(row: Any, uniforms: Any, options: Any, params: Any) -> None:
    low, high = _option(options[0], -0.05), _option(options[1], 0.05)
    for k in range(4):
        row[k] = low + (high - low) * uniforms[k]


@njit(cache=True)
def _cartpole_step(row: Any, action: float, params: Any, uniforms: Any) -> tuple[float, bool]:
    gravity, mass_cart, mass_pole, half_length, force = params[0], params[1], params[2], params[3], params[4]
    total = mass_cart + mass_pole
    pole_share = mass_pole * half_length / total
    push = (2.0 * action - 1.0) * (force / total)
    x, x_dot, theta, theta_dot = row[0], row[1], row[2], row[3]
    cos, sin = math.cos(theta), math.sin(theta)
    # Florian (2007), eqs. 23 and 24.
    temp = push + pole_share * (theta_dot * theta_dot) * sin
    moment = half_length * 4.0 / 3.0 - half_length * mass_pole / total * (cos * cos)
    theta_acc = (gravity * sin - cos * temp) / moment
    x_acc = temp - pole_share * (theta_acc * cos)
    row[0] = x + _CART_STEP * x_dot
    row[1] = x_dot + _CART_STEP * x_acc
    row[2] = theta + _CART_STEP * theta_dot
    row[3] = theta_dot + _CART_STEP * theta_acc
    terminated = abs(row[0]) > _X_LIMIT or abs(row[2]) > _ANGLE_LIMIT
    if params[5]:
        return (-1.0 if terminated else -0.0), terminated
    return 1.0, terminated


@njit(cache=True)
def _cartpole_observe(row: Any, params: Any, out: Any) -> None:
    for k in range(4):
        out[k] = row[k]


@njit(cache=True)
def _cartpole_advance(row: Any, action: float, params: Any, uniforms: Any, out: Any) -> tuple[float, bool]:
    told = _cartpole_step(row, action, params, uniforms)
    _cartpole_observe(row, params, out)
    return told


@njit(cache=True)
def _acrobot_reset(row: Any, uniforms: Any, options: Any, params: Any) -> None:
    low, high = _option(options[0], -0.1), _option(options[1], 0.1)
    for k in range(4):
        row[k] = np.float32(low + (high - low) * uniforms[k])


@njit(cache=True)
def _accelerations(q1: float, q2: float, v1: float, v2: float, torque: float, m: Any) -> tuple[float, float]:
    coupling, const_1, const_2, pull_1, pull_2 = m
    cos2, sin2 = coupling * math.cos(q2), coupling * math.sin(q2)
    d1, d2 = const_1 + 2 * cos2, const_2 + cos2
    phi2 = pull_2 * math.sin(q1 + q2)
    phi1 = phi2 + pull_1 * math.sin(q1) - (v2 * (v2 + 2 * v1)) * sin2
    ratio = d2 / d1
    acc2 = (torque + ratio * phi1 - v1 * v1 * sin2 - phi2) / (const_2 - d2 * ratio)
    return -(d2 * acc2 + phi1) / d1, acc2


@njit(cache=True)
def _wrapped(angle: float) -> float:
    turns = np.rint(angle * (0.5 / math.pi))
    return angle - turns * (2 * math.pi)


@njit(cache=True)
def _acrobot_step(row: Any, action: float, params: Any, uniforms: Any) -> tuple[float, bool]:
    gravity, mass_1, mass_2, length_1, length_2, strength = (
        params[0], params[1], params[2], params[3], params[4], params[5],
    )  # fmt: skip
    centre_1, centre_2 = length_1 * 0.5, length_2 * 0.5
    m = (
        mass_2 * length_1 * centre_2,
        mass_1 * (centre_1 * centre_1) + mass_2 * (length_1 * length_1 + centre_2 * centre_2) + 2 * _INERTIA,
        mass_2 * (centre_2 * centre_2) + _INERTIA,
        (mass_1 * centre_1 + mass_2 * length_1) * gravity,
        mass_2 * centre_2 * gravity,
    )
    torque = strength * (action - 1.0)
    q1, q2, v1, v2 = row[0], row[1], row[2], row[3]
    half, sixth = _ARM_STEP / 2.0, _ARM_STEP / 6.0
    a1, a2 = _accelerations(q1, q2, v1, v2, torque, m)
    v1b, v2b = v1 + half * a1, v2 + half * a2
    b1, b2 = _accelerations(q1 + half * v1, q2 + half * v2, v1b, v2b, torque, m)
    v1c, v2c = v1 + half * b1, v2 + half * b2
    c1, c2 = _accelerations(q1 + half * v1b, q2 + half * v2b, v1c, v2c, torque, m)
    v1d, v2d = v1 + _ARM_STEP * c1, v2 + _ARM_STEP * c2
    d1, d2 = _accelerations(q1 + _ARM_STEP * v1c, q2 + _ARM_STEP * v2c, v1d, v2d, torque, m)
    row[0] = _wrapped(q1 + sixth * (v1 + 2 * (v1b + v1c) + v1d))
    row[1] = _wrapped(q2 + sixth * (v2 + 2 * (v2b + v2c) + v2d))
    row[2] = min(max(v1 + sixth * (a1 + 2 * (b1 + c1) + d1), -_V1), _V1)
    row[3] = min(max(v2 + sixth * (a2 + 2 * (b2 + c2) + d2), -_V2), _V2)
    terminated = math.cos(row[0]) + math.cos(row[1] + row[0]) < -1.0
    return (0.0 if terminated else -1.0), terminated


@njit(cache=True)
def _acrobot_observe(row: Any, params: Any, out: Any) -> None:
    out[0], out[1] = math.cos(row[0]), math.sin(row[0])
    out[2], out[3] = math.cos(row[1]), math.sin(row[1])
    out[4], out[5] = row[2], row[3]


@njit(cache=True)
def _acrobot_advance(row: Any, action: float, params: Any, uniforms: Any, out: Any) -> tuple[float, bool]:
    told = _acrobot_step(row, action, params, uniforms)
    _acrobot_observe(row, params, out)
    return told


@njit(cache=True)
def _pendulum_reset(row: Any, uniforms: Any, options: Any, params: Any) -> None:
    row[0] = _option(options[0], math.pi) * (2.0 * uniforms[0] - 1.0)
    row[1] = _option(options[1], 1.0) * (2.0 * uniforms[1] - 1.0)
    row[2] = 0.0


@njit(cache=True)
def _pendulum_step(row: Any, action: float, params: Any, uniforms: Any) -> tuple[float, bool]:
    gravity, mass, length = params[0], params[1], params[2]
    pull = 3 * gravity / (2 * length)
    grip = np.float32(3.0 / (mass * (length * length)))
    theta, theta_dot, torque = row[0], row[1], np.float32(action)
    angle = (theta + math.pi) % (2 * math.pi) - math.pi
    # Products of the torque stay in single precision, as Gymnasium's do.
    cost = angle * angle + 0.1 * (theta_dot * theta_dot) + np.float32(_F001 * np.float32(torque * torque))
    push = pull * math.sin(theta) + np.float32(grip * torque)
    row[1] = min(max(theta_dot + push * _ROD_STEP, -_ROD_SPEED), _ROD_SPEED)
    row[0] = theta + row[1] * _ROD_STEP
    row[2] = torque
    return -cost, False


@njit(cache=True)
def _pendulum_observe(row: Any, params: Any, out: Any) -> None:
    out[0], out[1], out[2] = math.cos(row[0]), math.sin(row[0]), row[1]


@njit(cache=True)
def _pendulum_advance(row: Any, action: float, params: Any, uniforms: Any, out: Any) -> tuple[float, bool]:
    told = _pendulum_step(row, action, params, uniforms)
    _pendulum_observe(row, params, out)
    return told


def cartpole_native(dynamics: cartpole.CartPoleDynamics) -> NativeDynamics:
    """CartPole; the last parameter is 1 for `sutton_barto_reward`."""
    params = np.array([*dynamics.parameters, dynamics.sutton_barto_reward], dtype=np.float64)
    return NativeDynamics(
        _cartpole_reset, _cartpole_step, _cartpole_observe, _cartpole_advance, 4, 4, 4, 0, params
    )


def acrobot_native(dynamics: acrobot.AcrobotDynamics) -> NativeDynamics:
    """Acrobot."""
    params = np.array(dynamics.parameters, dtype=np.float64)
    return NativeDynamics(
        _acrobot_reset, _acrobot_step, _acrobot_observe, _acrobot_advance, 4, 6, 4, 0, params
    )


def pendulum_native(dynamics: pendulum.PendulumDynamics) -> NativeDynamics:
    """Pendulum; the third number of its state is the last torque."""
    params = np.array(dynamics.parameters, dtype=np.float64)
    return NativeDynamics(
        _pendulum_reset, _pendulum_step, _pendulum_observe, _pendulum_advance, 3, 3, 2, 0, params
    )
