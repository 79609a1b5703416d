"""Folders of images, one folder a class, as ImageNet and most collections come."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError
from ontogym.retina_env.images.files import in_colour, load_picture, picture_files

__all__ = ["ImageFolder"]

_VALIDATION = ("val", "validation", "test")


class ImageFolder:
    """Images in ``PATH/train/CLASS/`` and ``PATH/val/CLASS/`` (or ``validation``, or ``test``), read as asked for.

    Without such folders, ``PATH/CLASS/`` is read and the last fifth of every class, in natural order of names, is validation: of
    frames named by their number that is the last stretch of time, not a random choice that leaks neighbours. A warning
    says if no class has the five images that a fifth takes, and how many images lie beside the class folders, in none.

    Args:
        path: the folder.
        size: pixels a side of what `read` gives: the shorter side is scaled to it and the middle cut out.
        colour: True for three channels, False for grey, None to do as the first image does.
        threads: images decoded at a time.

    Raises:
        OntogymError: no such folder, no image in it, or classes in validation that training lacks.
    """

    def __init__(
        self, path: Path | str, size: int = 256, colour: bool | None = None, threads: int = 4
    ) -> None:
        self.path, self.size = Path(path), size
        if not self.path.is_dir():
            raise OntogymError(f"There is no folder {self.path}; check the path.")
        self.name = self.path.resolve().name
        if (self.path / "train").is_dir():
            train, validation = self._two_folders()
        else:
            train, validation = {}, {}
            for label, files in _classes(self.path).items():
                cut = len(files) - len(files) // 5
                train[label], validation[label] = files[:cut], files[cut:]
            if not any(validation.values()):
                _warn(
                    f"No class of {self.path} has five images, of which one is kept for validation: there is none."
                )
        names = sorted(train)
        self.class_names, self.classes = names, len(names)
        self._files = [p for part in (train, validation) for name in names for p in part.get(name, ())]
        counts = [[len(part.get(name, ())) for name in names] for part in (train, validation)]
        self.labels = np.concatenate([np.repeat(np.arange(len(names)), c) for c in counts]).astype(np.int64)
        n_train = sum(counts[0])
        self.train, self.validation = np.arange(n_train), np.arange(n_train, len(self.labels))
        self.channels = (3 if in_colour(self._files[0]) else 1) if colour is None else 3 if colour else 1
        self._pool = ThreadPoolExecutor(threads)

    def _two_folders(self) -> tuple[dict[str, list[Path]], dict[str, list[Path]]]:
        train = _classes(self.path / "train")
        other = next((self.path / name for name in _VALIDATION if (self.path / name).is_dir()), None)
        if other is None:
            raise OntogymError(
                f"{self.path} has a folder train but none called val, validation or test; add one."
            )
        validation = _classes(other)
        if strange := sorted(set(validation) - set(train)):
            raise OntogymError(
                f"{other} holds the class {strange[0]!r}, which {self.path / 'train'} lacks; remove it."
            )
        return train, validation

    def read(self, indices: NDArray[np.integer]) -> NDArray[np.uint8]:
        """Images ``(B, size, size)`` or ``(B, size, size, 3)``, uint8.

        Raises:
            OntogymError: a file that is no image or is damaged.
        """
        files = [self._files[k] for k in np.asarray(indices)]
        return np.stack(list(self._pool.map(self._read_one, files)))

    def _read_one(self, path: Path) -> NDArray[np.uint8]:
        from PIL import Image, ImageOps

        picture = load_picture(path)
        if picture.mode == "F":
            picture = Image.fromarray(np.rint(255 * np.asarray(picture)).astype(np.uint8))
        pixels = picture.convert("RGB" if self.channels == 3 else "L")
        shape = (self.size, self.size)
        return np.asarray(ImageOps.fit(pixels, shape, Image.Resampling.BILINEAR), np.uint8)


def _warn(sentence: str) -> None:
    warnings.warn(sentence, stacklevel=4)


def _classes(folder: Path) -> dict[str, list[Path]]:
    """Class name to its files, in natural order; folders whose name begins with a dot are not classes."""
    found = {
        entry.name: picture_files(entry)
        for entry in sorted(folder.iterdir())
        if entry.is_dir() and not entry.name.startswith(".")
    }
    if empty := [name for name, files in found.items() if not files]:
        raise OntogymError(f"The class folder {folder / empty[0]} holds no image; remove it or fill it.")
    if not found:
        raise OntogymError(
            f"{folder} holds no class folders; put the images of a class in a folder of its name."
        )
    loose = picture_files(folder, deep=False)
    if loose:
        _warn(
            f"{len(loose)} images that lie in {folder} beside its class folders ({loose[0].name}) are passed over; put each into "
            "a folder of its class."
        )
    return found
