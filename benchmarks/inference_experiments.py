"""Experiment C of docs/experiments/learning-rules.md, rules inferred from choices: run it, and write its tables.

    python benchmarks/inference_experiments.py --list                  # names and commands
    python benchmarks/inference_experiments.py reinforce real-mouse --seeds 1 2 3
    python benchmarks/inference_experiments.py --table                 # the tables, from what has been run
    python benchmarks/inference_experiments.py --write                 # the same, into the page

Each run is one `ontogym infer-rule` command. What it found is kept as one small JSON file in
docs/experiments/learning-rules/, so that tables and intervals over seeds can be made again without running anything; a
run that is there is not repeated, a run that was killed resumes. One core a run. The real animals come from two
packages' wheels, of which only one file each is taken:

    pip download --no-deps -d runs/data psytrack==2.0.2 ibllib==4.1.0
    unzip -j runs/data/psytrack-*.whl psytrack/examples/sampleRatData.npz -d runs/data
    unzip -j runs/data/ibllib-*.whl brainbox/tests/fixtures/trials_test.pickle -d runs/data
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cells import keep, kept, main, markdown, ontogym

from ontogym.statistics import mean_summary, mean_text, paired_difference
from ontogym.studies.rule_inference.model.parametric import PARAMETRIC
from ontogym.studies.rule_inference.model.simulate import GROUND_TRUTH
from ontogym.studies.rule_inference.report import NAMES

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "docs" / "experiments" / "learning-rules"
RUNS = ROOT / "runs" / "experiments"
SEEDS = (1, 2, 3)
MARKS = (
    "<!-- inference: python benchmarks/inference_experiments.py --write -->",
    "<!-- end of inference -->",
)

SIZE = "--animals 300 --trials 500 --folds 2"
REAL = "--folds 5 --batch 1"
SIMULATED = (*GROUND_TRUTH, "reinforce-history")
EXPERIMENTS = {
    **{rule: f"--simulate {rule} {SIZE}" for rule in SIMULATED},
    "animals-1000": "--simulate reinforce --animals 1000 --trials 500 --folds 2 --models dnn",
    "real-mouse": f"--data runs/data/trials_test.pickle {REAL}",
    "real-rat": f"--data runs/data/sampleRatData.npz {REAL}",
}
MODELS = ("dnn", "gru")
KEPT = ("source", "animals", "trials", "folds", "held_out", "comparisons", "parametric", "profile", "plugged_in",
        "config", "cpu_seconds")  # fmt: skip
Runs = list[dict[str, Any]]


def command(name: str, seed: int) -> str:
    """What makes one run."""
    return f"ontogym infer-rule {EXPERIMENTS[name]} --seed {seed}"


def run(name: str, seed: int) -> str:
    """Run (or resume) one seed; returns a line about it."""
    file = RESULTS / f"infer-{name}-s{seed}.json"
    if file.exists():
        return f"{name} seed {seed}: already there"
    words = shlex.split(command(name, seed))[1:]
    if "--data" in words and not (ROOT / words[words.index("--data") + 1]).exists():
        return f"{name} seed {seed}: {words[words.index('--data') + 1]} is missing; --help says where it comes from"
    folder = RUNS / f"infer-{name}-s{seed}"
    words += ["--out", str(folder), *["--resume"] * (folder / "config.json").exists()]
    found = ontogym(*words, OMP_NUM_THREADS="1")
    small = {key: found[key] for key in KEPT} | {"models": {k: _brief(m) for k, m in found["models"].items()}}
    small |= {"truth": _brief(found["truth"])} if "truth" in found else {}
    # Where the rule lies is the business of the machine that made it.
    small["plugged_in"] = {k: v for k, v in small["plugged_in"].items() if k != "rule"}
    keep(file, small)
    return f"{name} seed {seed}: {found['cpu_seconds']:.0f} s of CPU"


def _brief(model: dict[str, Any]) -> dict[str, Any]:
    """A model without its curves, which are in the picture of the run."""
    return {key: model[key] for key in ("asymmetry", "history", "recovery") if key in model}


def over_seeds(runs: Runs, *path: str, places: int | None = None) -> str:
    """Mean and interval over seeds of the number that lies at `path`; a dash where there is none.

    `places` are decimals; without, three digits.
    """
    values = []
    for one in runs:
        value: Any = one
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        values.append(value)
    if all(v is None for v in values):
        return "–"
    found = mean_summary(values)
    if places is None:
        return mean_text(found)
    low_high = " [{1:.{0}f}, {2:.{0}f}]".format(places, *found["ci95"]) if found["ci95"] else ""
    return f"{found['mean']:.{places}f}{low_high}"


def commands_table(found: dict[str, Runs]) -> str:
    """What was run, and what it took."""
    rows = []
    for name, runs in found.items():
        cpu = "/".join(f"{r['cpu_seconds']:.0f}" for r in runs)
        rows.append([name, f"`{command(name, 1).rpartition(' ')[0]} N`", str(len(runs)), cpu])
    return markdown(["experiment", "command", "seeds", "s of CPU"], rows)


def recovery_table(found: dict[str, Runs]) -> str:
    """Inferred against true changes."""
    rows = []
    for name, runs in found.items():
        for model in MODELS:
            if "truth" in runs[0] and model in runs[0]["models"]:
                keys = ("change", "change_stimulus", "change_bias", "weights", "error")
                cells = [over_seeds(runs, "models", model, "recovery", key) for key in keys]
                rows.append([name, NAMES[model], *cells])
    names = ["rule", "model", "changes", "of weight", "of bias", "weights", "error of weights"]
    return markdown(names, rows)


def likelihood_table(found: dict[str, Runs]) -> str:
    """Held-out log-likelihood a trial: models by experiments."""
    rows = []
    for model in (*PARAMETRIC, *MODELS, "truth"):
        rows.append(
            [
                NAMES.get(model, model),
                *(over_seeds(runs, "held_out", model, "mean", places=4) for runs in found.values()),
            ]
        )
    return markdown(["model", *found], rows)


def asymmetry_table(found: dict[str, Runs]) -> str:
    """Updates after correct and error trials, always beside the profile over the baseline."""
    rows = []
    for name, runs in found.items():
        intervals = [
            "{:.2f} [{:.2f}, {:.2f}]".format(r["profile"]["best"], *r["profile"]["interval"]) for r in runs
        ]
        # Of a real animal there is one profile, whatever the seed.
        profile = "; ".join(dict.fromkeys(intervals))
        for model in (*MODELS, "truth"):
            path = ("truth",) if model == "truth" else ("models", model)
            cells = [over_seeds(runs, *path, "asymmetry", key) for key in ("correct", "error")]
            cells += [over_seeds(runs, *path, "history", "ratio")]
            if cells[0] != "–":
                rows.append([name, NAMES[model], *cells, profile])
    names = [
        "experiment",
        "model",
        "after correct",
        "after error",
        "many / few rewards",
        "profile of beta, by seed",
    ]
    return markdown(names, rows)


_RATIO = ("history", "ratio")


def directions_table(found: dict[str, Runs]) -> str:
    """Published beside measured directions; simulated ones paired by seed."""
    rows = []
    for name, runs in found.items():
        if name.startswith("real"):
            rows += [[name, *row] for row in _real_directions(runs)]
        elif {"dnn", "gru"} <= runs[0]["models"].keys():
            published = "up" if name.endswith("history") else "–"
            dnn, gru = ([_at(r, ("held_out", model, "mean")) for r in runs] for model in MODELS)
            c = paired_difference("", gru, dnn, "", published)
            what = "held-out, GRU − DNN"
            rows.append([name, what, mean_text(c["difference"]), published, c["measured"]])
    if {"reinforce", "reinforce-history"} <= found.keys():
        for model in MODELS:
            path = ("models", model, *_RATIO)
            pairs = [[_at(r, path) for r in found[name]] for name in ("reinforce-history", "reinforce")]
            n = min(map(len, pairs))
            c = paired_difference("", pairs[0][:n], pairs[1][:n], "", "up")
            what = f"many / few rewards, {NAMES[model]}, minus that of reinforce"
            rows.append(["reinforce-history", what, mean_text(c["difference"]), "up", c["measured"]])
        # A DNN sees no history: what a GRU finds beyond it, less what it finds beyond it where there is none
        beyond = [
            [_at(r, ("models", "gru", *_RATIO)) - _at(r, ("models", "dnn", *_RATIO)) for r in found[name]]
            for name in ("reinforce-history", "reinforce")
        ]
        c = paired_difference("", *(part[: min(map(len, beyond))] for part in beyond), "", "up")
        what = "many / few rewards, GRU − DNN, minus that of reinforce"
        rows.append(["reinforce-history", what, mean_text(c["difference"]), "up", c["measured"]])
    names = [
        "experiment",
        "difference",
        "mean [95 % over seeds; real: over sessions]",
        "published",
        "measured",
    ]
    return markdown(names, rows)


def _real_directions(runs: Runs) -> list[list[str]]:
    """Seeds vary only the fits, so the interval is that over the animal's sessions, its ends averaged over seeds."""
    rows = []
    for k, c in enumerate(runs[0]["comparisons"]):
        parts = [r["comparisons"][k] for r in runs]
        gain, low, high = (
            sum(values) / len(runs)
            for values in zip(*((part["gain"], part["ci95"][0], part["ci95"][1]) for part in parts))
        )
        measured = "up" if low > 0 else "down" if high < 0 else "unresolved"
        what = f"held-out, {NAMES[c['model']]} − {NAMES.get(c['over'], c['over'])}"
        rows.append([what, f"{gain:.4f} [{low:.4f}, {high:.4f}]", "up", measured])
    return rows


def _at(result: dict[str, Any], path: Sequence[str]) -> float:
    value: Any = result
    for key in path:
        value = value[key]
    return float(value)


def tables() -> str:
    """All tables as Markdown."""
    found = {name: runs for name in EXPERIMENTS if (runs := kept(RESULTS, f"infer-{name}"))}
    if not found:
        return "Nothing has been run.\n"
    parts = {
        "Runs": commands_table(found),
        "Recovery on 200 new animals: correlation of inferred and true": recovery_table(found),
        "Held-out log-likelihood a trial, nats": likelihood_table(found),
        "Change of the drive towards the choice, history, and whether the data tell": asymmetry_table(found),
        "Directions": directions_table(found),
    }
    note = "Means [95 % over seeds, Student's t]."
    return note + "\n\n" + "\n\n".join(f"#### {title}\n\n{text}" for title, text in parts.items()) + "\n"


if __name__ == "__main__":
    page = ROOT / "docs" / "experiments" / "learning-rules.md"
    main(__doc__, list(EXPERIMENTS), lambda name: [command(name, 1)], run, tables, page, MARKS, SEEDS)
