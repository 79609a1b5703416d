"""Handwritten digits: scikit-learn's 8 x 8 ones, or MNIST from its idx files."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError

__all__ = ["load_digits", "load_mnist"]

LIMIT = 10**8
"""Bytes of one idx file, unpacked; MNIST's largest has 47 million."""


def load_digits() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The 1797 digits that scikit-learn ships: images ``(1797, 8, 8)`` in [0, 1] and labels.

    Raises:
        OntogymError: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits as load
    except ImportError as error:
        raise OntogymError(
            "The task 'digits' needs scikit-learn; install it with 'pip install scikit-learn', give MNIST's files, or "
            "choose the task 'synthetic'."
        ) from error
    found: Any = load()
    return (found.images / 16).astype(np.float32), found.target.astype(np.int64)


def load_mnist(folder: Path | str) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """MNIST's 60 000 training and 10 000 test images in this order, from its four idx files, gzipped or not.

    Returns:
        Images ``(70000, 28, 28)`` in [0, 1], and labels.

    Raises:
        OntogymError: a file is missing or damaged, or images and labels do not fit.
    """
    images, labels = [], []
    for part in ("train", "t10k"):
        images.append(_read_idx(Path(folder), f"{part}-images", 3))
        labels.append(_read_idx(Path(folder), f"{part}-labels", 1))
        if len(images[-1]) != len(labels[-1]) or images[-1].shape[1:] != images[0].shape[1:]:
            raise OntogymError(f"Images and labels of {part!r} in {folder} do not fit; download them again.")
    return (np.concatenate(images) / np.float32(255)).astype(np.float32), np.concatenate(labels).astype(
        np.int64
    )


def _read_idx(folder: Path, stem: str, axes: int) -> NDArray[np.uint8]:
    """One idx file: two zeros, the type (8: bytes), the number of axes, their lengths, the bytes."""
    found = sorted(p for p in folder.glob(f"{stem}*") if "ubyte" in p.name)
    if not found:
        raise OntogymError(
            f"There is no {stem}-idx{axes}-ubyte[.gz] in {folder}; give the folder of MNIST's files."
        )
    path = found[0]
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            data = file.read(LIMIT)
    except (OSError, EOFError, zlib.error) as error:
        raise OntogymError(f"{path} cannot be read ({error}); download it again.") from error
    head = 4 + 4 * axes
    if len(data) < head or data[:4] != bytes([0, 0, 8, axes]):
        raise OntogymError(f"{path} is no idx file of bytes with {axes} axes; download it again.")
    shape = tuple(int.from_bytes(data[4 + 4 * k : 8 + 4 * k], "big") for k in range(axes))
    if np.prod([float(n) for n in shape]) != len(data) - head:
        raise OntogymError(f"{path} does not hold the {shape} bytes that it promises; download it again.")
    return np.frombuffer(data, np.uint8, offset=head).reshape(shape)
