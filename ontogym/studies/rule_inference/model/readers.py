"""Trials of real animals from the files that psytrack and ibllib ship, and from tables of the IBL.

Tables have a row a trial and the columns of the IBL's behaviour releases (eLife 2021, 10:e63711): ``choice``
(-1 right, 1 left, 0 none), ``contrastLeft``, ``contrastRight`` (empty or NaN where the other side was shown),
``feedbackType`` (1, -1); optional ``subject``, ``date`` and ``session`` tell animals and sessions apart. Trials
without choice or feedback are left out (``Trials.notes`` says how many), a missing contrast is 0, and a negative
contrast on the right (some releases have it) loses its sign. The true side is the choice if it was rewarded and the
other if not. Where there is no ``subject``, or no row has one, all rows are one animal's; where some have one and others
not, the table is refused. What else `columns` recognises (truth values; 0 and 1) is said in the notes too.

Dates and sessions are put in order as numbers or as ISO dates. Names of sessions, which have no order, keep that of
the table; a date that is neither is refused.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError, needs
from ontogym.studies.rule_inference.model.archives import load_npz
from ontogym.studies.rule_inference.model.columns import (
    COLUMNS,
    GROUPING,
    check,
    left_out,
    ranks,
    session,
    text,
    trial_columns,
)
from ontogym.studies.rule_inference.model.trials import Trials, pack
from ontogym.studies.rule_inference.model.unpickling import check_size, load_pickle

__all__ = ["read_trials"]

MAX_TRIALS = 4_000_000
"""Most rows of a table (the IBL's whole release has three million)."""
MAX_CELL = 200
"""Most characters of a cell: in an array of texts each cell has the room of the longest."""
WANTED = (*COLUMNS, *GROUPING)
Table = Mapping[str, Any]


def read_trials(path: Path | str) -> Trials:
    """Trials from a file: a table (``.csv``, ``.parquet``, ``.npz``), psytrack's ``.npz``, ibllib's ``.pickle``.

    Raises:
        OntogymError: no such file, an unknown kind, a malformed table (column and row are named), a pickle that asks
            for anything but NumPy (named, nothing executed), or a file that asks for more memory than is granted.
    """
    path = Path(path)
    if path.is_dir():
        raise OntogymError(f"{path} is a folder; name one table of trials in it.")
    if not path.is_file():
        raise OntogymError(f"There is no file {path}; check the path.")
    suffix = path.suffix.lower()
    try:
        check_size(path)
        if suffix == ".csv":
            return _from_table(_read_csv(path), str(path))
        if suffix in (".parquet", ".pqt"):
            return _from_table(_read_parquet(path), str(path))
        if suffix in (".pickle", ".pkl"):
            return _from_sessions(load_pickle(path), str(path))
        if suffix == ".npz":
            arrays = load_npz(path)
            if isinstance(arrays.get("D"), dict):
                return _from_psytrack(arrays["D"], str(path))
            _check_names(list(arrays), str(path))
            return _from_table(arrays, str(path))
    except OSError as error:
        raise OntogymError(f"Cannot read {path} ({error.strerror or error}); check the file.") from None
    except MemoryError:
        raise OntogymError(
            f"{path} takes more memory than there is; cut it into files of fewer animals."
        ) from None
    raise OntogymError(
        f"{path} is no kind of file that trials are read from; give .csv, .parquet, .npz or .pickle."
    )


def _read_csv(path: Path) -> dict[str, Any]:
    """The wanted columns of a CSV table as texts, equal ones one object."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            head = [name.strip() for name in next(reader, [])]
            if len(head) == 1 and (other := next((mark for mark in "\t;|" if mark in head[0]), None)):
                named = {"\t": "tabs", ";": "semicolons", "|": "bars"}[other]
                raise OntogymError(f"The columns of {path} are separated by {named}; save it with commas.")
            _check_names(head, str(path))
            places = {name: head.index(name) for name in WANTED if name in head}
            found: dict[str, list[str]] = {name: [] for name in places}
            known: dict[str, str] = {}
            for number, row in enumerate((row for row in reader if row), 1):
                if len(row) != len(head):
                    raise OntogymError(
                        f"Row {number} of {path} has {len(row)} cells for {len(head)} columns; mend or drop it."
                    )
                if number > MAX_TRIALS:
                    raise OntogymError(
                        f"{path} has more than {MAX_TRIALS} rows; cut it into files of fewer animals."
                    )
                for name, at in places.items():
                    cell = row[at].strip()
                    if len(cell) > MAX_CELL:
                        raise OntogymError(
                            f"Column {name!r} of {path} holds {len(cell)} characters in row {number}; mend or drop it."
                        )
                    found[name].append(known.setdefault(cell, cell))
    except (UnicodeDecodeError, csv.Error) as error:
        raise OntogymError(f"{path} is no CSV table ({error}); save it as UTF-8 text.") from None
    return {name: np.array([*cells, None], dtype=object)[:-1] for name, cells in found.items()}


def _check_names(names: Sequence[str], source: str) -> None:
    """Refuse a table in which a column that is read stands twice, or in another spelling alone."""
    for name in WANTED:
        if names.count(name) > 1:
            raise OntogymError(
                f"{source} has the column {name!r} more than once; keep the one that is meant."
            )
        # Sessions may be told by their dates, and then go by names of any kind.
        if name in names or (name == "session" and "date" in names):
            continue
        for other in names:
            if _plain(other) == _plain(name):
                raise OntogymError(
                    f"{source} has no column {name!r} but one {other!r}, which would not be read; rename it to {name!r}, or drop it."
                )


def _plain(name: str) -> str:
    """A column's name without what spellings differ in: capitals, what is no letter, and an id or a plural at its end."""
    return re.sub(r"(ids?|s)$", "", re.sub(r"[^a-z]", "", name.lower()))


def _read_parquet(path: Path) -> dict[str, Any]:
    with needs(f"Reading {path}", "pyarrow", "pyarrow", ", or save the table as CSV"):
        from pyarrow import parquet
    try:
        with parquet.ParquetFile(path) as file:
            if file.metadata.num_rows > MAX_TRIALS:
                raise OntogymError(
                    f"{path} has more than {MAX_TRIALS} rows; cut it into files of fewer animals."
                )
            _check_names(file.schema_arrow.names, str(path))
            names = [name for name in file.schema_arrow.names if name in WANTED]
            table = file.read(columns=names)
        return {name: np.array([*table[name].to_pylist(), None], dtype=object)[:-1] for name in names}
    except OntogymError:
        raise
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
        check(values, np.isin(values, (1, 2)), name, source, "1 (left) or 2 (right)")
    for name, values in (("s1", tones[0]), ("s2", tones[1])):
        check(values, np.isfinite(values), name, source, "a finite number")
    days = days.reshape(-1)
    # Python's sum does not overflow.
    if (
        not (len(choice) == len(answer) == len(tones[0]) == len(tones[1]) == sum(days.tolist()))
        or (days < 0).any()
    ):
        raise OntogymError(
            f"The arrays of {source} differ in length ({len(choice)} choices, {sum(days.tolist())} in dayLength); "
            "fetch the file again."
        )
    whole = {
        "stimulus": tones[0] - tones[1],
        "choice": (choice == 2).astype(np.int64),
        "side": (answer == 2).astype(np.int64),
        "reward": (choice == answer).astype(np.float64),
    }
    ends = np.cumsum(days)
    days_of = [{k: v[end - day : end] for k, v in whole.items()} for day, end in zip(days, ends) if day]
    return pack(
        {str(data.get("name", "rat"))[:MAX_CELL]: days_of}, source, (f"{len(choice)} trials read, all kept.",)
    )


def _from_sessions(data: Any, source: str) -> Trials:
    """ibllib's file: one mouse, date to columns."""
    if not isinstance(data, dict) or not all(isinstance(v, dict) for v in data.values()):
        raise OntogymError(
            f"{source} holds no sessions by date as ibllib's trials_test.pickle does; give that or a CSV table."
        )
    keys = list(data)
    order = ranks(keys, f"The dates of the sessions of {source}")
    assert order is not None
    # One coding holds for the whole file: a session may lack errors, or one side.
    parts = [
        _sized(data[keys[k]], f"{source}, session {keys[k]!r}") for k in np.argsort(order, kind="stable")
    ]
    table = {
        name: np.concatenate([part[name] for part in parts]) if parts else np.zeros(0) for name in COLUMNS
    }
    columns, notes = trial_columns(table, source)
    ends: Any = np.cumsum([len(part["choice"]) for part in parts])[:-1] if parts else []
    split = {name: np.split(values, ends) for name, values in columns.items()}
    sessions = [session({name: split[name][k] for name in COLUMNS}) for k in range(len(parts))]
    return pack({"mouse": [s for s in sessions if len(s["choice"])]}, source, (left_out(columns), *notes))


def _sized(table: Table, source: str) -> Table:
    """One session, its columns checked by themselves, so that a message can name it."""
    missing = [name for name in COLUMNS if name not in table]
    if not missing:
        sizes = {np.shape(table[name]) for name in COLUMNS}
        if len(sizes) == 1 and len(next(iter(sizes))) == 1:
            return {name: np.asarray(table[name]) for name in COLUMNS}
    raise OntogymError(
        f"{source} has no column {missing[0]!r}; a session needs {', '.join(COLUMNS)}."
        if missing
        else f"The columns of {source} differ in shape; give one number a trial in each of {', '.join(COLUMNS)}."
    )


def _from_table(table: Table, source: str) -> Trials:
    columns, notes = trial_columns(table, source)
    n = len(columns["choice"])
    if n > MAX_TRIALS:
        raise OntogymError(
            f"{source} has {n} rows and at most {MAX_TRIALS} are read; cut it into smaller files."
        )
    if "subject" not in table:
        notes.insert(0, "There is no column 'subject': all rows are one animal's.")
    subject, names = _named(_column(table, "subject", n, source))
    blank = np.flatnonzero(subject == names.index("")) if "" in names else np.zeros(0, dtype=np.intp)
    if len(names) > 1 and len(blank):
        raise OntogymError(
            f"Column 'subject' of {source} is empty in row {blank[0] + 1} (of {len(blank)} such), while others name their animal; name "
            "it in every row, or drop the rows whose animal is not known."
        )
    if "subject" in table and len(blank):
        notes.insert(0, "Column 'subject' is empty throughout: all rows are one animal's.")
    date, day = _column(table, "date", n, source), _column(table, "session", n, source)
    when = ranks(date, f"Column 'date' of {source}") if _filled(date) else np.zeros(n, dtype=np.intp)
    assert when is not None
    place = (
        ranks(day, f"Column 'session' of {source}", names=True)
        if _filled(day)
        else np.zeros(n, dtype=np.intp)
    )
    if place is None:  # names of sessions have no order: they keep that of the table
        place = _first_row(np.stack([subject, when, _named(day)[0]], 1))
    keys = np.stack([subject, when, place], 1)
    order = np.lexsort((np.arange(n), place, when, subject))
    new = np.ones(n, dtype=np.bool_)
    new[1:] = (keys[order][1:] != keys[order][:-1]).any(1)
    animals: dict[str, list[dict[str, NDArray[Any]]]] = {}
    for rows in np.split(order, np.flatnonzero(new)[1:]) if n else []:
        found = session({c: columns[c][rows] for c in COLUMNS})
        if len(found["choice"]):
            animals.setdefault(names[subject[rows[0]]] or "animal", []).append(found)
    return pack(animals, source, (left_out(columns), *notes))


def _column(table: Table, name: str, n: int, source: str) -> NDArray[Any]:
    """One of the optional columns, ``(n,)``; where it is not there, all empty."""
    values = np.asarray(table[name]) if name in table else np.array([""] * n, dtype=object)
    if values.shape != (n,):
        raise OntogymError(
            f"Column {name!r} of {source} has shape {values.shape} and 'choice' {n} rows; mend it."
        )
    return values


def _filled(values: NDArray[Any]) -> bool:
    """Whether there is anything in a column."""
    if values.dtype.kind == "f":
        return not np.isnan(values).all()
    return values.dtype.kind in "biuM" or any(text(cell) for cell in values.tolist())


def _named(values: NDArray[Any]) -> tuple[NDArray[np.intp], list[str]]:
    """For each entry the number of its name, and the names, sorted as texts."""
    cells = [text(cell) for cell in values.tolist()]
    names = sorted(set(cells))
    number = {name: k for k, name in enumerate(names)}
    return np.array([number[cell] for cell in cells], dtype=np.intp), names


def _first_row(keys: NDArray[np.intp]) -> NDArray[np.intp]:
    """For each row of `keys` the first row that equals it."""
    _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    return np.asarray(first[inverse.reshape(-1)])
