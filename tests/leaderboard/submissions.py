"""Small submissions for tests, and ways to spoil them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from ontogym.leaderboard.limits import Refused
from ontogym.leaderboard.runs import Candidate, make_submission
from ontogym.leaderboard.submission import Submission, pack, read_submission, write_submission
from ontogym.leaderboard.verification import verify
from ontogym.leaderboard.worker import Limits


def random_agent(seed: int = 0, task: str = "Foraging-v0", **facts: Any) -> Submission:
    training = {"env_steps": 0, "wall_seconds": 0.0}
    made = make_submission(Candidate("random", {"seed": seed}, {}, seed=seed, training=training), task)
    return changed(made, facts) if facts else made


def changed(submission: Submission, changes: dict[str, Any]) -> Submission:
    """The same with changes to the manifest; a key may be a path such as "agent/label"."""
    return pack(_changed(submission.manifest, changes), submission.tensors)


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
    (folder / "manifest.json").write_text(json.dumps(_changed(submission.manifest, changes)))
    return folder


def why_refused(folder: Path, limits: Limits | None = None) -> str:
    """The sentence with which reading or re-running refuses a submission; it must be refused."""
    try:
        found = verify(read_submission(folder), limits=limits)
    except Refused as error:
        return str(error)
    assert found["status"] == "refused"
    return str(found["reasons"][0])


def check_sentence(error: Exception) -> None:
    """A refusal is one sentence: one line, not long, with an end."""
    text = str(error)
    assert "\n" not in text, text
    assert len(text) < 600, text
    assert text.endswith((".", "?")), text


def _changed(manifest: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    manifest = json.loads(json.dumps(manifest))
    for key, value in changes.items():
        place = manifest
        *way, last = key.split("/")
        for step in way:
            place = place[step]
        if value is ...:
            del place[last]
        else:
            place[last] = value
    return manifest


def put_weights(folder: Path, data: bytes) -> None:
    """Replace the weights, with a hash that fits."""
    (folder / "weights.safetensors").write_bytes(data)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"] = {"weights.safetensors": hashlib.sha256(data).hexdigest()}
    (folder / "manifest.json").write_text(json.dumps(manifest))
