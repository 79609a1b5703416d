"""Gradients through lives against evolution, at equal processor time, on foraging that only reward tells.

    python benchmarks/lndp_gradients.py evolution gradients both     # each 60 s of one core a seed, kept as JSON
    python benchmarks/lndp_gradients.py --write                      # the table, from what is kept

Three searches for the genome of one LNDP (16 nodes, complete wiring, newborns alike): evolution; policy gradients whose returns are
propagated back through the whole plastic life (after Backpropamine, arXiv 2002.10585: an advantage actor-critic there, here REINFORCE with
the mean of the other lives as baseline), from a random genome; and the same gradients from the genome that half of evolution's time has
found. Structure has no gradient (an edge comes where a probability passes a threshold), so wiring is held complete in all three.
Scores are of the search mean, acting by argmax, on 96 fresh lives.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from cells import keep, kept, markdown
from cells import main as command_line
from numpy.typing import NDArray

import ontogym  # noqa: F401 (registers the environments)
from ontogym.agents.lndp import LNDP
from ontogym.baselines.evolution.config import EvolutionConfig
from ontogym.baselines.evolution.run import evolve
from ontogym.baselines.lives.life import make_agent, reevaluate
from ontogym.baselines.lives.spec import LifeSpec
from ontogym.seeding import lane_seeds
from ontogym.statistics import mean_summary, mean_text

ENV, KWARGS = "ontogym/ForagingRewardOnly-v0", {"observation": "one-hot"}
OPTIONS: dict[str, Any] = {
    "nodes": 16, "density": 1.0, "birth_spread": 0.05, "structural_plasticity": False, "io_identity": True
}  # fmt: skip
SPEC = LifeSpec(ENV, KWARGS, 1, conditions=({"goal": 0}, {"goal": 1}))
LIVES, SHARPNESS, DISCOUNT = 64, 5.0, 0.97
SECONDS, RATE = 60.0, 0.003
"""Of the processor, for each row; Adam's step, chosen on seed 1 among .003 and .02: the seeds that are kept begin with 2."""
ROOT = Path(__file__).parent.parent
OUT = ROOT / "results" / "gradients"


def score(genome: NDArray[np.floating], seed: int) -> float:
    agent = make_agent("lndp", ENV, KWARGS, {**OPTIONS, "threads": 1})
    return float(reevaluate(agent, genome, SPEC, 96, seed, "final")["mean"])


def one_life(agent: LNDP, theta: torch.Tensor, envs: Any, seed: int) -> tuple[torch.Tensor, float]:
    """The loss of a batch of lives with the genome `theta` (D,), and their mean return."""
    state = agent.birth(np.zeros((LIVES, agent.genome_size)), lane_seeds(seed, LIVES, "births"))
    networks = state.engine.networks._replace(genomes=theta.expand(LIVES, -1))
    generator = torch.Generator().manual_seed(seed)
    goals = np.arange(LIVES) % 2
    observation, _ = envs.reset(seed=seed, options={"goal": goals})
    told, chosen, entropy, rewards = np.zeros(LIVES), [], [], []
    for _ in range(100):
        seen = torch.as_tensor(agent.spaces.observe(observation), dtype=torch.float32)
        networks = agent.engine.advance(networks, seen, torch.as_tensor(told, dtype=torch.float32))
        policy = torch.log_softmax(SHARPNESS * agent.engine.motor(networks), 1)
        action = torch.multinomial(policy.detach().exp(), 1, generator=generator)
        chosen.append(policy.gather(1, action)[:, 0])
        entropy.append(-(policy.exp() * policy).sum(1))
        observation, told, *_ = envs.step(action[:, 0].numpy())
        rewards.append(told)
    to_go, ahead = np.zeros((100, LIVES)), np.zeros(LIVES)
    for t in range(99, -1, -1):
        ahead = to_go[t] = rewards[t] + DISCOUNT * ahead
    others = (to_go.sum(1, keepdims=True) - to_go) / (LIVES - 1)
    advantage = to_go - others
    advantage /= advantage.std() + 1e-8
    weight = torch.as_tensor(advantage, dtype=torch.float32)
    loss = -(weight * torch.stack(chosen)).mean() - 0.01 * torch.stack(entropy).mean()
    return loss, float(np.sum(rewards, 0).mean())


