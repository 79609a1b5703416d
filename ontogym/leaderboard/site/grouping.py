"""Entries by what they share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

from ontogym.leaderboard.site.text import brief

if TYPE_CHECKING:
    from ontogym.leaderboard.board import Entry, Row

__all__ = ["agent_types", "authors_of", "common_status", "grouped", "unscored"]

Item = TypeVar("Item")
Key = TypeVar("Key")


def grouped(items: Iterable[Item], key: Callable[[Item], Key]) -> dict[Key, list[Item]]:
    """Items by key, both in order of first appearance."""
    found: dict[Key, list[Item]] = {}
    for item in items:
        found.setdefault(key(item), []).append(item)
    return found


def agent_types(entries: Sequence[Entry]) -> dict[str, str]:
    """Agent type of each label; several, if a label was used for several."""
    types = {
        label: dict.fromkeys(e.agent_type for e in own)
        for label, own in grouped(entries, lambda e: e.label).items()
    }
    return {label: ", ".join(found) for label, found in types.items()}


def authors_of(entries: Sequence[Entry]) -> dict[str, list[str]]:
    """Who submitted each label, each name once and on one line, sorted."""
    found: dict[str, set[str]] = {}
    for entry in entries:
        name = brief(str(entry.manifest.get("author") or ""))
        found.setdefault(entry.label, set()).update({name} - {""})
    return {label: sorted(names) for label, names in found.items()}


def common_status(entries: Sequence[Entry], rows: Sequence[Row]) -> str:
    """Status of an agent: that of its rows, which leave out what was refused; refused if nothing else is there."""
    if rows:
        return "verified" if all(row.status == "verified" for row in rows) else "claimed"
    return "refused" if all(entry.status == "refused" for entry in entries) else "claimed"


def unscored(entries: Sequence[Entry], rows: Sequence[Row]) -> dict[str, str]:
    """Status of the labels that have entries but no row: refused, or of another version of their suite."""
    scored = {row.label for row in rows}
    return {
        label: common_status(own, [])
        for label, own in grouped(entries, lambda e: e.label).items()
        if label not in scored
    }
