"""First results on the encoding environments: run them, and write their tables.

    python benchmarks/encoding_experiments.py --list                     # cells and commands
    python benchmarks/encoding_experiments.py ppo --seeds 1 2 3          # one row; cells that are there are skipped
    python benchmarks/encoding_experiments.py all                        # everything
    python benchmarks/encoding_experiments.py --write                    # the tables, into the page

A cell is one encoder with one seed. Learners learn on `ontogym/RetinaEncoding-v0` (the gradient actor through the twin
itself, on the images that the twin was fitted on) and are scored on 200 images that nothing was fitted on: on the twin,
on the source retina 0 ("ex-vivo"), and on retinas 2001 to 2004, which nothing has met. What a cell found is kept as
one small JSON file in docs/experiments/encoding/.
"""

from __future__ import annotations

import argparse
import functools
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from cells import put_between

from ontogym import __version__
from ontogym.envs import make_vector
from ontogym.retina_env.downsampling import correct_contrast, downsampler
from ontogym.retina_env.encoding.layout import make_layout
from ontogym.retina_env.encoding.retina_judge import RetinaJudge
from ontogym.retina_env.encoding.scenes import Scenes
from ontogym.retina_env.encoding.scoring import Encoder, score
from ontogym.retina_env.images import dead_leaves
from ontogym.retina_env.retina import SimulatedRetina
from ontogym.retina_env.twins import IMAGES_SEED, default_twin, held_out_images
from ontogym.seeding import derive, generator, lane_seeds
from ontogym.studies.regimes.intervals import mean_interval

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "docs" / "experiments" / "encoding"
PAGE = ROOT / "docs" / "experiments" / "encoding.md"
MARKS = ("<!-- encoding: python benchmarks/encoding_experiments.py --write -->", "<!-- end of encoding -->")
ENV, HELD_OUT = "ontogym/RetinaEncoding-v0", (2001, 2002, 2003, 2004)
SEEDS = (1, 2, 3)
ALPHAS = np.round(np.arange(0.25, 2.51, 0.25), 2)
GENERATIONS, POPULATION, SAMPLES = 60, 24, 64
RL_STEPS, LANES = {"ppo": 60_000, "sac": 12_000}, 64
WEIGHTS = 13


def plain(name: str) -> Encoder:
    """A learning-free downsampler."""
    return lambda images: downsampler(name)(images, 4)


def weighted(weights: Callable[[Scenes], np.ndarray[Any, Any]]) -> Encoder:
    """The encoder that shows what the environment shows for these actions ``(B, 13)``."""

    def encode(images: np.ndarray[Any, Any]) -> Any:
        scenes = Scenes(images, make_layout(128, 4))
        actions = torch.from_numpy(np.clip(weights(scenes), -1, 1).astype(np.float32))
        return (scenes.average + 0.1 * torch.bmm(actions[:, None], scenes.maps)[:, 0]).clamp(0, 1).numpy()

    return encode


def corrected_average(seed: int) -> tuple[Encoder, dict[str, Any]]:
    """Average with the contrast factor that is best on the twin, on images of its own."""
    images = dead_leaves(200, derive(seed, "alpha") % 1000 + 10)
    layout = make_layout(128, 4)
    judge = _judge([default_twin()], images, SimulatedRetina(0).respond(images))
    skills = [
        score(lambda x, a=a: correct_contrast(downsampler("average")(x, 4), a), judge, images, layout)[
            0
        ].skill
        for a in ALPHAS
    ]
    alpha = float(ALPHAS[int(np.argmax(skills))])
    return lambda x: correct_contrast(downsampler("average")(x, 4), alpha), {"alpha": alpha}


def gradient_actor(seed: int) -> tuple[Encoder, dict[str, Any]]:
    """Trained through the frozen twin, towards the retina's responses."""
    from ontogym.retina_env.actor import train_actor

    images = dead_leaves(1200, IMAGES_SEED)
    actor = train_actor(default_twin(), images, 4, seed, SimulatedRetina(0).respond(images))
    return lambda x: actor.encode(x[:, None])[:, 0], {}


