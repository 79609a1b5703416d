"""From a run folder (evolution or training), or the name of an agent without weights, to a submission."""

from __future__ import annotations

import json
import math
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.baselines.evolution.agent_files import load_agent
from ontogym.baselines.evolution.carried import carry_rule
from ontogym.baselines.evolution.config import NEUTRAL, EvolutionConfig
from ontogym.baselines.evolution.presets import NETWORKS, preset
from ontogym.checkpoint import read_sealed_json
from ontogym.configurations import command_line, read_config
from ontogym.envs.reference import reference_of
from ontogym.errors import OntogymError
from ontogym.leaderboard.evaluation import live_bounded
from ontogym.leaderboard.manifest import FORMAT, MAX_CURVE
from ontogym.leaderboard.options import check_options
from ontogym.leaderboard.players import WEIGHT_FREE
from ontogym.leaderboard.submission import Submission, pack, pack_tensors
from ontogym.leaderboard.suites import task_of
from ontogym.leaderboard.verification import machine, ontogym_version
from ontogym.runs import read_progress

__all__ = ["Candidate", "make_submission", "read_run"]


@dataclass(frozen=True)
class Candidate:
    """What a run left: an agent, where it was trained, and what that took.

    Attributes:
        agent_type, options: as in the manifest.
        tensors: its weights.
        env, env_kwargs: where it was trained; an empty id for agents that were not.
        seed: of the training.
        training: environment steps, seconds, command, curve.
        heard: ``told`` and ``silenced`` of the lives that it was made in, where they are not the usual ones.
    """

    agent_type: str
    options: dict[str, Any]
    tensors: dict[str, NDArray[Any]]
    env: str = ""
    env_kwargs: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    training: dict[str, Any] = field(default_factory=dict)
    heard: dict[str, Any] = field(default_factory=dict)


def read_run(
    source: str, seed: int = 0, options: Mapping[str, Any] | None = None, env_steps: int = 0
) -> Candidate:
    """A run of ``ontogym evolve`` or ``ontogym train``, or an agent without weights by its name.

    Args:
        source: a run folder, or "random", "constant", ...
        seed, options, env_steps: for an agent without weights (a run has its own): options such as the action of
            constant, and what it took to find them.

    Raises:
        OntogymError: neither, or a run that has no agent yet.
    """
    path = Path(source)
    if path.is_dir() and (options or env_steps):
        raise OntogymError(f"{path} is a run, which brings its own options and steps; leave yours out.")
    if not path.is_dir():
        if source in WEIGHT_FREE:
            given = {**({"seed": seed} if source == "random" else {}), **(options or {})}
            training: dict[str, Any] = {"env_steps": env_steps, "wall_seconds": 0.0}
            return Candidate(source, given, {}, seed=seed, training=training)
        raise OntogymError(
            f"{source!r} is neither a run folder nor an agent without weights ({', '.join(WEIGHT_FREE)}); pass the "
            "--out of a training."
        )
    if (path / "run.json").is_file():
        return _trained(path)
    if (path / "config.json").is_file():
        return _evolved(path)
    raise OntogymError(
        f"{path} is no run folder of `ontogym evolve` or `ontogym train`; pass the --out of one."
    )


def make_submission(
    candidate: Candidate,
    task_name: str | None = None,
    label: str | None = None,
    author: str = "",
    notes: str = "",
    suite: str | None = None,
) -> Submission:
    """Evaluate a candidate on the public seeds of its task and pack it.

    Args:
        candidate: what to submit.
        task_name: the task; the one that was trained on if None.
        label: under which name it is ranked, with its other seeds; its type if None.
        author, notes: as in the manifest.
        suite: the suite that the task must be of; any if None.

    Raises:
        OntogymError: no task fits, or the agent cannot live there, or the limits are not kept.
    """
    if not candidate.env and task_name is None:
        raise OntogymError(
            f"An agent of type {candidate.agent_type!r} was trained on no task; name one with --task."
        )
    of, task = task_of(candidate.env, candidate.env_kwargs, task_name, suite)
    where = {"suite": of.name, "suite_version": of.version, "task": task.name}
    options = check_options(candidate.agent_type, candidate.options)
    agent = {"type": candidate.agent_type, "label": label or candidate.agent_type, "options": options}
    agent |= candidate.heard
    # In a worker, as the verifier will: what is claimed has met the same limits.
    (result,), _ = live_bounded({**where, "agent": agent}, pack_tensors(candidate.tensors))
    command = f"ontogym leaderboard submit {candidate.agent_type} --task {task.name} --seed {candidate.seed}"
    given = {key: value for key, value in candidate.options.items() if key != "seed"}
    if given and not candidate.env:
        words = [f"{key}={json.dumps(value, separators=(',', ':'))}" for key, value in given.items()]
        command += f" --options {shlex.join(words)} --env-steps {candidate.training.get('env_steps', 0)}"
    here = machine()
    manifest = {
        "format": FORMAT,
        "kind": "submission",
        "ontogym": ontogym_version(),
        **where,
        "agent": json.loads(json.dumps(agent)),
        "seed": candidate.seed,
        "training": {
            "command": command,
            "hardware": {
                "cpu": here["cpu"],
                "cores": os.cpu_count(),
                "platform": here["platform"],
                "gpu": None,
            },
            "packages": here["packages"],
            "curve": [],
            **candidate.training,
        },
        "claimed": {
            "seeds": "public",
            "returns": result.returns.tolist(),
            "wiring_cost": result.wiring_cost,
            "machine": here,
        },
        "author": author,
        "notes": notes,
    }
    return pack(manifest, candidate.tensors)


