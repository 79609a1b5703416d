"""What the leaderboard measures: suites of tasks, how many lives each is lived, and from which seeds.

A task of a suite is an environment with its arguments, lives of a few episodes through which an agent is carried
over, and, in `prenatal`, the spontaneous activity on which it develops before. Changing any of this is a new version
of the suite, which is added to `EVERY_SUITE` after the old one: scores of an old version stay readable and can be
verified again, and are never mixed with those of another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from ontogym.errors import OntogymError, UnknownNameError
from ontogym.leaderboard.suite import HELD_OUT, PUBLIC, Suite, SuiteTask
from ontogym.leaderboard.suite_table import EVERY_SUITE
from ontogym.seeding import derive

__all__ = [
    "EVERY_SUITE",
    "HELD_OUT",
    "PACKAGE_SEEDS",
    "PUBLIC",
    "SUITES",
    "HeldOut",
    "Suite",
    "SuiteTask",
    "add_suite",
    "every_suite",
    "get_suite",
    "get_task",
    "held_out",
    "task_of",
]

PACKAGE_SEEDS = "package"
"""What stands for the commitment where the held-out seeds are those of `HELD_OUT`, which everybody knows."""
SHORTEST_SECRET = 12

_NEWEST: dict[str, Suite] = {suite.name: suite for suite in EVERY_SUITE}
SUITES: Mapping[str, Suite] = MappingProxyType(_NEWEST)
"""The newest version of each suite: what is submitted to, unless a version is named. One's own are among them, once they
were opened (`ontogym.leaderboard.local_suites`)."""


def add_suite(suite: Suite) -> None:
    """Let a suite of one's own be known in this process; one of the same name and another version takes its place."""
    _NEWEST[suite.name] = suite


def every_suite() -> tuple[Suite, ...]:
    """Every version of every suite of the package, and one's own."""
    own = (suite for suite in SUITES.values() if suite not in EVERY_SUITE)
    return (*EVERY_SUITE, *own)


def get_suite(name: str, version: int | None = None) -> Suite:
    """The suite of this name: a version of it, or the newest.

    Raises:
        UnknownNameError: there is none.
        OntogymError: it has no such version here.
    """
    if name not in SUITES:
        raise UnknownNameError("suite", name, SUITES)
    if version is None:
        return SUITES[name]
    versions = {suite.version: suite for suite in every_suite() if suite.name == name}
    if version not in versions:
        known = ", ".join(map(str, versions))
        raise OntogymError(
            f"The suite {name!r} has version {known} here, not {version}; evaluate again with this version of ontogym "
            "or read the scores with the other."
        )
    return versions[version]


def get_task(suite: str, version: int, name: str) -> SuiteTask:
    """The task of a suite in a given version.

    Raises:
        UnknownNameError: no such suite or task.
        OntogymError: the suite has no such version here.
    """
    return get_suite(suite, version).task(name)


def task_of(
    env: str, env_kwargs: Mapping[str, Any], name: str | None = None, suite: str | None = None
) -> tuple[Suite, SuiteTask]:
    """The suite and task that an agent trained in `env` enters: the first that fits, or the one called `name`.

    A task fits if its environment and its arguments are those of the training; ``CartPole-v1`` means
    ``ontogym/CartPole-v1``. Where a `suite` is named, its tasks are the only ones.

    Raises:
        UnknownNameError: no task is called `name`, or no suite `suite`.
        OntogymError: no task fits.
    """
    among = SUITES.values() if suite is None else (get_suite(suite),)
    every = [(one, task) for one in among for task in one.tasks]
    if name is not None:
        # The newest suite that has it: what was dropped from a suite can still be entered by its name.
        dropped = [
            (one, task) for one in reversed(EVERY_SUITE) for task in one.tasks if suite in (None, one.name)
        ]
        for one, task in [*every, *dropped]:
            if task.name == name:
                return one, task
        raise UnknownNameError("task", name, [task.name for _, task in every])
    ids = {env, f"ontogym/{env}", env.rpartition(":")[2]}
    alike = [(one, task) for one, task in every if task.env in ids]
    for one, task in alike:
        if dict(task.env_kwargs) == dict(env_kwargs):
            return one, task
    raise OntogymError(_no_task(env, env_kwargs, suite, alike))


def _no_task(
    env: str, env_kwargs: Mapping[str, Any], suite: str | None, alike: list[tuple[Suite, SuiteTask]]
) -> str:
    where = f"The suite {suite} has no" if suite else "No suite has a"
    told = f"{where} task for {env} with the arguments {dict(env_kwargs)}"
    if alike:
        known = "; ".join(f"{task.name} has {dict(task.env_kwargs)}" for _, task in alike)
        return f"{told} ({known}); name one with --task, or train with its arguments."
    return f"{told}; --suite FILE.toml makes a board of your own of it, --task NAME enters another's task."


class HeldOut(NamedTuple):
    """The root of held-out seeds, and a commitment to it: it tells roots apart and does not tell the root."""

    root: int
    commitment: str


def held_out(text: str | None) -> HeldOut:
    """The held-out seeds that an organiser chose by a secret; the package's own (`PACKAGE_SEEDS`) if None.

    Raises:
        OntogymError: a secret that could be guessed by trying.
    """
    if text is None:
        return HeldOut(HELD_OUT, PACKAGE_SEEDS)
    if len(text) < SHORTEST_SECRET:
        raise OntogymError(
            f"A secret of {len(text)} characters can be guessed by trying; pass one of at least {SHORTEST_SECRET} to "
            "--held-out."
        )
    # Slow on purpose: whoever tries secrets pays for each.
    digest = hashlib.pbkdf2_hmac("sha256", text.encode(), b"ontogym held-out seeds", 300_000)
    return HeldOut(derive(HELD_OUT, text), digest.hex()[:32])
