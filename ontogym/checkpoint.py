"""Checkpoints: one safetensors file, written atomically, its JSON header beside the arrays; never pickle.

A reader of a checkpoint allocates no more than the file holds and executes nothing. A writer leaves either
the old file or the whole new one, whatever moment it is killed at.

Files that the package writes for itself and reads again carry a checksum: the SHA-256 of the whole file as it is with
64 zeros in the place of the checksum. One flipped bit is refused. Files of format 1, and JSON files without a
"checksum", were written before there was one and are read as they are. Files that people edit carry none.
"""

from __future__ import annotations

import errno
import hashlib
import itertools
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError

__all__ = [
    "FORMAT",
    "LOCK",
    "RECORDS",
    "hold_folder",
    "load",
    "lock_folder",
    "meta",
    "read_sealed_json",
    "save",
    "write_atomic",
    "write_folder",
    "write_json",
    "write_sealed_json",
]

FORMAT = 2
"""Version of the file format. Readers accept this one and older ones; from 2 on a file has a checksum."""
LOCK = ".lock"
"""Name of the file that a process holds while it writes to a folder."""
RECORDS = ("config.json", "run.json", "building.json", "manifest.json")
"""Where a run folder keeps its configuration: the first of them that is there."""


def write_atomic(path: Path | str, data: bytes) -> None:
    """Write `data` to `path` so that a reader sees either the old file or the whole new one.

    Raises:
        OntogymError: it cannot be written; the old file is untouched then.
    """
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


_BLANK = b"0" * 64
_JSON_SEAL = re.compile(rb'"checksum": "sha256:(.{64})"\s*}\s*$')
_TENSOR_SEAL = re.compile(rb'"ontogym_checksum":"sha256:([^"]{64})"')


def write_sealed_json(path: Path | str, value: Mapping[str, Any], indent: int | None = 2) -> None:
    """Write an object as JSON, indented unless `indent` is None, with a checksum as its last field, atomically."""
    sealed = {**value, "checksum": f"sha256:{_BLANK.decode()}"}
    text = json.dumps(sealed, indent=indent, allow_nan=False) + "\n"
    data = text.encode()
    at = data.rindex(_BLANK)
    digest = hashlib.sha256(data).hexdigest().encode()
    write_atomic(path, data[:at] + digest + data[at + 64 :])


def read_sealed_json(path: Path | str) -> dict[str, Any]:
    """What `write_sealed_json` wrote, without the checksum; an object without one is read as it is.

    Raises:
        OntogymError: missing, no JSON object, or changed since it was written.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
        found = json.loads(data)
        if not isinstance(found, dict):
            raise ValueError("no JSON object")
    except FileNotFoundError as error:
        raise OntogymError(f"There is no file {path}; check the path.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise OntogymError(f"{path} is damaged ({error}); restore it from a copy or start anew.") from error
    name, last = next(reversed(found.items()), ("", None))
    # The name or the mark alone is enough to know a sealed file by: one flipped bit cannot take away both.
    if name != "checksum" and not (isinstance(last, str) and last.startswith("sha256:")):
        return found
    seal = _JSON_SEAL.search(data)
    if seal is None or not _fits([data[: seal.start(1)], _BLANK, data[seal.end(1) :]], seal[1]):
        raise OntogymError(
            f"{path} is damaged: it was changed after it was written; restore it from a copy or start anew."
        )
    del found["checksum"]
    return found


def _fits(parts: Iterable[bytes], digest: bytes) -> bool:
    found = hashlib.sha256()
    for part in parts:
        found.update(part)
    return found.hexdigest().encode() == digest


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

    Raises:
        OntogymError: the file cannot be written.
    """
    from safetensors.numpy import save as to_bytes

    header = {"ontogym_format": FORMAT, "kind": kind, "meta": dict(meta)}
    # Not ascontiguousarray: it would turn a scalar into an array of one.
    tensors = {name: np.asarray(value, order="C") for name, value in arrays.items()}
    text = json.dumps(header, allow_nan=False)
    data = to_bytes(tensors, metadata={"ontogym": text, "ontogym_checksum": f"sha256:{_BLANK.decode()}"})
    seal = _TENSOR_SEAL.search(data)
    assert seal is not None
    digest = hashlib.sha256(data).hexdigest().encode()
    write_atomic(path, b"".join([data[: seal.start(1)], digest, memoryview(data)[seal.end(1) :]]))


def load(path: Path | str, kind: str) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Read what `save` wrote: ``(arrays, meta)``.

    Raises:
        OntogymError: missing, truncated, changed since it was written, not ours, of another kind, or of a newer format.
    """
    arrays, found, facts = _read(path)
    if found != kind:
        raise OntogymError(f"{path} holds {found!r}, not {kind!r}; pass a file of the right kind.")
    return arrays, facts


def meta(path: Path | str) -> dict[str, Any]:
    """The meta of a file of any kind; errors are those of `load`."""
    return _read(path)[2]


def _read(path: Path | str) -> tuple[dict[str, NDArray[Any]], str, dict[str, Any]]:
    """Arrays, kind and meta of a file that is whole."""
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.is_file():
        raise OntogymError(f"There is no file {path}; check the path.")
    try:
        with safe_open(path, framework="numpy") as file:
            raw = (file.metadata() or {}).get("ontogym")
            names = list(file.keys())
            for name in names:
                _check_type(path, name, file.get_slice(name).get_dtype())
            arrays = {name: file.get_tensor(name) for name in names}
    except OntogymError:
        raise
    except (SafetensorError, OSError, ValueError) as error:
        raise OntogymError(
            f"{path} is truncated or is no safetensors file ({error}); restore it from a copy or start a new run."
        ) from error
    try:
        header = json.loads(raw or "")
        version, kind, facts = int(header["ontogym_format"]), str(header["kind"]), dict(header["meta"])
    except (ValueError, KeyError, TypeError) as error:
        raise OntogymError(
            f"{path} was not written by ontogym (its header is missing or malformed)."
        ) from error
    if version < 1:
        raise OntogymError(f"{path} has format {version}, which there is none of; restore it from a copy.")
    if version > FORMAT:
        raise OntogymError(
            f"{path} has format {version}, newer than this ontogym reads ({FORMAT}); upgrade with "
            "'pip install --upgrade ontogym'."
        )
    if version > 1 and not _unchanged(path):
        raise OntogymError(
            f"{path} is damaged: it was changed after it was written; restore it from a copy or start a new run."
        )
    return arrays, kind, facts


_TYPES = ("F64", "F32", "F16", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8", "BOOL")
"""Those of safetensors that NumPy has."""


def _check_type(path: Path, name: str, kind: str) -> None:
    if kind not in _TYPES:
        raise OntogymError(
            f"{path} holds the tensor {name!r} in {kind}, a type that NumPy lacks; save it as float32 (F32)."
        )


def _unchanged(path: Path) -> bool:
    """Whether the checksum of a safetensors file fits."""
    with path.open("rb") as file:
        size = file.read(8)
        header = file.read(int.from_bytes(size, "little"))
        seal = _TENSOR_SEAL.search(header)
        if seal is None:
            return False
        start = [size, header[: seal.start(1)], _BLANK, header[seal.end(1) :]]
        return _fits(itertools.chain(start, _chunks(file)), seal[1])


def _chunks(file: IO[bytes], size: int = 2**20) -> Iterator[bytes]:
    while part := file.read(size):
        yield part
