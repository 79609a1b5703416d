"""The one family of errors that means: the input is wrong, and here is how to mend it."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from numbers import Integral, Real
from typing import Any

__all__ = [
    "OntogymError",
    "UnknownNameError",
    "check_ranges",
    "is_number",
    "is_whole",
    "listed",
    "nearest",
    "needs",
    "whole_number",
]


class OntogymError(ValueError):
    """Bad input. The message is one sentence: what is wrong, and how to mend it.

    The command line prints it and exits with status 2; nothing has been written by then. An error crosses a process
    boundary whole, whatever the `__init__` of its class asks for.
    """

    def __reduce__(self) -> tuple[Callable[..., OntogymError], tuple[Any, ...]]:
        return _again, (type(self), self.args, dict(self.__dict__))


def _again(kind: type[OntogymError], args: tuple[Any, ...], state: dict[str, Any]) -> OntogymError:
    """The error as it was raised: without the `__init__` of its class, which may ask for other arguments."""
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error


class UnknownNameError(OntogymError, LookupError):
    """A name that no registry, folder or option knows; `more` says how else one may be given."""

    def __init__(self, kind: str, name: str, known: Iterable[str], more: str = "") -> None:
        known = sorted(known)
        close = nearest(name, known)
        hint = f"did you mean {close!r}?" if close else f"known are: {listed(known) or 'none'}."
        super().__init__(f"Unknown {kind} {name!r}; {hint}{' ' * bool(more)}{more}")
        self.name, self.known = name, known


def listed(names: Iterable[str], most: int = 240) -> str:
    """Names with commas between, at most so many characters of them, and how many are left out."""
    kept, left = "", list(names)
    while left and len(kept) + len(left[0]) + 2 <= most:
        kept += (", " if kept else "") + left.pop(0)
    return f"{kept}, and {len(left)} more" if left else kept


def check_ranges(settings: object, **ranges: tuple[float, float]) -> None:
    """Compare attributes of `settings` with their least and largest values; None is in every range.

    Raises:
        OntogymError: one is out of its range, or is not a number.
    """
    for name, (low, high) in ranges.items():
        value = getattr(settings, name)
        try:
            inside = value is None or low <= value <= high  # not NaN
        except TypeError:
            inside = False
        if not inside:
            raise OntogymError(f"{name}={value} is out of range; choose {low:g} to {high:g}.")


def is_number(value: Any) -> bool:
    """Whether `value` is a finite number; True is none."""
    value = value.item() if getattr(value, "shape", None) == () else value
    kind = isinstance(value, Real) and not isinstance(value, bool)
    return kind and (isinstance(value, Integral) or math.isfinite(value))


def is_whole(value: Any) -> bool:
    """Whether `value` is a whole number; 3.0 is one, True is none."""
    return is_number(value) and bool(value % 1 == 0)


def whole_number(
    name: str, value: Any, least: int, most: float = math.inf, *, of: str = "", more: str = ""
) -> int:
    """`value` as an int if it is a whole number from `least` to `most`; the sentence may say `of` what, and `more`.

    Raises:
        OntogymError: it is not.
    """
    if not is_whole(value) or not least <= value <= most:
        end = "on" if most == math.inf else f"to {most}"
        kind = f" of {of}" * bool(of)
        raise OntogymError(f"{name} is {value!r}; pass a whole number{kind} from {least} {end}{more}.")
    return int(value)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that looks most like `name`, or None if none does."""
    candidates = {k.lower(): k for k in known}
    found = difflib.get_close_matches(name.lower(), candidates, n=1, cutoff=0.6)
    return candidates[found[0]] if found else None


@contextmanager
def needs(what: str, package: str, install: str, more: str = "") -> Iterator[None]:
    """Imports within it are of a `package` that not everyone has; without it one sentence says how to `install` it."""
    try:
        yield
    except ImportError as error:
        why = (
            "is not installed" if isinstance(error, ModuleNotFoundError) else f"cannot be imported ({error})"
        )
        raise OntogymError(
            f"{what} needs {package}, which {why}; run pip install {install}{more}."
        ) from error
