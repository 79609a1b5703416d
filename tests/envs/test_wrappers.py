"""Changes of any environment: foreign ones meet them as this suite's tasks do, alone and in batches."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

import ontogym  # noqa: F401
from ontogym.baselines.lives.lanes import Lanes
from ontogym.baselines.lives.life import LifeSpec, life_seeds, live, make_agent
from ontogym.envs.nonstationary import NonstationaryEnv
from ontogym.envs.wrappers import NonstationaryVectorWrapper, NonstationaryWrapper
from ontogym.errors import OntogymError

CAR = "MountainCar-v0"


@pytest.mark.parametrize(
    ("env", "options"),
    [
        (CAR, {"change": "sensor-flip", "clock": "step", "switches": (3,)}),
        (CAR, {"change": "sensor-permute", "switches": (0,)}),
        (CAR, {"change": "action-permute", "clock": "step", "switches": (2, 5), "jitter": 1}),
        (CAR, {"change": "drift", "drift": {"gravity": 2.0}, "clock": "step", "switches": (1,), "ramp": 5}),
        ("MountainCarContinuous-v0", {"change": "action-flip", "clock": "step", "switches": (3,)}),
    ],
)
def test_gymnasiums_checker_finds_nothing(env, options):
    check_env(NonstationaryWrapper(gym.make(env), **options), skip_render_check=True)


@pytest.mark.parametrize("change", ["sensor-flip", "sensor-permute", "action-flip"])
@pytest.mark.parametrize("clock", ["step", "episode"])
def test_a_wrapped_task_is_this_suites_own(change, clock):
    """From one seed of a life, both see and earn the same through episodes on either side of the switch."""
    switches, kwargs = ((20,) if clock == "step" else (1,)), {"change": change, "clock": clock}
    ours = NonstationaryEnv("CartPole-v1", switches=switches, **kwargs)
    wrapped = NonstationaryWrapper(gym.make("ontogym/CartPole-v1"), switches=switches, **kwargs)
    age, place = 0, {"life": 1234}
    rng = np.random.default_rng(0)
    for episode in range(3):
        place |= {"episode": episode, "age": age}
        one, _ = ours.reset(seed=episode, options=place)
        two, _ = wrapped.reset(seed=episode, options=place)
        over = False
        while not over:
            np.testing.assert_array_equal(one, two)
            action = rng.integers(2)
            one, reward, over, _, info = ours.step(action)
            two, same, terminated, _, its = wrapped.step(action)
            assert (reward, over, info["phase"], info["age"]) == (same, terminated, its["phase"], its["age"])
            age += 1
    assert its["phase"] == 1


def test_lives_go_on_without_a_seed_and_start_over_after_their_last_episode():
    env = NonstationaryWrapper(
        gym.make(CAR, max_episode_steps=4), "sensor-permute", switches=(1,), episodes=3, jitter=0
    )
    seen = [env.reset(seed=5)[1]]
    for _ in range(6):
        for _ in range(4):
            *_, info = env.step(1)
        assert info["age"] == seen[-1]["age"] + 4
        seen.append(env.reset()[1])
    assert [info["episode_index"] for info in seen] == [0, 1, 2, 0, 1, 2, 0]
    assert [info["phase"] for info in seen] == [0, 1, 1, 0, 1, 1, 0]
    assert [info["age"] for info in seen] == [0, 4, 8, 0, 4, 8, 0]


def test_actions_drift_and_goals_reach_the_task():
    plain, flipped = gym.make(CAR), NonstationaryWrapper(gym.make(CAR), "action-flip", switches=(0,))
    plain.reset(seed=1)
    flipped.reset(seed=1)
    np.testing.assert_array_equal(plain.step(0)[0], flipped.step(2)[0])
    env = NonstationaryWrapper(gym.make(CAR), "drift", "step", (2,), drift={"gravity": 3.0}, ramp=2)
    env.reset(seed=0)
    usual, found = gym.make(CAR).unwrapped.gravity, []
    for _ in range(4):
        found.append(env.unwrapped.gravity / usual)
        env.step(1)
    np.testing.assert_allclose(found, [1, 1, 2, 3])
    env.reset(seed=1)
    assert env.unwrapped.gravity == usual
    calls = []

    def swap(task, phase):
        task.goal_position, task.goal_velocity = ((0.5, 0.0), (-1.1, -1.0))[phase % 2]
        calls.append(phase)

    env = NonstationaryWrapper(gym.make(CAR), "goal-swap", "step", (3,), swap=swap)
    env.reset(seed=0)
    for _ in range(5):
        *_, terminated, _, _ = env.step(1)
    assert calls == [0, 1]
    assert env.unwrapped.goal_position == -1.1
    assert terminated  # the car stands beyond a goal that lies on the left


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
@pytest.mark.parametrize("change", ["sensor-permute", "sensor-flip", "action-permute"])
def test_lanes_are_wrapped_environments(mode, change):
    """Each lane of the vector form sees what the single form sees, through autoresets and switches."""
    options = {"change": change, "switches": (1, 3), "episodes": 5}
    envs = NonstationaryVectorWrapper(
        gym.make_vec(
            CAR,
            3,
            vectorization_mode="sync",
            max_episode_steps=5,
            vector_kwargs={"autoreset_mode": AutoresetMode(mode)},
        ),
        **options,
    )
    singles = [NonstationaryWrapper(gym.make(CAR, max_episode_steps=5), **options) for _ in range(3)]
    seen, _ = envs.reset(seed=7)
    for lane, env in enumerate(singles):
        np.testing.assert_array_equal(seen[lane], env.reset(seed=7 + lane)[0])
    rng, over, phases = np.random.default_rng(0), False, set()
    for _ in range(33):
        actions = rng.integers(0, 3, 3)
        seen, rewards, _, truncated, info = envs.step(actions)
        assert envs.observation_space.contains(seen)
        for lane, env in enumerate(singles):
            if over and mode == "NextStep":
                one, its = env.reset()
                reward = 0.0
            else:
                one, reward, _, cut, its = env.step(actions[lane])
                assert cut == truncated[lane]
                if cut and mode == "SameStep":
                    np.testing.assert_array_equal(info["final_obs"][lane], one)
                    one, its = env.reset()
            np.testing.assert_array_equal(seen[lane], one)
            assert (rewards[lane], info["phase"][lane], info["age"][lane]) == (
                reward,
                its["phase"],
                its["age"],
            )
            phases.add(int(info["phase"][lane]))
        over = bool(truncated[0])
    assert phases == {0, 1, 2}


def test_lanes_that_are_reset_by_hand_keep_their_lives():
    envs = gym.make_vec(
        CAR, 2, vectorization_mode="sync", vector_kwargs={"autoreset_mode": AutoresetMode.DISABLED}
    )
    envs = NonstationaryVectorWrapper(envs, "sensor-flip", switches=(1,))
    first, _ = envs.reset(seed=0, options={"age": [0, 9]})
    seen, info = envs.reset(options={"reset_mask": np.array([False, True])})
    assert info["phase"].tolist() == [0, 1]
    assert info["age"].tolist() == [0, 9]
    np.testing.assert_array_equal(seen[0], first[0])


def test_lives_of_a_registered_wrapped_environment_are_told_where_they_are():
    gym.register(
        "FlippedCar-v0", lambda **kwargs: NonstationaryWrapper(gym.make(CAR, max_episode_steps=20), **kwargs)
    )
    try:
        spec = LifeSpec("FlippedCar-v0", {"switches": [2]}, episodes=4)
        agent = make_agent("lndp", spec.env, spec.env_kwargs, {"nodes": 12})
        found = live(agent, np.zeros((1, agent.genome_size)), spec, life_seeds(spec, 2, 0), trace=True)
        assert found.trace is not None
        assert found.trace.rules[0, :, :, 0].tolist() == [[0, 0, 1, 1]] * 2
        lanes = Lanes(spec.env, 2, spec.env_kwargs)
        lanes.reset(np.arange(2), {})
        assert lanes.rule.tolist() == [0, 0]
        lanes.close()
    finally:
        del gym.registry["FlippedCar-v0"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"change": "sensor-flop"}, "sensor-flip"),
        ({"change": "drift"}, "both or neither"),
        ({"change": "drift", "drift": {"weight": 2.0}}, "no number 'weight'"),
        ({"change": "drift", "drift": {"gravity": -1.0}}, "positive factor"),
        ({"change": "goal-swap"}, "both or neither"),
        ({"change": "sensor-flip", "ramp": 3}, "no halfway"),
        ({"change": "sensor-flip", "episodes": 0}, "episodes is 0"),
        ({"change": "sensor-flip", "clock": "day"}, "clock"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_remedy(options, words):
    with pytest.raises(OntogymError, match=words):
        NonstationaryWrapper(gym.make(CAR), **options)


def test_changes_inside_the_task_are_not_for_batches():
    envs = gym.make_vec(CAR, 2, vectorization_mode="sync")
    with pytest.raises(OntogymError, match="wrap each"):
        NonstationaryVectorWrapper(envs, "drift")
