"""Worlds as tensors: step by step the same numbers as their batched NumPy form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from ontogym.batched.dynamics import Dynamics
from ontogym.batched.tensors import state_tensors, stream_tensor
from ontogym.envs.classic_control.cartpole import CartPoleDynamics
from ontogym.envs.foraging import ForagingDynamics
from ontogym.envs.tensors import TENSORS, tensor_dynamics_of
from ontogym.seeding import LaneStreams, lane_seeds

WORLDS: list[Dynamics[Any]] = [
    CartPoleDynamics(),
    CartPoleDynamics(sutton_barto_reward=True),
    ForagingDynamics(),
    ForagingDynamics(dense_reward=True, observation="one-hot", size=7, trial_steps=4),
    ForagingDynamics(p_switch=0.3, reward_only=True, reward_delay=3),
]


def test_every_world_with_a_tensor_form_is_compared_here() -> None:
    assert {type(world) for world in WORLDS} == set(TENSORS)


@pytest.mark.parametrize("dynamics", WORLDS, ids=lambda world: type(world).__name__)
def test_tensors_step_as_arrays_do(dynamics: Dynamics[Any]) -> None:
    """Foraging bit for bit; CartPole to the last digits, as sine and cosine of two libraries differ in them."""
    lanes = 50
    streams = LaneStreams(lane_seeds(0, lanes, "worlds"))
    state = dynamics.reset(streams, np.arange(lanes), {})
    rules = tensor_dynamics_of(dynamics, "cpu")
    assert rules is not None
    world, words = state_tensors(state, "cpu"), stream_tensor(streams.state, "cpu")
    rng = np.random.default_rng(0)
    tolerance = 1e-13 if isinstance(dynamics, CartPoleDynamics) else 0.0
    for _ in range(40):
        actions = rng.integers(dynamics.action_space.n, size=lanes)
        state, reward, terminated = dynamics.step(state, actions, streams)
        world, earned, over, words = rules.step(world, torch.tensor(actions), words)
        np.testing.assert_array_equal(earned.numpy(), reward)
        np.testing.assert_array_equal(over.numpy(), terminated)
        np.testing.assert_array_equal(words.numpy().view(np.uint64), streams.state)
        for name, part, field in zip(state._fields, world, state):
            np.testing.assert_allclose(part.numpy(), field, rtol=tolerance, atol=tolerance, err_msg=name)
            assert part.numpy().dtype == field.dtype, name
        seen = rules.observe(world).numpy()
        assert seen.dtype == np.float32
        np.testing.assert_allclose(seen, dynamics.observe(state), rtol=1e-6 * (tolerance > 0))


def test_subclasses_have_no_tensor_form() -> None:
    class Other(CartPoleDynamics):
        pass

    assert tensor_dynamics_of(Other(), "cpu") is None
