"""Read arrays that others have pickled, and nothing else: no code of a file's choosing is ever run.

The few functions that NumPy's pickles name are replaced by ones of this file, which take no other arguments than
NumPy gives; any other name is refused before it is called. NumPy's own unpickling is not trusted either (a dtype
with a forged state reads memory as objects): arrays are built here, from bytes of a length that is checked.

What a file may ask for is bounded: the bytes of the file, of all that it is unpacked to and of all arrays that are
built, the steps of a pickle, and the places that it remembers things at (a nine-byte pickle can ask for four
gigabytes of such places).
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError

__all__ = ["MAX_BYTES", "check_size", "load_pickle", "unpickle"]

MAX_BYTES = 2**28
"""Most bytes of a file, and of all that it is unpacked to: 256 MiB, some three million trials."""
MAX_STEPS = 100_000
"""Most steps of a pickle; one that holds arrays takes some dozens for each."""

_KINDS = "biufSUO"
"""Kinds of dtype that are built: truth values, numbers, texts, objects (which are unpickled here too)."""


class _Refused(Exception):
    """A pickle asks for something that is not NumPy's."""


class _TooLarge(Exception):
    """A pickle asks for more than is granted."""


class _Budget:
    """Bytes that one pickle may still have."""

    def __init__(self, room: int) -> None:
        self.room = room

    def spend(self, size: int) -> None:
        """Take `size` bytes, before they are filled."""
        self.room -= size
        if self.room < 0:
            raise _TooLarge(f"its arrays take more than {MAX_BYTES >> 20} MiB")


class _Only:
    """A function that a pickle may call, and do nothing else with."""

    __slots__ = ("_budget", "_function")

    def __init__(self, function: Callable[..., Any], budget: _Budget) -> None:
        self._function, self._budget = function, budget

    def __call__(self, *arguments: Any) -> Any:
        return self._function(self._budget, *arguments)

    def __setstate__(self, state: Any) -> None:
        raise _Refused("a change of numpy's functions")


class _Dtype:
    """A dtype while a pickle is read: its state may set the order of bytes and nothing else."""

    __slots__ = ("value",)

    def __init__(self, _: _Budget, code: Any, align: Any = False, copy: Any = False) -> None:
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

    __slots__ = ("_budget", "value")

    def __init__(self, budget: _Budget) -> None:
        self._budget = budget
        self.value: NDArray[Any] = np.zeros(0)

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise _Refused("an array with an unusual state")
        _, shape, dtype, fortran, raw = state
        self.value = _filled(self._budget, raw, dtype, shape, "F" if fortran else "C")


def _filled(budget: _Budget, raw: Any, dtype: Any, shape: Any, order: str) -> NDArray[Any]:
    """An array of its own memory, from bytes or, for objects, from a list."""
    if not isinstance(dtype, _Dtype) or not isinstance(shape, tuple):
        raise _Refused("an array with an unusual state")
    kind = dtype.value
    budget.spend(len(raw) * (kind.itemsize if kind.hasobject else 1) if hasattr(raw, "__len__") else 0)
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


def _reconstruct(budget: _Budget, kind: Any, shape: Any, code: Any) -> _Array:
    """An array to come; its contents come by ``__setstate__``."""
    if kind is not _NDARRAY or shape != (0,):
        raise _Refused("numpy's _reconstruct with unusual arguments")
    return _Array(budget)


def _encode(budget: _Budget, text: Any, codec: Any = "latin1") -> bytes:
    """Bytes as pickles below protocol 3 spell them."""
    if not isinstance(text, str) or codec != "latin1":
        raise _Refused("_codecs.encode with unusual arguments")
    budget.spend(len(text))
    return text.encode("latin1")


def _scalar(budget: _Budget, dtype: Any, data: Any = None) -> Any:
    """A NumPy scalar; objects have no bytes and are refused."""
    if not isinstance(data, (bytes, str)):
        raise _Refused("numpy's scalar with unusual arguments")
    return _filled(budget, data, dtype, (), "C")[()]


def _frombuffer(
    budget: _Budget, data: Any, dtype: Any, shape: Any, order: Any, axes: Any = None
) -> NDArray[Any]:
    """An array of pickle protocol 5."""
    if order not in ("C", "F", "K") or axes is not None:
        raise _Refused("numpy's _frombuffer with unusual arguments")
    return _filled(budget, data, dtype, shape, order)


_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _NDARRAY,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _encode,
    **{
        (f"numpy.{core}.{module}", name): function
        for core in ("core", "_core")
        for module, name, function in (
            ("multiarray", "_reconstruct", _reconstruct),
            ("multiarray", "scalar", _scalar),
            ("numeric", "_frombuffer", _frombuffer),
        )
    },
}


class _Unpickler(pickle.Unpickler):
    def __init__(self, data: bytes, budget: _Budget) -> None:
        super().__init__(io.BytesIO(data), encoding="latin1")
        self._budget = budget

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise _Refused(f"{module}.{name}")
        found = _ALLOWED[module, name]
        return found if found is _NDARRAY else _Only(found, self._budget)

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


def _walk(data: bytes) -> None:
    """Read a pickle's steps without taking one: what would take memory before anybody is asked is refused."""
    for steps, (code, argument, _) in enumerate(pickletools.genops(data)):
        if steps >= MAX_STEPS:
            raise _TooLarge(f"it has more than {MAX_STEPS} steps")
        # Places to remember at are numbered as they come; room is made for all below the largest.
        if code.name in ("PUT", "BINPUT", "LONG_BINPUT") and not 0 <= int(argument or 0) <= steps:
            raise _TooLarge(f"it wants to remember at place {argument} after {steps} steps")


def unpickle(data: bytes, source: str) -> Any:
    """The arrays, lists, dicts, numbers and texts in a pickle.

    Args:
        data: the pickle.
        source: what to call it in messages.

    Raises:
        OntogymError: it asks for anything but NumPy (named; nothing has been executed), asks for more memory than is
            granted, or is damaged.
    """
    try:
        _walk(data)
        return _settled(_Unpickler(data, _Budget(MAX_BYTES)).load(), {})
    except _TooLarge as large:
        raise OntogymError(
            f"{source} asks for more than a table of trials does ({large}); export the trials as a CSV table."
        ) from None
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


def check_size(path: Path) -> None:
    """Raise OntogymError for a file of more than `MAX_BYTES`, before it is read."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise OntogymError(
            f"{path} has {size >> 20} MiB, and at most {MAX_BYTES >> 20} are read; cut it into files of fewer animals."
        )


def load_pickle(path: Path) -> Any:
    """`unpickle` a file."""
    check_size(path)
    return unpickle(path.read_bytes(), str(path))
