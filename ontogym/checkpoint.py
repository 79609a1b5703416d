"""Checkpoints: one safetensors file, written atomically, its JSON header beside the arrays; never pickle.

A reader of a checkpoint allocates no more than the file holds and executes nothing. A writer leaves either
the old file or the whole new one, whatever moment it is killed at.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError

__all__ = [
    "FORMAT",
    "LOCK",
    "hold_folder",
    "load",
    "lock_folder",
    "save",
    "write_atomic",
    "write_folder",
    "write_json",
]

FORMAT = 1
"""Version of the file format. Readers accept this one and older ones."""
LOCK = ".lock"
"""Name of the file that a process holds while it writes to a folder."""


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


def write_folder(path: Path | str, files: Mapping[str, bytes]) -> bool:
    """Write a folder of files so that a reader sees either none of it or all; returns whether it was written.

    A folder that is there already stays as it is. A writer that is killed leaves a hidden folder
    ``.NAME.*.part`` beside it, which readers skip.

    Raises:
        OntogymError: it cannot be written; nothing is left of it then.
    """
    path, made = Path(path), None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part"))
        for name, data in files.items():
            with (made / name).open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        made.chmod(0o755)
        _sync_folder(made)
        done = not path.exists()
        if done:
            made.rename(path)  # onto a folder that has come meanwhile: an error, since that one is not empty
            _sync_folder(path.parent)
        return done
    except OSError as error:
        if path.is_dir() and error.errno in _TAKEN:
            return False
        raise OntogymError(
            f"Cannot write {path} ({error.strerror}); free some space or choose a folder you may write to."
        ) from error
    finally:
        if made is not None:
            shutil.rmtree(made, ignore_errors=True)


_TAKEN = (errno.EEXIST, errno.ENOTEMPTY)


def _sync_folder(path: Path) -> None:
    """Let the names in a folder reach the disk (where the system lets a folder be opened)."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def lock_folder(path: Path | str, wait: bool = False) -> IO[bytes] | None:
    """Hold a folder for this process until the result is closed or the process ends, however it ends.

    Args:
        path: the folder, made if need be.
        wait: until whoever holds it lets go.

    Returns:
        An open file to close, or None if another process holds the folder and `wait` is False.

    Raises:
        OSError: the folder cannot be written to.
    """
    path = Path(path)
    path.mkdir(parents=True, exist_ok=True)
    lock = (path / LOCK).open("wb")
    try:
        import fcntl
    except ImportError:  # no such locks on Windows
        return lock
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        lock.close()
        return None
    except BaseException:
        lock.close()
        raise
    return lock


def hold_folder(path: Path | str, doing: str) -> IO[bytes]:
    """`lock_folder` for the ``--out`` of a command.

    Args:
        path: the folder.
        doing: what another process that holds it does there.

    Raises:
        OntogymError: the folder cannot be written to, or another process holds it.
    """
    try:
        lock = lock_folder(path)
    except OSError as error:
        raise OntogymError(f"Cannot write to {path} ({error.strerror}); choose another --out.") from error
    if lock is None:
        raise OntogymError(f"Another process {doing} in {path}; wait for it or choose another --out.")
    return lock


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
