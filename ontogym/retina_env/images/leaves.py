"""Dead leaves: opaque discs of all sizes that cover one another, and so have the statistics of natural scenes.

Model: Matheron (1968); that power-law sizes give natural statistics: Lee, Mumford & Huang (2001), "Occlusion models
for natural images". No download, as many as one likes, and the thousandth is the same whether or not the others
were made.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError
from ontogym.retina_env.cache import cache_folder, keep, look_up, progress
from ontogym.retina_env.images.arrays import GREY, Images
from ontogym.seeding import generator

__all__ = ["DeadLeaves", "dead_leaves"]

_CHUNK = 64
"""Images per file of the cache: about a second's work."""
_VERSION = 1
"""Raised whenever an image would look different, so that no old file is taken for a new one."""
_LEVELS = 65535
"""Images are kept as uint16 and have these levels even when they come fresh, so that a cached one is equal."""


@dataclass(frozen=True)
class DeadLeaves:
    """A world of leaves. Lengths are in pixels of a 128-pixel image, which is 25 micrometres on the retina.

    Attributes:
        size: side of the images, pixels; the scene is the same 3.2 mm wide whatever the size.
        smallest, largest: radii of the leaves; their density falls with the cube of the radius.
        texture: SD of the 1/f texture within leaves, in units of the SD between leaves.
        blur: SD of the optical blur.
        contrast: median over images of the SD of log luminance.
    """

    size: int = 128
    smallest: float = 0.6
    largest: float = 60.0
    texture: float = 0.4
    blur: float = 0.3
    contrast: float = 0.55

    def __post_init__(self) -> None:
        if not 8 <= self.size <= 1024:
            raise OntogymError(f"Images of {self.size} pixels cannot be made; choose a size from 8 to 1024.")
        if not 0.1 <= self.smallest < self.largest <= 1024 or min(self.texture, self.blur, self.contrast) < 0:
            raise OntogymError(
                "Leaves need 0.1 <= smallest < largest <= 1024, and texture, blur and contrast not below 0."
            )

    def image(self, index: int, seed: int = 0) -> Images:
        """Image number `index` of `seed`, ``(size, size)`` float32 in [0, 1]."""
        return (self._levels(index, seed) / np.float32(_LEVELS)).astype(np.float32)

    def images(
        self, count: int, seed: int = 0, start: int = 0, cached: bool = True, show_progress: bool = True
    ) -> Images:
        """Images `start` to ``start + count``, ``(count, size, size)`` float32; made once, then read from disk.

        Args:
            cached: read and write the cache (`ontogym.retina_env.cache.cache_folder`).
            show_progress: say on standard error what is being made, if it must be made.
        """
        if count < 1 or start < 0:
            raise OntogymError(f"Ask for one image or more, from number 0 on, not {count} from {start}.")
        if not cached:
            return np.stack([self.image(k, seed) for k in range(start, start + count)])
        first, last = start // _CHUNK, (start + count - 1) // _CHUNK
        chunks = {k: self._from_cache(k, seed) for k in range(first, last + 1)}
        missing = [k for k, found in chunks.items() if found is None]
        for k in self._announced(missing, show_progress):
            chunks[k] = self._make_chunk(k, seed)
        levels = np.concatenate([chunks[k] for k in sorted(chunks)])[start - first * _CHUNK :][:count]
        return (levels / np.float32(_LEVELS)).astype(np.float32)

    def _announced(self, missing: list[int], show: bool) -> Iterable[int]:
        seconds = max(1, round(len(missing) * _CHUNK * 0.015 * (self.size / 128) ** 2))
        what = f"Making {len(missing) * _CHUNK} dead-leaves images, about {seconds} s, this once ..."
        return progress(missing, what, len(missing), show and bool(missing), unit="chunk")

    def _key(self, chunk: int, seed: int) -> tuple[Any, dict[str, Any], dict[str, Any]]:
        """Path, facts and layout of a chunk's file."""
        meta = {**asdict(self), "seed": int(seed), "chunk": chunk, "version": _VERSION}
        world = "-".join(f"{value:g}" for value in asdict(self).values())
        path = cache_folder() / "dead-leaves" / f"v{_VERSION}-{world}-s{seed}" / f"{chunk:05d}.safetensors"
        return path, meta, {"levels": ((_CHUNK, self.size, self.size), np.uint16)}

    def _from_cache(self, chunk: int, seed: int) -> NDArray[np.uint16] | None:
        path, meta, layout = self._key(chunk, seed)
        found = look_up(path, "images", meta, layout)
        return None if found is None else found["levels"]

    def _make_chunk(self, chunk: int, seed: int) -> NDArray[np.uint16]:
        levels = np.stack([self._levels(chunk * _CHUNK + k, seed) for k in range(_CHUNK)])
        path, meta, _ = self._key(chunk, seed)
        keep(path, "images", {"levels": levels}, meta)
        return levels

    def _levels(self, index: int, seed: int) -> NDArray[np.uint16]:
        """One image, uint16."""
        from ontogym.retina_env.images.leaf_painter import paint

        rng = generator(seed, "dead leaves", index)
        fine, scale = 2 * self.size, 2 * self.size / 128
        scene = paint(rng, fine, self.smallest * scale, self.largest * scale)
        scene += self.texture * _pink_noise(rng, fine)
        halve = _blur_and_halve(fine, self.blur * scale)
        log = halve @ scene @ halve.T
        log -= log.mean()
        log /= log.std()
        # The eye meets dull and harsh scenes; beyond these bounds most of an image would be black or white.
        log *= np.clip(self.contrast * np.exp(rng.normal(0, 0.35)), 0.2, 1.1)
        luminance = np.exp(log)
        luminance *= GREY / luminance.mean()
        return np.asarray(np.rint(np.clip(luminance, 0, 1) * _LEVELS), dtype=np.uint16)


