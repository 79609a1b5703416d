"""Where the numba engine works, torch (half a gigabyte, more than a second) is not imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

LIFE = """
import sys
import gymnasium
import numpy as np
import ontogym
from ontogym.agents.base import Feedback
from ontogym.registry import AGENTS

env = gymnasium.make("ontogym/CartPole-v1")
agent = AGENTS.get("lndp")(env.observation_space, env.action_space, engine="numba", growth_bias=1.0,
                           initialisation="fan-in", development="ornstein-uhlenbeck", development_steps=2)
genomes = np.tile(agent.initial_genome(), (3, 1))
state = agent.birth(genomes, np.arange(3))
state = agent.develop(state, np.zeros((2, 3, 4)))
_, state = agent.step(state, np.zeros((3, 4)), Feedback.newborn(3, 2))
agent.network(state)
print(*sorted(name for name in ("torch", "torch_geometric") if name in sys.modules))
"""


def test_a_life_without_torch() -> None:
    done = subprocess.run([sys.executable, "-c", LIFE], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


EVOLUTION = """
import sys
from ontogym.cli import main

words = "evolve --env ontogym/CartPole-v1 --no-preset --generations 1 --population 4 --lives 1 --episodes 1 --max-steps 5"
words += " --eval-lives 2 --final-lives 2 --agent"
for agent in ("lndp", "mlp"):
    assert main([*words.split(), agent, "--out", agent]) == 0
print(*sorted(name for name in ("torch", "torch_geometric") if name in sys.modules))
"""


def test_an_evolution_without_torch(tmp_path: Path) -> None:
    path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", EVOLUTION], capture_output=True, text=True, check=False, cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": path},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].strip() == ""
