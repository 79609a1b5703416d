"""What a sweep consists of, read from one TOML file.

A cell is a method on a task. Its flags are those of ``[defaults]``, then of the task, then of the method that its method is
like, then its own, then of every ``[[cells]]`` entry that names it; what comes later wins, a whole table over a whole table. After the method's command has run, each of ``[evaluations]`` is
run on what it left, so that every method is scored by the same lives, with its controls beside it.

    name = "comparators"
    primary = "score.mean"            # the endpoint, named before the run: EVALUATION.KEY
    seeds = 10                        # 1 .. 10, or a list

    [defaults.evolve]
    population = 64

    [tasks.Foraging]
    env = "ontogym/Foraging-v0"
    env_kwargs = { observation = "one-hot" }
    anchors = [60.3, 490.0]           # random and optimal, for scores over several tasks
    evolve = { lives = 16 }           # flags that only one command takes

    [methods.gru]
    command = "evolve"
    agent = "gru"

    [methods.gru-further]             # goes on where a method above it ended, with the same seed: one worker at a time
    agent = "gru"
    start_from = "{cells}/Foraging--gru--s{seed}.best.safetensors"
    seed = "{seed}7"                  # with other chance than the cell's own seed, if need be

    [methods.gru-wide]
    like = "gru"                      # all that a method above it says, but for what stands here
    "agent_options.hidden" = 32       # a dot reaches into a table of flags

    [tuned]                           # take the best settings that `--tune` has found for a method on a task, and for
    file = "tuning.json"              # those that are like it (not with `tuned = false`); a path from this file's folder

    [evaluations.score]
    lives = 96

    [evaluations.action-blind]
    silenced = ["action"]
    methods = ["gru"]                 # of these methods alone

    [[cells]]
    task = "Foraging"
    method = "gru"
    population = 128
    seeds = 3

    [submit]                          # every run enters a leaderboard and is verified there
    store = "results"
    author = "ontogym"                # a task, or a method in its place, says which of the suites' it `submits` to, one
                                      # or a list; a method may bring its `label`
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ontogym.baselines.sweep.settings import NO_FLAGS, best_settings, tuned_settings, with_settings
from ontogym.configurations import read_config
from ontogym.errors import OntogymError, UnknownNameError

__all__ = ["Cell", "Plan", "cell_name", "check_cell", "digest", "fill", "read_plan"]

_FIELDS = (
    "name",
    "about",
    "primary",
    "columns",
    "seeds",
    "defaults",
    "tasks",
    "methods",
    "evaluations",
    "cells",
    "keep",
    "submit",
    "tune",
    "tuned",
)
_TABLE, _TABLES = "a table", "a table of tables"
_SHAPES = {
    "name": "text", "about": "text", "primary": "text", "columns": _TABLE, "defaults": _TABLES, "tasks": _TABLES,
    "methods": _TABLES, "evaluations": _TABLES, "cells": "a list of tables", "keep": "a list of text", "submit": _TABLE,
    "tune": _TABLES, "tuned": _TABLE,
}  # fmt: skip
_INNER = {
    "tasks": "a list of text", "methods": "a list of text", "submits": "text or a list of text", "label": "text", "command": "text", "like": "text",
    "evolve": _TABLE, "train": _TABLE, "anchors": "two numbers, the first the smaller",
}  # fmt: skip
"""What fields of a sweep, and of its tables, must be."""
REPORTED = (
    "mean", "sem", "ci95", "first_episode", "last_episode", "episodes", "conditions", "min", "max", "lives", "failed", "env_steps",
    "parameters", "diagnostics", "switches", "changes", "regained", "frozen", "held_out", "worlds",
)  # fmt: skip
"""Numbers and tables of numbers that ``evaluate`` reports."""
_COMMANDS = ("evolve", "train", "evaluate")
_MOST_SEEDS, _MOST_CELLS, _LARGEST_SEED = 10_000, 100_000, 2**63 - 1
_SAFE = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"


def cell_name(task: str, method: str, seed: int) -> str:
    """Name of a cell's file."""
    return f"{task}--{method}--s{seed}"


def fill(text: str, task: str, seed: int) -> str:
    """A flag's text with ``{task}`` and ``{seed}`` filled in."""
    return text.replace("{task}", task).replace("{seed}", str(seed))


