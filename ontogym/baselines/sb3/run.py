"""Training with SB3 in segments, so that a run killed at any moment goes on and ends in the same weights.

A segment starts all its environments and generators of random numbers from (seed, segment) and ends in a checkpoint.
An interrupted run therefore repeats at most one segment, exactly. An episode cut by a segment's end is not finished.
"""

from __future__ import annotations

import dataclasses
import os
import platform
import time
from dataclasses import replace
from typing import Any

from gymnasium.spaces import Discrete

from ontogym import checkpoint
from ontogym.agents.base import Actor
from ontogym.agents.spaces import SpaceAdapter, SpaceError
from ontogym.baselines.lives.lanes import make_single, try_environment
from ontogym.baselines.lives.life import live_actor, summarise
from ontogym.baselines.sb3.config import TrainingConfig
from ontogym.baselines.sb3.model import make_model
from ontogym.baselines.sb3.networks import algorithms_for
from ontogym.baselines.sb3.policy import KIND, load_policy
from ontogym.baselines.sb3.references import FLOORS
from ontogym.baselines.sb3.settings import hyperparameters
from ontogym.baselines.sb3.spaces import SpaceMap
from ontogym.baselines.sb3.state import collect, policy_tensors, restore
from ontogym.configurations import command_line
from ontogym.envs import conditions
from ontogym.errors import OntogymError
from ontogym.processes import one_torch_thread
from ontogym.runs import RunFolder
from ontogym.seeding import derive, lane_seeds
from ontogym.tracking import SCORE, Trackers

__all__ = ["TrainingConfig", "score", "train"]

NETWORK = ("net_arch", "activation", "lstm_size", "clip", "policy", "observe", "action_share")


def score(policy: Actor[Any], config: TrainingConfig) -> float:
    """Mean return over evaluation episodes, on seeds that no training draws and that every run shares.

    Hidden goals take turns: drawn at random, one would come more often, and always going there would score well.
    """
    spec = replace(config.life, conditions=tuple(conditions(config.env)), max_steps=config.max_steps)
    seeds = lane_seeds(0, config.eval_episodes, "training-evaluation")
    return summarise(live_actor(policy, spec, seeds), replace(spec, conditions=()))["mean"]


def train(config: TrainingConfig, resume: bool = False, progress: bool = False) -> dict[str, Any]:
    """Train, or go on with, the run in ``config.folder``; returns its ``run.json``.

    A run that is over goes on if it is resumed with more steps. It ends as if it had been begun with them, where they
    are whole segments and no hyper-parameter is a schedule; a schedule falls over the new number of steps.

    Raises:
        OntogymError: an algorithm that does not fit the action space, an unknown environment or hyper-parameter, a
            folder that holds something (without `resume`) or another run (with it).
    """
    try_environment(config.env, config.env_kwargs, config.max_steps)
    single = make_single(config.env, config.env_kwargs)
    spaces = single.observation_space, single.action_space
    single.close()
    if config.algo in FLOORS:
        return _train_floor(config, spaces, resume)
    if config.algo not in algorithms_for(spaces[1]):
        fitting = ", ".join(algorithms_for(spaces[1]) + FLOORS)
        raise OntogymError(
            f"{config.algo} cannot act in the {spaces[1]} of {config.env}; algorithms that can: {fitting}."
        )
    _check_spaces(config, spaces)
    values = hyperparameters(config.algo, config.env, config.hyper)
    options = {"algorithm": config.algo, **{k: values[k] for k in NETWORK if k in values}}
    if config.hears is not None:
        options["hears"] = list(config.hears)
    import torch

    with one_torch_thread(torch):  # initial weights too are then the same to the bit everywhere
        model, options["policy"] = make_model(config, values)
        facts = _facts(config, options, values)
        try:
            with _folder(config, facts, resume) as folder:
                return _finished(folder, config) or _learn(config, facts, model, spaces, progress, folder)
        finally:
            model.env.close()


