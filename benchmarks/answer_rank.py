"""How many different answers an agent's networks give, at the sizes of SharedForaging (10 inputs, 5 actions).

    python benchmarks/answer_rank.py [--genomes 500]

Random genomes (the agent's start plus N(0, sd^2)) live 25 steps of noise and are then shown five inputs, one each.
"""

from __future__ import annotations

import argparse

import numpy as np

from ontogym.agents.answers import answers, participation
from ontogym.agents.base import Feedback
from ontogym.baselines.lives.life import make_agent
from ontogym.seeding import lane_seeds

ENV = "ontogym/SharedForaging-v0"
LNDP = {"io_identity": True, "growth_bias": 2.0, "threads": 1}
AGENTS = {
    "lndp": ("lndp", LNDP),
    "lndp, bias": ("lndp", {**LNDP, "bias": True}),
    "lndp, pairwise": ("lndp", {**LNDP, "synaptic_rule": "lndp-edge-gru-pairwise"}),
    "lndp, weight decay 0.1": ("lndp", {**LNDP, "weight_decay": 0.1}),
    "lndp, both": ("lndp", {**LNDP, "synaptic_rule": "lndp-edge-gru-pairwise", "weight_decay": 0.1}),
    "mlp": ("mlp", {}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--genomes", type=int, default=500)
    count = parser.parse_args().genomes
    print("| agent | sd | rank of the answers | different actions, of 5 |\n|---|---|---|---|")
    for label, (name, options) in AGENTS.items():
        agent = make_agent(name, ENV, options=options)
        for sd in (0.3, 1.0):
            rng = np.random.default_rng(1)
            genomes = agent.initial_genome() + sd * rng.standard_normal((count, agent.genome_size))
            state = agent.birth(genomes, lane_seeds(1, count, "rank"))
            for _ in range(25):
                seen = np.zeros((count, 10), np.float32)
                seen[np.arange(count), rng.integers(0, 5, count)] = 1.0
                seen[:, 5:] = rng.uniform(0, 0.3, (count, 5))
                _, state = agent.step(state, seen, Feedback.of(np.zeros(count, np.float32), 5))
            found = answers(agent, state, np.eye(10)[:5])
            actions = np.mean([len(set(row)) for row in found.argmax(2)])
            print(f"| {label} | {sd} | {participation(found).mean():.2f} | {actions:.2f} |", flush=True)


if __name__ == "__main__":
    main()
