"""CartPole as batched NumPy, equal to Gymnasium's own."""

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

__all__ = [
    "CartPoleDynamics",
    "CartPoleEnv",
    "CartPoleParameters",
    "CartPoleState",
    "CartPoleVectorEnv",
    "move",
]

GRAVITY, MASS_CART, MASS_POLE, HALF_LENGTH = 9.8, 1.0, 0.1, 0.5
FORCE, STEP_S = 10.0, 0.02
X_LIMIT, ANGLE_LIMIT = 2.4, 12 * 2 * math.pi / 360


class CartPoleParameters(NamedTuple):
    """m/s^2, kg, kg, m and N; numbers, or arrays ``(P,)``."""

    gravity: Any = GRAVITY
    mass_cart: Any = MASS_CART
    mass_pole: Any = MASS_POLE
    half_length: Any = HALF_LENGTH
    force: Any = FORCE


class CartPoleState(NamedTuple):
    """Position (m), velocity (m/s), pole angle (rad) and angular velocity (rad/s); every array is ``(P,)``."""

    x: NDArray[np.float64]
    x_dot: NDArray[np.float64]
    theta: NDArray[np.float64]
    theta_dot: NDArray[np.float64]


def move(
    state: CartPoleState, actions: Any, parameters: CartPoleParameters, xp: Any = np
) -> tuple[CartPoleState, Any]:
    """The equations of motion: where the cart is after a step, and whether its pole has fallen ``(P,)``.

    Args:
        state, actions: arrays ``(P,)`` of the array library `xp`, NumPy or torch (there actions are float64).
    """
    gravity, mass_cart, mass_pole, half_length, force = parameters
    # Gymnasium's equations with both sides divided by the total mass beforehand.
    total = mass_cart + mass_pole
    pole_share = mass_pole * half_length / total
    push = (2.0 * actions - 1.0) * (force / total)
    x, x_dot, theta, theta_dot = state
    cos, sin = xp.cos(theta), xp.sin(theta)
    # Florian (2007), "Correct equations for the dynamics of the cart-pole system", eqs. 23 and 24.
    temp = push + pole_share * (theta_dot * theta_dot) * sin
    moment = half_length * 4.0 / 3.0 - half_length * mass_pole / total * (cos * cos)
    theta_acc = (gravity * sin - cos * temp) / moment
    x_acc = temp - pole_share * (theta_acc * cos)
    new = CartPoleState(
        x + STEP_S * x_dot,
        x_dot + STEP_S * x_acc,
        theta + STEP_S * theta_dot,
        theta_dot + STEP_S * theta_acc,
    )
    return new, (xp.abs(new.x) > X_LIMIT) | (xp.abs(new.theta) > ANGLE_LIMIT)


class CartPoleDynamics(Dynamics[CartPoleState]):
    """The cart and its pole, batch axis first; arguments as in `CartPoleEnv`."""

    max_steps: int | None = 500
    reset_options: ClassVar[tuple[str, ...]] = ("low", "high")
    render_fps: ClassVar[int] = 50
    native_form: ClassVar[str | None] = "ontogym.envs.native:cartpole_native"
    parameters: CartPoleParameters = CartPoleParameters()

    def __init__(self, sutton_barto_reward: bool = False) -> None:
        self.sutton_barto_reward = sutton_barto_reward
        high = np.array([X_LIMIT * 2, np.inf, ANGLE_LIMIT * 2, np.inf], dtype=np.float32)
        self.observation_space = spaces.Box(-high, high, dtype=np.float32)
        self.action_space = spaces.Discrete(2)

    def reset(
        self, streams: LaneStreams, rows: NDArray[np.intp], options: Mapping[str, NDArray[Any]]
    ) -> CartPoleState:
        low, high = uniform_bounds(options, 0.05)
        # Contiguous, so that one lane and many take the same arithmetic path through NumPy.
        return CartPoleState(*np.ascontiguousarray(low + (high - low) * streams.uniform((4,), rows).T))

    def step(
        self,
        state: CartPoleState,
        actions: NDArray[Any],
        streams: LaneStreams,
        parameters: CartPoleParameters | None = None,
    ) -> tuple[CartPoleState, NDArray[np.float64], NDArray[np.bool_]]:
        new, terminated = move(state, actions, parameters or self.parameters)
        reward = -terminated.astype(np.float64) if self.sutton_barto_reward else np.ones(len(new.x))
        return new, reward, terminated

    def observe(self, state: CartPoleState) -> NDArray[np.float32]:
        view = np.empty((len(state.x), 4), dtype=np.float32)
        for column, values in enumerate(state):
            view[:, column] = values
        return view

    def render_frame(self, state: CartPoleState, row: int) -> NDArray[np.uint8]:
        from gymnasium.envs.classic_control.cartpole import CartPoleEnv as Original

        from ontogym.envs.drawing import gymnasium_frame

        return gymnasium_frame(Original, state=np.array([float(part[row]) for part in state]))


class CartPoleEnv(BatchedEnv[CartPoleState]):
    """
    ## Description

    Balance a pole on a cart, as described by Barto, Sutton and Anderson (1983), "Neuronlike Adaptive Elements
    That Can Solve Difficult Learning Control Problems". The same task as Gymnasium's `CartPole-v1`, step for
    step (a test compares them), computed for many lanes at once.

    ## Action Space

    `Discrete(2)`:

    | Num | Action                 |
    |-----|------------------------|
    | 0   | push cart to the left  |
    | 1   | push cart to the right |

    ## Observation Space

    A `Box` of shape `(4,)`, float32:

    | Num | Observation           | Unit  | Min    | Max   |
    |-----|-----------------------|-------|--------|-------|
    | 0   | cart position         | m     | -4.8   | 4.8   |
    | 1   | cart velocity         | m/s   | -Inf   | Inf   |
    | 2   | pole angle            | rad   | -0.418 | 0.418 |
    | 3   | pole angular velocity | rad/s | -Inf   | Inf   |

    ## Hidden State

    None: the observation is the state in single precision.

    ## Rewards

    1 for every step, the terminating one included. With `sutton_barto_reward=True`, 0 for every step and -1 for
    the terminating one. The optimal return is the time limit.

    ## Starting State

    All four numbers uniform in (-0.05, 0.05); other bounds by `options={"low": ..., "high": ...}`.

    ## Episode End

    Termination when the pole angle leaves ±12° or the cart position ±2.4 m; truncation after 500 steps.

    ## Arguments

    | Parameter             | Type       | Default | Description                                        |
    |-----------------------|------------|---------|----------------------------------------------------|
    | `sutton_barto_reward` | bool       | `False` | reward 0, and -1 at termination                    |
    | `render_mode`         | str / None | `None`  | `'rgb_array'` for pictures                         |

    ## Registered Configurations

    | Id                    | Arguments | Steps | Random return | Optimal return |
    |-----------------------|-----------|-------|---------------|----------------|
    | `ontogym/CartPole-v1` | none      | 500   | 22.4          | 500.0          |

    ## Version History

    - v1: equals Gymnasium's v1
    """

    dynamics_type = CartPoleDynamics


class CartPoleVectorEnv(BatchedVectorEnv[CartPoleState]):
    """Many `CartPoleEnv` lanes stepped at once; arguments as there and in `BatchedVectorEnv`."""

    dynamics_type = CartPoleDynamics
