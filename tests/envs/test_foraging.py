"""The foraging grid: the paper's rules, its variants, and what the best policies earn."""

from __future__ import annotations

from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

import ontogym  # noqa: F401
from ontogym.envs import anchors, make_vector
from ontogym.envs.foraging import ForagingEnv
from ontogym.envs.reference import WinStayLoseShift
from ontogym.errors import OntogymError

RIGHT, LEFT, STAY = 0, 1, 2


def play(env, actions, **reset):
    """Observed positions and rewards of a life of one lane."""
    seen, _ = env.reset(seed=0, **reset)
    positions, rewards = [float(seen[0])], []
    for action in actions:
        seen, reward, _, _, info = env.step(action)
        positions.append(float(seen[0]))
        rewards.append(reward)
    return positions, rewards, info


def life_return(env_id: str, policy, goals, lives: int, **kwargs):
    """Returns ``(lives,)`` of a policy ``(observations, rewards) -> actions``."""
    env = make_vector(env_id, lives, **kwargs)
    seen, _ = env.reset(seed=np.arange(lives), options=None if goals is None else {"goal": goals})
    reward, total = np.zeros(lives), np.zeros(lives)
    for _ in range(100):
        seen, reward, _, truncated, _ = env.step(policy(seen, reward))
        total += reward
    assert truncated.all()
    return total


def test_food_resets_to_the_middle_in_the_same_step():
    positions, rewards, info = play(ForagingEnv(), [RIGHT] * 4, options={"goal": 1})
    assert positions == [2, 3, 2, 3, 2]
    assert rewards == [0, 10, 0, 10]
    assert info == {"goal": 1, "trial": 2, "position": 2}
    positions, rewards, _ = play(ForagingEnv(), [LEFT, STAY, LEFT, RIGHT], options={"goal": 0})
    assert positions == [2, 1, 1, 2, 3]
    assert rewards == [0, 0, 10, 0]


def test_walls_and_timeout():
    positions, rewards, info = play(ForagingEnv(), [RIGHT] * 13, options={"goal": 0})
    assert positions == [2, 3, 4, 4, 4, 4, 4, 4, 4, 4, 2, 3, 4, 4]  # the tenth step is the time-out
    assert not any(rewards)
    assert info["trial"] == 1
    positions, _, _ = play(ForagingEnv(trial_steps=11), [RIGHT] * 12, options={"goal": 0})
    assert positions[10:] == [4, 2, 3]  # the authors' code


def test_food_on_the_last_step_of_a_trial_still_counts():
    _, rewards, info = play(ForagingEnv(trial_steps=3), [STAY, RIGHT, RIGHT], options={"goal": 1})
    assert rewards == [0, 0, 10]
    assert info["trial"] == 1


def test_dense_reward_is_minus_the_distance():
    _, rewards, _ = play(ForagingEnv(dense_reward=True), [LEFT, RIGHT, RIGHT, RIGHT], options={"goal": 1})
    assert rewards == [-3, -2, -1, 0]


def test_reward_only_resets_at_both_ends():
    env = ForagingEnv(reward_only=True)
    assert play(env, [LEFT] * 4, options={"goal": 1})[:2] == ([2, 1, 2, 1, 2], [0, 0, 0, 0])
    assert play(env, [LEFT] * 4, options={"goal": 0})[:2] == ([2, 1, 2, 1, 2], [0, 10, 0, 10])


def test_in_reward_only_observations_tell_nothing_of_the_goal():
    rng = np.random.default_rng(0)
    actions = rng.integers(3, size=(100, 64))
    seen = []
    for goal in (0, 1):
        env = make_vector("ontogym/ForagingRewardOnly-v0", 64)
        env.reset(seed=0, options={"goal": goal})
        seen.append(np.stack([env.step(batch)[0] for batch in actions]))
    np.testing.assert_array_equal(*seen)


