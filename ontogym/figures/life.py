"""The still figure of a life: how the wiring looked, and how it, the weights and the returns went.

The other pictures are re-exported here: `learning_curve_figure` and `comparison_figure` from `curves`,
`write_animation` from `animation`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ontogym.agents.base import NetworkSnapshot
from ontogym.baselines.lives.recording import LifeRecording
from ontogym.figures.curves import Score, comparison_figure, learning_curve_figure
from ontogym.figures.film import write_animation
from ontogym.figures.layout import edge_shapes, life_layout, node_radius, weight_scale
from ontogym.figures.style import (
    BAND,
    BLUE,
    GREEN,
    GRID,
    INK,
    MUTED,
    NEGATIVE,
    ORANGE,
    PAPER,
    POSITIVE,
    PURPLE,
    blank_figure,
    diverging,
    figure_bytes,
    page_style,
    save_figure,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "Score",
    "comparison_figure",
    "draw_network",
    "figure_bytes",
    "learning_curve_figure",
    "life_figure",
    "save_figure",
    "write_animation",
]

_STRONGEST = 18
"""Edges in the weights panel."""


def life_figure(recording: LifeRecording) -> Figure:
    """The still figure of a life, 11 by 8 inches.

    Above: the wiring at birth, after development and at the end. Below, over the steps of the life: wiring
    density and rewiring; the return of each episode as it grows; the weights of the strongest edges; and the
    diversity of node states, which falls to 0 where an LNDP fails by collapsing.
    """
    with page_style():
        figure = blank_figure(11, 8.2)
        _heading(figure, recording)
        rows = figure.add_gridspec(
            3, 1, height_ratios=[1.45, 1, 1], left=0.055, right=0.975, top=0.885, bottom=0.065, hspace=0.42
        )
        _networks(figure, rows[0], recording)
        grid = rows[1:].subgridspec(2, 2, hspace=0.5, wspace=0.16)
        _density(figure.add_subplot(grid[0, 0]), recording)
        _returns(figure.add_subplot(grid[0, 1]), recording)
        _weights(figure.add_subplot(grid[1, 0]), recording)
        _diversity(figure.add_subplot(grid[1, 1]), recording)
    return figure


def draw_network(axes: Axes, network: NetworkSnapshot, place: NDArray[np.floating], scale: float) -> None:
    """Draw one network.

    Args:
        axes: cleared of its frame; the unit square is shown with a margin.
        network: what to draw.
        place: (N, 2) positions in the unit square, see `node_positions`.
        scale: absolute weight of full width and colour.
    """
    from matplotlib.collections import EllipseCollection, PolyCollection

    radius = node_radius(len(place))
    post, pre = np.nonzero(network.mask)
    weights = network.weights[post, pre]
    strength = np.clip(np.abs(weights) / scale, 0.0, 1.0)
    order = np.argsort(strength)
    shapes = edge_shapes(place[pre], place[post], 0.003 + 0.013 * strength, margin=radius)
    colours = np.concatenate(
        [diverging(np.sign(weights) + (weights == 0)) / 255.0, (0.16 + 0.74 * strength)[:, None]], 1
    )
    axes.add_collection(PolyCollection(list(shapes[order]), facecolors=colours[order], edgecolors="none"))
    size = np.full(len(place), 2 * radius)
    axes.add_collection(
        EllipseCollection(
            size,
            size,
            np.zeros(len(place)),
            units="xy",
            offsets=place,
            offset_transform=axes.transData,
            facecolors=diverging(network.activation) / 255.0,
            edgecolors=INK,
            linewidths=0.9,
            zorder=3,
        )
    )
    axes.set(xlim=(-0.07, 1.07), ylim=(-0.01, 1.01), aspect="equal")
    axes.axis("off")


def _heading(figure: Figure, recording: LifeRecording) -> None:
    returns = ", ".join(f"{value:.4g}" for value in recording.returns[:8])
    more = ", ..." if len(recording.returns) > 8 else ""
    count = len(recording.returns)
    figure.text(0.055, 0.955, f"A life of {recording.agent} on {recording.env}", size=15, weight="bold")
    figure.text(
        0.055,
        0.928,
        f"{count} episode{'s' * (count != 1)}, {recording.n_steps} steps, "
        f"return{'s' * (count != 1)} {returns}{more}",
        color=MUTED,
        size=10,
    )
    from matplotlib.patches import Patch

    figure.legend(
        handles=[
            Patch(color=POSITIVE, label="positive"),
            Patch(color=NEGATIVE, label="negative"),
            Patch(facecolor=PAPER, edgecolor=PAPER, label="edges taper from sender to receiver"),
        ],
        loc="upper right",
        bbox_to_anchor=(0.98, 0.985),
        ncols=3,
        columnspacing=1.4,
        handlelength=1.0,
        handleheight=0.8,
    )


def _networks(figure: Figure, where: Any, recording: LifeRecording) -> None:
    """Three stages side by side, in one layout."""
    snapshots = recording.snapshots
    middle = snapshots.at(recording.n_steps // 2)
    stages = [("At birth", recording.birth), ("After development", recording.developed)]
    if not recording.has_development:
        halfway = recording.birth._replace(
            weights=snapshots.weights[middle],
            mask=snapshots.mask[middle],
            activation=snapshots.activation[middle],
        )
        stages = [("At birth", recording.birth), ("Half-way through life", halfway)]
    stages.append(("At the end of life", recording.last))
    place = life_layout(recording)
    scale = weight_scale(recording)
    row = where.subgridspec(1, 3, wspace=0.05)
    for column, (title, network) in enumerate(stages):
        axes = figure.add_subplot(row[column])
        draw_network(axes, network, place, scale)
        axes.set_title(title, pad=10)
        edges = int(network.mask.sum())
        axes.text(1.0, 1.035, f"{edges} edge{'s' * (edges != 1)}", transform=axes.transAxes, ha="right",
                  color=MUTED, size=9)  # fmt: skip
        for label, x in (("inputs", 0.0), ("outputs", 1.0)):
            axes.text(x, 0.015, label, ha="center", color=MUTED, size=7.5)


def _time_axis(axes: Axes, recording: LifeRecording, title: str) -> None:
    """Steps on x; every second episode on a grey band; episodes numbered above."""
    starts = [*recording.episode_starts, recording.n_steps]
    count = len(starts) - 1
    for episode in range(count):
        if episode % 2:
            axes.axvspan(starts[episode], starts[episode + 1], color=BAND, zorder=-2, linewidth=0)
        if count <= 12:
            axes.text((starts[episode] + starts[episode + 1]) / 2, 1.02, str(episode + 1), size=7.5,
                      color=MUTED, ha="center", transform=axes.get_xaxis_transform())  # fmt: skip
    for switch in recording.switches if len(recording.switches) <= 40 else ():
        axes.axvline(switch, color=ORANGE, linewidth=1.4, zorder=-1)
    axes.set_title(title, pad=14)
    axes.set_xlim(0, max(recording.n_steps, 1))
    axes.grid(axis="y", color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)


def _density(axes: Axes, recording: LifeRecording) -> None:
    mask, steps = recording.snapshots.mask, recording.snapshots.steps
    density = mask.sum((1, 2)) / recording.max_edges
    changed = np.zeros(len(mask))
    changed[1:] = (mask[1:] != mask[:-1]).sum((1, 2)) / recording.max_edges
    _time_axis(axes, recording, "Wiring density")
    axes.fill_between(steps, changed, step="post", color=PURPLE, alpha=0.55, linewidth=0)
    axes.plot(steps, density, color=GREEN, linewidth=1.8)
    axes.set_ylim(0, max(1.15 * density.max(), 0.05))
    axes.set_ylabel("part of allowed edges")
    _name_lines(axes, [("present", GREEN), ("changed since the snapshot before", PURPLE)])


def _returns(axes: Axes, recording: LifeRecording) -> None:
    _time_axis(axes, recording, "Return of the episode so far")
    starts = [*recording.episode_starts, recording.n_steps]
    for begin, end in pairwise(starts):
        gathered = np.concatenate([[0.0], np.cumsum(recording.rewards[begin:end])])
        axes.plot(np.arange(begin, end + 1), gathered, color=BLUE, linewidth=1.8)
        axes.plot(end, gathered[-1], "o", color=BLUE, markersize=4, clip_on=False)
        if len(starts) <= 9:
            axes.annotate(f"{gathered[-1]:.4g}", (end, gathered[-1]), (-5, 3), textcoords="offset points",
                          ha="right", size=8, color=INK)  # fmt: skip
    axes.margins(y=0.14)


def _weights(axes: Axes, recording: LifeRecording) -> None:
    """Weights of the edges that were strongest on average; white where there is no edge."""
    snapshots, scale = recording.snapshots, weight_scale(recording)
    mean = np.nan_to_num(np.abs(snapshots.weights)).mean(0)
    strongest = [int(k) for k in np.argsort(-mean, axis=None, kind="stable")[:_STRONGEST] if mean.flat[k] > 0]
    _time_axis(axes, recording, "Weights of the strongest edges")
    axes.grid(False)
    axes.set_xlabel("step of life")
    if not strongest:
        axes.text(0.5, 0.5, "no edges in this life", transform=axes.transAxes, ha="center", color=MUTED)
        axes.set_yticks([])
        return
    post, pre = np.unravel_index(strongest, mean.shape)
    rows = np.lexsort((pre, post))
    post, pre = post[rows], pre[rows]
    picture = diverging(snapshots.weights[:, post, pre].T, scale)
    axes.imshow(picture, aspect="auto", interpolation="nearest", origin="upper",
                extent=(0, recording.n_steps, len(post), 0))  # fmt: skip
    for start in recording.episode_starts[1:]:
        axes.axvline(start, color=INK, linewidth=0.6)
    names = _node_names(recording.birth)
    axes.set_yticks(
        np.arange(len(post)) + 0.5, [f"{names[j]}\u2009\u2192\u2009{names[i]}" for i, j in zip(post, pre)]
    )
    axes.tick_params(axis="y", labelsize=5.8, length=0, pad=2)


def _diversity(axes: Axes, recording: LifeRecording) -> None:
    snapshots = recording.snapshots
    _time_axis(axes, recording, "Node-state diversity")
    diversity = snapshots.nodes.std(1).mean(1)
    activity = np.abs(snapshots.activation).mean(1)
    axes.plot(snapshots.steps, activity, color=PURPLE, linewidth=1.2)
    axes.plot(snapshots.steps, diversity, color=BLUE, linewidth=1.8)
    axes.set_ylim(0, max(1.15 * max(diversity.max(), activity.max()), 0.05))
    axes.set_xlabel("step of life")
    _name_lines(axes, [("SD over nodes (0: collapsed)", BLUE), ("mean |activation|", PURPLE)])


def _node_names(network: NetworkSnapshot) -> list[str]:
    n_nodes = len(network.mask)
    n_hidden = n_nodes - network.n_inputs - network.n_outputs
    return [
        *(f"in{k}" for k in range(network.n_inputs)),
        *(f"h{k}" for k in range(n_hidden)),
        *(f"out{k}" for k in range(network.n_outputs)),
    ]


def _name_lines(axes: Axes, lines: list[tuple[str, str]]) -> None:
    """A legend in the lines' colours, right of the panel's title."""
    from matplotlib.lines import Line2D

    axes.legend(
        handles=[Line2D([], [], color=colour, linewidth=2, label=label) for label, colour in lines],
        loc="lower right",
        bbox_to_anchor=(1.01, 1.06),
        ncols=len(lines),
        handlelength=1.2,
        columnspacing=1.2,
        borderpad=0,
        labelcolor=MUTED,
        fontsize=7.5,
    )
