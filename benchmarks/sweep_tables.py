"""Tables of the sweeps that the repository holds, written into the page that shows them.

    python benchmarks/sweep_tables.py            prints them
    python benchmarks/sweep_tables.py --write    writes them into the pages of docs/experiments that ask for them

A sweep is benchmarks/sweeps/NAME.toml with its cells in results/sweeps/NAME; ``ontogym sweep benchmarks/sweeps/NAME.toml
--out results/sweeps/NAME`` runs what is missing of it.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import cells
import numpy as np

from ontogym.baselines.sweep.plan import read_plan
from ontogym.baselines.sweep.run import read_cells
from ontogym.baselines.sweep.tables import markdown
from ontogym.checkpoint import read_sealed_json

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "docs" / "experiments"


def table(name: str) -> str:
    """One sweep: what it is, what is there of it, its table."""
    file = ROOT / "benchmarks" / "sweeps" / f"{name}.toml"
    plan = read_plan(file)
    run = read_cells(plan, ROOT / "results" / "sweeps" / name)
    hours = sum(cell["result"].get("cpu_seconds") or 0.0 for cell in run) / 3600
    return (
        f"{plan.about}. Primary endpoint: `{plan.primary}`. {len(run)} of {len(plan.cells)} cells; {hours:.2f} processor "
        f"hours of search.\n\n{markdown(plan, run)}"
    )


def trials(name: str) -> str:
    """What the trials of a tuning earned, by task and method, and the settings that earned most."""
    found = read_sealed_json(ROOT / "results" / name / "tuning.json")
    rows = []
    for cell in found["cells"]:
        known = [each["score"] for each in cell["tried"] if each["score"] is not None]
        quartiles = ", ".join(f"{q:.4g}" for q in np.percentile(known, [0, 50, 100]))
        best = ", ".join(f"{key} {_short(value)}" for key, value in cell["best"].items())
        rows.append((cell["task"], cell["method"], str(len(cell["tried"])), quartiles, best))
    return cells.markdown(("task", "method", "trials", "worst, median, best", "settings of the best"), rows)


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    for page in sorted(PAGES.glob("*.md")):
        write(page, arguments.write)


def write(page: Path, keep: bool) -> None:
    """Print the tables that a page asks for, and put them into it if they are to be kept."""
    text = page.read_text()
    for kind, name in re.findall(r"<!-- (sweep|tuning) (\S+) -->", text):
        made = table(name) if kind == "sweep" else trials(name)
        print(f"{name}\n\n{made}\n")
        pattern = rf"(<!-- {kind} {re.escape(name)} -->\n).*?(<!-- end -->)"
        text = re.sub(
            pattern, lambda m, made=made: f"{m.group(1)}\n{made}\n\n{m.group(2)}", text, flags=re.DOTALL
        )
    if keep:
        page.write_text(text)


if __name__ == "__main__":
    main()