def digest(parts: list[Any]) -> str:
    """A hash of JSON-able parts."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Cell:
    """One method on one task with one seed.

    Attributes:
        task, method: names. seed: of the run. command: that is run, with `flags`.
        evaluations: name to flags of ``evaluate``.
        submission: flags of ``leaderboard submit``, the `tasks` it is submitted to, and the `store`; empty where nothing is.
    """

    task: str
    method: str
    seed: int
    command: str
    flags: Mapping[str, Any]
    evaluations: Mapping[str, Mapping[str, Any]]
    submission: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of its file."""
        return cell_name(self.task, self.method, self.seed)

    def filled(self, cells: str = "{cells}") -> dict[str, Any]:
        """Its flags, the seed among them, with ``{cells}``, ``{task}`` and ``{seed}`` filled in."""

        def of(value: Any) -> Any:
            if isinstance(value, list):
                return [of(each) for each in value]
            if not isinstance(value, str):
                return value
            return fill(value.replace("{cells}", cells), self.task, self.seed)

        return {"seed": self.seed, **{name: of(value) for name, value in self.flags.items()}}

    @property
    def run_fingerprint(self) -> str:
        """A hash of all that decides its run: what is asked of it afterwards, another label too, does not."""
        return digest([self.command, dict(self.flags), self.seed])

    @property
    def fingerprint(self) -> str:
        """A hash of all that decides its numbers."""
        parts = [self.command, dict(self.flags), {k: dict(v) for k, v in self.evaluations.items()}, self.seed]
        parts += [dict(self.submission)] if self.submission else []
        return digest(parts)


@dataclass(frozen=True)
class Plan:
    """A sweep: all its cells, seeds of a cell one after the other, the first seeds of all cells first.

    Attributes:
        name, about: what a reader is told. primary: the endpoint, ``EVALUATION.KEY``.
        anchors: task to random and optimal score, where the file gives them.
        keep: files of a run that are kept beside the cell's JSON.
        columns: heading to ``EVALUATION.KEY`` or ``result.KEY``, further columns of the table in which every seed has its number.
        tune: method to flags and what they may be, see `ontogym.baselines.sweep.tuning`.
    """

    name: str
    about: str
    primary: str
    cells: tuple[Cell, ...]
    anchors: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    keep: tuple[str, ...] = ("best.safetensors",)
    columns: Mapping[str, str] = field(default_factory=dict)
    tune: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def named(self, only: str | None) -> list[Cell]:
        """The cells whose name holds `only`; all without it."""
        return [cell for cell in self.cells if only is None or only in cell.name]


def read_plan(path: Path | str) -> Plan:
    """The plan in a TOML file.

    Raises:
        OntogymError: no such file, no TOML, an unknown field, or names that cannot be.
    """
    return make_plan(read_config(path), Path(path).stem, Path(path).parent)


def make_plan(content: Mapping[str, Any], name: str, folder: Path | None = None) -> Plan:
    """The plan that the content of a file in `folder` describes; `name` serves where it has none."""
    for key in content:
        if key not in _FIELDS:
            raise UnknownNameError("field of a sweep", key, _FIELDS)
    _check_shapes(content)
    for table in ("tasks", "methods"):
        if not content.get(table):
            raise OntogymError(f"A sweep needs [{table}.NAME]; add at least one.")
        for key in content[table]:
            if not key or set(key) - set(_SAFE) or len(key) > 80:
                raise OntogymError(
                    f"{key!r} in [{table}] is part of file names; use at most 80 letters, digits, . _ and -."
                )
    evaluations = content.get("evaluations", {"score": {}})
    primary = str(content.get("primary", f"{next(iter(evaluations))}.mean"))
    if primary.partition(".")[0] not in evaluations:
        raise UnknownNameError("evaluation in primary", primary.partition(".")[0], evaluations)
    if (number := primary.split(".")[1:2]) and number[0] not in REPORTED:
        raise UnknownNameError(f"number in primary = {primary!r}", number[0], REPORTED)
    for file in content.get("keep", ()):
        if not file or set(file) - set(_SAFE):
            raise OntogymError(f"keep names {file!r}; name files of a run, without folders.")
    cells: list[Cell] = []
    tuned = tuned_settings(content.get("tuned", {}), folder or Path())
    for task, method in itertools.product(content["tasks"], content["methods"]):
        cells += _cells(content, evaluations, task, method, tuned)
        if len(cells) > _MOST_CELLS:
            raise OntogymError(f"A sweep has at most {_MOST_CELLS} cells; make several of it.")
    _check_names(content, evaluations)
    order = sorted(range(len(cells)), key=lambda k: (cells[k].seed, k))
    return Plan(
        str(content.get("name", name)),
        str(content.get("about", "")),
        primary,
        tuple(cells[k] for k in order),
        {t: tuple(v["anchors"]) for t, v in content["tasks"].items() if "anchors" in v},
        tuple(content.get("keep", ("best.safetensors",))),
        {str(heading): str(path) for heading, path in content.get("columns", {}).items()},
        _ranges(content),
    )


