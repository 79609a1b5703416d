"""Rewiring as what it is: which wires came and went, what they carried, and which weights turned."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.baselines.lives.recording import LifeRecording
from ontogym.figures.layout import wires

__all__ = ["Difference", "Rewiring", "difference", "rewiring"]

_MOST_BINS = 160


class Rewiring(NamedTuple):
    """Wires that came and went, in ``B`` stretches of a life.

    Shapes: ``steps`` (B + 1,) borders; ``came``, ``went`` (B,) how many; ``came_weight`` (B,) the sum of the absolute
    weights that the new ones carry at a stretch's end, ``went_weight`` (B,) of those that the lost ones carried at its
    beginning.
    """

    steps: NDArray[np.int64]
    came: NDArray[np.int64]
    went: NDArray[np.int64]
    came_weight: NDArray[np.float64]
    went_weight: NDArray[np.float64]


def rewiring(recording: LifeRecording) -> Rewiring:
    """What changed from snapshot to snapshot, in at most 160 stretches of the life."""
    steps, mask, weights = recording.snapshots.steps, recording.snapshots.mask, recording.snapshots.weights
    at = np.unique(np.linspace(0, len(steps) - 1, min(len(steps), _MOST_BINS + 1)).round().astype(int))
    conducts, size = wires(mask[at], weights[at]), np.abs(np.nan_to_num(weights[at])).astype(np.float64)
    came, went = conducts[1:] & ~conducts[:-1], conducts[:-1] & ~conducts[1:]
    return Rewiring(
        steps[at],
        came.sum((1, 2)),
        went.sum((1, 2)),
        (size[1:] * came).sum((1, 2)),
        (size[:-1] * went).sum((1, 2)),
    )


class Difference(NamedTuple):
    """Two networks compared, (N, N) each: wires that ``came``, ``went``, or ``turned`` their sign; ``change`` of weight."""

    came: NDArray[np.bool_]
    went: NDArray[np.bool_]
    turned: NDArray[np.bool_]
    change: NDArray[np.float64]


def difference(recording: LifeRecording, before: int, after: int) -> Difference:
    """From snapshot `before` to snapshot `after`; what does not conduct weighs nothing."""
    snapshots = recording.snapshots
    old, new = (wires(snapshots.mask[k], snapshots.weights[k]) for k in (before, after))
    was, now = (np.where(on, snapshots.weights[k], 0.0) for on, k in ((old, before), (new, after)))
    return Difference(new & ~old, old & ~new, was * now < 0, (now - was).astype(np.float64))
