"""Checkpoints: one safetensors file, written atomically, its JSON header beside the arrays; never pickle.

A reader of a checkpoint allocates no more than the file holds and executes nothing. A writer leaves either
the old file or the whole new one, whatever moment it is killed at.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError

__all__ = ["FORMAT", "load", "save", "write_atomic", "write_json"]

FORMAT = 1
"""Version of the file format. Readers accept this one and older ones."""


def write_atomic(path: Path | str, data: bytes) -> None:
    """Write `data` to `path` so that a reader sees either the old file or the whole new one."""
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    except OSError as error:
        raise OntogymError(
            f"Cannot write {path} ({error.strerror}); choose a folder you may write to."
        ) from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise OntogymError(
            f"Cannot write {path} ({error.strerror}); the old file, if any, is untouched."
        ) from error
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_json(path: Path | str, value: Any) -> None:
    """Write `value` as indented JSON, atomically."""
    write_atomic(path, (json.dumps(value, indent=2, allow_nan=False) + "\n").encode())


def save(path: Path | str, kind: str, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> None:
    """Write arrays and JSON-able `meta` as one safetensors file, atomically.

    Args:
        path: the file; its folder is made if need be.
        kind: what it is (``"evolution"``, ``"agent"``); `load` refuses another kind.
        arrays: name to NumPy array (any shape).
        meta: JSON-able facts, kept in the safetensors header.
    """
    from safetensors.numpy import save as to_bytes

    header = {"ontogym_format": FORMAT, "kind": kind, "meta": dict(meta)}
    # Not ascontiguousarray: it would turn a scalar into an array of one.
    tensors = {name: np.asarray(value, order="C") for name, value in arrays.items()}
    write_atomic(path, to_bytes(tensors, metadata={"ontogym": json.dumps(header, allow_nan=False)}))


def load(path: Path | str, kind: str) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Read what `save` wrote: ``(arrays, meta)``.

    Raises:
        OntogymError: missing, truncated, not ours, of another kind, or of a newer format.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.is_file():
        raise OntogymError(f"There is no file {path}; check the path.")
    try:
        with safe_open(path, framework="numpy") as file:
            raw = (file.metadata() or {}).get("ontogym")
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no iterator)
    except (SafetensorError, OSError, ValueError) as error:
        raise OntogymError(
            f"{path} is truncated or is no safetensors file ({error}); restore it from a copy or start a new run."
        ) from error
    try:
        header = json.loads(raw or "")
        version, found, meta = int(header["ontogym_format"]), str(header["kind"]), dict(header["meta"])
    except (ValueError, KeyError, TypeError) as error:
        raise OntogymError(
            f"{path} was not written by ontogym (its header is missing or malformed)."
        ) from error
    if version > FORMAT:
        raise OntogymError(
            f"{path} has format {version}, newer than this ontogym reads ({FORMAT}); upgrade with "
            "'pip install --upgrade ontogym'."
        )
    if found != kind:
        raise OntogymError(f"{path} holds {found!r}, not {kind!r}; pass a file of the right kind.")
    return arrays, meta
