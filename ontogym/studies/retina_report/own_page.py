"""The page about one's own pictures, electrodes and model; it opens with what is shown and what that is worth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.figures.page import Page
from ontogym.figures.style import BLUE, GRID, MUTED, blank_figure, page_style
from ontogym.studies.retina_report.config import JUDGES
from ontogym.studies.retina_report.figures import image_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Seen", "own_rows", "write_own_page"]


class Seen(NamedTuple):
    """Examples ``(n, S, S)`` and what the electrodes show of them, by way to encode."""

    examples: NDArray[np.float32]
    shown: dict[str, NDArray[np.float32]]


def write_own_page(path: Path, summary: dict[str, Any], seen: Seen) -> None:
    """Write the page of `summary`."""
    page = Page(
        "What to show instead of a picture", f"{summary['electrodes']}; {summary['pictures']} pictures."
    )
    page.picture(
        image_figure({"picture": seen.examples, **seen.shown}),
        "Pictures, and what the electrodes show of them, each way to encode.",
    )
    page.picture(
        worth_figure(summary),
        "What part of averaging's loss each way takes away, by judge; lines are 95 % intervals over subjects, or over "
        "pictures where there is one subject. Left of 0 a way is worse than averaging.",
    )
    page.heading("In numbers")
    page.table(("way to encode", *(JUDGES[name] for name in summary["judges"])), own_rows(summary))
    page.heading("How it was made")
    page.text(
        f"Pictures: {summary['source']} Files are undone to luminance (sRGB), cut into patches of 128 pixels around their middle, "
        "patches without contrast dropped, and each scaled to a mean of .4, as after adaptation."
    )
    page.text(
        "A twin, and animals, lose by the Poisson deviance of their spikes to those that the whole picture gives; a patient "
        "by one minus the correlation of percept and picture. The twin's figure says what it rewards, not what helps: "
        "look at the animals. All of them are simulated."
    )
    page.write(path)


def own_rows(summary: dict[str, Any]) -> list[list[str]]:
    """One row a way: share of averaging's loss taken away by each judge, with its interval."""
    judges = summary["judges"]
    ways = next(iter(judges.values()))
    return [[way, *(_cell(found[way]) for found in judges.values())] for way in ways]


def _cell(told: dict[str, Any]) -> str:
    if told["ci95"] is None:
        return f"{told['mean']:+.2f}"
    return f"{told['mean']:+.2f} [{told['ci95'][0]:+.2f}, {told['ci95'][1]:+.2f}]"


def worth_figure(summary: dict[str, Any]) -> Figure:
    """One panel a judge: ways from top to bottom, points with intervals."""
    judges = summary["judges"]
    ways = list(next(iter(judges.values())))
    with page_style():
        figure = blank_figure(9.6, 1.0 + 0.34 * len(ways))
        grid = figure.add_gridspec(
            1, len(judges), left=0.24, right=0.98, top=0.84, bottom=0.28, wspace=0.12
        )  # fmt: skip
        for k, (name, found) in enumerate(judges.items()):
            axes = figure.add_subplot(grid[0, k])
            at = -np.arange(len(ways))
            for y, way in zip(at, ways):
                if found[way]["ci95"] is not None:
                    axes.plot(found[way]["ci95"], [y, y], color=BLUE, linewidth=2)
                axes.plot(found[way]["mean"], y, "o", color=BLUE, markersize=5)
            axes.axvline(0, color=MUTED, linewidth=0.8)
            axes.set_yticks(at, ways if k == 0 else [""] * len(ways))
            axes.tick_params(axis="y", length=0)
            axes.set_ylim(-len(ways) + 0.4, 0.6)
            axes.grid(axis="x", color=GRID, linewidth=0.6)
            axes.set_axisbelow(True)
            axes.set_title(name, loc="left")
            axes.set_xlabel("share of averaging's loss")
    return figure
