"""Whatever can act, by one name: an agent of the zoo, a run folder, a file, a submission, an agent without weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ontogym.baselines.lives.lanes import make_single
from ontogym.baselines.lives.player import Player
from ontogym.baselines.lives.spec import LifeSpec
from ontogym.baselines.loading import Loaded, load
from ontogym.envs import conditions
from ontogym.envs.reference import REFERENCES, reference_of
from ontogym.envs.registration import episodes_of_life
from ontogym.errors import OntogymError
from ontogym.leaderboard.limits import MANIFEST
from ontogym.leaderboard.players import WEIGHT_FREE, build_player
from ontogym.leaderboard.submission import read_submission
from ontogym.leaderboard.suites import get_task

__all__ = ["load_any"]


def load_any(
    target: str | Path,
    env: str | None = None,
    env_kwargs: Mapping[str, Any] | None = None,
    trusted: bool = False,
) -> Loaded:
    """Load what `ontogym.baselines.loading.load` loads, and what a leaderboard knows beside it.

    Args:
        target: ``"zoo:NAME"``, a run folder of evolve or train, an agent file, the folder of a submission; or an agent
            without weights by its name (random, constant, reference, or a hand-written one), which needs `env`.
        env, env_kwargs: another environment with the same spaces, to live in; its own if not given.
        trusted: whether a ``module:Class`` that the file names may be imported.

    Raises:
        OntogymError: no such thing, a damaged file, or an environment that does not fit.
    """
    if (Path(target) / MANIFEST).is_file():
        return _submitted(Path(target), env, env_kwargs)
    if str(target) in (*WEIGHT_FREE, "reference") and not Path(target).exists():
        return _weight_free(str(target), env, env_kwargs)
    return load(target, env, env_kwargs, trusted)


def _submitted(folder: Path, env: str | None, env_kwargs: Mapping[str, Any] | None) -> Loaded:
    submission = read_submission(folder)
    manifest = submission.manifest
    task = get_task(manifest["suite"], manifest["suite_version"], manifest["task"])
    if env is not None and (env, dict(env_kwargs or {})) != (task.env, dict(task.env_kwargs)):
        raise OntogymError(f"A submission lives in its own task, {task.env}; leave the environment out.")
    kind, options = str(manifest["agent"]["type"]), dict(manifest["agent"].get("options", {}))
    player = build_player(kind, options, submission.tensors, task)
    size = sum(int(np.asarray(tensor).size) for tensor in submission.tensors.values())
    facts = {"label": manifest["agent"]["label"], "task": manifest["task"]}
    return Loaded(kind, str(folder), player, task.life_of(manifest["agent"]), size, facts, options)


def _weight_free(name: str, env: str | None, env_kwargs: Mapping[str, Any] | None) -> Loaded:
    if env is None:
        raise OntogymError(f"{name!r} acts anywhere; say where, with --env ID.")
    if name == "reference":
        name = reference_of(env)
    written = REFERENCES.get(name)
    if written is not None and env not in written.envs:
        raise OntogymError(
            f"{name!r} is written for {', '.join(written.envs)}, not for {env}; choose one of them."
        )
    kwargs = dict(env_kwargs or {})
    single = make_single(env, kwargs)
    try:
        actor = WEIGHT_FREE[name](single.observation_space, single.action_space)
    except OntogymError as error:
        raise OntogymError(f"{name!r} cannot act in {env!r}: {error}") from error
    finally:
        single.close()
    spec = LifeSpec(env, kwargs, episodes_of_life(env), conditions=tuple(conditions(env)))
    return Loaded(name, name, Player(actor), spec, 0)
