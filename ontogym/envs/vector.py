"""Any Gymnasium id as a vector environment that a population can live in."""

from __future__ import annotations

import inspect
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec, load_env_creator, registry
from gymnasium.vector import AutoresetMode, VectorEnv

from ontogym.batched.environments import BatchedVectorEnv
from ontogym.envs.checked import CheckedEnv
from ontogym.envs.registration import bare_id
from ontogym.errors import OntogymError, UnknownNameError
from ontogym.registry import import_here

__all__ = ["OWN_ENVIRONMENT", "find_spec", "is_native", "make_vector"]

OWN_ENVIRONMENT = (
    "An environment of your own is module:id or file.py:id, looked for here too; all others: ontogym envs."
)


def make_vector(env_id: str, num_envs: int, **kwargs: Any) -> VectorEnv[Any, Any, Any]:
    """A vector environment of `num_envs` lanes of any registered environment.

    Lanes: step all of them until each has ended once, and ignore a lane from then on. That is safe either way:

    - This suite's own environments are stepped natively (`AutoresetMode.DISABLED`): a lane that has ended
      stays as it is, keeps its flags, and earns 0.
    - Others run in `gymnasium.vector.SyncVectorEnv`. With autoreset disabled that class refuses to step a
      lane that has ended, so it runs in `AutoresetMode.NEXT_STEP`: an ended lane starts over and goes on
      *earning rewards*, which the caller must leave out. Their answers are checked (`ontogym.envs.checked`).

    Begin every life with ``reset(seed=[...])``, one seed per lane. Then a lane's life depends on its seed and its
    actions only. Without seeds a `SyncVectorEnv` lane continues a stream of random numbers that depends on
    how long the other lanes made it run on.

    Args:
        env_id: a Gymnasium id, also ``"module:id"``.
        num_envs: number of lanes.
        **kwargs: passed to the environment (and ``max_episode_steps``, ``render_mode``).

    Raises:
        UnknownNameError: no such id, or this suite's environment has no such argument.
        OntogymError: a package that the environment needs is missing (the sentence names it).
    """
    spec = find_spec(env_id)
    if is_native(spec):
        _check_arguments(spec, kwargs)
        mode = {"autoreset_mode": AutoresetMode.DISABLED.value}
        return gym.make_vec(spec.id, num_envs, vectorization_mode="vector_entry_point", **(mode | kwargs))
    try:
        return gym.make_vec(
            spec.id,
            num_envs,
            vectorization_mode="sync",
            vector_kwargs={"autoreset_mode": AutoresetMode.NEXT_STEP},
            wrappers=[partial(CheckedEnv, name=env_id)],
            # Gymnasium's own checker only warns, and dies of some of what it looks for.
            **{"disable_env_checker": True, **kwargs},
        )
    except (gym.error.DependencyNotInstalled, ImportError) as error:
        raise OntogymError(_missing(spec, error)) from error


def find_spec(env_id: str) -> EnvSpec:
    """Gymnasium's spec of `env_id`; ``"module:id"`` or ``"file.py:id"`` imports that first, also from the working directory.

    Raises:
        UnknownNameError: no such id; the nearest one is suggested.
        OntogymError: the module does not import.
    """
    module, colon, name = bare_id(env_id).rpartition(":")
    if colon:
        try:
            import_here(module)
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
            raise OntogymError(
                f"Cannot import {module!r} for the environment {name!r} ({said}); give module:id, or file.py:id, of a "
                "module that registers it when it is imported."
            ) from error
    if name not in registry:
        own = [known for known, spec in registry.items() if colon and _defined_in(spec, module)]
        if own:
            raise UnknownNameError(f"environment of {module}", name, own)
        raise UnknownNameError("environment", name, registry, OWN_ENVIRONMENT)
    return registry[name]


def _defined_in(spec: EnvSpec, module: str) -> bool:
    point = spec.entry_point
    where = point.partition(":")[0] if isinstance(point, str) else getattr(point, "__module__", "")
    return where.split(".")[0] == Path(module).stem.split(".")[0]


def is_native(spec: EnvSpec) -> bool:
    """Whether the environment's vector form is a `BatchedVectorEnv`."""
    point = spec.vector_entry_point
    if point is None:
        return False
    if isinstance(point, str) and point.startswith("gymnasium."):
        return False
    creator = load_env_creator(point) if isinstance(point, str) else point
    return isinstance(creator, type) and issubclass(creator, BatchedVectorEnv)


def _check_arguments(spec: EnvSpec, kwargs: dict[str, Any]) -> None:
    point = spec.vector_entry_point
    vector_class: Any = load_env_creator(point) if isinstance(point, str) else point
    known = set(inspect.signature(vector_class.dynamics_type).parameters)
    known |= set(inspect.signature(BatchedVectorEnv).parameters) - {"num_envs", "options"}
    for name in kwargs:
        if name not in known:
            raise UnknownNameError(f"argument of {spec.id}", name, known)


def _missing(spec: EnvSpec, error: Exception) -> str:
    if "mujoco" in str(error).lower():
        return f"{spec.id} needs MuJoCo, which is not installed; run pip install 'ontogym[mujoco]'."
    reason = str(error).strip().rstrip(".")
    return f"{spec.id} needs a package that is not installed ({reason}); install it and try again."
