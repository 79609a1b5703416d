"""What a trainer asks of a set of images, and the sets that live in memory.

A set is anything that meets the protocol `Images`; `opening.open_images` finds one by a word.
"""

from __future__ import annotations

import hashlib
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError
from ontogym.seeding import generator

__all__ = ["ArrayImages", "Images", "ShuffledLabels", "Subset", "digest"]


@runtime_checkable
class Images(Protocol):
    """Labelled images, split into training and validation.

    Attributes:
        name: for reports.
        classes: number of classes; labels are ``0 .. classes - 1``.
        channels: 1 for grey, 3 for colour.
        labels: ``(n,)`` int64.
        train, validation: int64 indices into the images.
    """

    name: str
    classes: int
    channels: int
    labels: NDArray[np.int64]
    train: NDArray[np.int64]
    validation: NDArray[np.int64]

    def read(self, indices: NDArray[np.integer]) -> NDArray[np.uint8]:
        """Images ``(B, H, W)``, or ``(B, H, W, 3)`` in colour, of one size for all, uint8."""
        ...


class ArrayImages:
    """Images in memory (or memory-mapped); training images first, then validation.

    Args:
        name: for reports.
        train: ``(n, H, W)`` or ``(n, H, W, 3)`` uint8, and `train_labels` ``(n,)``.
        validation: as `train`.
        classes: how many there are; the largest label and one more if not given.

    Raises:
        OntogymError: shapes that do not fit together, or labels outside ``0 .. classes - 1``.
    """

    def __init__(
        self,
        name: str,
        train: NDArray[np.uint8],
        train_labels: NDArray[np.integer],
        validation: NDArray[np.uint8],
        validation_labels: NDArray[np.integer],
        classes: int | None = None,
    ) -> None:
        counts = len(train), len(validation)
        if (len(train_labels), len(validation_labels)) != counts or train.shape[1:] != validation.shape[1:]:
            raise OntogymError(
                f"{name}: images {train.shape} and {validation.shape} do not fit their {len(train_labels)} and "
                f"{len(validation_labels)} labels; are the files of one set?"
            )
        if train.ndim not in (3, 4) or train.shape[3:] not in ((), (3,)):
            raise OntogymError(f"{name}: images have shape {train.shape[1:]}, not (H, W) or (H, W, 3).")
        self.name = name
        self.channels = 1 if train.ndim == 3 else 3
        self.labels = np.concatenate([train_labels, validation_labels]).astype(np.int64)
        self.train = np.arange(counts[0])
        self.validation = np.arange(counts[0], sum(counts))
        self.classes = int(self.labels.max(initial=-1)) + 1 if classes is None else classes
        if not len(train) or ((self.labels < 0) | (self.labels >= self.classes)).any():
            raise OntogymError(
                f"{name}: no image, or a label outside 0 to {self.classes - 1}; is the file damaged?"
            )
        self._parts = train, validation

    def read(self, indices: NDArray[np.integer]) -> NDArray[np.uint8]:
        indices = np.asarray(indices, np.int64)
        train, validation = self._parts
        late = indices >= len(train)
        found = np.empty((len(indices), *train.shape[1:]), np.uint8)
        found[~late] = train[indices[~late]]
        found[late] = validation[indices[late] - len(train)]
        return found


class ShuffledLabels:
    """The same images with labels dealt at random: the control that tells learning *about* the classes from
    learning at all. Training and validation are shuffled apart, so every class keeps its number of images in both.
    """

    def __init__(self, images: Images, seed: int) -> None:
        self._images = images
        self.name, self.classes = f"{images.name}, shuffled labels", images.classes
        self.channels, self.train, self.validation = images.channels, images.train, images.validation
        self.labels = images.labels.copy()
        rng = generator(seed, "shuffled labels")
        for part in (self.train, self.validation):
            self.labels[part] = self.labels[rng.permutation(part)]

    def read(self, indices: NDArray[np.integer]) -> NDArray[np.uint8]:
        return self._images.read(indices)


class Subset:
    """The same images, fewer of them: a random choice with equal shares of the classes, as far as they last.

    Args:
        images: the whole.
        train_size: training images to keep; None for all.
        validation_size: validation images to keep; None for all.
        seed: decides which; a smaller choice is part of a larger one.

    Raises:
        OntogymError: more than there are, or none.
    """

    def __init__(
        self, images: Images, train_size: int | None, validation_size: int | None = None, seed: int = 0
    ) -> None:
        self._images = images
        self.name, self.classes, self.channels = images.name, images.classes, images.channels
        self.labels = images.labels
        self.train = self._some(images.train, train_size, "training", seed)
        self.validation = self._some(images.validation, validation_size, "validation", seed)
        if hasattr(images, "successor"):  # films stay films
            self.successor = images.successor

    def _some(self, indices: NDArray[np.int64], size: int | None, what: str, seed: int) -> NDArray[np.int64]:
        if size is None:
            return indices
        if not 1 <= size <= len(indices):
            raise OntogymError(
                f"{self.name} has {len(indices)} {what} images, so {size} cannot be chosen; pass 1 to {len(indices)}."
            )
        order = generator(seed, "subset", what).permutation(indices)
        labels = self.labels[order]
        # The how-manieth of its class an image is: taking them by that number shares out the classes.
        by_class = np.argsort(labels, kind="stable")
        starts = np.searchsorted(labels[by_class], np.arange(self.classes))
        rank = np.empty(len(order), np.int64)
        rank[by_class] = np.arange(len(order)) - starts[labels[by_class]]
        return np.sort(order[np.argsort(rank, kind="stable")[:size]])

    def read(self, indices: NDArray[np.integer]) -> NDArray[np.uint8]:
        return self._images.read(indices)


def digest(images: Images) -> str:
    """A short hash of labels, split and some of the images: enough to notice that a run resumes on other data."""
    found = hashlib.blake2b(digest_size=8)
    for array in (images.labels, images.train, images.validation):
        found.update(np.ascontiguousarray(array, np.int64).tobytes())
    some = images.train[:: max(1, len(images.train) // 16)][:16]
    found.update(np.ascontiguousarray(images.read(some)).tobytes())
    return found.hexdigest()
