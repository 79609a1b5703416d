"""The rows of `encoding_experiments`: pictures, judges, and every method by name."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ontogym.retina_env.animals import HELD_OUT_ANIMALS, TRAINING_ANIMALS, animal
from ontogym.retina_env.encoding import encoders
from ontogym.retina_env.encoding.animals_judge import AnimalsJudge
from ontogym.retina_env.encoding.judge import Judge
from ontogym.retina_env.encoding.layout import Layout, make_layout
from ontogym.retina_env.encoding.networks import fit_network, save_network
from ontogym.retina_env.encoding.optimum import best_pictures
from ontogym.retina_env.encoding.percept_judge import PerceptJudge, layout_of
from ontogym.retina_env.encoding.retina_judge import RetinaJudge
from ontogym.retina_env.encoding.scenes import Scenes, given_images
from ontogym.retina_env.encoding.scoring import score
from ontogym.retina_env.images import dead_leaves
from ontogym.retina_env.percept.implants import implant
from ontogym.retina_env.percept.patients import HELD_OUT_PATIENTS, TRAINING_PATIENTS
from ontogym.retina_env.retina import SimulatedRetina
from ontogym.retina_env.twins import IMAGES_SEED, default_twin
from ontogym.seeding import derive, generator, lane_seeds

RESULTS = Path(__file__).parent.parent / "docs" / "experiments" / "encoding"
PICTURES = {"leaves": "held-out leaves", "photographs": "photographs"}
SUBJECTS = {
    "twin": "twin",
    "source": "source retina",
    "animals": "unseen animals",
    "percept": "Argus II percept",
}
COUNT, PATIENTS, TO_TRAIN = 96, HELD_OUT_PATIENTS[:32], TRAINING_PATIENTS[:32]
ALPHAS = np.round(np.arange(0.5, 3.01, 0.25), 2)


class Where:
    """The device on which animals are asked for gradients; the command line sets it."""

    device = "cpu"


Encode = Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]


class OtherElectrodes(Exception):
    """A method that is made for other electrodes than those it is asked for."""


@functools.cache
def pictures(kind: str) -> np.ndarray[Any, Any]:
    """The test pictures of a kind."""
    return given_images(PICTURES[kind], COUNT, 128)[0]


@functools.cache
def training_leaves(count: int = 128) -> np.ndarray[Any, Any]:
    """Pictures to fit on; neither test pictures nor those of the twin."""
    return dead_leaves(count, 2)


BLOCKS = make_layout(128, 4)
ARGUS = layout_of(implant("argus-ii"), 128)


@functools.cache
def judge(subject: str, kind: str, training: bool = False) -> Judge:
    """One of `SUBJECTS`, on the test pictures of a kind, or on those to train on."""
    images = training_leaves() if training else pictures(kind)
    if subject == "twin":
        twin = default_twin()
        return RetinaJudge(
            [twin], BLOCKS, torch.from_numpy(images), torch.from_numpy(twin.rates(images))[None]
        )
    if subject == "source":
        source = SimulatedRetina(0)
        rates = torch.from_numpy(source.rates(images))[None]
        return RetinaJudge([source], BLOCKS, torch.from_numpy(images), rates)
    if subject == "animals":
        seeds = TRAINING_ANIMALS[:6] if training else HELD_OUT_ANIMALS
        return AnimalsJudge(seeds, BLOCKS, torch.from_numpy(images))
    return PerceptJudge(implant("argus-ii"), TO_TRAIN if training else PATIENTS, images)


def average(seed: int, layout: Layout) -> tuple[Encode, dict[str, Any]]:
    """Nothing else."""
    return encoders.averaging(layout), {}


def lanczos(seed: int, layout: Layout) -> tuple[Encode, dict[str, Any]]:
    """The strongest that learns nothing."""
    return encoders.lanczos(layout), {}


def contrast(seed: int, layout: Layout) -> tuple[Encode, dict[str, Any]]:
    """The factor that is best for those to train on."""
    own, images = judge("animals" if layout is BLOCKS else "percept", "leaves", True), training_leaves()
    skills = [
        np.mean([s.skill for s in score(encoders.contrast(layout, a), own, images, layout)]) for a in ALPHAS
    ]
    alpha = float(ALPHAS[int(np.argmax(skills))])
    return encoders.contrast(layout, alpha), {"alpha": alpha}


def fitted_filter(seed: int, layout: Layout) -> tuple[Encode, dict[str, Any]]:
    """One filter through six animals, or through 32 patients of the implant."""
    own = judge("animals" if layout is BLOCKS else "percept", "leaves", True)
    if isinstance(own, AnimalsJudge):
        own.on(Where.device)
    subjects = range(own.subjects)
    weights = encoders.fit_filter(own, Scenes(training_leaves(), layout), list(subjects), seed=seed)
    return encoders.constant_filter(layout, weights), {"weights": weights.tolist()}


@functools.cache
def trained_actor(kind: str, seed: int) -> Any:
    """The paper's actor, aimed at recordings, at the twin's own answers, or through 16 animals."""
    from ontogym.retina_env.actor import save_actor
    from ontogym.retina_env.actor_training import train_actor

    images = dead_leaves(1200, IMAGES_SEED)
    if kind == "ensemble":
        found = train_actor([animal(k).to(Where.device) for k in TRAINING_ANIMALS], images, 4, seed)
        save_actor(RESULTS / f"actor-ensemble-s{seed}.safetensors", found)
        return found
    responses = None
    if kind == "recorded":
        responses = SimulatedRetina(0).respond(images)
    if kind == "noise-free":
        responses = SimulatedRetina(0).rates(images)
    return train_actor(default_twin(), images, 4, seed, responses)


def actor(kind: str, seed: int, layout: Layout) -> tuple[Encode, dict[str, Any]]:
    """`trained_actor` as an encoder."""
    found = trained_actor(kind, seed)
    return encoders.shown_by_actor(layout, found), {"epochs": found.facts["epochs"]}


def searched(subject: str, seed: int, layout: Layout) -> tuple[Encode, dict[str, Any]]:
    """Projected gradient for each picture, through the twin, through 16 animals, or through 16 patients to train on."""
    shown_on = ARGUS if subject == "percept" else BLOCKS

    def encode(images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        low = _searched(subject, images.tobytes(), len(images))
        if layout is shown_on:
            return low
        if shown_on is BLOCKS:
            return np.asarray(layout.average(shown_on.show(torch.from_numpy(low))).numpy())
        raise OtherElectrodes

    return encode, {}


@functools.lru_cache(maxsize=4)
def _searched(subject: str, data: bytes, count: int) -> np.ndarray[Any, Any]:
    images = np.frombuffer(data, np.float32).reshape(count, 128, 128).copy()
    x = torch.from_numpy(images)
    own: Judge
    if subject == "twin":
        twin = default_twin()
        own = RetinaJudge([twin], BLOCKS, x, torch.from_numpy(twin.rates(images))[None])
    elif subject == "animals":
        own = AnimalsJudge(TRAINING_ANIMALS, BLOCKS, x).on(Where.device)
    else:
        own = PerceptJudge(implant("argus-ii"), TO_TRAIN[:16], images)
    device = Where.device if subject == "animals" else "cpu"
    averages = own.layout.average(x).to(device)
    found = best_pictures(
        own,
        torch.arange(count, device=device),
        list(range(own.subjects)),
        averages,
        *((60, 0.08) if subject == "percept" else (200, 0.05)),
        starts=("average",),
    )
    return np.asarray(found.electrodes.cpu().numpy())


def percept_network(seed: int, layout: Layout) -> tuple[Encode, dict[str, Any]]:
    """A network trained through the percepts of 32 patients."""
    if layout is not ARGUS:
        raise OtherElectrodes
    images = training_leaves(1024)
    own = PerceptJudge(implant("argus-ii"), TO_TRAIN, images, fast=True)
    return encoders.network(fit_network(own, images, range(len(TO_TRAIN)), seed=seed)), {}


def animals_network(seed: int, layout: Layout) -> tuple[Encode, dict[str, Any]]:
    """A network over blocks, trained through 16 animals."""
    return encoders.network(_animals_network(seed), layout), {"iterations": ITERATIONS}


@functools.cache
def _animals_network(seed: int) -> Any:
    images = dead_leaves(1200, IMAGES_SEED)
    own = AnimalsJudge(TRAINING_ANIMALS, BLOCKS, torch.from_numpy(images))
    net = fit_network(own, images, range(own.subjects), ITERATIONS, seed=seed)
    save_network(RESULTS / f"network-animals-s{seed}.safetensors", net)
    return net


ITERATIONS = 1500
"""Steps of Adam with 32 pictures each."""
ENV, WEIGHTS = "ontogym/RetinaEncoding-v0", 13
GENERATIONS, POPULATION, SAMPLES = 60, 24, 64
RL_STEPS, LANES = {"ppo": 60_000, "sac": 16_000}, 64
REFINING = {"ppo": 60_000, "sac": 9_600}
"""Steps of learners in RetinaRefinement."""


def cma(seed: int, layout: Layout) -> tuple[Encode, dict[str, Any]]:
    """CMA-ES on the 13 weights, the same for every image, by the reward of RetinaEncoding-v0."""
    kept = RESULTS / f"cma-s{seed}.json"
    if kept.exists():
        weights = json.loads(kept.read_text())["facts"]["weights"]
    else:
        weights = _evolved(seed)
    return encoders.constant_filter(layout, np.asarray(weights)), {
        "steps": GENERATIONS * POPULATION * SAMPLES,
        "weights": list(weights),
    }


@functools.cache
def _evolved(seed: int) -> list[float]:
    import cma as pycma

    from ontogym.envs import make_vector

    env = make_vector(ENV, POPULATION * SAMPLES, obs="statistics")
    own = {"popsize": POPULATION, "bounds": [-1, 1], "seed": derive(seed, "cma") % 2**31 + 1, "verbose": -9}
    strategy = pycma.CMAEvolutionStrategy(np.zeros(WEIGHTS), 0.15, own)
    for generation in range(GENERATIONS):
        asked = strategy.ask()
        env.reset(seed=np.tile(lane_seeds(seed, SAMPLES, generation), POPULATION))
        skill = env.step(np.repeat(np.asarray(asked, dtype=np.float32), SAMPLES, axis=0))[1]
        strategy.tell(asked, list(-skill.reshape(POPULATION, SAMPLES).mean(1)))
    return [float(v) for v in strategy.result.xfavorite]


def learner(kind: str, seed: int, layout: Layout) -> tuple[Encode, dict[str, Any]]:
    """SB3 on the image's statistics, by the reward of RetinaEncoding-v0; for blocks and for the implant alike."""
    model = _learned(kind, seed)

    def encode(images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        scenes = Scenes(images, layout)
        action = torch.from_numpy(model.predict({"statistics": scenes.statistics}, deterministic=True)[0])
        return (scenes.average + 0.1 * torch.bmm(action[:, None], scenes.maps)[:, 0]).clamp(0, 1).numpy()

    return encode, {"steps": int(model.num_timesteps)}


@functools.cache
def _learned(kind: str, seed: int) -> Any:
    return _taught(kind, seed, ENV, RL_STEPS[kind], -2.0, share=0.1, gamma=0.0)


def refining_learner(kind: str, seed: int) -> Any:
    """SB3 on RetinaRefinement; its six corrections add up, so that each must explore less than one alone."""
    return _taught(kind, seed, "ontogym/RetinaRefinement-v0", REFINING[kind], -3.0, share=0.02, gamma=0.9)


def _taught(kind: str, seed: int, env: str, steps: int, log_sd: float, share: float, gamma: float) -> Any:
    """Most actions are far worse than none: PPO starts with a small spread, SAC has a share of each action's range."""
    from stable_baselines3 import PPO, SAC

    from ontogym.baselines.sb3.adapter import make_vec_env
    from ontogym.baselines.sb3.spaces import narrowed

    envs, small = make_vec_env(env, LANES, {"obs": "statistics"}), derive(seed, kind) % 2**31
    shared: dict[str, Any] = {"seed": small, "device": "cpu"}
    if kind == "ppo":
        model: Any = PPO(
            "MultiInputPolicy",
            envs,
            n_steps=16,
            batch_size=256,
            n_epochs=10,
            learning_rate=lambda left: 1e-3 * left,
            policy_kwargs={"log_std_init": log_sd, "net_arch": [64, 64]},
            **shared,
        )
    else:
        envs.action_space = narrowed(envs.action_space, share)
        model = SAC(
            "MultiInputPolicy",
            envs,
            learning_rate=lambda left: 3e-4 * left,
            batch_size=256,
            buffer_size=20_000,
            gradient_steps=16,
            learning_starts=10 * LANES,
            policy_kwargs={"net_arch": [64, 64]},
            ent_coef=1e-3,
            gamma=gamma,
            **shared,
        )
    model.learn(steps)
    return model


def random_weights(seed: int, layout: Layout) -> tuple[Encode, dict[str, Any]]:
    """Uniform actions."""
    weights = generator(seed, "random weights").uniform(-1, 1, WEIGHTS)
    return encoders.constant_filter(layout, weights), {}


# Every row: its title, whether seeds change it, and what makes the encoder for a layout.
ROWS: dict[str, tuple[str, bool, Callable[[int, Layout], tuple[Encode, dict[str, Any]]]]] = {
    "random": ("random weights", True, random_weights),
    "average": ("averaging", False, average),
    "contrast": ("averaging, contrast corrected (best α)", False, contrast),
    "lanczos": ("Lanczos-3, antialiased", False, lanczos),
    "cma": ("CMA-ES on the twin's reward, one filter", True, cma),
    "ppo": ("PPO on the twin's reward, a filter per picture", True, functools.partial(learner, "ppo")),
    "sac": ("SAC on the twin's reward, a filter per picture", True, functools.partial(learner, "sac")),
    "actor-recorded": ("actor, at recordings (the paper's)", True, functools.partial(actor, "recorded")),
    "actor-noise-free": (
        "actor, at noise-free responses (control)",
        True,
        functools.partial(actor, "noise-free"),
    ),
    "actor-own": ("actor, at the twin's own answers", True, functools.partial(actor, "own")),
    "actor-ensemble": ("actor, through 16 animals", True, functools.partial(actor, "ensemble")),
    "filter": ("one filter, through six animals or 32 patients", True, fitted_filter),
    "pictures-twin": ("gradient per picture, through the twin", False, functools.partial(searched, "twin")),
    "pictures-animals": (
        "gradient per picture, through 16 animals",
        False,
        functools.partial(searched, "animals"),
    ),
    "pictures-percept": (
        "gradient per picture, through 16 patients",
        False,
        functools.partial(searched, "percept"),
    ),
    "network-animals": ("network, through 16 animals", True, animals_network),
    "network-percept": ("network, through 32 patients", True, percept_network),
}
