"""The manifest of a submission: what must be in it, and how large each thing may be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ontogym.errors import OntogymError
from ontogym.leaderboard.limits import MAX_RETURN, MAX_STEPS, WEIGHTS, Refused, check_text
from ontogym.leaderboard.suites import get_task

__all__ = ["FORMAT", "check_manifest", "check_options", "check_task"]

FORMAT = 1
"""Version of the manifest. Readers accept this one and older ones."""

_KEYS = {
    "format": int,
    "kind": str,
    "ontogym": str,
    "suite": str,
    "suite_version": int,
    "task": str,
    "agent": dict,
    "seed": int,
    "training": dict,
    "claimed": dict,
    "author": str,
    "notes": str,
    "files": dict,
}
_TYPE = re.compile(r"[a-z0-9][a-z0-9_-]{0,60}")
_TASK = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,60}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_HOST = ("engine", "device", "dtype", "threads", "compiled")
"""Options that say what computes an agent, not what it is: the verifier's business."""
_MAX_OPTION = 10**6
_MAX_CURVE = 10_000


def check_manifest(manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest itself, if every part of it is what it must be.

    Whether its task is one of ours is another question: see `check_task`.

    Raises:
        Refused: what is wrong.
    """
    version = manifest.get("format")
    if type(version) is int and version > FORMAT:
        raise Refused(f"The manifest has format {version}, newer than {FORMAT}; upgrade ontogym.")
    if set(manifest) != set(_KEYS):
        odd = sorted(set(manifest) ^ set(_KEYS))[0][:80]
        raise Refused(f"The manifest {'has an unknown' if odd in manifest else 'lacks the'} key {odd!r}.")
    for key, kind in _KEYS.items():
        if type(manifest[key]) is not kind:
            raise Refused(f"{key!r} in the manifest must be {_WORDS[kind]}.")
    if manifest["kind"] != "submission" or version != FORMAT:
        raise Refused("The manifest is not that of a submission.")
    for key, most in (("ontogym", 40), ("suite", 40), ("author", 200)):
        check_text(manifest[key], f"{key!r} in the manifest", most)
    check_text(manifest["notes"], "'notes' in the manifest", 4000, lines=True)
    if not _TASK.fullmatch(manifest["task"]) or "--" in manifest["task"]:
        raise Refused(f"{manifest['task'][:80]!r} is no name of a task.")
    if not 0 <= manifest["seed"] < 2**63:
        raise Refused("'seed' must be a whole number from 0 to 2^63 - 1.")
    _check_agent(manifest["agent"])
    _check_training(manifest["training"])
    _check_claim(manifest["claimed"])
    digest = manifest["files"].get(WEIGHTS)
    if set(manifest["files"]) != {WEIGHTS} or not isinstance(digest, str) or not _SHA256.fullmatch(digest):
        raise Refused(f"'files' must hold the SHA-256 of {WEIGHTS} and nothing else.")
    return manifest


_WORDS = {int: "a whole number", str: "text", dict: "an object"}


def check_task(manifest: Mapping[str, Any]) -> None:
    """Check the suite, its version and the task, and that the claimed returns have their shape.

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


def check_options(options: Mapping[str, Any]) -> None:
    """Options of an agent: plain, small, and about the agent only.

    Raises:
        Refused: text with a colon (a name that would import code), numbers beyond all sense, options of the host.
    """
    for key, value in options.items():
        check_text(key, "the name of an option", 80)
        if key in _HOST:
            raise Refused(
                f"The option {key!r} says how to compute, not what the agent is; leave it to the verifier."
            )
        _check_option(key, value)


def _check_option(key: str, value: Any) -> None:
    if isinstance(value, str):
        check_text(value, f"the option {key!r}", 200)
        if ":" in value:
            raise Refused(f"The option {key!r} is {value[:80]!r}; a name with a colon would import code.")
    elif isinstance(value, (list, tuple)):
        if len(value) > 1000:
            raise Refused(f"The option {key!r} has {len(value)} parts; the most is 1000.")
        for item in value:
            _check_option(key, item)
    elif isinstance(value, dict):
        check_options(value)
    elif isinstance(value, int) and abs(value) > _MAX_OPTION:
        raise Refused(f"The option {key!r} is {value}; the most is {_MAX_OPTION}.")


def _check_agent(agent: Mapping[str, Any]) -> None:
    if set(agent) != {"type", "label", "options"}:
        raise Refused("'agent' must hold type, label and options.")
    if not isinstance(agent["type"], str) or not _TYPE.fullmatch(agent["type"]):
        raise Refused(
            f"{str(agent['type'])[:80]!r} is no name of an agent type; names are looked up, never imported."
        )
    if not check_text(agent["label"], "the label", 80).strip():
        raise Refused("The label is empty.")
    if not isinstance(agent["options"], dict):
        raise Refused("'options' of the agent must be an object.")
    check_options(agent["options"])


def _check_training(training: Mapping[str, Any]) -> None:
    steps = training.get("env_steps")
    if type(steps) is not int or not 0 <= steps <= MAX_STEPS:
        raise Refused(f"'env_steps' of the training must be a whole number from 0 to {MAX_STEPS}.")
    for key in ("wall_seconds", "cpu_seconds"):
        _check_number(training.get(key, 0.0), f"{key!r} of the training", 0, 1e10)
    check_text(training.get("command"), "the command of the training", 2000)
    for key in ("hardware", "packages"):
        _check_facts(training.get(key, {}), f"{key!r} of the training")
    curve = training.get("curve", [])
    if not isinstance(curve, list) or len(curve) > _MAX_CURVE:
        raise Refused(f"'curve' must be a list of at most {_MAX_CURVE} points.")
    for point in curve:
        if not isinstance(point, list) or len(point) != 2:
            raise Refused("A point of 'curve' is [environment steps, score].")
        for value in point:
            _check_number(value, "A number of 'curve'", -MAX_RETURN, MAX_RETURN)


def _check_claim(claimed: Mapping[str, Any]) -> None:
    if claimed.get("seeds") != "public":
        raise Refused("'claimed' must be on the public seeds.")
    rows = claimed.get("returns")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, list) and row for row in rows):
        raise Refused("'returns' must hold a list of episodes for every life.")
    for row in rows:
        if len(row) != len(rows[0]):
            raise Refused("All lives in 'returns' must have the same number of episodes.")
        for value in row:
            _check_number(value, "A return", -MAX_RETURN, MAX_RETURN)
    if claimed.get("wiring_cost") is not None:
        _check_number(claimed["wiring_cost"], "'wiring_cost'", 0, MAX_RETURN)
    _check_facts(claimed.get("machine", {}), "'machine' of the claim")


def _check_facts(facts: Any, what: str) -> None:
    """Small text and numbers by name, at most two levels deep."""
    if not isinstance(facts, dict) or len(facts) > 200:
        raise Refused(f"{what} must be a small object.")
    for key, value in facts.items():
        check_text(key, f"a name in {what}", 200)
        if isinstance(value, dict):
            _check_facts(value, what)
        elif isinstance(value, str):
            check_text(value, f"{key!r} in {what}", 400)
        elif value is not None:
            _check_number(value, f"{key!r} in {what}", -MAX_RETURN, MAX_RETURN)


def _check_number(value: Any, what: str, low: float, high: float) -> None:
    if type(value) not in (int, float) or not low <= value <= high:
        raise Refused(f"{what} must be a number from {low:g} to {high:g}.")
