"""What the columns of a trials table mean: numbers checked, codings recognised, sessions put in order, trials counted.

A coding is told from another by what it says of the stimuli: a rewarded choice is one of the side with the contrast.
Where that does not tell, the table is refused; nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError
from ontogym.studies.rule_inference.model.trials import stimulus

__all__ = ["COLUMNS", "GROUPING", "check", "left_out", "ranks", "session", "text", "trial_columns"]

COLUMNS = ("choice", "contrastLeft", "contrastRight", "feedbackType")
GROUPING = ("subject", "date", "session")
Columns = dict[str, NDArray[np.float64]]
SURE = 0.9
"""Share of trials that a coding must get right to be taken for the one that is meant, and others must miss."""
_TRUTH = {"true": 1.0, "false": 0.0}
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?")
_ISO = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(Z|[+-]\d{2}:?\d{2})?)?"
)


def trial_columns(table: Mapping[str, Any], source: str) -> tuple[Columns, list[str]]:
    """The four columns in the IBL's coding, and sentences about codings that were recognised.

    Raises:
        OntogymError: a column is missing, too short, or holds what it must not; a coding that cannot be told.
    """
    found: Columns = {}
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
        check(
            found[name],
            np.isin(found[name], (-1, 0, 1)),
            name,
            source,
            "-1, 0 or 1 (or true and false; 0 stands for none)",
        )
    blank = int((np.isnan(found["contrastLeft"]) & np.isnan(found["contrastRight"])).sum())
    for name in ("contrastLeft", "contrastRight"):
        values = np.nan_to_num(found[name], nan=0.0)
        values = np.abs(values) if name == "contrastRight" else values
        check(found[name], (values >= 0) & (values <= 1), name, source, "a contrast from 0 to 1, or nothing")
        found[name] = values
    columns, notes = _recognised(found, source)
    if blank:
        notes.append(
            f"{blank} trials have a contrast on neither side, which is read as no stimulus (0); drop them if it is not known."
        )
    return columns, notes


def _recognised(c: Columns, source: str) -> tuple[Columns, list[str]]:
    """Choice and feedback in the IBL's coding: -1 right, 1 left, 0 none; 1 correct, -1 wrong, 0 none."""
    choice, feedback, notes = c["choice"], c["feedbackType"], []
    two_choices = not (choice == -1).any() and (choice == 0).any() and (choice == 1).any()
    # No trial is called wrong, and choices that were made have 0: 0 means wrong.
    zero_is_wrong = not (feedback == -1).any() and bool(
        ((feedback == 0) & (two_choices | (choice != 0))).any()
    )
    if zero_is_wrong:
        feedback = np.where(feedback == 1, 1.0, -1.0)
        notes.append("feedbackType is coded 1 correct, 0 wrong.")
    side = np.sign(c["contrastLeft"]) - np.sign(c["contrastRight"])  # 1 left, -1 right, 0 both or none
    if two_choices:
        codings = {"0 none": choice, "0 left": 1 - 2 * choice, "0 right": 2 * choice - 1}
        fits = [name for name, values in codings.items() if _agreement(values, feedback, side)[0] >= SURE]
        if len(fits) != 1:
            raise OntogymError(
                f"Column 'choice' of {source} holds 0 and 1 and never -1, and stimuli and feedback do not tell which "
                "side (or no choice) 0 is; write -1 for right, 1 for left and 0 for none."
            )
        choice = codings[fits[0]]
        if fits != ["0 none"]:
            other = "right" if fits == ["0 left"] else "left"
            notes.append(f"choice is coded {fits[0]}, 1 {other}.")
    odd = np.flatnonzero((choice == 0) & (feedback == 1))
    if len(odd):
        rows = _rows(odd)
        raise OntogymError(
            f"{source} has a reward without a choice (choice 0, feedbackType 1) in {rows}; write feedbackType 0 there, or mend "
            "the choice."
        )
    share, trials = _agreement(choice, feedback, side)
    if trials >= 10 and share <= 1 - SURE:
        raise OntogymError(
            f"In {source} {1 - share:.0%} of {trials} choices were rewarded against their stimulus; 'choice' must be "
            "-1 for right and 1 for left: mend its signs."
        )
    if share < 1:
        notes.append(
            f"In {round((1 - share) * trials)} of {trials} trials feedback contradicts the stimulus."
        )
    return {**c, "choice": choice, "feedbackType": feedback}, notes


def _agreement(
    choice: NDArray[np.float64], feedback: NDArray[np.float64], side: NDArray[np.float64]
) -> tuple[float, int]:
    """Share of trials whose choice was rewarded if and only if it was that of the stimulus, and of how many.

    0 if a trial without a choice was rewarded.
    """
    told = (choice != 0) & (feedback != 0) & (side != 0)
    if ((choice == 0) & (feedback == 1)).any():
        return 0.0, int(told.sum())
    good = (choice == side) == (feedback == 1)
    return (float(good[told].mean()) if told.any() else 1.0), int(told.sum())


