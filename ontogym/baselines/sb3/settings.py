"""Hyper-parameters: one INI file per environment, a section per algorithm, over the defaults for any environment."""

from __future__ import annotations

import configparser
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ontogym.errors import OntogymError, UnknownNameError

__all__ = ["hyperparameters", "schedule"]

FOLDER = Path(__file__).parent / "hyperparameters"
_EXTRA = (
    "normalise",
    "clip",
    "policy",
    "observe",
    "log_std_init",
    "use_sde",
    "sde_sample_freq",
    "max_grad_norm",
    "vf_coef",
    "tau",
    "ent_coef",
    "action_share",
)
_SCHEDULES = ("learning_rate", "clip_range")
_WORDS = ("policy", "activation", "observe")
_COUNTS = ("n_envs", "n_steps", "batch_size", "n_epochs", "buffer_size")


def hyperparameters(algorithm: str, env: str, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Hyper-parameters of `algorithm` in `env`: the defaults, the environment's file, then what is `given`.

    A file may say in ``[like]`` after which other environment's it is written; its own lines override those.

    Raises:
        UnknownNameError: a given name that the algorithm does not have.
    """
    values = _section(FOLDER / "default.ini", algorithm)
    known = set(values) | set(_EXTRA)
    other = _section(_file(env), "like").get("env")
    for name in (other, env) if other else (env,):
        values |= _section(_file(name), algorithm)
    for name in given or {}:
        if name not in known:
            raise UnknownNameError(f"hyper-parameter of {algorithm}", name, known)
        _check_kind(name, (given or {})[name], values.get(name))
    return values | dict(given or {})


def _check_kind(name: str, value: Any, usual: Any) -> None:
    """Refuse text where a number belongs, and numbers that are none; what the number may be, SB3 says."""
    if name in _SCHEDULES:
        try:
            schedule(value)
        except OntogymError as error:
            raise OntogymError(f"The hyper-parameter {name}: {error}") from error
    elif isinstance(value, str) and not (
        name in _WORDS or isinstance(usual, str) or value.startswith("auto")
    ):
        raise OntogymError(f"The hyper-parameter {name} is {value!r}; give a number.")
    elif isinstance(value, float) and not math.isfinite(value):
        raise OntogymError(f"The hyper-parameter {name} is {value}; give a finite number.")
    elif name in _COUNTS and not (type(value) is int and value >= 1):
        raise OntogymError(f"The hyper-parameter {name} is {value!r}; give a whole number from 1 on.")


def _file(env: str) -> Path:
    return FOLDER / f"{env.rpartition(':')[2].replace('/', '.')}.ini"


def _section(file: Path, algorithm: str) -> dict[str, Any]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(file, encoding="utf-8")
    if not parser.has_section(algorithm):
        return {}
    try:
        return {name: json.loads(value) for name, value in parser[algorithm].items()}
    except ValueError as error:
        raise OntogymError(f"{file} has a value that is no JSON in [{algorithm}] ({error}).") from error


def schedule(value: Any) -> float | Callable[[float], float]:
    """A number, or ``"linear 3e-4"`` as a function of the part of the run that is left (1 .. 0).

    Raises:
        OntogymError: neither of the two.
    """
    if isinstance(value, (int, float)) and math.isfinite(value) and value >= 0:
        return float(value)
    if not isinstance(value, str):
        raise OntogymError(f"{value!r} is no schedule; give a number or 'linear NUMBER'.")
    kind, _, number = value.partition(" ")
    try:
        start = float(number)
    except ValueError:
        start = -1.0
    if kind != "linear" or start < 0:
        raise OntogymError(f"{value!r} is no schedule; give a number or 'linear NUMBER'.")
    return lambda left: start * left
