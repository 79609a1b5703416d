"""Shared food: who eats what, what is sensed, PettingZoo's own tests, and one world in all its forms."""

from __future__ import annotations

import warnings

import gymnasium as gym
import numpy as np
import pytest
from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test, render_test, seed_test

import ontogym  # noqa: F401
from ontogym.envs import anchors, foraging_v0, make_vector
from ontogym.envs.grid import PatchWorld, PatchWorldState, nearest_food
from ontogym.envs.reference import NearestFood
from ontogym.envs.shared_foraging import SharedForagingEnv
from ontogym.errors import OntogymError
from ontogym.seeding import LaneStreams

RIGHT, LEFT, STAY, UP, DOWN = range(5)


def world_with(places, food, stock, size=5) -> tuple[PatchWorld, PatchWorldState]:
    places, food = np.array([places]), np.array([food])
    world = PatchWorld(size, places.shape[1], food.shape[1], 10)
    eaten = np.zeros(places.shape[:2])
    return world, PatchWorldState(places, food, np.array([stock], dtype=float), eaten)


def test_food_is_shared_and_runs_out():
    streams = LaneStreams(np.array([0]))
    world, state = world_with([[0, 0], [2, 1], [2, 2]], [[2, 2], [4, 4]], [4.5, 10.0])
    state, eaten = world.step(state, np.array([[STAY, UP, STAY]]), streams)
    assert eaten.tolist() == [[0, 1, 1]]
    assert state.stock.tolist() == [[2.5, 10]]
    state, eaten = world.step(state, np.array([[STAY, STAY, STAY]]), streams)
    assert state.stock.tolist() == [[0.5, 10]]
    state, eaten = world.step(state, np.array([[STAY, STAY, STAY]]), streams)
    assert eaten.tolist() == [[0, 0.25, 0.25]]  # half a unit for two
    assert state.stock.tolist() == [[10, 10]]  # a fresh patch
    assert state.food[0, 1].tolist() == [4, 4]


def test_what_is_eaten_is_what_is_gone():
    world, streams = PatchWorld(4, 5, 2, 7), LaneStreams(np.arange(200))
    state = world.reset(streams, np.arange(200))
    rng, regrown = np.random.default_rng(0), 0
    for _ in range(60):
        before = state.stock.sum(1)
        state, eaten = world.step(state, rng.integers(0, 5, (200, 5)), streams)
        fresh = (before - eaten.sum(1) - state.stock.sum(1)) / -7
        np.testing.assert_allclose(fresh, np.rint(fresh), atol=1e-9)
        regrown += fresh.sum()
        assert ((state.stock > 0) & (state.stock <= 7)).all()
    assert regrown > 100


def test_walls_and_moves():
    world, state = world_with([[0, 0], [4, 4], [2, 2]], [[1, 3]], [10.0])
    streams = LaneStreams(np.array([0]))
    state, _ = world.step(state, np.array([[LEFT, UP, DOWN]]), streams)
    assert state.place[0].tolist() == [[0, 0], [4, 4], [2, 1]]
    state, _ = world.step(state, np.array([[RIGHT, LEFT, UP]]), streams)
    assert state.place[0].tolist() == [[1, 0], [3, 4], [2, 2]]


def test_senses():
    world, state = world_with([[2, 2], [4, 2], [2, 2]], [[0, 1], [2, 2]], [10.0, 10.0])
    first, second, _ = world.observe(state)[0]
    near = np.float32(1 / 3)
    assert first.tolist() == [1, 0, near, 0, near, 0.5, 0.5, 0, 0, 0]
    assert second.tolist() == [0, 0, 0.5, 0, np.float32(1 / 5), 0, 0, 0.5, 0, 0]


def test_nearest_food_gets_there():
    world, state = world_with([[0, 0], [4, 4]], [[2, 1], [4, 2]], [10.0, 10.0])
    streams = LaneStreams(np.array([0]))
    for _ in range(3):
        state, eaten = world.step(state, nearest_food(state), streams)
    assert eaten.tolist() == [[1, 1]]


