"""``ontogym sweep``."""

from __future__ import annotations

import contextlib
import io
import json as json_module
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from ontogym import checkpoint
from ontogym.cli.evaluate import Evaluate
from ontogym.cli.evolve import Evolve
from ontogym.cli.long_run import LongRun
from ontogym.cli.options import as_json, print_table
from ontogym.cli.train import Train
from ontogym.errors import OntogymError
from ontogym.processes import Terminated, Workers
from ontogym.registry import code_in
from ontogym.runs import runs_folder, stoppable

if TYPE_CHECKING:
    from ontogym.baselines.sweep.plan import Cell, Plan

__all__ = ["Sweep"]


@dataclass(frozen=True)
class Sweep(LongRun):
    """Run tasks x methods x seeds as one TOML file says, score every one by the same lives, and print the table.

    One JSON a cell is kept in OUT/cells; the same command goes on where it was stopped. Columns: the primary endpoint
    with its interval over training seeds, its controls, numbers evolved or trained, environment steps, processor seconds.

    Attributes:
        file: the TOML file; see ontogym/baselines/sweep/plan.py for all that it may say.
        out: folder of the sweep; runs/sweep-NAME if not given.
        workers: cells at a time; if not given, one here, and elsewhere as many as there are cores.
        evaluator: where cells run: "pool", a process of its own for each (the default); "process", this one, one cell after
            the other, which saves every start; "ray" (see docs/cluster.md), or what a package adds.
        address: where the evaluator's engine is found; "auto" for a Ray that runs on this machine.
        only: run only cells whose name holds this text.
        table: print the table of what is there and run none.
        trust: the file is mine, or I trust its maker: import the module:Class that it names.
        tune: give every method of [tune] so many trials of its settings (extra `tune`), and keep them in OUT/tuning.json.
    """

    file: Annotated[str, tyro.conf.Positional]
    out: str | None = None
    workers: int | None = None
    evaluator: str | None = None
    address: str | None = None
    only: str | None = None
    table: bool = False
    trust: bool = False
    tune: int | None = None

    def shown(self) -> dict[str, Any]:
        """The cells and their commands: the configuration is the file itself."""
        plan = self._plan()
        wanted = plan.named(self.only)
        _check_lines(wanted, here=False)
        rows = [(c.name, _line(c.command, c.filled()).replace("\0", " ")) for c in wanted]
        print_table(plan.name, ("cell", "command"), rows)
        return {"cells": [cell.name for cell in wanted]}

    def cited(self) -> list[str]:
        """BibTeX of what the cells use, each entry once."""
        from ontogym.cli.commands import parse

        lines = {_line(c.command, c.filled()) for c in self._plan().cells}
        commands = [parse(line.split("\0")) for line in sorted(lines)]
        found = [entry for c in commands if isinstance(c, LongRun) for entry in c.cited()]
        return list(dict.fromkeys(found))

    def work(self) -> dict[str, Any]:
        """Run what is missing, print the table; returns its rows."""
        from ontogym.baselines.sweep.run import read_cells, run_sweep
        from ontogym.baselines.sweep.tables import (
            ahead,
            fewest,
            interval_in_words,
            markdown,
            pooled,
            rows,
            scaled,
        )

        plan = self._plan(stored=self.table)
        out = Path(self.out or runs_folder(f"sweep-{plan.name}"))
        if not self.table:
            _check_lines(plan.named(self.only))
        if self.tune is not None:
            return self._tune(plan, out, self.tune)
        if self.table:
            cells = read_cells(plan, out)
        else:
            runner = InProcess() if self.evaluator == "process" else Subprocesses()
            workers = self._workers()
            with stoppable(out, onward=""):
                cells = run_sweep(plan, out, runner, workers, only=self.only, stop=runner.stop)
        text = markdown(plan, cells)
        if not self.json:
            print(f"Primary endpoint: {plan.primary}. {len(cells)} of {len(plan.cells)} cells.\n\n{text}")
        if not self.table:
            checkpoint.write_atomic(out / "table.md", f"{text}\n".encode())
        seconds = sum(c["result"].get("cpu_seconds") or 0.0 for c in cells)
        strata = scaled(plan, cells)
        found, beats = pooled(strata), ahead(strata)
        drawn = bool(strata) and not self.table
        if drawn:
            from ontogym.figures.profiles import profiles_figure
            from ontogym.figures.style import save_figure

            save_figure(profiles_figure(strata, plan.name), out / "profiles.png")
        if not self.json:
            tasks = {cell.task for cell in plan.cells}
            of = (
                f"{len(plan.anchors)} of {len(tasks)} tasks, those with anchors"
                if set(plan.anchors) != tasks
                else "tasks"
            )
            for name, interval in found.items():
                print(f"IQM over {of}, {name}: {interval_in_words(interval, fewest(strata[name]))}")
            for best, other, interval in beats:
                likely = interval_in_words(interval, fewest(strata[best], strata[other]))
                print(f"A run of {best} beats one of {other} with probability {likely}")
            if drawn:
                print(f"Performance profiles: {out / 'profiles.png'}")
            print(f"{seconds / 3600:.2f} processor hours")
        return {
            "rows": [_plain(row) for row in rows(plan, cells)],
            "pooled": {name: interval._asdict() for name, interval in found.items()},
            "ahead": [{"best": a, "other": b, **interval._asdict()} for a, b, interval in beats],
            "cpu_seconds": seconds,
        }

    def _plan(self, stored: bool = False) -> Plan:
        """What the file says, which may be a stranger's; what is made from the `stored` cells alone imports nothing."""
        from ontogym.baselines.sweep.plan import read_plan

        plan = read_plan(self.file)
        code = code_in([[cell.flags, cell.evaluations] for cell in plan.cells] + [plan.tune])
        if code and not (self.trust or stored):
            raise OntogymError(
                f"{self.file} names {code!r}, which would import code; say that you trust its maker (--trust)."
            )
        return plan

    def _tune(self, plan: Plan, out: Path, trials: int) -> dict[str, Any]:
        """Trials of every method's settings, one after the other, since each proposes by what the ones before earned."""
        from ontogym.baselines.sweep.tuning import tune

        runner = InProcess() if self.evaluator == "process" else Subprocesses()
        with stoppable(out, onward=""):
            found = tune(plan, out, runner, trials, self.only, runner.stop, progress=True)
        if not self.json:
            best = [
                (c["task"], c["method"], f"{c['score']:.4g}", json_module.dumps(c["best"]))
                for c in found["cells"]
            ]
            print_table(f"{plan.name}: {trials} trials each", ("task", "method", plan.primary, "best"), best)
        return found

    def _workers(self) -> Workers | int:
        """How many cells at a time, or who does them. A cell is a process of its own, so a pool would add nothing."""
        from ontogym.baselines.evolution.evaluators import make_workers

        if self.evaluator in (None, "pool") and self.address is None:
            return 1 if self.workers is None else self.workers
        return make_workers(self.evaluator, self.workers or 0, self.address)


