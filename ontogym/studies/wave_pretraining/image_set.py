"""A labelled set of small grey images in one memory-mapped file: `ImageSet`.

A finished set is a folder of two files:

==================  ==================================================================================
``images.bin``      every image, ``bytes_per_image`` bytes each; class k owns the slots
                    ``[k * per_class, (k + 1) * per_class)``, training images first, then validation
``manifest.json``   what made it (configuration, version of the generator), and per class its name,
                    parameters, counts, SHA-256 and what had to be given up for it
==================  ==================================================================================

Why this packing. Binary images are stored one bit a pixel (8 KiB at 256x256, 16.8 GB for 1024 classes of 2000;
uint8 would be 134 GB), other images one byte. Unpacking 256 images of 256x256 takes a few milliseconds, decoding as
many PNGs about ten times as long; and two million small files strain every file system. One file with slots of
fixed size, rather than a file per class, because a memory map holds a file descriptor and 4096 of them exceed the
usual limit; because a reader needs no index; because the space is claimed before the first hour of computing, so a
full disk shows at once; and because several processes can write their classes into it side by side.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.checkpoint import read_sealed_json
from ontogym.errors import OntogymError

__all__ = ["FORMAT", "IMAGES", "MANIFEST", "ImageSet", "bytes_per_image", "pack", "unpack"]

FORMAT = 1
"""Version of the folder's layout."""
IMAGES, MANIFEST = "images.bin", "manifest.json"
_VERIFY_WHOLE = 2 * 2**30
"""Sets up to so many bytes (about two seconds of hashing) are verified whole on opening."""
_VERIFY_SOME = 16
"""Classes verified on opening a larger set."""


def bytes_per_image(size: int, bits: int) -> int:
    """Bytes that one image of `size` x `size` pixels takes at 1 or 8 bits a pixel."""
    return (size * size * bits + 7) // 8


def pack(images: NDArray[np.uint8], bits: int) -> NDArray[np.uint8]:
    """Images ``(B, size, size)`` as rows of bytes ``(B, bytes_per_image)``; at 1 bit, a pixel is set if not 0."""
    flat = np.ascontiguousarray(images).reshape(len(images), -1)
    return np.packbits(flat != 0, axis=1) if bits == 1 else flat.astype(np.uint8)


def unpack(rows: NDArray[np.uint8], size: int, bits: int) -> NDArray[np.uint8]:
    """The inverse of `pack`: ``(B, size, size)`` uint8; binary images have the values 0 and 255."""
    if bits == 1:
        flat = np.unpackbits(rows, axis=1, count=size * size)
        flat *= 255
        return flat.reshape(len(rows), size, size)
    return np.array(rows, np.uint8).reshape(len(rows), size, size)


