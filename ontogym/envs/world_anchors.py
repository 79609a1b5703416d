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

from ontogym.errors import OntogymError

__all__ = ["FILE", "WorldAnchors", "world_anchors"]

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
    if fold not in range(len(found["floor"])):
        raise OntogymError(
            f"There is no fold {fold!r}; pass a whole number from 0 to {len(found['floor']) - 1}."
        )
    return WorldAnchors(np.array(found["floor"][fold]), np.array(found["ceiling"]))


@functools.cache
def _read() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return read