class InProcess:
    """Runs commands here; what they print is dropped."""

    def __call__(self, command: str, flags: Mapping[str, Any], resume: bool) -> dict[str, Any]:
        words = [*_line(command, flags).split("\0"), "--json", *(["--resume"] if resume else [])]
        todo = _parsed(words)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            found = todo.run()
        if found.get("exit_status"):
            raise OntogymError(f"ontogym {command} refuses it: {' '.join(found.get('reasons', ()))}")
        return dict(json_module.loads(as_json(found)))

    def stop(self, why: KeyboardInterrupt) -> None:
        """Nothing of its own is left to end."""


class Subprocesses:
    """Runs commands as processes of their own, which leaves each its threads and its memory.

    They begin in the folder in which the sweep did, on whatever machine, so that relative paths mean the same.
    """

    def __init__(self) -> None:
        self._living: set[subprocess.Popen[str]] = set()
        self._folder = os.getcwd()
        self._stopping = False

    def __call__(self, command: str, flags: Mapping[str, Any], resume: bool) -> dict[str, Any]:
        words = [sys.executable, "-m", "ontogym", *_line(command, flags).split("\0"), "--json"]
        words += ["--resume"] if resume else []
        words += ["--stored"] if command == "evolve" else []
        if self._stopping:
            raise OntogymError("the sweep was stopped.")
        process = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self._folder
        )
        self._living.add(process)
        try:
            out, err = process.communicate()
        finally:
            self._living.discard(process)
        if process.returncode != 0:
            said = [line for line in err.strip().splitlines() if line.strip()]
            raise OntogymError(
                said[-1] if said else f"ontogym {command} ended with status {process.returncode}."
            )
        try:
            return dict(json_module.loads(out.strip().splitlines()[-1]))
        except (ValueError, IndexError) as error:
            raise OntogymError(f"ontogym {command} printed no result ({error}).") from error

    def stop(self, why: KeyboardInterrupt) -> None:
        """Let every living process save a checkpoint and end, and begin no other."""
        self._stopping = True
        if not isinstance(why, Terminated) and sys.stdin is not None and sys.stdin.isatty():
            return  # Ctrl-C reached them as well, and a second one would end what saves
        for process in list(self._living):
            process.send_signal(signal.SIGTERM)


