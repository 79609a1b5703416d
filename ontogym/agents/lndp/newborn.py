"""How newborn networks are drawn, all at once or a few at a time: the same for every engine."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ontogym.agents.lndp.organism import Body, LNDPConfig, allowed_edges
from ontogym.seeding import LaneStreams

__all__ = ["newborns"]

BODY_BLOCK = 2**24
"""Bytes of newborns that are drawn at a time."""


def newborns(
    config: LNDPConfig, n_inputs: int, n_outputs: int, seeds: NDArray[np.integer]
) -> Iterator[tuple[NDArray[np.intp], Body]]:
    """Newborn networks, one for each seed, a few at a time, so that few of them are in memory at once.

    Node states and edge features are uniform in (-1, 1), or within the options' `birth_spread`; wiring is a reservoir with
    probability `density` for each allowed edge (none if `start` is "empty"). Equal seeds give equal bodies, whatever stands
    beside them; each is drawn once.

    Yields:
        rows (R,) and their bodies: R, or one that all of them have (to be broadcast).
    """
    unique, back, counts = np.unique(_conceptions(config, seeds), return_inverse=True, return_counts=True)
    rows, ends = np.argsort(back, kind="stable"), np.cumsum(counts)
    # While a body is drawn, each of its N^2 places has some 12 numbers.
    size = max(1, BODY_BLOCK // (12 * 8 * config.nodes**2))
    for first in range(0, len(unique), size):
        last = min(first + size, len(unique))
        body = _draw(config, n_inputs, n_outputs, unique[first:last])
        if (counts[first:last] == 1).all():
            yield rows[ends[first] - 1 : ends[last - 1]], body
            continue
        for k in range(first, last):
            yield rows[ends[k] - counts[k] : ends[k]], Body(*(part[k - first, None] for part in body))


def _conceptions(config: LNDPConfig, seeds: NDArray[np.integer]) -> NDArray[np.uint64]:
    """The seeds that newborns are drawn from: those of their lives, or one for all."""
    words = np.asarray(seeds, dtype=np.uint64)
    return np.zeros_like(words) if config.births == "one" else words


def _draw(config: LNDPConfig, n_inputs: int, n_outputs: int, seeds: NDArray[np.uint64]) -> Body:
    """One body for each seed."""
    streams, p = LaneStreams(seeds), len(seeds)
    n, f, s = config.nodes, config.node_features, config.edge_features
    nodes = streams.uniform((n, f)) * 2 - 1
    innate = streams.uniform((s, n, n))
    innate *= 2
    innate -= 1
    nodes *= config.birth_spread
    innate *= config.birth_spread
    blocks = config.density + config.density_sd * streams.normal((3,))
    chance = streams.uniform((n, n))
    allowed = allowed_edges(config, n_inputs, n_outputs)
    present = chance < blocks[:, 0, None, None]
    present[:, :, :n_inputs] = chance[:, :, :n_inputs] < blocks[:, 1, None, None]
    present[:, n - n_outputs :] = chance[:, n - n_outputs :] < blocks[:, 2, None, None]
    mask = (present & (allowed > 0)).astype(np.float64)
    if config.start == "empty":
        mask[:] = 0
    innate *= allowed
    return Body(
        nodes, innate * mask[:, None], mask, np.zeros((p, n, config.history)), np.zeros((p, n)), innate
    )