def _check_spaces(config: TrainingConfig, spaces: Any) -> None:
    """Refuse what SB3 cannot learn in, by the name of the environment."""
    try:
        SpaceMap(*spaces)
        SpaceAdapter(Discrete(2), spaces[1])
    except SpaceError as error:
        raise SpaceError(f"The environment {config.env!r} does not suit {config.algo}: {error}") from error


def _folder(config: TrainingConfig, facts: dict[str, Any], resume: bool) -> RunFolder:
    """``run.json``, ``checkpoint``, ``model`` (best) and ``last`` ``.safetensors``."""
    known = {name: value for name, value in facts.items() if name != "training"}
    return RunFolder(
        config.folder,
        known,
        resume,
        record="run.json",
        neutral=("training", "out", "steps", "track"),
        lately=("steps",),
        defaults={"hears": None, "life_episodes": None, "told": "reward"},
        doing="is training",
    )


def _finished(folder: RunFolder, config: TrainingConfig) -> dict[str, Any] | None:
    """``run.json`` of a run that is over; None for one that is not, or that shall be trained for more steps.

    Raises:
        OntogymError: it has been trained for more steps already.
    """
    kept = folder.kept
    if kept is None or kept.get("training") is None:
        return None
    if config.algo in FLOORS or config.steps == kept["steps"]:
        return kept
    if config.steps < kept["steps"]:
        checkpoint.write_sealed_json(folder.path / "run.json", kept)
        raise OntogymError(
            f"The run in {folder.path} has been trained for {kept['steps']:,} steps already, not {config.steps:,}; give "
            "--steps a larger number, or another --out."
        )
    checkpoint.write_sealed_json(folder.path / "run.json", {**kept, **folder.config, "training": None})
    return None


