"""What a check found, and how it is raised."""

from __future__ import annotations

import linecache
import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

__all__ = ["Finding", "guarded", "raise_findings"]


class Finding(NamedTuple):
    """One fault: the check that found it, and a sentence that says what is wrong and what to change."""

    name: str
    message: str


def guarded(name: str, check: Callable[[], Iterable[str]], hint: str = "") -> Iterator[Finding]:
    """The findings of one check; an exception that it runs into is a finding too, with its place and the hint."""
    try:
        for message in check():
            yield Finding(name, message)
    except Exception as error:  # what a stranger's code raises is unknown, and is what we report
        told = f"The check {name!r} met {type(error).__name__}{_place(error)}: {error}; make that call work, as the contract asks"
        yield Finding(name, f"{told} ({hint})." if hint else f"{told}.")


def _place(error: BaseException) -> str:
    """The line of the stranger's code in which an exception came up; nothing where only our own is on the way."""
    frames = traceback.walk_tb(error.__traceback__)
    theirs = (
        (frame, line)
        for frame, line in frames
        if frame.f_globals.get("__name__", "").partition(".")[0] != "ontogym"
    )
    for frame, line in theirs:
        path = frame.f_code.co_filename
        source = linecache.getline(path, line, frame.f_globals).strip()
        return f" at {Path(path).name}:{line}" + (f", `{source}`" if source else "")
    return ""


def raise_findings(subject: str, findings: list[Finding]) -> None:
    """Raise AssertionError with every sentence, if there is any."""
    if findings:
        lines = "\n".join(f"- {f.name}: {f.message}" for f in findings)
        raise AssertionError(f"{subject} breaks its contract:\n{lines}")
