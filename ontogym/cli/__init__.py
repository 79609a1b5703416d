"""The command line: the only parser, one dataclass a command.

Each command is a dataclass whose fields are its flags and whose `run` does the work and returns what ``--json``
prints. Bad input ends with one sentence on stderr and exit status 2; nothing has been written then.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from ontogym.errors import OntogymError

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status (0 done, 1 found faults, 2 bad input, 130 interrupted)."""
    argv = list(sys.argv[1:] if arguments is None else arguments)
    if argv in (["--version"], ["-V"]):
        print(f"ontogym {sys.modules['ontogym'].__version__}")
        return 0
    from ontogym.cli.commands import parse

    try:
        command = parse(argv)
        found = command.run()
    except OntogymError as error:
        print(f"ontogym: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("ontogym: interrupted; a run goes on with the same command and --resume.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 0
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 2
    if command.json:
        print(json.dumps(found, allow_nan=False, default=str))
    return int(found.get("exit_status", 0))