def cma(seed: int) -> tuple[Encoder, dict[str, Any]]:
    """CMA-ES on the 13 weights, the same for every image; each candidate meets the same images."""
    import cma as pycma

    env = make_vector(ENV, POPULATION * SAMPLES, obs="statistics")
    options = {
        "popsize": POPULATION,
        "bounds": [-1, 1],
        "seed": derive(seed, "cma") % 2**31 + 1,
        "verbose": -9,
    }
    strategy = pycma.CMAEvolutionStrategy(np.zeros(WEIGHTS), 0.15, options)
    for generation in range(GENERATIONS):
        asked = strategy.ask()
        env.reset(seed=np.tile(lane_seeds(seed, SAMPLES, generation), POPULATION))
        skill = env.step(np.repeat(np.asarray(asked, dtype=np.float32), SAMPLES, axis=0))[1]
        strategy.tell(asked, list(-skill.reshape(POPULATION, SAMPLES).mean(1)))
    best = np.asarray(strategy.result.xfavorite)
    steps = GENERATIONS * POPULATION * SAMPLES
    return weighted(lambda scenes: np.tile(best, (len(scenes), 1))), {
        "steps": steps,
        "weights": best.tolist(),
    }


def learner(kind: str, seed: int) -> tuple[Encoder, dict[str, Any]]:
    """SB3 on the image's statistics; exploration starts small, because most actions are far worse than none."""
    from stable_baselines3 import PPO, SAC

    from ontogym.baselines.sb3.adapter import make_vec_env

    envs, small = make_vec_env(ENV, LANES, {"obs": "statistics"}), derive(seed, kind) % 2**31
    model: Any
    if kind == "ppo":
        model = PPO(
            "MultiInputPolicy",
            envs,
            n_steps=16,
            batch_size=256,
            n_epochs=10,
            learning_rate=lambda left: 1e-3 * left,
            policy_kwargs={"log_std_init": -2.0, "net_arch": [64, 64]},
            seed=small,
            device="cpu",
        )
    else:
        model = SAC(
            "MultiInputPolicy",
            envs,
            learning_rate=1e-3,
            gradient_steps=16,
            learning_starts=1024,
            policy_kwargs={"net_arch": [64, 64], "log_std_init": -3.0},
            ent_coef=0.01,
            seed=small,
            device="cpu",
        )
    model.learn(RL_STEPS[kind])

    def act(scenes: Scenes) -> Any:
        return model.predict({"statistics": scenes.statistics}, deterministic=True)[0]

    return weighted(act), {"steps": int(model.num_timesteps)}


def random_weights(seed: int) -> tuple[Encoder, dict[str, Any]]:
    """Uniform actions."""
    rng = generator(seed, "random weights")
    return weighted(lambda scenes: rng.uniform(-1, 1, (len(scenes), WEIGHTS))), {}


# Every row: its title, whether seeds change it, and what makes the encoder.
ROWS: dict[str, tuple[str, bool, Callable[[int], tuple[Encoder, dict[str, Any]]]]] = {
    "random": ("random weights", True, random_weights),
    "average": ("average", False, lambda seed: (plain("average"), {})),
    "corrected": ("average, contrast corrected (best α)", True, corrected_average),
    "lanczos": ("Lanczos-3, antialiased", False, lambda seed: (plain("lanczos3-antialiased"), {})),
    "ppo": ("PPO (SB3), 13 weights per image", True, functools.partial(learner, "ppo")),
    "sac": ("SAC (SB3), 13 weights per image", True, functools.partial(learner, "sac")),
    "cma": ("CMA-ES, 13 weights for all images", True, cma),
    "actor": ("gradient actor", True, gradient_actor),
    "full": ("full resolution (ceiling)", False, lambda seed: (lambda x: x, {})),
}


def _judge(models: list[Any], images: Any, responses: Any = None) -> RetinaJudge:
    targets = None if responses is None else torch.from_numpy(responses)[None]
    return RetinaJudge(models, make_layout(128, 4), torch.from_numpy(images), targets)


@functools.cache
def judges() -> dict[str, RetinaJudge]:
    """The twin, the source retina, and the retinas that nothing has met; on images that nothing was fitted on."""
    images, source = held_out_images(), SimulatedRetina(0)
    responses = source.respond(images)
    unseen: list[Any] = [SimulatedRetina(seed) for seed in HELD_OUT]
    return {
        "twin": _judge([default_twin()], images, responses),
        "retina": _judge([source], images, responses),
        "unseen": _judge(unseen, images),
    }


