"""What a stranger's files may be: every limit, and the readers that keep them.

Nothing is parsed before its size is known, nothing is allocated that a file only *declares*, and nothing is executed:
a submission is JSON and numbers.
"""

from __future__ import annotations

import json
import math
import os
import re
import stat
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError

__all__ = [
    "MANIFEST",
    "RECORD",
    "VERIFICATION",
    "WEIGHTS",
    "Refused",
    "check_text",
    "parse_json",
    "parse_tensors",
    "read_files",
]

MANIFEST, WEIGHTS, VERIFICATION = "manifest.json", "weights.safetensors", "verification.json"
RECORD = "record.json"
"""What an organiser knows of a submission, beside it in a store."""

MAX_BYTES = {MANIFEST: 2**20, WEIGHTS: 64 * 2**20, VERIFICATION: 2**20, RECORD: 2**21}
MAX_NESTING = 16
MAX_DIGITS = 32
MAX_TEXT = 4000
MAX_TENSORS = 1000
MAX_DIMENSIONS = 8
MAX_ELEMENTS = 16 * 2**20
MAX_HEADER = 2**20
MAX_STATE_BYTES = 2**30
"""Most memory that the living networks of all evaluation lives together may take."""
MAX_SECONDS = 1800.0
"""Most wall time that birth, development and one set of evaluation lives may take together."""
MAX_WORKER_BYTES = 3 * 2**29
"""Most memory that a worker may take beyond what it takes at rest, whatever a submission asks for."""
MAX_STEPS = 10**12
MAX_RETURN = 1e9

_DTYPES = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "I64": np.int64,
    "I32": np.int32,
    "I16": np.int16,
    "I8": np.int8,
    "U8": np.uint8,
    "BOOL": np.bool_,
}
_BRACKET = re.compile(rb"[\[\]{}]")
# The closing quote is optional so that an open string is one match, not a search from each of its characters.
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)


class Refused(OntogymError):
    """A submission that is not taken; the message is the reason."""


def read_files(folder: Path, also: tuple[str, ...] = ()) -> dict[str, bytes]:
    """The files of a submission, read once: what is checked is what is used, whatever becomes of the folder.

    Args:
        folder: a folder with exactly `MANIFEST` and `WEIGHTS`.
        also: names that may stand beside them; they are not read.

    Raises:
        Refused: no folder, other names in it, links, devices, hard links, or files beyond their limits.
    """
    try:
        if not stat.S_ISDIR(os.lstat(folder).st_mode):
            raise Refused(f"{folder} is no folder; a submission is a folder, never an archive or a link.")
        names = {entry.name for entry in os.scandir(folder)}
    except OSError as error:
        raise Refused(f"{folder} cannot be read ({error.strerror}); check the path.") from error
    strange = sorted(names - {MANIFEST, WEIGHTS, *also})
    if strange:
        raise Refused(
            f"The folder holds {strange[0][:80]!r}; a submission holds {MANIFEST} and {WEIGHTS}, nothing else."
        )
    for name in (MANIFEST, WEIGHTS):
        if name not in names:
            raise Refused(f"{name} is missing; `ontogym leaderboard submit` writes a whole submission.")
    return {name: _read_regular(folder / name) for name in (MANIFEST, WEIGHTS)}


def _read_regular(path: Path) -> bytes:
    """A regular file that has this one name only, up to its limit. No link is followed, no pipe waited for."""
    most = MAX_BYTES[path.name]
    try:
        _check_regular(path.name, os.lstat(path), most)
        # Between the look and the opening the file may have been swapped for another.
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        handle = os.open(path, flags | getattr(os, "O_BINARY", 0))
        with os.fdopen(handle, "rb") as file:
            found = os.fstat(handle)
            _check_regular(path.name, found, most)
            # Not most + 1: a read makes room for all that it is asked for.
            data = file.read(found.st_size + 1)
    except OSError as error:
        raise Refused(f"{path.name} cannot be read ({error.strerror}).") from error
    if len(data) != found.st_size:
        raise Refused(f"{path.name} changed its size while it was read.")
    return data


def _check_regular(name: str, found: os.stat_result, most: int) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise Refused(f"{name} is a link, a device or a folder; a submission holds plain files.")
    if found.st_nlink != 1:
        raise Refused(f"{name} is a hard link to a file that has another name too; copy it.")
    if found.st_size > most:
        raise Refused(f"{name} has {found.st_size} bytes; the most is {most}.")


def parse_json(data: bytes, name: str) -> dict[str, Any]:
    """A JSON object from a stranger: no key twice, no NaN, no huge numbers, no deep nesting, no odd text.

    Raises:
        Refused: any of these, or no JSON object at all.
    """
    depth = 0
    # Brackets in strings are no nesting; a parser that recurses must not see too many outside them.
    for bracket in _BRACKET.finditer(_STRING.sub(b"", data)):
        depth += 1 if bracket[0] in b"[{" else -1
        if depth > MAX_NESTING:
            raise Refused(f"{name} is nested deeper than {MAX_NESTING} levels.")
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=lambda pairs: _no_key_twice(pairs, name),
            parse_constant=lambda word: _refuse(f"{name} holds {word}; every number must be finite."),
            parse_int=lambda digits: _whole(digits, name),
            parse_float=lambda text: _finite(text, name),
        )
    except Refused:
        raise
    except (ValueError, RecursionError) as error:
        raise Refused(f"{name} is no JSON ({str(error)[:200]}).") from error
    if not isinstance(value, dict):
        raise Refused(f"{name} is no JSON object.")
    return value


