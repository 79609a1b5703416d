"""What foraging worlds share: moves on a grid, and food that many eat from until it is gone.

The line of `ontogym.envs.foraging` is a grid of one axis. Worlds with several agents are batched like everything
here: W worlds, N agents in each, K patches of food.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import whole_number
from ontogym.seeding import LaneStreams

__all__ = ["LINE_MOVES", "MOVES", "PatchWorld", "PatchWorldState", "nearest_food", "walk"]

MOVES = np.array([[1, 0], [-1, 0], [0, 0], [0, 1], [0, -1]], dtype=np.int64)
"""Right, left, stay, up, down, ``(5, 2)``."""
LINE_MOVES = MOVES[:3, 0].copy()
"""Those on a line: right, left, stay (the numbers of Plantec et al.'s code)."""


def walk(position: NDArray[np.int64], moves: NDArray[np.int64], last: int) -> NDArray[np.int64]:
    """Coordinates after a move; walls at 0 and `last` hold. Any shape, element by element."""
    return np.minimum(np.maximum(position + moves, 0), last)


class PatchWorldState(NamedTuple):
    """Agents ``place`` (W, N, 2), food ``food`` (W, K, 2) with ``stock`` (W, K), last rewards ``eaten`` (W, N)."""

    place: NDArray[np.int64]
    food: NDArray[np.int64]
    stock: NDArray[np.float64]
    eaten: NDArray[np.float64]


class PatchWorld:
    """A square grid with patches of food; who stands on a patch eats one unit a step.

    Where a patch holds less than one unit for each of those that stand on it, they share what is left. An empty patch
    is gone, and a full one grows in a random cell. Agents may stand in the same cell.

    Args:
        size: cells along a side. agents: N. patches: K. stock: units in a fresh patch.

    Raises:
        OntogymError: an argument that is no whole number from 1 on (size: from 2 on).
    """

    def __init__(self, size: int, agents: int, patches: int, stock: int) -> None:
        self.size, self.agents = (
            whole_number("size", size, 2),
            whole_number("The number of agents", agents, 1),
        )
        self.patches = whole_number("The number of patches", patches, 1)
        self.stock = whole_number("stock", stock, 1)
        self.last = self.size - 1

    def reset(self, streams: LaneStreams, rows: NDArray[np.intp]) -> PatchWorldState:
        """Fresh worlds: agents and food in random cells."""
        things = self.agents + self.patches
        cells = (streams.uniform((things, 2), rows) * self.size).astype(np.int64)
        return PatchWorldState(
            cells[:, : self.agents].copy(),
            cells[:, self.agents :].copy(),
            np.full((len(rows), self.patches), float(self.stock)),
            np.zeros((len(rows), self.agents)),
        )

    def step(
        self, state: PatchWorldState, actions: NDArray[Any], streams: LaneStreams
    ) -> tuple[PatchWorldState, NDArray[np.float64]]:
        """One step under actions ``(W, N)``: the new state and the units eaten ``(W, N)``."""
        place = walk(state.place, MOVES.take(actions, axis=0), self.last)
        at = (place[:, :, None] == state.food[:, None]).all(3)
        mouths = at.sum(1)
        bite = np.minimum(1.0, state.stock / np.maximum(mouths, 1))
        eaten = (at * bite[:, None]).sum(2)
        stock = state.stock - bite * mouths
        # Always the same number of draws, so that chance does not depend on what the agents do.
        cells = (streams.uniform((self.patches, 2)) * self.size).astype(np.int64)
        gone = stock < 1e-9
        food = np.where(gone[:, :, None], cells, state.food)
        stock = np.where(gone, float(self.stock), stock)
        return PatchWorldState(place, food, stock, eaten), eaten.copy()

    def observe(self, state: PatchWorldState, agents: slice = slice(None)) -> NDArray[np.float32]:
        """What agents sense, ``(W, n, 10)`` in [0, 1]: food and others, each here, right, left, up and down.

        Here: 1 for food, the share of all others for others. To a side: 1 / distance (cells walked) of the nearest on
        that side, 0 if there is none.
        """
        me = state.place[:, agents]
        view = np.empty((*me.shape[:2], 10), dtype=np.float32)
        here, sides = _senses(me, state.food)
        view[..., 0], view[..., 1:5] = here > 0, sides
        here, sides = _senses(me, state.place)
        # Everyone meets itself in its own cell.
        view[..., 5], view[..., 6:] = (here - 1) / max(1, self.agents - 1), sides
        return view


def nearest_food(state: PatchWorldState) -> NDArray[np.int64]:
    """Actions ``(W, N)`` that lead each agent to its nearest patch, along the first axis first."""
    way = state.food[:, None] - state.place[:, :, None]
    nearest = np.abs(way).sum(3).argmin(2)
    x, y = np.moveaxis(np.take_along_axis(way, nearest[..., None, None], axis=2)[:, :, 0], 2, 0)
    along_x = np.where(x > 0, 0, 1)
    along_y = np.where(y > 0, 3, np.where(y < 0, 4, 2))
    return np.where(x != 0, along_x, along_y)


def _senses(
    me: NDArray[np.int64], things: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """How many things are in the cell ``(W, n)``, and their nearness to each side ``(W, n, 4)``."""
    way = things[:, None] - me[:, :, None]
    distance = np.abs(way).sum(3)
    near = np.where(distance > 0, 1.0 / np.maximum(distance, 1), 0.0)
    sides = np.stack([way[..., 0] > 0, way[..., 0] < 0, way[..., 1] > 0, way[..., 1] < 0], axis=2)
    return (distance == 0).sum(2), (sides * near[:, :, None]).max(3)
