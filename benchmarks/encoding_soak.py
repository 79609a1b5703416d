"""A hundred thousand random steps in each encoding environment: observations stay finite and inside their space.

OMP_NUM_THREADS=1 python benchmarks/encoding_soak.py                       # all four; a few processor minutes
OMP_NUM_THREADS=1 python benchmarks/encoding_soak.py RetinaEncoding-v0
"""

from __future__ import annotations

import sys
import time

import gymnasium as gym
import numpy as np
import torch

import ontogym  # noqa: F401  (registers the environments)

STEPS, LANES = 100_000, 64
IDS = ("RetinaEncoding-v0", "RetinaEncodingPixels-v0", "RetinaRefinement-v0", "RetinaCalibration-v0")


def soak(name: str) -> str:
    """Take the steps; returns a line about them, or fails with what left its space."""
    envs = gym.make_vec(f"ontogym/{name}", LANES, vectorization_mode="vector_entry_point")
    envs.action_space.seed(0)
    envs.reset(seed=0)
    began, taken = time.process_time(), 0
    while taken < STEPS:
        seen, reward, *_ = envs.step(envs.action_space.sample())
        taken += LANES
        assert np.isfinite(reward).all(), "a reward is not finite"
        for key, part in seen.items():
            space = envs.single_observation_space[key]
            inside = np.isfinite(part).all() and (part >= space.low).all() and (part <= space.high).all()
            assert part.dtype == space.dtype, f"{key} has type {part.dtype}"
            assert inside, f"{key} left its space"
    return f"{name}: {taken} steps, all inside, {taken / (time.process_time() - began):,.0f} steps/s"


def main() -> None:
    torch.set_num_threads(1)
    for name in sys.argv[1:] or IDS:
        print(soak(name), flush=True)


if __name__ == "__main__":
    main()
