"""Reader of the natural images of van Hateren & van der Schaaf (1998), which the user downloads.

A file has no header: 1024 rows of 1536 pixels, unsigned 16 bits, the higher byte first. ``.iml`` files are linear
in luminance, ``.imc`` files are corrected for the camera's blur; both are read alike.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError
from ontogym.retina_env.images.arrays import Images, adapt, cut_patches

__all__ = ["read_van_hateren", "van_hateren_patches"]

ROWS, COLUMNS = 1024, 1536
_BYTES = 2 * ROWS * COLUMNS


def read_van_hateren(path: Path | str) -> NDArray[np.uint16]:
    """One image, ``(1024, 1536)`` uint16, linear in luminance.

    Raises:
        OntogymError: no such file, another suffix or size, or bytes in the wrong order.
    """
    path = Path(path)
    if path.suffix.lower() not in (".iml", ".imc"):
        raise OntogymError(f"{path.name} is no van Hateren image; their names end in .iml or .imc.")
    try:
        size = path.stat().st_size
        if size != _BYTES:
            raise OntogymError(
                f"{path} has {size} bytes, but a van Hateren image has {_BYTES}; download it again."
            )
        data = np.frombuffer(path.read_bytes(), dtype=">u2")
    except OSError as error:
        raise OntogymError(f"Cannot read {path} ({error.strerror}); check the path.") from error
    image = data.reshape(ROWS, COLUMNS).astype(np.uint16)
    if 2 * _roughness(image.byteswap()) < _roughness(image):
        raise OntogymError(
            f"The bytes of {path} are in the wrong order (lower byte first); write it big-endian, as it was published."
        )
    return image


def van_hateren_patches(
    folder: Path | str, size: int = 128, limit: int | None = None
) -> tuple[Images, tuple[str, ...]]:
    """Patches of all images in a folder, adapted to a mean of 0.4, and the name of each one's image.

    Args:
        folder: with ``imk00001.iml`` and so on.
        size: side of the patches; they do not overlap.
        limit: at most so many patches, from as many images as possible: the same number from each.

    Returns:
        ``(B, size, size)`` float32, and B file names (the groups of `split`).
    """
    files = sorted(p for p in Path(folder).glob("im*") if p.suffix.lower() in (".iml", ".imc"))
    if not files:
        raise OntogymError(f"There is no van Hateren image (imk00001.iml, ...) in {folder}; check the path.")
    each = None if limit is None else -(-limit // len(files))
    images, names = [], []
    for file in files[:limit]:
        patches = cut_patches(read_van_hateren(file), size)
        # Evenly over the image, since neighbouring patches are alike.
        chosen = patches if each is None else patches[_spread(len(patches), each)]
        images.append(adapt(chosen))
        names += [file.name] * len(chosen)
    return np.concatenate(images)[:limit], tuple(names[:limit])


def _spread(count: int, wanted: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, count - 1, min(count, wanted) + 2)[1:-1].round().astype(np.int64))


def _roughness(image: NDArray[np.uint16]) -> float:
    """Mean step between neighbours over the SD: small in any scene, about 1 where the bytes are swapped."""
    x = image.astype(np.float64)
    return float(np.abs(np.diff(x, axis=1)).mean() / (x.std() + 1e-9))
