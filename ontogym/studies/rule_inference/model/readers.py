"""Trials of real animals from the files that psytrack and ibllib ship, and from tables of the IBL.

Tables have a row a trial and the columns of the IBL's behaviour releases (eLife 2021, 10:e63711): ``choice``
(-1 right, 1 left, 0 none), ``contrastLeft``, ``contrastRight`` (empty or NaN where the other side was shown),
``feedbackType`` (1, -1); optional ``subject``, ``date`` and ``session`` tell animals and sessions apart. Trials
without choice or feedback are left out, a missing contrast is 0, and a negative contrast on the right (some
releases have it) loses its sign. The true side is the choice if it was rewarded and the other if not.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError
from ontogym.studies.rule_inference.model.trials import Trials, pack, stimulus
from ontogym.studies.rule_inference.model.unpickling import load_npz, load_pickle

__all__ = ["read_trials"]

COLUMNS = ("choice", "contrastLeft", "contrastRight", "feedbackType")
GROUPING = ("subject", "date", "session")
Table = Mapping[str, Any]


def read_trials(path: Path | str) -> Trials:
    """Trials from a file: a table (``.csv``, ``.parquet``, ``.npz``), psytrack's ``.npz``, ibllib's ``.pickle``.

    Raises:
        OntogymError: no such file, an unknown kind, a malformed table (column and row are named), or a pickle
            that asks for anything but NumPy (named, nothing executed).
    """
    path = Path(path)
    if not path.is_file():
        raise OntogymError(f"There is no file {path}; check the path.")
    suffix = path.suffix.lower()
    try:
        if suffix == ".csv":
            return _from_table(_read_csv(path), str(path))
        if suffix in (".parquet", ".pqt"):
            return _from_table(_read_parquet(path), str(path))
        if suffix in (".pickle", ".pkl"):
            return _from_sessions(load_pickle(path), str(path))
        if suffix == ".npz":
            arrays = load_npz(path)
            return (
                _from_psytrack(arrays["D"], str(path))
                if isinstance(arrays.get("D"), dict)
                else _from_table(arrays, str(path))
            )
    except OSError as error:
        raise OntogymError(f"Cannot read {path} ({error.strerror or error}); check the file.") from None
    raise OntogymError(
        f"{path} is no kind of file that trials are read from; give .csv, .parquet, .npz or .pickle."
    )


def _read_csv(path: Path) -> dict[str, Any]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            head = next(reader, [])
            rows = [row for row in reader if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise OntogymError(f"{path} is no CSV table ({error}); save it as UTF-8 text.") from None
    for number, row in enumerate(rows, 1):
        if len(row) != len(head):
            raise OntogymError(
                f"Row {number} of {path} has {len(row)} cells for {len(head)} columns; mend or drop it."
            )
    return {name: np.array([row[k].strip() for row in rows]) for k, name in enumerate(head)}


def _read_parquet(path: Path) -> dict[str, Any]:
    try:
        from pyarrow import parquet
    except ImportError:
        raise OntogymError(
            f"Reading {path} needs pyarrow; pip install pyarrow, or save the table as CSV."
        ) from None
    try:
        table = parquet.read_table(path)
        return {name: np.asarray(table[name].to_pylist()) for name in table.column_names}
    except (OSError, ValueError, RuntimeError) as error:
        raise OntogymError(f"{path} is no readable parquet table ({error}); fetch it again.") from None


def _from_psytrack(data: Any, source: str) -> Trials:
    """psytrack's rat: two tones a trial; right (2) is correct where the first was louder (Neuron 2021)."""
    try:
        choice, answer = (np.asarray(data[key], dtype=np.float64) for key in ("y", "answer"))
        tones = [np.asarray(data["inputs"][key], dtype=np.float64)[:, 0] for key in ("s1", "s2")]
        days = np.asarray(data["dayLength"], dtype=np.int64)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise OntogymError(
            f"{source} is not laid out as psytrack's sampleRatData ({type(error).__name__}: {error}); "
            "give the file as psytrack ships it, or a CSV table."
        ) from None
    for name, values in (("y", choice), ("answer", answer)):
        _check(values, np.isin(values, (1, 2)), name, source, "1 (left) or 2 (right)")
    for name, values in (("s1", tones[0]), ("s2", tones[1])):
        _check(values, np.isfinite(values), name, source, "a finite number")
    if not (len(choice) == len(answer) == len(tones[0]) == len(tones[1]) == days.sum()) or (days < 0).any():
        raise OntogymError(
            f"The arrays of {source} differ in length ({len(choice)} choices, {days.sum()} in dayLength); "
            "fetch the file again."
        )
    session = np.repeat(np.arange(len(days)), days)
    whole = {
        "stimulus": tones[0] - tones[1],
        "choice": (choice == 2).astype(np.int64),
        "side": (answer == 2).astype(np.int64),
        "reward": (choice == answer).astype(np.float64),
    }
    name = str(data.get("name", "rat"))
    days_of = [{k: v[session == d] for k, v in whole.items()} for d in range(len(days)) if days[d]]
    return pack({name: days_of}, source)


