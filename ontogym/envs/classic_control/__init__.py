"""Gymnasium's CartPole, Acrobot and Pendulum as batched NumPy, equal to the originals step for step."""

from __future__ import annotations

from ontogym.envs.classic_control.acrobot import AcrobotDynamics, AcrobotEnv, AcrobotState, AcrobotVectorEnv
from ontogym.envs.classic_control.cartpole import (
    CartPoleDynamics,
    CartPoleEnv,
    CartPoleState,
    CartPoleVectorEnv,
)
from ontogym.envs.classic_control.pendulum import (
    PendulumDynamics,
    PendulumEnv,
    PendulumState,
    PendulumVectorEnv,
)

__all__ = [
    "AcrobotDynamics",
    "AcrobotEnv",
    "AcrobotState",
    "AcrobotVectorEnv",
    "CartPoleDynamics",
    "CartPoleEnv",
    "CartPoleState",
    "CartPoleVectorEnv",
    "PendulumDynamics",
    "PendulumEnv",
    "PendulumState",
    "PendulumVectorEnv",
]
