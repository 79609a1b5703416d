"""check_agent on a tiny agent: sound, and with every fault planted."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from gymnasium import spaces

from ontogym.agents.base import Agent, Feedback, NetworkSnapshot, check_genomes
from ontogym.seeding import LaneStreams
from ontogym.testing import assert_agent, check_agent


class TinyState(NamedTuple):
    weights: np.ndarray  # (P, A, O)
    memory: np.ndarray  # (P, A)
    streams: LaneStreams


class Tiny(Agent[TinyState]):
    """A noisy linear reflex with a leaky memory; weights drift with reward."""

    name = "tiny"

    @property
    def genome_size(self) -> int:
        return self.spaces.n_actions * self.spaces.n_observations

    @property
    def config(self) -> dict[str, Any]:
        return {"leak": 0.5}

    def initial_genome(self):
        return np.zeros(self.genome_size)

    def birth(self, genomes, seeds):
        genomes = check_genomes(genomes, self.genome_size)
        shape = (len(genomes), self.spaces.n_actions, self.spaces.n_observations)
        return TinyState(
            genomes.reshape(shape).copy(), np.zeros(shape[:2]), LaneStreams(np.asarray(seeds, np.uint64))
        )

    def develop(self, state, activity):
        for observation in activity:
            _, state = self.step(state, observation, Feedback.of(np.zeros(len(observation))))
        return state

    def step(self, state, observation, feedback, active=None):
        weights, memory, streams = state
        rows = np.ones(len(memory), bool) if active is None else active
        noise = streams.uniform((self.spaces.n_actions,), rows)
        drive = np.einsum("pao,po->pa", weights[rows], observation[rows])
        memory[rows] = 0.5 * memory[rows] + np.tanh(drive) + 0.1 * noise
        weights[rows] += 0.1 * feedback.reward[rows, None, None] * memory[rows][:, :, None]
        motor = np.zeros(memory.shape, np.float32)
        motor[rows] = np.tanh(memory[rows])
        return motor, state

    def copy(self, state):
        return TinyState(state.weights.copy(), state.memory.copy(), state.streams.copy())

    def network(self, state, row=0):
        n_out, n_in = state.weights.shape[1:]
        n = n_in + n_out
        weights = np.zeros((n, n), np.float32)
        weights[n_in:, :n_in] = state.weights[row]
        nodes = np.zeros((n, 1), np.float32)
        return NetworkSnapshot(weights, weights != 0, nodes[:, 0], nodes, n_in, n_out)

    def diagnose(self, state):
        return {"memory": state.memory.mean(1)}


class DoubleOutput(Tiny):
    def step(self, state, observation, feedback, active=None):
        motor, state = super().step(state, observation, feedback, active)
        return motor.astype(np.float64), state


class NotFinite(Tiny):
    def step(self, state, observation, feedback, active=None):
        motor, state = super().step(state, observation, feedback, active)
        return np.log(motor - 10 + 0j).real.astype(np.float32) * np.float32("inf"), state


class GlobalChance(Tiny):
    def step(self, state, observation, feedback, active=None):
        return super().step(state, observation + np.random.normal(size=observation.shape), feedback, active)  # noqa: NPY002


class Crowd(Tiny):
    def step(self, state, observation, feedback, active=None):
        return super().step(state, observation - observation.mean(0), feedback, active)


class SharedStream(Tiny):
    def birth(self, genomes, seeds):
        return super().birth(genomes, np.arange(len(np.atleast_2d(genomes))))


class NeverSleeps(Tiny):
    def step(self, state, observation, feedback, active=None):
        motor, state = super().step(state, observation, feedback)
        return (motor if active is None else motor * active[:, None]), state


class TalksInSleep(Tiny):
    def step(self, state, observation, feedback, active=None):
        _, state = super().step(state, observation, feedback, active)
        return np.tanh(state.memory).astype(np.float32), state


class ShallowCopy(Tiny):
    def copy(self, state):
        return TinyState(*state)


class TakesAnyGenome(Tiny):
    def birth(self, genomes, seeds):
        return super().birth(np.nan_to_num(np.asarray(genomes)[:, : self.genome_size]), seeds)


class WrongGenome(Tiny):
    def initial_genome(self):
        return np.zeros(3)


class ConfigNotJson(Tiny):
    @property
    def config(self):
        return {"shape": (1, 2)}


class WrongViews(Tiny):
    def diagnose(self, state):
        return {"memory": state.memory.mean()}


class CannotDevelop(Tiny):
    def develop(self, state, activity):
        raise NotImplementedError("no development here")


BOX, DISCRETE = spaces.Box(-1, 1, (4,)), spaces.Discrete(3)


@pytest.mark.parametrize(
    ("observation", "action"),
    [
        (BOX, DISCRETE),
        (spaces.Discrete(5), spaces.Box(-2, 3, (2,), np.float32)),
        (spaces.MultiBinary(3), spaces.MultiDiscrete([2, 3])),
        (spaces.Dict({"a": BOX, "b": spaces.Discrete(2)}), spaces.MultiBinary(2)),
    ],
)
def test_sound_agent_passes(observation, action):
    assert check_agent(Tiny(observation, action)) == []
    assert_agent(Tiny(observation, action), population=2, steps=5, seed=1)


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (DoubleOutput, "step"),
        (NotFinite, "step"),
        (CannotDevelop, "step"),
        (GlobalChance, "determinism"),
        (Crowd, "population"),
        (SharedStream, "population"),
        (NeverSleeps, "inactive"),
        (TalksInSleep, "inactive"),
        (ShallowCopy, "copy"),
        (TakesAnyGenome, "bad-genome"),
        (WrongGenome, "genome"),
        (ConfigNotJson, "genome"),
        (WrongViews, "views"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_planted_fault_is_found(agent, name):
    findings = check_agent(agent(BOX, DISCRETE))
    names = {finding.name for finding in findings}
    assert name in names
    if name not in ("determinism", "population"):
        assert names == {name}
    with pytest.raises(AssertionError, match=agent.__name__):
        assert_agent(agent(BOX, DISCRETE))
