"""Reader of the retinal recordings of Goldin et al. (2022), one ``.h5`` file a session, which the user downloads.

Layout: ``/train/stimulus`` and ``/test/stimulus`` (images, 108, 108) at 28 micrometres per pixel;
``/train/response/binned`` and ``/test/response/binned`` (cells, images), spike counts of 300 ms; optionally
``/test/repeats/cell1`` or ``cell_1`` ... (repeats, images), whose mean is the test response.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError, needs

__all__ = ["GoldinSession", "read_goldin"]

_MOST = 100_000
"""More images or cells than this no session has."""
_MOST_NUMBERS = 2**27
"""Of a data set: 512 MiB as they are kept. A file of some kilobytes can claim any number of compressed or missing ones."""


@dataclass(frozen=True)
class GoldinSession:
    """One session; N images, M cells.

    Attributes:
        train_images, test_images: ``(N, size, size)`` float32, z-scored with mean and SD of the training images.
        train_responses, test_responses: ``(N, M)`` float32 spike counts.
        repeats: ``(M, repeats, N)`` spike counts to the test images, or None if the file has none.
        image_mean, image_sd: what the images were z-scored with.
    """

    train_images: NDArray[np.float32]
    train_responses: NDArray[np.float32]
    test_images: NDArray[np.float32]
    test_responses: NDArray[np.float32]
    repeats: NDArray[np.float32] | None
    image_mean: float
    image_sd: float

    @property
    def luminance(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Training and test images in [0, 1], as `ontogym.retina_env.twin_fit.fit` takes them.

        Black is the darkest pixel of the session and white the brightest: a twin z-scores what it sees, so that it is the
        same for every such scale.
        """
        low = min(self.train_images.min(), self.test_images.min())
        high = max(self.train_images.max(), self.test_images.max())
        scaled = [np.clip((x - low) / (high - low), 0, 1) for x in (self.train_images, self.test_images)]
        return scaled[0], scaled[1]


def read_goldin(path: Path | str, size: int = 108) -> GoldinSession:
    """Read a session.

    Args:
        path: the ``.h5`` file.
        size: side of its images, pixels.

    Raises:
        OntogymError: h5py is missing; no such file, or no HDF5; a data set missing or of another shape; values that
            are not finite; counts below zero; repeats whose mean is not the test response.
    """
    with needs("Reading .h5 files", "h5py", "'ontogym[data]'"):
        import h5py
    path = Path(path)
    if not path.is_file():
        raise OntogymError(f"There is no file {path}; check the path.")
    try:
        with h5py.File(path, "r") as file:
            return _session(_Reader(path, file, h5py.Dataset), size)
    except (OSError, RuntimeError, KeyError) as error:
        raise OntogymError(
            f"{path} is damaged or is no HDF5 file ({error}); download the session again."
        ) from error


@dataclass
class _Reader:
    """Data sets of one file, with complaints that name the file."""

    path: Path
    file: Any
    dataset: type[Any]

    def array(self, name: str, shape: tuple[int | None, ...]) -> NDArray[np.float32]:
        """A data set as float32; None in `shape` stands for any length up to `_MOST`."""
        found = self.file.get(name)
        if not isinstance(found, self.dataset):
            raise self.fault(f"has no data set /{name}")
        fits = len(found.shape) == len(shape) and all(
            0 < have <= _MOST if want is None else have == want for have, want in zip(found.shape, shape)
        )
        if not fits:
            wanted = ", ".join("any" if n is None else str(n) for n in shape)
            raise self.fault(f"has /{name} of shape {found.shape} where ({wanted}) belongs")
        if found.dtype.kind not in "fiu":
            raise self.fault(f"has /{name} of type {found.dtype} where numbers belong")
        if found.size > _MOST_NUMBERS:
            raise self.fault(
                f"has {found.size:,} numbers in /{name}, more than the {_MOST_NUMBERS:,} that are read"
            )
        values = np.asarray(found.astype(np.float32)[()])
        if not np.isfinite(values).all():
            raise self.fault(f"has NaN or infinite values in /{name}")
        return values

    def counts(self, name: str, shape: tuple[int | None, ...]) -> NDArray[np.float32]:
        """The same for spike counts, which may be averaged but are never negative."""
        values = self.array(name, shape)
        if (values < 0).any():
            raise self.fault(f"has negative spike counts in /{name}")
        return values

    def fault(self, what: str) -> OntogymError:
        return OntogymError(
            f"{self.path} {what}, so it is no session of Goldin et al. 2022; convert it to that layout."
        )


def _session(reader: _Reader, size: int) -> GoldinSession:
    train = reader.array("train/stimulus", (None, size, size))
    test = reader.array("test/stimulus", (None, size, size))
    responses = reader.counts("train/response/binned", (None, len(train)))
    answers = reader.counts("test/response/binned", (len(responses), len(test)))
    mean, sd = float(train.mean(dtype=np.float64)), float(train.std(dtype=np.float64))
    if sd == 0:
        raise reader.fault("has training images that are all alike")
    return GoldinSession(
        # If the file holds z-scores already, mean is 0 and SD is 1 and nothing changes.
        ((train - mean) / sd).astype(np.float32),
        np.ascontiguousarray(responses.T),
        ((test - mean) / sd).astype(np.float32),
        np.ascontiguousarray(answers.T),
        _repeats(reader, answers),
        mean,
        sd,
    )


def _repeats(reader: _Reader, answers: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Repeats ``(M, repeats, N)``; cells are matched by the order of their numbers, whatever the first is."""
    group = reader.file.get("test/repeats")
    if group is None:
        return None
    if isinstance(group, reader.dataset):
        raise reader.fault("has a data set where the group /test/repeats belongs")
    numbered = {}
    for name in group:
        match = re.fullmatch(r"cell_?(\d+)", name)
        if match is None or int(match[1]) in numbered:
            raise reader.fault(f"has /test/repeats/{name}, which is no cell's name or stands there twice")
        numbered[int(match[1])] = name
    if len(numbered) != len(answers):
        raise reader.fault(f"has repeats of {len(numbered)} cells but responses of {len(answers)}")
    tables = [
        reader.counts(f"test/repeats/{numbered[n]}", (None, answers.shape[1])) for n in sorted(numbered)
    ]
    for number, table, answer in zip(sorted(numbered), tables, answers):
        # Responses were averaged and stored in single precision at best.
        if not np.allclose(table.mean(0), answer, rtol=1e-3, atol=1e-3):
            raise reader.fault(f"has repeats of cell {number} whose mean is not its test response")
    if len({len(table) for table in tables}) > 1:
        raise reader.fault("has cells with different numbers of repeats")
    return np.stack(tables)
