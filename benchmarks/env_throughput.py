"""How many times as fast as Gymnasium's our environments step, by one protocol in one run.

    python benchmarks/env_throughput.py [--seconds 1.0] [--repeats 3] [--json]

Every environment is reset once with a seed and then stepped with random actions that were drawn beforehand, in its
default autoreset mode (ended lanes start over, so every step is work). Of `repeats` measurements, taken in
turn for all environments, the fastest counts: the machine's other work only ever slows one down. Foraging, which Gymnasium does
not have, stands beside our CartPole. Times are of the processor; set OMP_NUM_THREADS=1 for those of one core.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import SyncVectorEnv, VectorEnv

import ontogym  # noqa: F401  (registers the environments)

N_ACTIONS = 64
"""Batches of actions drawn beforehand and used in turn."""

TARGETS = {"CartPole x64": 1.0, "CartPole x1024": 1.0}
"""Least ratio of ours to Gymnasium's own vector environment."""
FORAGING_TARGET = 5e6

OWN, LOOP, OURS = "Gymnasium's vector environment", "`SyncVectorEnv`", "our CartPole"
ROWS = (
    ("CartPole x64", ("CartPole x64", "gymnasium"), OWN),
    ("CartPole x1024", ("CartPole x1024", "gymnasium"), OWN),
    ("CartPole x64", ("CartPole x64", "SyncVectorEnv"), LOOP),
    ("Acrobot x64", ("Acrobot x64", "SyncVectorEnv"), LOOP),
    ("Pendulum x64", ("Pendulum x64", "SyncVectorEnv"), LOOP),
    ("Foraging x1024", ("CartPole x1024", "ontogym"), OURS),
)
"""Case, what it is divided by, and how that is called."""
SINGLE = ("CartPole-v1", "Acrobot-v1", "Pendulum-v1")
SINGLE_TARGET = 1.5
"""Greatest ratio of a single environment's step to Gymnasium's own."""


def single_ratios(repeats: int, steps: int = 2560) -> dict[str, float]:
    """Processor time of a step of a single environment over that of Gymnasium's, resets and wrappers included."""
    found = {}
    for name in SINGLE:
        best = {}
        pair = {whose: gym.make(f"{whose}{name}", disable_env_checker=True) for whose in ("ontogym/", "")}
        pair[""].action_space.seed(0)
        actions = [pair[""].action_space.sample() for _ in range(N_ACTIONS)]
        for env in pair.values():
            env.reset(seed=0)
            env.step(actions[0])
        for _ in range(repeats):
            for whose, env in pair.items():
                start = time.process_time()
                for k in range(steps):
                    _, _, terminated, truncated, _ = env.step(actions[k % N_ACTIONS])
                    if terminated or truncated:
                        env.reset()
                best[whose] = min(best.get(whose, np.inf), time.process_time() - start)
        found[name] = best["ontogym/"] / best[""]
    return found


def cases() -> list[tuple[str, str, int, Callable[[], VectorEnv]]]:
    """Name, whose implementation, lanes, constructor."""

    def native(env_id: str, lanes: int) -> Callable[[], VectorEnv]:
        return lambda: gym.make_vec(env_id, lanes, vectorization_mode="vector_entry_point")

    def sync(env_id: str, lanes: int) -> Callable[[], VectorEnv]:
        return lambda: SyncVectorEnv([lambda: gym.make(env_id, disable_env_checker=True)] * lanes)

    table = []
    for lanes in (64, 1024):
        table.append((f"CartPole x{lanes}", "ontogym", lanes, native("ontogym/CartPole-v1", lanes)))
        table.append((f"CartPole x{lanes}", "gymnasium", lanes, native("CartPole-v1", lanes)))
    table.append(("CartPole x64", "SyncVectorEnv", 64, sync("CartPole-v1", 64)))
    for name in ("Foraging-v0", "ForagingSwitch-v0", "ForagingRewardOnly-v0"):
        table.append((f"{name[:-3]} x1024", "ontogym", 1024, native(f"ontogym/{name}", 1024)))
    for name in ("Acrobot", "Pendulum"):
        table.append((f"{name} x1024", "ontogym", 1024, native(f"ontogym/{name}-v1", 1024)))
        table.append((f"{name} x64", "ontogym", 64, native(f"ontogym/{name}-v1", 64)))
        table.append((f"{name} x64", "SyncVectorEnv", 64, sync(f"{name}-v1", 64)))
    return table


def steps_per_second(env: VectorEnv, actions: list[Any], seconds: float) -> float:
    """Lane-steps per second of the processor, of one run of at least `seconds`."""
    done, start = 0, time.process_time()
    while (elapsed := time.process_time() - start) < seconds:
        for batch in actions:
            env.step(batch)
        done += len(actions)
    return done * env.num_envs / elapsed


def measure(seconds: float, repeats: int) -> list[dict[str, Any]]:
    """One row per case."""
    rows, prepared = [], []
    for name, whose, lanes, make in cases():
        env = make()
        env.action_space.seed(0)
        env.reset(seed=0)
        actions = [env.action_space.sample() for _ in range(N_ACTIONS)]
        for batch in actions:
            env.step(batch)
        prepared.append((env, actions))
        rows.append({"case": name, "implementation": whose, "lanes": lanes, "steps_per_s": 0.0})
    for _ in range(repeats):
        for row, (env, actions) in zip(rows, prepared):
            row["steps_per_s"] = max(row["steps_per_s"], steps_per_second(env, actions, seconds / repeats))
    for env, _ in prepared:
        env.close()
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1.0, help="time per environment")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    arguments = parser.parse_args()
    rows = measure(arguments.seconds, arguments.repeats)
    rates = {(row["case"], row["implementation"]): row["steps_per_s"] for row in rows}
    ratios = {}
    print("| environment | beside | times as fast |\n|---|---|---|")
    for case, beside, label in ROWS:
        ratios[case, label] = rates[case, "ontogym"] / rates[beside]
        print(f"| {case.replace(' x', ', ')} lanes | {label} | {ratios[case, label]:.2g} |")
    single = single_ratios(max(3, arguments.repeats))
    for name, ratio in single.items():
        print(f"| {name[:-3]}, alone | Gymnasium's step | {1 / ratio:.2g} |")
    held = {
        f"{case}: {TARGETS[case]} times Gymnasium's own": ratios[case, OWN] >= TARGETS[case]
        for case in TARGETS
    }
    held[f"Foraging: {FORAGING_TARGET / 1e6:.0f} million steps a second"] = (
        rates["Foraging x1024", "ontogym"] >= FORAGING_TARGET
    )
    held[f"alone: at most {SINGLE_TARGET} times the time of Gymnasium's step"] = (
        max(single.values()) <= SINGLE_TARGET
    )
    for what, well in held.items():
        print(f"{'held' if well else 'MISSED'}: {what}")
    if arguments.json:
        version = {"gymnasium": gym.__version__, "numpy": np.__version__}
        named = {f"{case} beside {label}": ratio for (case, label), ratio in ratios.items()}
        print(json.dumps({"rows": rows, "ratios": named, "single": single, "versions": version}))


if __name__ == "__main__":
    main()
