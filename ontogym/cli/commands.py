"""All commands, and how a command line becomes one of them.

A command of two words, such as ``waves dataset``, is a key of two words; its first word alone then lists its group.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any, Protocol, cast

import tyro

from ontogym.cli.configs import default_of, given, kept_config, parse_line, with_values
from ontogym.cli.evaluate import Evaluate
from ontogym.cli.evolve import Evolve, with_preset
from ontogym.cli.fractals import FractalsDataset
from ontogym.cli.inference import InferRule
from ontogym.cli.leaderboard import (
    LeaderboardAdd,
    LeaderboardList,
    LeaderboardMigrate,
    LeaderboardSubmit,
    LeaderboardVerify,
)
from ontogym.cli.leaderboard_site import LeaderboardSite
from ontogym.cli.pretraining import Filters, Finetune, Pretrain
from ontogym.cli.quickstart import Quickstart
from ontogym.cli.regimes import Curvature, RankSweep
from ontogym.cli.replay import Replay
from ontogym.cli.retina import RetinaFit, RetinaImages, RetinaReport
from ontogym.cli.sweep import Sweep
from ontogym.cli.tables import Envs, Rules
from ontogym.cli.train import Train
from ontogym.cli.waves import WavesDataset, WavesRender, WavesStatistics
from ontogym.errors import nearest

__all__ = ["COMMANDS", "Command", "parse"]


class Command(Protocol):
    """What a command offers."""

    @property
    def json(self) -> bool:
        """Whether to print what `run` returns."""
        ...

    def run(self) -> dict[str, Any]:
        """Do it; returns what ``--json`` prints."""
        ...


COMMANDS: dict[str, type[Any]] = {
    "quickstart": Quickstart,
    "evolve": Evolve,
    "train": Train,
    "sweep": Sweep,
    "evaluate": Evaluate,
    "replay": Replay,
    "envs": Envs,
    "rules": Rules,
    "waves dataset": WavesDataset,
    "waves render": WavesRender,
    "waves statistics": WavesStatistics,
    "fractals dataset": FractalsDataset,
    "regimes rank-sweep": RankSweep,
    "regimes curvature": Curvature,
    "infer-rule": InferRule,
    "pretrain": Pretrain,
    "finetune": Finetune,
    "filters": Filters,
    "retina fit": RetinaFit,
    "retina images": RetinaImages,
    "leaderboard site": LeaderboardSite,
    "retina report": RetinaReport,
    "leaderboard submit": LeaderboardSubmit,
    "leaderboard verify": LeaderboardVerify,
    "leaderboard add": LeaderboardAdd,
    "leaderboard list": LeaderboardList,
    "leaderboard migrate": LeaderboardMigrate,
}


def parse(argv: list[str]) -> Command:
    """The command that a command line asks for.

    Raises:
        SystemExit: help was asked for (0), or the line cannot be parsed (2).
        OntogymError: a value that cannot be.
    """
    for length in (2, 1):
        name, rest = " ".join(argv[:length]), argv[length:]
        if name in COMMANDS:
            return _command(COMMANDS[name], f"ontogym {name}", rest)
    group = f"{argv[0]} " if argv and any(name.startswith(f"{argv[0]} ") for name in COMMANDS) else ""
    rest = argv[1:] if group else argv
    members = _members(group)
    if rest and not rest[0].startswith("-"):
        close = nearest(rest[0], members)
        hint = f"did you mean '{group}{close}'?" if close else f"commands are: {', '.join(members)}."
        print(f"ontogym: Unknown command '{group}{rest[0]}'; {hint}", file=sys.stderr)
        raise SystemExit(2)
    # Only help or nothing is left: let tyro print the list.
    tyro.extras.subcommand_cli_from_dict(
        members,
        prog=f"ontogym {group}".strip(),
        args=rest,
        description="Agents that develop before they experience, and keep rewiring while they live.",
    )
    raise SystemExit(2)


def _command(kind: type[Any], prog: str, argv: list[str]) -> Command:
    """Parse a line with the defaults that a file, a run folder or, for `evolve`, the environment's preset gives."""
    if kind is Evolve:
        default, argv = with_preset(argv)
        return cast(Command, parse_line(type(default), prog, argv, default=default))
    kept, argv = kept_config(argv, given(argv, "--out"))
    if kept is None:
        return cast(Command, parse_line(kind, prog, argv))
    return cast(Command, parse_line(kind, prog, argv, default=with_values(default_of(kind), kept)))


def _members(group: str) -> dict[str, Callable[..., None]]:
    """Next words after `group`, each with a stand-in that carries one line of help."""
    found: dict[str, Callable[..., None]] = {}
    for name, kind in COMMANDS.items():
        word, more, _ = name.removeprefix(group).partition(" ")
        if not name.startswith(group) or word in found:
            continue

        def stand_in() -> None: ...

        first = (inspect.getdoc(kind) or "").partition("\n")[0]
        stand_in.__doc__ = f"Several commands: ontogym {word} --help." if more else first
        found[word] = stand_in
    return found
