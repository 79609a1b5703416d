"""How many different answers a network can give: whether "this input to that output" is something it says.

A network may score well with one answer, more or less of it; a task of many inputs and outputs needs several.
"""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.agents.base import Agent, Feedback
from ontogym.errors import OntogymError

__all__ = ["answer_rank", "answers", "participation"]


def answers(agent: Agent[Any], state: Any, probes: NDArray[np.floating]) -> NDArray[np.float64]:
    """What living networks would do at each of several observations, ``(P, Q, A)``; `state` is left alone.

    Args:
        agent: whose `state` it is.
        probes: ``(Q, O)`` observations, each shown to a copy of every network that is otherwise frozen, where it can be.
    """
    probes = np.atleast_2d(np.asarray(probes, np.float32))
    found = []
    for probe in probes:
        copy = agent.copy(state)
        with contextlib.suppress(OntogymError):  # an agent with nothing to freeze
            copy = agent.freeze(copy, "all")
        lanes = _lanes(copy)
        silence = Feedback.of(np.zeros(lanes, np.float32), agent.spaces.n_actions)
        motor, _ = agent.step(copy, np.repeat(probe[None], lanes, 0), silence)
        found.append(np.asarray(motor, np.float64))
    return np.stack(found, 1)


def answer_rank(agent: Agent[Any], state: Any, probes: NDArray[np.floating]) -> NDArray[np.float64]:
    """Rank of the answers to `probes` as a participation ratio ``(P,)``: `participation` of `answers`."""
    return participation(answers(agent, state, probes))


def participation(matrices: NDArray[np.floating]) -> NDArray[np.float64]:
    r"""How many directions rows spread over about their mean: ``(P, Q, A)`` to ``(P,)``.

    .. math:: \Big(\sum_k \sigma_k\Big)^2 \Big/ \sum_k \sigma_k^2

    of the singular values of the centred matrix: 1 where all differences lie on a line, at most min(Q - 1, A); 0 where
    all rows are alike.
    """
    centred = np.asarray(matrices, np.float64)
    values = np.linalg.svd(centred - centred.mean(1, keepdims=True), compute_uv=False)
    power = (values**2).sum(1)
    return np.where(power > 1e-20, values.sum(1) ** 2 / np.maximum(power, 1e-20), 0.0)


def _lanes(state: Any) -> int:
    """How many networks a state holds: the first axis of its first array."""
    for part in state:
        if isinstance(part, tuple):
            return _lanes(part)
        if hasattr(part, "shape") and len(part.shape):
            return int(part.shape[0])
    raise OntogymError("This state holds no arrays, so that its networks cannot be counted.")
