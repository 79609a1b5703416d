"""Worlds whose dynamics also run as tensors on a device: equal to their NumPy form (tests say to which digit)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ontogym.batched.dynamics import Dynamics
from ontogym.batched.tensors import TensorDynamics, World, increments, uniform
from ontogym.envs.classic_control.cartpole import CartPoleDynamics, CartPoleState, move
from ontogym.envs.foraging import FOOD_REWARD, ForagingDynamics
from ontogym.envs.grid import LINE_MOVES

__all__ = ["TENSORS", "tensor_dynamics_of"]

Outcome = tuple[World, Tensor, Tensor, Tensor]


def _cartpole(dynamics: CartPoleDynamics, device: torch.device) -> TensorDynamics:
    def step(state: World, actions: Tensor, streams: Tensor) -> Outcome:
        # Whole numbers times a float are float32 in torch.
        new, terminated = move(_as_state(state), actions.double(), dynamics.parameters, torch)
        fell = terminated.double()
        world: Any = new
        return world, -fell if dynamics.sutton_barto_reward else torch.ones_like(fell), terminated, streams

    def observe(state: World) -> Tensor:
        return torch.stack([part.float() for part in state], 1)

    return TensorDynamics(step, observe)


def _as_state(state: Any) -> CartPoleState:
    return CartPoleState(*state)


def _foraging(dynamics: ForagingDynamics, device: torch.device) -> TensorDynamics:
    d = dynamics
    moves = torch.tensor(LINE_MOVES, device=device)
    cells = torch.arange(d.size, device=device)
    once = increments(1, device)

    def step(state: World, actions: Tensor, streams: Tensor) -> Outcome:
        position, goal, trial, trial_step, _, late = state
        position = (position + moves[actions]).clamp(0, d.last)
        distance = (position - goal * d.last).abs()
        found = distance == 0
        reward = -distance.double() if d.dense_reward else found.double() * FOOD_REWARD
        arrived = (position == 0) | (position == d.last) if d.reward_only else found
        over = arrived | (trial_step + 1 >= d.trial_steps)
        if d.p_switch:
            # Drawn at every step, whether a trial is over or not.
            chance, streams = uniform(streams, once)
            goal = goal ^ (over & (chance < d.p_switch)).long()
        if d.reward_delay:
            reward, late = late[:, 0], torch.cat([late[:, 1:], reward[:, None]], 1)
        new = (
            torch.where(over, d.middle, position),
            goal,
            trial + over.long(),
            torch.where(over, 0, trial_step + 1),
            reward,
            late,
        )
        return new, reward, torch.zeros_like(over), streams

    def observe(state: World) -> Tensor:
        position = state[0][:, None]
        return (cells == position).float() if d.observation == "one-hot" else position.float()

    return TensorDynamics(step, observe)


TENSORS: dict[type, Callable[[Any, torch.device], TensorDynamics]] = {
    CartPoleDynamics: _cartpole,
    ForagingDynamics: _foraging,
}
"""Dynamics, and how their form on a device is made; subclasses, which may change the rules, have none."""


def tensor_dynamics_of(dynamics: Dynamics[Any], device: torch.device | str) -> TensorDynamics | None:
    """The form of these dynamics that lives on a device, or None if they have none."""
    make = TENSORS.get(type(dynamics))
    return make(dynamics, torch.device(device)) if make is not None else None
