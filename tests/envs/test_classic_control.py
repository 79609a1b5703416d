"""CartPole, Acrobot and Pendulum against Gymnasium's own, step for step on random states and actions.

Tolerance: the equations are the same, but constants are multiplied out beforehand, cos(x - pi/2) is written sin(x)
and turns are subtracted at once, so results differ by a few roundings (2e-16 each, relative to the largest
term). Within a step accelerations multiply these by up to about 1e3 (Acrobot at its speed limits); 1e-11
covers that with room and is still a million times finer than single precision. Pendulum's reward holds 0.001 times
the square of a single-precision torque, which for scalars NumPy computes with pow: one single-precision rounding
of at most 4 times 0.001 is 5e-10.
"""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

import ontogym  # noqa: F401
from ontogym.envs.classic_control import AcrobotState, CartPoleState, PendulumState

N = 4000
TOLERANCE, REWARD_TOLERANCE = 1e-11, 5e-10
STATES = {"CartPole-v1": CartPoleState, "Acrobot-v1": AcrobotState, "Pendulum-v1": PendulumState}


def random_states(name: str, rng: np.random.Generator) -> np.ndarray:
    """(N, dims), well beyond what a life visits where the task allows it."""
    if name == "CartPole-v1":
        return rng.uniform(-1, 1, (N, 4)) * [2.6, 4.0, 0.25, 4.0]
    if name == "Acrobot-v1":
        return rng.uniform(-1, 1, (N, 4)) * [np.pi, np.pi, 4 * np.pi, 9 * np.pi]
    return rng.uniform(-1, 1, (N, 2)) * [20.0, 8.0]


def ours_from(name: str, states: np.ndarray, **kwargs):
    env = gym.make_vec(f"ontogym/{name}", N, vectorization_mode="vector_entry_point", **kwargs)
    env.reset(seed=0)
    columns = [states[:, k].copy() for k in range(states.shape[1])]
    if name == "Pendulum-v1":
        columns.append(np.zeros(N, dtype=np.float32))
    env.state = STATES[name](*columns)
    return env


@pytest.mark.parametrize(
    ("name", "kwargs"),
    [
        ("CartPole-v1", {}),
        ("CartPole-v1", {"sutton_barto_reward": True}),
        ("Acrobot-v1", {}),
        ("Pendulum-v1", {}),
        ("Pendulum-v1", {"g": 3.7}),
    ],
)
def test_one_step_from_random_states(name, kwargs):
    rng = np.random.default_rng(0)
    states = random_states(name, rng)
    original = gym.make(name, **kwargs).unwrapped
    ours = ours_from(name, states, **kwargs)
    ours.action_space.seed(1)
    actions = ours.action_space.sample()
    seen, reward, terminated, truncated, _ = ours.step(actions)
    after = np.stack(ours.state[: states.shape[1]], 1)
    original.reset(seed=0)
    # NumPy 1 multiplies a torque in float32 as float64, NumPy 2 in float32, as we do.
    doubled = name == "Pendulum-v1" and np.lib.NumpyVersion(np.__version__) < "2.0.0"
    tolerance = 1.5e-8 if doubled else TOLERANCE  # half a last place of the largest change, 0.3, in float32
    for k in range(N):
        original.state = states[k]
        if name == "CartPole-v1":
            original.steps_beyond_terminated = None
        expected = original.step(actions[k] if name == "Pendulum-v1" else int(actions[k]))
        np.testing.assert_allclose(after[k], original.state, rtol=0, atol=tolerance)
        np.testing.assert_allclose(seen[k], expected[0], rtol=2e-7, atol=1e-7)  # one rounding to float32
        np.testing.assert_allclose(reward[k], expected[1], rtol=0, atol=REWARD_TOLERANCE)
        assert terminated[k] == expected[2]
    assert not truncated.any()
    if name != "Pendulum-v1":
        assert 0.02 < terminated.mean() < 0.98  # both outcomes were tested


