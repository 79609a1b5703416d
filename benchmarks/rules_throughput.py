"""How fast an agent's step is with every plasticity rule, beside one with `hebb` in the same run. Run by hand:

    python benchmarks/rules_throughput.py [--rules NAME ...] [--eager-only] [--lndp] [--seconds S] [--json]

A whole step of an agent (rules, activation, NumPy in and out) of 256 individuals with 32 nodes, everyone alive, on
one core: a recurrent `plastic` network with one rule, or with `--lndp` an LNDP with the rule in its slot. The eager `hebb`,
measured in turn with each, is 1. A rule of a `plastic` network is too slow if even its faster form does less than six times what
the LNDP authors' JAX code did on such a core (2 950 agent-steps a second, measured once, not in this run).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from gymnasium.spaces import Box, Discrete

from ontogym.agents.base import Agent, Feedback
from ontogym.agents.lndp import LNDP
from ontogym.agents.plastic import Plastic
from ontogym.registry import RULES
from ontogym.seeding import lane_seeds

BESIDE = "hebb"
LEAST = 6 * 2950
"""Agent-steps a second of a rule that is fast enough."""
POPULATION, NODES = 256, 32


def build(rule: str, compiled: bool, lndp: bool) -> Agent[Any]:
    """An agent of `NODES` nodes whose synaptic or structural rule is `rule`."""
    spaces = Box(-1, 1, (4,)), Discrete(2)
    slot = f"{RULES.get(rule).kind}_rule"
    if lndp:
        return LNDP(*spaces, nodes=NODES, engine="torch", compiled=compiled, **{slot: rule})
    options: dict[str, Any] = {"synaptic_rule": "", slot: rule, "topology": "recurrent", "hidden": NODES - 6}
    # Half of the edges there, so that structural rules have something to move.
    return Plastic(*spaces, compiled=compiled, density=0.5, **options)


def stepper(rule: str, compiled: bool, lndp: bool) -> Callable[[int], float]:
    """What takes so many steps and returns the processor seconds of one of them; warm, the first of them behind it."""
    agent = build(rule, compiled, lndp)
    rng = np.random.default_rng(0)
    genomes = agent.initial_genome() + 0.3 * rng.standard_normal((POPULATION, agent.genome_size))
    state = agent.birth(genomes, lane_seeds(0, POPULATION))
    observation = rng.standard_normal((POPULATION, 4)).astype(np.float32)
    told = Feedback.of(np.ones(POPULATION, np.float32))

    def steps(count: int) -> float:
        nonlocal state
        # One thread: processor time is what the step costs, however many others want the core.
        start = time.process_time()
        for _ in range(count):
            _, state = agent.step(state, observation, told)
        return (time.process_time() - start) / count

    steps(1)
    return steps


def beside(
    usual: Callable[[int], float], steps: Callable[[int], float], seconds: float
) -> tuple[float, float]:
    """How many times as fast as `usual` steps are, and their rate: medians of five spells in turn, for a busy machine's
    speed drifts."""
    counts = [max(1, int(seconds / 10 / each(3))) for each in (usual, steps)]
    spells = [[each(count) for each, count in zip((usual, steps), counts)] for _ in range(5)]
    return statistics.median(a / b for a, b in spells), POPULATION / statistics.median(b for _, b in spells)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rules", nargs="*", default=list(RULES.builtin))
    parser.add_argument("--eager-only", action="store_true")
    parser.add_argument("--lndp", action="store_true")
    parser.add_argument("--seconds", type=float, default=1.0, help="per rule and form, half of it for `hebb`")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    forms = [False] if arguments.eager_only else [False, True]
    usual = stepper(BESIDE, False, arguments.lndp)
    rows, too_slow = [], []
    print(f"| rule | {' | '.join('compiled' if c else 'eager' for c in forms)} |\n|---|{'---|' * len(forms)}")
    for rule in arguments.rules:
        found = [beside(usual, stepper(rule, form, arguments.lndp), arguments.seconds) for form in forms]
        rows += [{"rule": rule, "compiled": form, "times": times} for form, (times, _) in zip(forms, found)]
        print(f"| `{rule}` | {' | '.join(f'{times:.2f}' for times, _ in found)} |", flush=True)
        if not arguments.lndp and max(rate for _, rate in found) < LEAST:
            too_slow.append(rule)
    if not arguments.lndp:
        print(f"Less than {LEAST} agent-steps a second: {', '.join(too_slow) or 'none'}.")
    if arguments.json:
        print(json.dumps({"rows": rows, "too_slow": too_slow}))


if __name__ == "__main__":
    main()
