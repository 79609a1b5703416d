"""Photographs that ship inside other packages: real scenes without a download.

Too few to train on; an out-of-distribution test, split by photograph. The packages are optional (``pip install
"ontogym[data]"`` brings them all) and whichever is there is used; no package is imported for it, its file is read.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError
from ontogym.retina_env.images.arrays import Images, adapt, cut_patches

__all__ = ["COMPLETE", "FILES", "Photographs", "photographs"]

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
    """

    images: Images
    names: tuple[str, ...]


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
        patches = cut_patches(picture, size)
        # Sky without a cloud, or the black of space, has nothing to see in it.
        patches = patches[patches.std((1, 2)) > 0.02 * np.maximum(patches.mean((1, 2)), 1e-6)]
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


def _luminance(path: Path) -> NDArray[np.float64]:
    """A picture file as relative luminance ``(H, W)`` in [0, 1]: sRGB undone, then Rec. 709 weights."""
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as file:
            pixels: NDArray[Any] = np.asarray(file["data"] if "data" in file else file[file.files[0]])
        pixels = np.clip(pixels, 0, 255)
    else:
        from PIL import Image

        with Image.open(path) as picture:
            pixels = np.asarray(picture.convert("L" if picture.mode in ("L", "I;16") else "RGB"))
    coded = pixels.astype(np.float64) / 255
    linear = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)  # IEC 61966-2-1
    return np.asarray(linear if linear.ndim == 2 else linear @ [0.2126, 0.7152, 0.0722])