def gradients(start: NDArray[np.floating] | None, seconds: float, seed: int) -> dict[str, Any]:
    """Adam on the loss of fresh batches of lives, until `seconds` of the processor are used up."""
    agent = make_agent("lndp", ENV, KWARGS, {**OPTIONS, "engine": "torch", "initialisation": "fan-in"})
    assert isinstance(agent, LNDP)
    begins = agent.initial_genome() if start is None else start
    if start is None:  # the fan-in draw is one and the same: other seeds begin around it
        begins = begins + 0.1 * np.random.default_rng(seed).standard_normal(len(begins))
    theta = torch.tensor(begins, dtype=torch.float32, requires_grad=True)
    optimiser = torch.optim.Adam([theta], lr=RATE)
    envs = gym.make_vec(ENV, num_envs=LIVES, **KWARGS)
    clock, curve, steps = time.process_time(), [], 0
    while time.process_time() - clock < seconds:
        loss, earned = one_life(agent, theta, envs, seed * 100_003 + len(curve))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_([theta], 1.0)
        optimiser.step()
        curve.append(earned)
        steps += 100 * LIVES
    envs.close()
    return {
        "score": score(theta.detach().double().numpy(), seed),
        "cpu_seconds": time.process_time() - clock,
        "env_steps": steps,
        "updates": len(curve),
        "during": [float(np.mean(part)) for part in np.array_split(curve, min(10, len(curve)))],
    }


def evolution(seconds: float, seed: int) -> tuple[dict[str, Any], NDArray[np.float64]]:
    """Evolution until `seconds` of the processor are used up, in slices that resume: its row, and the genome."""
    clock, generations, used = time.process_time(), 0, 0.0
    with tempfile.TemporaryDirectory() as folder:
        while used < seconds:
            generations += 5
            config = EvolutionConfig(
                ENV, KWARGS, "lndp", {**OPTIONS, "threads": 1}, strategy="cma-diagonal", population=128, lives=8, episodes=1,
                conditions=SPEC.conditions, utility="min", generations=generations, eval_every=5, eval_lives=96,
                final_lives=96, seed=seed, out=f"{folder}/run",
            )  # fmt: skip
            result = evolve(config, resume=generations > 5, progress=False)
            used = time.process_time() - clock
    row = {"score": score(result.genome, seed), "cpu_seconds": used, "env_steps": result.env_steps}
    return {**row, "updates": generations}, result.genome


def run(name: str, seed: int) -> str:
    torch.set_num_threads(1)
    if name == "evolution":
        row = evolution(SECONDS, seed)[0]
    elif name == "gradients":
        row = gradients(None, SECONDS, seed)
    else:
        first, genome = evolution(SECONDS / 2, seed)
        row = gradients(genome, SECONDS - first["cpu_seconds"], seed)
        for key in ("cpu_seconds", "env_steps", "updates"):
            row[key] += first[key]
        row["half way"] = first["score"]
    keep(OUT / f"{name}-s{seed}.json", row)
    return f"{name} seed {seed}: {row['score']:.1f} in {row['cpu_seconds']:.0f} s"


def table() -> str:
    rows = []
    for name, what in NAMES.items():
        found = kept(OUT, name)
        each = {
            key: [row.get(key) for row in found] for key in ("score", "half way", "env_steps", "cpu_seconds")
        }
        half = ", ".join(f"{value:.0f}" for value in each["half way"] if value is not None)
        rows.append(
            (
                what,
                str(len(found)),
                mean_text(mean_summary(each["score"])),
                ", ".join(f"{value:.0f}" for value in each["score"]),
                half or "–",
                f"{np.mean(each['env_steps']):,.0f}",
                f"{np.mean(each['cpu_seconds']):.0f}",
            )
        )
    heads = ("search", "seeds", "score of 495 [95 %]", "each seed", "half way", "environment steps", "CPU s")
    return markdown(heads, rows) + "\n"


NAMES = {
    "evolution": "evolution",
    "gradients": "gradients through lives",
    "both": "evolution, then gradients",
}

if __name__ == "__main__":
    page = ROOT / "docs" / "experiments" / "structure.md"
    marks = ("<!-- gradients: python benchmarks/lndp_gradients.py --write -->", "<!-- end of gradients -->")
    command_line(
        __doc__, list(NAMES), lambda name: [f"python benchmarks/lndp_gradients.py {name}"], run, table, page, marks, (2, 3, 4)
    )  # fmt: skip
