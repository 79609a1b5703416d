"""The folder of an image set while it is made: whose it is, which classes are whole, how images get onto the disk."""

from __future__ import annotations

import errno
import io
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ontogym import checkpoint
from ontogym.errors import OntogymError
from ontogym.runs import RunFolder
from ontogym.studies.wave_pretraining.image_set import IMAGES, MANIFEST, bytes_per_image, unpack

__all__ = ["SetFolder", "Storage", "png_bytes", "storage"]

BUILDING, FINISHED = "building.json", "finished"


class SetFolder:
    """Opens the folder for making one set; a context manager.

    Args:
        path: new, empty, or one in which the same set is finished or half made.
        config: what decides the images, as JSON.
        command: settings of the command line, kept beside it.

    Attributes:
        manifest: the manifest if the set is finished, else None.

    Raises:
        OntogymError: the folder holds something else, or another configuration, or cannot be written, or another
            process works in it.
    """

    def __init__(
        self, path: Path | str, config: dict[str, Any], command: Mapping[str, Any] | None = None
    ) -> None:
        self.path = Path(path)
        self._made = not self.path.exists()
        finished = (self.path / MANIFEST).is_file()
        self.manifest = checkpoint.read_sealed_json(self.path / MANIFEST) if finished else None
        before = None if self.manifest is None else self.manifest.get("config", {})
        self._run = RunFolder(
            self.path, {**config, "command": command}, resume=None, neutral=("command",), record=BUILDING,
            before=before, doing="makes a set",
        )  # fmt: skip
        if self.manifest is not None:
            self._tidy()  # which a kill may have cut short

    def __enter__(self) -> SetFolder:
        return self

    def __exit__(self, *_: object) -> None:
        # A folder in which nothing was begun (a full disk shows at once) goes again.
        if self.manifest is None and not (self.path / FINISHED).exists():
            for name in (BUILDING, IMAGES, checkpoint.LOCK):
                (self.path / name).unlink(missing_ok=True)
            if self._made:
                shutil.rmtree(self.path, ignore_errors=True)
        (self.path / checkpoint.LOCK).unlink(missing_ok=True)
        self._run.close()

    def finished(self) -> set[int]:
        """Labels of the classes that are whole."""
        found = (self.path / FINISHED).glob("*.json")
        return {int(p.stem) for p in found if p.stem.isdigit()}

    def entry(self, label: int) -> dict[str, Any]:
        """What the manifest will say about a class that is whole."""
        return checkpoint.read_sealed_json(self.path / FINISHED / f"{label}.json")

    @staticmethod
    def write_entry(folder: Path, entry: dict[str, Any]) -> None:
        """Mark a class as whole."""
        checkpoint.write_sealed_json(folder / FINISHED / f"{entry['label']}.json", entry)

    def finish(self, manifest: dict[str, Any]) -> None:
        """Write the manifest, then tidy up what only the making needed."""
        checkpoint.write_sealed_json(self.path / MANIFEST, manifest)
        self.manifest = manifest
        self._tidy()

    def _tidy(self) -> None:
        (self.path / BUILDING).unlink(missing_ok=True)
        shutil.rmtree(self.path / FINISHED, ignore_errors=True)


class Storage(Protocol):
    """How classes are stored; picklable, since workers write."""

    def claim(self) -> None:
        """See to it that there is room, before anything is computed."""
        ...

    def write(self, label: int, train: NDArray[np.uint8], validation: NDArray[np.uint8]) -> None:
        """Put a class (packed images, ``(n, bytes_per_image)``) on disk, over what may be there of it."""
        ...


class _PackedStorage:
    """Slots of fixed size in one file (see `image_set`)."""

    def __init__(self, folder: Path, width: int, per_class: int, classes: int) -> None:
        self.path, self.slot, self.total = folder / IMAGES, width * per_class, width * per_class * classes

    def claim(self) -> None:
        try:
            with self.path.open("ab") as file:
                missing = self.total - file.tell()
                if missing > 0:
                    _require(self.path.parent, missing)
                    if hasattr(os, "posix_fallocate"):
                        os.posix_fallocate(file.fileno(), 0, self.total)
                    else:  # macOS, Windows: a sparse file; the check above has to do
                        file.truncate(self.total)
        except OSError as error:
            self.path.unlink(missing_ok=True)
            raise _no_room(self.path, error, self.total) from error

    def write(self, label: int, train: NDArray[np.uint8], validation: NDArray[np.uint8]) -> None:
        data = train.tobytes() + validation.tobytes()
        try:
            with self.path.open("r+b") as file:
                file.seek(label * self.slot)
                # Unused slots are zero, also where an interrupted class had begun to use them.
                file.write(data.ljust(self.slot, b"\0"))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise _no_room(self.path, error, self.slot) from error


class _PngStorage:
    """``train/CLASS/00000.png`` and ``val/CLASS/00000.png``, 8-bit grey."""

    def __init__(self, folder: Path, size: int, bits: int, per_class: int, names: Sequence[str]) -> None:
        self.folder, self.size, self.bits, self.names = folder, size, bits, list(names)
        self.per_class = per_class

    def claim(self) -> None:
        # A PNG of a wave takes one block of most file systems.
        _require(self.folder, 4096 * self.per_class * len(self.names))

    def write(self, label: int, train: NDArray[np.uint8], validation: NDArray[np.uint8]) -> None:
        for split, rows in (("train", train), ("val", validation)):
            target = self.folder / split / self.names[label]
            part = target.with_name(f".{target.name}.part")
            try:
                for stale in (part, target):
                    shutil.rmtree(stale, ignore_errors=True)
                part.mkdir(parents=True)
                for k, data in enumerate(png_bytes(rows, self.size, self.bits)):
                    (part / f"{k:05d}.png").write_bytes(data)
                part.rename(target)
            except OSError as error:
                shutil.rmtree(part, ignore_errors=True)
                raise _no_room(target, error, 4096 * self.per_class) from error


def storage(
    kind: str, folder: Path, size: int, bits: int, per_class: int, names: Sequence[str]
) -> _PackedStorage | _PngStorage:
    """The storage called `kind` (``"packed"`` or ``"png"``).

    Raises:
        OntogymError: another kind.
    """
    if kind == "packed":
        return _PackedStorage(folder, bytes_per_image(size, bits), per_class, len(names))
    if kind == "png":
        return _PngStorage(folder, size, bits, per_class, names)
    raise OntogymError(f"There is no storage format {kind!r}; choose packed or png.")


def png_bytes(rows: NDArray[np.uint8], size: int, bits: int) -> Iterator[bytes]:
    """Packed images ``(B, bytes_per_image)`` as 8-bit grey PNG files."""
    from PIL import Image

    for row in rows:
        buffer = io.BytesIO()
        Image.fromarray(unpack(row[None], size, bits)[0]).save(buffer, format="PNG", compress_level=6)
        yield buffer.getvalue()


def _require(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OntogymError(
            f"The set needs {needed / 1e9:.2f} GB and the disk of {folder} has {free / 1e9:.2f} GB free; free some "
            "space, choose another --out, or ask for fewer or smaller images."
        )


def _no_room(path: Path, error: OSError, needed: int) -> OntogymError:
    full = error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
    hint = (
        f"there is no room for {needed / 1e9:.2f} GB; free some space"
        if full
        else f"{error.strerror}; mend that"
    )
    return OntogymError(
        f"Cannot write {path}: {hint} and run the same command again, or choose another --out."
    )
