"""Runs the cells of a sweep, here or on a cluster, and keeps one JSON a cell; what is there already is not run again."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any, TypeVar

from ontogym import checkpoint
from ontogym.baselines.sweep.plan import Cell, Plan
from ontogym.errors import OntogymError, UnknownNameError
from ontogym.processes import Workers
from ontogym.runs import holding, read_progress

__all__ = ["Run", "Threads", "curve_of", "read_cells", "run_sweep"]

T = TypeVar("T")

Run = Callable[[str, Mapping[str, Any], bool], dict[str, Any]]
"""``run(command, flags, resume)``: does a command and returns what it prints with ``--json``. The command line hands it."""
_NAMED = 10
"""Failed cells that an error names."""


class Threads(Workers):
    """Threads, for cells that are processes of their own anyway.

    Args:
        workers: cells at a time; 0 means one.
        address: must be None.
    """

    def __init__(self, workers: int = 0, address: str | None = None) -> None:
        self._pool = ThreadPoolExecutor(max(1, workers))

    def results(self, work: Callable[..., T], tasks: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, T]]:
        waiting = {self._pool.submit(work, *task): index for index, task in enumerate(tasks)}
        for future in as_completed(waiting):
            yield waiting[future], future.result()

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)


def run_sweep(
    plan: Plan,
    out: Path | str,
    run: Run,
    workers: Workers | int = 1,
    progress: bool = True,
    only: str | None = None,
    stop: Callable[[KeyboardInterrupt], None] | None = None,
) -> list[dict[str, Any]]:
    """Run what is missing of a sweep; returns all its cells as `read_cells` does.

    Args:
        plan: what to run. out: its folder; cells are kept in ``out/cells``, runs under way in ``out/runs``.
        run: does one command; must be safe to call from `workers` threads, or picklable for other workers.
        workers: cells at a time, in threads; or the workers that do the cells, which are ended. Those of other machines
            must see the folder `out`.
        progress: show a bar on stderr.
        only: run only cells whose name holds this text.
        stop: called at Ctrl-C or SIGTERM, so that the cells under way save what they have and end.

    A cell that fails is named at the end; the others are run all the same.

    Raises:
        OntogymError: cells that failed, each with its own error.
    """
    from tqdm import tqdm

    out = Path(out).resolve()
    (out / "cells").mkdir(parents=True, exist_ok=True)
    wanted = plan.named(only)
    missing = [cell for cell in wanted if _kept(out, cell) is None]
    for name in {cell.name for cell in wanted} - {cell.name for cell in missing}:
        _clear(out, name)  # a kill between a cell's file and this leaves its run
    failed: dict[str, Exception] = {}
    bar = tqdm(
        total=len(wanted),
        initial=len(wanted) - len(missing),
        disable=not progress,
        unit="cell",
        desc=plan.name,
    )
    tasks = [(out, plan, cell, run) for cell in missing]
    try:
        with Threads(workers) if isinstance(workers, int) else workers as doing:
            try:
                for index, error in doing.results(_attempt, tasks):
                    if error is not None:
                        failed[missing[index].name] = error
                    bar.update()
                    bar.set_postfix_str(missing[index].name, refresh=False)
            except KeyboardInterrupt as why:
                if stop is not None:
                    stop(why)  # before the workers are closed, which waits for the cells under way
                raise
    finally:
        bar.close()
    if failed:
        listed = [f"{name}: {error}" for name, error in list(failed.items())[:_NAMED]]
        listed += [f"and {len(failed) - _NAMED} more."] if len(failed) > _NAMED else []
        raise OntogymError(f"{len(failed)} of {len(wanted)} cells failed: {'; '.join(listed)}") from next(
            iter(failed.values())
        )
    return read_cells(plan, out)


def read_cells(plan: Plan, out: Path | str) -> list[dict[str, Any]]:
    """The finished cells of a plan, in its order; those of other settings than the plan's are left out."""
    found = (_kept(Path(out), cell) for cell in plan.cells)
    return [cell for cell in found if cell is not None]


def _kept(out: Path, cell: Cell) -> dict[str, Any] | None:
    file = out / "cells" / f"{cell.name}.json"
    if not file.is_file():
        return None
    try:
        kept = checkpoint.read_sealed_json(file)
    except OntogymError:
        return None
    return dict(kept) if kept.get("fingerprint") == cell.fingerprint else None


def _attempt(out: Path, plan: Plan, cell: Cell, run: Run) -> Exception | None:
    """Run one cell; returns why it failed, if it did."""
    try:
        if not (out / "cells").is_dir():
            raise OntogymError(
                f"{platform.node()} does not see {out}; give a sweep on many machines --out in a folder that all of "
                "them share."
            )
        _run_cell(out, plan, cell, run)
    except Exception as error:
        # What a cell raises may not travel between machines; its sentence does.
        return error if isinstance(error, OntogymError) else OntogymError(f"{type(error).__name__}: {error}")
    return None


