"""The experiments of docs/experiments/prenatal.md: run them, and write their tables.

    python benchmarks/prenatal_experiments.py --list                          # names and commands
    python benchmarks/prenatal_experiments.py waves scratch --seeds 1 2 3
    python benchmarks/prenatal_experiments.py --table                         # the tables, from what has been run
    python benchmarks/prenatal_experiments.py --write                         # the same, into the page

Part (a): a small network sees retinal waves (or a control) before it meets digits and clothes. A run is a chain of
`ontogym` commands: pre-train, look at the filters, fine-tune on both tasks, probe on both. Part (b): an LNDP develops
on one of several kinds of spontaneous activity before its first episode; a run is one `ontogym evolve`.

What a run found is kept as one small JSON file in docs/experiments/prenatal/, so that tables can be made again without
running anything; a run that is there is not repeated, a run that was killed goes on. One core a run.
"""

from __future__ import annotations

import fcntl
import json
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from cells import keep, kept, main, ontogym

from ontogym.statistics import mean_summary

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "docs" / "experiments" / "prenatal"
RUNS = ROOT / "runs" / "prenatal"
DATA = RUNS / "data"
SEEDS = (1, 2, 3)
MARKS = ("<!-- tables: python benchmarks/prenatal_experiments.py --write -->", "<!-- end of tables -->")

SETS = {
    "waves": "waves dataset --classes 64 --per-class 150 --size 64 --radius 64",
    "fractals": "fractals dataset --classes 64 --per-class 150 --size 64",
}
"""One of each for all seeds: the seeds vary the network, the order and the augmentation."""

PRETRAIN = "--network small --batch 64 --lr 0.1"
FINETUNE = "--batch 64 --lr 0.05"
TASKS = {
    "digits": "--data digits --epochs 8",
    "fashion": "--data fashion-mnist --train-size 10000 --validation-size 5000 --epochs 5",
}
SIZE = {
    "digits": "--data digits",
    "fashion": "--data fashion-mnist --train-size 10000 --validation-size 5000",
}


class Arm(NamedTuple):
    """What a network sees first."""

    title: str
    sets: tuple[str, ...]
    args: str


ARMS = {
    "scratch": Arm("nothing (random weights)", ("waves",), f"--data {{waves}} {PRETRAIN} --epochs 0"),
    "waves": Arm("waves, labels", ("waves",), f"--data {{waves}} {PRETRAIN} --epochs 12"),
    "waves-shuffled": Arm(
        "waves, shuffled labels", ("waves",), f"--data {{waves}} {PRETRAIN} --epochs 12 --shuffle-labels"
    ),
    "fractals": Arm("FractalDB images, labels", ("fractals",), f"--data {{fractals}} {PRETRAIN} --epochs 12"),
    "waves-simclr": Arm(
        "waves, SimCLR (two views)", ("waves",), f"--data {{waves}} {PRETRAIN} --epochs 6 --method simclr"
    ),
    "films-simclr": Arm(
        "films of waves, SimCLR (successive frames)",
        (),
        f"--data movies:ferret {PRETRAIN} --epochs 6 --method simclr --positives frames",
    ),
}

SOURCES = {
    "none": ("no development", ""),
    **{
        name: (title, f"--development {name} --development-steps 100")
        for name, title in (
            ("silence", "100 steps of silence"),
            ("white-noise", "100 steps of white noise"),
            ("ornstein-uhlenbeck", "100 steps of Ornstein–Uhlenbeck activity"),
            ("retinal-waves", "100 steps of retinal waves"),
        )
    },
}
TASK_B = {
    "cartpole": ("CartPole", "--env ontogym/CartPole-v1 --generations 20"),
    "foraging": ("Foraging", "--env ontogym/Foraging-v0 --episodes 2 --generations 30"),
}
EVOLUTIONS = {
    # No target: every run has the same budget, and none stops because it was lucky.
    f"{task}-{source}": f"{env} --io-identity --target None {flags}".strip()
    for task, (_, env) in TASK_B.items()
    for source, (_, flags) in SOURCES.items()
}