def _facts(config: TrainingConfig, options: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """``run.json`` before the training."""
    told = dataclasses.asdict(config)
    told = {k: list(v) if isinstance(v, tuple) else v for k, v in told.items()}  # as it will be read again
    head = {"format": 1, "kind": "training-run", **told}
    return {**head, "options": options, "hyperparameters": values, "training": None}


def _train_floor(config: TrainingConfig, spaces: Any, resume: bool) -> dict[str, Any]:
    """Score a policy that needs no training."""
    options = {"algorithm": config.algo, "env": config.env, "seed": config.seed, **config.hyper}
    facts = _facts(config, options, {})
    policy = load_policy({}, options, *spaces)
    with _folder(config, facts, resume) as folder:
        if (done := _finished(folder, config)) is not None:
            return done
        result = score(policy, config)
        checkpoint.save(config.folder / "model.safetensors", KIND, {}, {})
        return _finish(config, facts, [[0, result]], 0, 0.0, 0.0)


def _learn(
    config: TrainingConfig, facts: dict[str, Any], model: Any, spaces: Any, progress: bool, folder: RunFolder
) -> dict[str, Any]:
    """All segments that are left."""
    from tqdm import tqdm

    out = config.folder
    meta: dict[str, Any] = {"segment": 0, "curve": [], "wall": 0.0, "cpu": 0.0}
    if (loaded := folder.load("training")) is not None:
        arrays, meta = loaded
        restore(model, arrays, meta["model"])
    model.set_logger(_tensorboard(str(out / "tensorboard"), model.num_timesteps))
    _run_schedules_over(model, config.steps)
    trackers = Trackers(config.track, out, dataclasses.asdict(config), int(model.num_timesteps))
    bar = tqdm(total=config.steps, initial=model.num_timesteps, disable=not progress, unit="step")
    try:
        while model.num_timesteps < config.steps:
            before = model.num_timesteps
            meta = _segment(config, facts, model, spaces, meta, folder, trackers)
            bar.update(model.num_timesteps - before)
            bar.set_postfix(score=f"{meta['curve'][-1][1]:.1f}")
        checkpoint.save(out / "last.safetensors", KIND, policy_tensors(model), {})
        return _finish(config, facts, meta["curve"], model.num_timesteps, meta["wall"], meta["cpu"])
    finally:
        bar.close()
        trackers.close()
        model.logger.close()


def _tensorboard(folder: str, steps: int) -> Any:
    """A logger whose events after so many steps replace those that a killed run has left."""
    from stable_baselines3.common.logger import Logger, TensorBoardOutputFormat
    from torch.utils.tensorboard import SummaryWriter

    class Resumed(TensorBoardOutputFormat):
        def __init__(self) -> None:
            self.writer, self._is_closed = SummaryWriter(folder, purge_step=steps + 1), False

    return Logger(folder, [Resumed()])


def _run_schedules_over(model: Any, steps: int) -> None:
    """Let schedules fall over the whole run: SB3 would start them over in every segment."""

    def remaining(done: int, _: int) -> None:
        model._current_progress_remaining = max(0.0, 1.0 - done / steps)

    model._update_current_progress_remaining = remaining


def _segment(
    config: TrainingConfig,
    facts: dict[str, Any],
    model: Any,
    spaces: Any,
    meta: dict[str, Any],
    folder: RunFolder,
    trackers: Trackers,
) -> dict[str, Any]:
    """Train one segment, score it, write the best model and the checkpoint; returns the checkpoint's facts."""
    out = config.folder
    wall, cpu, before = time.perf_counter(), time.process_time(), model.num_timesteps
    model.set_random_seed(derive(config.seed, "segment", meta["segment"]) % 2**31)
    model._last_obs = None  # the environments start over
    model.learn(min(config.segment, config.steps - before), reset_num_timesteps=False)
    tensors = policy_tensors(model)
    result = score(load_policy(tensors, facts["options"], *spaces), config)
    if not meta["curve"] or result >= max(value for _, value in meta["curve"]):
        checkpoint.save(out / "model.safetensors", KIND, tensors, {"score": result})
    if model.env.has_attr("failures"):  # of all environments, since this process began
        model.logger.record("train/failed_episodes", sum(model.env.get_attr("failures")))
    model.logger.record(SCORE, result)
    trackers.log({SCORE: result}, int(model.num_timesteps))
    model.logger.dump(model.num_timesteps)
    meta = {
        "segment": meta["segment"] + 1,
        "curve": [*meta["curve"], [int(model.num_timesteps), result]],
        "wall": meta["wall"] + time.perf_counter() - wall,
        "cpu": meta["cpu"] + time.process_time() - cpu,
    }
    arrays, meta["model"] = collect(model)
    folder.keep("training", arrays, meta)
    return meta


def _finish(
    config: TrainingConfig, facts: dict[str, Any], curve: list[Any], steps: int, wall: float, cpu: float
) -> dict[str, Any]:
    facts["training"] = {
        "env_steps": int(steps),
        "wall_seconds": wall,
        "cpu_seconds": cpu,
        "command": _command(config),
        "hardware": {
            "cpu": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "gpu": None,
            "platform": platform.platform(),
        },
        "packages": _packages(),
        "hyperparameters": facts["hyperparameters"],
        "curve": curve,
    }
    checkpoint.write_sealed_json(config.folder / "run.json", facts)
    return facts


def _command(config: TrainingConfig) -> str:
    first = {name: getattr(config, name) for name in ("algo", "env", "seed", "steps")}
    config_as_told = {**first, **dataclasses.asdict(config)}
    if config.hears == ():
        config_as_told["hears"] = ("none",)
    return command_line(
        "ontogym train",
        config_as_told,
        {"env_kwargs": {}, "hyper": {}, "track": (), "hears": None, "life_episodes": None, "told": "reward"},
        leave_out=("out",),
    )


def _packages() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in ("torch", "stable-baselines3", "gymnasium", "numpy")}
