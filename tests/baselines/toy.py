"""A linear policy in plain NumPy: the smallest agent that meets the contract."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ontogym.agents.base import Agent, check_genomes
from ontogym.seeding import LaneStreams


class LinearState(NamedTuple):
    """Weights (P, A, O), reward heard so far (P,), steps (P,), the lanes' streams."""

    weights: np.ndarray
    heard: np.ndarray
    steps: np.ndarray
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
        return LinearState(weights, np.zeros(count), np.zeros(count, dtype=int), LaneStreams(seeds))

    def develop(self, state, activity):
        return state._replace(weights=state.weights + activity.mean())

    def step(self, state, observation, reward, active=None):
        active = np.ones(len(observation), dtype=bool) if active is None else active
        motor = np.zeros((len(observation), self.spaces.n_actions), dtype=np.float32)
        # Row by row sums in a fixed order: a batch gives each row what it would get alone.
        drive = (state.weights[active] * observation[active][:, None, :]).sum(2)
        if self.noise:
            drive = drive + self.noise * state.streams.normal((self.spaces.n_actions,), active)
        motor[active] = np.tanh(drive)
        heard, steps = state.heard.copy(), state.steps.copy()
        heard[active] += reward[active]
        steps[active] += 1
        return motor, state._replace(heard=heard, steps=steps)

    def copy(self, state):
        return LinearState(*(np.copy(x) for x in state[:3]), state.streams.copy())

    def diagnose(self, state):
        return {"heard": state.heard, "steps": state.steps.astype(float)}