def check_cell(cell: Cell) -> None:
    """Refuse what would be run otherwise than it is meant, before it is.

    Raises:
        OntogymError: a seed that is the same in every cell, or no environment.
    """
    flags = cell.flags
    if "seed" in flags and "{seed}" not in json.dumps(flags, default=str):
        raise OntogymError(
            f"its seed is {flags['seed']!r} whatever the cell's, so that several seeds would be one run that is counted often; leave it "
            'out, or write seed = "{seed}7" for other chance than the cell\'s own.'
        )
    if cell.command != "evaluate" and not {"env", "config"} & set(flags):
        raise OntogymError(
            f'[tasks.{cell.task}] has no env; name the environment, env = "ontogym/CartPole-v1" for example.'
        )


def _check_names(content: Mapping[str, Any], evaluations: Mapping[str, Any]) -> None:
    """Refuse tasks and methods that a table names and the file does not have."""
    tables = [(f"evaluations.{name}", table) for name, table in evaluations.items()]
    tables += [(f"methods.{name}", table) for name, table in content["methods"].items()]
    tables += [("cells", table) for table in content.get("cells", ())]
    for where, table in tables:
        for kind in ("task", "method"):
            one = [table[kind]] if kind in table and where == "cells" else []
            for name in [*one, *table.get(f"{kind}s", ())]:
                if name not in content[f"{kind}s"]:
                    raise UnknownNameError(f"{kind} in [{where}]", name, content[f"{kind}s"])


def _check_shapes(content: Mapping[str, Any]) -> None:
    """Refuse tables where lists must be, and the other way round."""
    for key, value in content.items():
        if key in _SHAPES:
            _check_shape(f"{key!r}", value, _SHAPES[key])
    tables = [("cells", table) for table in content.get("cells", ())]
    for key in ("defaults", "tasks", "methods", "evaluations"):
        tables += [(f"{key}.{name}", table) for name, table in content.get(key, {}).items()]
    for command in content.get("defaults", {}):
        if command not in _COMMANDS:
            raise UnknownNameError("command in [defaults]", command, _COMMANDS)
    for where, table in tables:
        for key, value in table.items():
            if key in _INNER:
                _check_shape(f"{key!r} of [{where}]", value, _INNER[key])
            if key == "command" and value not in _COMMANDS:
                raise UnknownNameError("command of a sweep", value, _COMMANDS)


def _check_shape(what: str, value: Any, shape: str) -> None:
    def texts(values: Any) -> bool:
        return isinstance(values, (list, tuple)) and all(isinstance(each, str) for each in values)

    good = {
        "text": lambda: isinstance(value, str),
        "a list of text": lambda: texts(value),
        "text or a list of text": lambda: isinstance(value, str) or texts(value),
        _TABLE: lambda: isinstance(value, Mapping),
        _TABLES: lambda: isinstance(value, Mapping) and all(isinstance(v, Mapping) for v in value.values()),
        "a list of tables": lambda: isinstance(value, (list, tuple)) and all(isinstance(v, Mapping) for v in value),
        "two numbers, the first the smaller": lambda: _ends(value),
    }  # fmt: skip
    if not good[shape]():
        raise OntogymError(f"{what} of a sweep must be {shape}, not {str(value)[:60]!r}.")


def _ends(value: Any) -> bool:
    numbers = isinstance(value, (list, tuple)) and all(type(end) in (int, float) for end in value)
    return numbers and len(value) == 2 and all(map(math.isfinite, value)) and value[0] < value[1]


