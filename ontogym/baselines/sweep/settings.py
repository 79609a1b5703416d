"""Settings of a sweep's methods: put into their flags, and taken from what ``ontogym sweep --tune`` has found."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ontogym.configurations import read_config
from ontogym.errors import OntogymError

__all__ = ["NO_FLAGS", "best_settings", "read_outcome", "tuned_settings", "with_settings"]

NO_FLAGS = ("like", "command", "tasks", "submits", "label", "tuned")
"""What a method's table says beside its flags."""
NO_SETTINGS = {*NO_FLAGS, "seeds", "skip"}
"""What a tuning cannot have found."""


def tuned_settings(table: Mapping[str, Any], folder: Path) -> dict[tuple[str, str], Mapping[str, Any]] | None:
    """The best settings by task and method, of a file that ``ontogym sweep --tune`` has written; None without ``[tuned]``."""
    if not table:
        return None
    if set(table) != {"file"} or not isinstance(table["file"], str):
        raise OntogymError('[tuned] of a sweep says one thing: file = "PATH of a tuning.json".')
    found = read_outcome(folder / table["file"])
    return {(each["task"], each["method"]): each["best"] for each in found}


def read_outcome(file: Path) -> list[dict[str, Any]]:
    """What a tuning has found for every method on every task, as `ontogym.baselines.sweep.tuning.tune` returns it.

    Raises:
        OntogymError: another file.
    """
    cells = read_config(file).get("cells")
    texts = ("task", "method")
    if not isinstance(cells, list) or not all(
        isinstance(each, Mapping)
        and all(isinstance(each.get(key), str) for key in texts)
        and isinstance(each.get("best"), Mapping)
        and not set(each["best"]) & NO_SETTINGS
        for each in cells
    ):
        raise OntogymError(f"{file} is no outcome of ontogym sweep --tune.")
    return cells


def with_settings(flags: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """`flags` with `settings` put in; a dot in a setting's name reaches into a table of flags.

    Raises:
        OntogymError: a dot that leads nowhere.
    """
    whole = dict(flags)
    for name, value in settings.items():
        first, dot, inner = name.partition(".")
        table = whole.get(first, {})
        if not first or (dot and not (inner and isinstance(table, Mapping))):
            raise OntogymError(f"{name!r} in a sweep names no entry of a table of flags; mend it.")
        whole[first] = {**table, inner: value} if dot else value
    return whole


def best_settings(
    tuned: Mapping[tuple[str, str], Mapping[str, Any]] | None, task: str, models: list[str], chosen: Any
) -> dict[str, Mapping[str, Any]]:
    """The settings that were found for a method and those it is like on a task, by method.

    Raises:
        OntogymError: none were, and the method does not say that this is meant.
    """
    if tuned is None or chosen is False:
        return {}
    found = {name: tuned[task, name] for name in models if (task, name) in tuned}
    if not found:
        raise OntogymError(
            f"[tuned] has no settings of {models[0]} on {task}; tune it (--tune), or say tuned = false in the method's table."
        )
    return found
