"""Pendulum as batched NumPy, equal to Gymnasium's own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ontogym.batched.dynamics import Dynamics
from ontogym.batched.environments import BatchedEnv, BatchedVectorEnv
from ontogym.errors import OntogymError
from ontogym.seeding import LaneStreams

__all__ = ["PendulumDynamics", "PendulumEnv", "PendulumParameters", "PendulumState", "PendulumVectorEnv"]

MAX_SPEED, MAX_TORQUE, STEP_S = 8.0, 2.0, 0.05
MASS, LENGTH = 1.0, 1.0


class PendulumState(NamedTuple):
    """Angle (rad, 0 is upright, not wrapped), angular velocity (rad/s) and last torque (N m), ``(P,)``."""

    theta: NDArray[np.float64]
    theta_dot: NDArray[np.float64]
    torque: NDArray[np.float32]


class PendulumParameters(NamedTuple):
    """m/s^2, kg and m; numbers, or arrays ``(P,)``."""

    gravity: Any = 10.0
    mass: Any = MASS
    length: Any = LENGTH


class PendulumDynamics(Dynamics[PendulumState]):
    """A rod on a motor, batch axis first; arguments as in `PendulumEnv`."""

    max_steps: int | None = 200
    reset_options: ClassVar[tuple[str, ...]] = ("x_init", "y_init")
    render_fps: ClassVar[int] = 30
    native_form: ClassVar[str | None] = "ontogym.envs.native:pendulum_native"

    def __init__(self, g: float = 10.0) -> None:
        if not math.isfinite(g):
            raise OntogymError(f"The gravity g is {g}; pass a finite number.")
        self.parameters = PendulumParameters(gravity=float(g))
        high = np.array([1.0, 1.0, MAX_SPEED], dtype=np.float32)
        self.observation_space = spaces.Box(-high, high, dtype=np.float32)
        self.action_space = spaces.Box(-MAX_TORQUE, MAX_TORQUE, (1,), dtype=np.float32)

    def reset(
        self, streams: LaneStreams, rows: NDArray[np.intp], options: Mapping[str, NDArray[Any]]
    ) -> PendulumState:
        unit = np.ascontiguousarray(2.0 * streams.uniform((2,), rows).T - 1.0)
        theta = options.get("x_init", np.pi) * unit[0]
        theta_dot = options.get("y_init", 1.0) * unit[1]
        return PendulumState(theta, theta_dot, np.zeros(len(rows), dtype=np.float32))

    def step(
        self,
        state: PendulumState,
        actions: NDArray[Any],
        streams: LaneStreams,
        parameters: PendulumParameters | None = None,
    ) -> tuple[PendulumState, NDArray[np.float64], NDArray[np.bool_]]:
        gravity, mass, length = parameters or self.parameters
        pull = 3 * gravity / (2 * length)
        # In single precision, as the torque that it multiplies.
        grip = np.asarray(3.0 / (mass * length**2), dtype=np.float32)
        theta, theta_dot, _ = state
        torque = actions[:, 0].copy()
        angle = (theta + np.pi) % (2 * np.pi) - np.pi
        # Products of the torque stay in single precision, as Gymnasium's do.
        cost = angle * angle + 0.1 * (theta_dot * theta_dot) + 0.001 * (torque * torque)
        push = pull * np.sin(theta) + grip * torque
        new_dot = np.minimum(np.maximum(theta_dot + push * STEP_S, -MAX_SPEED), MAX_SPEED)
        new = PendulumState(theta + new_dot * STEP_S, new_dot, torque)
        return new, -cost, np.zeros(len(theta), dtype=np.bool_)

    def observe(self, state: PendulumState) -> NDArray[np.float32]:
        view = np.empty((len(state.theta), 3), dtype=np.float32)
        view[:, 0], view[:, 1] = np.cos(state.theta), np.sin(state.theta)
        view[:, 2] = state.theta_dot
        return view

    def render_frame(self, state: PendulumState, row: int) -> NDArray[np.uint8]:
        from gymnasium.envs.classic_control.pendulum import PendulumEnv as Original

        from ontogym.envs.drawing import gymnasium_frame

        place = np.array([state.theta[row], state.theta_dot[row]])
        return gymnasium_frame(Original, state=place, last_u=float(state.torque[row]))


class PendulumEnv(BatchedEnv[PendulumState]):
    """
    ## Description

    Swing a rod up by torque at its fixed end and hold it there. The same task as Gymnasium's `Pendulum-v1`,
    step for step (a test compares them), computed for many lanes at once. Unlike there, a torque outside the
    action space is an error and is not clipped silently.

    ## Action Space

    A `Box` of shape `(1,)`, float32:

    | Num | Action | Unit | Min | Max |
    |-----|--------|------|-----|-----|
    | 0   | torque | N m  | -2  | 2   |

    ## Observation Space

    A `Box` of shape `(3,)`, float32:

    | Num | Observation      | Unit  | Min | Max |
    |-----|------------------|-------|-----|-----|
    | 0   | cosine of theta  |       | -1  | 1   |
    | 1   | sine of theta    |       | -1  | 1   |
    | 2   | angular velocity | rad/s | -8  | 8   |

    ## Hidden State

    None: the observation determines the state (up to full turns).

    ## Rewards

    `-(theta^2 + 0.1 theta_dot^2 + 0.001 torque^2)`, with theta in [-pi, pi] and 0 upright, all before the step.
    The optimal return is that of a policy found by value iteration on a fine grid
    (`benchmarks/env_anchors.py`), a lower bound of what is possible.

    ## Starting State

    theta uniform in (-pi, pi), angular velocity uniform in (-1, 1); other bounds by
    `options={"x_init": ..., "y_init": ...}`.

    ## Episode End

    Never terminates; truncated after 200 steps.

    ## Arguments

    | Parameter     | Type       | Default | Description                    |
    |---------------|------------|---------|--------------------------------|
    | `g`           | float      | `10.0`  | gravity in m/s^2               |
    | `render_mode` | str / None | `None`  | `'rgb_array'` for pictures     |

    ## Registered Configurations

    | Id                    | Arguments | Steps | Random return | Optimal return |
    |-----------------------|-----------|-------|---------------|----------------|
    | `ontogym/Pendulum-v1` | none      | 200   | -1229.0       | -135.5         |

    ## Version History

    - v1: equals Gymnasium's v1
    """

    dynamics_type = PendulumDynamics


class PendulumVectorEnv(BatchedVectorEnv[PendulumState]):
    """Many `PendulumEnv` lanes stepped at once; arguments as there and in `BatchedVectorEnv`."""

    dynamics_type = PendulumDynamics