def _refuse(reason: str) -> Any:
    raise Refused(reason)


def _no_key_twice(pairs: list[tuple[str, Any]], name: str) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise Refused(f"{name} has the key {twice[:80]!r} twice; which one is meant?")
    return found


def _whole(digits: str, name: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise Refused(f"{name} holds a number of {len(digits)} digits; the most is {MAX_DIGITS}.")
    return int(digits)


def _finite(text: str, name: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise Refused(f"{name} holds {text[:40]}, which is not finite as a number; every number must be.")
    return value


def check_text(value: Any, what: str, most: int = MAX_TEXT, lines: bool = False) -> str:
    """A string of at most `most` characters without control characters (line ends if `lines`) or lone surrogates.

    Raises:
        Refused: something else.
    """
    what = what[0].upper() + what[1:]
    if not isinstance(value, str):
        raise Refused(f"{what} must be text, not {type(value).__name__}.")
    if len(value) > most:
        raise Refused(f"{what} has {len(value)} characters; the most is {most}.")
    allowed = "\n\t" if lines else ""
    # Not printable: control characters, surrogates, and those that turn the direction of reading around.
    if not all(c.isprintable() or c in allowed for c in value):
        raise Refused(f"{what} holds characters that cannot be printed.")
    return value


def parse_tensors(data: bytes) -> dict[str, NDArray[Any]]:
    """Arrays of a safetensors file: views of its bytes, which is all the memory they take.

    Format: https://github.com/huggingface/safetensors#format (length of the header, header, data).

    Raises:
        Refused: another format (a pickle, an archive), shapes that the bytes do not bear out, too many numbers,
            numbers that are not finite.
    """
    for magic, kind in ((b"\x80", "a pickle"), (b"PK", "a zip archive"), (b"\x1f\x8b", "a gzip archive")):
        if data.startswith(magic) and len(data) > 8 and data[8:9] != b"{":
            raise Refused(f"{WEIGHTS} is {kind}, not safetensors; nothing in it is loaded.")
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > MAX_HEADER or length > len(data) - 8:
        raise Refused(f"{WEIGHTS} is no safetensors file, or is truncated.")
    header = parse_json(data[8 : 8 + length], f"the header of {WEIGHTS}")
    header.pop("__metadata__", None)
    if len(header) > MAX_TENSORS:
        raise Refused(f"{WEIGHTS} holds {len(header)} tensors; the most is {MAX_TENSORS}.")
    body = memoryview(data)[8 + length :]
    spans = sorted(_span(name, entry, len(body)) for name, entry in header.items())
    ends = [0, *(end for _, end, _ in spans)]
    if any(start != before for (start, _, _), before in zip(spans, ends)) or ends[-1] != len(body):
        raise Refused(f"{WEIGHTS} has tensors that overlap, or bytes that belong to none.")
    if sum(math.prod(header[name]["shape"]) for name in header) > MAX_ELEMENTS:
        raise Refused(f"{WEIGHTS} holds more than {MAX_ELEMENTS} numbers.")
    return {name: _tensor(name, header[name], body[start:end]) for start, end, name in spans}


def _span(name: str, entry: Any, room: int) -> tuple[int, int, str]:
    """Where a tensor lies, after its shape, type and offsets have been found to agree; with its name."""
    check_text(name, f"the name of a tensor in {WEIGHTS}", 200)
    if not isinstance(entry, Mapping) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise Refused(f"The tensor {name!r} has a malformed header.")
    shape, offsets = entry["shape"], entry["data_offsets"]
    if not isinstance(entry["dtype"], str) or entry["dtype"] not in _DTYPES:
        raise Refused(f"The tensor {name!r} has type {str(entry['dtype'])[:20]!r}; use {', '.join(_DTYPES)}.")
    if not (_sizes(shape) and len(shape) <= MAX_DIMENSIONS and _sizes(offsets) and len(offsets) == 2):
        raise Refused(f"The tensor {name!r} has a malformed shape or place.")
    start, end = offsets
    # Whole numbers of Python: a product cannot overflow into something small.
    size = math.prod(shape) * np.dtype(_DTYPES[entry["dtype"]]).itemsize
    if not (start <= end <= room and end - start == size):
        raise Refused(
            f"The tensor {name!r} says {size} bytes by its shape, but its place has {end - start} of the {room} that "
            "are there."
        )
    return start, end, name


def _sizes(value: Any) -> bool:
    # A dimension of 0 hides any other from their product.
    return isinstance(value, list) and all(type(n) is int and 0 <= n <= MAX_BYTES[WEIGHTS] for n in value)


def _tensor(name: str, entry: Mapping[str, Any], raw: memoryview) -> NDArray[Any]:
    array = np.frombuffer(raw, dtype=_DTYPES[entry["dtype"]]).reshape(entry["shape"])
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise Refused(f"The tensor {name!r} holds NaN or infinite numbers.")
    return array
