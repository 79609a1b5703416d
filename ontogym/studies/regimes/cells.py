"""An experiment as independent cells, each kept as a file when it is done, so that a killed run can go on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ontogym.checkpoint import write_json
from ontogym.errors import OntogymError

__all__ = ["Tick", "cell_name", "open_run", "pick", "run_cells"]

Tick = Callable[[int, float], Any]
"""Called after each gradient step with its number and loss."""


def run_cells(
    out: Path | str | None,
    fixed: Mapping[str, Any],
    cells: Mapping[str, int],
    compute: Callable[[str, Tick], dict[str, Any]],
    *,
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
        resume: use and extend what `out` holds.
        progress: show a bar.

    Raises:
        OntogymError: `out` holds something and `resume` is False, or the run there has other settings, or there is
            none, or a cell is damaged.
    """
    from tqdm import tqdm

    folder = Path(out) if out is not None else None
    if folder is not None:
        open_run(folder, dict(fixed), resume)
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
                write_json(_file(folder, name), found[name])
    return {name: found[name] for name in cells}


def open_run(folder: Path, fixed: dict[str, Any], resume: bool) -> None:
    """Begin a run in an empty or new `folder` (``config.json`` keeps `fixed`), or make sure that one can go on.

    Raises:
        OntogymError: as in `run_cells`.
    """
    config = folder / "config.json"
    if resume:
        try:
            before = json.loads(config.read_text())
        except FileNotFoundError:
            raise OntogymError(
                f"There is no run to resume in {folder}; leave out --resume to start one."
            ) from None
        except (OSError, ValueError) as error:
            raise OntogymError(
                f"{config} is damaged ({error}); start a new run with another --out."
            ) from error
        for name in sorted({*before, *fixed}):
            if before.get(name) != fixed.get(name):
                raise OntogymError(
                    f"The run in {folder} has {name}={before.get(name)!r}, not {fixed.get(name)!r}; resume with its "
                    "own settings or choose another --out."
                )
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OntogymError(
            f"{folder} already holds something; pass --resume to go on with it or another --out."
        )
    else:
        write_json(config, fixed)


def _kept(folder: Path | None, name: str) -> dict[str, Any] | None:
    if folder is None or not _file(folder, name).exists():
        return None
    try:
        return dict(json.loads(_file(folder, name).read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise OntogymError(
            f"{_file(folder, name)} is damaged ({error}); delete it and it is computed again."
        ) from error


def _file(folder: Path, name: str) -> Path:
    return folder / "cells" / f"{name}.json"


def pick(
    cells: Mapping[str, Mapping[str, Any]], condition: str, seeds: Sequence[int], metric: str
) -> list[float | None]:
    """One metric of a condition, by seed; None where training failed."""
    return [cells[cell_name(condition, seed)].get(metric) for seed in seeds]


def cell_name(condition: str, seed: int) -> str:
    """Name of a cell, which is a file name too."""
    return f"{condition}-s{seed}"
