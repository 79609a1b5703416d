"""The still figure of a life: how the wiring looked, and how it, the weights and the returns went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ontogym.baselines.lives.recording import LifeRecording
from ontogym.figures.layout import life_layout, weight_scale, wires
from ontogym.figures.network import network_at
from ontogym.figures.panels import (
    diversity_panel,
    network_panel,
    returns_panel,
    rewiring_panel,
    traces_panel,
    weights_panel,
    wires_panel,
)
from ontogym.figures.style import MUTED, NEGATIVE, PAPER, POSITIVE, blank_figure, page_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["heading", "life_figure", "liveliest_wires", "outward_figure"]

_SHOWN = 15
"""Wires in the weights panel."""


def life_figure(recording: LifeRecording) -> Figure:
    """The still figure of a life, 11 by 9.8 inches; of one without a network see `outward_figure`.

    Above: the wiring at birth, after development and at the end. Below, over the steps of the life: edges and wires;
    the return of each episode as it grows; the wires that came and went, by the weight they carried; the diversity of
    node states, which falls to 0 where an LNDP fails by collapsing; and the weights that
    changed most.
    """
    if not recording.has_network:
        return outward_figure(recording)
    with page_style():
        figure = blank_figure(11, 9.8)
        heading(figure, recording)
        rows = figure.add_gridspec(
            2, 1, height_ratios=[1.2, 2.6], left=0.062, right=0.945, top=0.88, bottom=0.052, hspace=0.2
        )
        _networks(figure, rows[0], recording)
        grid = rows[1].subgridspec(3, 2, hspace=0.62, wspace=0.17, height_ratios=[1, 1, 1.25])
        wires_panel(figure.add_subplot(grid[0, 0]), recording)
        returns_panel(figure.add_subplot(grid[0, 1]), recording)
        rewiring_panel(figure.add_subplot(grid[1, 0]), recording)
        diversity_panel(figure.add_subplot(grid[1, 1]), recording)
        edges = liveliest_wires(recording)
        weights_panel(figure.add_subplot(grid[2, :]), recording, edges, "Weights that changed most")
    return figure


def outward_figure(recording: LifeRecording) -> Figure:
    """A life seen from outside, 11 by 7.4 inches: returns, what was done and what was seen, over the steps."""
    seen = recording.observations
    with page_style():
        figure = blank_figure(11, 7.4)
        heading(figure, recording, wires=False)
        rows = figure.add_gridspec(
            3, 1, height_ratios=[1.2, 1, 1.2], left=0.062, right=0.93, top=0.84, bottom=0.07, hspace=0.55
        )
        returns_panel(figure.add_subplot(rows[0]), recording)
        traces_panel(figure.add_subplot(rows[1]), recording, recording.motors, "What it did", "value")
        if seen.shape[1]:
            traces_panel(figure.add_subplot(rows[2]), recording, seen, "What it saw", "value")
        figure.axes[-1].set_xlabel("step of life")
    return figure


def liveliest_wires(recording: LifeRecording, most: int = _SHOWN) -> NDArray[np.int64]:
    """The wires whose weight changed most over the life (by its standard deviation), ``(K, 2)`` of post and pre.

    What does not conduct weighs nothing, so that coming and going counts as change.
    """
    snapshots = recording.snapshots
    conducts = wires(snapshots.mask, snapshots.weights)
    weight = np.where(conducts, np.nan_to_num(snapshots.weights), 0.0)
    # An edge that conducts all the time and never changes is still a wire: the smallest of reasons to show it.
    lively = weight.std(0) + 1e-6 * np.abs(weight).mean(0)
    chosen = [k for k in np.argsort(-lively, axis=None, kind="stable")[:most] if lively.flat[k] > 0]
    return np.stack(np.unravel_index(chosen, lively.shape), 1) if chosen else np.zeros((0, 2), np.int64)


def heading(figure: Figure, recording: LifeRecording, wires: bool = True) -> None:
    """Whose life it was and how it went, and what the colours mean."""
    returns = ", ".join(f"{value:.4g}" for value in recording.returns[:8])
    more = ", ..." if len(recording.returns) > 8 else ""
    count = len(recording.returns)
    figure.text(0.062, 0.962, f"A life of {recording.agent} on {recording.env}", size=15, weight="bold")
    figure.text(
        0.062,
        0.938,
        f"{count} episode{'s' * (count != 1)}, {recording.n_steps} steps, "
        f"return{'s' * (count != 1)} {returns}{more}",
        color=MUTED,
        size=10,
    )
    if not wires:
        return
    from matplotlib.patches import Patch

    figure.legend(
        handles=[
            Patch(color=POSITIVE, label="positive"),
            Patch(color=NEGATIVE, label="negative"),
            Patch(facecolor=PAPER, edgecolor=PAPER, label="wires taper from sender to receiver"),
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
    if recording.has_development:
        second = ("After development", recording.developed)
    else:
        second = ("Half-way through life", network_at(recording, snapshots.at(recording.n_steps // 2)))
    stages = [("At birth", recording.birth), second, ("At the end of life", recording.last)]
    place, scale = life_layout(recording), weight_scale(recording)
    row = where.subgridspec(1, 3, wspace=0.05)
    for column, (title, network) in enumerate(stages):
        network_panel(figure.add_subplot(row[column]), network, place, scale, title)
