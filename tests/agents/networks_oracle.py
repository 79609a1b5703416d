"""The networks of `ontogym.agents.networks`, readable: one individual, float64, matrices as the genome holds them."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ontogym.agents.networks import NetworkAgent

Array = NDArray[np.float64]


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


class Oracle:
    """One network.

    Args:
        agent: says the sizes. genome: ``(D,)``.
    """

    def __init__(self, agent: NetworkAgent, genome: Array) -> None:
        self.agent, self.kind, self.shape = agent, agent.name, agent.shape
        genome = np.asarray(genome, np.float32).astype(np.float64)[None]
        self.w = {name: part[0] for name, part in agent.layout.matrices(genome).items()}
        self.h = np.zeros(agent.hidden)
        self.last = np.zeros(self.shape.observed)
        self.traces = np.zeros((self.shape.observed, self.shape.observed + self.shape.contrasts))
        self.done = np.zeros(self.shape.outputs)
        self.local = np.zeros((2, self.shape.outputs, self.shape.observed))
        self.hold = False

    def step(self, x: Array) -> Array:
        """Motor output of an input: what is observed, then what is heard, then room for the change."""
        n_obs = self.shape.observed
        if self.shape.change >= 0:
            change = np.clip(self.agent.gains[0] * (x[:n_obs] - self.last), -1, 1)
            x = np.append(x[: self.shape.change], 0 * change if x[self.shape.start] else change)
            self.last = x[:n_obs].copy()
        one = np.append(x, 1.0)
        if self.kind == "mlp":
            self.h = np.tanh(one @ self.w["input"][:, 0])
        elif self.kind == "rnn":
            self.h = np.tanh(one @ self.w["input"][:, 0] + self.h @ self.w["back"][:, 0])
        elif self.kind == "trace":
            self._trace(x)
        elif self.kind == "local-trace":
            return self._bounded(self._local_trace(x))
        elif not self.hold:
            z, r, c = np.tensordot(one, self.w["input"], 1)
            back_z, back_r, back_c = np.tensordot(self.h, self.w["back"], 1)
            z, r = sigmoid(z + back_z), sigmoid(r + back_r)
            self.h = (1 - z) * np.tanh(c + r * back_c) + z * self.h
        written = np.tensordot(np.append(self.h, 1.0), self.w["output"], 1)
        scores = np.append(x[:n_obs], 1.0) @ written if self.kind in ("hyper", "trace") else written[0]
        return self._bounded(scores)

    def _bounded(self, scores: Array) -> Array:
        box = isinstance(self.agent.action_space, spaces.Box)
        return np.tanh(scores) if box else scores / (1 + abs(scores))

    def _local_trace(self, x: Array) -> Array:
        s, n_obs = self.shape, self.shape.observed
        rate, memory = sigmoid(self.w["rate"][0, 0])
        if not (self.hold or (s.start >= 0 and x[s.start])):
            change = np.tanh(self.agent.gains[0] * (x[:n_obs] - self.last))
            own = x[s.action : s.action + s.outputs] if s.action >= 0 else np.zeros(s.outputs)
            self.done += memory * (own - self.done)
            for k, cause in enumerate((own, self.done)):
                self.local[k] += rate * (np.outer(cause, change) - abs(cause)[:, None] * self.local[k])
        self.last = x[:n_obs].copy()
        weights = self.agent.gains[1] * self.w["innate"][:, 0] + np.einsum(
            "ki,kqi->qi", self.w["gain"][:, 0], self.local
        )
        return weights @ x[:n_obs] + np.append(x[n_obs:], 1.0) @ self.w["output"][:, 0]

    def _trace(self, x: Array) -> None:
        s, n_obs = self.shape, self.shape.observed
        if not (self.hold or (s.start >= 0 and x[s.start])):
            change = np.tanh(self.agent.gains[0] * (x[:n_obs] - self.last))
            action = np.append(
                x[s.action : s.action + s.outputs] if s.action >= 0 else np.zeros(s.outputs), 0.0
            )
            own = action[self.agent.contrasts[:, 0]] - action[self.agent.contrasts[:, 1]]
            cause = np.append(np.tanh(self.agent.gains[1] * self.last), own)
            heard = np.append(np.ones(n_obs), own != 0)
            rate = sigmoid(self.w["rate"].ravel()) * heard
            self.traces += rate * (np.outer(change, cause) - self.traces)
        self.last = x[:n_obs].copy()
        read = np.concatenate([self.traces.ravel(), x[s.extra :], [1.0]])
        self.h = np.tanh(read @ self.w["input"][:, 0])


def lives(agent: NetworkAgent, genomes: Array, inputs: Array, hold_from: int | None = None) -> Any:
    """Motor outputs ``(T, P, A)`` of inputs ``(T, P, n)``."""
    networks = [Oracle(agent, genome) for genome in genomes]
    outputs = []
    for t, batch in enumerate(inputs):
        for network in networks:
            network.hold = hold_from is not None and t >= hold_from
        outputs.append([network.step(x) for network, x in zip(networks, batch.astype(np.float64))])
    return np.array(outputs)
