"""The manifest of a submission: one schema, which the checker requires and on which every reader may rely."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from ontogym.agents.feedback import SIGNALS
from ontogym.baselines.lives.spec import Told
from ontogym.errors import OntogymError
from ontogym.leaderboard.labels import check_label, check_name
from ontogym.leaderboard.limits import MAX_RETURN, MAX_STEPS, WEIGHTS, Refused
from ontogym.leaderboard.options import check_options
from ontogym.leaderboard.schema import (
    Anything,
    Choice,
    Exactly,
    Field,
    Flag,
    ListOf,
    MapOf,
    Null,
    OneOf,
    Real,
    Record,
    Text,
    Whole,
)
from ontogym.leaderboard.suites import get_task

__all__ = ["FORMAT", "MANIFEST_SCHEMA", "MAX_CURVE", "check_manifest", "check_task"]

FORMAT = 1
"""Version of the manifest. Readers accept this one and older ones."""
MAX_CURVE = 200
"""Points of a learning curve: more than a chart shows."""


class _Label:
    """A label, by the rules of `ontogym.leaderboard.labels`."""

    def check(self, value: Any, where: str) -> str:
        return check_label(value)


class _Author:
    """Who submits, or nothing."""

    def check(self, value: Any, where: str) -> str:
        return check_name(value, "The author", 200, empty=True)


_WORD = Text(200)
_PACKAGES = MapOf(Text(60), 40, Text(60))
_SIZE = Real(0, 1e10)
_NUMBER = Real(-MAX_RETURN, MAX_RETURN)
_SETTING = OneOf("null, true, false, text or a number", (Null(), Flag(), _NUMBER, _WORD))
_HYPER: Field = MapOf(
    OneOf("plain and small", (_SETTING, ListOf(_SETTING, 40), MapOf(ListOf(Whole(1, 10**6), 10), 4))), 60
)

MANIFEST_SCHEMA = Record(
    {
        "format": Whole(1, FORMAT),
        "kind": Exactly("submission"),
        "ontogym": Text(40),
        "suite": Text(40, r"[a-z][a-z0-9-]*"),
        "suite_version": Whole(1, 10**6),
        "task": Text(60, r"[A-Za-z0-9](?:[A-Za-z0-9_.]|-(?!-))*"),
        "agent": Record(
            {"type": Text(60, r"[a-z0-9][a-z0-9_-]*"), "label": _Label(), "options": Anything()},
            {"told": Choice(get_args(Told)), "silenced": ListOf(Choice(SIGNALS), len(SIGNALS))},
        ),
        "seed": Whole(0, 2**63 - 1),
        "training": Record(
            {
                "command": Text(4000),
                "env_steps": Whole(0, MAX_STEPS),
                "wall_seconds": _SIZE,
                "curve": ListOf(ListOf(_NUMBER, 2, 2), MAX_CURVE),
                "hardware": Record(
                    {},
                    {
                        "cpu": _WORD,
                        "cores": OneOf("null or a number of cores", (Null(), Whole(1, 10**6))),
                        "platform": _WORD,
                        "gpu": OneOf("null or a name", (Null(), _WORD)),
                    },
                ),
                "packages": _PACKAGES,
            },
            {"cpu_seconds": _SIZE, "hyperparameters": _HYPER},
        ),
        "claimed": Record(
            {
                "seeds": Exactly("public"),
                "returns": ListOf(ListOf(_NUMBER, 1000, 1), 10_000, 1),
                "wiring_cost": OneOf("null or a density", (Null(), Real(0, 1e6))),
                "machine": Record(
                    {}, {"cpu": _WORD, "platform": _WORD, "python": Text(40), "packages": _PACKAGES}
                ),
            }
        ),
        "author": _Author(),
        "notes": Text(4000, lines=True),
        "files": Record({WEIGHTS: Text(64, r"[0-9a-f]{64}")}),
    }
)


def check_manifest(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the manifest, if every part of it is what it must be.

    Whether its task is one of ours is another question: see `check_task`.

    Raises:
        Refused: what is wrong.
    """
    version = manifest.get("format")
    if type(version) is int and version > FORMAT:
        raise Refused(f"The manifest has format {version}, newer than {FORMAT}; upgrade ontogym.")
    checked = MANIFEST_SCHEMA.check(manifest, "the manifest")
    rows = checked["claimed"]["returns"]
    if any(len(row) != len(rows[0]) for row in rows):
        raise Refused("All lives in 'returns' must have the same number of episodes.")
    agent = checked["agent"]
    agent["options"] = check_options(agent["type"], agent["options"])
    return checked


def check_task(manifest: Mapping[str, Any]) -> None:
    """Check the suite, its version and the task, and that the claimed returns have their shape and scale.

    Raises:
        Refused: unknown ones, another version, or returns of other lives than the task's.
    """
    try:
        task = get_task(manifest["suite"], manifest["suite_version"], manifest["task"])
    except OntogymError as error:
        raise Refused(str(error)) from error
    rows = manifest["claimed"]["returns"]
    if len(rows) != task.lives or any(len(row) != task.episodes for row in rows):
        raise Refused(
            f"{task.name} is lived {task.lives} times for {task.episodes} episodes; 'returns' has another shape."
        )
