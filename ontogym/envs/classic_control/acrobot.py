"""Acrobot as batched NumPy, equal to Gymnasium's own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ontogym.batched.dynamics import Dynamics
from ontogym.batched.environments import BatchedEnv, BatchedVectorEnv
from ontogym.batched.inputs import uniform_bounds
from ontogym.seeding import LaneStreams

__all__ = ["AcrobotDynamics", "AcrobotEnv", "AcrobotParameters", "AcrobotState", "AcrobotVectorEnv"]

STEP_S = 0.2
MAX_SPEED_1, MAX_SPEED_2 = 4 * math.pi, 9 * math.pi
INERTIA = 1.0
"""Of each link, kg m^2, whatever its mass and length (as in Gymnasium)."""

Array = NDArray[np.float64]


class AcrobotState(NamedTuple):
    """Joint angles (rad; 0 hangs down, the second relative to the first) and velocities (rad/s), ``(P,)``."""

    theta1: Array
    theta2: Array
    theta1_dot: Array
    theta2_dot: Array


class AcrobotParameters(NamedTuple):
    """m/s^2, masses in kg, lengths in m and torque in N m; numbers, or arrays ``(P,)``.

    Both links are alike, as in Gymnasium; the centre of mass of each is halfway.
    """

    gravity: Any = 9.8
    mass_1: Any = 1.0
    mass_2: Any = 1.0
    length_1: Any = 1.0
    length_2: Any = 1.0
    torque: Any = 1.0


class Moments(NamedTuple):
    """Constant parts of the equations of motion (Sutton & Barto, 2nd edition, 11.3; "book" in Gymnasium)."""

    coupling: Any
    d1: Any
    d2: Any
    pull_1: Any
    pull_2: Any


class AcrobotDynamics(Dynamics[AcrobotState]):
    """Two links, torque between them, batch axis first; arguments as in `AcrobotEnv`."""

    max_steps: int | None = 500
    reset_options: ClassVar[tuple[str, ...]] = ("low", "high")
    render_fps: ClassVar[int] = 15
    native_form: ClassVar[str | None] = "ontogym.envs.native:acrobot_native"
    parameters: AcrobotParameters = AcrobotParameters()

    def __init__(self, height_cost: bool = False) -> None:
        self.height_cost = bool(height_cost)
        high = np.array([1.0, 1.0, 1.0, 1.0, MAX_SPEED_1, MAX_SPEED_2], dtype=np.float32)
        self.observation_space = spaces.Box(-high, high, dtype=np.float32)
        self.action_space = spaces.Discrete(3)

    def reset(
        self, streams: LaneStreams, rows: NDArray[np.intp], options: Mapping[str, NDArray[Any]]
    ) -> AcrobotState:
        low, high = uniform_bounds(options, 0.1)
        start = low + (high - low) * streams.uniform((4,), rows).T
        # Gymnasium rounds the first state to single precision.
        return AcrobotState(*np.ascontiguousarray(start.astype(np.float32), dtype=np.float64))

    def step(
        self,
        state: AcrobotState,
        actions: NDArray[Any],
        streams: LaneStreams,
        parameters: AcrobotParameters | None = None,
    ) -> tuple[AcrobotState, Array, NDArray[np.bool_]]:
        used = parameters or self.parameters
        torque = used.torque * (actions - 1.0)
        theta1, theta2, theta1_dot, theta2_dot = _runge_kutta(state, torque, _moments(used))
        new = AcrobotState(
            _wrap(theta1),
            _wrap(theta2),
            np.minimum(np.maximum(theta1_dot, -MAX_SPEED_1), MAX_SPEED_1),
            np.minimum(np.maximum(theta2_dot, -MAX_SPEED_2), MAX_SPEED_2),
        )
        height = -np.cos(new.theta1) - np.cos(new.theta2 + new.theta1)
        terminated = height > 1.0
        missing = (height - 1.0) / 3.0 if self.height_cost else -1.0
        return new, np.where(terminated, 0.0, missing), terminated

    def observe(self, state: AcrobotState) -> NDArray[np.float32]:
        view = np.empty((len(state.theta1), 6), dtype=np.float32)
        view[:, 0], view[:, 1] = np.cos(state.theta1), np.sin(state.theta1)
        view[:, 2], view[:, 3] = np.cos(state.theta2), np.sin(state.theta2)
        view[:, 4], view[:, 5] = state.theta1_dot, state.theta2_dot
        return view

    def render_frame(self, state: AcrobotState, row: int) -> NDArray[np.uint8]:
        from gymnasium.envs.classic_control.acrobot import AcrobotEnv as Original

        from ontogym.envs.drawing import gymnasium_frame

        return gymnasium_frame(Original, state=np.array([float(part[row]) for part in state]))


def _moments(p: AcrobotParameters) -> Moments:
    centre_1, centre_2 = p.length_1 * 0.5, p.length_2 * 0.5
    return Moments(
        coupling=p.mass_2 * p.length_1 * centre_2,
        d1=p.mass_1 * centre_1**2 + p.mass_2 * (p.length_1**2 + centre_2**2) + 2 * INERTIA,
        d2=p.mass_2 * centre_2**2 + INERTIA,
        pull_1=(p.mass_1 * centre_1 + p.mass_2 * p.length_1) * p.gravity,
        pull_2=p.mass_2 * centre_2 * p.gravity,
    )


def _accelerations(
    theta1: Array, theta2: Array, theta1_dot: Array, theta2_dot: Array, torque: Array, m: Moments
) -> tuple[Array, Array]:
    """Angular accelerations of both joints, ``(P,)`` each; the names follow Sutton & Barto."""
    cos2, sin2 = m.coupling * np.cos(theta2), m.coupling * np.sin(theta2)
    d1, d2 = m.d1 + 2 * cos2, m.d2 + cos2
    phi2 = m.pull_2 * np.sin(theta1 + theta2)
    phi1 = phi2 + m.pull_1 * np.sin(theta1) - (theta2_dot * (theta2_dot + 2 * theta1_dot)) * sin2
    ratio = d2 / d1
    acc2 = (torque + ratio * phi1 - theta1_dot * theta1_dot * sin2 - phi2) / (m.d2 - d2 * ratio)
    return -(d2 * acc2 + phi1) / d1, acc2


def _runge_kutta(state: AcrobotState, torque: Array, m: Moments) -> tuple[Array, Array, Array, Array]:
    """One fourth-order Runge-Kutta step of `STEP_S` with the torque held."""
    q1, q2, v1, v2 = state
    half = STEP_S / 2.0
    a1, a2 = _accelerations(q1, q2, v1, v2, torque, m)
    v1b, v2b = v1 + half * a1, v2 + half * a2
    b1, b2 = _accelerations(q1 + half * v1, q2 + half * v2, v1b, v2b, torque, m)
    v1c, v2c = v1 + half * b1, v2 + half * b2
    c1, c2 = _accelerations(q1 + half * v1b, q2 + half * v2b, v1c, v2c, torque, m)
    v1d, v2d = v1 + STEP_S * c1, v2 + STEP_S * c2
    d1, d2 = _accelerations(q1 + STEP_S * v1c, q2 + STEP_S * v2c, v1d, v2d, torque, m)
    sixth = STEP_S / 6.0
    return (
        q1 + sixth * (v1 + 2 * (v1b + v1c) + v1d),
        q2 + sixth * (v2 + 2 * (v2b + v2c) + v2d),
        v1 + sixth * (a1 + 2 * (b1 + c1) + d1),
        v2 + sixth * (a2 + 2 * (b2 + c2) + d2),
    )


def _wrap(angle: Array) -> Array:
    """The angle in [-pi, pi]."""
    turns = np.rint(angle * (0.5 / math.pi))
    return angle - turns * (2 * math.pi)


class AcrobotEnv(BatchedEnv[AcrobotState]):
    """
    ## Description

    Swing the free end of a two-link chain above a line by torque on the joint between the links, after Sutton
    (1996), "Generalization in Reinforcement Learning: Successful Examples Using Sparse Coarse Coding". The same
    task as Gymnasium's `Acrobot-v1`, step for step (a test compares them), computed for many lanes at once.

    ## Action Space

    `Discrete(3)`:

    | Num | Action                  |
    |-----|-------------------------|
    | 0   | torque -1 N m           |
    | 1   | no torque               |
    | 2   | torque +1 N m           |

    ## Observation Space

    A `Box` of shape `(6,)`, float32:

    | Num | Observation                | Unit  | Min    | Max   |
    |-----|----------------------------|-------|--------|-------|
    | 0   | cosine of theta1           |       | -1     | 1     |
    | 1   | sine of theta1             |       | -1     | 1     |
    | 2   | cosine of theta2           |       | -1     | 1     |
    | 3   | sine of theta2             |       | -1     | 1     |
    | 4   | angular velocity of theta1 | rad/s | -4 pi  | 4 pi  |
    | 5   | angular velocity of theta2 | rad/s | -9 pi  | 9 pi  |

    theta1 = 0 hangs straight down; theta2 is relative to the first link.

    ## Hidden State

    None: the observation determines the state.

    ## Rewards

    -1 for every step, 0 for the one that reaches the height. With `height_cost` a step costs instead the share of the way
    from the lowest point to the line that the tip has still to rise, `(1 - height) / 3` with the height
    `-cos(theta1) - cos(theta2 + theta1)`, from 0 to 1: for training where reaching the line is too rare to be found; no
    registered configuration has it. The optimal return is that of a search
    through action sequences from known starting states (`benchmarks/env_anchors.py`), a lower bound of what is
    possible.

    ## Starting State

    Both angles and both velocities uniform in (-0.1, 0.1); other bounds by
    `options={"low": ..., "high": ...}`.

    ## Episode End

    Termination when `-cos(theta1) - cos(theta2 + theta1) > 1`; truncation after 500 steps.

    ## Arguments

    | Parameter     | Type       | Default | Description                                            |
    |---------------|------------|---------|--------------------------------------------------------|
    | `height_cost` | bool       | `False` | a step costs what the tip is below the line, see above |
    | `render_mode` | str / None | `None`  | `'rgb_array'` for pictures                             |

    ## Registered Configurations

    | Id                   | Arguments | Steps | Random return | Optimal return |
    |----------------------|-----------|-------|---------------|----------------|
    | `ontogym/Acrobot-v1` | none      | 500   | -498.9        | -59.2          |

    ## Version History

    - v1: equals Gymnasium's v1 (the book's equations)
    """

    dynamics_type = AcrobotDynamics


class AcrobotVectorEnv(BatchedVectorEnv[AcrobotState]):
    """Many `AcrobotEnv` lanes stepped at once; arguments as in `BatchedVectorEnv`."""

    dynamics_type = AcrobotDynamics
