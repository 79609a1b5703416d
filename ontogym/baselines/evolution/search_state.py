"""The state of a search as a record, and the one way it gets into a checkpoint and out of it.

A record is a dataclass or NamedTuple whose fields are arrays, numbers, further records, or mappings of such.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["SearchState", "pack", "unpack"]

R = TypeVar("R")


@dataclass(frozen=True)
class SearchState:
    """What every search has: its mean ``(D,)``, its step size, and how many generations are done."""

    mean: NDArray[np.float64]
    sigma: float
    generation: int


def pack(record: Any) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Arrays and JSON-able numbers of a record, by the names of their fields.

    Fields of inner records keep their bare names (which must differ); those of a mapping are ``field.key``.
    """
    arrays: dict[str, NDArray[Any]] = {}
    meta: dict[str, Any] = {}
    for name, value in _fields(record):
        if isinstance(value, np.ndarray):
            arrays[name] = value.copy()
        elif isinstance(value, Mapping):
            for key, inner in value.items():
                (arrays if isinstance(inner, np.ndarray) else meta)[f"{name}.{key}"] = inner
        elif _is_record(value):
            inner_arrays, inner_meta = pack(value)
            arrays |= inner_arrays
            meta |= inner_meta
        else:
            meta[name] = value
    return arrays, meta


def unpack(like: R, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> R:
    """What `pack` took apart, in the form of `like`.

    Raises:
        KeyError: a field is missing.
        ValueError: an array of another shape than that of `like`, or what is no number.
    """
    found: dict[str, Any] = {}
    for name, value in _fields(like):
        if isinstance(value, np.ndarray):
            array = np.array(arrays[name], dtype=value.dtype)
            if array.shape != value.shape:
                raise ValueError(f"{name} has shape {array.shape}, not {value.shape}")
            found[name] = array
        elif isinstance(value, Mapping):
            prefix = f"{name}."
            parts = [*arrays.items(), *meta.items()]
            found[name] = {key[len(prefix) :]: part for key, part in parts if key.startswith(prefix)}
        elif _is_record(value):
            found[name] = unpack(value, arrays, meta)
        else:
            found[name] = type(value)(meta[name])
    return type(like)(**found)


def _is_record(value: Any) -> bool:
    return dataclasses.is_dataclass(value) or hasattr(value, "_fields")


def _fields(record: Any) -> Iterator[tuple[str, Any]]:
    if hasattr(record, "_asdict"):
        names = record._fields
    else:
        names = [field.name for field in dataclasses.fields(record)]
    for name in names:
        yield name, getattr(record, name)
