"""Suites of one's own, from a TOML file: a local board for one's own environment.

    name = "mazes"
    version = 1
    about = "Mazes of three sizes."

    [[tasks]]
    name = "Maze-v0"
    env = "maze.py:Maze-v0"     # beside this file; or module:id, or any id of Gymnasium
    env_kwargs = { size = 7 }
    episodes = 3
    lives = 32
    random = 0.0                # returns that count 0 and 1
    optimal = 1.0
    asks = "To find the way."

Raise `version` whenever anything else changes: scores of two versions are never compared. Whoever opens such a file runs
the modules that it names; submissions to it name nothing, as everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ontogym.baselines.lives.lanes import make_single
from ontogym.configurations import read_config
from ontogym.envs.registration import ENTRIES
from ontogym.envs.vector import find_spec
from ontogym.errors import OntogymError, UnknownNameError
from ontogym.leaderboard.suites import SUITES, Suite, SuiteTask, add_suite

__all__ = ["every_local", "local_facts", "make_suite", "recall_suite", "use_suite"]

_SUITE = ("name", "version", "about", "tasks")
_TASK = ("name", "env", "env_kwargs", "episodes", "lives", "budget", "asks", "random", "optimal")
_MOST_RETURNS, _MOST_TASKS, _MOST_BUDGET = 100_000, 1000, 10**12
FACTS = "local_suite"
_opened: dict[str, tuple[dict[str, Any], str]] = {}


def use_suite(path: Path | str) -> Suite:
    """Open a suite file: from now on its tasks are known in this process, and in its workers.

    Raises:
        OntogymError: no such file, an unknown field, an environment that cannot be made, or a name of the package's own.
    """
    path = Path(path).resolve()
    return _open(read_config(path), str(path.parent))


def local_facts(suite: str) -> dict[str, Any]:
    """What a worker must be told to know a suite, if it is one of a file."""
    return {FACTS: list(_opened[suite])} if suite in _opened else {}


def every_local() -> list[dict[str, Any]]:
    """`local_facts` of every suite that was opened."""
    return [local_facts(name) for name in _opened]


def recall_suite(facts: Mapping[str, Any]) -> None:
    """In a worker: know the suite that `local_facts` told of."""
    if FACTS in facts:
        _open(*facts[FACTS])


def _open(content: dict[str, Any], folder: str) -> Suite:
    suite = make_suite(content, Path(folder))
    if suite.name in SUITES and suite.name not in _opened:
        raise OntogymError(f"{suite.name!r} is a suite of the package; give yours another name.")
    add_suite(suite)
    _opened[suite.name] = (content, folder)
    return suite


def make_suite(content: Mapping[str, Any], folder: Path) -> Suite:
    """The suite that the content of a file describes; its environments are imported, from `folder` where they are files."""
    _known("a suite", content, _SUITE)
    name, version = content.get("name"), content.get("version", 1)
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9-]{0,39}", name):
        raise OntogymError(f"A suite is called by small letters, digits and -, not {name!r}; set name.")
    if type(version) is not int or not 1 <= version <= 10**6:
        raise OntogymError(f"The version of a suite is a whole number from 1 on, not {version!r}.")
    tasks = content.get("tasks")
    if not isinstance(tasks, list) or not tasks or not all(isinstance(task, Mapping) for task in tasks):
        raise OntogymError("A suite needs at least one [[tasks]].")
    if len(tasks) > _MOST_TASKS:
        raise OntogymError(f"{name} has {len(tasks)} tasks; the most is {_MOST_TASKS}.")
    made = tuple(_task(task, folder) for task in tasks)
    taken = {task.name for suite in SUITES.values() if suite.name not in _opened for task in suite.tasks}
    for task in made:
        if task.name in taken:
            raise OntogymError(
                f"There is a task {task.name!r} already; its name is part of files, so choose another."
            )
        taken.add(task.name)
    return Suite(name, version, _text(content, "about"), made)


def _task(given: Mapping[str, Any], folder: Path) -> SuiteTask:
    _known("a task", given, _TASK)
    name, env = str(given.get("name", "")), str(given.get("env", ""))
    if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9_.]|-(?!-)){0,59}", name):
        raise OntogymError(
            f"A task is called by letters, digits, ., _ and single -, not {name!r}; set its name."
        )
    module, colon, _ = env.rpartition(":")
    if colon and module.endswith(".py") and not Path(module).is_absolute():
        env = f"{folder / module}:{env.rpartition(':')[2]}"
    # From here on it goes by its id: the module has been imported.
    spec, kwargs = find_spec(env), given.get("env_kwargs", {})
    if not isinstance(kwargs, Mapping):
        raise OntogymError(f"env_kwargs of {name} is {str(kwargs)[:60]!r}; give a table.")
    kwargs, budget = dict(kwargs), given.get("budget", SuiteTask.budget)
    if type(budget) is not int or not 1 <= budget <= _MOST_BUDGET:
        raise OntogymError(f"budget of {name} is {str(budget)[:60]}; give a whole number of steps.")
    make_single(spec.id, kwargs).close()
    episodes, lives = given.get("episodes", 3), given.get("lives", 32)
    if not all(type(n) is int and n >= 1 for n in (episodes, lives)) or episodes * lives > _MOST_RETURNS:
        raise OntogymError(
            f"{name} is lived {lives} times for {episodes} episodes; give whole numbers from 1 on, not too many."
        )
    ends = tuple(given.get(key) for key in ("random", "optimal"))
    scale = None if ends == (None, None) and spec.id in ENTRIES else _scale(name, ends)
    return SuiteTask(
        name,
        spec.id,
        kwargs,
        episodes=episodes,
        lives=lives,
        budget=budget,
        asks=_text(given, "asks"),
        scale=scale,
    )


def _scale(name: str, ends: tuple[Any, ...]) -> tuple[float, float]:
    if not all(type(end) in (int, float) and abs(end) < 1e12 for end in ends) or ends[0] >= ends[1]:
        raise OntogymError(
            f"{name} needs random and optimal, the returns that count 0 and 1, the first the smaller; ontogym evaluate "
            "random --env ID measures the first."
        )
    return float(ends[0]), float(ends[1])


def _text(given: Mapping[str, Any], key: str) -> str:
    value = given.get(key, "")
    if not isinstance(value, str):
        raise OntogymError(f"{key} is {str(value)[:60]!r}; give text.")
    return value


def _known(what: str, given: Mapping[str, Any], names: tuple[str, ...]) -> None:
    for name in given:
        if name not in names:
            raise UnknownNameError(f"field of {what}", name, names)