def full_scores() -> dict[str, dict[str, float]]:
    """What the full images would score: one on average, by definition, but for skills that are cut off."""
    found = {}
    for name, judge in judges().items():
        gains = (judge.average_loss - judge.full_loss) / judge.gap[:, None]
        found[name] = {"skill": float(gains.clamp(-20, 5).mean())}
    return found


def run(name: str, seed: int) -> str:
    """Run one cell unless it is there; returns a line about it."""
    kept = RESULTS / f"{name}-s{seed}.json"
    if kept.exists():
        return f"{name} seed {seed}: already there"
    images, layout = held_out_images(), make_layout(128, 4)
    judges()
    start = time.process_time()
    encode, facts = ROWS[name][2](seed)
    seconds = time.process_time() - start
    if name == "full":
        scores = full_scores()
    else:
        scores = {}
        for where, judge in judges().items():
            found = score(encode, judge, images, layout)
            skill, reliability = (float(np.mean([s[k] for s in found])) for k in (0, 1))
            scores[where] = {"skill": skill, "reliability": reliability}
    cell = {
        "encoder": name,
        "seed": seed,
        "command": command(name, seed),
        "cpu_seconds": round(seconds, 1),
        "scores": {k: {m: round(v, 5) for m, v in s.items()} for k, s in scores.items()},
        "facts": facts,
        "versions": {"ontogym": __version__, "torch": str(torch.__version__), "numpy": np.__version__},
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(cell, indent=1) + "\n")
    shown = ", ".join(f"{k} {s['skill']:.3f}" for k, s in cell["scores"].items())
    return f"{name} seed {seed}: {seconds:.0f} s of CPU; skill: {shown}"


def command(name: str, seed: int) -> str:
    """What makes one cell."""
    return f"python benchmarks/encoding_experiments.py {name} --seeds {seed}"


def seeds_of(name: str, seeds: list[int]) -> list[int]:
    """The seeds that make a difference to a row."""
    return seeds if ROWS[name][1] else [0]


def tables() -> str:
    """Skill and reliability by encoder, means and intervals over seeds, as Markdown."""
    places = {"twin": "twin", "retina": "source retina", "unseen": "new retinas"}
    heads = [f"skill, {title}" for title in places.values()]
    heads += [f"reliability, {title}" for title in places.values()]
    lines = [
        "| encoder | " + " | ".join([*heads, "seeds", "env steps", "CPU s"]) + " |",
        "|---" * (len(heads) + 4) + "|",
    ]
    for name, (title, _, _) in ROWS.items():
        cells = [json.loads(path.read_text()) for path in sorted(RESULTS.glob(f"{name}-s[0-9]*.json"))]
        if not cells:
            continue
        row = [title]
        for measure, digits in (("skill", 2), ("reliability", 3)):
            row += [_shown([c["scores"][p].get(measure) for c in cells], digits) for p in places]
        steps = cells[0]["facts"].get("steps")
        cpu = "/".join(f"{c['cpu_seconds']:.0f}" for c in cells)
        lines.append("| " + " | ".join([*row, str(len(cells)), f"{steps:,}" if steps else "–", cpu]) + " |")
    return "\n".join(lines) + "\n"


def _shown(values: list[float | None], digits: int) -> str:
    if values[0] is None:
        return "–"
    found = mean_interval(values)
    text, interval = f"{found['mean']:.{digits}f}", found["ci95"]
    return text if interval is None else f"{text} ± {(interval[1] - interval[0]) / 2:.{digits}f}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", choices=[*ROWS, "all", []], help="rows to run")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--threads", type=int, default=1, help="threads of PyTorch")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.list:
        for name in ROWS:
            for seed in seeds_of(name, list(arguments.seeds)):
                there = (RESULTS / f"{name}-s{seed}.json").exists()
                print(f"{name:10} seed {seed}  {'there  ' if there else 'missing'}  {command(name, seed)}")
    for name in ROWS if "all" in arguments.names else arguments.names:
        for seed in seeds_of(name, list(arguments.seeds)):
            print(run(name, seed), flush=True)
    if arguments.table:
        print(tables())
    if arguments.write:
        put_between(PAGE, MARKS, tables())


if __name__ == "__main__":
    main()
