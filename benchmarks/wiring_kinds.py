"""Which kinds of nodes an LNDP's edges run between, in a living network.

    python benchmarks/wiring_kinds.py AGENT... [--step 100]

An agent is a file, a run's folder or zoo:NAME. Edges of one life after so many steps of its first episode and one step later, by input, between
hidden nodes, and by output.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from cells import markdown
from numpy.typing import NDArray

from ontogym.agents.lndp import LNDP
from ontogym.baselines.evolution.agent_files import load_agent
from ontogym.baselines.lives.life import life_seeds, live
from ontogym.baselines.lives.rollout import Moment, Watcher


class Masks(Watcher):
    """The wiring of every network at two steps of the first episode."""

    def __init__(self, agent: LNDP, step: int) -> None:
        self.agent, self.steps = agent, (step, step + 1)
        self.found: list[NDArray[Any]] = []

    def acted(self, moment: Moment) -> None:
        if moment.episode == 0 and moment.step in self.steps:
            self.found.append(self.agent.body(moment.state.agent).mask[0].copy())


def row(name: str, step: int, seed: int = 1) -> tuple[str, ...]:
    saved = load_agent(name)
    agent, spec = saved.build(), saved.spec()
    assert isinstance(agent, LNDP)
    masks = Masks(agent, step)
    live(agent, np.atleast_2d(saved.genome), spec, life_seeds(spec, spec.group, seed), watchers=[masks])
    before, after = masks.found
    n_in, n_out = agent.n_inputs, agent.spaces.n_actions
    hidden = slice(n_in, len(after) - n_out)

    def counts(part: NDArray[Any], axis: int) -> str:
        return ", ".join(f"{count:.0f}" for count in part.sum(axis))

    return (
        name.rpartition("/")[2], f"{before.sum():.0f}", counts(before[hidden, :n_in], 0), f"{before[hidden, hidden].sum():.0f}",
        counts(before[-n_out:, hidden], 1), f"{np.abs(after - before).sum():.0f}",
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("agents", nargs="+")
    parser.add_argument("--step", type=int, default=100)
    given = parser.parse_args()
    heads = (
        "agent",
        "edges",
        "from each input",
        "between hidden nodes",
        "to each output",
        "came or went at the next step",
    )
    print(markdown(heads, [row(name, given.step) for name in given.agents]))


if __name__ == "__main__":
    main()
