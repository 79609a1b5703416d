"""Read arrays that others have pickled, and nothing else: no code of a file's choosing is ever run.

Only what NumPy itself writes for arrays and scalars is built. The functions that a pickle names are replaced by
ones of this file, which take no other arguments than NumPy gives; any other name is refused before it is called.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from ontogym.errors import OntogymError

__all__ = ["load_npz", "load_pickle", "unpickle"]


class _Refused(Exception):
    """A pickle asks for something that is not NumPy's."""


def _reconstruct(kind: Any, shape: Any, code: Any) -> np.ndarray[Any, Any]:
    """An empty array, as NumPy's own function of this name; its contents come by ``__setstate__``."""
    if kind is not np.ndarray or shape != (0,):
        raise _Refused("numpy's _reconstruct with unusual arguments")
    return np.ndarray.__new__(np.ndarray, (0,), "b")


def _encode(text: Any, codec: Any = "latin1") -> bytes:
    """Bytes as Python 2 pickles spell them."""
    if not isinstance(text, str) or codec != "latin1":
        raise _Refused("_codecs.encode with unusual arguments")
    return text.encode("latin1")


def _scalar(dtype: Any, data: Any = None) -> Any:
    if not isinstance(dtype, np.dtype) or dtype.hasobject or not isinstance(data, bytes):
        raise _Refused("numpy's scalar with unusual arguments")
    return np.frombuffer(data, dtype, 1)[0]


def _dtype(code: Any, align: Any = False, copy: Any = False) -> np.dtype[Any]:
    if not isinstance(code, str):
        raise _Refused("numpy.dtype with unusual arguments")
    return np.dtype(code)


def _frombuffer(data: Any, dtype: Any, shape: Any, order: Any, axes: Any = None) -> np.ndarray[Any, Any]:
    """An array of pickle protocol 5."""
    plain = isinstance(data, (bytes, bytearray)) and isinstance(dtype, np.dtype) and not dtype.hasobject
    if not plain or not isinstance(shape, tuple) or order not in ("C", "F", "K") or axes is not None:
        raise _Refused("numpy's _frombuffer with unusual arguments")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if order == "F" else "C")


_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): _dtype,
    ("_codecs", "encode"): _encode,
    **{
        (f"numpy.{core}.multiarray", name): function
        for core in ("core", "_core")
        for name, function in (("_reconstruct", _reconstruct), ("scalar", _scalar))
    },
    ("numpy.core.numeric", "_frombuffer"): _frombuffer,
    ("numpy._core.numeric", "_frombuffer"): _frombuffer,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise _Refused(f"{module}.{name}")
        return _ALLOWED[module, name]

    def persistent_load(self, pid: Any) -> Any:
        raise _Refused("a persistent object")


def unpickle(data: bytes, source: str) -> Any:
    """The arrays, lists, dicts, numbers and texts in a pickle.

    Args:
        data: the pickle.
        source: what to call it in messages.

    Raises:
        OntogymError: it asks for anything but NumPy (named; nothing has been executed), or it is damaged.
    """
    try:
        return _Unpickler(io.BytesIO(data), encoding="latin1").load()
    except _Refused as refused:
        raise OntogymError(
            f"{source} asks to run {refused}, which plain arrays never do; nothing was executed: get the file from "
            "its makers, or export the trials as a CSV table."
        ) from None
    except Exception as error:
        # Damaged pickles raise nearly anything: EOFError, KeyError, UnicodeDecodeError, ...
        raise OntogymError(
            f"{source} is no readable pickle ({type(error).__name__}: {error}); fetch it again."
        ) from None


def load_pickle(path: Path) -> Any:
    """`unpickle` a file."""
    return unpickle(path.read_bytes(), str(path))


def load_npz(path: Path) -> dict[str, Any]:
    """Arrays of an ``.npz`` by name; members that hold objects are unpickled as above.

    Raises:
        OntogymError: no npz file, a damaged one, or one that `unpickle` refuses.
    """
    found = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                found[member.removesuffix(".npy")] = _member(archive.read(member), f"{member} in {path}")
    except (zipfile.BadZipFile, ValueError, EOFError, OSError) as error:
        if isinstance(error, OntogymError):
            raise
        raise OntogymError(f"{path} is no readable npz file ({error}); fetch it again.") from None
    return found


def _member(data: bytes, source: str) -> Any:
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    _, _, dtype = read(stream)
    if not dtype.hasobject:
        return np.load(io.BytesIO(data), allow_pickle=False)
    value = unpickle(data[stream.tell() :], source)
    # NumPy pickles the array around the object; psytrack's file holds one object of no dimension.
    return value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value
