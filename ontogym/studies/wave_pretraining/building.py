"""Making image sets: class by class, in processes, resumable, and the same whatever order or number of workers.

What a class holds is decided by a `Recipe` alone: a pure function from label to images. Everything else, the folder,
the processes, what happens after a kill or on a full disk, is here, once for waves and fractals.

While a set is made its folder holds ``building.json`` (the configuration) and ``finished/LABEL.json`` for each class
whose images are on disk; a class without that file is made again. ``manifest.json`` comes last, and replaces both.
"""

from __future__ import annotations

import hashlib
import sys
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError
from ontogym.processes import run_tasks
from ontogym.studies.wave_pretraining.image_set import FORMAT, bytes_per_image
from ontogym.studies.wave_pretraining.set_folder import SetFolder, Storage, png_bytes, storage

__all__ = ["ClassImages", "Estimate", "Recipe", "build", "check_split", "estimate"]


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


def check_split(per_class: int, validation: float) -> None:
    """Whether so many images a class, of which a fraction is for validation, leave some to train on.

    Raises:
        OntogymError: they do not.
    """
    if not 1 <= per_class <= 10**6:
        raise OntogymError(f"per_class={per_class} is out of range; choose 1 to {10**6}.")
    if not 0 <= validation < 1 or round(per_class * validation) >= per_class:
        raise OntogymError(
            f"validation={validation} leaves nothing to train on; choose a fraction, for example 0.2."
        )


@dataclass(frozen=True)
class Estimate:
    """What a set would take, from some classes made for real.

    Attributes:
        classes: of the whole set.
        measured: labels that were made.
        workers: processes.
        seconds_per_class: mean seconds that a process takes for a class, as busy as the machine is now.
        cpu_seconds_per_class: processor time of it.
        seconds: extrapolated for the whole set with `workers` processes.
        seconds_error: standard error of it, from the spread among the measured classes.
        bytes: on disk (exact for packed sets; for PNGs extrapolated, before the file system rounds each up).
        images: of the whole set.
    """

    classes: int
    measured: tuple[int, ...]
    workers: int
    seconds_per_class: float
    cpu_seconds_per_class: float
    seconds: float
    seconds_error: float
    bytes: int
    images: int


def build(
    recipe: Recipe,
    folder: Path | str,
    storage_format: Literal["packed", "png"] = "packed",
    workers: int = 1,
    progress: bool = False,
    command: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Make an image set in `folder`, or finish the one begun there.

    Args:
        recipe: what to make.
        folder: new, empty, or with the same set finished or half made.
        storage_format: ``"packed"`` for `ImageSet`, ``"png"`` for ``train/CLASS/*.png`` and ``validation``
            in ``val/CLASS/*.png``, as torchvision's ImageFolder expects.
        workers: processes; 1 works in this one.
        progress: show a bar with the time left.
        command: settings of the command line that asks for it, kept to be read back.

    Returns:
        The manifest.

    Raises:
        OntogymError: the folder holds something else, cannot be written, or the disk is full. What was
            finished stays, marked as unfinished; the same call goes on with it.
    """
    names = recipe.class_names()
    config = {"format": FORMAT, "storage": storage_format, "classes": len(names), **recipe.config()}
    with SetFolder(folder, config, command) as place:
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
            "made_by": f"ontogym {sys.modules['ontogym'].__version__}",
            "config": config,
            "command": command,
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
    recipe: Recipe, storage_format: str = "packed", workers: int = 1, measure: int = 8, progress: bool = False
) -> Estimate:
    """Make `measure` classes, spread over the set, and extrapolate; nothing is kept.

    The first class of every process is made twice, so that compiling is not counted.

    Raises:
        OntogymError: no workers, or what the recipe raises.
    """
    from tqdm import tqdm

    total = len(recipe.class_names())
    labels = _spread(total, min(measure, total))
    tasks = [(recipe, label) for label in labels]
    runs = run_tasks(_measure_one, tasks, workers)
    found = np.array(list(tqdm(runs, total=len(labels), disable=not progress, unit="class", desc="dry run")))
    seconds, cpu, images, png = (float(v) for v in found.mean(0))
    error = float(found[:, 0].std(ddof=1) / len(found) ** 0.5) if len(found) > 1 else 0.0
    size = png * total
    if storage_format == "packed":
        size = total * recipe.per_class * bytes_per_image(recipe.size, recipe.bits)
    rounds = total / min(workers, total)
    return Estimate(
        total,
        labels,
        workers,
        seconds,
        cpu,
        seconds * rounds,
        error * rounds,
        int(size),
        round(images * total),
    )


def _spread(total: int, count: int) -> tuple[int, ...]:
    """Labels spread evenly, though on no lattice: neighbours in a lattice may share most of their parameters."""
    golden = (5**0.5 - 1) / 2
    labels: dict[int, None] = {}
    k = 0
    while len(labels) < count:
        k += 1
        labels[int(k * golden % 1.0 * total)] = None
    return tuple(labels)


_warm: set[str] = set()


def _measure_one(recipe: Recipe, label: int) -> tuple[float, float, int, float]:
    """Seconds, processor seconds, images and PNG bytes of one class."""
    if recipe.name not in _warm:
        _warm.add(recipe.name)
        recipe.make(label)
    start, cpu = time.perf_counter(), time.process_time()
    made = recipe.make(label)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    sample = made.train[:: max(1, len(made.train) // 20)]
    png = [len(data) for data in png_bytes(sample, recipe.size, recipe.bits)]
    count = len(made.train) + len(made.validation)
    return seconds, cpu, count, count * float(np.mean(png))
