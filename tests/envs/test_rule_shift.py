"""Worlds drawn at birth: classes are orbits of the body's mirror, folds are even, and a world is what its number says."""

from __future__ import annotations

import importlib.util

import gymnasium as gym
import numpy as np
import pytest

from ontogym.cli.tables import brief
from ontogym.envs import make_vector
from ontogym.envs.classic_control import AcrobotDynamics, CartPoleDynamics
from ontogym.envs.control_reference import LeastSquares, LinearCartPole, SignObserver, Told
from ontogym.envs.registration import ENTRIES
from ontogym.envs.rule_shift import RuleShiftDynamics, RuleShiftEnv
from ontogym.envs.world_anchors import in_worlds, world_anchors, world_conditions
from ontogym.envs.worlds import FOLDS, Rule, all_worlds
from ontogym.errors import OntogymError, UnknownNameError
from ontogym.seeding import LaneStreams

CARTPOLE = "ontogym/RuleShiftCartPole-v0"


@pytest.mark.parametrize(
    ("body", "families", "rules", "worlds"),
    [
        ("CartPole", None, 32, 16),
        ("CartPole", ("signs", "order", "actions"), 768, 384),
        ("CartPole", ("signs", "actions", "physics"), 128, 64),
        ("CartPole", ("actions",), 2, 2),  # the twin has other signs, which are not among these rules
        ("Acrobot", None, 384, 192),
        ("Foraging", None, 720, 360),
        ("LunarLander", None, 3072, 1536),
    ],
)
def test_rules_and_worlds_are_counted(body, families, rules, worlds):
    found = all_worlds(body, families)
    assert (len(set(found.rules)), len(found)) == (rules, worlds)


