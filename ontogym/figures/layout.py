"""Where to put the nodes of a network on paper, and the shapes of its edges.

One layout serves a whole life, so that nodes stay put while edges come and go: inputs on the left, outputs on
the right, hidden nodes on a ring between them, ordered so that strongly coupled nodes are neighbours. An edge is
a curve that bends to its left and tapers: thick where it leaves, thin where it arrives (Holten & van Wijk, CHI
2009, found tapering the easiest sign of direction).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ontogym.agents.base import CONDUCTS
from ontogym.baselines.lives.recording import LifeRecording

__all__ = [
    "CONDUCTS",
    "edge_curves",
    "edge_shapes",
    "life_layout",
    "node_positions",
    "node_radius",
    "weight_scale",
    "wires",
]

RING_X, RING_Y = 0.29, 0.45
_MOST_SORTED = 150
"""Larger rings are drawn unsorted: sorting compares all pairs."""


def node_positions(n_inputs: int, n_outputs: int, coupling: NDArray[np.floating]) -> NDArray[np.float64]:
    """Positions ``(N, 2)`` in the unit square, y upwards.

    Args:
        n_inputs, n_outputs: the first and the last nodes.
        coupling: (N, N), nonnegative, how close two nodes belong (for example mean absolute weight).
    """
    n_nodes = len(coupling)
    n_hidden = n_nodes - n_inputs - n_outputs
    place = np.zeros((n_nodes, 2))
    place[:n_inputs] = _column(n_inputs, 0.0)
    place[n_nodes - n_outputs :] = _column(n_outputs, 1.0)
    # Half a step off, so that the ring is symmetric left to right.
    angle = 2 * np.pi * (np.arange(n_hidden) + 0.5) / max(n_hidden, 1)
    slots = 0.5 + np.stack([-RING_X * np.cos(angle), RING_Y * np.sin(angle)], 1)
    hidden = slice(n_inputs, n_nodes - n_outputs)
    place[hidden] = slots
    both = coupling + coupling.T
    if 2 < n_hidden <= _MOST_SORTED and both.any():
        pull = both[hidden, n_nodes - n_outputs :].sum(1) - both[hidden, :n_inputs].sum(1)
        by_x = slots[np.lexsort((slots[:, 1], slots[:, 0]))]
        place[hidden][np.argsort(pull, kind="stable")] = by_x
        _shorten(place, both, range(n_inputs, n_nodes - n_outputs))
    return place


def _column(count: int, x: float) -> NDArray[np.float64]:
    spread = 0.8 * (1 - 0.5 ** max(count - 1, 0))
    y = 0.5 + spread * np.linspace(0.5, -0.5, count) if count > 1 else np.full(count, 0.5)
    return np.stack([np.full(count, x), y], 1)


def _shorten(place: NDArray[np.float64], both: NDArray[np.floating], nodes: range, passes: int = 6) -> None:
    """Swap pairs of nodes, in place, while that shortens the weighted length of all edges."""
    for _ in range(passes):
        improved = False
        for a in nodes:
            for b in range(a + 1, nodes.stop):
                to_a = np.hypot(*(place - place[a]).T)
                to_b = np.hypot(*(place - place[b]).T)
                # The pair's own distance stays as it is.
                gain = (both[a] - both[b]) * (to_a - to_b)
                gain[[a, b]] = 0.0
                if gain.sum() > 1e-9:
                    place[[a, b]] = place[[b, a]]
                    improved = True
        if not improved:
            return


def node_radius(n_nodes: int) -> float:
    """Radius of a node in the unit square; smaller in larger networks."""
    return float(np.clip(0.11 / np.sqrt(n_nodes), 0.004, 0.024))


def edge_curves(
    tail: NDArray[np.floating], head: NDArray[np.floating], margin: float = 0.0, bend: float = 0.16
) -> NDArray[np.float64]:
    """Quadratic Bezier curves of bent edges: ``(E, 3, 2)``, start, control point and end.

    Args:
        tail, head: (E, 2), where edges leave and arrive; y upwards.
        margin: how far from the head's centre an edge ends.
        bend: bulge to the left, as a part of the length. Edges to and fro bulge apart.
    """
    along = head - tail
    length = np.maximum(np.hypot(*along.T), 1e-9)[:, None]
    end = head - along / length * np.minimum(margin, 0.4 * length)
    along = end - tail
    control = (tail + end) / 2 + bend * np.stack([-along[:, 1], along[:, 0]], 1)
    return np.stack([tail, control, end], 1)


def edge_shapes(
    curves: NDArray[np.floating], width: NDArray[np.floating], points: int = 9
) -> NDArray[np.float64]:
    """Outlines of tapered edges along `curves` (see `edge_curves`): ``(E, 2 * points, 2)``.

    Args:
        width: (E,), at the tail; the head is a fifth of it.
        points: points along each side.
    """
    tail, control, head = curves[:, None, 0], curves[:, None, 1], curves[:, None, 2]
    t = np.linspace(0.0, 1.0, points)[None, :, None]
    # A quadratic Bezier curve and its tangent.
    curve = (1 - t) ** 2 * tail + 2 * t * (1 - t) * control + t**2 * head
    tangent = 2 * (1 - t) * (control - tail) + 2 * t * (head - control)
    normal = np.stack([-tangent[..., 1], tangent[..., 0]], -1)
    normal /= np.maximum(np.hypot(normal[..., 0], normal[..., 1]), 1e-9)[..., None]
    half = 0.5 * width[:, None, None] * (1 - 0.8 * t) * normal
    return np.concatenate([curve + half, (curve - half)[:, ::-1]], 1)


def life_layout(recording: LifeRecording) -> NDArray[np.float64]:
    """One layout for the whole life, from the mean absolute weights: ``(N, 2)``."""
    stages = [recording.birth.weights, recording.developed.weights, recording.last.weights]
    weights = np.concatenate([recording.snapshots.weights[:: max(1, recording.n_steps // 200)], stages])
    coupling = np.nan_to_num(np.abs(weights)).mean(0)
    return node_positions(recording.birth.n_inputs, recording.birth.n_outputs, coupling)


def weight_scale(recording: LifeRecording) -> float:
    """The absolute weight drawn at full width and colour: the 95th percentile of all wires of the life."""
    snapshots = recording.snapshots
    present = np.abs(snapshots.weights[snapshots.mask])
    present = present[np.isfinite(present) & (present > CONDUCTS)]
    return float(np.percentile(present, 95)) if present.size else 1.0


def wires(mask: NDArray[np.bool_], weights: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Which edges conduct, of the shape of `mask`: those that are there with ``|w| > CONDUCTS``."""
    return mask & (np.abs(np.nan_to_num(weights)) > CONDUCTS)
