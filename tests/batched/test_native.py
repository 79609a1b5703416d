"""The compiled scalar form of tasks against their batched form, the oracle.

Both do the same operations in the same order, so they agree to the bit where NumPy's sine and cosine are the C library's.
Where they are its own, one step differs by a few roundings: hence the tolerance of one step, relative to speeds of up to 30.
"""

from __future__ import annotations

import pickle

import gymnasium as gym
import numpy as np
import pytest

from ontogym.batched.compiled_lane import unpack
from ontogym.batched.environments import BatchedEnv
from ontogym.batched.native import native_of
from ontogym.envs.classic_control import AcrobotDynamics, CartPoleDynamics, PendulumDynamics
from ontogym.envs.classic_control.cartpole import CartPoleParameters
from ontogym.envs.foraging import ForagingDynamics
from ontogym.seeding import LaneStreams

LANES, STEPS = 40, 60
TOLERANCE = 1e-11
KINDS = [
    CartPoleDynamics(),
    CartPoleDynamics(sutton_barto_reward=True),
    AcrobotDynamics(),
    AcrobotDynamics(height_cost=True),
    PendulumDynamics(),
    PendulumDynamics(g=3.7),
    ForagingDynamics(),
    ForagingDynamics(p_switch=0.4, reward_only=True, observation="one-hot", reward_delay=3),
    ForagingDynamics(size=7, trial_steps=5, dense_reward=True, reward_delay=1),
]


def actions_of(dynamics, rng) -> np.ndarray:
    space = dynamics.action_space
    if hasattr(space, "n"):
        return rng.integers(space.n, size=LANES)
    return rng.uniform(-2, 2, (LANES, 1)).astype(np.float32)


@pytest.mark.parametrize("dynamics", KINDS)
def test_steps_are_those_of_the_batched_form(dynamics):
    native, streams = native_of(dynamics), LaneStreams(np.arange(LANES))
    state, rng = dynamics.reset(streams, np.arange(LANES), {}), np.random.default_rng(0)
    seen, outcome = np.empty(dynamics.observation_space.shape, dtype=np.float32), np.empty(2)
    for _ in range(STEPS):
        words, rows = streams.state.copy(), native.pack(state)
        actions = actions_of(dynamics, rng)
        new, reward, terminated = dynamics.step(state, actions, streams)
        view, facts, expected = dynamics.observe(new), dynamics.info(new), native.pack(new)
        for lane in range(LANES):
            row, stream = rows[lane], words[lane : lane + 1]
            action = np.atleast_1d(actions[lane]).astype(np.float64)
            native.step(row, action, native.parameters, stream, outcome)
            native.observe(row, native.parameters, seen)
            np.testing.assert_allclose(row, expected[lane], rtol=0, atol=TOLERANCE)
            np.testing.assert_allclose(outcome[0], reward[lane], rtol=0, atol=TOLERANCE)
            np.testing.assert_allclose(seen, view[lane], rtol=2e-7, atol=1e-12)
            assert bool(outcome[1]) == terminated[lane]
            assert stream[0] == streams.state[lane]
            assert {name: row[place] for name, place in native.facts} == {
                k: v[lane] for k, v in facts.items()
            }
        state = new


def test_states_survive_the_row():
    dynamics = ForagingDynamics(reward_delay=2)
    state = dynamics.reset(LaneStreams(np.arange(1)), np.arange(1), {})
    again = unpack(native_of(dynamics).pack(state)[0], state)
    for field, same in zip(state, again):
        np.testing.assert_array_equal(field, same)
        assert field.dtype == same.dtype
        assert field.shape == same.shape


def test_a_subclass_that_changes_the_rules_is_not_stepped_by_the_compiled_ones():
    class Still(CartPoleDynamics):
        def step(self, state, actions, streams, parameters=None):
            return state, np.full(len(actions), 5.0), np.zeros(len(actions), dtype=bool)

    env = BatchedEnv(Still())
    env.reset(seed=0)
    assert env.step(0)[1] == 5.0


def test_parameters_changed_between_episodes_count():
    env = gym.make("ontogym/CartPole-v1").unwrapped
    env.dynamics.parameters = CartPoleParameters(force=0.0)
    env.reset(seed=0)
    before = env.state
    moved, *_ = env.dynamics.step(before, np.array([1]), LaneStreams(np.zeros(1)))
    env.step(1)
    np.testing.assert_allclose(env.state.x_dot, moved.x_dot, rtol=0, atol=TOLERANCE)


def test_a_pickled_env_goes_on_compiled():
    env = gym.make("ontogym/ForagingSwitch-v0").unwrapped
    env.reset(seed=0)
    env.step(0)
    twin = pickle.loads(pickle.dumps(env))
    assert twin._lane is not env._lane
    for _ in range(30):
        assert env.step(1)[1:] == twin.step(1)[1:]
