"""Learning curves of runs of any kind, grouped by what differs beside the seed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ontogym import checkpoint
from ontogym.baselines.sweep.run import curve_of
from ontogym.configurations import read_config
from ontogym.errors import OntogymError

__all__ = ["Learned", "group_runs", "read_learned"]

_EVERY_RUN = ("seed", "out", "training", "checksum", "format", "kind", "hyperparameters", "options", "track")
_NEUTRAL = (
    "workers",
    "evaluator",
    "address",
    "slices",
    "checkpoint_every",
    "tensorboard",
    "generations",
    "steps",
)


class Learned(NamedTuple):
    """One run: where it lies, what it was set to (its seed left out), its seed, and ``[environment steps, score]``."""

    name: str
    settings: dict[str, Any]
    seed: int
    curve: list[list[float]]


def read_learned(path: Path | str) -> list[Learned]:
    """The run in a folder, of evolve or train; or all finished cells of a sweep's folder.

    Raises:
        OntogymError: neither, or a run that has been scored at no time yet.
    """
    path = Path(path)
    cells = sorted((path / "cells").glob("*.json")) if (path / "cells").is_dir() else []
    if cells:
        return [_cell(file) for file in cells]
    if not any((path / name).is_file() for name in ("config.json", "run.json")):
        raise OntogymError(
            f"{path} is no folder of a run of evolve or train, nor of a sweep; check the path."
        )
    record = read_config(path)
    curve = curve_of(path)
    if not curve:
        raise OntogymError(f"{path} holds no score yet; let the run reach its first evaluation.")
    settings = {k: v for k, v in record.items() if k not in (*_EVERY_RUN, *_NEUTRAL)}
    return [Learned(path.name, settings, int(record.get("seed", 0)), curve)]


def _cell(file: Path) -> Learned:
    kept = checkpoint.read_sealed_json(file)
    settings = {"env": kept["task"], "method": kept["method"], **kept["flags"]}
    return Learned(file.stem, settings, int(kept["seed"]), [list(map(float, row)) for row in kept["curve"]])


def group_runs(
    runs: Sequence[Learned], labels: Sequence[str] | None = None
) -> dict[str, list[list[list[float]]]]:
    """Curves by name: runs that differ by their seed alone are one group, named by what tells the groups apart.

    Args:
        labels: one a run, in place of such names; equal labels are one group.

    Raises:
        OntogymError: another number of labels than of runs.
    """
    if labels:
        if len(labels) != len(runs):
            raise OntogymError(f"{len(runs)} runs with {len(labels)} labels; give one each.")
        names = list(labels)
    else:
        names = [_said(run, runs) for run in runs]
    groups: dict[str, list[list[list[float]]]] = {}
    for name, run in zip(names, runs):
        groups.setdefault(name, []).append(run.curve)
    return groups


def _said(run: Learned, runs: Sequence[Learned]) -> str:
    """What a run is called: its method and, of all settings, those in which methods of its name differ."""
    kind = _method(run)
    same = [other for other in runs if _method(other) == kind]
    keys = sorted({key for other in same for key in other.settings})
    differ = [k for k in keys if any(o.settings.get(k) != same[0].settings.get(k) for o in same)]
    words = [f"{key}={run.settings[key]}" for key in differ if key in run.settings][:3]
    return ", ".join([kind, *words])


def _method(run: Learned) -> str:
    return str(next((run.settings[k] for k in ("method", "algo", "agent") if k in run.settings), run.name))
