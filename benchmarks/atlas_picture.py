"""Which plasticity rule learns what: docs/images/rule-atlas.png, from the stored cells of the rule atlas.

    python benchmarks/atlas_picture.py [--out docs/images/rule-atlas.png]

Rows are rules, columns tasks; a field is the mean score over training seeds on the task's scale (0 random, 1 the best that is known), and its colour
what the rule brings beyond the same network without a rule. A cross: not run.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from ontogym.baselines.sweep.plan import read_plan
from ontogym.baselines.sweep.run import read_cells
from ontogym.baselines.sweep.tables import rows
from ontogym.figures.style import blank_figure, page_style, save_figure
from ontogym.statistics import normalise

ROOT = Path(__file__).parent.parent
NONE = "none"


def scores() -> tuple[list[str], list[str], np.ndarray]:
    """Rules, tasks, and scores ``(rules, tasks)`` from 0 (random) to 1 (best); NaN where nothing was run."""
    plan = read_plan(ROOT / "benchmarks" / "sweeps" / "rule-atlas.toml")
    rules = list(dict.fromkeys(cell.method for cell in plan.cells))
    tasks = list(dict.fromkeys(cell.task for cell in plan.cells))
    table = np.full((len(rules), len(tasks)), np.nan)
    for row in rows(plan, read_cells(plan, ROOT / "results" / "sweeps" / plan.name)):
        place = rules.index(row["method"]), tasks.index(row["task"])
        table[place] = normalise(row["score"].value, *plan.anchors[row["task"]])
    return rules, tasks, table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", default="docs/images/rule-atlas.png")
    out = parser.parse_args().out
    rules, tasks, table = scores()
    brings = table - table[rules.index(NONE)]
    with page_style():
        figure = blank_figure(8.6, 7.2)
        axis = figure.subplots()
        shown = axis.imshow(brings, cmap="PuOr_r", vmin=-0.6, vmax=0.6, aspect="auto")
        for (row, column), value in np.ndenumerate(table):
            text = "×" if np.isnan(value) else f"{value:.2f}".replace("0.", ".").replace("-.00", ".00")
            strong = abs(np.nan_to_num(brings[row, column])) > 0.4
            axis.text(
                column, row, text, ha="center", va="center", fontsize=8, color="white" if strong else "black"
            )
        axis.set_xticks(range(len(tasks)), tasks, rotation=30, ha="left", fontsize=8)
        axis.set_yticks(range(len(rules)), rules, fontsize=8)
        axis.xaxis.tick_top()
        axis.tick_params(length=0)
        axis.grid(False)
        for side in axis.spines.values():
            side.set_visible(False)
        bar = figure.colorbar(shown, ax=axis, fraction=0.03, pad=0.02)
        bar.set_label("beyond the same network without a rule", fontsize=8)
        bar.ax.tick_params(labelsize=8)
        figure.subplots_adjust(left=0.2, right=0.93, top=0.88, bottom=0.03)
        save_figure(figure, out)
    print(f"{out}: {int(np.isfinite(table).sum())} of {table.size} fields")


if __name__ == "__main__":
    main()
