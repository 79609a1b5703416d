"""Small submissions for tests, and ways to spoil them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from ontogym.leaderboard.runs import Candidate, make_submission
from ontogym.leaderboard.submission import Submission, write_submission


def random_agent(seed: int = 0, task: str = "Foraging-v0") -> Submission:
    return make_submission(
        Candidate("random", {"seed": seed}, {}, seed=seed, training={"env_steps": 0, "wall_seconds": 0.0}),
        task,
    )


def lndp(seed: int = 0) -> Submission:
    from ontogym.baselines.lives.life import make_agent

    agent = make_agent("lndp", "ontogym/CartPole-v1", {}, {"nodes": 12})
    genome = np.random.default_rng(seed).normal(0, 0.1, agent.genome_size)
    training = {"env_steps": 10, "wall_seconds": 1.0, "curve": [[0.0, 9.0], [10.0, 11.0]]}
    candidate = Candidate("lndp", agent.config, {"genome": genome}, "ontogym/CartPole-v1", {}, seed, training)
    return make_submission(candidate, label="LNDP")


def spoiled(folder: Path, submission: Submission, changes: dict[str, Any]) -> Path:
    """Written with changes to the manifest; a key may be a path such as "agent/options/nodes"."""
    write_submission(folder, submission)
    manifest = json.loads((folder / "manifest.json").read_text())
    for key, value in changes.items():
        place = manifest
        *way, last = key.split("/")
        for step in way:
            place = place[step]
        place[last] = value
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def put_weights(folder: Path, data: bytes) -> None:
    """Replace the weights, with a hash that fits."""
    (folder / "weights.safetensors").write_bytes(data)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"] = {"weights.safetensors": hashlib.sha256(data).hexdigest()}
    (folder / "manifest.json").write_text(json.dumps(manifest))