def test_reference_earns_the_registered_return():
    lives = 2000
    env, policy = make_vector("ontogym/SharedForaging-v0", lives), NearestFood(lives)
    seen, _ = env.reset(seed=7)
    reward, total = np.zeros(lives), np.zeros(lives)
    for _ in range(100):
        seen, reward, *_ = env.step(policy.act(seen, reward))
        total += reward
    assert abs(total.mean() - anchors("ontogym/SharedForaging-v0")[1]) < 4 * total.std() / lives**0.5 + 0.1


def test_the_pettingzoo_world_is_the_gymnasium_world():
    """With the rivals' own policy in their places, forager 0 lives the life of the single environment."""
    single, together = SharedForagingEnv(), foraging_v0.parallel_env(agents=4)
    seen, _ = single.reset(seed=3)
    observations, _ = together.reset(seed=3)
    rng = np.random.default_rng(0)
    for _ in range(99):
        np.testing.assert_array_equal(seen, observations["forager_0"])
        actions = nearest_food(single.state.world)[0]
        actions[0] = rng.integers(5)
        seen, reward, *_ = single.step(actions[0])
        observations, rewards, *_ = together.step(dict(zip(together.agents, actions)))
        assert rewards["forager_0"] == reward


def test_pettingzoo_api():
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        api_test(foraging_v0.env(max_cycles=12), num_cycles=60)
        api_test(foraging_v0.raw_env(max_cycles=12), num_cycles=60)
        parallel_api_test(foraging_v0.parallel_env(max_cycles=12), num_cycles=60)


def test_pettingzoo_seeds_and_pictures():
    seed_test(foraging_v0.env, num_cycles=30)
    parallel_seed_test(foraging_v0.parallel_env)
    render_test(foraging_v0.env)
    render_test(foraging_v0.raw_env)


def test_seeds_decide_and_differ():
    env = foraging_v0.parallel_env()
    first, again, other = (env.reset(seed=s)[0]["forager_1"] for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    state = env.state()
    assert env.state_space.contains(state)


def test_picture_shows_food_shrinking():
    env = gym.make("ontogym/SharedForaging-v0", render_mode="rgb_array")
    env.reset(seed=0)
    frames = [env.render()]
    for _ in range(20):
        env.step(STAY)
        frames.append(env.render())
    assert frames[0].shape == frames[-1].shape
    assert not np.array_equal(frames[0], frames[-1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: SharedForagingEnv(size=1), "size is 1"),
        (lambda: SharedForagingEnv(rivals=-1), "rivals"),
        (lambda: SharedForagingEnv(stock=0), "stock is 0"),
        (lambda: SharedForagingEnv(rival_policy="greed"), "did you mean 'greedy'"),
        (lambda: foraging_v0.parallel_env(agents=0), "number of agents is 0"),
        (lambda: foraging_v0.parallel_env(max_cycles=0), "max_cycles"),
        (lambda: foraging_v0.parallel_env(render_mode="ansi"), "render mode"),
        (lambda: foraging_v0.parallel_env().step({}), "call reset"),
    ],
)
def test_bad_arguments_are_one_sentence(call, message):
    with pytest.raises(OntogymError, match=message):
        call()


@pytest.mark.parametrize(
    ("actions", "message"), [({}, "no action for"), ({"forager_0": 5}, "not one of 0 to 4")]
)
def test_bad_actions_are_named(actions, message):
    env = foraging_v0.parallel_env(agents=1)
    env.reset(seed=0)
    with pytest.raises(OntogymError, match=message):
        env.step(actions)


def test_spaces_are_there_by_agent_too():
    env = foraging_v0.parallel_env(agents=2)
    assert set(env.observation_spaces) == set(env.action_spaces) == set(env.possible_agents)
    assert env.observation_spaces["forager_1"] is env.observation_space("forager_1")
    assert foraging_v0.env(agents=2).observation_spaces.keys() == env.observation_spaces.keys()