def _run_cell(out: Path, plan: Plan, cell: Cell, run: Run) -> None:
    """One cell, held for this process: several may sweep into one folder, each other cells."""
    with holding(out / "runs" / ".held" / cell.name, "runs this cell"):
        if _kept(out, cell) is None:  # another process may have finished it a moment ago
            _run_held(out, plan, cell, run)


def _run_held(out: Path, plan: Plan, cell: Cell, run: Run) -> None:
    """One cell: its command, its evaluations, its file."""
    folder = out / "runs" / cell.name
    mark = folder.with_suffix(".fingerprint")
    resume = folder.exists() and mark.is_file() and mark.read_text() == cell.run_fingerprint
    if not resume:
        # What other settings have left cannot be gone on with.
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        checkpoint.write_atomic(mark, cell.run_fingerprint.encode())
    flags = {**cell.filled(str(out / "cells")), "out": str(folder)}
    result = run(cell.command, flags, resume)
    # The folder was made by this plan: the file of one's own that it names is the one that the plan names.
    scores = {
        name: _placeless(run("evaluate", {"target": str(folder), "trust": True, **flags}, False))
        for name, flags in cell.evaluations.items()
    }
    _check_primary(plan.primary, scores)
    submitted = _submitted(out, cell, folder, run)
    kept = {
        "task": cell.task,
        "method": cell.method,
        "seed": cell.seed,
        "command": cell.command,
        "flags": dict(cell.flags),
        "fingerprint": cell.fingerprint,
        "result": _brief(result),
        "evaluations": scores,
        "curve": curve_of(folder, 60),
        **({"submission": submitted} if submitted else {}),
    }
    for name in plan.keep:
        if (folder / name).is_file():
            shutil.copy2(folder / name, out / "cells" / f"{cell.name}.{name}")
    checkpoint.write_sealed_json(out / "cells" / f"{cell.name}.json", kept)
    _clear(out, cell.name)


def _check_primary(primary: str, scores: Mapping[str, Any]) -> None:
    """Refuse an endpoint that an evaluation does not have; one without a value, such as what is regained where nothing was lost, passes."""
    name, *parts = primary.split(".")
    found = scores.get(name)
    for part in parts:
        if found is None:
            return
        if not isinstance(found, Mapping) or part not in found:
            known = found if isinstance(found, Mapping) else ()
            raise UnknownNameError(f"number in primary = {primary!r}", part, known)
        found = found[part]


def _clear(out: Path, name: str) -> None:
    """Take away the run of a cell that is finished."""
    folder = out / "runs" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.with_suffix(".fingerprint").unlink(missing_ok=True)


def _submitted(out: Path, cell: Cell, folder: Path, run: Run) -> dict[str, Any]:
    """Submit what a cell's command left, let the leaderboard verify and take it; task to what it is called there."""
    if not cell.submission:
        return {}
    flags = dict(cell.submission)
    tasks, store, accept = flags.pop("tasks"), flags.pop("store"), flags.pop("accept", [])
    made, found = out / "runs" / f"{cell.name}.submission", {}
    for task in tasks:
        shutil.rmtree(made, ignore_errors=True)
        run("leaderboard submit", {"run_dir": str(folder), "task": task, **flags, "out": str(made)}, False)
        adding = {"submission": str(made), "store": store, **({"accept": accept} if accept else {})}
        found[task] = run("leaderboard add", adding, False)["id"]
    shutil.rmtree(made, ignore_errors=True)
    return found


def _brief(result: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a command's result: not its configuration, which the cell has, nor its citations."""
    training = result.get("training") or {}
    brief = {
        k: v for k, v in result.items() if k not in ("config", "bibtex", "training", "hyperparameters", "out")
    }
    return brief | {k: training[k] for k in ("env_steps", "cpu_seconds", "wall_seconds") if k in training}


def _placeless(score: Mapping[str, Any]) -> dict[str, Any]:
    """An evaluation without the path of the run, which is gone when its cell is kept."""
    return {name: value for name, value in score.items() if name != "target"}


def curve_of(folder: Path, most: int | None = None) -> list[list[float]]:
    """``[environment steps, score]`` along a run of evolve or train, thinned to about `most` points if that is given."""

    rows: list[list[float]] = []
    if (folder / "progress.csv").is_file():
        rows = [[float(r["env_steps"]), float(r["score"])] for r in read_progress(folder) if r.get("score")]
    elif (folder / "run.json").is_file():
        rows = (checkpoint.read_sealed_json(folder / "run.json").get("training") or {}).get("curve", [])
    step = max(1, -(-len(rows) // (most or len(rows) or 1)))
    return rows[::step] if not rows or rows[-1] in rows[::step] else [*rows[::step], rows[-1]]
