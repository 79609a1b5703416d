"""LNDPs and SB3 models in one world."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ontogym.agents.individuals import Individuals
from ontogym.agents.lndp import LNDP
from ontogym.baselines.lives.actors import ByHand
from ontogym.baselines.lives.together import play
from ontogym.baselines.sb3.policy import TrainedPolicy
from ontogym.baselines.sb3.spaces import SpaceMap
from ontogym.envs import foraging_v0
from ontogym.envs.reference import NearestFood
from ontogym.errors import OntogymError
from ontogym.seeding import generator

EXAMPLE = Path(__file__).parents[3] / "examples" / "shared_foraging.py"


class Model:
    """A model with SB3's `predict` that walks to the nearest food."""

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        return NearestFood(len(observation)).act(observation, None), None


def company(world, scale=0.5):
    spaces = world.observation_space("forager_0"), world.action_space("forager_0")
    players = {"forager_0": TrainedPolicy(Model(), *spaces, SpaceMap(*spaces))}
    for name in world.possible_agents[1:]:
        agent = LNDP(world.observation_space(name), world.action_space(name))
        players[name] = Individuals(agent, generator(0, name).normal(size=agent.genome_size) * scale)
    return players


def test_a_life_together_is_repeatable():
    world = foraging_v0.parallel_env(agents=3, max_cycles=20)
    first, again, other = (play(world, company(world), seed, episodes=2) for seed in (4, 4, 5))
    assert set(first) == set(world.possible_agents)
    for name in first:
        assert first[name].shape == (2,)
        np.testing.assert_array_equal(first[name], again[name])
    assert (first["forager_0"] > 0).all()
    assert not np.array_equal(first["forager_0"], other["forager_0"])
    assert first["forager_0"][0] != first["forager_0"][1]  # another world in each episode


def test_every_place_needs_an_actor_and_may_share_it():
    world = foraging_v0.parallel_env(agents=2, max_cycles=5)
    actors = company(world)
    with pytest.raises(OntogymError, match="one actor for each"):
        play(world, {"forager_0": actors["forager_0"]}, 0)
    spaces = actors["forager_0"].observation_space, actors["forager_0"].action_space
    shared = ByHand(*spaces, make=NearestFood)  # actors keep no state of their own
    assert set(play(world, dict.fromkeys(world.possible_agents, shared), 0)) == set(world.possible_agents)


def test_the_example_runs():
    pytest.importorskip("supersuit")
    done = subprocess.run(
        [sys.executable, str(EXAMPLE), "--steps", "512", "--episodes", "1"],
        capture_output=True,
        text=True,
        cwd=EXAMPLE.parents[1],
        env={**os.environ, "PYTHONPATH": str(EXAMPLE.parents[1])},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("LNDP ") == 3
