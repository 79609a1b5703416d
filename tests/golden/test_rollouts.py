"""Registered environments of `ontogym.envs` play the lives that they played before: hashes of short rollouts.

A hash that changes means that an id's numbers changed: give the new numbers a new version and keep the old id. To add
the hashes of new ids: ``python -m tests.golden.test_rollouts`` (it changes none that are there).
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from ontogym.envs import make_vector
from ontogym.envs.registration import ENTRIES

HASHES = Path(__file__).with_name("rollouts.json")
IDS = [
    entry.id
    for entry in ENTRIES.values()
    if entry.entry_point.startswith("ontogym.envs.") and entry.vector_entry_point
]
LANES, STEPS = 4, 130
DECIMALS = 5
"""Numbers are rounded, so that the last bit of another machine's sine does not count."""


def rollout_hash(env_id: str) -> str:
    """Of what four lanes see and earn in 130 steps, each ended lane reset at once and going on in its life.

    Of a task whose rules change, two lanes begin late in their lives.
    """
    env = make_vector(env_id, LANES, autoreset_mode="SameStep")
    rng = np.random.default_rng(0)
    space, digest = env.single_action_space, hashlib.blake2b(digest_size=8)
    late = {"episode": np.array([0, 0, 3, 3]), "age": np.array([0, 0, 150, 150])}
    seen, _ = env.reset(seed=11, options=late if "age" in env.dynamics.reset_options else None)
    for _ in range(STEPS):
        if hasattr(space, "n"):
            actions = rng.integers(space.n, size=LANES)
        else:
            actions = rng.uniform(space.low, space.high, (LANES, *space.shape)).astype(space.dtype)
        digest.update(_rounded(seen))
        seen, reward, terminated, truncated, _ = env.step(actions)
        digest.update(_rounded(reward) + bytes(terminated) + bytes(truncated))
    return digest.hexdigest()


def _rounded(values: np.ndarray) -> bytes:
    # Adding zero turns -0.0 into 0.0.
    return (np.round(np.asarray(values, dtype=np.float64), DECIMALS) + 0.0).tobytes()


@pytest.mark.parametrize("env_id", IDS)
def test_lives_are_the_lives_of_before(env_id):
    assert rollout_hash(env_id) == json.loads(HASHES.read_text())[env_id]


if __name__ == "__main__":
    known = json.loads(HASHES.read_text()) if HASHES.exists() else {}
    every = {env_id: rollout_hash(env_id) for env_id in IDS} | known
    HASHES.write_text(json.dumps(dict(sorted(every.items())), indent=2) + "\n")