def test_one_hot_shows_the_position():
    raw, hot = ForagingEnv(size=7), ForagingEnv(size=7, observation="one-hot")
    a, b = raw.reset(seed=3)[0], hot.reset(seed=3)[0]
    for action in (0, 0, 1, 2, 1, 1, 1, 1, 0):
        assert b.shape == (7,)
        assert b.sum() == 1
        assert b[int(a[0])] == 1
        a, b = raw.step(action)[0], hot.step(action)[0]


def test_goals_are_even_and_stay_without_switching():
    env = make_vector("ontogym/Foraging-v0", 4000)
    _, info = env.reset(seed=0)
    first = info["goal"]
    assert abs(first.mean() - 0.5) < 0.032  # four standard errors
    for step in range(100):
        _, _, _, _, info = env.step(np.full(4000, step % 4 // 2))
    np.testing.assert_array_equal(info["goal"], first)
    assert info["trial"].min() >= 10


def test_switch_frequency_is_p_switch_per_trial():
    env = make_vector("ontogym/ForagingSwitch-v0", 2000)
    _, info = env.reset(seed=0)
    switches, trials, goal, trial = 0, 0, info["goal"], info["trial"]
    rng = np.random.default_rng(0)
    for _ in range(100):
        _, _, _, _, info = env.step(rng.integers(3, size=2000))
        changed = info["goal"] != goal
        assert not changed[info["trial"] == trial].any()  # only at a trial's end
        switches, trials = switches + changed.sum(), trials + (info["trial"] - trial).sum()
        goal, trial = info["goal"], info["trial"]
    assert abs(switches / trials - 0.1) < 4 * np.sqrt(0.09 / trials)


@pytest.mark.parametrize("env_id", ["ontogym/Foraging-v0", "ontogym/ForagingRewardOnly-v0"])
def test_blind_policies_average_at_most_250_and_informed_ones_reach_500(env_id):
    goals = np.arange(200) % 2
    always_right = life_return(env_id, lambda seen, r: np.full(200, RIGHT), goals, 200)
    assert always_right[goals == 1].tolist() == [500.0] * 100
    assert always_right.mean() == 250.0
    informed = WinStayLoseShift(200, target=goals)
    assert life_return(env_id, informed.act, goals, 200).tolist() == [500.0] * 200


@pytest.mark.parametrize("observation", ["raw", "one-hot"])
@pytest.mark.parametrize(
    ("env_id", "lucky", "unlucky"),
    [("ontogym/Foraging-v0", 500, 480), ("ontogym/ForagingRewardOnly-v0", 500, 490)],
)
def test_win_stay_lose_shift_learns_the_goal(env_id, lucky, unlucky, observation):
    goals = np.arange(100) % 2
    total = life_return(env_id, WinStayLoseShift(100, target=1).act, goals, 100, observation=observation)
    assert set(total[goals == 1]) == {lucky}
    assert set(total[goals == 0]) == {unlucky}


def test_clamping_reward_blinds_win_stay_lose_shift():
    goals = np.arange(100) % 2
    policy = WinStayLoseShift(100)
    reward_only = life_return("ontogym/ForagingRewardOnly-v0", lambda s, r: policy.act(s, 0 * r), goals, 100)
    assert reward_only.mean() <= 250


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"size": 4}, "odd"),
        ({"size": 1}, "odd"),
        ({"trial_steps": 0}, "trial_steps"),
        ({"p_switch": 1.5}, "probability"),
        ({"p_switch": float("nan")}, "probability"),
        ({"observation": "onehot"}, "did you mean 'one-hot'"),
    ],
)
def test_bad_arguments(kwargs, message):
    with pytest.raises(OntogymError, match=message):
        ForagingEnv(**kwargs)


def test_picture_shows_agent_food_and_reward():
    env = gym.make("ontogym/Foraging-v0", render_mode="rgb_array")
    env.reset(seed=0, options={"goal": 1})
    pictures = [env.render()]
    for action in (RIGHT, RIGHT):
        env.step(action)
        pictures.append(env.render())
    env.reset(options={"goal": 0})
    pictures.append(env.render())
    for a in range(4):
        assert pictures[a].dtype == np.uint8
        assert pictures[a].ndim == 3
        assert pictures[a].shape[2] == 3
        for b in range(a):
            assert not np.array_equal(pictures[a], pictures[b])