@pytest.mark.parametrize("body", ["CartPole", "Acrobot", "Foraging", "LunarLander"])
def test_folds_hold_out_every_world_once_and_equally_many(body):
    found = all_worlds(body)
    held_out = [found.split("test", fold) for fold in range(FOLDS)]
    assert sorted(np.concatenate(held_out)) == list(range(len(found)))
    assert {len(worlds) for worlds in held_out} == {len(found) // FOLDS}
    for fold in range(FOLDS):
        assert not set(held_out[fold]) & set(found.split("train", fold))


def test_numbers_of_worlds_do_not_move():
    found = all_worlds("CartPole")
    usual = Rule((0, 1, 2, 3), (1, 1, 1, 1), (0, 1))
    turned = Rule((0, 1, 2, 3), (-1, -1, -1, -1), (1, 0))
    numbers = [int(found.world_of[found.rules.index(rule)]) for rule in (usual, turned)]
    assert numbers[0] == numbers[1] == USUAL_CARTPOLE


USUAL_CARTPOLE = 15


def states_of(body: str, mirror: bool, count: int = 200):
    """States of the body, or those in the mirror."""
    rng, sign = np.random.default_rng(0), -1.0 if mirror else 1.0
    if body == "Foraging":
        position, goal = rng.integers(0, 5, count), rng.integers(0, 2, count)
        zeros = np.zeros(count, dtype=np.int64)
        from ontogym.envs.foraging import ForagingState

        place = (4 - position, 1 - goal) if mirror else (position, goal)
        return ForagingState(*place, zeros, zeros, np.zeros(count), np.zeros((count, 0)))
    kind = {"CartPole": CartPoleDynamics, "Acrobot": AcrobotDynamics}[body]()
    start = kind.reset(LaneStreams(np.zeros(count)), np.arange(count), {})
    scale = [2.0, 2.0, 0.2, 2.0]
    return type(start)(*(sign * rng.uniform(-1, 1, count) * s for s in scale))


@pytest.mark.parametrize("body", ["CartPole", "Acrobot", "Foraging"])
def test_mirror_images_are_one_world_to_whoever_lives_in_them(body):
    """Under both rules of a world the same actions show and earn the same, from mirrored states."""
    rules = RuleShiftDynamics(body, split="all")
    worlds, count = rules.worlds, 200
    world = np.random.default_rng(1).integers(0, len(worlds), count)
    streams = LaneStreams(np.zeros(count))
    fresh = rules.reset(streams, np.arange(count), {"world": world})
    assert (rules.info(fresh)["world"] == world).all()
    one = fresh._replace(task=states_of(body, False), rule=worlds.first[world])
    other = fresh._replace(task=states_of(body, True), rule=worlds.first[world] + 1)
    rng = np.random.default_rng(2)
    for _ in range(4):
        action = rng.integers(0, rules.action_space.n, count)
        seen = [rules.observe(state) for state in (one, other)]
        np.testing.assert_allclose(*seen, atol=1e-5)
        (one, reward, over), (other, same, ended) = (rules.step(s, action, streams) for s in (one, other))
        np.testing.assert_array_equal(reward, same)
        np.testing.assert_array_equal(over, ended)


def test_a_life_stays_in_its_world_and_the_next_draws_another():
    env = make_vector(CARTPOLE, 8, episodes=2)
    _, info = env.reset(seed=0)
    first = info["world"]
    assert np.isin(first, env.dynamics.worlds.split("train", 0)).all()
    _, info = env.reset()
    np.testing.assert_array_equal(info["world"], first)
    assert info["episode_index"].tolist() == [1] * 8
    _, info = env.reset()
    assert info["episode_index"].tolist() == [0] * 8
    assert (info["world"] != first).any()


def test_held_out_lives_meet_held_out_worlds_only_and_all_of_them():
    env = make_vector(CARTPOLE, 500, split="test", fold=2)
    _, info = env.reset(seed=0)
    assert sorted(set(info["world"])) == [2, 6, 10, 14]
    assert np.bincount(info["rule"]).max() < 100  # both rules of each world occur


def test_a_named_world_and_a_seeded_life():
    env = RuleShiftEnv()
    assert [env.reset(seed=s, options={"world": 3})[1]["world"] for s in range(5)] == [3] * 5
    lives = {env.reset(seed=s, options={"life": 7})[1]["rule"] for s in range(5)}
    assert len(lives) == 1


def test_a_rule_is_what_stands_between_agent_and_body():
    rules = RuleShiftDynamics(families=("signs", "order", "actions"), split="all")
    plain, streams = CartPoleDynamics(), LaneStreams(np.arange(50))
    state = rules.reset(streams, np.arange(50), {})
    body = state.task
    for step in range(10):
        view, seen = plain.observe(body), rules.observe(state)
        action = np.arange(50) % 2 ^ step % 2
        does = action.copy()
        for lane in range(50):
            rule = rules.worlds.rules[state.rule[lane]]
            np.testing.assert_array_equal(
                seen[lane], [s * view[lane, o] for s, o in zip(rule.signs, rule.order)]
            )
            does[lane] = rule.actions[action[lane]]
        state, *_ = rules.step(state, action, streams)
        body, *_ = plain.step(body, does, streams)
        for a, b in zip(state.task, body):
            np.testing.assert_array_equal(a, b)


def test_physics_are_those_of_the_world():
    rules = RuleShiftDynamics(families=("physics",), split="all")
    streams = LaneStreams(np.arange(4))
    state = rules.reset(streams, np.arange(4), {"world": np.arange(4)})
    now = rules.parameters_of(state)
    found = {(float(length), float(force)) for length, force in zip(now.half_length, now.force)}
    assert found == {(0.5, 10.0), (1.0, 10.0), (0.5, 5.0), (1.0, 5.0)}
    moved, *_ = rules.step(state, np.ones(4, dtype=np.int64), streams)
    alone, *_ = CartPoleDynamics().step(state.task, np.ones(4, dtype=np.int64), streams, now)
    np.testing.assert_array_equal(moved.task.theta_dot, alone.theta_dot)


def episodes_of(env_id: str, make, episodes: int, lanes: int = 32, **kwargs) -> np.ndarray:
    """Mean return of each episode of lives."""
    env = make_vector(env_id, lanes, **kwargs)
    seen, _ = env.reset(seed=0)
    policy, found = make(env), []
    for episode in range(episodes):
        if episode:
            seen, _ = env.reset()
        starts, reward = np.ones(lanes, dtype=bool), np.zeros(lanes)
        total, done = np.zeros(lanes), np.zeros(lanes, dtype=bool)
        while not done.all():
            seen, reward, terminated, truncated, _ = env.step(policy.act(seen, reward, starts))
            total, done, starts = total + reward, terminated | truncated, np.zeros(lanes, dtype=bool)
        found.append(total.mean())
    return np.array(found)


def told(env):
    return Told(LinearCartPole(env.num_envs), env.dynamics.worlds, env.state.rule)


def test_controllers_that_observe_signs_or_identify_the_system_solve_every_world():
    for make in (told, lambda env: SignObserver(env.num_envs), lambda env: LeastSquares(env.num_envs)):
        assert episodes_of(CARTPOLE, make, 2, split="all").min() >= 495
    assert episodes_of(CARTPOLE, lambda env: LinearCartPole(env.num_envs), 1, 200, split="all") < 180


def test_least_squares_does_without_the_order_of_sensors_and_signs_do_not():
    shuffled = {"families": ("signs", "order", "actions"), "split": "all"}
    assert episodes_of(CARTPOLE, lambda env: LeastSquares(env.num_envs), 2, **shuffled)[1] >= 480
    assert episodes_of(CARTPOLE, lambda env: SignObserver(env.num_envs), 1, **shuffled) < 250


def test_the_sign_observer_gets_over_flips_at_random_times():
    often = "ontogym/CartPoleActionFlipOften-v0"
    assert episodes_of(often, lambda env: SignObserver(env.num_envs), 6).min() >= 495
    assert episodes_of(often, lambda env: LinearCartPole(env.num_envs), 6).mean() < 350


def test_floors_and_ceilings_of_worlds():
    for body, count in (("CartPole", 16), ("Acrobot", 192), ("Foraging", 360)):
        for fold in range(FOLDS):
            known = world_anchors(f"ontogym/RuleShift{body}-v0", fold)
            assert known.floor.shape == known.ceiling.shape == (count,)
            train = all_worlds(body).split("train", fold)
            assert known.floor[train].mean() < known.ceiling[train].mean()
    known = world_anchors(CARTPOLE, 0)
    assert (known.ceiling == 500).all()
    worlds = np.array([2, int(known.floor.argmax())])
    scores = known.normalised(np.array([(known.floor[2] + 500) / 2, 500.0]), worlds)
    np.testing.assert_allclose(scores, [0.5, np.nan])
    with pytest.raises(OntogymError, match="no measured floors"):
        world_anchors("ontogym/CartPole-v1", 0)


def test_what_is_earned_in_every_world_of_a_fold():
    places = [condition["world"] for condition in world_conditions(CARTPOLE, 1)]
    assert places == [1, 5, 9, 13] == list(all_worlds("CartPole").split("test", 1))
    assert len(world_conditions(CARTPOLE, 1, "train")) == 12
    assert len(world_conditions(CARTPOLE, 1, "all")) == 16
    known = world_anchors(CARTPOLE, 1)
    halfway = (known.floor + known.ceiling)[places] / 2
    returns = np.tile(halfway, 3)[:, None] + [[-4.0, 4.0]]
    by_world, found = in_worlds(CARTPOLE, 1, "test", returns, 477.7)
    np.testing.assert_allclose(by_world, halfway)
    assert found.value == pytest.approx(0.5)
    with pytest.raises(UnknownNameError, match="did you mean 'test'"):
        world_conditions(CARTPOLE, 1, "tset")


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"body": "Carpole"}, "did you mean 'CartPole'"),
        ({"families": ("sings",)}, "did you mean 'signs'"),
        ({"families": ()}, "one world"),
        ({"body": "Foraging", "families": ("signs",)}, "no signs to vary"),
        ({"body": "Acrobot", "families": ("signs", "order", "actions")}, "more than 100000 rules"),
        ({"split": "held-out"}, "split"),
        ({"fold": 4}, "fold is 4"),
        ({"episodes": 0}, "episodes is 0"),
    ],
)
def test_bad_arguments_are_one_sentence(kwargs, message):
    with pytest.raises(OntogymError, match=message):
        RuleShiftEnv(**kwargs)


