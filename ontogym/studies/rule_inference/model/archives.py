"""Read the arrays of an npz file that somebody else has made: within bounds, and believing no header."""

from __future__ import annotations

import io
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from ontogym.errors import OntogymError
from ontogym.studies.rule_inference.model.unpickling import MAX_BYTES, check_size, unpickle

__all__ = ["load_npz"]

MAX_MEMBERS = 256
"""Most arrays of an npz file."""
_PLAIN = "biufSUM"
"""Kinds of dtype of arrays without objects: truth values, numbers, texts, dates."""


def load_npz(path: Path) -> dict[str, Any]:
    """Arrays of an ``.npz`` by name; members that hold objects are unpickled as above.

    Raises:
        OntogymError: no npz file, a damaged or encrypted one, one of too many or too large arrays, or one that
            `unpickle` refuses.
    """
    check_size(path)
    data = path.read_bytes()
    # Counted in the bytes: to list the members of a forged directory would take the memory first.
    if data.count(b"PK\x01\x02") > MAX_MEMBERS:
        raise OntogymError(f"{path} holds more than {MAX_MEMBERS} arrays; keep only the columns of trials.")
    found: dict[str, Any] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            room = MAX_BYTES
            for member in archive.infolist():
                name = f"{member.filename} in {path}"
                if member.flag_bits & 1:
                    raise OntogymError(f"{name} is encrypted; save the file without a password.")
                with archive.open(member) as stream:
                    raw = stream.read(room + 1)  # what the directory says of its size may be forged
                room -= len(raw)
                if room < 0:
                    raise OntogymError(
                        f"{path} unpacks to more than {MAX_BYTES >> 20} MiB; keep only the columns of trials."
                    )
                found[member.filename.removesuffix(".npy")] = _member(raw, name)
    except OntogymError:
        raise
    # A damaged archive raises nearly anything: BadZipFile, zlib.error, NotImplementedError, KeyError, ...
    except Exception as error:
        raise OntogymError(f"{path} is no readable npz file ({error}); fetch it again.") from None
    return found


def _member(data: bytes, source: str) -> Any:
    """One array; its header is believed only where it fits the bytes that follow."""
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(stream)
    at = stream.tell()
    if not dtype.hasobject:
        if dtype.kind not in _PLAIN or dtype.itemsize == 0:
            raise OntogymError(f"{source} is an array of {dtype}; save columns of numbers and texts.")
        if math.prod(shape) * dtype.itemsize != len(data) - at:
            raise OntogymError(f"{source} has other bytes than its shape {shape} says; fetch the file again.")
        return np.frombuffer(data, dtype, offset=at).reshape(shape, order="F" if fortran else "C")
    value = unpickle(data[at:], source)
    # NumPy pickles the array around the object; psytrack's file holds one object of no dimension.
    return value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value
