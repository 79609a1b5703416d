"""An experiment as independent cells, each kept as a file when it is done, so that a killed run can go on."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from ontogym.checkpoint import read_sealed_json, write_sealed_json
from ontogym.errors import OntogymError
from ontogym.runs import RunFolder
from ontogym.statistics import mean_summary

__all__ = ["Tick", "cell_name", "pick", "report", "run_cells"]

Tick = Callable[[int, float], Any]
"""Called after each gradient step with its number and loss."""


def run_cells(
    out: Path | str | None,
    fixed: Mapping[str, Any],
    cells: Mapping[str, int],
    compute: Callable[[str, Tick], dict[str, Any]],
    *,
    command: Mapping[str, Any] | None = None,
    resume: bool = False,
    progress: bool = False,
) -> dict[str, dict[str, Any]]:
    """What `compute` gives for every cell, computed in order; found ones are read.

    Args:
        out: folder with ``config.json`` and ``cells/NAME.json``; None keeps nothing.
        fixed: what all cells share; a run resumes only under equal settings.
        cells: name to the number of gradient steps it takes (for the progress bar).
        compute: a cell's JSON-able result, with ``cpu_seconds`` added to it here; if it raises OntogymError
            (training diverged) the cell is ``{"failed": sentence}``.
        command: all settings of this call, kept beside what is fixed so that another run can be begun from the folder.
        resume: use and extend what `out` holds.
        progress: show a bar.

    Raises:
        OntogymError: `out` holds something and `resume` is False, or the run there has other settings, or there is
            none, or a cell is damaged.
    """
    record = {**fixed, "command": dict(command or fixed)}
    holding = (
        contextlib.nullcontext() if out is None else RunFolder(out, record, resume, neutral=("command",))
    )
    with holding as folder:
        return _computed(folder, cells, compute, progress)


def _computed(
    folder: RunFolder | None,
    cells: Mapping[str, int],
    compute: Callable[[str, Tick], dict[str, Any]],
    progress: bool,
) -> dict[str, dict[str, Any]]:
    from tqdm import tqdm

    found = {name: kept for name in cells if (kept := _kept(folder, name)) is not None}
    bar = tqdm(
        total=sum(cells.values()), initial=sum(cells[n] for n in found), unit="step", disable=not progress, mininterval=0.5
    )  # fmt: skip
    with bar:
        for name, steps in cells.items():
            if name in found:
                continue
            end = bar.n + steps
            bar.set_description(name)
            started = time.process_time()
            try:
                result = compute(name, lambda k, loss: bar.update())
            except OntogymError as error:
                # A start that diverges or falls silent is a finding too, and no reason to lose the others.
                result = {"failed": str(error)}
            found[name] = {**result, "cpu_seconds": round(time.process_time() - started, 2)}
            bar.update(end - bar.n)
            if folder is not None:
                write_sealed_json(_file(folder, name), found[name])
    return {name: found[name] for name in cells}


def _kept(folder: RunFolder | None, name: str) -> dict[str, Any] | None:
    if folder is None or not _file(folder, name).exists():
        return None
    return read_sealed_json(_file(folder, name))


def _file(folder: RunFolder, name: str) -> Path:
    return folder.path / "cells" / f"{name}.json"


def pick(
    cells: Mapping[str, Mapping[str, Any]], condition: str, seeds: Sequence[int], metric: str
) -> list[float | None]:
    """One metric of a condition, by seed; None where training failed."""
    return [cells[cell_name(condition, seed)].get(metric) for seed in seeds]


def report(
    experiment: str,
    nodes: int,
    conditions: Sequence[Mapping[str, Any]],
    metrics: Collection[str],
    seeds: Sequence[int],
    cells: Mapping[str, Mapping[str, Any]],
    directions: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """What an experiment returns.

    Returns:
        ``conditions``: what is known of each, and every metric's mean and interval over seeds; ``directions``: published
        and measured; ``cells``: every network's numbers; ``failures``: cells whose training failed, and why; ``cpu_seconds``.
    """
    rows = [
        {**row, **{m: mean_summary(pick(cells, row["name"], seeds, m)) for m in metrics}}
        for row in conditions
    ]
    return {
        "experiment": experiment,
        "nodes": nodes,
        "conditions": rows,
        "directions": list(directions),
        "cells": dict(cells),
        "failures": {name: cell["failed"] for name, cell in cells.items() if "failed" in cell},
        "cpu_seconds": sum(cell["cpu_seconds"] for cell in cells.values()),
    }


def cell_name(condition: str, seed: int) -> str:
    """Name of a cell, which is a file name too."""
    return f"{condition}-s{seed}"
