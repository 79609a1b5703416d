"""Spaces are adapted once and rightly; what cannot be adapted is refused in one sentence."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import SyncVectorEnv

from ontogym.agents.base import SpaceAdapter, check_genomes
from ontogym.agents.spaces import MAX_CHANNELS
from ontogym.errors import OntogymError

P = 5
ANY_ACTION = spaces.Discrete(2)
ANY_OBSERVATION = spaces.Box(-1, 1, (2,))

OBSERVATIONS = {
    "box": spaces.Box(-2, 2, (3,), np.float64),
    "scalar box": spaces.Box(0, 1, ()),
    "small matrix": spaces.Box(-1, 1, (2, 4)),
    "unbounded box": spaces.Box(-np.inf, np.inf, (4,)),
    "integers": spaces.Box(0, 9, (3,), np.int64),
    "discrete": spaces.Discrete(4),
    "discrete from 3": spaces.Discrete(4, start=3),
    "multi-discrete": spaces.MultiDiscrete([2, 3, 4]),
    "multi-discrete matrix": spaces.MultiDiscrete([[2, 3], [4, 2]]),
    "multi-discrete from -1": spaces.MultiDiscrete([2, 3], start=[-1, 5]),
    "multi-binary": spaces.MultiBinary(6),
    "multi-binary matrix": spaces.MultiBinary((2, 3)),
    "dict": spaces.Dict({"b": spaces.Box(-1, 1, (2,)), "a": spaces.Discrete(3, start=1)}),
    "tuple": spaces.Tuple([spaces.MultiBinary(2), spaces.Box(-1, 1, (1,))]),
    "nested": spaces.Dict(
        {
            "pair": spaces.Tuple([spaces.Discrete(2), spaces.MultiDiscrete([3, 2])]),
            "inner": spaces.Dict({"x": spaces.Box(-1, 1, (2, 2)), "on": spaces.MultiBinary(1)}),
        }
    ),
}

ACTIONS = {
    "discrete": (spaces.Discrete(3), 3),
    "discrete from 7": (spaces.Discrete(3, start=7), 3),
    "multi-discrete": (spaces.MultiDiscrete([2, 3]), 5),
    "multi-discrete matrix": (spaces.MultiDiscrete([[2, 3], [2, 2]]), 9),
    "multi-discrete from 4": (spaces.MultiDiscrete([2, 3], start=[4, -1]), 5),
    "multi-binary": (spaces.MultiBinary(4), 4),
    "multi-binary matrix": (spaces.MultiBinary((2, 2)), 4),
    "box": (spaces.Box(np.array([-2, 0.5], np.float32), np.array([2, 3], np.float32)), 2),
    "box matrix": (spaces.Box(-1, 1, (2, 3), np.float64), 6),
    "scalar box": (spaces.Box(0, 10, ()), 1),
}


class Still(gymnasium.Env[Any, Any]):
    """Observes samples of its space and nothing ever happens."""

    def __init__(self, observation_space: spaces.Space[Any]) -> None:
        self.observation_space, self.action_space = observation_space, ANY_ACTION

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.observation_space.seed(seed)
        return self.observation_space.sample(), {}


@pytest.mark.parametrize("name", OBSERVATIONS)
def test_a_batch_flattens_as_gymnasium_flattens_one(name: str) -> None:
    """A batch as a vector env returns it equals `gymnasium.spaces.flatten` of each observation."""
    space = OBSERVATIONS[name]
    batch, _ = SyncVectorEnv([lambda: Still(space)] * P).reset(seed=1)
    adapter = SpaceAdapter(space, ANY_ACTION)
    flat = adapter.observe(batch)
    assert flat.shape == (P, adapter.n_observations)
    assert flat.dtype == np.float32
    space_of_its_own = SyncVectorEnv([lambda: Still(space)] * P)
    singles = [env.reset(seed=1 + k)[0] for k, env in enumerate(space_of_its_own.envs)]
    expected = [spaces.flatten(space, single) for single in singles]
    np.testing.assert_allclose(flat, np.array(expected, np.float32))
    assert len({row.tobytes() for row in flat}) > 1


@pytest.mark.parametrize("name", ACTIONS)
def test_motor_output_becomes_actions(name: str) -> None:
    space, channels = ACTIONS[name]
    adapter = SpaceAdapter(ANY_OBSERVATION, space)
    assert adapter.n_actions == channels
    motor = np.random.default_rng(0).uniform(-1, 1, (200, channels)).astype(np.float32)
    actions = adapter.act(motor)
    assert actions.shape == (200, *space.shape)
    assert all(space.contains(action) for action in actions)
    assert len({action.tobytes() for action in actions}) > 1


def test_discrete_actions_are_the_largest_output() -> None:
    motor = np.array([[0.1, 0.9, -1.0], [0.5, -0.5, 0.6]])
    assert SpaceAdapter(ANY_OBSERVATION, spaces.Discrete(3, start=7)).act(motor).tolist() == [8, 9]
    groups = spaces.MultiDiscrete([2, 3], start=[4, -1])
    motor = np.array([[0.0, 1.0, 0.3, 0.2, 0.1], [1.0, 0.0, -1.0, -0.9, -0.8]])
    assert SpaceAdapter(ANY_OBSERVATION, groups).act(motor).tolist() == [[5, -1], [4, 1]]
    binary = SpaceAdapter(ANY_OBSERVATION, spaces.MultiBinary(3))
    assert binary.act(np.array([[0.2, -0.2, 0.0]])).tolist() == [[1, 0, 0]]


def test_box_actions_are_scaled_to_the_box() -> None:
    box = spaces.Box(np.array([-2, 0.5], np.float32), np.array([2, 3.5], np.float32))
    motor = np.array([[-1, -1], [0, 0], [1, 1], [5, -5], [np.nan, np.inf]], np.float32)
    actions = SpaceAdapter(ANY_OBSERVATION, box).act(motor)
    np.testing.assert_allclose(actions, [[-2, 0.5], [0, 2], [2, 3.5], [2, 0.5], [0, 3.5]])


def test_whole_numbers_of_a_box_are_reached_alike() -> None:
    """Rounded, not cut off: the top of an integer box must not need an output of exactly 1."""
    box = spaces.Box(0, 2, (1,), np.int64)
    motor = np.linspace(-1, 1, 5)[:, None]
    assert SpaceAdapter(ANY_OBSERVATION, box).act(motor)[:, 0].tolist() == [0, 0, 1, 2, 2]


@pytest.mark.parametrize(
    ("observation", "action", "message"),
    [
        (spaces.Text(5), ANY_ACTION, "An observation space of type Text cannot be flattened"),
        (spaces.Sequence(spaces.Discrete(2)), ANY_ACTION, "of type Sequence cannot be flattened"),
        (spaces.Graph(spaces.Box(0, 1, (1,)), None), ANY_ACTION, "of type Graph cannot be flattened"),
        (spaces.Dict({"word": spaces.Text(3)}), ANY_ACTION, "of type Text cannot be flattened"),
        (spaces.Box(0, 255, (84, 84, 3), np.uint8), ANY_ACTION, "(84, 84, 3) are images"),
        (spaces.Dict({"eye": spaces.Box(0, 1, (8, 8))}), ANY_ACTION, "(8, 8) are images"),
        (spaces.Tuple([spaces.Box(0, 1, (64, 64))]), ANY_ACTION, "put a feature extractor in front"),
        (spaces.Box(0, 1, (MAX_CHANNELS + 1,)), ANY_ACTION, "more than the 512"),
        (spaces.Tuple([spaces.Discrete(300)] * 2), ANY_ACTION, "flatten to 600 numbers"),
        (ANY_OBSERVATION, spaces.Box(-np.inf, np.inf, (2,)), "The action box is unbounded"),
        (ANY_OBSERVATION, spaces.Box(0, np.inf, (2,)), "give it finite limits"),
        (ANY_OBSERVATION, spaces.Text(4), "An action space of type Text is not supported"),
        (ANY_OBSERVATION, spaces.Dict({"a": ANY_ACTION}), "An action space of type Dict is not supported"),
        (ANY_OBSERVATION, spaces.Tuple([ANY_ACTION]), "Discrete, MultiDiscrete, MultiBinary or Box"),
    ],
)
def test_what_is_not_supported_is_one_sentence(
    observation: spaces.Space[Any], action: spaces.Space[Any], message: str
) -> None:
    with pytest.raises(OntogymError) as error:
        SpaceAdapter(observation, action)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_the_widest_observation_is_taken() -> None:
    assert SpaceAdapter(spaces.Box(0, 1, (MAX_CHANNELS,)), ANY_ACTION).n_observations == MAX_CHANNELS


def test_check_genomes() -> None:
    assert check_genomes(np.zeros(4), 4).shape == (1, 4)
    good = np.ones((3, 4), np.float32)
    assert check_genomes(good, 4) is good
    with pytest.raises(OntogymError, match="have 3 numbers but this agent needs 4"):
        check_genomes(np.zeros((2, 3)), 4)
    with pytest.raises(OntogymError, match=r"give \(4,\) or \(P, 4\)"):
        check_genomes(np.zeros((2, 2, 4)), 4)
    for bad in (np.nan, np.inf, -np.inf):
        genomes = np.zeros((3, 4))
        genomes[2, 1] = bad
        with pytest.raises(OntogymError, match="Genome 2 holds NaN"):
            check_genomes(genomes, 4)