class PositionOnly:
    """Hears no reward: an end at which it stays was the wrong one, so it goes to the other."""

    def __init__(self, lives: int) -> None:
        self.target, self.arriving = np.ones(lives, dtype=np.int64), np.zeros(lives, dtype=bool)

    def act(self, seen: np.ndarray) -> np.ndarray:
        position = seen[:, 0].astype(np.int64)
        self.target ^= self.arriving & (position == self.target * 4)
        self.arriving = position + np.sign(self.target * 4 - position) == self.target * 4
        return np.where(position < self.target * 4, 0, 1)


def deaf_return(env_id: str, lives: int = 2000) -> float:
    env, policy = make_vector(env_id, lives), PositionOnly(lives)
    seen, _ = env.reset(seed=7, options={"goal": np.arange(lives) % 2})
    total = np.zeros(lives)
    for _ in range(100):
        seen, reward, _, _, _ = env.step(policy.act(seen))
        total += reward
    return float(total.mean())


@pytest.mark.parametrize("name", ["ForagingSwitch", "ForagingGoalSwap"])
def test_position_alone_solves_what_is_told_at_once_and_not_what_is_told_late(name):
    assert deaf_return(f"ontogym/{name}-v0") > 0.95 * anchors(f"ontogym/{name}-v0")[1]
    assert deaf_return(f"ontogym/{name}Late-v0") < 255
    assert anchors(f"ontogym/{name}Late-v0")[1] > 350


@pytest.mark.parametrize(
    "name", ["ForagingRewardOnlyLate-v0", "ForagingSwitchLate-v0", "ForagingGoalSwapLate-v0"]
)
def test_nothing_but_the_reward_tells_where_the_food_is(name):
    env = make_vector(f"ontogym/{name}", 2)
    env.action_space.seed(0)
    seen, _ = env.reset(seed=[5, 5], options={"goal": np.array([0, 1])})
    differed = False
    for _ in range(100):
        np.testing.assert_array_equal(seen[0], seen[1])
        seen, reward, _, _, _ = env.step(np.repeat(env.action_space.sample()[:1], 2))
        differed |= reward[0] != reward[1]
    assert differed


def test_rewards_come_late_by_so_many_steps():
    now, late = ForagingEnv(), ForagingEnv(reward_delay=3)
    rng = np.random.default_rng(0)
    rewards = []
    for env in (now, late):
        env.reset(seed=0, options={"goal": 1})
    for action in rng.choice(3, 60, p=[0.6, 0.2, 0.2]):
        rewards.append([env.step(action)[1] for env in (now, late)])
    earned, paid = np.array(rewards).T
    assert earned.sum() > 50
    np.testing.assert_array_equal(paid, np.concatenate([np.zeros(3), earned[:-3]]))


@pytest.mark.parametrize(
    "name", ["ForagingRewardOnlyLate-v0", "ForagingSwitchLate-v0", "ForagingGoalSwapLate-v0"]
)
def test_win_stay_lose_shift_waits_for_late_rewards(name):
    lives, reward = 1000, np.zeros(1000)
    env, policy = make_vector(f"ontogym/{name}", lives), WinStayLoseShift(lives, delay=3)
    seen, _ = env.reset(seed=7, options={"goal": np.arange(lives) % 2})
    total = np.zeros(lives)
    for _ in range(100):
        seen, reward, _, _, _ = env.step(policy.act(seen, reward))
        total += reward
    optimal = anchors(f"ontogym/{name}")[1]
    assert 0.97 * optimal < total.mean() <= optimal


def test_the_most_that_can_be_earned_where_rewards_come_late(monkeypatch):
    """470 where what is paid after the last step is lost, 485 where it is not: what the pages hold an agent against."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    from late_foraging import late_foraging_optimum

    assert late_foraging_optimum() == pytest.approx(470.0)
    assert late_foraging_optimum(paid_in_full=True) == pytest.approx(485.0)
