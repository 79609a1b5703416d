"""What a check found, and how it is raised."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

__all__ = ["Finding", "guarded", "raise_findings"]


class Finding(NamedTuple):
    """One fault: the check that found it, and a sentence that says what is wrong and what to change."""

    name: str
    message: str


def guarded(name: str, check: Callable[[], Iterable[str]]) -> Iterator[Finding]:
    """The findings of one check; an exception that it runs into is a finding too."""
    try:
        for message in check():
            yield Finding(name, message)
    except Exception as error:  # what a stranger's code raises is unknown, and is what we report
        yield Finding(
            name,
            f"The check {name!r} met {type(error).__name__}: {error}; make that call work, as the contract asks.",
        )


def raise_findings(subject: str, findings: list[Finding]) -> None:
    """Raise AssertionError with every sentence, if there is any."""
    if findings:
        lines = "\n".join(f"- {f.name}: {f.message}" for f in findings)
        raise AssertionError(f"{subject} breaks its contract:\n{lines}")
