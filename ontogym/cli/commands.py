"""All commands, and how a command line becomes one of them.

A command of two words, such as ``waves dataset``, is a key of two words; its first word alone then lists its group. A
command's module is imported when the command is called: the list of them is written without.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable
from importlib import import_module
from typing import Any, NamedTuple, Protocol, cast

__all__ = ["COMMANDS", "Command", "Later", "flag_defaults", "kind_of", "parse"]


class Command(Protocol):
    """What a command offers."""

    @property
    def json(self) -> bool:
        """Whether to print what `run` returns."""
        ...

    def run(self) -> dict[str, Any]:
        """Do it; returns what ``--json`` prints."""
        ...


class Later(NamedTuple):
    """A command that is not imported yet: where its dataclass is, and the first line of that one's docstring."""

    target: str
    about: str


COMMANDS: dict[str, Later | type[Any]] = {
    "quickstart": Later(
        "quickstart:Quickstart",
        "Evolve a network that grows itself to balance a pole, compare it, and write one page with pictures.",
    ),
    "evolve": Later(
        "evolve:Evolve",
        "Evolve an agent: ask, live, tell, and re-evaluate the search mean on fresh lives.",
    ),
    "train": Later(
        "train:Train",
        "Train a Stable-Baselines3 baseline, or score a policy that needs no training.",
    ),
    "sweep": Later(
        "sweep:Sweep",
        "Run tasks x methods x seeds as one TOML file says, score every one by the same lives, and print the table.",
    ),
    "evaluate": Later(
        "evaluate:Evaluate",
        "Let an evolved or trained agent live fresh lives and report its returns with a 95 % interval.",
    ),
    "replay": Later(
        "replay:Replay",
        "Film one life, the task and the growing network side by side, and draw it as one still figure.",
    ),
    "plot": Later("plot:Plot", "Draw learning curves of evolved and trained runs in one picture."),
    "envs": Later(
        "tables:Envs", "List the environments, show the page of one, or look over one of your own."
    ),
    "rules": Later(
        "tables:Rules", "List the plasticity rules, those of other packages included, or check one."
    ),
    "agents": Later("catalogue:Agents", "List agents, baselines and feature extractors, and what they take."),
    "zoo": Later("catalogue:Zoo", "List the agents that ship with the package, or show the card of one."),
    "card": Later(
        "catalogue:Card", "Write the card of an agent: what it is, how it was made, how it scores."
    ),
    "waves dataset": Later(
        "waves:WavesDataset",
        "Simulate a labelled image set, one class per parameter setting: rwave-1024, rwave-4096 or smaller ones.",
    ),
    "waves render": Later("waves:WavesRender", "Film a retina: a GIF or MP4, or a PNG sheet of stills."),
    "waves statistics": Later(
        "waves:WavesStatistics",
        "Measure size, interval, speed and duration of waves, beside the values of the released simulator.",
    ),
    "fractals dataset": Later(
        "fractals:FractalsDataset",
        "Draw a labelled image set of iterated function systems, after FractalDB: the comparator of waves.",
    ),
    "regimes rank-sweep": Later(
        "regimes:RankSweep",
        "Rich or lazy learning, by the rank of the initial weights (arXiv 2310.08513).",
    ),
    "regimes curvature": Later(
        "regimes:Curvature",
        "Sharpness and generalisation of what credit-assignment rules find (arXiv 2206.00823).",
    ),
    "infer-rule": Later(
        "inference:InferRule",
        "Infer a learning rule from the choices of learning animals (arXiv 2509.04661).",
    ),
    "pretrain": Later(
        "pretraining:Pretrain",
        "Train a network from random weights on images, for example of simulated retinal waves.",
    ),
    "finetune": Later(
        "pretraining:Finetune",
        "Train a pre-trained network, or one from scratch, to classify images; or probe it with its weights frozen.",
    ),
    "filters": Later(
        "pretraining:Filters",
        "Draw the first-layer filters of a trained network and say how many are Gabor functions.",
    ),
    "retina fit": Later(
        "retina:RetinaFit",
        "Fit a digital twin to a simulated retina and say how well it predicts held-out responses.",
    ),
    "retina images": Later(
        "retina:RetinaImages",
        "Draw a sheet of the images that retinas are shown, with their statistics.",
    ),
    "leaderboard site": Later(
        "leaderboard_site:LeaderboardSite",
        "Build the leaderboard's pages: a folder that opens from a file and loads nothing from elsewhere.",
    ),
    "retina report": Later(
        "retina:RetinaReport",
        "Repeat the actor-model paper (Leong et al. 2024) on simulated retinas and write one page about it.",
    ),
    "leaderboard submit": Later(
        "leaderboard:LeaderboardSubmit",
        "Evaluate a trained agent on its task's public seeds and write a submission.",
    ),
    "leaderboard verify": Later(
        "leaderboard:LeaderboardVerify",
        "Re-run submissions on public and held-out seeds and write what was found beside each.",
    ),
    "leaderboard controls": Later(
        "leaderboard:LeaderboardControls",
        "Let verified entries live their held-out lives under the controls of their tasks, where a store lacks that.",
    ),
    "leaderboard add": Later(
        "leaderboard:LeaderboardAdd",
        "Verify a submission and put it into a store; one that is refused stays out.",
    ),
    "leaderboard list": Later(
        "leaderboard:LeaderboardList",
        "List the rows of a leaderboard: every label on every task, and on suites that it has run whole.",
    ),
    "leaderboard migrate": Later(
        "leaderboard:LeaderboardMigrate",
        "Rewrite a leaderboard of an older format in today's; its submissions stay what they are, byte for byte.",
    ),
    "completion": Later(
        "completion:Completion", "Print a script that completes commands and flags in a shell."
    ),
}
USAGE = """usage: ontogym {group}COMMAND [OPTIONS]

Agents that develop before they experience, and keep rewiring while they live.

{members}
Flags of a command: ontogym {group}COMMAND --help. Version: ontogym --version.
"""


