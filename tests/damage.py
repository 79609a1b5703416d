"""Files of every kind that the package writes for itself and reads again, and single flipped bits in them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ontogym.errors import OntogymError

__all__ = ["Kind", "believed", "make_files"]


class Kind(NamedTuple):
    """A file and what reads it."""

    name: str
    path: Path
    read: Callable[[], Any]


def make_files(folder: Path) -> list[Kind]:
    """One file of every kind."""
    made = (_evolved(folder / "evolved"), _trained(folder / "trained"), _studied(folder), _seen(folder))
    return [kind for kinds in (*made, _shipped(folder / "shipped"), _long(folder)) for kind in kinds]


def _evolved(folder: Path) -> list[Kind]:
    from ontogym.baselines.evolution.agent_files import load_agent
    from ontogym.baselines.evolution.config import EvolutionConfig
    from ontogym.baselines.evolution.run import evolve
    from ontogym.checkpoint import load, read_sealed_json
    from ontogym.configurations import read_config
    from ontogym.runs import read_progress
    from tests.baselines.toy import GOAL

    evolve(
        EvolutionConfig(
            env=GOAL,
            conditions=({"goal": 0}, {"goal": 1}),
            agent="tests.baselines.toy:Linear",
            population=4,
            generations=3,
            eval_lives=2,
            final_lives=2,
            out=str(folder),
        ),
        progress=False,
    )
    checkpoint = folder / "checkpoint.safetensors"
    return [
        Kind("checkpoint of evolution", checkpoint, lambda: load(checkpoint, "evolution")),
        Kind("agent", folder / "best.safetensors", lambda: load_agent(folder)),
        Kind("configuration", folder / "config.json", lambda: read_config(folder)),
        Kind("progress", folder / "progress.csv", lambda: read_progress(folder)),
        Kind("result", folder / "result.json", lambda: read_sealed_json(folder / "result.json")),
    ]


def _trained(folder: Path) -> list[Kind]:
    from ontogym.baselines.sb3.config import TrainingConfig
    from ontogym.baselines.sb3.policy import read_training_run
    from ontogym.baselines.sb3.run import train
    from ontogym.checkpoint import load

    hyper = {"n_envs": 1, "n_steps": 16, "batch_size": 16, "n_epochs": 1, "net_arch": [2]}
    train(
        TrainingConfig(
            "ppo", "CartPole-v1", steps=16, segment=16, eval_episodes=1, hyper=hyper, out=str(folder)
        )
    )
    checkpoint = folder / "checkpoint.safetensors"
    return [
        Kind("training run", folder / "run.json", lambda: read_training_run(folder)),
        Kind("trained policy", folder / "model.safetensors", lambda: read_training_run(folder)),
        Kind("checkpoint of training", checkpoint, lambda: load(checkpoint, "training")),
    ]


def _studied(folder: Path) -> list[Kind]:
    from ontogym.developmental.rules.inferred.network import UpdateNetwork
    from ontogym.developmental.rules.inferred.rule import load_rule, save_rule
    from ontogym.studies.regimes.cells import run_cells
    from ontogym.studies.wave_pretraining.building import build
    from ontogym.studies.wave_pretraining.image_set import ImageSet
    from tests.studies.wave_pretraining.toy import Toy

    network, rule, cells, images = (
        UpdateNetwork("dnn", 2),
        folder / "rule",
        folder / "sweep",
        folder / "images",
    )
    save_rule(rule, network, network.initialise(0), {"data": "none"})

    def sweep(resume: bool) -> Any:
        return run_cells(cells, {"a": 1}, {"x": 1}, lambda name, tick: {"v": 0.25}, resume=resume)

    sweep(False)
    build(Toy(), images)
    return [
        Kind("inferred rule", rule, lambda: load_rule(rule)),
        Kind("cell of a sweep", cells / "cells" / "x.json", lambda: sweep(True)),
        Kind("manifest of images", images / "manifest.json", lambda: ImageSet.open(images)),
        Kind("images", images / "images.bin", lambda: ImageSet.open(images)),
    ]


def _seen(folder: Path) -> list[Kind]:
    import torch

    from ontogym.retina_env import cache
    from ontogym.retina_env.actor import Actor, ActorShape, load_actor, save_actor
    from ontogym.retina_env.forward_model import ForwardModel, TwinShape
    from ontogym.retina_env.twins import load_twin, save_twin

    twin, actor, kept = folder / "twin.safetensors", folder / "actor.safetensors", folder / "kept"
    shape = TwinShape(neurons=3, size=32, kernels=2, kernel_size=7, pool=2)
    save_twin(twin, ForwardModel(shape, 0.5, 0.2, torch.Generator().manual_seed(0)))
    save_actor(actor, Actor(ActorShape(4, 32, 2, 7)))
    cache.keep(kept, "toy", {"v": np.arange(4.0)}, {"seed": 1})

    def look_up() -> None:
        if cache.look_up(kept, "toy", {"seed": 1}, {"v": ((4,), np.float64)}) is None:
            raise OntogymError("Not in the cache; made again.")

    return [
        Kind("twin", twin, lambda: load_twin(twin)),
        Kind("actor", actor, lambda: load_actor(actor)),
        Kind("cache", kept, look_up),
    ]


def _shipped(folder: Path) -> list[Kind]:
    """Copies of what comes with the package."""
    from ontogym.baselines.evolution.agent_files import ZOO, load_agent
    from ontogym.retina_env.actor import load_actor
    from ontogym.retina_env.encoding.networks import load_network
    from ontogym.retina_env.twins import SHIPPED, load_twin

    folder.mkdir()
    agent, twin, actor, network = (
        folder / f"{name}.safetensors" for name in ("agent", "twin", "actor", "network")
    )
    shutil.copy(ZOO / "lndp-foraging.safetensors", agent)
    shutil.copy(SHIPPED, twin)
    shutil.copy(SHIPPED.with_name("actor-animals.safetensors"), actor)
    shutil.copy(SHIPPED.parent / "encoding" / "network-animals.safetensors", network)
    return [
        Kind("agent of the zoo", agent, lambda: load_agent(agent)),
        Kind("twin that ships", twin, lambda: load_twin(twin)),
        Kind("actor that ships", actor, lambda: load_actor(actor)),
        Kind("network that ships", network, lambda: load_network(network)),
    ]


def _long(folder: Path) -> list[Kind]:
    """What long commands leave, so that they can go on."""
    from ontogym import checkpoint
    from ontogym.configurations import read_config
    from ontogym.developmental.feature_extractors.saved_network import load_network
    from tests.kills import JOBS

    runs = {name: folder / name.replace(" ", "-") for name in ("pretrain", "retina fit", "sweep")}
    for name, out in runs.items():
        JOBS[name](out, False)
    pretrained, cell = runs["pretrain"], next((runs["sweep"] / "cells").glob("*.json"))
    state, fit = pretrained / "checkpoint.safetensors", runs["retina fit"] / "state.fit"
    return [
        Kind("checkpoint of pre-training", state, lambda: checkpoint.meta(state)),
        Kind("pre-trained network", pretrained / "network.safetensors", lambda: load_network(pretrained)),
        Kind("its configuration", pretrained / "config.json", lambda: read_config(pretrained)),
        Kind("state of a twin's fit", fit, lambda: checkpoint.load(fit, "twin training")),
        Kind("cell of ontogym sweep", cell, lambda: checkpoint.read_sealed_json(cell)),
    ]


def believed(kind: Kind, places: int, rng: np.random.Generator) -> list[int]:
    """Which of so many single flipped bits, at random places, are read without a word."""
    good, found = kind.path.read_bytes(), []
    try:
        for bit in rng.integers(0, 8 * len(good), places):
            bad = bytearray(good)
            bad[bit // 8] ^= 1 << int(bit % 8)
            kind.path.write_bytes(bad)
            try:
                kind.read()
            except OntogymError as error:
                if "\n" not in str(error):
                    continue
            found.append(int(bit))
    finally:
        kind.path.write_bytes(good)
    kind.read()
    return found
