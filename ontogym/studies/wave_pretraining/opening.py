"""A set of images by a word: ``digits``, ``fashion-mnist``, ``cifar100:PATH``, ``folder:PATH``, ``movies:PRESET``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ontogym.errors import OntogymError, UnknownNameError
from ontogym.studies.wave_pretraining import readers
from ontogym.studies.wave_pretraining.image_folder import ImageFolder
from ontogym.studies.wave_pretraining.image_set import ImageSet
from ontogym.studies.wave_pretraining.images import Images

__all__ = ["open_images"]


def open_images(word: str) -> Images:
    """The set of images that a word names.

    ========================  ================================================================================
    ``PATH``                  a data set that ``ontogym waves dataset`` or ``ontogym fractals dataset`` made
    ``digits``                scikit-learn's 1797 digits of 8x8 pixels
    ``fashion-mnist[:PATH]``  a folder with the four idx files, raw or .gz
    ``mnist:PATH``            the same
    ``cifar10:PATH``          a folder with CIFAR-10's binary files
    ``cifar100:PATH``         a folder with CIFAR-100's ``train.bin`` and ``test.bin``
    ``folder:PATH``           a folder of images, one folder a class
    ``movies:PRESET``         films of simulated retinal waves, for SimCLR on successive frames
    ========================  ================================================================================

    Raises:
        UnknownNameError: no such kind of set.
        OntogymError: what is there cannot be read, or nothing is.
    """
    kind, colon, path = word.partition(":")
    # A bare word may be a folder; so may a path with a colon in it.
    if kind not in _OPENERS or (not colon and Path(word).is_dir()):
        if Path(word).is_dir():
            return _image_set(word)
        looks_like_path = "/" in word or word.startswith(".")
        raise (
            OntogymError(f"There is no folder {word}; check the path.")
            if looks_like_path
            else UnknownNameError(
                "image set",
                kind,
                _OPENERS,
                "A folder of images is given by its path; there is none of that name here.",
            )
        )
    if kind == "digits" and path:
        raise OntogymError(f"'digits' takes no path, so leave out ':{path}'.")
    if not path and kind not in ("digits", "fashion-mnist"):
        raise OntogymError(f"Say where the images are: {kind}:PATH.")
    return _OPENERS[kind](path)


def _image_set(path: str) -> Images:
    return ImageSet.open(path)


def _folder(path: str) -> Images:
    return ImageFolder(path)


def _movies(preset: str) -> Images:
    from ontogym.studies.wave_pretraining.movies import WaveMovies

    return WaveMovies.record(preset)


def _reader(name: str) -> Callable[[str], Images]:
    def read(path: str) -> Images:
        found: Images = getattr(readers, name)(path) if path else getattr(readers, name)()
        return found

    return read


_OPENERS: dict[str, Callable[[str], Images]] = {
    "digits": _reader("digits"),
    "fashion-mnist": _reader("fashion_mnist"),
    "mnist": _reader("mnist"),
    "cifar10": _reader("cifar10"),
    "cifar100": _reader("cifar100"),
    "folder": _folder,
    "movies": _movies,
}
