"""Configurations: read from a run folder or a TOML file, built into what they configure, written as TOML or as a command.

A file that people write may be a stranger's: it is small, holds data alone, and what would import code is found in it.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
import shlex
import sys
from collections.abc import Collection, Iterable, Mapping
from numbers import Integral, Real
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ontogym import checkpoint
from ontogym.errors import OntogymError, UnknownNameError
from ontogym.registry import key_value_words

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["build_config", "command_line", "plain_numbers", "read_config", "toml"]

C = TypeVar("C")


def plain_numbers(config: Any) -> None:
    """Make the numbers of a frozen dataclass Python's own, those in its tables and lists among them: files hold no others.

    Fields are told by their annotations as they are written: ``int``, ``float``, ``dict[...]`` and ``tuple[...]``, each with or
    without ``None``. A whole number where any may stand stays one: what is in files already must stay what it is.

    Raises:
        OntogymError: a value of another kind.
    """
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        kinds = [word.partition("[")[0].strip() for word in str(field.type).split("|")]
        optional = "None" in kinds
        kinds = [kind for kind in kinds if kind != "None"]
        if (value is None and optional) or len(kinds) != 1 or kinds[0] not in _KINDS:
            continue
        found = _own(kinds[0], value)
        if found is None:
            raise OntogymError(f"{field.name} is {str(value)[:60]!r}; give {_KINDS[kinds[0]]}.")
        object.__setattr__(config, field.name, found)


_KINDS = {"int": "a whole number", "float": "a number", "dict": "a dictionary", "tuple": "a list"}


def _own(kind: str, value: Any) -> Any:
    """A value as Python's own `kind`; None if it is of another."""
    value = _plain(value)
    if kind == "dict":
        return dict(value) if isinstance(value, Mapping) else None
    if kind == "tuple":
        listed = isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping))
        return tuple(map(_plain, value)) if listed else None
    if isinstance(value, bool):
        return None
    if kind == "int":
        return int(value) if isinstance(value, Integral) else None
    if isinstance(value, int):
        return value
    return float(value) if isinstance(value, Real) else None


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(_plain, value)) if type(value) in (list, tuple) else value
    return value.item() if isinstance(value, np.generic) else value


def read_config(path: Path | str) -> dict[str, Any]:
    """The configuration of a run folder, or one in a TOML or JSON file that somebody wrote.

    Raises:
        OntogymError: no such file, or one that cannot be read.
    """
    path = Path(path)
    if path.is_dir():
        path = path / next(
            (name for name in checkpoint.RECORDS if (path / name).is_file()), checkpoint.RECORDS[0]
        )
    if path.suffix != ".toml":
        return checkpoint.read_sealed_json(path)
    try:
        return tomllib.loads(_small_text(path))
    except FileNotFoundError as error:
        raise OntogymError(f"There is no file {path}; check the path.") from error
    except RecursionError as error:
        raise OntogymError(f"{path} is nested too deeply for a configuration; mend it.") from error
    except (OSError, ValueError) as error:
        raise OntogymError(f"{path} is no TOML ({str(error)[:200]}); mend it.") from error


_MOST_BYTES, _MOST_PARTS = 2**20, 50


def _small_text(path: Path) -> str:
    """A file that people write, if it is one and as small as such are; what it costs to parse grows with their squares.

    Raises:
        ValueError: it is not.
        OSError: it cannot be read.
    """
    if not path.is_file() and path.exists():
        raise ValueError("it is no plain file")
    with path.open("rb") as file:
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise ValueError(f"it has more than {_MOST_BYTES} bytes")
    text, parts = data.decode("utf-8"), 0
    for part in text.split("."):
        word = part.strip(" \t")
        parts = parts + 1 if word[:1] in ("'", '"') or (word and not set(word) & set("\n\r ,=[]{}#")) else 0
        if parts > _MOST_PARTS:
            raise ValueError(f"it has a key of more than {_MOST_PARTS} parts")
    return text


def build_config(kind: type[C], values: Mapping[str, Any]) -> C:
    """A dataclass from what `read_config` gives; lists become tuples where the field is one.

    Raises:
        UnknownNameError: a name that is no field.
        OntogymError: what the dataclass refuses.
    """
    known = {field.name: str(field.type) for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for name in values:
        if name not in known:
            raise UnknownNameError(f"setting of {kind.__name__}", name, known)
    return kind(
        **{
            name: tuple(value) if isinstance(value, list) and "tuple" in known[name] else value
            for name, value in values.items()
        }
    )


def command_line(
    command: str, config: Mapping[str, Any], defaults: Mapping[str, Any], leave_out: Collection[str] = ()
) -> str:
    """The command line that makes a run of this configuration again, quoted for a shell.

    Args:
        command: "ontogym evolve", ...
        config: the settings. defaults: settings that need not be said. leave_out: names that are not said.

    A mapping is said as KEY=VALUE words, true and false as ``--name`` and ``--no-name``; None cannot be said.
    """
    words = command.split()
    for name, value in config.items():
        if name in leave_out or value is None or (name in defaults and defaults[name] == value):
            continue
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
            continue
        words.append(f"--{flag}")
        if isinstance(value, Mapping):
            words += key_value_words(value)
        elif isinstance(value, (list, tuple)):
            words += [str(item) for item in value]
        else:
            words.append(str(value))
    return shlex.join(words)


def toml(config: Mapping[str, Any]) -> str:
    """A configuration as a TOML file that `read_config` reads again; None, which TOML has no word for, is left out."""
    return "".join(f"{_key(name)} = {_toml(value)}\n" for name, value in config.items() if value is not None)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_key(k)} = {_toml(v)}" for k, v in value.items() if v is not None)
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # TOML's inf and nan are written as Python's
    return json.dumps(value, ensure_ascii=False)
