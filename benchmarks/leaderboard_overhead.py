"""What the leaderboard adds to evaluating an agent: bookkeeping over living, within one run.

Living is the innermost thing a verification cannot do without: `live` on the two sets of seeds, with an agent that is
built already. Everything else (reading with its limits, building, comparing, writing to the store) is overhead.

    python benchmarks/leaderboard_overhead.py
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

import ontogym  # noqa: F401  (registers the environments)
from ontogym.baselines.lives.life import make_agent
from ontogym.leaderboard.players import build_player
from ontogym.leaderboard.runs import Candidate, make_submission
from ontogym.leaderboard.store import Store
from ontogym.leaderboard.submission import Submission, read_submission, write_submission
from ontogym.leaderboard.suites import HELD_OUT, PUBLIC, get_suite
from ontogym.leaderboard.verification import verify


def submission_of(kind: str, task: str) -> Submission:
    """An agent of a kind: random actions, or an LNDP with a random genome that lives as long as it can."""
    training = {"env_steps": 0, "wall_seconds": 0.0}
    if kind == "random":
        return make_submission(Candidate(kind, {"seed": 0}, {}, training=training), task)
    env_kwargs = {"observation": "one-hot"} if task.startswith("Foraging") else {}
    env = f"ontogym/{task}"
    agent = make_agent("lndp", env, env_kwargs, {})
    genome = np.random.default_rng(0).normal(0, 0.1, agent.genome_size)
    return make_submission(
        Candidate("lndp", agent.config, {"genome": genome}, env, env_kwargs, 0, training), task
    )


def measure(kind: str, task_name: str, repeats: int) -> dict[str, object]:
    """Median over repeats of (whole verification and adding - living) / living, in processor time."""
    made = submission_of(kind, task_name)
    suite = get_suite(made.manifest["suite"])
    task = suite.task(task_name)
    ratios = []
    with tempfile.TemporaryDirectory() as folder:
        write_submission(Path(folder, "s"), made)
        for repeat in range(repeats + 1):
            began = time.process_time()
            player = build_player(kind, made.manifest["agent"]["options"], made.tensors, task)
            for root in (PUBLIC, HELD_OUT):
                player.live(task.life, task.seeds(suite, root))
            lived = time.process_time() - began
            began = time.process_time()
            found = read_submission(Path(folder, "s"))
            report = verify(found)
            assert report["status"] == "verified", report["reasons"]
            Store.open(Path(folder, "store"), create=True).add(found, report)
            if repeat:  # the first one compiles and fills caches
                # The living is done in a worker, which says what it took.
                took = time.process_time() - began + report["spent"]["cpu_seconds"]
                ratios.append(took / lived - 1)
    return {
        "agent": kind,
        "task": task_name,
        "living_seconds": round(lived, 3),
        "overhead": round(statistics.median(ratios), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    rows = [
        measure("lndp", "CartPole-v1", repeats),
        measure("lndp", "Acrobot-v1", repeats),
        measure("lndp", "Foraging-v0", repeats),
        measure("lndp", "ForagingSwitch-v0", repeats),  # whose steps are recorded for the score of adaptation
        measure("random", "Acrobot-v1", repeats),
    ]
    for row in rows:
        print(json.dumps(row))


if __name__ == "__main__":
    main()
