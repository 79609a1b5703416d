"""What may stand on a board beside what is there: whose a label is, one agent a seed, and no copies unnamed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from ontogym.leaderboard.labels import check_name, skeleton
from ontogym.leaderboard.limits import Refused
from ontogym.leaderboard.submission import Submission, content_of

__all__ = ["ACCEPTABLE", "Record", "check_admission", "copies_of", "owners"]

ACCEPTABLE = ("label", "copy", "replacement")
"""What an organiser may let pass by name: a label of another author or one that looks like another's, an agent that
stands under another label or seed already, and a second agent for a seed, in place of the first."""


@dataclass(frozen=True)
class Record:
    """An entry of a store.

    Attributes:
        name: short name, of its file.
        submission: as it was submitted.
        order: which entry of the store it was, from 1. added: when it came.
        author: the name under which the organiser took it.
        accepted: what the organiser let pass.
        replaces: id of the entry in whose place it stands.
        verification: what we found, or None.
    """

    name: str
    submission: Submission
    order: int
    added: str
    author: str
    accepted: tuple[str, ...] = ()
    replaces: str | None = None
    verification: dict[str, Any] | None = None

    @property
    def manifest(self) -> dict[str, Any]:
        """The submitter's."""
        return self.submission.manifest

    @property
    def label(self) -> str:
        """Under which it is ranked."""
        return str(self.manifest["agent"]["label"])

    @property
    def cell(self) -> tuple[Any, ...]:
        """Suite, version and task."""
        return tuple(self.manifest[key] for key in ("suite", "suite_version", "task"))

    @cached_property
    def content(self) -> str:
        """Hash of what the agent is."""
        return content_of(self.submission)


def owners(records: Sequence[Record]) -> dict[str, str]:
    """Label to the author that had it first, for records in the order in which they came."""
    found: dict[str, str] = {}
    for record in records:
        if "label" not in record.accepted:
            found.setdefault(record.label, record.author)
    for record in records:  # labels that the organiser let pass from the beginning
        found.setdefault(record.label, record.author)
    return found


def copies_of(record: Record, records: Sequence[Record]) -> list[Record]:
    """Entries on the same task that are the same agent under another label or seed, as they came."""
    mine = (record.label, record.manifest["seed"])
    return [
        each
        for each in records
        if each.cell == record.cell
        and (each.label, each.manifest["seed"]) != mine
        and each.content == record.content
    ]


def check_admission(new: Record, records: Sequence[Record]) -> Record:
    """The new record, if it may stand beside the others (in the order in which they came).

    Raises:
        Refused: a label of another author or one that looks like another's, a copy, or a second agent for a seed,
            unless the organiser accepts it by name.
    """
    for word in new.accepted:
        if word not in ACCEPTABLE:
            raise Refused(f"Nothing called {word!r} can be accepted; there are {', '.join(ACCEPTABLE)}.")
    check_name(new.author, "The author", 200, empty=True)
    if "label" not in new.accepted:
        _check_label(new, records)
    copies = copies_of(new, records)
    if copies and "copy" not in new.accepted:
        raise Refused(
            f"It is the same agent as {copies[0].name}, which stands there as {copies[0].label!r}; an organiser lets it "
            "pass with --accept copy."
        )
    mine = (*new.cell, new.label, new.manifest["seed"])
    before = [each for each in records if (*each.cell, each.label, each.manifest["seed"]) == mine]
    if not before:
        return new
    if "replacement" not in new.accepted:
        raise Refused(
            f"Seed {new.manifest['seed']} of {new.label!r} is there already ({before[-1].name}); an organiser puts another "
            "in its place with --accept replacement."
        )
    return replace(new, replaces=before[-1].submission.id)


def _check_label(new: Record, records: Sequence[Record]) -> None:
    owned = owners(records)
    if new.label in owned:
        if owned[new.label] != new.author:
            raise Refused(
                f"The label {new.label!r} belongs to {owned[new.label] or 'an author without a name'!r}, not to "
                f"{new.author or 'an author without a name'!r}; choose another, or an organiser lets it pass with "
                "--accept label."
            )
        return
    mine = skeleton(new.label)
    for label in owned:
        if skeleton(label) == mine:
            raise Refused(
                f"The label {new.label!r} looks like {label!r}, which stands there; choose another, or an organiser "
                "lets it pass with --accept label."
            )
