"""The experiments of docs/experiments/lndp.md: run them, and write their tables.

    python benchmarks/lndp_experiments.py --list                       # names and commands
    python benchmarks/lndp_experiments.py cartpole-identity --seeds 1 2 3
    python benchmarks/lndp_experiments.py --table                      # the tables, from what has been run
    python benchmarks/lndp_experiments.py --write                      # the same, into the page

Each experiment is one `ontogym evolve` command and each run one seed of it. What a run found is kept as one small
JSON file in docs/experiments/lndp/, so that tables can be made again without running anything; a run that is
there is not repeated, a run that was killed resumes.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import NamedTuple

import numpy as np
from cells import keep, kept, main, markdown, ontogym

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "docs" / "experiments" / "lndp"
RUNS = ROOT / "runs" / "experiments"
SEEDS = (1, 2, 3)
MARKS = ("<!-- tables: python benchmarks/lndp_experiments.py --write -->", "<!-- end of tables -->")


class Experiment(NamedTuple):
    """One command, and how its row is called."""

    title: str
    args: str


CARTPOLE, ACROBOT = "--env ontogym/CartPole-v1", "--env ontogym/Acrobot-v1"
PENDULUM = "--env ontogym/Pendulum-v1"
FORAGING, SWITCH = "--env ontogym/Foraging-v0", "--env ontogym/ForagingSwitch-v0"
REWARD = "--env ontogym/ForagingRewardOnly-v0"
PLAIN = "--no-io-identity"

GROUPS: dict[str, dict[str, Experiment]] = {
    "The tasks, with I/O identity": {
        "cartpole-identity": Experiment("CartPole", f"{CARTPOLE} --io-identity"),
        "acrobot-identity": Experiment("Acrobot", f"{ACROBOT} --io-identity"),
        "pendulum-identity": Experiment("Pendulum", f"{PENDULUM} --io-identity --eval-lives 32"),
        "foraging-identity": Experiment("Foraging", f"{FORAGING} --io-identity"),
        "reward-only-identity": Experiment("Foraging, reward only", f"{REWARD} --io-identity"),
        "switch-identity": Experiment("Foraging, food moves", f"{SWITCH} --io-identity"),
    },
    "The tasks, without I/O identity (the paper's agent)": {
        "cartpole-plain": Experiment("CartPole", f"{CARTPOLE} {PLAIN}"),
        "acrobot-plain": Experiment("Acrobot", f"{ACROBOT} {PLAIN} --generations 40"),
        "pendulum-plain": Experiment(
            "Pendulum", f"{PENDULUM} {PLAIN} --no-bias --generations 40 --eval-lives 32"
        ),
        "foraging-plain": Experiment("Foraging", f"{FORAGING} {PLAIN} --generations 60"),
        "cartpole-plain-long": Experiment("CartPole, long run", f"{CARTPOLE} {PLAIN} --generations 1000"),
    },
    "Ablation on Pendulum, with I/O identity": {
        "pendulum-no-bias": Experiment(
            "no bias", f"{PENDULUM} --io-identity --no-bias --generations 400 --eval-lives 32"
        ),
    },
    "Ablations on CartPole, with I/O identity": {
        f"cartpole-{name}": Experiment(title, f"{CARTPOLE} --io-identity --generations 60 {flags}")
        for name, title, flags in (
            (
                "no-structural",
                "no structural plasticity, density .5",
                "--no-structural-plasticity --density 0.5",
            ),
            ("no-synaptic", "no synaptic plasticity", "--no-synaptic-plasticity"),
            ("no-transformer", "no graph transformer", "--no-graph-transformer"),
            ("empty", "empty start", "--start empty"),
            (
                "development",
                "100 developmental steps on OU activity",
                "--development ornstein-uhlenbeck --development-steps 100",
            ),
        )
    },
    "Ablations on reward-only foraging, with I/O identity": {
        f"reward-only-{name}": Experiment(title, f"{REWARD} --io-identity --generations 60 {flags}")
        for name, title, flags in (
            (
                "no-structural",
                "no structural plasticity, density 1",
                "--no-structural-plasticity --density 1",
            ),
            ("no-synaptic", "no synaptic plasticity", "--no-synaptic-plasticity"),
            ("no-transformer", "no graph transformer", "--no-graph-transformer"),
            ("empty", "empty start", "--start empty"),
            (
                "development",
                "100 developmental steps on OU activity",
                "--development ornstein-uhlenbeck --development-steps 100",
            ),
        )
    },
    "Strategies on CartPole, with I/O identity": {
        f"strategy-{name}": Experiment(
            name, f"{CARTPOLE} --io-identity --strategy {name} --generations {budget}"
        )
        for name, budget in (("cma-diagonal", 60), ("openai-es", 60), ("cma-full", 20))
    },
}
EXPERIMENTS = {name: e for group in GROUPS.values() for name, e in group.items()}


def command(name: str, seed: int) -> str:
    """What makes one number of the page."""
    return f"ontogym evolve {EXPERIMENTS[name].args} --seed {seed}"


def run(name: str, seed: int) -> str:
    """Run (or resume) one seed; returns a line about it."""
    file = RESULTS / f"{name}-s{seed}.json"
    if file.exists():
        return f"{name} seed {seed}: already there"
    folder = RUNS / f"{name}-s{seed}"
    again = ["--resume"] * (folder / "config.json").exists()
    ontogym(*shlex.split(command(name, seed))[1:], "--out", str(folder), "--threads", "1", *again)
    found = json.loads((folder / "result.json").read_text())
    keep(file, found)
    return f"{name} seed {seed}: {found['score']['mean']:.1f}"


def row(name: str) -> list[str] | None:
    """One row of a table: every seed's score with its interval, then means over seeds."""
    runs = kept(RESULTS, name)
    if not runs:
        return None
    scores = [r["score"] for r in runs]
    each = "; ".join(f"{s['mean']:.1f} [{s['ci95'][0]:.1f}, {s['ci95'][1]:.1f}]" for s in scores)
    controls = [r["control"]["mean"] for r in runs if r["control"]]
    first, last = (float(np.mean([s[k] for s in scores])) for k in ("first_episode", "last_episode"))
    episodes = f"{first:.0f} → {last:.0f}" if len(scores[0]["episodes"]) > 1 else "–"
    # Kept results of before life-long measurement call the last step's density "density".
    ends = [s["diagnostics"].get("density_at_end", s["diagnostics"].get("density")) for s in scores]
    density = np.mean(ends)
    generations = "/".join(str(r["generations"]) for r in runs)
    cpu = "/".join(f"{r['cpu_seconds']:.0f}" for r in runs)
    return [
        EXPERIMENTS[name].title,
        f"{np.mean([s['mean'] for s in scores]):.1f}",
        each,
        f"{np.mean(controls):.0f}" if controls else "–",
        episodes,
        f"{density:.2f}",
        generations,
        cpu,
        f"`{EXPERIMENTS[name].args}`",
    ]


HEADS = (
    "", "mean over seeds", "each seed [95 % interval]", "reward clamped to 0", "first → last episode", "density",
    "generations", "CPU s", "`ontogym evolve` … `--seed N`",
)  # fmt: skip


def tables() -> str:
    """All tables as Markdown."""
    parts = []
    for title, group in GROUPS.items():
        rows = [line for name in group if (line := row(name))]
        if rows:
            parts.append(f"### {title}\n\n{markdown(HEADS, rows)}")
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    page = ROOT / "docs" / "experiments" / "lndp.md"
    main(__doc__, list(EXPERIMENTS), lambda name: [command(name, 1)], run, tables, page, MARKS, SEEDS)