def kind_of(name: str) -> type[Any]:
    """The dataclass of a command."""
    entry = COMMANDS[name]
    if isinstance(entry, Later):
        module, _, attribute = entry.target.partition(":")
        return cast(type[Any], getattr(import_module(f"ontogym.cli.{module}"), attribute))
    return entry


def parse(argv: list[str]) -> Command:
    """The command that a command line asks for.

    Raises:
        SystemExit: help was asked for (0), or the line cannot be parsed (2).
        OntogymError: a value that cannot be.
    """
    for length in (2, 1):
        name, rest = " ".join(argv[:length]), argv[length:]
        if name in COMMANDS:
            return _command(name, rest)
    group = f"{argv[0]} " if argv and any(name.startswith(f"{argv[0]} ") for name in COMMANDS) else ""
    rest = argv[1:] if group else argv
    members = _members(group)
    if rest and not rest[0].startswith("-"):
        from ontogym.errors import nearest

        close = nearest(rest[0], members)
        hint = f"did you mean '{group}{close}'?" if close else f"commands are: {', '.join(members)}."
        print(f"ontogym: Unknown command '{group}{rest[0]}'; {hint}", file=sys.stderr)
        raise SystemExit(2)
    asked = rest[:1] in (["--help"], ["-h"])
    shown = USAGE.format(group=group, members=_lines(members.items()))
    print(shown, file=sys.stdout if asked else sys.stderr, end="")
    raise SystemExit(0 if asked else 2)


def _command(name: str, argv: list[str]) -> Command:
    """Parse a line with the defaults that a file, a run folder or, for `evolve`, the environment's preset gives."""
    from ontogym.cli.configs import parse_line

    kind, default, argv = _with_defaults(name, argv)
    options = {} if default is None else {"default": default}
    return cast(Command, parse_line(kind, f"ontogym {name}", argv, **options))


def _with_defaults(name: str, argv: list[str]) -> tuple[type[Any], Any, list[str]]:
    from ontogym.cli.configs import default_of, given, kept_config, with_values

    if name == "evolve":
        from ontogym.cli.evolve import help_of_evolve, with_preset

        if {"--help", "-h"} & set(argv):
            help_of_evolve([word for word in argv if word not in ("--help", "-h")])
            raise SystemExit(0)
        default, argv = with_preset(argv)
        return type(default), default, argv
    kind = kind_of(name)
    kept, argv = kept_config(argv, given(argv, "--out"))
    return kind, None if kept is None else with_values(default_of(kind), kept), argv


def flag_defaults(name: str) -> Any:
    """An instance of a command whose values are its defaults."""
    from ontogym.cli.configs import default_of

    kind, default, _ = _with_defaults(name, [])
    return default_of(kind) if default is None else default


def _members(group: str) -> dict[str, str]:
    """Next words after `group`, each with one line of help."""
    found: dict[str, str] = {}
    for name, entry in COMMANDS.items():
        word, more, _ = name.removeprefix(group).partition(" ")
        if not name.startswith(group) or word in found:
            continue
        about = entry.about if isinstance(entry, Later) else (inspect.getdoc(entry) or "").partition("\n")[0]
        found[word] = f"Several commands: ontogym {word} --help." if more else about
    return found


def _lines(members: Iterable[tuple[str, str]]) -> str:
    """Names and what they do, in two columns."""
    from textwrap import fill

    rows = list(members)
    width = max(len(name) for name, _ in rows) + 4
    return (
        "\n".join(
            fill(about, 100, initial_indent=f"  {name}".ljust(width), subsequent_indent=" " * width)
            for name, about in rows
        )
        + "\n"
    )
