"""Handwritten digits, and what comes in MNIST's format: scikit-learn's 8 x 8 ones, and idx files."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError, needs

__all__ = ["read_idx", "read_mnist", "sklearn_digits"]

Bytes = NDArray[np.uint8]
LIMIT = 10**8
"""Bytes of one idx file, unpacked; MNIST's largest has 47 million."""
_MAGIC = (b"\0\0\x08\x03", b"\0\0\x08\x01")
"""Of images and of labels: the type (8: bytes) and the number of axes."""


def sklearn_digits() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The 1797 digits that scikit-learn ships: images ``(1797, 8, 8)`` from 0 to 16, and their classes.

    Raises:
        OntogymError: scikit-learn is not installed.
    """
    with needs("The set of digits", "scikit-learn", "'ontogym[digits]'", ", or choose other data"):
        from sklearn.datasets import load_digits
    found: Any = load_digits()
    return found.images, found.target.astype(np.int64)


def read_mnist(folder: Path | str) -> tuple[Bytes, Bytes, Bytes, Bytes]:
    """Training images ``(n, H, W)`` and labels ``(n,)``, test images and labels: the four idx files, raw or with .gz.

    Raises:
        OntogymError: a file is missing or damaged, or holds something else than its name says.
    """
    arrays = []
    for split in ("train", "t10k"):
        for what, dimensions in (("images", 3), ("labels", 1)):
            path = _either(Path(folder), f"{split}-{what}", f"idx{dimensions}-ubyte")
            array = read_idx(path)
            if array.ndim != dimensions:
                raise OntogymError(f"{path} does not hold the {what} that its name says; restore its name.")
            arrays.append(array)
    return arrays[0], arrays[1], arrays[2], arrays[3]


def _either(folder: Path, stem: str, ending: str) -> Path:
    """The file of that name, with - or . before the ending, or that with .gz."""
    for name in (f"{stem}-{ending}", f"{stem}.{ending}"):
        for path in (folder / name, folder / f"{name}.gz"):
            if path.is_file():
                return path
    raise OntogymError(f"There is no {stem}-{ending}, with or without .gz, in {folder}; check the path.")


def read_idx(path: Path | str) -> Bytes:
    """An idx file of bytes, raw or gzipped: labels ``(n,)`` or images ``(n, H, W)`` (format: LeCun's MNIST page).

    Raises:
        OntogymError: no such file, another magic number, or a size that differs from what the header says.
    """
    path = Path(path)
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as file:
            magic = file.read(4)
            if magic not in _MAGIC:
                raise OntogymError(
                    f"{path} is no idx file of bytes (it begins with {magic.hex()}); download it again."
                )
            data = magic + file.read(LIMIT)
    except (OSError, EOFError, zlib.error) as error:
        raise OntogymError(f"Cannot read {path} ({error}); download it again.") from error
    dimensions = data[3]
    start = 4 + 4 * dimensions
    shape = struct.unpack(f">{dimensions}I", data[4:start]) if len(data) >= start else (0,)
    expected = start + int(np.prod([float(n) for n in shape]))
    if len(data) != expected:
        raise OntogymError(
            f"{path} has {len(data)} bytes instead of {expected}: it is damaged; download it again."
        )
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)
