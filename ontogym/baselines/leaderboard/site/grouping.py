"""Entries by what they share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from ontogym.baselines.leaderboard.board import Entry

__all__ = ["agent_types", "grouped"]

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
