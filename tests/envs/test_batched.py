"""The batched core: one lane equals the single environment, in every autoreset mode; bad input is named."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import ontogym  # noqa: F401
from ontogym.batched.environments import BatchedEnv, BatchedVectorEnv
from ontogym.batched.inputs import whole_option
from ontogym.envs import make_vector
from ontogym.envs.classic_control.cartpole import CartPoleDynamics, CartPoleEnv
from ontogym.envs.classic_control.pendulum import PendulumEnv
from ontogym.envs.foraging import ForagingDynamics, ForagingEnv
from ontogym.envs.registration import ENTRIES
from ontogym.errors import OntogymError, UnknownNameError

IDS = [entry.id for entry in ENTRIES.values() if entry.vector_entry_point]
MODES = list(AutoresetMode)
CARTPOLE, SWITCH = "ontogym/CartPole-v1", "ontogym/ForagingSwitch-v0"


def native(env_id: str, lanes: int, **kwargs) -> BatchedVectorEnv:
    return gym.make_vec(env_id, lanes, vectorization_mode="vector_entry_point", **kwargs)


def sync(env_id: str, lanes: int, mode: AutoresetMode, steps: int) -> SyncVectorEnv:
    kwargs = {"vector_kwargs": {"autoreset_mode": mode}, "max_episode_steps": steps}
    return gym.make_vec(env_id, lanes, vectorization_mode="sync", **kwargs)


def rounding(env_id: str) -> float:
    """How far numbers may be apart: products of single-precision matrices depend on how many rows they have."""
    return 2e-4 if "Retina" in env_id and "Waves" not in env_id else 0.0


def assert_same(ours, theirs, within: float = 0.0) -> None:
    """Equal (to the last bit, unless told otherwise) through nested dictionaries and arrays of observations."""
    if isinstance(theirs, dict):
        assert set(ours) == set(theirs)
        for key in theirs:
            assert_same(ours[key], theirs[key], within)
    elif isinstance(theirs, tuple):
        for a, b in zip(ours, theirs, strict=True):
            assert_same(a, b, within)
    elif isinstance(theirs, np.ndarray) and theirs.dtype == object:
        assert ours.dtype == object
        for a, b in zip(ours, theirs, strict=True):
            assert (a is None) == (b is None)
            if b is not None:
                assert_same(a, b, within)
    else:
        assert ours.dtype == theirs.dtype
        if within and theirs.dtype.kind == "f":
            np.testing.assert_allclose(ours, theirs, rtol=within, atol=within)
        else:
            np.testing.assert_array_equal(ours, theirs)


def lanes_of(batch, which):
    """Some lanes of a batch of observations, rewards or flags."""
    if isinstance(batch, dict):
        return {key: lanes_of(part, which) for key, part in batch.items()}
    return batch[which]


def flat(batch) -> np.ndarray:
    """All numbers of a batch."""
    return np.concatenate([flat(p) for p in batch.values()]) if isinstance(batch, dict) else batch.ravel()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("env_id", IDS)
def test_equals_gymnasiums_sync_vector_env_of_single_envs(env_id, mode):
    lanes, limit = 5, 23
    ours, theirs = (
        native(env_id, lanes, autoreset_mode=mode, max_episode_steps=limit),
        sync(env_id, lanes, mode, limit),
    )
    ours.action_space.seed(3)
    near = rounding(env_id)
    for a, b in zip(ours.reset(seed=11), theirs.reset(seed=11)):
        assert_same(a, b, near)
    done, ends = np.zeros(lanes, dtype=bool), 0
    for _ in range(120):
        if mode is AutoresetMode.DISABLED and done.any():
            # Gymnasium pops the mask from the dictionary that it is given.
            for a, b in zip(*(env.reset(options={"reset_mask": done.copy()}) for env in (ours, theirs))):
                if isinstance(b, dict):
                    assert_same(lanes_of(a, done), lanes_of(b, done), near)
                else:
                    assert_same(a, b, near)
        actions = ours.action_space.sample()
        results = ours.step(actions), theirs.step(actions)
        for a, b in zip(*results):
            assert_same(a, b, near)
        done = results[0][2] | results[0][3]
        ends += int(done.sum())
    assert ends >= 2 * lanes
    assert ours.metadata["autoreset_mode"] is mode


@pytest.mark.parametrize("env_id", IDS)
def test_a_lane_does_not_depend_on_its_neighbours(env_id):
    many, few = native(env_id, 6, max_episode_steps=20), native(env_id, 2, max_episode_steps=20)
    seeds = np.array([5, 9, 2, 7, 7, 1])
    pick = [1, 3]
    many.action_space.seed(0)
    seen, _ = many.reset(seed=seeds)
    lone, _ = few.reset(seed=seeds[pick])
    near = rounding(env_id)
    assert_same(lanes_of(seen, pick), lone, near)
    assert_same(lanes_of(seen, 3), lanes_of(seen, 4), near)  # equal seeds, equal lives
    for _ in range(70):
        actions = many.action_space.sample()
        for a, b in zip(many.step(actions)[:4], few.step(actions[pick])[:4]):
            assert_same(lanes_of(a, pick), b, near)


@pytest.mark.parametrize("env_id", IDS)
def test_seeds_repeat_and_differ(env_id):
    def rollout(seed):
        env = native(env_id, 8)
        env.action_space.seed(1)
        seen = [env.reset(seed=seed)[0]]
        for _ in range(40):
            seen.extend(env.step(env.action_space.sample())[:2])
        return np.concatenate([flat(part) for part in seen])

    np.testing.assert_array_equal(rollout(4), rollout(4))
    assert not np.array_equal(rollout(4), rollout(5))
    assert not np.array_equal(rollout(None), rollout(None))


def test_int_seed_gives_lane_k_seed_plus_k_and_none_goes_on():
    env = native(CARTPOLE, 3)
    by_int, _ = env.reset(seed=10)
    by_list, _ = env.reset(seed=[10, 11, 12])
    np.testing.assert_array_equal(by_int, by_list)
    onward, _ = env.reset()
    assert not np.array_equal(onward, by_int)
    env.reset(seed=10)
    mixed, _ = env.reset(seed=[None, 11, None])
    np.testing.assert_array_equal(mixed[1], by_int[1])
    np.testing.assert_array_equal(mixed[[0, 2]], onward[[0, 2]])


def test_disabled_mode_freezes_an_ended_lane_and_its_stream():
    env = native(SWITCH, 4, autoreset_mode="Disabled", max_episode_steps=30)
    twin = native(SWITCH, 4, autoreset_mode="Disabled", max_episode_steps=30)
    for each in (env, twin):
        each.reset(seed=0)
        for step in range(30):
            last = each.step(np.full(4, step % 2))
    assert last[3].all()
    for _ in range(50):
        seen, reward, terminated, truncated, info = env.step(np.ones(4, dtype=int))
        np.testing.assert_array_equal(seen, last[0])
        assert not reward.any()
        assert not terminated.any()
        assert truncated.all()
        np.testing.assert_array_equal(info["goal"], last[4]["goal"])
    mask = np.array([True, False, True, False])
    for a, b in zip(env.reset(options={"reset_mask": mask}), twin.reset(options={"reset_mask": mask})):
        assert_same(a, b)
    for step in range(30):
        after = env.step(np.full(4, step % 2))
        assert_same(after[1], twin.step(np.full(4, step % 2))[1])
        assert after[3].tolist() == [step == 29, True, step == 29, True]
    assert not after[1][~mask].any()


def test_stepping_a_fallen_cartpole_for_long_is_harmless():
    env = make_vector(CARTPOLE, 16)
    env.reset(seed=0)
    total = np.zeros(16)
    for _ in range(500):
        seen, reward, terminated, truncated, _ = env.step(np.ones(16, dtype=int))
        total += reward
    assert terminated.all()
    assert not truncated.any()
    assert np.isfinite(seen).all()
    assert (total < 15).all()
    assert (total > 5).all()


def test_a_terminated_single_env_stays_as_it_is():
    env = gym.make(CARTPOLE).unwrapped
    env.reset(seed=0)
    for _ in range(100):
        last = env.step(1)
        if last[2]:
            break
    after = env.step(1)
    np.testing.assert_array_equal(last[0], after[0])
    assert after[1:4] == (0.0, True, False)


def test_returned_arrays_are_never_written_again():
    for mode in MODES:
        env = native("ontogym/Foraging-v0", 3, autoreset_mode=mode, max_episode_steps=7)
        seen, info = env.reset(seed=0)
        kept = [(seen, seen.copy())] + [(v, v.copy()) for v in info.values()]
        for _ in range(40):
            seen, *flags, info = env.step(np.array([0, 1, 2]))
            for array in (seen, *flags, *(v for v in info.values() if isinstance(v, np.ndarray))):
                kept.append((array, array.copy()))
            if mode is AutoresetMode.DISABLED and flags[2].any():
                env.reset(options={"reset_mask": flags[2].copy(), "goal": 1})
        for array, copy in kept:
            assert all(a is b or np.array_equal(a, b) for a, b in zip(array.ravel(), copy.ravel()))


def test_options_per_lane_and_for_all():
    env = native(SWITCH, 4)
    assert env.reset(seed=0, options={"goal": np.array([0, 1, 1, 0])})[1]["goal"].tolist() == [0, 1, 1, 0]
    assert env.reset(seed=0, options={"goal": 1})[1]["goal"].tolist() == [1, 1, 1, 1]
    options = {"goal": np.array([0, 0, 1, 1]), "reset_mask": np.array([True, False, False, True])}
    _, info = env.reset(options=options)
    assert info["goal"].tolist() == [0, 1, 1, 1]
    assert info["_goal"].tolist() == [True, False, False, True]
    assert "reset_mask" in options  # the caller's dictionary is left alone


def test_bounds_options_move_the_starting_states():
    env = native(CARTPOLE, 200)
    seen, _ = env.reset(seed=0, options={"low": 0.2, "high": 0.3})
    assert (seen >= 0.2).all()
    assert (seen <= 0.3).all()
    seen, _ = env.reset(seed=0)
    assert np.abs(seen).max() <= 0.05
    assert np.abs(seen).max() > 0.045
    with pytest.raises(OntogymError, match="swap"):
        env.reset(options={"low": 1.0, "high": 0.0})


@pytest.mark.parametrize(
    ("env_id", "actions", "message"),
    [
        (CARTPOLE, [0, 1, 2], "lane 2 is outside"),
        (CARTPOLE, [0, -1, 1], "lane 1 is outside"),
        (CARTPOLE, [0, 1], "one action per lane"),
        (CARTPOLE, [0.0, 1.0, np.nan], "whole numbers"),
        ("ontogym/Pendulum-v1", [[0.0], [np.nan], [0.0]], "lane 1 is outside"),
        ("ontogym/Pendulum-v1", [[0.0], [0.0], [np.inf]], "lane 2 is outside"),
        ("ontogym/Pendulum-v1", [[2.1], [0.0], [0.0]], "lane 0 is outside"),
        ("ontogym/Pendulum-v1", [0.0, 0.0, 0.0], "one action per lane"),
        ("ontogym/Pendulum-v1", [["a"], ["b"], ["c"]], "not numbers"),
        ("ontogym/Pendulum-v1", [[0.0], [0.0, 1.0], [0.0]], "differ in length"),
    ],
)
def test_bad_actions_are_named(env_id, actions, message):
    env = native(env_id, 3)
    env.reset(seed=0)
    before = [part.copy() for part in env.state]
    with pytest.raises(OntogymError, match=message):
        env.step(actions)
    for kept, part in zip(before, env.state):
        np.testing.assert_array_equal(kept, part)


@pytest.mark.parametrize(
    ("env_id", "action"),
    [
        (CARTPOLE, 2),
        (CARTPOLE, 0.5),
        (CARTPOLE, [0]),
        ("ontogym/Pendulum-v1", [np.nan]),
        ("ontogym/Pendulum-v1", 0.0),
        ("ontogym/Pendulum-v1", [[0.0], [0.0, 1.0]]),
    ],
)
def test_bad_actions_of_the_single_env(env_id, action):
    env = gym.make(env_id).unwrapped
    env.reset(seed=0)
    with pytest.raises(OntogymError):
        env.step(action)


def test_other_integer_and_float_types_are_taken():
    env = native(CARTPOLE, 2)
    for dtype in (np.int32, np.uint8, np.int64, bool):
        env.reset(seed=0)
        seen = env.step(np.array([0, 1], dtype=dtype))[0]
        env.reset(seed=0)
        np.testing.assert_array_equal(seen, env.step([0, 1])[0])
    env = native("ontogym/Pendulum-v1", 1)
    env.reset(seed=0)
    assert env.step(np.array([[0.5]], dtype=np.float64))[0].dtype == np.float32


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: native(CARTPOLE, 0), "num_envs"),
        (lambda: native(CARTPOLE, 2, max_episode_steps=0), "max_episode_steps"),
        (lambda: native(CARTPOLE, 2, autoreset_mode="NextSteps"), "did you mean 'NextStep'"),
        (lambda: native(CARTPOLE, 2, render_mode="human"), "rgb_array"),
        (lambda: native(CARTPOLE, 2).step(np.array([0, 0])), "reset"),
        (lambda: native(CARTPOLE, 2).reset(seed=-1), "seed"),
        (lambda: native(CARTPOLE, 2).reset(seed=[1]), "one seed per lane"),
        (lambda: native(CARTPOLE, 2).reset(seed=[1, -1]), "seeds"),
        (lambda: native(CARTPOLE, 2).reset(seed=[1, 0.5]), "seeds"),
        (
            lambda: native(CARTPOLE, 2).reset(options={"reset_mask": np.array([True, False])}),
            "Reset all lanes",
        ),
        (lambda: native(CARTPOLE, 2).reset(options={"reset_mask": [True, True]}), "bool array"),
        (lambda: native(CARTPOLE, 2).reset(options={"reset_mask": np.zeros(2, bool)}), "no lane"),
        (lambda: native(CARTPOLE, 2).reset(options={"low": np.nan}), "finite"),
        (lambda: native(SWITCH, 2).reset(options={"goal": [0, 1, 0]}), "each of"),
        (lambda: native(SWITCH, 2).reset(options={"goal": 2}), "'goal' must be 0"),
        (lambda: gym.make(CARTPOLE).unwrapped.reset(seed=-3), "seed"),
        (lambda: gym.make(CARTPOLE).unwrapped.step(0), "reset"),
    ],
)
def test_bad_input_is_one_sentence(call, message):
    with pytest.raises(OntogymError, match=message):
        call()


def test_unknown_reset_option_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'goal'"):
        native(SWITCH, 2).reset(options={"goals": 1})


def test_no_time_limit_on_request():
    env = native("ontogym/Foraging-v0", 1, max_episode_steps=-1)
    env.reset(seed=0)
    assert not any(env.step(np.array([2]))[3].any() for _ in range(150))


def test_a_single_env_takes_the_arguments_of_its_rules():
    env = ForagingEnv(7, 3, render_mode="rgb_array")
    assert (env.dynamics.size, env.dynamics.trial_steps, env.render_mode) == (7, 3, "rgb_array")
    assert PendulumEnv(9.0, "rgb_array").render_mode == "rgb_array"
    rules = ForagingDynamics(size=9)
    assert ForagingEnv(rules).dynamics is ForagingEnv(dynamics=rules).dynamics is rules
    with pytest.raises(OntogymError, match="size: these are arguments of a task, whose dynamics are given"):
        ForagingEnv(rules, size=9)
    with pytest.raises(
        TypeError, match=r"ForagingEnv.__init__\(\) got an unexpected keyword argument 'sise'"
    ):
        ForagingEnv(sise=9)


def test_a_constructor_of_ones_own_is_not_jumped_over():
    class Marked(BatchedEnv):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            self.mark = "own"

    class Mine(Marked):
        dynamics_type = CartPoleDynamics

    class Other(CartPoleEnv):
        dynamics_type = CartPoleDynamics

    assert Mine().mark == "own"
    assert Other(sutton_barto_reward=True).dynamics.sutton_barto_reward


@pytest.mark.parametrize(
    "value", [np.array([1e30]), np.array([2**63], np.uint64), np.array([0.5]), np.array([-1])]
)
def test_whole_options_are_whole_numbers_that_fit(value):
    assert whole_option({"age": np.array([2**63 - 1])}, "age", 1)[0] == 2**63 - 1
    with pytest.raises(OntogymError, match="must be a whole number from 0"):
        whole_option({"age": value}, "age", 1)
