"""From a configuration to a command line and back: mappings as KEY=VALUE words, defaults from a file or a run folder.

The command line embeds the configuration of what it runs: a command is a dataclass with a field ``config`` whose fields
are its flags. Nothing of a configuration is typed again here.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import tyro
from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

from ontogym.configurations import read_config
from ontogym.errors import OntogymError, UnknownNameError
from ontogym.registry import code_in, key_value_words, key_values

__all__ = ["default_of", "given", "kept_config", "parse_line", "with_values"]

C = TypeVar("C")
REGISTRY = ConstructorRegistry()
"""How types that tyro does not know become flags."""


class Refused(Exception):
    """What a word says cannot be; tyro would print a frame around any ValueError, such as `OntogymError`."""


def parse_line(kind: Any, prog: str, argv: Sequence[str], **options: Any) -> Any:
    """`tyro.cli` with the types that it does not know, and one sentence for what cannot be.

    Raises:
        OntogymError: a word that is no KEY=VALUE or no JSON.
    """
    try:
        return tyro.cli(kind, prog=prog, args=argv, registry=REGISTRY, **options)
    except Refused as error:
        raise OntogymError(str(error)) from None


def _pairs(words: list[str]) -> dict[str, Any]:
    try:
        return key_values(words, "such an option")
    except OntogymError as error:
        raise Refused(str(error)) from None


def _list(words: list[str]) -> tuple[dict[str, Any], ...] | None:
    try:
        value = json.loads(words[0]) if words[0] != "None" else None
    except ValueError as error:
        raise Refused(
            f"{words[0]!r} is no JSON ({error}); give a list such as '[{{\"goal\": 0}}]'."
        ) from None
    return None if value is None else tuple(value)


@REGISTRY.primitive_rule
def _mapping(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[dict[str, Any]] | None:
    """A dictionary as KEY=VALUE words."""
    if get_origin(info.type) is not dict or get_args(info.type) != (str, Any):
        return None
    return PrimitiveConstructorSpec(
        nargs="*",
        metavar="[KEY=VALUE ...]",
        instance_from_str=_pairs,
        is_instance=lambda value: isinstance(value, Mapping),
        str_from_instance=key_value_words,
    )


@REGISTRY.primitive_rule
def _mappings(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
    """Several dictionaries, or None, as one JSON list."""
    if dict[str, Any] not in [part for option in get_args(info.type) for part in get_args(option)]:
        return None
    return PrimitiveConstructorSpec(
        nargs=1,
        metavar="JSON",
        instance_from_str=_list,
        is_instance=lambda value: value is None or isinstance(value, tuple),
        str_from_instance=lambda value: ["None" if value is None else json.dumps(list(value))],
    )


def given(argv: Sequence[str], flag: str, default: str | None = None) -> str | None:
    """The value of a flag, before the line is parsed."""
    for word, following in zip(argv, [*argv[1:], ""]):
        if word == flag:
            default = following
        elif word.startswith(f"{flag}="):
            default = word.partition("=")[2]
    return default


_ONWARD = {"--out", "--resume", "--generations", "--steps", "--json", "--cite", "--workers", "--evaluator", "--address"}  # fmt: skip
"""Flags that say how a run goes on, and not what it is."""


def kept_config(argv: Sequence[str], out: str | None) -> tuple[dict[str, Any] | None, list[str]]:
    """What ``--config FILE`` or, under ``--resume``, the run folder says, and the line without ``--config``.

    Raises:
        OntogymError: no such file, one that cannot be read or names code that the line does not, or nothing to resume and nothing said of what to begin.
    """
    file = given(argv, "--config")
    rest = [word for k, word in enumerate(argv)
            if not word.startswith("--config=") and word != "--config" and (k == 0 or argv[k - 1] != "--config")]  # fmt: skip
    if file is not None:
        found = settings(read_config(file))
        code = code_in(found)
        if code and not any(code in word for word in rest):
            raise OntogymError(
                f"{file} names {code!r}, which would import code; if you trust its maker, say that on the line too."
            )
        if Path(file).is_dir():
            found.pop("out", None)  # another run has another folder
        return found, rest
    folder = Path(out) if out is not None else None
    if (
        folder is not None
        and "--resume" in argv
        and any((folder / n).is_file() for n in ("config.json", "run.json"))
    ):
        return settings(read_config(folder)), rest
    said = {word.partition("=")[0] for word in rest if word.startswith("--")} - _ONWARD
    if folder is not None and "--resume" in argv and not said:
        raise OntogymError(
            f"There is no run in {folder} to resume; check --out, or give the flags of the run to begin it."
        )
    return None, rest


_OUTCOME = {"format", "kind", "options", "hyperparameters", "training", "checksum"}
"""What the record of a training with Stable-Baselines3 holds beside the settings of ``ontogym train``."""


def settings(record: Mapping[str, Any]) -> dict[str, Any]:
    """What a file or the record of a run says of a command's flags: all of it, or what it keeps under ``command``.

    Records of trainings made before that keep no word for their images, only how they were trained on.
    """
    if (
        record.get("kind") == "training-run"
    ):  # of Stable-Baselines3, whose settings stand beside what came of them
        return {name: value for name, value in record.items() if name not in _OUTCOME}
    return dict(record.get("command") or record.get("training") or record)


def with_values(default: C, values: Mapping[str, Any]) -> C:
    """A command's defaults with these values, wherever among its embedded configurations their fields are.

    Raises:
        UnknownNameError: a name that is no field of the command.
    """
    rest = dict(values)
    filled: C = _filled(default, rest)
    if rest:
        more = "A run's folder that has it is another command's."
        raise UnknownNameError("setting of this command", min(rest), _names(default), more)
    return filled


def _filled(instance: Any, rest: dict[str, Any]) -> Any:
    changes: dict[str, Any] = {}
    for field in dataclasses.fields(instance):
        value = getattr(instance, field.name)
        if field.name in rest:
            new = rest.pop(field.name)
            changes[field.name] = tuple(new) if isinstance(new, list) and "tuple" in str(field.type) else new
        elif dataclasses.is_dataclass(value):
            changes[field.name] = _filled(value, rest)
    return dataclasses.replace(instance, **changes)


def _names(instance: Any) -> list[str]:
    names = []
    for field in dataclasses.fields(instance):
        value = getattr(instance, field.name)
        names += _names(value) if dataclasses.is_dataclass(value) else [field.name]
    return names


def default_of(kind: type[C]) -> C:
    """An instance of a command with what has no default left open."""
    missing = {
        field.name: tyro.MISSING
        for field in dataclasses.fields(kind)  # type: ignore[arg-type]
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    try:
        return kind(**missing)
    except (TypeError, ValueError) as error:
        raise OntogymError(f"This command takes no --config ({error}).") from error
