"""Experiments A and B of docs/experiments/learning-rules.md: run them, and write their tables.

    python benchmarks/regimes_experiments.py --list                    # names and commands
    python benchmarks/regimes_experiments.py rank-perceptual --seeds 1 2 3
    python benchmarks/regimes_experiments.py --table                   # the tables, from what has been run
    python benchmarks/regimes_experiments.py --write                   # the same, into the page

Each experiment is one `ontogym regimes` command and each run one seed of it. What a run found is kept as one small
JSON file in docs/experiments/learning-rules/, so that tables and intervals over seeds can be made again without running
anything; a run that is there is not repeated, a run that was killed resumes.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any, NamedTuple

from cells import keep, kept, main, markdown, ontogym

from ontogym.statistics import mean_summary, mean_text, paired_difference
from ontogym.studies.regimes import curvature, rank_sweep

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "docs" / "experiments" / "learning-rules"
RUNS = ROOT / "runs" / "experiments"
SEEDS = (1, 2, 3)
MARKS = ("<!-- regimes: python benchmarks/regimes_experiments.py --write -->", "<!-- end of regimes -->")


class Experiment(NamedTuple):
    """One command, and what its table is called."""

    title: str
    args: str


LONG = "--nodes 300 --iterations 4000 --ranks 1 30 100"
SHORT = "--nodes 100 --iterations 4000 --ranks 1 10 30"
FAMILIES = "--families dale-balanced dale blocks chain"
EXPERIMENTS = {
    "rank-perceptual": Experiment(
        "A. Perceptual decision, 300 units", f"rank-sweep --task perceptual-decision {LONG}"
    ),
    "rank-delay-match": Experiment(
        "A. Delayed match to sample, 100 units", f"rank-sweep --task delay-match-sample {SHORT}"
    ),
    "rank-aligned": Experiment(
        "A. A low rank that is aligned with the task (delayed match to sample, 100 units)",
        "rank-sweep --task delay-match-sample --nodes 100 --iterations 2000 --ranks 1 --aligned 1",
    ),
    "rank-aligned-radius": Experiment(
        "A. The same at one spectral radius, .9, at which no aligned start diverges",
        "rank-sweep --task delay-match-sample --nodes 100 --iterations 2000 --ranks 1 --aligned 1 "
        "--match spectral_radius --gain 0.9",
    ),
    "rank-context": Experiment(
        "A. Context-dependent decision, 100 units", f"rank-sweep --task context-decision {SHORT}"
    ),
    "rank-families": Experiment(
        "A. Families of starts, of one spectral radius (delayed match to sample)",
        f"rank-sweep --task delay-match-sample {SHORT} {FAMILIES} --match spectral_radius",
    ),
    "rank-lndp": Experiment(
        "A. A grown LNDP's wiring (delayed match to sample)",
        "rank-sweep --task delay-match-sample --iterations 4000 --ranks 1 8 --connectome zoo:lndp-cartpole "
        "--match spectral_radius --gain 1",
    ),
    "curvature-synthetic": Experiment(
        "B. Synthetic sequences, 64 units",
        "curvature --task synthetic --iterations 2000 --rules rflo mdgl mdgl-types modprop modprop-types",
    ),
    "curvature-digits": Experiment(
        "B. Digits row by row, 128 units",
        "curvature --task digits --nodes 128 --iterations 3000 --batch 128 --rules rflo mdgl modprop",
    ),
    # Step size against curvature at one product of steps and step size. Named before the run: the largest eigenvalue where BPTT ends, step
    # size .01 minus .1, ten seeds; up, since 2 / step size is the bound of plain gradient descent.
    "curvature-digits-long-steps": Experiment(
        "B. Digits, steps of .1, a third as many",
        "curvature --task digits --nodes 128 --iterations 900 --batch 128 --lr 0.1 --rules bptt",
    ),
    "curvature-digits-short-steps": Experiment(
        "B. Digits, steps of .01, three times as many",
        "curvature --task digits --nodes 128 --iterations 9000 --batch 128 --lr 0.01 --rules bptt",
    ),
}
METRICS = {"rank-sweep": rank_sweep.METRICS, "curvature": curvature.METRICS}


def command(name: str, seed: int) -> str:
    """What makes one seed of a table."""
    return f"ontogym regimes {EXPERIMENTS[name].args} --seeds {seed}"


def run(name: str, seed: int) -> str:
    """Run (or resume) one seed; returns a line about it."""
    file = RESULTS / f"{name}-s{seed}.json"
    if file.exists():
        return f"{name} seed {seed}: already there"
    folder = RUNS / f"{name}-s{seed}"
    again = ["--resume"] * (folder / "config.json").exists()
    found = ontogym(*shlex.split(command(name, seed))[1:], "--out", str(folder), *again)
    small = {key: found[key] for key in ("experiment", "nodes", "config", "cpu_seconds", "failures")}
    small["conditions"] = [{"name": row["name"], "title": row["title"]} for row in found["conditions"]]
    # Without the seed in the name of a cell: files of several seeds are read side by side.
    small["cells"] = {cell.rpartition("-s")[0]: values for cell, values in found["cells"].items()}
    small["directions"] = [_brief(d) for d in found["directions"]]
    keep(file, small)
    return f"{name} seed {seed}: {found['cpu_seconds']:.0f} s of CPU"


def _brief(direction: dict[str, Any]) -> dict[str, Any]:
    """One seed's difference; its interval comes with the others."""
    brief = {key: direction[key] for key in ("metric", "what", "published")}
    return {**brief, "difference": direction["difference"]["mean"]}


