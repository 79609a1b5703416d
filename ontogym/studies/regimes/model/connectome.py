"""A connectome from a file."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError

__all__ = ["read_connectome"]


def read_connectome(path: Path | str) -> NDArray[np.float64]:
    """A square matrix of weights from a .npy or .csv file: ``(n, n)``, rows post, columns pre.

    A CSV may have a first line and a first column of names; both are left out then. No pickle is ever read.

    Raises:
        OntogymError: a missing, malformed, ragged, non-square or non-finite file, or another ending.
    """
    path = Path(path)
    if not path.is_file():
        raise OntogymError(f"There is no file {path}; check the path.")
    kind = path.suffix.lower()
    if kind not in (".npy", ".csv"):
        raise OntogymError(f"A connectome is read from .npy or .csv, not from {path.name!r}; convert it.")
    matrix = _npy(path) if kind == ".npy" else _csv(path)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.size:
        raise OntogymError(
            f"{path} holds a matrix of shape {matrix.shape}; it must be square, rows being post."
        )
    if not np.isfinite(matrix).all():
        row, column = np.argwhere(~np.isfinite(matrix))[0]
        raise OntogymError(f"{path} has no finite number at row {row}, column {column}; mend or drop it.")
    return matrix


def _npy(path: Path) -> NDArray[np.float64]:
    try:
        # Mapped, not read: a header may promise more numbers than there is memory.
        found = np.load(path, allow_pickle=False, mmap_mode="r")
        if found.dtype.kind not in "fiub":
            raise OntogymError(f"{path} holds {found.dtype} and no real numbers; save the weights alone.")
        return np.array(found, dtype=np.float64)
    except OntogymError:
        raise
    # A damaged header raises nearly anything: ValueError, OSError, EOFError, tokenize.TokenError, MemoryError, ...
    except Exception as error:
        raise OntogymError(f"{path} is no plain NumPy array ({error}); save it with numpy.save.") from error


def _csv(path: Path) -> NDArray[np.float64]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if any(cell.strip() for cell in row)]
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        raise OntogymError(f"{path} is no CSV text ({error}).") from error
    if not rows:
        raise OntogymError(f"{path} is empty; write one line of numbers for each unit.")
    if len(rows) > 1 and not _number(rows[0][-1]):
        rows = rows[1:]
    if not _number(rows[0][0]):
        rows = [row[1:] for row in rows]
    width = len(rows[0])
    if width < 1 or (len(rows) > 1 and max(map(len, rows)) <= 1):
        raise OntogymError(
            f"{path} has one cell a line; separate numbers by commas (not by tabs, blanks or semicolons), a line a unit."
        )
    values = np.empty((len(rows), width))
    for k, row in enumerate(rows):
        if len(row) != width:
            raise OntogymError(
                f"{path}: data row {k} has {len(row)} numbers and the first has {width}; mend it."
            )
        for column, cell in enumerate(row):
            if not _number(cell):
                raise OntogymError(
                    f"{path}: {cell!r} at data row {k}, column {column} is no number; mend it."
                )
            values[k, column] = float(cell)
    return values


def _number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
