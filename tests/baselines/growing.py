"""A random network that grows and prunes itself by chance: enough to be replayed and drawn."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ontogym.agents.base import Agent, Feedback, NetworkSnapshot, check_genomes
from ontogym.seeding import LaneStreams


class GrowingState(NamedTuple):
    """weights, mask (P, N, N); activation (P, N); nodes (P, N, 3); the rows' streams."""

    weights: np.ndarray
    mask: np.ndarray
    activation: np.ndarray
    nodes: np.ndarray
    streams: LaneStreams


class Growing(Agent[GrowingState]):
    """16 nodes by default; each step adds and prunes a few edges and jitters the rest. One gene: the gain."""

    name = "growing"

    def __init__(self, observation_space, action_space, nodes: int = 16, development_steps: int = 10) -> None:
        super().__init__(observation_space, action_space)
        self.nodes = nodes
        self.development, self.development_steps = "white-noise", development_steps
        n_in, n_out = self.spaces.n_observations, self.spaces.n_actions
        kind = np.repeat([0, 1, 2], [n_in, nodes - n_in - n_out, n_out])
        post, pre = np.meshgrid(kind, kind, indexing="ij")
        self.allowed = ((pre < 2) & (post > 0) & ~((pre == 0) & (post == 2))) & ~np.eye(nodes, dtype=bool)

    @property
    def n_allowed_edges(self) -> int:
        return int(self.allowed.sum())

    @property
    def genome_size(self) -> int:
        return 1

    @property
    def config(self) -> dict[str, Any]:
        return {"nodes": self.nodes, "development_steps": self.development_steps}

    def initial_genome(self):
        return np.ones(1)

    def birth(self, genomes, seeds):
        check_genomes(genomes, 1)
        n, streams = self.nodes, LaneStreams(seeds)
        mask = (streams.uniform((n, n)) < 0.05) & self.allowed
        weights = (streams.normal((n, n)) * 0.8 * mask).astype(np.float32)
        nodes = streams.normal((n, 3)).astype(np.float32)
        return GrowingState(weights, mask, np.zeros((len(seeds), n), np.float32), nodes, streams)

    def develop(self, state, activity):
        for observation in activity:
            _, state = self.step(state, observation, Feedback.of(np.zeros(len(observation))))
        return state

    def step(self, state, observation, feedback, active=None):
        n, streams = self.nodes, state.streams
        chance = streams.uniform((n, n))
        mask = ((state.mask & (chance > 0.002)) | (chance > 0.996)) & self.allowed
        weights = ((state.weights * 0.98 + 0.15 * streams.normal((n, n))) * mask).astype(np.float32)
        drive = state.activation.copy()
        drive[:, : observation.shape[1]] = np.clip(observation, -1, 1)
        activation = np.tanh(np.einsum("pij,pj->pi", weights, drive)).astype(np.float32)
        activation[:, : observation.shape[1]] = drive[:, : observation.shape[1]]
        nodes = (state.nodes * 0.995 + 0.01 * streams.normal((n, 3))).astype(np.float32)
        motor = activation[:, -self.spaces.n_actions :]
        return motor, GrowingState(weights, mask, activation, nodes, streams)

    def copy(self, state):
        return GrowingState(*(np.copy(x) for x in state[:4]), state.streams.copy())

    def network(self, state, row=0):
        return NetworkSnapshot(
            state.weights[row],
            state.mask[row],
            state.activation[row],
            state.nodes[row],
            self.spaces.n_observations,
            self.spaces.n_actions,
        )