def _trained(path: Path) -> Candidate:
    from ontogym.baselines.sb3.policy import read_training_run

    run = read_training_run(path)
    training = dict(run.training)
    training["curve"] = _thinned(training.get("curve", []))
    agent_type, options = _named(run.agent_type, run.options, run.env)
    return Candidate(
        agent_type,
        options,
        dict(run.tensors),
        run.env,
        dict(run.env_kwargs),
        run.seed,
        training,
        {} if run.told == "reward" else {"told": run.told},
    )


def _named(algorithm: str, options: Mapping[str, Any], env: str) -> tuple[str, dict[str, Any]]:
    """Type and options on the leaderboard of what ``ontogym train --algo`` calls by its own name."""
    if algorithm == "random":
        return algorithm, {"seed": int(options.get("seed", 0))}
    if algorithm == "constant":
        return algorithm, {key: options[key] for key in ("action",) if key in options}
    if algorithm == "reference":
        return reference_of(env, options.get("policy")), {}
    return algorithm, dict(options)


def _evolved(path: Path) -> Candidate:
    if not (path / "best.safetensors").is_file():
        raise OntogymError(f"The run in {path} has kept no agent yet; go on with `ontogym evolve --resume`.")
    saved = load_agent(path)
    try:
        config = read_config(path)
        rows = _progress(path)
        result = path / "result.json"
        final = read_sealed_json(result) if result.is_file() else (rows or [{}])[-1]
        training = {
            "env_steps": int(final.get("env_steps", 0)),
            "wall_seconds": float(final.get("wall_seconds", 0.0)),
            "cpu_seconds": float(final.get("cpu_seconds", 0.0)),
            "command": _command(config),
            "curve": _thinned(
                [[row["env_steps"], row["score"]] for row in rows if math.isfinite(row["score"])]
            ),
        }
        seed = int(config.get("seed", 0))
    except OntogymError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OntogymError(f"The run in {path} is damaged ({error}); restore it or evolve again.") from error
    options, carried = carry_rule(saved.options)
    return Candidate(
        saved.agent,
        options,
        {"genome": saved.genome, **carried},
        saved.env,
        dict(saved.env_kwargs),
        seed,
        training,
        _heard(saved.lives),
    )


def _heard(lives: Mapping[str, Any]) -> dict[str, Any]:
    """What an agent was told in its lives; a reward that was held at a number tells nothing.

    What else may differ of the lives of a run, controls such as weights held still, is no part of what an agent is.
    """
    told = lives.get("told", "reward") if lives.get("reward_clamp") is None else "nothing"
    silenced = list(lives.get("silenced", ()))
    return ({} if told == "reward" else {"told": told}) | ({"silenced": silenced} if silenced else {})


def _progress(path: Path) -> list[dict[str, float]]:
    """Rows of ``progress.csv`` as numbers; an empty field is NaN."""
    return [{k: float(v or "nan") for k, v in row.items()} for row in read_progress(path)]


def _thinned(curve: list[Any]) -> list[list[float]]:
    """At most `MAX_CURVE` points, first and last among them."""
    if len(curve) > MAX_CURVE:
        curve = [curve[k] for k in np.linspace(0, len(curve) - 1, MAX_CURVE).round().astype(int)]
    return [[float(steps), float(score)] for steps, score in curve]


def _command(config: Mapping[str, Any]) -> str:
    """The command line that makes a run of this configuration again."""
    default = EvolutionConfig(env=str(config["env"])).as_json()
    agent = str(config.get("agent"))
    tuned = agent in ("lndp", *NETWORKS)
    told = preset(str(config["env"]), agent) if tuned else {}
    expected = default | EvolutionConfig(**{**told, "env": str(config["env"])}).as_json()
    quiet = ("env", *(name for name in NEUTRAL if name != "generations"), "conditions")
    command = shlex.join(["ontogym", "evolve", "--env", str(config["env"])])
    changed = {k for k, v in config.items() if k not in quiet and v != expected.get(k)}
    if not tuned or changed - {"agent", "seed", "generations", "target"}:
        command, expected = f"{command} --no-preset", default
    return command_line(command, config, expected, leave_out=quiet)
