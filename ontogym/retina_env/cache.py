"""Where things that are slow to make are kept between runs, and one line that says what is being made.

What lies in the cache can always be made again: a file that cannot be read is made anew, and a folder that cannot
be written to only costs time.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ontogym import checkpoint
from ontogym.errors import OntogymError

__all__ = ["cache_folder", "keep", "look_up", "progress"]

T = TypeVar("T")


def cache_folder() -> Path:
    """The cache folder: ``$ONTOGYM_CACHE``, else the platform's own place for such files. Not created here."""
    chosen = os.environ.get("ONTOGYM_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "ontogym" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "ontogym"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ontogym"


def keep(path: Path, kind: str, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> None:
    """Write to the cache, atomically; a folder that takes no files is a warning, not an error."""
    try:
        checkpoint.save(path, kind, arrays, meta)
    except OntogymError as error:
        warnings.warn(f"{error} (The cache folder is set by ONTOGYM_CACHE.)", stacklevel=2)


def look_up(
    path: Path,
    kind: str,
    meta: Mapping[str, Any],
    arrays: Mapping[str, tuple[tuple[int, ...], type[np.generic]]],
) -> dict[str, NDArray[Any]] | None:
    """What `keep` wrote, or None: nothing there, damaged, or not made with the same `meta`.

    Args:
        path, kind, meta: as they were written.
        arrays: name to (shape, dtype) that each array must have.
    """
    if not path.is_file():
        return None
    try:
        found, about = checkpoint.load(path, kind)
    except OntogymError:
        return None
    fits = set(found) == set(arrays) and all(
        found[name].shape == shape and found[name].dtype == dtype for name, (shape, dtype) in arrays.items()
    )
    return found if fits and about == dict(meta) else None


def progress(items: Iterable[T], what: str, total: int, show: bool, unit: str = "it") -> Iterable[T]:
    """`items`, with a bar on standard error: `what` is the line that says what happens and how long it takes."""
    if not show:
        return items
    from tqdm import tqdm

    print(what, file=sys.stderr, flush=True)
    # On a pipe the line above is enough; a bar would fill the log.
    return tqdm(items, total=total, unit=unit, leave=False, disable=None)
