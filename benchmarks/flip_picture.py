"""What agents earn before and after their controls are swapped in mid-life: docs/images/flips.png, from stored cells.

    python benchmarks/flip_picture.py [--out docs/images/flips.png]

CartPole whose two actions trade places at a random step of a life of six episodes, 48 or 96 fresh lives a training seed: the mean return of
whole episodes under the old rule, of the first under the new one, and of the last.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ontogym.checkpoint import read_sealed_json
from ontogym.figures.style import COLOURS, GRID, MUTED, blank_figure, page_style, save_figure

CELLS = Path(__file__).parent.parent / "results" / "sweeps"
TIMES = ("before", "first", "last")


class Panel(NamedTuple):
    """An agent: its name, its cells (``sweep/pattern``), and the evaluation that is shown."""

    name: str
    cells: str
    evaluation: str = "score"


PANELS = (
    Panel("perceptron", "board/cells/ActionFlip--mlp--s*.json"),
    Panel("GRU, one stage", "board/cells/ActionFlip--gru--s*.json"),
    Panel("LNDP, told of falls", "lndp-flips/cells/*--lndp-falls--s*.json"),
    Panel("hyper, sees change", "flips-seen/cells/*--hyper-anew--s*.json", "once"),
    Panel("the same, deaf to\nits own action", "flips-seen/cells/*--hyper-anew--s*.json", "action-blind"),
    Panel("trace", "nonstationary/cells/*ActionFlip--trace--s*.json"),
)


def seeds(panel: Panel) -> np.ndarray:
    """Return before, in the first episode after and in the last, ``(seeds, 3)``."""
    found = []
    for file in sorted(CELLS.glob(panel.cells)):
        changes = read_sealed_json(file)["evaluations"][panel.evaluation]["changes"]
        weights = [change["rows"] for change in changes]
        found.append([np.average([change[time] for change in changes], weights=weights) for time in TIMES])
    return np.array(found).reshape(-1, len(TIMES))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", default="docs/images/flips.png")
    out = parser.parse_args().out
    with page_style():
        figure = blank_figure(10.5, 3.1)
        axes = figure.subplots(1, len(PANELS), sharey=True)
        for axis, panel, colour in zip(axes, PANELS, COLOURS):
            values = seeds(panel)
            axis.axvspan(0.5, 2.4, color=GRID, alpha=0.5, linewidth=0)
            axis.plot(values.T, color=colour, alpha=0.45, linewidth=1.2)
            axis.plot(np.median(values, 0), "o-", color=colour, linewidth=2.4)
            axis.set_title(panel.name, fontsize=9)
            axis.set_xticks(range(3), ["before", "first\nafter", "last"])
            axis.set(xlim=(-0.3, 2.4), ylim=(0, 520))
            axis.set_xlabel(f"{len(values)} seeds", fontsize=8, color=MUTED)
        figure.subplots_adjust(left=0.07, right=0.99, top=0.84, bottom=0.24, wspace=0.16)
        axes[0].set_ylabel("steps balanced, of 500")
        save_figure(figure, out)
    print(f"{out}: {', '.join(f'{p.name} {len(seeds(p))}' for p in PANELS)}".replace("\n", " "))


if __name__ == "__main__":
    main()
