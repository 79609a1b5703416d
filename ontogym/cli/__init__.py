"""The command line: the only parser, one dataclass a command.

Each command is a dataclass whose fields are its flags and whose `run` does the work and returns what ``--json``
prints. Bad input ends with one sentence on stderr and exit status 2; nothing has been written then.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from ontogym.errors import OntogymError
from ontogym.interrupts import end_quietly, raise_again
from ontogym.processes import Terminated, sigterm_interrupts

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status (0 done, 1 found faults, 2 bad input, 130 interrupted, 143 terminated)."""
    argv = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        # A terminal of another encoding shows a question mark for what it lacks, and does not end the command.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    if argv in (["--version"], ["-V"]):
        print(f"ontogym {sys.modules['ontogym'].__version__}")
        return 0
    try:
        with sigterm_interrupts():
            return _run(argv)
    except OntogymError as error:
        # What another library said may be part of the sentence, and may have several lines.
        print(f"ontogym: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        end_quietly()
        print(f"\nontogym: {str(stop) or 'interrupted.'}", file=sys.stderr)
        return 143 if isinstance(stop, Terminated) else 130
    except BrokenPipeError:
        # The reader (head, less) has seen enough; nothing may be flushed to it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except OSError as error:
        if error.filename is None:
            raise
        print(f"ontogym: {str(error.filename)[:200]}: {error.strerror or error}.", file=sys.stderr)
        return 2
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 2
    finally:
        end_quietly()


def _saying(usual: Callable[..., None]) -> Callable[..., None]:
    """How warnings are shown: ours in one sentence, since the line that says it is for nobody who typed a command."""

    def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        if issubclass(category, UserWarning):
            print(f"ontogym: {message}", file=sys.stderr)
        else:
            usual(message, category, *place, **more)

    return show


def _run(argv: list[str]) -> int:
    """Parse and run; what a command prints goes to stderr under ``--json``, so that stdout is the object."""
    from ontogym.cli.commands import parse
    from ontogym.cli.options import as_json

    command = parse(argv)
    raise_again()
    with contextlib.ExitStack() as around:
        around.enter_context(warnings.catch_warnings())
        warnings.showwarning = _saying(warnings.showwarning)  # type: ignore[assignment]
        # Older versions of our environments are listed, verified and lived in on purpose.
        warnings.filterwarnings("ignore", r".*The environment ontogym/\S+ is out of date", DeprecationWarning)
        if command.json:
            around.enter_context(contextlib.redirect_stdout(sys.stderr))
        found = command.run()
    if command.json:
        print(as_json(found))
    sys.stdout.flush()
    return int(found.get("exit_status", 0))
