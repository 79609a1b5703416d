"""Photographs that ship inside other packages: real scenes without a download.

Too few to train on; an out-of-distribution test, split by photograph. The packages are optional (``pip install
"ontogym[data]"`` brings them all) and whichever is there is used; no package is imported for it, its file is read.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError
from ontogym.retina_env.images.arrays import Images, adapt, cut_patches
from ontogym.retina_env.images.files import SUFFIXES, linear, picture_files, read_luminance

__all__ = ["COMPLETE", "FILES", "Photographs", "folder_pictures", "photographs"]

FILES: dict[str, tuple[str, ...]] = {
    "skimage": (
        *("astronaut.png", "brick.png", "camera.png", "chelsea.png", "coffee.png", "coins.png", "grass.png"),
        *("gravel.png", "moon.png", "motorcycle_left.png", "rocket.jpg"),
    ),
    "sklearn": ("china.jpg", "flower.jpg"),
    "matplotlib": ("grace_hopper.jpg",),
    "pywt": ("aero.npz", "ascent.npz", "camera.npz"),
}
"""Photographs of each package, in the folder named below. Left out: drawings, text, second views, and what no eye
meets as a scene (stars, stained cells, the back of an eye)."""

COMPLETE = tuple(
    f"{package}/{file}" for package, files in FILES.items() for file in files if file != "camera.npz"
)
"""What is found where all of the packages are installed: scores are comparable on the whole set only."""

_MOST_TOLD = 8
"""Files that are named one by one where they were left out."""
_FOLDERS = {
    "skimage": "data",
    "sklearn": "datasets/images",
    "matplotlib": "mpl-data/sample_data",
    "pywt": "data",
}
_SAME = {("pywt", "camera.npz"): ("skimage", "camera.png")}
"""The same scene in two packages counts once, or it could be on both sides of a split."""


class Photographs(NamedTuple):
    """Patches and what they were cut from.

    Attributes:
        images: ``(B, size, size)`` float32, linear in luminance, mean 0.4.
        names: for each patch ``"package/file"``; hand it to `split` as groups.
        left_out: files that gave no patch, and why not.
    """

    images: Images
    names: tuple[str, ...]
    left_out: Mapping[str, str] = MappingProxyType({})

    def told(self) -> str:
        """In one sentence: how many patches of how many pictures, and which gave none."""
        count = f"{len(self.names)} patches of {len(set(self.names))} pictures"
        if not self.left_out:
            return f"{count}."
        return f"{count}; left out: {_listed(self.left_out)}."


def _listed(left_out: Mapping[str, str]) -> str:
    """Files and why each gave no patch."""
    some = [f"{name} ({why})" for name, why in list(left_out.items())[:_MOST_TOLD]]
    more = len(left_out) - len(some)
    return ", ".join(some) + (f" and {more} more" if more else "")


def photographs(size: int = 128) -> Photographs:
    """All non-overlapping patches of the photographs that are installed here.

    Raises:
        OntogymError: no package that ships photographs is installed, or `size` fits in none.
    """
    images, names = [], []
    for (package, file), path in _installed().items():
        picture = _luminance(path)
        if min(picture.shape) < size:
            continue
        patches = _with_contrast(cut_patches(picture, size))
        images.append(adapt(patches))
        names += [f"{package}/{file}"] * len(patches)
    if not images:
        raise OntogymError(
            f"No photograph of {size} pixels is installed; pip install 'ontogym[data]' brings some."
        )
    return Photographs(np.concatenate(images), tuple(names))


def _installed() -> dict[tuple[str, str], Path]:
    found: dict[tuple[str, str], Path] = {}
    for package, files in FILES.items():
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            continue
        folder = Path(spec.origin).parent / _FOLDERS[package]
        for file in files:
            path = folder / file
            if path.is_file() and _SAME.get((package, file)) not in found:
                found[package, file] = path
    return found


def folder_pictures(folder: Path | str, size: int = 128) -> Photographs:
    """All non-overlapping patches of the pictures in a folder of one's own, treated as the shipped ones are.

    Codes are undone to luminance (sRGB), patches of `size` pixels cut out around the middle of each picture, patches
    without contrast dropped (wholly transparent ones among them: behind what is transparent is one grey), and each
    patch scaled to a mean of .4, as after adaptation.

    Raises:
        OntogymError: no such folder, a file in its place, nothing in it that is large enough (which files there are, and
            what they lack), or a damaged picture.
    """
    folder = Path(folder)
    if folder.is_file():
        raise OntogymError(
            f"{folder} is a file, but pictures are taken from a folder; put it into one and name that."
        )
    if not folder.is_dir():
        raise OntogymError(f"There is no folder {folder}; check the path.")
    files = picture_files(folder)
    if not files:
        kinds = ", ".join(sorted(SUFFIXES))
        raise OntogymError(
            f"{folder} holds no picture file ({kinds}), nor does a folder in it; check the path."
        )
    images, names = [], []
    left_out: dict[str, str] = {}
    for path in files:
        picture, name = read_luminance(path), str(path.relative_to(folder))
        large = min(picture.shape) >= size
        patches = _with_contrast(cut_patches(picture, size)) if large else np.empty((0, size, size))
        if len(patches):
            images.append(adapt(patches))
            names += [name] * len(patches)
        else:
            high, wide = picture.shape
            left_out[name] = "nothing to see in it" if large else f"{wide} x {high} pixels"
    if not names:
        raise OntogymError(
            f"{folder} holds no picture of {size} x {size} pixels or more with something to see in it: {_listed(left_out)}; add larger ones."
        )
    return Photographs(np.concatenate(images), tuple(names), MappingProxyType(left_out))


def _with_contrast(patches: NDArray[Any]) -> NDArray[Any]:
    """Without sky that has no cloud, and the black of space: there is nothing to see in them."""
    return patches[patches.std((1, 2)) > 0.02 * np.maximum(patches.mean((1, 2)), 1e-6)]


def _luminance(path: Path) -> NDArray[np.float64]:
    """Relative luminance ``(H, W)`` in [0, 1] of a shipped file."""
    if path.suffix != ".npz":
        return read_luminance(path)
    with np.load(path, allow_pickle=False) as file:
        pixels: NDArray[Any] = np.asarray(file["data"] if "data" in file else file[file.files[0]])
    return linear(np.clip(pixels, 0, 255).astype(np.float64) / 255)
