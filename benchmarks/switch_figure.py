"""What a flip changes in dense and in sparse LNDPs: docs/images/lndp-switch.png.

    python benchmarks/switch_figure.py NAME=AGENT_FILE ... [--lives 32] [--out docs/images/lndp-switch.png]

Lives of eight episodes in CartPole whose action flips before the fourth, free and with the wiring, the weights or the
places' weights held still from there on.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

import numpy as np

from ontogym.agents.individuals import Individuals
from ontogym.baselines.evolution.agent_files import load_agent
from ontogym.baselines.lives.life import LifeSpec, life_seeds, live, live_actor
from ontogym.baselines.lives.networks import EpisodeNetworks, changed
from ontogym.figures.comparison import Score
from ontogym.figures.style import save_figure
from ontogym.figures.switch import Side, switch_figure
from ontogym.statistics import mean_interval

FLIP = 3
LIFE = LifeSpec(
    "ontogym/CartPoleActionFlip-v0", {"switches": [FLIP]}, episodes=8, told="termination", max_steps=500
)


def side(name: str, file: str, lives: int) -> Side:
    """One agent's lives, free and held still."""
    saved = load_agent(file)
    agent, seeds = saved.build(), life_seeds(LIFE, lives, 0, "switch figure")
    actor = Individuals(agent, np.repeat(saved.genome[None], lives, axis=0))
    watcher = EpisodeNetworks(actor)
    scores = [_score("as it lives", live_actor(actor, LIFE, seeds, watchers=[watcher]).returns[0])]
    for what in ("wiring", "weights", "places"):
        spec = dataclasses.replace(LIFE, freeze=what, freeze_from=FLIP)
        scores.append(_score(f"{what} frozen", live(agent, saved.genome, spec, seeds).returns[0]))
    networks = watcher.weights
    changes = {
        "episode 2 to 4": changed(networks[1], networks[FLIP]),
        "4 to 8, the flip": changed(networks[FLIP], networks[-1]),
    }
    return Side(name, changes, scores)


def _score(name: str, returns: np.ndarray) -> Score:
    return Score(name, *mean_interval(returns[:, FLIP:].mean(1)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("agents", nargs="+")
    parser.add_argument("--lives", type=int, default=32)
    parser.add_argument("--out", default="docs/images/lndp-switch.png")
    arguments = parser.parse_args()
    sides = [side(*given.split("=", 1), arguments.lives) for given in arguments.agents]
    for one in sides:
        shares = {k: {n: float(np.mean(v)) for n, v in c._asdict().items()} for k, c in one.changes.items()}
        print(json.dumps({"name": one.name, "edges": shares, "scores": [list(s) for s in one.scores]}))
    title = "What a flip of the action changes, and what carries the learning"
    print(save_figure(switch_figure(sides, title), Path(arguments.out)))


if __name__ == "__main__":
    main()
