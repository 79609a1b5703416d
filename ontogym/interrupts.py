"""Ctrl-C from the first moment to the last: one line while the command is still being imported, none while Python ends.

Imports take most of a command's first second. A `KeyboardInterrupt` there is a traceback out of some import, or is
swallowed by a library that catches everything, so that while nothing has been written yet the process ends at once.
Programs that import the package keep their own handler.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

__all__ = ["end_at_once", "end_quietly", "raise_again"]


def end_at_once() -> None:
    """From now on Ctrl-C ends the process with one line and status 130, if it is the command and nobody else cares."""
    try:
        if _is_the_command() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, _end)
    except ValueError:
        """Not the main thread, which alone is interrupted."""
    except KeyboardInterrupt:
        _end()


def raise_again() -> None:
    """From now on Ctrl-C raises `KeyboardInterrupt` again: there may be something to be kept."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def end_quietly() -> None:
    """From now on Ctrl-C ends the command as the system does: all is written, and only Python's own end is left."""
    # CPython remembers an interrupt that left the `exec` of a text, as dataclasses have, and would end itself by the
    # signal instead of with main's status; the next text makes it forget.
    exec("")
    if _is_the_command() and signal.getsignal(signal.SIGINT) in (_end, signal.default_int_handler):
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def _is_the_command() -> bool:
    """Whether this process is ``ontogym`` or ``python -m ontogym`` and not a program that imports the package."""
    first = (getattr(sys, "argv", None) or [""])[0]
    if first == "-m":  # Python imports the package before it says which file is run
        return "ontogym" in sys.orig_argv or "-montogym" in sys.orig_argv
    own = os.path.join(os.path.dirname(os.path.abspath(__file__)), "__main__.py")
    return os.path.basename(first) in ("ontogym", "ontogym.exe") or first == own


def _end(number: int = signal.SIGINT, frame: FrameType | None = None) -> None:
    os.write(2, b"\nontogym: interrupted.\n")
    os._exit(130)
