"""Any Gymnasium id in a population: native ones, others through SyncVectorEnv, clear errors."""

from __future__ import annotations

import importlib.util

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import ontogym  # noqa: F401
from ontogym.batched.environments import BatchedVectorEnv
from ontogym.envs import make_vector
from ontogym.errors import OntogymError, UnknownNameError


def first_lives(env, act, max_steps: int) -> np.ndarray:
    """Returns ``(P,)`` by the protocol of the evaluator: step all until each lane has ended once."""
    total, done = np.zeros(env.num_envs), np.zeros(env.num_envs, dtype=bool)
    for _ in range(max_steps):
        _, reward, terminated, truncated, _ = env.step(act(env.num_envs))
        total += np.where(done, 0.0, reward)
        done |= terminated | truncated
        if done.all():
            return total
    raise AssertionError("some lanes never ended")


def test_own_ids_are_native_and_keep_ended_lanes():
    env = make_vector("ontogym/Foraging-v0", 3, p_switch=0.5, max_episode_steps=20)
    assert isinstance(env.unwrapped, BatchedVectorEnv)
    assert env.metadata["autoreset_mode"] is AutoresetMode.DISABLED
    assert env.dynamics.p_switch == 0.5
    assert env.max_episode_steps == 20
    assert make_vector("ontogym:ontogym/Foraging-v0", 2).num_envs == 2


def test_gymnasiums_own_vector_entry_points_are_not_taken():
    # CartPoleVectorEnv has one stream for all lanes, so a lane would depend on its neighbours.
    assert isinstance(make_vector("CartPole-v1", 2), SyncVectorEnv)


def test_sync_vector_env_refuses_to_step_ended_lanes_when_disabled():
    """Why others run in NEXT_STEP; should Gymnasium change this, DISABLED would be the better choice."""
    env = gym.make_vec(
        "MountainCar-v0",
        2,
        vectorization_mode="sync",
        vector_kwargs={"autoreset_mode": AutoresetMode.DISABLED},
        max_episode_steps=1,
    )
    env.reset(seed=0)
    env.step(np.zeros(2, dtype=int))
    with pytest.raises(AssertionError):
        env.step(np.zeros(2, dtype=int))


def test_mountain_car_lives():
    env = make_vector("MountainCar-v0", 3)
    assert env.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    seen, _ = env.reset(seed=[4, 5, 6])
    np.testing.assert_array_equal(seen[1], gym.make("MountainCar-v0").reset(seed=5)[0])
    assert first_lives(env, lambda n: np.ones(n, dtype=int), 300).tolist() == [-200.0] * 3
    env.close()


def test_lanes_that_end_at_different_steps_count_their_first_life_only():
    def push_right(n):
        return np.ones(n, dtype=int)

    sync, native = make_vector("CartPole-v1", 6), make_vector("ontogym/CartPole-v1", 6)
    for env in (sync, native):
        env.reset(seed=[1, 2, 3, 4, 5, 6])
    for lane, env in enumerate(sync.envs):  # the same starts on both sides
        env.unwrapped.state = np.array([part[lane] for part in native.state])
    expected = first_lives(native, push_right, 500)
    assert len(set(expected)) > 1
    np.testing.assert_array_equal(first_lives(sync, push_right, 500), expected)


@pytest.mark.skipif(importlib.util.find_spec("mujoco") is None, reason="needs the mujoco extra")
def test_mujoco_lives():
    env = make_vector("InvertedPendulum-v5", 2)
    env.reset(seed=[0, 1])
    total = first_lives(env, lambda n: np.zeros((n, 1), dtype=np.float32), 1001)
    assert (total >= 1).all()
    assert np.isfinite(total).all()
    env.close()


@pytest.mark.skipif(importlib.util.find_spec("mujoco") is not None, reason="mujoco is installed")
def test_missing_mujoco_names_the_extra():
    with pytest.raises(OntogymError, match=r"pip install 'ontogym\[mujoco\]'"):
        make_vector("InvertedPendulum-v5", 1)


@pytest.mark.parametrize(
    ("env_id", "hint"),
    [
        ("ontogym/Foragin-v0", "did you mean 'ontogym/Foraging-v0'"),
        ("MountainCar-v1", "did you mean 'MountainCar-v0'"),
        ("CartPole", "did you mean 'CartPole-v"),
    ],
)
def test_unknown_id_suggests_the_nearest(env_id, hint):
    with pytest.raises(UnknownNameError, match=hint):
        make_vector(env_id, 1)


def test_unknown_argument_and_module():
    with pytest.raises(UnknownNameError, match="did you mean 'p_switch'"):
        make_vector("ontogym/Foraging-v0", 1, p_swich=0.5)
    with pytest.raises(OntogymError, match="Cannot import 'no_such_module'"):
        make_vector("no_such_module:Thing-v0", 1)
