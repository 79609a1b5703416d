"""The compiled scalar form of tasks against their batched form, the oracle.

Both do the same operations in the same order, so they agree to the bit where NumPy's sine and cosine are the C library's.
Where they are its own, one step differs by a few roundings: hence the tolerance of one step, relative to speeds of up to 30.
"""

from __future__ import annotations

import pickle

import gymnasium as gym
import numpy as np
import pytest
from numba import njit

from ontogym.batched.environments import BatchedEnv
from ontogym.batched.native import pack, unpack
from ontogym.batched.native_streams import next_uniform
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
    native, streams = dynamics.native(), LaneStreams(np.arange(LANES))
    state, rng = dynamics.reset(streams, np.arange(LANES), {}), np.random.default_rng(0)
    seen = np.empty(native.observation_size, dtype=np.float32)
    for _ in range(STEPS):
        drawn = streams.copy().uniform((native.step_uniforms,))
        actions = actions_of(dynamics, rng)
        new, reward, terminated = dynamics.step(state, actions, streams)
        view, facts = dynamics.observe(new), dynamics.info(new)
        for lane in range(LANES):
            row = pack(tuple(field[lane : lane + 1] for field in state))
            assert row.shape == (native.state_size,)
            earned, over = native.advance(row, float(actions[lane].item()), native.params, drawn[lane], seen)
            expected = pack(tuple(field[lane : lane + 1] for field in new))
            np.testing.assert_allclose(row, expected, rtol=0, atol=TOLERANCE)
            np.testing.assert_allclose(earned, reward[lane], rtol=0, atol=TOLERANCE)
            np.testing.assert_allclose(seen, view[lane], rtol=2e-7, atol=1e-12)
            assert over == terminated[lane]
            assert {name: row[place] for name, place in native.facts} == {
                k: v[lane] for k, v in facts.items()
            }
        state = new


@pytest.mark.parametrize("dynamics", KINDS)
@pytest.mark.parametrize("given", [False, True])
def test_first_states_are_those_of_the_batched_form(dynamics, given):
    native, streams = dynamics.native(), LaneStreams(np.arange(LANES))
    drawn = streams.copy().uniform((native.reset_uniforms,))
    options = np.full(len(dynamics.reset_options), np.nan)
    if given:
        options[:] = np.linspace(0.0, 1.0, len(options)) if len(options) > 1 else 1.0
    named = {name: np.full(LANES, v) for name, v in zip(dynamics.reset_options, options)} if given else {}
    state = dynamics.reset(streams, np.arange(LANES), named)
    for lane in range(LANES):
        row = np.full(native.state_size, 7.0)
        native.reset(row, drawn[lane], options, native.params)
        np.testing.assert_array_equal(row, pack(tuple(field[lane : lane + 1] for field in state)))


def test_compiled_streams_draw_the_same_numbers():
    streams = LaneStreams(np.arange(5))
    states = streams.state.copy()
    expected = streams.uniform((20,))
    drawn = [[next_uniform(states, lane) for _ in range(20)] for lane in range(5)]
    np.testing.assert_array_equal(drawn, expected)
    np.testing.assert_array_equal(states, streams.state)


def test_a_whole_life_in_one_compiled_call():
    native = CartPoleDynamics().native()
    reset, step, observe = native.reset, native.step, native.observe

    @njit
    def life(states, params, row, seen, options):
        drawn, none = np.empty(4), np.empty(0)
        for k in range(4):
            drawn[k] = next_uniform(states, 0)
        reset(row, drawn, options, params)
        total, over = 0.0, False
        while not over and total < 500:
            observe(row, params, seen)
            reward, over = step(row, 1.0 if seen[2] + 0.25 * seen[3] > 0 else 0.0, params, none)
            total += reward
        return total

    env = gym.make("ontogym/CartPole-v1")
    view, _ = env.reset(seed=3)
    total, over = 0.0, False
    while not over:
        view, reward, terminated, truncated, _ = env.step(int(view[2] + 0.25 * view[3] > 0))
        total, over = total + reward, terminated or truncated
    states = LaneStreams(np.array([3])).state
    row, seen = np.empty(4), np.empty(4, dtype=np.float32)
    assert life(states, native.params, row, seen, np.full(2, np.nan)) == total


def test_states_survive_the_row():
    dynamics = ForagingDynamics(reward_delay=2)
    state = dynamics.reset(LaneStreams(np.arange(1)), np.arange(1), {})
    again = unpack(pack(state), state)
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
    assert twin._lane.native.advance is env._lane.native.advance
    for _ in range(30):
        assert env.step(1)[1:] == twin.step(1)[1:]