def chain(name: str, seed: int) -> list[tuple[str, str]]:
    """Step and command, in order, of one run of part (a) or (b); the steps' folders lie in that of the run."""
    if name in EVOLUTIONS:
        return [("evolve", f"evolve {EVOLUTIONS[name]} --seed {seed}")]
    folder = RUNS.relative_to(ROOT) / f"{name}-s{seed}"
    start = f"--from {folder / 'pretrain'}"
    places = {key: str(DATA.relative_to(ROOT) / key) for key in SETS}
    steps = [("pretrain", f"pretrain {ARMS[name].args.format(**places)} --seed {seed}")]
    steps.append(("filters", f"filters {folder / 'pretrain'} --seed {seed} --out {folder / 'filters.png'}"))
    for task, args in TASKS.items():
        steps.append((f"finetune-{task}", f"finetune {start} {args} {FINETUNE} --seed {seed}"))
        steps.append((f"probe-{task}", f"finetune --probe {start} {SIZE[task]} --seed {seed}"))
    return steps


def on_one_core(command: str) -> dict[str, Any]:
    """What a command finds."""
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS", "NUMBA")}
    return ontogym(*shlex.split(command), **threads)


def make_set(name: str) -> None:
    """Make an image set unless it is there; other runs wait for it."""
    DATA.mkdir(parents=True, exist_ok=True)
    with (DATA / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (DATA / name / "manifest.json").exists():
            on_one_core(f"{SETS[name]} --out {DATA / name}")


def do_step(folder: Path, step: str, command: str) -> dict[str, Any]:
    """One command of a chain, unless its result is there; goes on with one that was killed."""
    file = folder / f"{step}.json"
    if file.exists():
        return dict(json.loads(file.read_text()))
    if step != "filters":
        out = folder / step
        command += f" --out {shlex.quote(str(out.relative_to(ROOT)))}"
        command += " --threads 1" + " --resume" * (out / "config.json").exists()
    found = on_one_core(command)
    keep(file, found)
    return found


def run(name: str, seed: int) -> str:
    """Run (or go on with) one seed of one experiment; returns a line about it."""
    file = RESULTS / f"{name}-s{seed}.json"
    if file.exists():
        return f"{name} seed {seed}: already there"
    folder = RUNS / f"{name}-s{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    for needed in ARMS[name].sets if name in ARMS else ():
        make_set(needed)
    found = {step: do_step(folder, step, command) for step, command in chain(name, seed)}
    small = shorten(found) if name in ARMS else {k: found["evolve"][k] for k in EVOLVED}
    keep(file, small)
    return f"{name} seed {seed}: done"


EVOLVED = ("generations", "score", "control", "env_steps", "wall_seconds", "cpu_seconds")


def shorten(found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What the page needs of a chain of part (a): curves, probes, filters and seconds."""
    small: dict[str, Any] = {"gabor": found["filters"]["gabor"], "probe": {}, "curve": {}}
    # The run's own filters come first; a path would be no name for them.
    small["gabor"] = dict(zip(("network", "permuted", "random"), small["gabor"].values()))
    last = found["pretrain"]["history"][-1]
    keys = ("validation_accuracy", "validation_loss", "loss")
    small["pretrain"] = {"epochs": last["epoch"], **{key: last[key] for key in keys}}
    small["cpu_seconds"] = {"pretrain": last["cpu_seconds"]}
    for task in TASKS:
        history = found[f"finetune-{task}"]["history"]
        small["curve"][task] = [row["validation_accuracy"] for row in history]
        small["probe"][task] = found[f"probe-{task}"]["probe"]["accuracy"]
        small["cpu_seconds"][task] = history[-1]["cpu_seconds"]
    return small


def interval(values: Sequence[float], digits: int) -> str:
    """Mean over seeds and its 95 % interval by Student's t."""
    found = mean_summary(values)
    mean, ci95 = found["mean"], found["ci95"]
    return f"{mean:.{digits}f} ± {ci95[1] - mean:.{digits}f}" if ci95 else f"{mean:.{digits}f} (1 seed)"


def table(head: Sequence[str], rows: list[list[str]]) -> str:
    """Markdown."""
    lines = ["| " + " | ".join(cells) + " |" for cells in [head, ["---"] * len(head), *rows]]
    return "\n".join(lines)


def differences(name: str, value: Callable[[dict[str, Any]], float]) -> str:
    """This arm minus scratch, seed by seed: the interval of the difference."""
    pairs = [
        (value(json.loads(path.read_text())), value(json.loads(other.read_text())))
        for path in sorted(RESULTS.glob(f"{name}-s[0-9]*.json"))
        if (other := path.with_name(path.name.replace(f"{name}-s", "scratch-s"))).exists()
    ]
    return interval([100 * (a - b) for a, b in pairs], 1) if pairs and name != "scratch" else "–"


def table_transfer(task: str) -> str:
    """Fine-tuning and probe on one task, for every arm that has been run."""
    rows = []
    for name, arm in ARMS.items():
        if found := kept(RESULTS, name):
            first, last = ([100 * r["curve"][task][k] for r in found] for k in (1, -1))
            rows.append(
                [
                    arm.title,
                    interval(first, 1),
                    differences(name, lambda r: r["curve"][task][1]),
                    interval(last, 1),
                    differences(name, lambda r: r["curve"][task][-1]),
                    interval([100 * r["probe"][task] for r in found], 1),
                    str(len(found)),
                ]
            )
    head = [
        "first seen",
        "epoch 1, %",
        "minus scratch",
        "last epoch, %",
        "minus scratch",
        "probe, %",
        "seeds",
    ]
    return table(head, rows) if rows else ""


def table_filters() -> str:
    """Gabor fits of the first layer, with controls, and what the pre-training itself reached."""
    rows = []
    for name, arm in ARMS.items():
        if found := kept(RESULTS, name):
            gabor = {
                key: [100 * r["gabor"][key]["fraction_r2_above_0.7"] for r in found]
                for key in found[0]["gabor"]
            }
            scores = [r["pretrain"]["validation_accuracy"] for r in found]
            rows.append(
                [
                    arm.title,
                    *(interval(gabor[key], 0) for key in ("network", "permuted", "random")),
                    interval([100 * s for s in scores], 1) if None not in scores else "–",
                    f"{np.mean([sum(r['cpu_seconds'].values()) for r in found]):.0f}",
                ]
            )
    head = [
        "first seen",
        "filters with R² > .7, %",
        "weights permuted",
        "random",
        "pre-training's own, %",
        "CPU s",
    ]
    return table(head, rows) if rows else ""


def table_lives(task: str) -> str:
    """Part (b): first and last episode after each kind of development."""
    rows = []
    for source, (title, _) in SOURCES.items():
        name = f"{task}-{source}"
        if found := kept(RESULTS, name):
            scores = [r["score"] for r in found]
            rows.append(
                [
                    title,
                    *(
                        interval([s[key] for s in scores], 1)
                        for key in ("first_episode", "last_episode", "mean")
                    ),
                    "; ".join(f"{s['first_episode']:.1f} → {s['last_episode']:.1f}" for s in scores),
                    f"{np.mean([r['cpu_seconds'] for r in found]):.0f}",
                    f"`{EVOLUTIONS[name]}`",
                ]
            )
    head = ["before the first episode", "first episode", "last episode", "all", "each seed", "CPU s"]
    return table([*head, "`ontogym evolve` … `--seed N`"], rows) if rows else ""


def tables() -> str:
    """All tables as Markdown; ± is half of a 95 % interval over seeds."""
    parts = [(f"Fine-tuning on {task}", table_transfer(task)) for task in TASKS]
    parts += [("First-layer filters", table_filters())]
    parts += [(f"{title}, LNDP with I/O identity", table_lives(task)) for task, (title, _) in TASK_B.items()]
    return "\n\n".join(f"### {title}\n\n{body}" for title, body in parts if body) + "\n"


def listed(name: str) -> list[str]:
    """The commands of an experiment's first seed."""
    return [f"{step:18} ontogym {command}" for step, command in chain(name, 1)]


if __name__ == "__main__":
    page = ROOT / "docs" / "experiments" / "prenatal.md"
    main(__doc__, [*ARMS, *EVOLUTIONS], listed, run, tables, page, MARKS, SEEDS)
