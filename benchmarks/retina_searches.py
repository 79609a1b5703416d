"""The paper's searches for hyper-parameters, run once; and its Fig. 2.

    python benchmarks/retina_searches.py resolution     # Fig. 2: half a minute
    python benchmarks/retina_searches.py actor          # the actor's grid: twelve actors
    python benchmarks/retina_searches.py twin           # the twin's random search: eight twins, and the default
    python benchmarks/retina_searches.py --write        # the tables, into docs/retina.md

What was found is kept in docs/experiments/retina/searches.json. The twins of the search are fitted for at most 40 epochs on 640
of the 1 200 images, which ranks them and is less than a twin needs; the default is fitted so too, to stand beside them.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch
from cells import put_between

from ontogym.retina_env.forward_model import TwinShape
from ontogym.retina_env.images import dead_leaves
from ontogym.retina_env.retina import SimulatedRetina
from ontogym.retina_env.twin_fit import FitConfig, fit
from ontogym.retina_env.twins import IMAGES_SEED, default_twin
from ontogym.studies.retina_report.actor_grid import GridTrial, grid_search
from ontogym.studies.retina_report.random_search import Trial, random_search
from ontogym.studies.retina_report.resolution import resolution_experiment
from ontogym.studies.retina_report.words import p_text

ROOT = Path(__file__).parent.parent
KEPT = ROOT / "docs" / "experiments" / "retina" / "searches.json"
PAGE = ROOT / "docs" / "retina.md"
MARKS = ("<!-- searches: python benchmarks/retina_searches.py --write -->", "<!-- end of searches -->")
IMAGES, EPOCHS, TRIALS = 640, 40, 8
PUBLISHED = {
    "256, 128": 0.30, "256, 64": 0.0122, "256, 32": 0.0005, "128, 64": 0.0200, "128, 32": 0.0005, "64, 32": 0.0009,
}  # fmt: skip
"""Of Fig. 2: two-tailed paired Wilcoxon tests."""


def keep(part: str, found: Any) -> None:
    """Set one part of what is kept."""
    told = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    KEPT.write_text(json.dumps({**told, part: found}, indent=1) + "\n")


def resolution() -> None:
    """Fig. 2."""
    start, found = time.process_time(), resolution_experiment(show_progress=False)
    keep(
        "resolution",
        {
            "p": {f"{a}, {b}": p for (a, b), p in found.p_values.items()},
            "reliability": {f"{a}, {b}": round(r, 4) for (a, b), r in found.medians().items()},
            "cpu_seconds": round(time.process_time() - start, 1),
        },
    )


def recorded() -> tuple[Any, Any]:
    """What twins and actors are searched on: the first of the images that the default twin was fitted on."""
    images = dead_leaves(IMAGES, IMAGES_SEED)
    return images, SimulatedRetina(0).respond(images)


def actor() -> None:
    """The actor's grid."""
    rows: list[dict[str, Any]] = []

    def told(k: int, trial: GridTrial) -> None:
        rows.append(_row(trial.values, trial.loss))

    images, responses = recorded()
    grid_search(default_twin(), images, responses, on_trial=told, epochs=EPOCHS)
    keep("actor", sorted(rows, key=lambda row: row["loss"]))


def twin() -> None:
    """The twin's random search, and its default under the same limits."""
    images, responses = recorded()
    config = FitConfig(epochs=EPOCHS)
    plain = fit(images, responses, TwinShape(neurons=responses.shape[-1]), config)
    values = {k: getattr(config, k) for k in ("laplacian", "spatial_l1", "feature_l1")}
    rows = [_row({**values, "kernels": 4, "kernel_size": 21, "default": 1}, plain.best_loss)]

    def told(k: int, trial: Trial) -> None:
        rows.append(_row(trial.values, trial.loss))
        keep("twin", sorted(rows, key=lambda row: row["loss"]))

    random_search(images, responses, TRIALS, config=config, on_trial=told)


def _row(values: dict[str, float], loss: float) -> dict[str, Any]:
    row = {**values, "loss": round(loss, 5)}
    print(row, flush=True)
    return row


def tables() -> str:
    """Fig. 2 and both searches, of what is kept."""
    told, lines = json.loads(KEPT.read_text()), []
    if "resolution" in told:
        lines += [
            "| Fig. 2, pixels a side | p, paper (12 cells of 3 retinas) | p, here (the same) |",
            "|---|---|---|",
        ]
        for pair, p in PUBLISHED.items():
            lines.append(
                f"| {pair.replace(', ', ' against ')} | {p_text(p)} | {p_text(told['resolution']['p'][pair])} |"
            )
        lines.append("")
    if "actor" in told:
        lines += ["| actor's grid: kernels | side | L2 | validation loss |", "|---|---|---|---|"]
        for row in told["actor"]:
            lines.append(f"| {row['kernels']} | {row['kernel_size']} | {row['l2']:g} | {row['loss']:.4f} |")
        lines.append("")
    if "twin" in told:
        lines += [
            "| twin's random search: kernels | side | λ smooth | λ spatial | λ feature | validation loss |",
            "|---|---|---|---|---|---|",
        ]
        for row in told["twin"]:
            numbers = " | ".join(f"{row[k]:.2g}" for k in ("laplacian", "spatial_l1", "feature_l1"))
            mark = " (default)" if row.get("default") else ""
            lines.append(f"| {row['kernels']}{mark} | {row['kernel_size']} | {numbers} | {row['loss']:.4f} |")
    return "\n".join(lines).rstrip() + "\n"


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="resolution|actor|twin")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    known = {"resolution": resolution, "actor": actor, "twin": twin}
    for part in arguments.parts:
        if part not in known:
            parser.error(f"no part is called {part!r}; there are {', '.join(known)}")
        known[part]()
    if arguments.write:
        put_between(PAGE, MARKS, tables())
        print(tables())


if __name__ == "__main__":
    main()
