"""How long images, retina, twin and encoding environments take beside one response of the twin, in the same run.

    python benchmarks/retina_throughput.py [--threads 1] [--only WORD] [--fit] [--actor] [--json]

At 128 pixels and 60 cells, in batches of 64, the best of three rounds. The unit is the twin's response to a picture of 32 x 32
pixels, which every step of an environment with a twin pays. `--fit` also fits the default twin (two to three minutes),
in a folder of its own, and says how good it is. `--actor` trains the actor of the paper's sizes, 128 to 32 pixels on
1200 images. Last it says which of the targets, rates and processor seconds, were held on this machine.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch

import ontogym  # noqa: F401  (registers the environments)
from ontogym.retina_env.actor import Actor
from ontogym.retina_env.actor_training import train_actor
from ontogym.retina_env.downsampling import DOWNSAMPLERS, downsampler
from ontogym.retina_env.forward_model import ForwardModel
from ontogym.retina_env.images import DeadLeaves, dead_leaves
from ontogym.retina_env.retina import SimulatedRetina
from ontogym.retina_env.twins import FIT_IMAGES, IMAGES_SEED, SHIPPED, default_twin, fit_twin

BATCH = 64
UNIT = "twin responses to 32 x 32"
STEPPED = ("RetinaEncoding-v0", "RetinaEncodingPixels-v0", "RetinaRefinement-v0", "RetinaCalibration-v1")
AT_LEAST = {
    "dead-leaves images": 60, "RetinaEncodingPercept-v0, one product x 1024": 20_000,
    **{f"{name} x 64": 3000 for name in STEPPED},
    **{f"{name} alone": 300 for name in STEPPED},
}  # fmt: skip
"""Targets, per second of the processor."""
AT_MOST = {"cpu_seconds": 180, "actor_cpu_seconds": 60}
"""Targets in processor seconds: the twin's fit, the actor's."""


def per_second(work: Callable[[], Any], count: int, rounds: int = 3) -> float:
    """`count` over the shortest of `rounds` times that `work` takes, after one that does not count."""
    # With one thread the time of the processor tells what the program takes however busy the machine is.
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    work()
    times = []
    for _ in range(rounds):
        start = clock()
        work()
        times.append(clock() - start)
    return count / min(times)


def throughput(only: str = "") -> dict[str, float]:
    """Everything but the fit, per second (of the processor, with one thread); environments `only`, if that is named."""
    images, world = dead_leaves(BATCH, 1), DeadLeaves()
    retina, twin = SimulatedRetina(0), default_twin() if SHIPPED.is_file() else ForwardModel().eval()
    low = torch.from_numpy(downsampler("average")(images, 4))
    tensor = torch.from_numpy(images)
    with torch.no_grad():
        found = {UNIT: per_second(lambda: twin.forward_low(low, 4), BATCH)}
    if only:
        return found | environments(only)
    found |= {
        "dead-leaves images": per_second(lambda: [world.image(k, 9) for k in range(16)], 16),
        "retina responses": per_second(lambda: retina.rates(images), BATCH),
        "twin responses": per_second(lambda: twin.rates(images), BATCH),
    }
    with torch.no_grad():
        actor = Actor()
        found["actor, 128 to 32"] = per_second(lambda: actor.encode(tensor[:, None]), BATCH)
        found["average downsampling"] = per_second(lambda: downsampler("average")(tensor, 4), BATCH)
    found["all downsamplings"] = per_second(lambda: [d(images, 4) for d in DOWNSAMPLERS.values()], BATCH)
    return found | environments()


FEW = {"images": None, "n_images": 96, "obs": "statistics"}
ENVIRONMENTS: tuple[tuple[str, dict[str, Any], int], ...] = (
    ("RetinaEncoding-v0", {}, BATCH),
    ("RetinaEncodingPixels-v0", {}, BATCH),
    ("RetinaRefinement-v0", {}, BATCH),
    ("RetinaCalibration-v1", {}, BATCH),
    ("RetinaEncodingAnimals-v0", FEW, BATCH),
    ("RetinaEncodingPercept-v0", {**FEW, "patients": 32}, 16 * BATCH),
    ("RetinaEncodingPercept-v0", {**FEW, "patients": 32, "fast": True}, 16 * BATCH),
)
"""Id, arguments and lanes."""


def environments(only: str = "") -> dict[str, float]:
    """Steps per second of the encoding environments, in a batch and alone, with their judge in the loop."""
    found = {}
    for name, options, lanes in ENVIRONMENTS:
        if only not in name:
            continue
        env_id, rng = f"ontogym/{name}", np.random.default_rng(0)
        name = name + (", one product" if options.get("fast") else "")
        batch = gym.make_vec(
            env_id, lanes, vectorization_mode="vector_entry_point", autoreset_mode="SameStep", **options
        )
        batch.reset(seed=0)
        actions = rng.uniform(-0.2, 0.2, (4, *batch.action_space.shape)).astype(np.float32)
        alone = gym.make(env_id, **options).unwrapped

        def many(env: Any = batch, moves: Any = actions) -> None:
            for move in moves:
                env.step(move)

        def one(env: Any = alone, moves: Any = actions) -> None:
            # A new life whenever one is over, which for most is every step.
            ended = True
            for k in range(BATCH):
                if ended:
                    env.reset(seed=k)
                ended = env.step(moves[0, k])[2]

        found[f"{name} x {lanes}"] = per_second(many, 4 * lanes)
        found[f"{name} alone"] = per_second(one, BATCH)
    return found


def table(rates: dict[str, float]) -> str:
    """Times in units of UNIT, in a batch and alone, a row for each thing."""
    rows: dict[str, dict[str, str]] = {}
    for name, rate in rates.items():
        what, where = (name.removesuffix(" alone"), "alone") if name.endswith(" alone") else (name, "batch")
        if name.startswith("Retina"):  # its lanes are part of its name
            what = what.rpartition(" x ")[0] or what
        rows.setdefault(what, {})[where] = f"{rates[UNIT] / rate:.2g}"
    lines = [f"| {what} | {row.get('batch', '–')} | {row.get('alone', '–')} |" for what, row in rows.items()]
    return "\n".join(["| | in a batch | alone |", "|---|---|---|", *lines])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--threads", type=int, default=1, help="threads of PyTorch")
    parser.add_argument("--only", default="", help="environments whose id contains this, and nothing else")
    parser.add_argument("--fit", action="store_true", help="fit the default twin too")
    parser.add_argument("--actor", action="store_true", help="train an actor too")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    found: dict[str, Any] = throughput(arguments.only)
    if not arguments.json:
        print(table(found))
    if arguments.fit:
        with tempfile.TemporaryDirectory() as folder:
            facts = fit_twin(0, Path(folder) / "twin.safetensors").facts
        found |= {
            key: facts[key] for key in ("cpu_seconds", "epochs", "r2_median", "r2_of_true_rates_median")
        }
        if not arguments.json:
            print(f"twin: {facts['epochs']} epochs, R2 {facts['r2_median']}")
    if arguments.actor:
        images = dead_leaves(FIT_IMAGES, IMAGES_SEED)
        responses = SimulatedRetina(0).respond(images, 10)
        about = train_actor(default_twin(), images, 4, 0, responses).facts
        found |= {"actor_cpu_seconds": about["cpu_seconds"], "actor_epochs": about["epochs"]}
    if not arguments.json:
        well = {
            f"{name}, {least} a second": found[name] >= least
            for name, least in AT_LEAST.items()
            if name in found
        }
        well |= {
            f"{name}, at most {most}": found[name] <= most for name, most in AT_MOST.items() if name in found
        }
        for what, held in well.items():
            print(f"{'held' if held else 'MISSED'}: {what}")
    else:
        print(json.dumps({"threads": arguments.threads, "numpy": np.__version__, **found}))


if __name__ == "__main__":
    main()
