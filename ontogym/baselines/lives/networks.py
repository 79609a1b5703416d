"""The networks of many lives, episode by episode, and what of them changed from one to another."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.agents.base import CONDUCTS, Actor
from ontogym.baselines.lives.rollout import Moment, Watcher

__all__ = ["Changed", "EpisodeNetworks", "changed"]


class Changed(NamedTuple):
    """Conducting edges of each network that ``stayed``, ``turned`` their sign, ``went`` or ``came``, ``(P,)`` each."""

    stayed: NDArray[np.int64]
    turned: NDArray[np.int64]
    went: NDArray[np.int64]
    came: NDArray[np.int64]


class EpisodeNetworks(Watcher):
    """Keeps every lane's weights as they are in the first step of each episode.

    Args:
        actor: whose lanes they are; one that shows its `network`.

    Attributes:
        weights: one array ``(P, N, N)`` an episode, (post, pre), 0 where no edge conducts.
    """

    def __init__(self, actor: Actor[Any]) -> None:
        self.actor = actor
        self.weights: list[NDArray[np.float32]] = []

    def acted(self, moment: Moment) -> None:
        if moment.step == 0:
            self.weights.append(_conducting(self.actor, moment.state, len(moment.active)))


def changed(before: NDArray[np.floating], after: NDArray[np.floating]) -> Changed:
    """What became of conducting edges: weights ``(P, N, N)`` twice, 0 where none conducts."""
    old, new, turned = before != 0, after != 0, before * after < 0
    parts = (old & new & ~turned, turned, old & ~new, new & ~old)
    return Changed(*(part.sum((1, 2)) for part in parts))


def _conducting(actor: Actor[Any], state: Any, lanes: int) -> NDArray[np.float32]:
    networks = [actor.network(state, row) for row in range(lanes)]
    weights = np.stack([network.weights * network.mask for network in networks])
    return np.where(np.abs(weights) > CONDUCTS, weights, 0.0).astype(np.float32)
