"""A linear policy in plain NumPy: the smallest agent that meets the contract."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import gymnasium
import numpy as np

from ontogym.agents.base import Agent, check_genomes
from ontogym.baselines.evolution.config import EvolutionConfig
from ontogym.seeding import LaneStreams


def brief(env: str, **more: Any) -> EvolutionConfig:
    """A search of one generation, as short as there is."""
    shortest = {"generations": 1, "population": 4, "lives": 1, "eval_lives": 2, "final_lives": 2}
    return EvolutionConfig(env, **{**shortest, **more})


class LinearState(NamedTuple):
    """Weights (P, A, O); sums of rewards heard, of steps and of observations (P,); the lanes' streams."""

    weights: np.ndarray
    heard: np.ndarray
    steps: np.ndarray
    seen: np.ndarray
    streams: LaneStreams


class Linear(Agent[LinearState]):
    """motor = tanh(W x + noise); remembers what it was told, for the tests to look at."""

    name = "linear"

    def __init__(self, observation_space, action_space, noise: float = 0.0, scale: float = 1.0) -> None:
        super().__init__(observation_space, action_space)
        self.noise, self.scale = noise, scale

    @property
    def genome_size(self) -> int:
        return self.spaces.n_actions * self.spaces.n_observations

    @property
    def config(self) -> dict[str, Any]:
        return {"noise": self.noise, "scale": self.scale}

    def initial_genome(self):
        return np.zeros(self.genome_size)

    def birth(self, genomes, seeds):
        genomes = check_genomes(genomes, self.genome_size)
        count = len(genomes)
        weights = genomes.reshape(count, self.spaces.n_actions, self.spaces.n_observations) * self.scale
        return LinearState(
            weights, np.zeros(count), np.zeros(count, dtype=int), np.zeros(count), LaneStreams(seeds)
        )

    def develop(self, state, activity):
        return state._replace(weights=state.weights + activity.mean())

    def step(self, state, observation, feedback, active=None):
        active = np.ones(len(observation), dtype=bool) if active is None else active
        motor = np.zeros((len(observation), self.spaces.n_actions), dtype=np.float32)
        # Row by row sums in a fixed order: a batch gives each row what it would get alone.
        drive = (state.weights[active] * observation[active][:, None, :]).sum(2)
        if self.noise:
            drive = drive + self.noise * state.streams.normal((self.spaces.n_actions,), active)
        motor[active] = np.tanh(drive)
        heard, steps, seen = state.heard.copy(), state.steps.copy(), state.seen.copy()
        heard[active] += feedback.reward[active]
        steps[active] += 1
        seen[active] += observation[active].sum(1)
        return motor, state._replace(heard=heard, steps=steps, seen=seen)

    def copy(self, state):
        return LinearState(*(np.copy(x) for x in state[:4]), state.streams.copy())

    def diagnose(self, state):
        return {"heard": state.heard, "steps": state.steps.astype(float), "seen": state.seen}


class GoalEnv(gymnasium.Env):
    """Five steps; an action that equals the hidden goal earns 1. What is observed is the last action."""

    observation_space = gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, length: int = 5, bad_at: int = -1, bonus: float = 0.0) -> None:
        self.length, self.bad_at, self.bonus = length, bad_at, bonus

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.goal, self.t = (options or {}).get("goal", 0), 0
        self.draw = float(self.np_random.uniform())
        return np.array([1.0, self.draw], np.float32), {}

    def step(self, action):
        self.t += 1
        reward = np.nan if self.t == self.bad_at else float(action == self.goal) + self.bonus * self.draw
        return np.array([1.0, self.draw], np.float32), reward, self.t >= self.length, False, {}


class Pulse:
    """A source of spontaneous activity: a constant that the seed decides."""

    def n_params(self, channels):
        return 0

    def sample(self, steps, seeds, channels, params=None):
        level = (seeds % np.uint64(7)).astype(np.float32)
        return np.broadcast_to(level[None, :, None], (steps, len(seeds), channels))


GOAL = "tests.baselines.toy:toy/Goal-v0"
if "toy/Goal-v0" not in gymnasium.registry:
    gymnasium.register("toy/Goal-v0", entry_point="tests.baselines.toy:GoalEnv")


class Deadly(Linear):
    """Ends its process at birth, as an out-of-memory kill would."""

    def birth(self, genomes, seeds):
        os._exit(9)
