"""What a stranger's JSON must look like, declared: fields, and for every number, text and list how large it may be.

A field is an object with ``check(value, where)``, which returns the value or refuses it in one sentence. Fields nest;
nothing that a schema does not name passes at any depth.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ontogym.errors import UnknownNameError
from ontogym.leaderboard.limits import Refused, check_text

__all__ = [
    "Anything",
    "Choice",
    "Exactly",
    "Field",
    "Flag",
    "ListOf",
    "MapOf",
    "Null",
    "OneOf",
    "Real",
    "Record",
    "Text",
    "Whole",
]


class Field(Protocol):
    """One place of a schema."""

    def check(self, value: Any, where: str) -> Any:
        """`value` if it is what belongs at `where` (named in the message).

        Raises:
            Refused: it is not.
        """
        ...


@dataclass(frozen=True)
class Text:
    """Printable text of at most `most` characters that `pattern` describes whole, on one line unless `lines`."""

    most: int
    pattern: str = ""
    lines: bool = False

    def check(self, value: Any, where: str) -> str:
        check_text(value, where, self.most, self.lines)
        if self.pattern and not re.fullmatch(self.pattern, value):
            raise _refusal(f"{where} is {value[:80]!r}, which is none; it must match {self.pattern}.")
        return str(value)


@dataclass(frozen=True)
class Whole:
    """A whole number from `low` to `high`."""

    low: int
    high: int

    def check(self, value: Any, where: str) -> int:
        if type(value) is not int or not self.low <= value <= self.high:
            raise _refusal(
                f"{where} must be a whole number from {self.low} to {self.high}, not {_brief(value)}."
            )
        return value


@dataclass(frozen=True)
class Real:
    """A finite number from `low` to `high`."""

    low: float
    high: float

    def check(self, value: Any, where: str) -> float:
        good = type(value) in (int, float) and math.isfinite(value) and self.low <= value <= self.high
        if not good:
            raise _refusal(
                f"{where} must be a number from {self.low:g} to {self.high:g}, not {_brief(value)}."
            )
        return float(value)


@dataclass(frozen=True)
class Flag:
    """True or false."""

    def check(self, value: Any, where: str) -> bool:
        if type(value) is not bool:
            raise _refusal(f"{where} must be true or false, not {_brief(value)}.")
        return value


@dataclass(frozen=True)
class Null:
    """Nothing."""

    def check(self, value: Any, where: str) -> None:
        if value is not None:
            raise _refusal(f"{where} must be null, not {_brief(value)}.")


@dataclass(frozen=True)
class Anything:
    """An object whose own schema is checked where more is known of it."""

    def check(self, value: Any, where: str) -> Any:
        if not isinstance(value, Mapping):
            raise _refusal(f"{where} must be an object, not {_brief(value)}.")
        return value


@dataclass(frozen=True)
class Exactly:
    """This value and no other."""

    value: Any

    def check(self, value: Any, where: str) -> Any:
        if type(value) is not type(self.value) or value != self.value:
            raise _refusal(f"{where} must be {self.value!r}, not {_brief(value)}.")
        return value


@dataclass(frozen=True)
class Choice:
    """One of these words."""

    words: tuple[str, ...]

    def check(self, value: Any, where: str) -> str:
        check_text(value, where, 200)
        if value not in self.words:
            raise _refusal(f"{where}: {UnknownNameError('value', value, self.words)}")
        return str(value)


@dataclass(frozen=True)
class ListOf:
    """A list of `least` to `most` items."""

    item: Field
    most: int
    least: int = 0

    def check(self, value: Any, where: str) -> list[Any]:
        if not isinstance(value, (list, tuple)) or not self.least <= len(value) <= self.most:
            size = f"{self.least}" if self.least == self.most else f"{self.least} to {self.most}"
            raise _refusal(f"{where} must be a list of {size} parts, not {_brief(value)}.")
        return [self.item.check(part, f"{where}[{k}]") for k, part in enumerate(value)]


@dataclass(frozen=True)
class MapOf:
    """An object with at most `most` names of the submitter's choice, each a text that `name` takes."""

    value: Field
    most: int
    name: Text = Text(80)

    def check(self, value: Any, where: str) -> dict[str, Any]:
        if not isinstance(value, Mapping) or len(value) > self.most:
            raise _refusal(f"{where} must be an object with at most {self.most} names.")
        checked = {}
        for key, part in value.items():
            self.name.check(key, f"a name in {where}")
            checked[key] = self.value.check(part, _inside(where, key))
        return checked


@dataclass(frozen=True)
class OneOf:
    """The first of these fields that fits, checked in order; `what` says what would."""

    what: str
    fields: tuple[Field, ...]

    def check(self, value: Any, where: str) -> Any:
        for choice in self.fields:
            try:
                return choice.check(value, where)
            except Refused:
                continue
        raise _refusal(f"{where} must be {self.what}, not {_brief(value)}.")


@dataclass(frozen=True)
class Record:
    """An object with exactly these names; those of `optional` may be absent."""

    fields: Mapping[str, Field]
    optional: Mapping[str, Field] = field(default_factory=dict)

    def check(self, value: Any, where: str) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise _refusal(f"{where} must be an object, not {_brief(value)}.")
        known = {**self.fields, **self.optional}
        for key in value:
            if key not in known:
                raise _refusal(f"{UnknownNameError(f'key in {where}:', str(key)[:80], known)}")
        for key in self.fields:
            if key not in value:
                raise _refusal(f"{where} lacks the key {key!r}.")
        return {key: known[key].check(part, _inside(where, key)) for key, part in value.items()}


def _refusal(sentence: str) -> Refused:
    return Refused(sentence[0].upper() + sentence[1:])


def _inside(where: str, key: Any) -> str:
    return f"{where}: {str(key)[:80]!r}"


def _brief(value: Any) -> str:
    """A value that a stranger chose, short enough for a sentence whatever it is."""
    if isinstance(value, (Mapping, list, tuple)):
        return f"{'an object' if isinstance(value, Mapping) else 'a list'} of {len(value)} parts"
    if isinstance(value, int) and abs(value) >= 10**20:
        return f"a number of {len(str(abs(value)))} digits"
    text = ascii(value)
    return text if len(text) <= 80 else f"{text[:80]}..."