def _check_lines(cells: Sequence[Cell], here: bool = True) -> None:
    """Parse every kind of line that the cells come to, so that a misspelt option is met before the first of them runs.

    Raises:
        OntogymError: an option that is none, a value that is not of its kind, or what its command can refuse before it runs.
    """
    from ontogym.baselines.sweep.plan import check_cell

    parsed, built, began = set(), set(), time.process_time()
    for cell in cells:
        lines = [("", cell.command, cell.filled())]
        lines += [
            (f" [evaluations.{name}]", "evaluate", {"target": "", **flags})
            for name, flags in cell.evaluations.items()
        ]
        with _named(cell.name):
            check_cell(cell)
        for where, command, flags in lines:
            kind = command, *sorted((name, _kind(value)) for name, value in flags.items())
            parts = command, _made_of(flags)
            look = parts not in built and time.process_time() - began < _LOOKING
            if kind in parsed and not look:
                continue
            with _named(f"{cell.name}{where}"):
                todo = _parsed(_line(command, flags).split("\0"))
                if look:
                    _look_over(todo, here)
            parsed.add(kind)
            built.add(parts)


@contextlib.contextmanager
def _named(cell: str) -> Iterator[None]:
    """Say of which cell a fault is."""
    try:
        yield
    except OntogymError as error:
        raise OntogymError(f"{cell}: {error}") from error


def _made_of(flags: Mapping[str, Any]) -> str:
    """What a run is made of, whatever its seed, and whatever the values of its environment's arguments."""
    made = {name: value for name, value in flags.items() if name not in _OF_A_CELL}
    return json_module.dumps({**made, "env_kwargs": sorted(made.get("env_kwargs", ()))}, sort_keys=True)


def _look_over(todo: Any, here: bool) -> None:
    """Let a command refuse what it can before it runs.

    Raises:
        OntogymError: it does, and not for want of a package that another machine may have, unless it runs `here`.
    """
    if not isinstance(todo, (Evolve, Evaluate, Train)):
        return
    try:
        todo.check()
    except OntogymError as error:
        if here or not _lacks(error):
            raise


def _lacks(error: BaseException) -> bool:
    """Whether an error comes of a package that is not installed."""
    cause = error.__cause__
    missing = isinstance(error, ImportError) or type(error).__name__ == "DependencyNotInstalled"
    return missing or (cause is not None and _lacks(cause))


_LOOKING = 5.0
"""Processor seconds for which what would run is built beforehand; the rest is met when it runs."""
_OF_A_CELL = ("seed", "out", "start_from", "restart_from")


def _kind(value: Any) -> str:
    """What lines have in common that are parsed once: a word is itself, of a number, a list or a path there is one kind."""
    return value if isinstance(value, str) and not set(value) & set("/{.") else type(value).__name__


def _parsed(words: list[str]) -> Any:
    """The command that `words` are.

    Raises:
        OntogymError: they are none.
    """
    from ontogym.cli.commands import parse

    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            return parse(words)
    except SystemExit as error:
        raise OntogymError(_reason(said.getvalue())) from error


def _reason(said: str) -> str:
    """Why a line is no command, in one line: what stands in the box about its options, else the last that was printed."""
    lines = [line.strip(" \u2502\u256d\u256e\u2570\u256f\u2500") for line in said.strip().splitlines()]
    lines = [line for line in lines if line.strip("-")]
    boxed = next((k for k, line in enumerate(lines) if line.startswith(_BOXED)), None)
    if boxed is None:
        return lines[-1] if lines else ""
    unknown = lines[boxed].startswith(_BOXED[0])
    near = [line for line in lines[boxed + 1 :] if unknown and line.startswith("--")]
    return lines[boxed] + (f" (perhaps you meant {near[0].split()[0]})" if near else "")


_BOXED = ("Unrecognized options:", "Error parsing", "Missing", "Required")
_POSITIONAL = {
    "evaluate": "target",
    "replay": "target",
    "leaderboard submit": "run_dir",
    "leaderboard add": "submission",
}


def _line(command: str, flags: Mapping[str, Any]) -> str:
    """A command and its flags as words that are joined by NUL."""
    words = command.split()
    # What is evaluated is no flag; what a search aims at is.
    positional = _POSITIONAL.get(command, "")
    if positional in flags:
        words.append(str(flags[positional]))
    for name, value in flags.items():
        if name != positional:
            words += _flag(name.replace("_", "-"), value)
    return "\0".join(words)


def _flag(name: str, value: Any) -> list[str]:
    if isinstance(value, bool):
        return [f"--{name}" if value else f"--no-{name}"]
    if isinstance(value, Mapping):
        return [
            f"--{name}",
            *(f"{k}={v if isinstance(v, str) else json_module.dumps(v)}" for k, v in value.items()),
        ]
    if isinstance(value, list):
        return [f"--{name}", *map(str, value)]
    return [f"--{name}", str(value)]


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value._asdict() if hasattr(value, "_asdict") else value for key, value in row.items()}
