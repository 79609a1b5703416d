"""All commands, and how a command line becomes one of them."""

from __future__ import annotations

import dataclasses
from typing import Any, Protocol, cast

import tyro

from ontogym.cli.evaluate import Evaluate
from ontogym.cli.evolve import Evolve, with_preset
from ontogym.cli.quickstart import Quickstart
from ontogym.cli.replay import Replay
from ontogym.cli.tables import Envs, Rules
from ontogym.errors import nearest

__all__ = ["COMMANDS", "Command", "parse"]


class Command(Protocol):
    """What a command offers."""

    json: bool

    def run(self) -> dict[str, Any]:
        """Do it; returns what ``--json`` prints."""
        ...


COMMANDS: dict[str, type[Any]] = {
    "quickstart": Quickstart,
    "evolve": Evolve,
    "evaluate": Evaluate,
    "replay": Replay,
    "envs": Envs,
    "rules": Rules,
}


def parse(argv: list[str]) -> Command:
    """The command that a command line asks for.

    Raises:
        SystemExit: help was asked for (0), or the line cannot be parsed (2).
    """
    if argv and not argv[0].startswith("-") and argv[0] not in COMMANDS:
        import sys

        close = nearest(argv[0], COMMANDS)
        hint = f"did you mean {close!r}?" if close else f"commands are: {', '.join(COMMANDS)}."
        print(f"ontogym: Unknown command {argv[0]!r}; {hint}", file=sys.stderr)
        raise SystemExit(2)
    if argv and argv[0] in COMMANDS:
        kind = COMMANDS[argv[0]]
        default = with_preset(argv[1:]) if kind is Evolve else dataclasses.MISSING
        options: dict[str, Any] = {} if default is dataclasses.MISSING else {"default": default}
        parsed = tyro.cli(
            kind,
            prog=f"ontogym {argv[0]}",
            args=argv[1:],
            **options,
        )
        return cast(Command, parsed)
    # Only help or nothing is left: let tyro print the list of commands.
    return cast(
        Command,
        tyro.extras.subcommand_cli_from_dict(
            dict(COMMANDS), prog="ontogym", args=argv, description="Agents that develop, and keep rewiring."
        ),
    )
