"""What single policies earn in each world of a rule-shift task: floors and ceilings, measured and kept as data.

``python benchmarks/env_anchors.py --worlds`` measures them again and writes the file.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.adaptation import HeldOut, held_out_normalised
from ontogym.envs.worlds import FOLDS, SPLITS
from ontogym.errors import OntogymError, UnknownNameError, whole_number

__all__ = ["FILE", "WorldAnchors", "in_worlds", "world_anchors", "world_conditions"]

FILE = Path(__file__).with_name("world_anchors.json")


class WorldAnchors(NamedTuple):
    """Mean returns of an episode in each world, by number, ``(C,)``.

    ``floor``: what the single fixed policy earns there that is the best on average over the fold's *training* worlds.
    ``ceiling``: what the policy that is told the world earns.
    """

    floor: NDArray[np.float64]
    ceiling: NDArray[np.float64]

    def normalised(self, returns: NDArray[np.float64], worlds: NDArray[np.integer]) -> NDArray[np.float64]:
        """``(return - floor) / (ceiling - floor)`` of mean returns ``(..., W)`` in `worlds` ``(W,)``.

        NaN in a world in which the single policy earns what the told one does: nothing is to be found out there.
        """
        floor, reach = self.floor[worlds], (self.ceiling - self.floor)[worlds]
        asks = reach > 0.05 * np.abs(self.ceiling[worlds])
        return np.asarray(np.where(asks, (returns - floor) / np.where(asks, reach, 1.0), np.nan))


def world_anchors(env_id: str, fold: int) -> WorldAnchors:
    """Floors and ceilings of `env_id` by default families, floors for the worlds trained in in `fold`.

    Raises:
        OntogymError: they have not been measured, or there is no such fold.
    """
    found = _read().get(env_id)
    if found is None:
        raise OntogymError(
            f"The worlds of {env_id} have no measured floors; there are those of {sorted(_read())}."
        )
    fold = whole_number("fold", fold, 0, len(found["floor"]) - 1)
    return WorldAnchors(np.array(found["floor"][fold]), np.array(found["ceiling"]))


def world_conditions(env_id: str, fold: int, split: str = "test") -> tuple[dict[str, int], ...]:
    """One condition a world of one side of a fold, so that every life of a group lives in another of them.

    Raises:
        UnknownNameError, OntogymError: no such split, fold or measured environment.
    """
    if split not in SPLITS:
        raise UnknownNameError("split", str(split), SPLITS)
    count = len(world_anchors(env_id, fold).ceiling)
    sides = {"test": (True,), "train": (False,), "all": (True, False)}[split]
    return tuple({"world": k} for k in range(count) if (k % FOLDS == fold) in sides)


def in_worlds(
    env_id: str, fold: int, split: str, returns: NDArray[np.float64], scale: float
) -> tuple[NDArray[np.float64], HeldOut]:
    """Mean returns ``(W,)`` in the worlds of one side of a fold, and what they are worth (`held_out_normalised`).

    Args:
        returns: ``(L, E)`` of lives under `world_conditions`, life l in world ``l % W`` of them.
        scale: optimal less random return.
    """
    places = [condition["world"] for condition in world_conditions(env_id, fold, split)]
    found, by_world = world_anchors(env_id, fold), returns.mean(1).reshape(-1, len(places)).mean(0)
    return by_world, held_out_normalised(by_world, found.floor[places], found.ceiling[places], scale)


@functools.cache
def _read() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return read