def table(name: str) -> str | None:
    """One experiment: command, means over seeds, and published beside measured directions."""
    runs = kept(RESULTS, name)
    if not runs:
        return None
    metrics = METRICS[runs[0]["experiment"]]
    cpu = "/".join(f"{r['cpu_seconds']:.0f}" for r in runs)
    lines = [
        f"### {EXPERIMENTS[name].title}",
        "",
        f"`{command(name, 1).rpartition(' ')[0]} N`; {len(runs)} seeds, {cpu} s of CPU; means [95 % over seeds].",
        "",
    ]
    rows = []
    for row in runs[0]["conditions"]:
        cells = [mean_text(mean_summary([r["cells"][row["name"]].get(m) for r in runs])) for m in metrics]
        rows.append([row["title"], *cells, str(sum(_learned(r, row["name"]) for r in runs))])
    lines += [markdown(["", *metrics.values(), "learned it"], rows), ""]
    rows = []
    for k, d in enumerate(runs[0]["directions"]):
        values = [r["directions"][k]["difference"] for r in runs]
        zeros: list[float | None] = [0.0] * len(values)
        found = paired_difference(d["metric"], values, zeros, d["what"], d["published"])
        mean = mean_text(found["difference"])
        rows.append([d["what"], d["metric"], mean, d["published"] or "–", found["measured"]])
    rows += _of_those_that_learned(runs)
    return "\n".join([*lines, markdown(["difference", "of", "mean [95 %]", "published", "measured"], rows)])


def _learned(run: dict[str, Any], name: str) -> bool:
    """Whether a network learned the task: chance is a half or less, and who learned has .76 or more."""
    cell = run["cells"][name]
    return (cell.get("accuracy") or cell.get("train_accuracy") or 0.0) >= 0.7


def _of_those_that_learned(runs: list[dict[str, Any]]) -> list[list[str]]:
    """Rank and family differences again over the seeds in which both networks learned, where some did not: what has not
    learned looks lazy."""
    rows = []
    titles = {row["name"]: row["title"] for row in runs[0]["conditions"]}
    for name, title in titles.items():
        other = "rank-1" if name.startswith("control") else "rank-full" if name.startswith("family") else ""
        both = [r["cells"] for r in runs if other and _learned(r, name) and _learned(r, other)]
        if other and 1 < len(both) < len(runs):
            for metric, label in (("representation_alignment", "RA"), ("kernel_alignment", "KA")):
                sides = ([cells[each][metric] for cells in both] for each in (name, other))
                found = paired_difference(label, *sides, "", None)
                what = f"{title} − {titles[other]}, the {len(both)} seeds in which both learned"
                rows.append([what, label, mean_text(found["difference"]), "–", found["measured"]])
    return rows


def tables() -> str:
    """All tables as Markdown."""
    return "\n\n".join(text for name in EXPERIMENTS if (text := table(name))) + "\n"


if __name__ == "__main__":
    page = ROOT / "docs" / "experiments" / "learning-rules.md"
    main(__doc__, list(EXPERIMENTS), lambda name: [command(name, 1)], run, tables, page, MARKS, SEEDS)
