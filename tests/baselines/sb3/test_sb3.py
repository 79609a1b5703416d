"""SB3 on the suite's environments: the adapter behaves as SB3's own vector environments do."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from stable_baselines3.common.vec_env import DummyVecEnv

from ontogym.baselines.lives.actors import ByHand, Random
from ontogym.baselines.lives.lanes import make_single
from ontogym.baselines.lives.life import episode_returns
from ontogym.baselines.sb3.adapter import VectorEnvAdapter, make_vec_env
from ontogym.baselines.sb3.config import TrainingConfig
from ontogym.baselines.sb3.policy import load_policy, read_training_run
from ontogym.baselines.sb3.run import train
from ontogym.envs import anchors
from ontogym.errors import OntogymError

IDS = ["ontogym/CartPole-v1", "ontogym/Acrobot-v1", "ontogym/Pendulum-v1", "ontogym/Foraging-v0"]


def native(env_id: str, lanes: int, mode: str = "SameStep"):
    return gymnasium.make_vec(env_id, lanes, vectorization_mode="vector_entry_point", autoreset_mode=mode)


@pytest.mark.parametrize("env_id", IDS)
def test_the_adapter_does_what_a_dummy_vec_env_does(env_id):
    """Same seeds, same actions: same observations, rewards, ends, terminal observations, through resets."""
    ours, theirs = VectorEnvAdapter(native(env_id, 3)), DummyVecEnv([lambda: gymnasium.make(env_id)] * 3)
    ours.seed(5)
    theirs.seed(5)
    np.testing.assert_allclose(ours.reset(), theirs.reset(), atol=1e-6)
    ours.action_space.seed(0)
    ended = 0
    for _ in range(120):
        actions = np.array([ours.action_space.sample() for _ in range(3)])
        a, b = ours.step(actions), theirs.step(actions)
        # Where an episode ended, each resets from its own stream: compare up to there, lane by lane.
        alive = ~a[2]
        np.testing.assert_array_equal(a[2], b[2])
        np.testing.assert_allclose(a[1], b[1], atol=1e-5)
        np.testing.assert_allclose(a[0][alive], b[0][alive], atol=1e-5)
        for lane in np.flatnonzero(a[2]):
            np.testing.assert_allclose(
                a[3][lane]["terminal_observation"], b[3][lane]["terminal_observation"], atol=1e-5
            )
            assert a[3][lane]["TimeLimit.truncated"] == b[3][lane]["TimeLimit.truncated"]
            ended += 1
        if a[2].any():
            break
    assert ended or env_id in ("ontogym/Acrobot-v1", "ontogym/Pendulum-v1")


def test_the_adapter_keeps_running_over_many_episodes():
    env = VectorEnvAdapter(native("ontogym/CartPole-v1", 4))
    env.seed(0)
    assert env.observation_space.contains(env.reset()[0])
    ends = 0
    for _ in range(200):
        observation, reward, done, infos = env.step(np.ones(4, dtype=int))
        ends += done.sum()
        assert all(("terminal_observation" in info) == bool(d) for info, d in zip(infos, done))
        assert np.isfinite(observation).all()
        assert (reward == 1).all()
    assert ends > 40  # always pushing right ends an episode in about ten steps


def test_the_adapter_has_what_it_has_and_can_be_filmed() -> None:
    from stable_baselines3.common.vec_env import VecMonitor

    plain = VectorEnvAdapter(native("ontogym/CartPole-v1", 2))
    for there in ("render_mode", "observation_space", "dynamics"):
        assert plain.has_attr(there), there
    for missing in ("nothing_of_the_kind", "_private", "rendermode", ""):
        assert not plain.has_attr(missing), missing
    drawn = gymnasium.make_vec(
        "ontogym/CartPole-v1",
        2,
        vectorization_mode="vector_entry_point",
        autoreset_mode="SameStep",
        render_mode="rgb_array",
    )
    env = VecMonitor(VectorEnvAdapter(drawn))
    env.reset()
    frames = env.get_images()
    assert env.render_mode == "rgb_array"
    assert env.venv.metadata["render_fps"] == 50
    assert [frame.shape[2] for frame in frames] == [3, 3]
    picture = env.render()
    assert picture is not None
    assert picture.shape[0] * picture.shape[1] == 2 * frames[0].shape[0] * frames[0].shape[1]


def test_sb3s_own_recorder_films_it(tmp_path) -> None:
    pytest.importorskip("moviepy")
    from stable_baselines3.common.vec_env import VecVideoRecorder

    made = make_vec_env("ontogym/Foraging-v0", 2, {"render_mode": "rgb_array"})
    env = VecVideoRecorder(made, str(tmp_path), record_video_trigger=lambda step: step == 0, video_length=5)
    env.reset()
    for _ in range(7):
        env.step(np.zeros(2, int))
    env.close()
    assert [path.suffix for path in tmp_path.iterdir()] == [".mp4"]


def test_an_environment_that_resets_in_another_step_is_refused():
    with pytest.raises(OntogymError, match="same step"):
        VectorEnvAdapter(native("ontogym/CartPole-v1", 2, "NextStep"))


def spaces_of(env_id: str):
    env = make_single(env_id)
    return env.observation_space, env.action_space


def random_returns(env_id: str, episodes: int, seed: int):
    return episode_returns(Random(*spaces_of(env_id)), env_id, episodes, seed)


def test_random_returns_are_the_anchor():
    returns = random_returns("ontogym/CartPole-v1", 400, seed=1)
    # The standard deviation of a random episode is about 12: 400 of them give the mean to 0.6.
    assert abs(returns.mean() - anchors("ontogym/CartPole-v1")[0]) < 2.5
    np.testing.assert_array_equal(returns, random_returns("ontogym/CartPole-v1", 400, seed=1))


def test_foreign_environments_work_too():
    assert make_vec_env("MountainCar-v0", 2).num_envs == 2
    assert (random_returns("MountainCar-v0", 2, seed=0) == -200).all()


def test_a_policy_is_scored_on_every_episode_until_its_own_end():
    class Balance:
        def __init__(self, lanes):
            pass

        def act(self, observations, rewards, starts):
            return (observations[:, 2] + 0.3 * observations[:, 3] > 0).astype(int)

    actor = ByHand(*spaces_of("ontogym/CartPole-v1"), make=Balance)
    returns = episode_returns(actor, "ontogym/CartPole-v1", 10, seed=0)
    assert returns.shape == (10,)
    assert returns.mean() > 150


@pytest.mark.slow
def test_ppo_learns_cartpole(tmp_path):
    env = "ontogym/CartPole-v1"
    train(TrainingConfig("ppo", env, steps=12_000, out=str(tmp_path)))
    run = read_training_run(tmp_path)
    policy = load_policy(run.tensors, run.options, *spaces_of(env))
    assert episode_returns(policy, env, 20, seed=1).mean() > 120


def test_options_that_are_set_reach_the_next_reset_as_sb3_has_it():
    envs = make_vec_env("ontogym/CartPole-v1", 2)
    envs.set_options({"low": 0.1, "high": 0.1})
    np.testing.assert_allclose(envs.reset(), 0.1, atol=1e-6)
    assert (np.abs(envs.reset()) <= 0.05).all()  # of one reset
    goals = make_vec_env("ontogym/Foraging-v0", 2)
    goals.set_options([{"goal": 1}, {"goal": 0}])
    goals.reset()
    assert goals.get_attr("state")[0].goal.tolist() == [1, 0]
    goals.set_options({"nonsense": 1})
    with pytest.raises(OntogymError, match="nonsense"):
        goals.reset()
    goals.set_options([{"goal": 1}, {}])
    with pytest.raises(OntogymError, match="different options"):
        goals.reset()
