"""A network as shapes: computed once, painted by Matplotlib or by Pillow.

Edges that carry nothing are not drawn (`layout.CONDUCTS`). Colour is the weight's sign and, with the width, its size;
a node's colour is its activation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.agents.base import NetworkSnapshot
from ontogym.baselines.lives.recording import LifeRecording
from ontogym.figures.layout import edge_curves, edge_shapes, node_radius, wires
from ontogym.figures.style import INK, diverging

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["NetworkShapes", "count_wires", "network_at", "network_shapes", "paint_axes", "paint_image"]

_SHADES = 6
"""Steps between faint and full colour; few of them keep a GIF small."""

_MANY = 120


class NetworkShapes(NamedTuple):
    """What to paint, in the unit square, y upwards.

    Shapes: ``edges`` (E, K, 2) outlines, the weakest first; ``edge_colours`` (E, 3) uint8; ``nodes`` (N, 2), all of
    one ``radius``; ``node_colours`` (N, 3) uint8.
    """

    edges: NDArray[np.float64]
    edge_colours: NDArray[np.uint8]
    nodes: NDArray[np.float64]
    node_colours: NDArray[np.uint8]
    radius: float


def network_shapes(network: NetworkSnapshot, place: NDArray[np.floating], scale: float) -> NetworkShapes:
    """The shapes of one network.

    Args:
        network: what to draw.
        place: (N, 2) positions in the unit square, see `layout.node_positions`.
        scale: absolute weight of full width and colour.
    """
    post, pre = np.nonzero(wires(network.mask, network.weights))
    weights = network.weights[post, pre]
    shade = np.ceil(np.clip(np.abs(weights) / scale, 0.0, 1.0) * _SHADES) / _SHADES
    order = np.argsort(shade, kind="stable")
    post, pre, weights, shade = post[order], pre[order], weights[order], shade[order]
    radius = node_radius(len(place))
    curves = edge_curves(place[pre], place[post], radius)
    # Of very many edges each is drawn finer, or they would cover one another.
    fine = min(1.0, (_MANY / max(len(post), 1)) ** 0.75)
    return NetworkShapes(
        edges=edge_shapes(curves, radius * fine * (0.12 + 0.7 * shade), points=7),
        edge_colours=diverging(np.sign(weights) * (0.12 + 0.88 * shade)),
        nodes=np.asarray(place, dtype=np.float64),
        # Few shades here too: a node whose colour flickers invisibly still costs bytes.
        node_colours=diverging(np.round(np.nan_to_num(network.activation) * _SHADES) / _SHADES),
        radius=radius,
    )


def paint_axes(axes: Axes, shapes: NetworkShapes) -> None:
    """Paint on axes, which lose their frame; the unit square is shown with a margin."""
    from matplotlib.collections import EllipseCollection, PolyCollection

    axes.add_collection(
        PolyCollection(list(shapes.edges), facecolors=shapes.edge_colours / 255.0, edgecolors="none")
    )
    size = np.full(len(shapes.nodes), 2 * shapes.radius)
    axes.add_collection(
        EllipseCollection(
            size, size, np.zeros(len(size)), units="xy", offsets=shapes.nodes, offset_transform=axes.transData,
            facecolors=shapes.node_colours / 255.0, edgecolors=INK, linewidths=0.9, zorder=3,
        )
    )  # fmt: skip
    axes.set(xlim=(-0.07, 1.07), ylim=(-0.05, 1.05), aspect="equal")
    axes.axis("off")


def paint_image(
    pen: Any, shapes: NetworkShapes, unit: NDArray[np.floating], corner: NDArray[np.floating]
) -> None:
    """Paint with a Pillow pen: the unit square becomes `unit` (2,) pixels wide and high, its lower left `corner` (2,)."""
    to_pixels = lambda points: points * unit * [1, -1] + corner  # noqa: E731
    for outline, colour in zip(to_pixels(shapes.edges), shapes.edge_colours.tolist()):
        pen.polygon(outline.ravel().tolist(), fill=tuple(colour))
    r = shapes.radius * float(np.mean(unit))
    for (x, y), colour in zip(to_pixels(shapes.nodes), shapes.node_colours.tolist()):
        pen.ellipse([x - r, y - r, x + r, y + r], fill=tuple(colour), outline=INK, width=2)


def network_at(recording: LifeRecording, index: int) -> NetworkSnapshot:
    """Snapshot number `index` of a life as a network."""
    snapshots = recording.snapshots
    return recording.birth._replace(
        weights=snapshots.weights[index],
        mask=snapshots.mask[index],
        activation=snapshots.activation[index],
        nodes=snapshots.nodes[index],
    )


def count_wires(network: NetworkSnapshot) -> str:
    """Wires and edges in words: ``"34 wires of 210 edges"``."""
    conducting, edges = int(wires(network.mask, network.weights).sum()), int(network.mask.sum())
    return f"{conducting} wire{'s' * (conducting != 1)} of {edges} edge{'s' * (edges != 1)}"