class ImageSet:
    """A finished image set, memory-mapped and read-only; made by `ontogym.studies.wave_pretraining.building`.

    Open it with `ImageSet.open`. It meets the `Images` protocol of the trainers.

    Attributes:
        name: what it is called, for example ``"rwave-1024"``.
        classes: number of classes (labels are ``0 .. classes - 1``).
        size: pixels a side; `channels` is always 1.
        labels: ``(n,)`` int64, the class of every image.
        train, validation: ``(n_train,)`` and ``(n_validation,)`` int64, indices into the images. For waves the
            validation images are those of the last stretch of each run, never a random choice.
        manifest: the manifest, as read.
    """

    channels = 1

    def __init__(self, folder: Path, manifest: dict[str, Any], rows: NDArray[np.uint8]) -> None:
        self.folder, self.manifest, self._rows = folder, manifest, rows
        self.name, self.size = str(manifest["name"]), int(manifest["size"])
        self._bits, self._per_class = int(manifest["bits"]), int(manifest["per_class"])
        entries = manifest["classes"]
        self.classes = len(entries)
        train = np.array([entry["train"] for entry in entries], np.int64)
        counts = train + np.array([entry["validation"] for entry in entries], np.int64)
        self.labels = np.repeat(np.arange(self.classes), counts)
        rank = np.arange(len(self.labels)) - np.repeat(np.cumsum(counts) - counts, counts)
        self._slots = self.labels * self._per_class + rank
        is_train = rank < train[self.labels]
        self.train, self.validation = np.flatnonzero(is_train), np.flatnonzero(~is_train)

    @classmethod
    def open(cls, folder: Path | str, verify: bool | None = None) -> ImageSet:
        """Open the set in `folder`.

        Args:
            folder: where a finished set is.
            verify: True compares the SHA-256 of every class with the manifest; False none. By default every
                class of a set up to 2 GiB, and 16 classes spread over a larger one.

        Raises:
            OntogymError: no finished packed set there, a newer format, or bytes that differ from the manifest.
        """
        folder = Path(folder)
        manifest = _read_manifest(folder)
        width = bytes_per_image(int(manifest["size"]), int(manifest["bits"]))
        slots = len(manifest["classes"]) * int(manifest["per_class"])
        path = folder / IMAGES
        found = path.stat().st_size if path.is_file() else 0
        if found != slots * width:
            raise OntogymError(
                f"{path} has {found} bytes instead of {slots * width}; copy the set again or make it anew."
            )
        images = cls(folder, manifest, np.memmap(path, np.uint8, "r", shape=(slots, width)))
        chosen = range(images.classes)
        if verify is None and found > _VERIFY_WHOLE:
            chosen = range(0, images.classes, max(1, images.classes // _VERIFY_SOME))
        if verify is not False:
            images.verify(chosen)
        return images

    def verify(self, labels: Any = None) -> None:
        """Compare the bytes of some classes (all by default) with the manifest's SHA-256.

        Raises:
            OntogymError: they differ.
        """
        for label in range(self.classes) if labels is None else labels:
            entry = self.manifest["classes"][label]
            start = label * self._per_class
            rows = self._rows[start : start + entry["train"] + entry["validation"]]
            if hashlib.sha256(rows.tobytes()).hexdigest() != entry["sha256"]:
                raise OntogymError(
                    f"Class {entry['name']} in {self.folder / IMAGES} is not what the manifest describes; copy "
                    "the set again or make it anew."
                )

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, indices: NDArray[np.integer]) -> NDArray[np.uint8]:
        """Images ``(B, size, size)`` uint8 for indices ``(B,)``; binary images have the values 0 and 255.

        Raises:
            IndexError: an index outside ``[-n, n)``.
        """
        slots = self._slots[np.asarray(indices, np.int64)]
        # In the order of the file: a shuffled batch then reads a spinning or cold disk once across.
        order = np.argsort(slots, kind="stable")
        rows = np.empty((len(slots), self._rows.shape[1]), np.uint8)
        rows[order] = self._rows[slots[order]]
        return unpack(rows, self.size, self._bits)


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    if not path.is_file():
        begun = (folder / "building.json").is_file()
        hint = (
            "it was begun but not finished: run the command that makes it again"
            if begun
            else "check the path"
        )
        raise OntogymError(f"There is no image set in {folder}; {hint}.")
    try:
        manifest = read_sealed_json(path)
        version, storage = int(manifest["format"]), str(manifest["storage"])
        entries = [(e["train"] + e["validation"], e["sha256"], e["name"]) for e in manifest["classes"]]
        consistent = all(0 <= n <= manifest["per_class"] for n, _, _ in entries) and manifest["size"] > 0
        consistent = consistent and manifest["bits"] in (1, 8) and "name" in manifest
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OntogymError(f"{path} is damaged ({type(error).__name__}); make the set anew.") from error
    if version > FORMAT:
        raise OntogymError(
            f"{path} has format {version}, newer than this ontogym reads ({FORMAT}); upgrade it."
        )
    if not consistent:
        raise OntogymError(f"{path} contradicts itself; make the set anew.")
    if storage != "packed":
        raise OntogymError(
            f"{folder} holds PNG folders; read it as an image folder, with --data folder:{folder}."
        )
    return dict(manifest)
