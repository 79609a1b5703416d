"""The table of docs/experiments/adaptation.md of sparse LNDPs that turn by which edges there are: python benchmarks/sparse_turns.py

Every lineage of `lndp-rewires-sparse-free` lives 32 lives with the flip before the fourth of eight episodes, free and with something held
still from there on; numbers in brackets leave out lives that had turned their control round before any flip.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from ontogym.baselines.evolution.agent_files import load_agent
from ontogym.baselines.lives.life import LifeSpec, life_seeds, live

CELLS = Path(__file__).parents[1] / "results" / "sweeps" / "lndp-rewires" / "cells"
STAGES = (
    "balances",
    "balances-b",
    "balances-c",
    "rewires",
    "rewires-flips",
    "rewires-sparse",
    "rewires-sparse-free",
)
FLIP, LOST = 3, 100.0
LIFE = LifeSpec(
    "ontogym/CartPoleActionFlip-v0", {"switches": [FLIP]}, episodes=8, told="termination", max_steps=500
)


def row(seed: int) -> list[str]:
    """One lineage."""
    name = f"CartPoleActionFlip--lndp-{{}}--s{seed}"
    cells = [json.loads((CELLS / f"{name.format(stage)}.json").read_text()) for stage in STAGES]
    saved = load_agent(CELLS / f"{name.format(STAGES[-1])}.best.safetensors")
    agent, seeds = saved.build(), life_seeds(LIFE, 32, 0, "evaluate")
    early, numbers = None, []
    for what in (None, "all", "wiring", "weights", "places"):
        spec = dataclasses.replace(LIFE, freeze=what, freeze_from=FLIP)
        returns = live(agent, saved.genome[None], spec, seeds).returns[0]
        early = (returns[:, :FLIP] < LOST).any(1) if early is None else early
        after = returns[:, FLIP:]
        numbers.append(f"{after.mean():.0f}" + (f" ({after[~early].mean():.0f})" if early.any() else ""))
    density = cells[-1]["evaluations"]["flip"]["diagnostics"]["density"]
    seconds = sum(cell["result"]["cpu_seconds"] for cell in cells)
    return [str(seed), f"{density:.2f}", *numbers, str(early.sum()), f"{seconds:.0f}"]


if __name__ == "__main__":
    print(
        "| lineage | density | after the flip | all held | wiring held | weights held | places held | turned early | CPU s |"
    )
    print("|" + "---|" * 9)
    for file in sorted(CELLS.glob("*--lndp-rewires-sparse-free--s*.json")):
        print("| " + " | ".join(row(int(file.stem.rpartition("--s")[2]))) + " |", flush=True)