def _rows(index: NDArray[np.intp]) -> str:
    """Rows, counted from 1: the first three by their numbers."""
    named = ", ".join(str(row + 1) for row in index[:3])
    more = f" and {len(index) - 3} more" if len(index) > 3 else ""
    return f"row{'s' * (len(index) > 1)} {named}{more}"


def left_out(columns: Columns) -> str:
    """How many trials cannot be used, and why, in a sentence."""
    none = columns["choice"] == 0
    unknown = (columns["feedbackType"] == 0) & ~none
    total, gone = len(none), int(none.sum() + unknown.sum())
    return (
        f"{total} trials read, {total - gone} kept, {gone} left out ({int(none.sum())} without a choice, "
        f"{int(unknown.sum())} without feedback)."
    )


def session(columns: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[Any]]:
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


def ranks(values: Iterable[Any], what: str, names: bool = False) -> NDArray[np.intp] | None:
    """The rank of each entry, equal ones alike: numbers by their size, ISO dates by their time.

    Args:
        values: numbers, dates or texts of either.
        what: to call them in messages, for example ``"Column 'date' of t.csv"``.
        names: whether they may be mere names, which have no order: then None.

    Raises:
        OntogymError: an entry that is neither (it is named), or empty.
    """
    array = values if isinstance(values, np.ndarray) else np.array(list(values), dtype=object)
    if array.dtype.kind in "biuf":
        keys: Any = array
        odd = np.flatnonzero(~np.isfinite(array.astype(np.float64)))
    elif array.dtype.kind == "M":
        keys, odd = array, np.flatnonzero(np.isnat(array))
    else:
        cells = [text(cell) for cell in array.tolist()]
        numbers = [_NUMBER.fullmatch(cell) is not None for cell in cells]
        if all(numbers):
            whole = all("." not in cell for cell in cells)
            keys, odd = [int(cell) if whole else float(cell) for cell in cells], np.zeros(0, dtype=np.intp)
        else:
            keys = [_moment(cell) for cell in cells]
            zones = {key.tzinfo is None for key in keys if key is not None}
            odd = np.array([k for k, key in enumerate(keys) if key is None], dtype=np.intp)
            if names and all(cells) and (len(odd) or len(zones) > 1):
                return None
            if not all(cells):  # what is missing among numbers makes nothing else odd
                odd = np.flatnonzero([not cell for cell in cells])
            if len(zones) > 1:
                raise OntogymError(f"{what} has times with and without a zone; write all of them alike.")
    if len(odd):
        cell = text(array.tolist()[odd[0]])
        if not cell:
            raise OntogymError(
                f"{what} is empty in row {odd[0] + 1}, so that its place in time is not told; fill it in, drop the row, or leave "
                "the column out where rows are in order."
            )
        raise OntogymError(
            f"{what} holds {cell!r} in row {odd[0] + 1}, whose place in time is not told; write numbers or ISO dates "
            "(2020-01-31) throughout, or leave the column out where rows are in order."
        )
    keys = keys if isinstance(keys, np.ndarray) else np.array([*keys, None], dtype=object)[:-1]
    return np.unique(keys, return_inverse=True)[1].reshape(len(array))


def text(cell: Any) -> str:
    """A cell as text, empty where there is nothing in it."""
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "replace").strip()
    if isinstance(cell, (datetime, date)):
        return cell.isoformat()
    return "" if cell is None or cell != cell else str(cell).strip()


def _moment(cell: str) -> datetime | None:
    """The time that an ISO text means; None for any other text."""
    found = _ISO.fullmatch(cell)
    if found is None:
        return None
    day, minute, second, fraction, zone = found.groups()
    zone = "" if zone is None else "+00:00" if zone == "Z" else f"{zone[:3]}:{zone[-2:]}"
    try:
        return datetime.fromisoformat(
            f"{day}T{minute or '00:00'}:{second or '00'}.{(fraction or '')[:6].ljust(6, '0')}{zone}"
        )
    except ValueError:
        return None


def _numbers(values: NDArray[Any], name: str, source: str) -> NDArray[np.float64]:
    """A column of numbers, truth values or texts of either as float64; an empty cell is NaN."""
    if values.ndim != 1:
        raise OntogymError(f"Column {name!r} of {source} has shape {values.shape}; give one number a row.")
    if values.dtype.kind in "biuf":
        return values.astype(np.float64)
    found = np.empty(len(values))
    cells: Sequence[Any] = values.tolist()
    for k, cell in enumerate(cells):
        try:
            known = _TRUTH.get(cell.lower()) if isinstance(cell, str) else None
            found[k] = known if known is not None else np.nan if cell in (None, "") else float(cell)
        except (TypeError, ValueError):
            raise OntogymError(
                f"Column {name!r} of {source} holds {cell!r} in row {k + 1}, which is no number; mend or drop that row."
            ) from None
    return found


def check(values: NDArray[np.float64], good: NDArray[np.bool_], name: str, source: str, wanted: str) -> None:
    """Raise OntogymError with the first row of a column that is not `good`."""
    if not good.all():
        row = int(np.flatnonzero(~good)[0])
        held = "is empty" if np.isnan(values[row]) else f"holds {values[row]:g}"
        raise OntogymError(f"Column {name!r} of {source} {held} in row {row + 1}; it must be {wanted}.")
