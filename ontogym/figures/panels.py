"""Panels over the steps of a life, and of its networks, that the figures of a life are made of."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ontogym.agents.base import NetworkSnapshot
from ontogym.baselines.lives.recording import LifeRecording
from ontogym.figures.layout import weight_scale, wires
from ontogym.figures.network import count_wires, network_shapes, paint_axes
from ontogym.figures.rewiring import rewiring
from ontogym.figures.style import (
    BAND,
    BLUE,
    GREEN,
    GRID,
    INK,
    MUTED,
    ORANGE,
    PURPLE,
    VERMILLION,
    diverging_map,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "diversity_panel",
    "name_lines",
    "network_panel",
    "returns_panel",
    "rewiring_panel",
    "time_axis",
    "traces_panel",
    "weights_panel",
    "wires_panel",
]

_MOST_POINTS = 200


def network_panel(
    axes: Axes, network: NetworkSnapshot, place: NDArray[np.floating], scale: float, title: str
) -> None:
    """A network under its title, with how many edges conduct."""
    paint_axes(axes, network_shapes(network, place, scale))
    axes.set_title(title, pad=16)
    axes.text(0.0, 1.015, count_wires(network), transform=axes.transAxes, color=MUTED, size=8.5)
    for label, x in (("inputs", 0.0), ("outputs", 1.0)):
        axes.text(x, 0.0, label, ha="center", color=MUTED, size=7.5)


def time_axis(axes: Axes, recording: LifeRecording, title: str) -> None:
    """Steps on x; every second episode on a grey band, numbered above; a line where the rules change."""
    starts = [*recording.episode_starts, recording.n_steps]
    count = len(starts) - 1
    for episode in range(count):
        if episode % 2:
            axes.axvspan(starts[episode], starts[episode + 1], color=BAND, zorder=-2, linewidth=0)
        # A short episode has no room for its number.
        if 1 < count <= 12 and starts[episode + 1] - starts[episode] > 0.02 * recording.n_steps:
            axes.text((starts[episode] + starts[episode + 1]) / 2, 1.02, str(episode + 1), size=7.5,
                      color=MUTED, ha="center", transform=axes.get_xaxis_transform())  # fmt: skip
    for switch in recording.switches if len(recording.switches) <= 40 else ():
        axes.axvline(switch, color=ORANGE, linewidth=1.4, zorder=2.5)
    axes.set_title(title, pad=14)
    axes.set_xlim(0, max(recording.n_steps, 1))
    axes.grid(axis="y", color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)


def _trace(axes: Axes, steps: NDArray[np.int64], values: NDArray[Any], colour: str) -> None:
    """A line; of a long life its means over equal stretches, with the range of each as a band."""
    size = -(-len(steps) // _MOST_POINTS)
    # Networks often alternate from step to step: stretches of an even length do not beat with that.
    size += size > 1 and size % 2
    bins = np.split(np.arange(len(steps)), range(size, len(steps), size))
    low, mean, high = (np.array([f(values[part]) for part in bins]) for f in (np.min, np.mean, np.max))
    at = np.array([steps[part].mean() for part in bins])
    axes.fill_between(at, low, high, color=colour, alpha=0.22, linewidth=0)
    axes.plot(at, mean, color=colour, linewidth=1.6)


def wires_panel(axes: Axes, recording: LifeRecording) -> None:
    """How many edges there are, and how many of them conduct."""
    snapshots = recording.snapshots
    time_axis(axes, recording, "Edges")
    every = snapshots.mask.sum((1, 2))
    _trace(axes, snapshots.steps, every, MUTED)
    _trace(axes, snapshots.steps, wires(snapshots.mask, snapshots.weights).sum((1, 2)), GREEN)
    axes.set_ylim(0, max(1.15 * float(every.max()), 1.0))
    axes.set_ylabel("number")
    name_lines(axes, [("all", MUTED), ("|w| > 0.1: wires", GREEN)])


def rewiring_panel(axes: Axes, recording: LifeRecording) -> None:
    """The weight that new wires carry, upwards, and that lost ones carried, downwards."""
    found = rewiring(recording)
    time_axis(axes, recording, "Rewiring")
    widths = np.diff(found.steps)
    for height, colour in ((found.came_weight, GREEN), (-found.went_weight, PURPLE)):
        axes.bar(found.steps[:-1], height, widths, align="edge", color=colour, linewidth=0)
    most = max(float(found.came_weight.max(initial=0)), float(found.went_weight.max(initial=0)), 1.0)
    # The first steps of a life may move a hundred times what all others do.
    axes.set_yscale("symlog", linthresh=1.0)
    axes.set_ylim(-1.5 * most, 1.5 * most)
    decades = 10.0 ** np.arange(int(np.log10(most)) + 1)
    axes.set_yticks([*-decades[::-1], 0, *decades], [f"{v:g}" for v in (*decades[::-1], 0, *decades)])
    axes.minorticks_off()
    axes.axhline(0, color=MUTED, linewidth=0.8)
    axes.set_ylabel("sum of |w| moved")
    came, went = int(found.came.sum()), int(found.went.sum())
    name_lines(axes, [(f"came ({came} wires)", GREEN), (f"went ({went})", PURPLE)])


def returns_panel(axes: Axes, recording: LifeRecording) -> None:
    """Return of each episode as it is gathered."""
    time_axis(axes, recording, "Return of the episode so far")
    starts = [*recording.episode_starts, recording.n_steps]
    for begin, end in pairwise(starts):
        gathered = np.concatenate([[0.0], np.cumsum(recording.rewards[begin:end])])
        axes.plot(np.arange(begin, end + 1), gathered, color=BLUE, linewidth=1.8)
        axes.plot(end, gathered[-1], "o", color=BLUE, markersize=4, clip_on=False)
        if len(starts) <= 9:
            axes.annotate(f"{gathered[-1]:.4g}", (end, gathered[-1]), (-5, 3), textcoords="offset points",
                          ha="right", size=8, color=INK)  # fmt: skip
    axes.margins(y=0.14)


def weights_panel(axes: Axes, recording: LifeRecording, edges: NDArray[np.int64], title: str) -> None:
    """Weights of chosen edges through the life, with a colour scale whose white is zero.

    Args:
        edges: (K, 2), post and pre of each, a row each.
    """
    time_axis(axes, recording, title)
    axes.grid(False)
    axes.set_xlabel("step of life")
    if not len(edges):
        axes.text(0.5, 0.5, "no wires in this life", transform=axes.transAxes, ha="center", color=MUTED)
        axes.set_yticks([])
        return
    snapshots, limit = recording.snapshots, weight_scale(recording)
    post, pre = edges[np.lexsort((edges[:, 1], edges[:, 0]))].T
    weights = np.where(snapshots.mask[:, post, pre], np.nan_to_num(snapshots.weights[:, post, pre]), 0.0).T
    # Columns reach to the next snapshot, however many steps away.
    borders = np.append(snapshots.steps, max(recording.n_steps, snapshots.steps[-1] + 1))
    picture = axes.pcolormesh(
        borders, np.arange(len(post) + 1), weights,
        cmap=diverging_map(), vmin=-limit, vmax=limit, rasterized=True,
    )  # fmt: skip
    axes.invert_yaxis()
    for start in recording.episode_starts[1:] if len(recording.episode_starts) <= 40 else ():
        axes.axvline(start, color=INK, linewidth=0.6)
    names = _node_names(recording.birth)
    labels = [f"{names[j]}\u2009\u2192\u2009{names[i]}" for i, j in zip(post, pre)]
    axes.set_yticks(np.arange(len(post)) + 0.5, labels)
    axes.tick_params(axis="y", labelsize=5.8, length=0, pad=2)
    _colour_scale(axes, picture, "w", extend="both")


def _colour_scale(axes: Axes, picture: Any, name: str, extend: str = "neither") -> None:
    """What the colours of a panel mean, right of it."""
    inset = axes.inset_axes((1.012, 0.0, 0.016, 1.0))
    scale = axes.figure.colorbar(picture, cax=inset, extend=extend)
    scale.outline.set_visible(False)
    scale.ax.tick_params(labelsize=7, length=2)
    scale.ax.set_title(name, size=8, color=MUTED, pad=6, loc="left")


def traces_panel(
    axes: Axes, recording: LifeRecording, values: NDArray[np.floating], title: str, unit: str
) -> None:
    """Numbers ``(T, K)`` through a life, a row each, with a colour scale whose white is zero."""
    time_axis(axes, recording, title)
    axes.grid(False)
    every = max(1, len(values) // 1000)
    shown = np.nan_to_num(values[::every].T.astype(np.float64))
    limit = float(np.abs(shown).max(initial=0.0)) or 1.0
    borders = np.append(np.arange(0, len(values), every), max(len(values), 1))
    picture = axes.pcolormesh(
        borders,
        np.arange(len(shown) + 1),
        shown,
        cmap=diverging_map(),
        vmin=-limit,
        vmax=limit,
        rasterized=True,
    )
    axes.invert_yaxis()
    axes.set_yticks(np.arange(len(shown))[:: max(1, len(shown) // 12)] + 0.5,
                    [f"{k}" for k in range(0, len(shown), max(1, len(shown) // 12))])  # fmt: skip
    axes.set_ylabel("number")
    _colour_scale(axes, picture, unit)


def diversity_panel(axes: Axes, recording: LifeRecording) -> None:
    """How much node states differ, and how active nodes are."""
    snapshots = recording.snapshots
    time_axis(axes, recording, "Node states")
    diversity = snapshots.nodes.std(1).mean(1)
    activity = np.abs(snapshots.activation).mean(1)
    _trace(axes, snapshots.steps, activity, VERMILLION)
    _trace(axes, snapshots.steps, diversity, BLUE)
    axes.set_ylim(0, max(1.15 * max(diversity.max(), activity.max()), 0.05))
    axes.set_xlabel("step of life")
    name_lines(axes, [("SD over nodes, 0: collapsed", BLUE), ("mean |activation|", VERMILLION)])


def _node_names(network: NetworkSnapshot) -> list[str]:
    n_nodes = len(network.mask)
    n_hidden = n_nodes - network.n_inputs - network.n_outputs
    return [
        *(f"in{k}" for k in range(network.n_inputs)),
        *(f"h{k}" for k in range(n_hidden)),
        *(f"out{k}" for k in range(network.n_outputs)),
    ]


def name_lines(axes: Axes, lines: list[tuple[str, str]]) -> None:
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
