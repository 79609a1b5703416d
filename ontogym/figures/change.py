"""The figure of a life whose rules change: what it earned, which wires came and went, which weights turned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ontogym.baselines.lives.recording import LifeRecording
from ontogym.errors import OntogymError
from ontogym.figures.layout import life_layout, weight_scale, wires
from ontogym.figures.life import heading
from ontogym.figures.network import network_at, network_shapes, paint_axes
from ontogym.figures.panels import name_lines, network_panel, rewiring_panel, time_axis, weights_panel
from ontogym.figures.rewiring import Difference, difference
from ontogym.figures.style import BLUE, GREEN, INK, MUTED, ORANGE, PURPLE, blank_figure, page_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["change_figure", "changed_wires", "earned"]

_SHOWN = 15
_WINDOWS = 20
"""A life is about so many windows of the running mean of its reward."""


def change_figure(recording: LifeRecording) -> Figure:
    """The figure of a life with a change in it, 11 by 9.8 inches.

    Above: reward through the life, with a line where the rules change (per episode, if they only change between
    episodes; else per step, as a running mean). Then the network just before the first change, the wires that came,
    went or turned their sign from there until the next change or the end, and the network then. Below: the wires that
    came and went by the weight they carried, and the weights that changed most.

    Raises:
        OntogymError: the rules never change in this life.
    """
    if not len(recording.switches):
        raise OntogymError(
            "The rules never change in this life, so there is no change to draw; record one of an environment whose "
            "rules do, such as ontogym/ForagingSwitch-v0, or draw life_figure."
        )
    before, after = _around(recording)
    found = difference(recording, before, after)
    with page_style():
        figure = blank_figure(11, 9.8)
        heading(figure, recording)
        rows = figure.add_gridspec(
            3, 1, height_ratios=[0.75, 1.25, 2], left=0.062, right=0.945, top=0.875, bottom=0.052, hspace=0.3
        )
        _reward(figure.add_subplot(rows[0]), recording)
        _networks(figure, rows[1], recording, before, after, found)
        grid = rows[2].subgridspec(2, 1, hspace=0.55, height_ratios=[1, 1.4])
        rewiring_panel(figure.add_subplot(grid[0]), recording)
        title = "Weights that changed most after the rules did"
        weights_panel(figure.add_subplot(grid[1]), recording, changed_wires(found), title)
    return figure


def earned(recording: LifeRecording) -> tuple[NDArray[np.float64], NDArray[np.float64], str]:
    """What the reward panel shows: steps ``(n,)``, values ``(n,)``, and what they are.

    Returns per episode where rules change only between episodes, of which there are at least two; else the running mean
    of the reward of a step. It looks backwards only and begins anew with every set of rules, so that no value mixes
    what was earned under two of them.
    """
    starts, switches = recording.episode_starts, recording.switches
    if len(starts) > 1 and np.isin(switches, starts).all():
        ends = np.append(starts[1:], recording.n_steps)
        return (
            np.asarray((starts + ends) / 2.0, dtype=np.float64),
            recording.returns.astype(np.float64),
            "return of the episode",
        )
    window = max(1, recording.n_steps // _WINDOWS)
    parts: list[NDArray[np.float64]] = []
    for rewards in np.split(recording.rewards, switches):
        total = np.concatenate([[0.0], np.cumsum(rewards)])
        at = np.arange(1, len(rewards) + 1)
        begin = np.maximum(at - window, 0)
        parts.append((total[at] - total[begin]) / (at - begin))
    return (
        np.arange(recording.n_steps, dtype=np.float64) + 0.5,
        np.concatenate(parts, dtype=np.float64),
        f"reward a step, mean of {window}" if window > 1 else "reward of a step",
    )


def changed_wires(found: Difference, most: int = _SHOWN) -> NDArray[np.int64]:
    """The edges whose weight changed most, ``(K, 2)`` of post and pre."""
    size = np.abs(found.change)
    chosen = [k for k in np.argsort(-size, axis=None, kind="stable")[:most] if size.flat[k] > 0]
    return np.stack(np.unravel_index(chosen, size.shape), 1) if chosen else np.zeros((0, 2), np.int64)


def _around(recording: LifeRecording) -> tuple[int, int]:
    """Snapshots: the last one before the first change, and the last one before the next (or of the life)."""
    switches = recording.switches
    end = int(switches[1]) if len(switches) > 1 else recording.n_steps
    return recording.snapshots.at(int(switches[0]) - 1), recording.snapshots.at(end - 1)


def _reward(axes: Axes, recording: LifeRecording) -> None:
    at, values, what = earned(recording)
    time_axis(axes, recording, "What it earned")
    per_episode = what.startswith("return")
    for steps, part in zip(*(np.split(v, np.searchsorted(at, recording.switches)) for v in (at, values))):
        axes.plot(steps, part, "o-" if per_episode else "-", color=BLUE, linewidth=1.6, markersize=4)
    axes.margins(y=0.12)
    axes.set_ylabel(what)
    name_lines(axes, [(what, BLUE), ("the rules change", ORANGE)])


def _networks(
    figure: Figure, where: Any, recording: LifeRecording, before: int, after: int, found: Difference
) -> None:
    place, scale = life_layout(recording), weight_scale(recording)
    row = where.subgridspec(1, 3, wspace=0.05)
    for column, index, title in ((0, before, "Before the change"), (2, after, "After it")):
        at = int(recording.snapshots.steps[index]) + 1
        title = f"{title}, step {at}"
        network_panel(figure.add_subplot(row[column]), network_at(recording, index), place, scale, title)
    axes = figure.add_subplot(row[1])
    old, new = (network_at(recording, k) for k in (before, after))
    for which, network, colour in (
        (found.went, old, PURPLE), (found.came, new, GREEN), (found.turned, new, ORANGE),
    ):  # fmt: skip
        shapes = network_shapes(network._replace(mask=which), place, scale)
        shapes.edge_colours[:] = [int(colour[k : k + 2], 16) for k in (1, 3, 5)]
        shapes.node_colours[:] = 255
        paint_axes(axes, shapes)
    kept = wires(old.mask, old.weights) & ~found.went & ~found.turned
    axes.set_title("What changed", pad=16, color=INK)
    axes.text(0.0, 1.015, f"{int(kept.sum())} wires stayed", transform=axes.transAxes, color=MUTED, size=8.5)
    names = (("came", GREEN, found.came), ("went", PURPLE, found.went), ("turned sign", ORANGE, found.turned))
    for k, (name, colour, which) in enumerate(names):
        axes.text(0.02 + 0.36 * k, -0.05, f"{int(which.sum())} {name}", transform=axes.transAxes, color=colour,
                  size=8.5, weight="bold")  # fmt: skip