@pytest.mark.parametrize(("name", "limit"), [("CartPole-v1", 500), ("Acrobot-v1", 500), ("Pendulum-v1", 200)])
def test_whole_lives_with_time_limits(name, limit):
    """Lives that reach the limit, through gym.make: observations, rewards, ends and their steps agree.

    Gymnasium's state is set to ours before every step: the tasks are unstable, so that two open-loop runs
    multiply one rounding by e^40 over ten seconds of CartPole, whoever computes them.
    """
    ours, theirs = gym.make(f"ontogym/{name}"), gym.make(name)
    assert ours.spec.max_episode_steps == theirs.spec.max_episode_steps == limit
    dims = 2 if name == "Pendulum-v1" else 4
    for life in range(3):
        seen, _ = ours.reset(seed=life)
        theirs.reset(seed=life)
        for step in range(1, limit + 1):
            if name == "CartPole-v1":  # a linear controller that balances
                action = int(seen @ [0.1, 0.5, 10.0, 2.0] > 0)
            elif name == "Acrobot-v1":  # swings without ever reaching the height
                action = int(step % 2) * 2
            else:
                action = np.array([1.5 * np.sin(0.3 * step)], dtype=np.float32)
            theirs.unwrapped.state = np.array([part[0] for part in ours.unwrapped.state[:dims]])
            seen, reward, *ends, _ = ours.step(action)
            expected, expected_reward, *expected_ends, _ = theirs.step(action)
            np.testing.assert_allclose(seen, expected, rtol=2e-7, atol=1e-7)
            np.testing.assert_allclose(reward, expected_reward, rtol=0, atol=REWARD_TOLERANCE)
            assert ends == expected_ends == [False, step == limit]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("CartPole-v1", None),
        ("Acrobot-v1", None),
        ("Pendulum-v1", None),
        ("Pendulum-v1", {"x_init": 0.5, "y_init": 2.0}),
    ],
)
def test_starting_states_have_the_same_distribution(name, options):
    """Kolmogorov-Smirnov on 4000 against 1500 starts; a false alarm has probability 1e-4 per number."""
    from scipy.stats import ks_2samp

    ours = gym.make_vec(f"ontogym/{name}", N, vectorization_mode="vector_entry_point")
    ours.reset(seed=0, options=options)
    theirs = gym.make(name).unwrapped
    theirs.reset(seed=1)
    starts = []
    for _ in range(1500):
        theirs.reset(options=options)
        starts.append(theirs.state)
    for column, mine in zip(np.array(starts).T, ours.state):
        assert ks_2samp(column, mine).pvalue > 1e-4
        assert np.abs(mine).max() <= np.abs(column).max() * 1.05
    correlation = np.corrcoef(np.stack(ours.state[: np.array(starts).shape[1]]))
    assert np.abs(correlation - np.eye(len(correlation))).max() < 0.08  # drawn independently


@pytest.mark.parametrize("name", STATES)
def test_pictures_are_gymnasiums(name):
    ours = gym.make(f"ontogym/{name}", render_mode="rgb_array").unwrapped
    theirs = gym.make(name, render_mode="rgb_array").unwrapped
    ours.reset(seed=0)
    theirs.reset(seed=0)
    action = np.array([1.3], dtype=np.float32) if name == "Pendulum-v1" else 1
    ours.step(action)
    theirs.step(action)
    first = ours.render()
    theirs.state = np.array([part[0] for part in ours.state][: 2 if name == "Pendulum-v1" else 4])
    np.testing.assert_array_equal(first, theirs.render())
    for _ in range(10):
        ours.step(action)
    assert not np.array_equal(first, ours.render())


def test_height_cost_is_what_the_tip_is_below_the_line():
    env = gym.make("ontogym/Acrobot-v1", height_cost=True)
    env.reset(seed=0)
    for step in range(40):
        seen, reward, terminated, _, _ = env.step(2 * (step % 2))
        height = -seen[0] - (seen[0] * seen[2] - seen[1] * seen[3])  # cos(a + b) by the addition theorem
        assert not terminated
        assert reward == pytest.approx((height - 1) / 3, abs=1e-5)
    hanging = gym.make("ontogym/Acrobot-v1", height_cost=True)
    hanging.reset(seed=0, options={"low": 0.0, "high": 1e-9})
    assert hanging.step(1)[1] == pytest.approx(-1.0)
