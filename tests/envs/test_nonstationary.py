"""Worlds that change within a life: each change is what it says, at the time it says, in every form of the env."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

import ontogym  # noqa: F401
from ontogym.baselines.lives.lanes import Lanes
from ontogym.baselines.lives.life import LifeSpec, life_seeds, live, make_agent
from ontogym.envs import make_vector
from ontogym.envs.classic_control import AcrobotDynamics, CartPoleDynamics, PendulumDynamics
from ontogym.envs.nonstationary import NonstationaryEnv, NonstationaryVectorEnv
from ontogym.envs.schedule import RandomSchedule, Schedule, random_cycles
from ontogym.errors import OntogymError
from ontogym.seeding import LaneStreams

LANES = 6


def pair(task: str, **kwargs) -> tuple[NonstationaryVectorEnv, gym.vector.VectorEnv]:
    """A changing task and the plain one."""
    changing = NonstationaryVectorEnv(LANES, task=task, autoreset_mode="Disabled", **kwargs)
    return changing, make_vector(f"ontogym/{task}", LANES)


def test_schedule_phases_and_levels():
    schedule = Schedule.of("step", (3, 7), 2, 0)
    now, times = np.arange(12), np.tile([3, 7], (12, 1))
    assert schedule.phase(now, times).tolist() == [0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 2]
    assert schedule.level(now, times).tolist() == [0, 0, 0, 0.5, 1, 1, 1, 0.5, 0, 0, 0, 0]
    jump = Schedule.of("step", (3, 7), 0, 0)
    np.testing.assert_array_equal(jump.level(now, times), jump.phase(now, times) % 2)


def test_jitter_stays_in_its_bounds_and_uses_them():
    drawn = Schedule.of("step", (50,), 0, 3).draw(np.random.default_rng(0).random((500, 1)))
    assert sorted(set(drawn[:, 0])) == list(range(47, 54))


def test_cycles_are_permutations_that_spare_nothing():
    orders = random_cycles(np.random.default_rng(0).random((200, 3, 4)))
    assert (np.sort(orders, axis=2) == np.arange(4)).all()
    assert (orders[:, 0] == np.arange(4)).all()
    assert (orders[:, 1:] != orders[:, :-1]).all()
    assert len({tuple(row) for row in orders[:, 1]}) == 6  # all cycles of four things


@pytest.mark.parametrize("change", ["sensor-flip", "sensor-permute"])
def test_changed_sensors_show_the_same_world(change):
    env, plain = pair("CartPole-v1", change=change, clock="step", switches=(5, 10))
    seen, _ = env.reset(seed=3)
    true, _ = plain.reset(seed=3)
    for step in range(16):
        phase = (step >= 5) + (step >= 10)
        assert env.phase.tolist() == [phase] * LANES
        if change == "sensor-flip":
            np.testing.assert_array_equal(seen, -true if phase == 1 else true)
        else:
            orders = env.state.orders[:, phase]
            np.testing.assert_array_equal(seen, np.take_along_axis(true, orders, 1))
            assert (seen == true).all() == (phase == 0)
        action = np.arange(LANES) % 2 ^ step % 2
        seen, reward, *_, info = env.step(action)
        true, same, *_ = plain.step(action)
        np.testing.assert_array_equal(reward, same)
        assert (info["switch_times"] == [5, 10]).all()


def test_bounded_sensors_flip_about_the_middle_of_their_range():
    env = NonstationaryEnv("Foraging-v0", "sensor-flip", switches=(0,))
    assert env.reset(seed=0)[0] == 2
    assert env.step(0)[0] == 1  # a step right, from 2 to 3, looks like one left


@pytest.mark.parametrize(
    ("task", "mirror"),
    [("CartPole-v1", lambda a: 1 - a), ("Acrobot-v1", lambda a: 2 - a), ("Pendulum-v1", lambda a: -a)],
)
def test_flipped_actions_from_the_switch_on(task, mirror):
    env, plain = pair(task, change="action-flip", clock="step", switches=(4,))
    seen, _ = env.reset(seed=1)
    plain.reset(seed=1)
    env.action_space.seed(0)
    for step in range(9):
        action = env.action_space.sample()
        seen, *_ = env.step(action)
        true, *_ = plain.step(mirror(action) if step >= 4 else action)
        np.testing.assert_array_equal(seen, true)


def test_permuted_actions_are_drawn_per_life():
    env, plain = pair("Foraging-v0", change="action-permute", clock="step", switches=(0,))
    env.reset(seed=0, options={"goal": 1})
    plain.reset(seed=0, options={"goal": 1})
    action = np.arange(LANES) % 3
    orders = env.state.orders[:, 1]
    seen, *_ = env.step(action)
    true, *_ = plain.step(orders[np.arange(LANES), action])
    np.testing.assert_array_equal(seen, true)
    assert len({tuple(order) for order in orders}) == 2  # both cycles of three occur in six lives


def test_goals_swap_within_and_between_episodes():
    env = NonstationaryEnv("Foraging-v0", "goal-swap", "step", (3,))
    _, info = env.reset(seed=0, options={"goal": 1})
    goals = [info["goal"]] + [env.step(2)[4]["goal"] for _ in range(5)]
    assert goals == [1, 1, 1, 0, 0, 0]
    env = NonstationaryEnv("Foraging-v0", "goal-swap", "episode", (1, 2))
    goals = [env.reset(seed=0, options={"goal": 1, "episode": e})[1]["goal"] for e in range(3)]
    assert goals == [1, 0, 1]


@pytest.mark.parametrize("dynamics", [CartPoleDynamics(), PendulumDynamics(g=3.7), AcrobotDynamics()])
def test_parameters_at_their_usual_values_change_no_bit(dynamics):
    streams = LaneStreams(np.arange(50))
    state = dynamics.reset(streams, np.arange(50), {})
    usual = type(dynamics.parameters)(*(np.full(50, value) for value in dynamics.parameters))
    rng = np.random.default_rng(0)
    for _ in range(60):
        action = rng.integers(0, 2, 50)
        if isinstance(dynamics, PendulumDynamics):
            action = rng.uniform(-2, 2, (50, 1)).astype(np.float32)
        varied = dynamics.step(state, action, streams, usual)
        plain = dynamics.step(state, action, streams)
        for a, b in zip((*varied[0], *varied[1:]), (*plain[0], *plain[1:])):
            np.testing.assert_array_equal(a, b)
        state = plain[0]


def test_drift_moves_gravity_along_its_ramp():
    env = NonstationaryEnv("Pendulum-v1", "drift", "step", (2,), ramp=4, drift={"gravity": 1.8})
    _, info = env.reset(seed=0)
    values = [info["gravity"]] + [env.step(np.zeros(1))[4]["gravity"] for _ in range(7)]
    np.testing.assert_allclose(values, [10, 10, 12, 14, 16, 18, 18, 18])
    # What is stated is what acts: one step of the plain task at that gravity.
    from ontogym.envs.classic_control import PendulumEnv

    heavy = PendulumEnv(g=18.0)
    heavy.reset(seed=0)
    heavy.state = env.state.task
    np.testing.assert_array_equal(heavy.step(np.ones(1))[0], env.step(np.ones(1))[0])


def test_lives_go_on_over_resets_without_a_seed():
    env = NonstationaryEnv("Foraging-v0", "goal-swap", "episode", (1,), episodes=3)
    episodes, ages = [], []
    env.reset(seed=0)
    for _ in range(5):
        env.step(0)
        _, info = env.reset()
        episodes.append(info["episode_index"])
        ages.append(info["age"])
    assert episodes == [1, 2, 0, 1, 2]
    assert ages == [1, 2, 0, 1, 2]
    assert env.reset(seed=1)[1]["episode_index"] == 0
    assert env.reset(options={"episode": 2, "age": 40})[1] | {"goal": 0} == {
        "goal": 0,
        "trial": 0,
        "position": 2,
        "phase": 1,
        "episode_index": 2,
        "age": 40,
        "switch_times": env.switch_times,
    }


def test_a_permutation_lasts_for_a_life_and_no_longer():
    env = NonstationaryEnv("CartPole-v1", "sensor-permute", switches=(1,), episodes=2)
    env.reset(seed=0)
    found = []
    for _ in range(24):
        found.append(tuple(env.state.orders[0, 1]))
        env.reset()
    assert found[0::2] == found[1::2]
    assert len(set(found)) > 2
    by_life = [env.reset(seed=s, options={"life": 7})[1] and tuple(env.state.orders[0, 1]) for s in range(3)]
    assert len(set(by_life)) == 1


def test_evaluated_lives_are_told_where_they_are():
    """`live` runs episode after episode in one lane: the environment hears the episode, the age and the life."""
    heard = []
    original = Lanes.reset

    def listening(self, seeds, options, life=None):
        seen = original(self, seeds, options, life)
        heard.append(
            (self.envs.state.episode.copy(), self.envs.state.age.copy(), self.envs.state.life.copy())
        )
        return seen

    env = "ontogym/ForagingGoalSwap-v0"
    agent = make_agent("plastic", env)
    spec = LifeSpec(env, {"clock": "episode", "switches": [1], "jitter": 0}, episodes=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Lanes, "reset", listening)
        live(agent, np.zeros((2, agent.genome_size)), spec, life_seeds(spec, 2, 0, "test"))
    assert [set(episode) for episode, _, _ in heard] == [{0}, {1}, {2}]
    assert [set(age) for _, age, _ in heard] == [{0}, {100}, {200}]
    assert len(set(heard[0][2])) == 2  # two lives, whatever the genome
    np.testing.assert_array_equal(heard[0][2], heard[2][2])


def test_the_picture_shows_the_change():
    env = NonstationaryEnv("Foraging-v0", "goal-swap", "step", (1,), render_mode="rgb_array")
    env.reset(seed=0)
    before = env.render()[0]
    env.step(2)
    assert (before == 255).all()
    assert not (env.render()[0] == 255).all()


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"task": "CartPole"}, "did you mean 'CartPole-v1'"),
        ({"change": "sensor-flop"}, "did you mean 'sensor-flip'"),
        ({"clock": "steps"}, "did you mean 'step'"),
        ({"switches": ()}, "at least one"),
        ({"switches": (3, 3)}, "increase"),
        ({"switches": (2,), "jitter": 3}, "no smaller than jitter"),
        ({"switches": (2.5,)}, "whole number"),
        ({"episodes": 0}, "episodes is 0"),
        ({"ramp": 5}, "no halfway"),
        ({"change": "drift"}, "give both"),
        ({"drift": {"gravity": 2.0}}, "give both"),
        ({"change": "drift", "drift": {"gravitas": 2.0}}, "did you mean 'gravity'"),
        ({"change": "drift", "drift": {"gravity": 0.0}}, "positive factor"),
        ({"change": "drift", "drift": {"gravity": 2.0}, "task": "Foraging-v0"}, "no physics"),
        ({"change": "goal-swap"}, "no goal"),
        ({"change": "sensor-permute", "task": "Foraging-v0"}, "nothing to permute"),
        ({"change": "action-permute", "task": "Pendulum-v1"}, "nothing to permute"),
        ({"task_options": {"nonsense": 1}}, "task_options do not fit"),
    ],
)
def test_bad_arguments_are_one_sentence(kwargs, message):
    with pytest.raises(OntogymError, match=message):
        NonstationaryEnv(**kwargs)


@pytest.mark.parametrize("name", ["episode", "age", "life"])
def test_bad_places_in_a_life(name):
    with pytest.raises(OntogymError, match="whole number"):
        NonstationaryEnv().reset(seed=0, options={name: 1.5})


def test_the_info_leaves_the_place_of_an_episodes_statistics_free():
    """Gymnasium's wrapper and SB3's monitor put theirs at "episode" and fail, or read ours, where it is taken."""
    env = gym.wrappers.RecordEpisodeStatistics(gym.make("ontogym/CartPoleSensorFlip-v0"))
    env.reset(seed=0)
    over = False
    while not over:
        *_, terminated, truncated, info = env.step(0)
        over = terminated or truncated
    assert info["episode"]["l"] == info["age"]


def test_random_switches_stay_in_their_ranges_and_use_them():
    schedule = RandomSchedule.of("step", 3, (10, 19), (2, 5), 0)
    times = schedule.draw(np.random.default_rng(0).random((2000, 3)))
    assert sorted(set(times[:, 0])) == list(range(10, 20))
    assert sorted(set(np.diff(times).ravel())) == [2, 3, 4, 5]


@pytest.mark.parametrize("kind", ["ActionFlip-v1", "ActionFlipBack-v0", "ActionFlipOften-v0"])
def test_a_life_meets_every_random_switch_however_soon_it_falls(kind):
    env = make_vector(f"ontogym/CartPole{kind}", 64, autoreset_mode="SameStep")
    _, info = env.reset(seed=0)
    times, met = env.switch_times, np.zeros(64, dtype=np.int64)
    assert len({tuple(t) for t in times}) > 60  # each life has its own
    last, episode = info["phase"], info["episode_index"]
    while (episode < 5).any():
        _, _, _, _, info = env.step(np.zeros(64, dtype=np.int64))  # falls after nine steps or so
        same = info["episode_index"] >= episode
        met = np.where(same, np.maximum(met, info["phase"]), met)
        episode = np.where(same, info["episode_index"], 5)
    assert (met == times.shape[1]).all()
    assert last.tolist() == [0] * 64


def test_the_clock_of_a_life_waits_for_the_next_episode():
    env = NonstationaryEnv(
        "Pendulum-v1",
        "action-flip",
        "life",
        changes=2,
        earliest=(7, 7),
        gap=(5, 5),
        episode_ticks=5,
        episodes=4,
    )
    env.reset(seed=0)
    phases = [env.phase] + [env.step(np.zeros(1))[4]["phase"] for _ in range(8)]
    assert phases == [0] * 9  # eight steps, but still the first episode
    env.reset()
    assert [env.phase] + [env.step(np.zeros(1))[4]["phase"] for _ in range(4)] == [0, 0, 1, 1, 1]
    env.reset()
    assert [env.phase] + [env.step(np.zeros(1))[4]["phase"] for _ in range(4)] == [1, 1, 2, 2, 2]
    env.reset()
    assert env.phase == 2


def test_the_way_back_undoes_a_permutation():
    env = NonstationaryVectorEnv(
        LANES, task="CartPole-v1", change="sensor-permute", clock="step", switches=(2, 4), back=True
    )
    env.reset(seed=0)
    orders = env.state.orders
    assert (orders[:, 2] == orders[:, 0]).all()
    assert (orders[:, 1] != orders[:, 0]).all()


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"changes": -1}, "whole number from 1"),
        ({"changes": 1, "earliest": (5, 2)}, "smaller first"),
        ({"changes": 2, "gap": (0, 2)}, "whole numbers from 1"),
        ({"changes": 1, "clock": "hours"}, "clock"),
        ({"clock": "life", "episode_ticks": 0}, "episode_ticks"),
    ],
)
def test_bad_random_times_are_one_sentence(kwargs, message):
    with pytest.raises(OntogymError, match=message):
        NonstationaryEnv(**kwargs)


def test_times_are_named_or_drawn_not_both():
    for switches in ((4,), 4):
        with pytest.raises(OntogymError, match="give one of both"):
            gym.make("ontogym/CartPoleActionFlip-v1", switches=switches)
    assert gym.make("ontogym/CartPoleActionFlip-v1", switches=(4,), changes=0, clock="episode")