def dead_leaves(count: int, seed: int = 0, size: int = 128, show_progress: bool = True) -> Images:
    """The first `count` dead-leaves images of `seed`, ``(count, size, size)`` float32 in [0, 1], cached on disk.

    Linear in luminance, mean 0.4, power slope about -2.2, RMS contrast about 0.55.
    """
    return DeadLeaves(size=size).images(count, seed, show_progress=show_progress)


@functools.lru_cache(maxsize=8)
def _amplitude(side: int) -> NDArray[np.float32]:
    """1/f on the half plane of a real FFT, zero at the mean."""
    f = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side))
    f[0, 0] = np.inf
    return (1 / f).astype(np.float32)


def _pink_noise(rng: np.random.Generator, side: int) -> NDArray[np.float32]:
    """Noise whose amplitude falls with frequency, SD 1, ``(side, side)``."""
    from scipy.fft import irfft2

    amplitude = _amplitude(side)
    parts = rng.standard_normal((2, *amplitude.shape), dtype=np.float32)
    noise = irfft2((parts[0] + 1j * parts[1]) * amplitude, (side, side), overwrite_x=True)
    noise /= noise.std()
    return np.asarray(noise, dtype=np.float32)


@functools.lru_cache(maxsize=8)
def _blur_and_halve(side: int, sd: float) -> NDArray[np.float32]:
    """Gaussian blur of SD `sd`, then means of pairs, along one axis: ``(side / 2, side)``, mirrored edges."""
    reach = int(np.ceil(4 * sd))
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sd) ** 2) if sd else np.ones(1)
    taps /= taps.sum()
    matrix = np.zeros((side // 2, side))
    for row in range(side // 2):
        for fine in (2 * row, 2 * row + 1):
            for offset, weight in zip(range(-reach, reach + 1), taps):
                at = (fine + offset) % (2 * side)
                matrix[row, min(at, 2 * side - 1 - at)] += weight / 2
    return matrix.astype(np.float32)
