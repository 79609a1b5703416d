"""Numba's ``njit`` with a cache that can neither stop a program nor be believed when it is damaged.

What numba compiles is kept beside the source, or in the user's cache folder. Where neither can be written to, numba refuses to
compile at all; and it dies of a cache file that was cut short, at every start until somebody deletes it. It also looks at the
file of a function alone, and would go on with another file's functions and constants as they were before those changed.
"""

from __future__ import annotations

import functools
import hashlib
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import FunctionCache, IndexDataCacheFile, NullCache

__all__ = ["CALLED", "COMPILED", "INLINE", "njit"]

COMPILED: dict[str, Any] = {"cache": True, "error_model": "numpy", "nogil": True}
"""Options of what Python calls: kept, and free of the interpreter's lock."""

CALLED: dict[str, Any] = {
    "error_model": "numpy", "nogil": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True,
}  # fmt: skip
"""Options of what only compiled code calls."""
INLINE: dict[str, Any] = CALLED | {"forceinline": True}
"""Of that which disappears in its caller."""

_warned = False


class _Kept(FunctionCache):  # type: ignore[misc]
    """A cache whose damaged entries are made again, whose failures to write are no failures, and which forgets what was
    compiled when any file changes that compiled functions are made of."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        stamp = (self._impl.locator.get_source_stamp(), _sources())
        self._cache_file = IndexDataCacheFile(self._cache_path, self._impl.filename_base, stamp)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # whatever unpickling half a file raises
            try:
                self.flush()
            except OSError:
                self.disable()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except Exception as error:
            _warn(error)


@functools.cache
def _sources(root: Path = Path(__file__).parent) -> str:
    """SHA-256 of the package's files that have compiled functions and of whatever these import from it, directly or not."""
    texts = {path: path.read_bytes() for path in root.rglob("*.py")}
    new = found = {path for path, text in texts.items() if b"ontogym.compiling import" in text}
    while new:
        new = {file for path in new for file in _imported(root, texts[path])} & texts.keys() - found
        found = found | new
    return hashlib.sha256(b"".join(texts[path] for path in sorted(found))).hexdigest()


def _imported(root: Path, text: bytes) -> Iterator[Path]:
    """Files from which a module's text may import, when it is loaded."""
    for module, names in re.findall(rb"^from ontogym\b([\w.]*) import (\([^)]*\)|.*)", text, re.MULTILINE):
        folder = root.joinpath(*module.decode().split(".")[1:])
        for each in [folder, *(folder / name for name in re.findall(r"\w+", names.decode()))]:
            yield from (each.with_suffix(".py"), each / "__init__.py")


def njit(*signatures: Any, cache: bool = False, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """``numba.njit`` as a decorator with arguments.

    Args:
        signatures: as numba takes them: none, one, or a list of them.
        cache: keep what is compiled; where it cannot be kept, a warning says so once and it is compiled anew.
        **options: numba's.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        if not cache:
            return numba.njit(*signatures, **options)(function)
        compiled = numba.njit(**options)(function)
        if not hasattr(compiled, "_cache"):  # NUMBA_DISABLE_JIT
            return compiled
        compiled._cache = _cache_of(function)
        given = signatures[0] if signatures else []
        for signature in given if isinstance(given, list) else [given]:
            compiled.compile(signature)
        if signatures:
            compiled.disable_compile()
        return compiled

    return decorate


def _cache_of(function: Callable[..., Any]) -> Any:
    try:
        return _Kept(function)
    except RuntimeError as error:  # no place that can be written to
        _warn(error)
        return NullCache()


def _warn(error: Exception) -> None:
    global _warned
    if not _warned:
        _warned = True
        warnings.warn(
            f"What is compiled cannot be kept ({str(error)[:120]}), so every start compiles it again; set NUMBA_CACHE_DIR to a "
            "folder that you may write to.",
            stacklevel=4,
        )
