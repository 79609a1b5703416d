"""Read arrays that others have pickled, and nothing else: no code of a file's choosing is ever run.

The few functions that NumPy's pickles name are replaced by ones of this file, which take no other arguments than
NumPy gives; any other name is refused before it is called. NumPy's own unpickling is not trusted either (a dtype
with a forged state reads memory as objects): arrays are built here, from bytes of a length that is checked.
"""

from __future__ import annotations

import io
import math
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError

__all__ = ["load_npz", "load_pickle", "unpickle"]

_KINDS = "biufSUO"
"""Kinds of dtype that are built: truth values, numbers, texts, objects (which are unpickled here too)."""


class _Refused(Exception):
    """A pickle asks for something that is not NumPy's."""


class _Only:
    """A function that a pickle may call, and do nothing else with."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)

    def __setstate__(self, state: Any) -> None:
        raise _Refused("a change of numpy's functions")


class _Dtype:
    """A dtype while a pickle is read: its state may set the order of bytes and nothing else."""

    __slots__ = ("value",)

    def __init__(self, code: Any, align: Any = False, copy: Any = False) -> None:
        if not isinstance(code, str) or np.dtype(code).kind not in _KINDS:
            raise _Refused("numpy.dtype with unusual arguments")
        self.value = np.dtype(code)

    def __setstate__(self, state: Any) -> None:
        usual = isinstance(state, tuple) and len(state) == 8 and state[1] in ("<", ">", "|")
        if not usual or state[2:5] != (None, None, None):
            raise _Refused("numpy.dtype with an unusual state")
        if state[1] != "|":
            self.value = self.value.newbyteorder(state[1])


class _Array:
    """An array while a pickle is read."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: NDArray[Any] = np.zeros(0)

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise _Refused("an array with an unusual state")
        _, shape, dtype, fortran, raw = state
        self.value = _filled(raw, dtype, shape, "F" if fortran else "C")


def _filled(raw: Any, dtype: Any, shape: Any, order: str) -> NDArray[Any]:
    """An array of its own memory, from bytes or, for objects, from a list."""
    if not isinstance(dtype, _Dtype) or not isinstance(shape, tuple):
        raise _Refused("an array with an unusual state")
    kind = dtype.value
    if kind.hasobject:
        if not isinstance(raw, list) or len(raw) != math.prod(shape):
            raise _Refused("an array of objects with an unusual state")
        flat = np.empty(len(raw), dtype=object)
        for k, item in enumerate(raw):
            flat[k] = item
    else:
        data = raw.encode("latin1") if isinstance(raw, str) else raw  # Python 2 pickles bytes as text
        if not isinstance(data, (bytes, bytearray)) or len(data) != math.prod(shape) * kind.itemsize:
            raise _Refused("an array whose bytes do not fill its shape")
        flat = np.frombuffer(data, kind).copy()
    return flat.reshape(shape, order="F" if order == "F" else "C")


_NDARRAY = object()


def _reconstruct(kind: Any, shape: Any, code: Any) -> _Array:
    """An array to come; its contents come by ``__setstate__``."""
    if kind is not _NDARRAY or shape != (0,):
        raise _Refused("numpy's _reconstruct with unusual arguments")
    return _Array()


def _encode(text: Any, codec: Any = "latin1") -> bytes:
    """Bytes as pickles below protocol 3 spell them."""
    if not isinstance(text, str) or codec != "latin1":
        raise _Refused("_codecs.encode with unusual arguments")
    return text.encode("latin1")


def _scalar(dtype: Any, data: Any = None) -> Any:
    """A NumPy scalar; objects have no bytes and are refused."""
    if not isinstance(data, (bytes, str)):
        raise _Refused("numpy's scalar with unusual arguments")
    return _filled(data, dtype, (), "C")[()]


def _frombuffer(data: Any, dtype: Any, shape: Any, order: Any, axes: Any = None) -> NDArray[Any]:
    """An array of pickle protocol 5."""
    if order not in ("C", "F", "K") or axes is not None:
        raise _Refused("numpy's _frombuffer with unusual arguments")
    return _filled(bytes(data) if isinstance(data, bytearray) else data, dtype, shape, order)


_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _NDARRAY,
    ("numpy", "dtype"): _Only(_Dtype),
    ("_codecs", "encode"): _Only(_encode),
    **{
        (f"numpy.{core}.{module}", name): _Only(function)
        for core in ("core", "_core")
        for module, name, function in (
            ("multiarray", "_reconstruct", _reconstruct),
            ("multiarray", "scalar", _scalar),
            ("numeric", "_frombuffer", _frombuffer),
        )
    },
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise _Refused(f"{module}.{name}")
        return _ALLOWED[module, name]

    def persistent_load(self, pid: Any) -> Any:
        raise _Refused("a persistent object")


def _settled(value: Any, seen: dict[int, Any]) -> Any:
    """`value` with arrays in place of their stand-ins; shared parts are visited once."""
    if id(value) in seen:
        return seen[id(value)]
    if isinstance(value, tuple):
        found: Any = tuple(_settled(item, seen) for item in value)
    else:
        found = seen[id(value)] = value.value if isinstance(value, (_Array, _Dtype)) else value
    if isinstance(found, (list, dict)):
        for key, item in list(found.items() if isinstance(found, dict) else enumerate(found)):
            found[key] = _settled(item, seen)
    elif isinstance(found, np.ndarray) and found.dtype.hasobject:
        flat = found.reshape(-1, order="A")  # a view: what was built here is contiguous
        for k in range(flat.size):
            flat[k] = _settled(flat[k], seen)
    seen[id(value)] = found
    return found


def unpickle(data: bytes, source: str) -> Any:
    """The arrays, lists, dicts, numbers and texts in a pickle.

    Args:
        data: the pickle.
        source: what to call it in messages.

    Raises:
        OntogymError: it asks for anything but NumPy (named; nothing has been executed), or it is damaged.
    """
    try:
        return _settled(_Unpickler(io.BytesIO(data), encoding="latin1").load(), {})
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