def _seeds(value: Any) -> list[int]:
    """Seeds of a cell: 1 .. `value`, or those of a list.

    Raises:
        OntogymError: neither, too many, or none that a run could have.
    """
    if type(value) is int and 1 <= value <= _MOST_SEEDS:
        return list(range(1, value + 1))
    listed = isinstance(value, (list, tuple)) and 0 < len(value) <= _MOST_SEEDS
    whole = listed and all(type(seed) is int and 0 <= seed <= _LARGEST_SEED for seed in value)
    if whole and len(set(value)) == len(value):
        return list(value)
    raise OntogymError(
        f"seeds is {str(value)[:60]}; give how many, from 1 to {_MOST_SEEDS}, or a list of different whole numbers from 0 on."
    )


def _ranges(content: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """What may be tuned, by method."""
    found = dict(content.get("tune", {}))
    for method, flags in found.items():
        if method not in content["methods"]:
            raise UnknownNameError("method in [tune]", method, content["methods"])
        for name, values in flags.items():
            if isinstance(values, list) and values:
                continue
            ends: list[Any] = [values.get(end) for end in ("low", "high")] if isinstance(values, dict) else []
            if not ends or not all(type(end) in (int, float) for end in ends) or ends[0] > ends[1]:
                raise OntogymError(
                    f"[tune.{method}] {name} is {values!r}; give a list of values, or low and high (and log = true)."
                )
    return found


def _cells(
    content: Mapping[str, Any],
    evaluations: Mapping[str, Any],
    task: str,
    method: str,
    tuned: Mapping[tuple[str, str], Mapping[str, Any]] | None,
) -> list[Cell]:
    """Every seed of one method on one task; none where the method or a cell says so."""
    own, place = _method(content["methods"], method), dict(content["tasks"][task])
    place.pop("anchors", None)
    places: Any = place.pop("submits", [])
    submission = _submission(content, own.get("submits", places), own.get("label", method))
    if task not in own.get("tasks", [task]):
        return []
    command = own.get("command", "evolve")
    for name in ("evolve", "train"):
        some = place.pop(name, {})
        place |= some if name == command else {}
    models = _models(content["methods"], method)
    flags: dict[str, Any] = {"seeds": content.get("seeds", 5)}
    flags = with_settings(with_settings(flags, content.get("defaults", {}).get(command, {})), place)
    best = best_settings(tuned, task, models, own.get("tuned", True))
    for name in reversed(models):
        said = {k: v for k, v in content["methods"][name].items() if k not in NO_FLAGS}
        flags = with_settings(with_settings(flags, said), best.get(name, {}))
    for entry in content.get("cells", ()):
        if entry.get("task", task) == task and entry.get("method", method) == method:
            flags = with_settings(flags, {k: v for k, v in entry.items() if k not in ("task", "method")})
    if flags.pop("skip", False):
        return []
    seeds = _seeds(flags.pop("seeds"))
    scored = {
        name: {k: v for k, v in settings.items() if k not in ("methods", "tasks")}
        for name, settings in evaluations.items()
        if method in settings.get("methods", [method]) and task in settings.get("tasks", [task])
    }
    return [Cell(task, method, seed, command, flags, scored, submission) for seed in seeds]


def _method(methods: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A method's table over that of the one it is `like`, if any."""
    return {k: v for model in reversed(_models(methods, name)) for k, v in methods[model].items()}


def _models(methods: Mapping[str, Any], name: str) -> list[str]:
    """A method, the one it is `like`, the one that is like, and so on.

    Raises:
        OntogymError: one that is not above the one that is like it.
    """
    chain, order = [name], list(methods)
    while (model := methods[chain[-1]].get("like")) is not None:
        above = order[: order.index(chain[-1])]
        if model not in above:
            raise UnknownNameError(f"method above {chain[-1]} that it is like", model, above)
        chain.append(model)
    return chain


def _submission(content: Mapping[str, Any], tasks: str | list[str], label: str) -> dict[str, Any]:
    """What a cell submits, and to which tasks of the suites; nothing without ``[submit]``."""
    tasks = [tasks] if isinstance(tasks, str) else list(tasks)
    return {**content["submit"], "tasks": tasks, "label": label} if tasks and "submit" in content else {}
