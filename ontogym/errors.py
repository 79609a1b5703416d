"""The one family of errors that means: the input is wrong, and here is how to mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["OntogymError", "UnknownNameError", "nearest"]


class OntogymError(ValueError):
    """Bad input. The message is one sentence: what is wrong, and how to mend it.

    The command line prints it and exits with status 2; nothing has been written by then.
    """


class UnknownNameError(OntogymError, LookupError):
    """A name that no registry, folder or option knows."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        known = sorted(known)
        close = nearest(name, known)
        hint = f"did you mean {close!r}?" if close else f"known are: {', '.join(known) or 'none'}."
        super().__init__(f"Unknown {kind} {name!r}; {hint}")
        self.name, self.known = name, known


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that looks most like `name`, or None if none does."""
    candidates = {k.lower(): k for k in known}
    found = difflib.get_close_matches(name.lower(), candidates, n=1, cutoff=0.6)
    return candidates[found[0]] if found else None
