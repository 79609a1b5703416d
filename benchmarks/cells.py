"""What the experiments share: cells (a name and a seed), commands, what is kept of them, tables between the markers of a page."""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ontogym.checkpoint import write_atomic

__all__ = ["Failed", "keep", "kept", "main", "markdown", "ontogym", "put_between"]

ROOT = Path(__file__).parent.parent


class Failed(RuntimeError):
    """A command that ended in an error: its words and its last line."""


def ontogym(*words: str, **environment: str) -> dict[str, Any]:
    """Run a command with ``--json`` in the repository's root, with these variables set; returns its object.

    Raises:
        Failed: it did not end well.
    """
    done = subprocess.run(
        [sys.executable, "-m", "ontogym", *words, "--json"],
        capture_output=True, text=True, check=False, cwd=ROOT, env={**os.environ, **environment},
    )  # fmt: skip
    if done.returncode:
        raise Failed(f"ontogym {shlex.join(words)}: {(done.stderr.strip().splitlines() or ['killed'])[-1]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def keep(file: Path, found: Any) -> None:
    """Keep what was found, whole or not at all."""
    write_atomic(file, (json.dumps(found, indent=1) + "\n").encode())


def markdown(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table."""
    head, *body = ("| " + " | ".join(row) + " |" for row in (columns, *rows))
    return "\n".join([head.replace("|  |", "| |"), "|---" * len(columns) + "|", *body])


def kept(folder: Path, name: str) -> list[dict[str, Any]]:
    """The result of every run of `name` that has been kept in `folder`, by seed.

    What is paired later is paired in this order, so no seed may be missing between others.
    """
    found = sorted((int(p.stem.rpartition("-s")[2]), p) for p in folder.glob(f"{name}-s[0-9]*.json"))
    seeds = [seed for seed, _ in found]
    if any(later != seed + 1 for seed, later in itertools.pairwise(seeds)):
        raise SystemExit(f"{name} has the seeds {seeds} in {folder}; run the ones between.")
    return [json.loads(path.read_text()) for _, path in found]


def put_between(page: Path, marks: tuple[str, str], text: str) -> None:
    """Put `text` between two lines of a page; a page without them is left alone."""
    old = page.read_text() if page.exists() else ""
    before, begin, rest = old.partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not (begin and end):
        raise SystemExit(
            f"{page} has no place for the tables; put these lines into it:\n{marks[0]}\n{marks[1]}"
        )
    page.write_text(f"{before}{begin}\n\n{text}\n{end}{after}")


def main(
    doc: str | None,
    names: Sequence[str],
    listed: Callable[[str], Iterable[str]],
    run: Callable[[str, int], str],
    tables: Callable[[], str],
    page: Path,
    marks: tuple[str, str],
    seeds: Sequence[int] = (1, 2, 3),
    seed_of: Callable[[str, int], int] = lambda _, seed: seed,
    carried: Sequence[str] = (),
) -> None:
    """The command line of an experiment.

    Args:
        doc: its description.
        names: of its cells.
        listed: the commands of one, for --list.
        run: makes one cell and says so in a line.
        tables: all tables as Markdown, for --table and --write.
        page, marks: where they stand.
        seeds: unless others are given.
        seed_of: the seed that a cell is kept under, by its name and one that was given: cells without chance have one.
        carried: further words for the processes of cells that run side by side.
    """
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*names, []], help="experiments to run")
    parser.add_argument("--seeds", type=int, nargs="+", default=seeds)
    parser.add_argument("--parallel", type=int, default=2, help="runs at a time, one core each")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    if arguments.list:
        for name in names:
            for command in listed(name):
                print(f"{name:28} {command}")
    jobs = list(
        dict.fromkeys((name, seed_of(name, seed)) for name in arguments.names for seed in arguments.seeds)
    )

    def here(job: tuple[str, int]) -> str:
        try:
            return run(*job)
        except Failed as error:
            return f"{job[0]} seed {job[1]}: failed: {error}"

    def apart(job: tuple[str, int]) -> str:
        """In a process of its own: PyTorch's chance, which SB3 draws from, and CPU time are a process's."""
        words = [sys.executable, sys.argv[0], job[0], "--seeds", str(job[1]), "--parallel", "1", *carried]
        return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()

    aside = arguments.parallel > 1 and len(jobs) > 1
    with ThreadPoolExecutor(arguments.parallel) as pool:
        for line in pool.map(apart if aside else here, jobs):
            print(line, flush=True)
    if arguments.table:
        print(tables())
    if arguments.write:
        put_between(page, marks, tables())
