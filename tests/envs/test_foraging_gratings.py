"""Foraging by sight: the line's lives, seen as bars whose direction is the place."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest

from ontogym.baselines.lives.life import LifeSpec, life_seeds, live, make_agent
from ontogym.envs import make_vector
from ontogym.envs.foraging_gratings import PHASES, gratings
from ontogym.errors import OntogymError

ENV = "ontogym/ForagingGratings-v0"


def test_lives_are_those_of_the_line_and_only_what_is_seen_differs():
    seen, plain = make_vector(ENV, 8), make_vector("ontogym/Foraging-v0", 8)
    seen.reset(seed=3), plain.reset(seed=3)
    rng = np.random.default_rng(0)
    for _ in range(100):
        actions = rng.integers(3, size=8)
        pictures, rewards, *_, info = seen.step(actions)
        places, expected, *_, other = plain.step(actions)
        np.testing.assert_array_equal(rewards, expected)
        np.testing.assert_array_equal(info["position"], other["position"])
        assert pictures.shape == (8, 1, 56, 56)
        assert places.shape == (8, 1)


def test_bars_turn_from_place_to_place_and_move_on_from_trial_to_trial():
    walls = gratings(5, 56, 8.0)
    assert walls.shape == (PHASES, 5, 56, 56)
    power = np.abs(np.fft.rfft2(walls - walls.mean((2, 3), keepdims=True))).reshape(PHASES, 5, -1)
    power /= np.linalg.norm(power, axis=-1, keepdims=True)
    assert (power * power[0]).sum(-1).min() > 0.9  # the spectrum is the place's, whatever the phase
    assert (power[0] @ power[0].T - np.eye(5)).max() < 0.5
    env = gymnasium.make(ENV)
    first, _ = env.reset(seed=0, options={"goal": 1})
    for action in (0, 0):  # to the food, and back in the middle
        again, reward, *_, info = env.step(action)
    assert (reward, info["trial"], info["position"]) == (10.0, 1, 2)
    assert (again != first).any()


def test_it_is_lived_through_eyes_and_not_by_what_is_compiled_for_numbers():
    kwargs = {"features": {"name": "untrained", "size": 4}}
    agent = make_agent("gru", ENV, kwargs)
    assert agent.spaces.n_observations == 4
    spec = LifeSpec(ENV, kwargs, 1)
    genomes = np.random.default_rng(1).normal(size=(2, agent.genome_size))
    assert live(agent, genomes, spec, life_seeds(spec, 2, 0)).returns.shape == (2, 2, 1)


@pytest.mark.parametrize(
    "kwargs", [{"pixels": 4}, {"pixels": 8.5}, {"wavelength": 1.0}, {"wavelength": 99.0}]
)
def test_sizes_that_cannot_be_drawn_are_refused(kwargs):
    with pytest.raises(OntogymError, match="pass a w"):
        gymnasium.make(ENV, **kwargs)
