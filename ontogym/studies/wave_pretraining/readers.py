"""Readers of the files in which well-known data sets come (but for digits: see `ontogym.studies.digits`), without the packages that usually read them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError
from ontogym.seeding import generator
from ontogym.studies.digits import read_mnist, sklearn_digits
from ontogym.studies.wave_pretraining.images import ArrayImages

__all__ = ["FASHION_MNIST", "cifar10", "cifar100", "digits", "fashion_mnist", "mnist"]

FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package dataset-fashion-mnist puts its files."""
_PIXELS = 3 * 32 * 32


def mnist(folder: Path | str, name: str = "mnist") -> ArrayImages:
    """MNIST, or a set in its format; see `read_mnist`."""
    return ArrayImages(name, *read_mnist(folder), classes=10)


def fashion_mnist(folder: Path | str = FASHION_MNIST) -> ArrayImages:
    """Fashion-MNIST (Xiao, Rasul & Vollgraf 2017, arXiv 1708.07747): 60 000 and 10 000 images of 28x28 in 10 classes.

    Raises:
        OntogymError: as `mnist`.
    """
    if not Path(folder).is_dir() and Path(folder) == FASHION_MNIST:
        raise OntogymError(
            f"Fashion-MNIST is not in {folder}; install Debian's package dataset-fashion-mnist, or pass "
            "fashion-mnist:PATH with the folder that holds its four idx files."
        )
    return mnist(folder, "fashion-mnist")


def cifar100(folder: Path | str) -> ArrayImages:
    """CIFAR-100's binary version: ``train.bin`` and ``test.bin``, records of coarse label, fine label, 3072 bytes.

    The fine label is the class: 100 of them, 50 000 and 10 000 colour images of 32x32.

    Raises:
        OntogymError: a file is missing, or is not a whole number of records, or has labels above 99.
    """
    folder = Path(folder)
    parts = [_cifar(folder / f"{split}.bin", label_bytes=2, classes=100) for split in ("train", "test")]
    return ArrayImages("cifar100", *parts[0], *parts[1], classes=100)


def cifar10(folder: Path | str) -> ArrayImages:
    """CIFAR-10's binary version: ``data_batch_1.bin`` ... and ``test_batch.bin``, records of label and 3072 bytes.

    Raises:
        OntogymError: as `cifar100`.
    """
    folder = Path(folder)
    paths = sorted(folder.glob("data_batch_*.bin"))
    if not paths:
        raise OntogymError(
            f"There is no data_batch_1.bin in {folder}; pass the folder of CIFAR-10's binary version."
        )
    batches = [_cifar(path, label_bytes=1, classes=10) for path in paths]
    train = np.concatenate([images for images, _ in batches])
    labels = np.concatenate([some for _, some in batches])
    return ArrayImages("cifar10", train, labels, *_cifar(folder / "test_batch.bin", 1, 10), classes=10)


def _cifar(path: Path, label_bytes: int, classes: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images ``(n, 32, 32, 3)``, a view of the mapped file, and labels ``(n,)``."""
    width = label_bytes + _PIXELS
    try:
        size = path.stat().st_size
        if not size or size % width:
            raise OntogymError(
                f"{path} has {size} bytes, not a whole number of records of {width}: it is damaged or of another "
                "CIFAR; download the binary version again."
            )
        records = np.memmap(path, np.uint8, "r", shape=(size // width, width))
    except OSError as error:
        raise OntogymError(
            f"Cannot read {path} ({error.strerror}); pass the folder of CIFAR-{classes}'s binary version."
        ) from error
    labels = np.array(records[:, label_bytes - 1])
    if labels.max() >= classes:
        raise OntogymError(
            f"{path} holds the label {labels.max()}, so it is not CIFAR-{classes}'s binary version."
        )
    return records[:, label_bytes:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), labels


def digits(seed: int = 0) -> ArrayImages:
    """Scikit-learn's digits: 1797 images of 8x8 in 10 classes, the last fifth of a fixed shuffle for validation.

    Raises:
        OntogymError: scikit-learn is not installed.
    """
    found, target = sklearn_digits()
    images = np.minimum(found * 16, 255).astype(np.uint8)
    order = generator(seed, "digits").permutation(len(images))
    cut = len(images) - len(images) // 5
    images, labels = images[order], target[order]
    return ArrayImages("digits", images[:cut], labels[:cut], images[cut:], labels[cut:], classes=10)
