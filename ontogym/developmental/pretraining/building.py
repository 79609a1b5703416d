"""Making image sets: class by class, in processes, resumable, and the same whatever order or number of workers.

What a class holds is decided by a `Recipe` alone: a pure function from label to images. Everything else, the folder,
the processes, what happens after a kill or on a full disk, is here, once for waves and fractals.

While a set is made its folder holds ``building.json`` (the configuration) and ``finished/LABEL.json`` for each class
whose images are on disk; a class without that file is made again. ``manifest.json`` comes last, and replaces both.
"""

from __future__ import annotations

import hashlib
import math
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ontogym.developmental.pretraining.image_set import FORMAT, bytes_per_image
from ontogym.developmental.pretraining.set_folder import SetFolder, Storage, png_bytes, storage
from ontogym.developmental.pretraining.workers import run_tasks

__all__ = ["ClassImages", "Estimate", "Recipe", "build", "estimate"]


@dataclass(frozen=True)
class ClassImages:
    """The images of one class.

    Attributes:
        train, validation: packed images ``(n, bytes_per_image)`` (see `image_set.pack`), in order of time.
        facts: what the manifest says about the class (JSON-able).
        warning: one sentence, if something had to be given up.
    """

    train: NDArray[np.uint8]
    validation: NDArray[np.uint8]
    facts: Mapping[str, Any] = field(default_factory=dict)
    warning: str | None = None


class Recipe(Protocol):
    """What an image set is made of; picklable, and a pure function of label and configuration."""

    @property
    def name(self) -> str:
        """What the set is called."""
        ...

    @property
    def size(self) -> int:
        """Pixels a side."""
        ...

    @property
    def bits(self) -> int:
        """Bits a pixel: 1 or 8."""
        ...

    @property
    def per_class(self) -> int:
        """The most images of a class, validation included."""
        ...

    def class_names(self) -> list[str]:
        """One name per label, in the order of the labels (ascending, as image folders sort them)."""
        ...

    def config(self) -> dict[str, Any]:
        """Everything that decides an image, as JSON, the version of the generator included."""
        ...

    def make(self, label: int) -> ClassImages:
        """The images of one class."""
        ...


@dataclass(frozen=True)
class Estimate:
    """What a set would take, from a few classes made for real.

    Attributes:
        classes: of the whole set.
        measured: labels that were made.
        seconds_per_class: mean processor-bound seconds of one of them, in its process.
        seconds: extrapolated for the whole set with `workers` processes.
        bytes: on disk (exact for packed sets; for PNGs extrapolated, before the file system rounds each up).
        images: kept, extrapolated to the whole.
    """

    classes: int
    measured: tuple[int, ...]
    workers: int
    seconds_per_class: float
    seconds: float
    bytes: int
    images: int


def build(
    recipe: Recipe,
    folder: Path | str,
    storage_format: Literal["packed", "png"] = "packed",
    workers: int = 1,
    progress: bool = False,
) -> dict[str, Any]:
    """Make an image set in `folder`, or finish the one begun there.

    Args:
        recipe: what to make.
        folder: new, empty, or with the same set finished or half made.
        storage_format: ``"packed"`` for `ImageSet`, ``"png"`` for ``train/CLASS/*.png`` and ``validation``
            in ``val/CLASS/*.png``, as torchvision's ImageFolder expects.
        workers: processes; 1 works in this one.
        progress: show a bar with the time left.

    Returns:
        The manifest.

    Raises:
        OntogymError: the folder holds something else, cannot be written, or the disk is full. What was
            finished stays, marked as unfinished; the same call goes on with it.
    """
    names = recipe.class_names()
    config = {"format": FORMAT, "storage": storage_format, "classes": len(names), **recipe.config()}
    with SetFolder(folder, config) as place:
        if place.manifest is not None:
            return place.manifest
        store = storage(storage_format, place.path, recipe.size, recipe.bits, recipe.per_class, names)
        store.claim()
        todo = [label for label in range(len(names)) if label not in place.finished()]
        _make_all(recipe, store, place, todo, workers, progress)
        entries = [place.entry(label) for label in range(len(names))]
        manifest = {
            "format": FORMAT,
            "storage": storage_format,
            "name": recipe.name,
            "size": recipe.size,
            "bits": recipe.bits,
            "per_class": recipe.per_class,
            "made_by": f"ontogym {_version()}",
            "config": config,
            "short": [e["name"] for e in entries if e["train"] + e["validation"] < recipe.per_class],
            "classes": entries,
        }
        place.finish(manifest)
    return manifest


def _make_all(
    recipe: Recipe, store: Storage, place: SetFolder, todo: list[int], workers: int, progress: bool
) -> None:
    from tqdm import tqdm

    total = len(recipe.class_names())
    tasks = [(recipe, store, place.path, label) for label in todo]
    with tqdm(
        total=total, initial=total - len(todo), disable=not progress, unit="class", desc=recipe.name
    ) as bar:
        for entry in run_tasks(_make_one, tasks, workers):
            bar.update()
            if entry["warning"]:
                # Through the bar, which would otherwise be torn; as a warning where nobody watches.
                bar.write(entry["warning"]) if progress else warnings.warn(entry["warning"], stacklevel=3)


def _make_one(recipe: Recipe, store: Storage, folder: Path, label: int) -> dict[str, Any]:
    """Make a class, put it on disk, then say so: the entry is written last."""
    made = recipe.make(label)
    store.write(label, made.train, made.validation)
    digest = hashlib.sha256(made.train.tobytes() + made.validation.tobytes()).hexdigest()
    entry = {
        "label": label,
        "name": recipe.class_names()[label],
        "train": len(made.train),
        "validation": len(made.validation),
        "sha256": digest,
        "warning": made.warning,
        **made.facts,
    }
    SetFolder.write_entry(folder, entry)
    return entry


def estimate(
    recipe: Recipe, storage_format: str = "packed", workers: int = 1, measure: int = 4, progress: bool = False
) -> Estimate:
    """Make `measure` classes, spread evenly over the set, and extrapolate; nothing is kept.

    The first class of every process is made twice, so that compiling is not counted.
    """
    from tqdm import tqdm

    total = len(recipe.class_names())
    measure = max(1, min(measure, total))
    labels = tuple(int(k) for k in (np.arange(measure) + 0.5) * total / measure)
    tasks = [(recipe, label) for label in labels]
    found = list(
        tqdm(run_tasks(_measure_one, tasks, workers), total=measure, disable=not progress, unit="class")
    )
    seconds, images, png = (float(np.mean([f[k] for f in found])) for k in range(3))
    size = png * total if storage_format == "png" else 0.0
    if storage_format == "packed":
        size = total * recipe.per_class * bytes_per_image(recipe.size, recipe.bits)
    rounds = math.ceil(total / workers) if total < 4 * workers else total / workers
    return Estimate(total, labels, workers, seconds, seconds * rounds, int(size), int(images * total))


_warm: set[str] = set()


def _measure_one(recipe: Recipe, label: int) -> tuple[float, int, float]:
    """Seconds, images and PNG bytes of one class."""
    if recipe.name not in _warm:
        _warm.add(recipe.name)
        recipe.make(label)
    start = time.perf_counter()
    made = recipe.make(label)
    sample = made.train[:: max(1, len(made.train) // 20)]
    png = [len(data) for data in png_bytes(sample, recipe.size, recipe.bits)]
    seconds = time.perf_counter() - start
    count = len(made.train) + len(made.validation)
    return seconds, count, count * float(np.mean(png)) if png else 0.0


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("ontogym")
    except PackageNotFoundError:
        return "(not installed)"