@pytest.mark.parametrize("world", [16, 1.5, -2])
def test_bad_worlds_are_one_sentence(world):
    with pytest.raises(OntogymError, match="whole number from 0"):
        RuleShiftEnv().reset(seed=0, options={"world": world})


BOX2D = importlib.util.find_spec("Box2D") is not None


@pytest.mark.skipif(BOX2D, reason="Box2D is installed")
def test_the_lander_without_box2d_is_one_sentence():
    with pytest.raises(OntogymError, match=r"needs Box2D; run pip install 'gymnasium\[box2d\]'"):
        gym.make("ontogym/RuleShiftLunarLander-v0")


@pytest.mark.skipif(not BOX2D, reason="Box2D is not installed")
class TestLander:
    def test_checker_spaces_and_seeding(self):
        from gymnasium.utils.env_checker import check_env

        env = gym.make("ontogym/RuleShiftLunarLander-v0").unwrapped
        check_env(env, skip_render_check=True)
        entry = ENTRIES["ontogym/RuleShiftLunarLander-v0"]
        assert entry.spaces == (brief(env.observation_space), brief(env.action_space))
        runs = []
        for _ in range(2):
            seen = [env.reset(seed=3)[0]]
            seen += [env.step(k % 4)[0] for k in range(50)]
            runs.append(np.stack(seen))
        np.testing.assert_array_equal(*runs)

    def test_a_rule_stands_between_agent_and_lander(self):
        env = gym.make("ontogym/RuleShiftLunarLander-v0", split="all").unwrapped
        plain = gym.make("ontogym/RuleShiftLunarLander-v0", split="all").unwrapped
        usual = plain.worlds.rules.index(Rule(tuple(range(8)), (1,) * 8, (0, 1, 2, 3)))
        for seed in range(5):
            plain.reset(seed=seed)
            seen, info = env.reset(seed=seed)
            rule = env.worlds.rules[info["rule"]]
            plain.rule = usual
            view = np.array([s * seen[rule.order.index(k)] for k, s in enumerate(_signs_at(rule))])
            for k in range(60):
                np.testing.assert_allclose(seen, [s * view[o] for s, o in zip(rule.signs, rule.order)])
                seen, *_ = env.step(k % 4)
                view, *_ = plain.step(rule.actions[k % 4])

    def test_lives_go_on_in_their_world(self):
        env = gym.make("ontogym/RuleShiftLunarLander-v0", episodes=2).unwrapped
        worlds = [env.reset(seed=0)[1]["world"], *(env.reset()[1]["world"] for _ in range(3))]
        assert worlds[0] == worlds[1]
        assert worlds[2] == worlds[3] != worlds[0]
        assert env.reset(options={"world": 9})[1]["world"] == 9
        vector = make_vector("ontogym/RuleShiftLunarLander-v0", 2)
        assert vector.reset(seed=[0, 1])[0].shape == (2, 8)


def _signs_at(rule: Rule) -> list[int]:
    """The sign under which each of the body's sensors is seen."""
    return [rule.signs[rule.order.index(k)] for k in range(len(rule.order))]
