r"""The network g that stands for an unknown learning rule, written to be read (arXiv 2509.04661, Sec. 3).

An animal's policy on trial t is :math:`p(y_t = R) = \sigma(w_t x_t + b_t)`, and with :math:`W = (w, b)`

.. math:: W_{t+1} = W_t + s \odot g_\theta(W_t, x_t, 1, \mathrm{day\ start}_t, y_t, r_t, \mathrm{side}_t)

g is two hidden layers of ReLU (``"dnn"``), or a GRU and then those layers (``"gru"``), which remembers trials.
This file is the oracle of `kernel`, which computes the same thing fast, and what an agent runs that carries
an inferred rule. Choice and side are coded -1 (left) and 1 (right), reward and the start of a day 0 and 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ontogym.errors import OntogymError, UnknownNameError
from ontogym.seeding import generator

__all__ = ["INPUTS", "KINDS", "UpdateNetwork", "features"]

INPUTS = ("weight", "bias", "stimulus", "constant", "day start", "choice", "reward", "side")
KINDS = ("dnn", "gru")
N = len(INPUTS)
START_SCALE = 1e-3
FORGETFUL = -4.0
"""Bias of the keep gates of half of a GRU's units before any fit: they keep 2 % of themselves from trial to trial."""
REMEMBERED = (2.0, 20.0)
"""Trials that the other half remembers before any fit, shortest and longest: chrono initialisation (arXiv 1804.11188)."""


@dataclass(frozen=True)
class UpdateNetwork:
    """Shape of g and the layout of its flat parameters.

    Args:
        kind: "dnn" or "gru".
        hidden: units H of each hidden layer and of the GRU.

    Raises:
        OntogymError: another kind, or no hidden units.
    """

    kind: str = "dnn"
    hidden: int = 32

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UnknownNameError("update model", self.kind, KINDS)
        if self.hidden < 1:
            raise OntogymError(f"hidden is {self.hidden}; give the network at least 1 hidden unit.")

    @property
    def recurrent(self) -> bool:
        """Whether there is a GRU."""
        return self.kind == "gru"

    @property
    def layout(self) -> dict[str, tuple[int, ...]]:
        """Name to shape of each parameter array, in the order of the flat vector; matrices are (in, out).

        ``scale`` is s, ``initial`` the weights W of a newcomer whose own are not known. Gates: r, z, n.
        """
        h = self.hidden
        gru = {"w_ih": (N, 3 * h), "w_hh": (h, 3 * h), "bias": (3 * h,), "bias_n": (h,)}
        return {
            "scale": (2,),
            "initial": (2,),
            **(gru if self.recurrent else {}),
            "w1": (h if self.recurrent else N, h),
            "b1": (h,),
            "w2": (h, h),
            "b2": (h,),
            "w3": (h, 2),
            "b3": (2,),
        }

    @property
    def offsets(self) -> dict[str, int]:
        """Where each array starts in the flat vector."""
        found, at = {}, 0
        for name, shape in self.layout.items():
            found[name] = at
            at += math.prod(shape)
        return found

    @property
    def n_params(self) -> int:
        """Length D of the flat vector."""
        return sum(math.prod(shape) for shape in self.layout.values())

    def initialise(self, seed: int) -> NDArray[np.float64]:
        """Random parameters ``(D,)``: uniform within 1 / sqrt(fan-in), biases too; s = 1e-3, W of newcomers 0.

        The keep gates of a GRU begin at `keep_biases`: half of it sees the trial as a DNN does.
        """
        rng = generator(seed, "update network", self.kind, self.hidden)
        fan_in = {"w1": self.layout["w1"][0], "b1": self.layout["w1"][0]}
        parts = []
        for name, shape in self.layout.items():
            bound = 1 / math.sqrt(fan_in.get(name, self.hidden))
            parts.append(rng.uniform(-bound, bound, shape).ravel())
        parts[0], parts[1] = np.full(2, START_SCALE), np.zeros(2)
        found = np.concatenate(parts)
        found[self.keep_gates] = self.keep_biases
        return found

    @property
    def slow(self) -> int:
        """How many units of a GRU, the last ones, begin with a memory."""
        return self.hidden // 2 if self.recurrent else 0

    @property
    def keep_gates(self) -> slice:
        """Where the biases of z stand in the flat vector; empty without a GRU."""
        at = self.offsets["bias"] + self.hidden if self.recurrent else 0
        return slice(at, at + self.hidden * self.recurrent)

    @property
    def keep_biases(self) -> NDArray[np.float64]:
        """What the biases of z are before any fit, ``(H,)`` or ``(0,)``: a unit of bias log(tau - 1) remembers tau trials."""
        quick = np.full((self.hidden - self.slow) * self.recurrent, FORGETFUL)
        return np.concatenate([quick, np.log(np.geomspace(*REMEMBERED, self.slow) - 1)])

    def unpack(self, params: Tensor) -> dict[str, Tensor]:
        """Views of flat parameters ``(D,)`` by name."""
        parts = params.split([math.prod(shape) for shape in self.layout.values()])
        return {name: part.unflatten(0, shape) for (name, shape), part in zip(self.layout.items(), parts)}

    def update(self, p: dict[str, Tensor], inputs: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """What W changes by after a trial, and the new memory.

        Args:
            p: parameters by name, from `unpack`.
            inputs: ``(..., 8)``, in the order of `INPUTS`.
            memory: ``(..., H)`` hidden state of the GRU; passed through by the DNN.

        Returns:
            ``(..., 2)`` and ``(..., H)``.
        """
        x = inputs
        if self.recurrent:
            h = self.hidden
            a, g = inputs @ p["w_ih"] + p["bias"], memory @ p["w_hh"]
            reset = torch.sigmoid(a[..., :h] + g[..., :h])
            keep = torch.sigmoid(a[..., h : 2 * h] + g[..., h : 2 * h])
            candidate = torch.tanh(a[..., 2 * h :] + reset * (g[..., 2 * h :] + p["bias_n"]))
            x = memory = candidate + keep * (memory - candidate)
        x = torch.relu(x @ p["w1"] + p["b1"])
        x = torch.relu(x @ p["w2"] + p["b2"])
        return p["scale"] * (x @ p["w3"] + p["b3"]), memory


def features(
    stimulus: NDArray[np.floating],
    day_start: NDArray[np.generic],
    choice: NDArray[np.integer],
    reward: NDArray[np.floating],
    side: NDArray[np.integer],
) -> NDArray[np.float64]:
    """What happened on each trial as the network codes it, ``(..., 5)``; choice and side are 0 and 1."""
    return np.stack([stimulus, day_start, 2.0 * choice - 1, reward, 2.0 * side - 1], -1).astype(np.float64)