def _from_sessions(data: Any, source: str) -> Trials:
    """ibllib's file: one mouse, date to columns."""
    if not isinstance(data, dict) or not all(isinstance(v, dict) for v in data.values()):
        raise OntogymError(
            f"{source} holds no sessions by date as ibllib's trials_test.pickle does; give that or a CSV table."
        )
    sessions = [_session(_columns(data[key], f"{source}, session {key!r}"), f"{source}, session {key!r}")
                for key in sorted(data, key=str)]  # fmt: skip
    return pack({"mouse": [s for s in sessions if len(s["choice"])]}, source)


def _from_table(table: Table, source: str) -> Trials:
    columns = _columns(table, source)
    n = len(columns["choice"])
    groups = []
    for name in GROUPING:
        values = np.asarray(table[name]).astype(str) if name in table else np.full(n, "")
        if values.shape != (n,):
            raise OntogymError(
                f"Column {name!r} of {source} has {len(values)} rows and 'choice' {n}; mend it."
            )
        groups.append(values)
    # Dates sort; sessions of one date, and all where there is no date, keep the order of the table.
    subject, date, session = (np.unique(values, return_inverse=True)[1].reshape(n) for values in groups)
    first = _first_row(np.stack([subject, date, session], 1))
    order = np.lexsort((np.arange(n), first, date, subject))
    names, new = groups[0][order], np.ones(n, dtype=np.bool_)
    new[1:] = first[order][1:] != first[order][:-1]
    animals: dict[str, list[dict[str, NDArray[Any]]]] = {}
    for rows in np.split(np.arange(n), np.flatnonzero(new)[1:]) if n else []:
        found = _session({c: columns[c][order[rows]] for c in COLUMNS}, source)
        if len(found["choice"]):
            animals.setdefault(str(names[rows[0]]) or "animal", []).append(found)
    return pack(animals, source)


def _first_row(keys: NDArray[np.intp]) -> NDArray[np.intp]:
    """For each row of `keys` the first row that equals it."""
    _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    return np.asarray(first[inverse.reshape(-1)])


def _columns(table: Table, source: str) -> dict[str, NDArray[np.float64]]:
    """The four columns as checked numbers."""
    found: dict[str, NDArray[np.float64]] = {}
    for name in COLUMNS:
        if name not in table:
            raise OntogymError(f"{source} has no column {name!r}; a trials table needs {', '.join(COLUMNS)}.")
        found[name] = _numbers(np.asarray(table[name]), name, source)
        if len(found[name]) != len(found["choice"]):
            raise OntogymError(
                f"Column {name!r} of {source} has {len(found[name])} rows and 'choice' {len(found['choice'])}; "
                "mend it."
            )
    for name in ("choice", "feedbackType"):
        _check(found[name], np.isin(found[name], (-1, 0, 1)), name, source, "-1, 0 or 1")
    for name in ("contrastLeft", "contrastRight"):
        values = np.nan_to_num(found[name], nan=0.0)
        values = np.abs(values) if name == "contrastRight" else values
        _check(found[name], (values >= 0) & (values <= 1), name, source, "a contrast from 0 to 1, or nothing")
        found[name] = values
    return found


def _numbers(values: NDArray[Any], name: str, source: str) -> NDArray[np.float64]:
    """A column of numbers or texts as float64; an empty cell is NaN."""
    if values.ndim != 1:
        raise OntogymError(f"Column {name!r} of {source} has shape {values.shape}; give one number a row.")
    if values.dtype.kind in "biuf":
        return values.astype(np.float64)
    found = np.empty(len(values))
    for k, cell in enumerate(values.tolist()):
        try:
            found[k] = np.nan if cell in (None, "") else float(cell)
        except (TypeError, ValueError):
            raise OntogymError(
                f"Column {name!r} of {source} holds {cell!r} in row {k + 1}, which is no number; mend or drop that row."
            ) from None
    return found


def _check(values: NDArray[np.float64], good: NDArray[np.bool_], name: str, source: str, wanted: str) -> None:
    if not good.all():
        row = int(np.flatnonzero(~good)[0])
        raise OntogymError(
            f"Column {name!r} of {source} holds {values[row]:g} in row {row + 1}; it must be {wanted}."
        )


def _session(columns: Mapping[str, NDArray[np.float64]], source: str) -> dict[str, NDArray[Any]]:
    """One session's usable trials."""
    keep = (columns["choice"] != 0) & (columns["feedbackType"] != 0)
    c = {name: values[keep] for name, values in columns.items()}
    # The IBL counts a turn to the left, the report of a stimulus on the left, as 1.
    answer = c["feedbackType"] * c["choice"]
    return {
        "stimulus": stimulus(c["contrastLeft"], c["contrastRight"]),
        "choice": (c["choice"] == -1).astype(np.int64),
        "side": (answer == -1).astype(np.int64),
        "reward": (c["feedbackType"] == 1).astype(np.float64),
    }
