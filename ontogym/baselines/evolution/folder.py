"""The folder of a run: what is in it, and how it survives being killed at any moment.

======================  =====================================================================
``config.json``         the configuration
``checkpoint.safetensors``  the search after some generation, replaced atomically
``progress.csv``        one row per generation; rows newer than the checkpoint go on resume
``best.safetensors``    the best confirmed search mean, loadable with `load_agent`
``result.json``         written once, at the end
======================  =====================================================================
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ontogym import checkpoint
from ontogym.baselines.evolution.config import NEUTRAL, EvolutionConfig
from ontogym.errors import OntogymError

__all__ = ["COLUMNS", "RunFolder"]

COLUMNS = (
    "generation",
    "env_steps",
    "wall_seconds",
    "cpu_seconds",
    "utility_mean",
    "utility_max",
    "score",
    "sigma",
    "failed",
)
"""Columns of ``progress.csv``; `score` is the re-evaluated search mean, empty where none was done; `failed` counts lives
that a number that is not finite has ended."""


class RunFolder:
    """Opens a new run, or an interrupted one.

    Args:
        path: the folder.
        config: what is to run.
        resume: go on with what is there.

    Raises:
        OntogymError: the folder holds something and `resume` is False; there is nothing to resume; what is
            there is another run or is damaged.
    """

    def __init__(self, path: str | Path, config: EvolutionConfig, resume: bool) -> None:
        self.path, self.config = Path(path), config
        try:
            present = [p for p in self.path.iterdir() if p.name != checkpoint.LOCK and p.suffix != ".part"]
        except FileNotFoundError:
            present = []
        except OSError as error:
            raise OntogymError(f"Cannot use {self.path} as a run folder ({error.strerror}).") from error
        if present and not resume:
            raise OntogymError(
                f"{self.path} already holds something; pass --resume to go on with it or another --out."
            )
        if resume:
            self._check_same_run()
        self._lock = checkpoint.hold_folder(self.path, "is running")
        checkpoint.write_json(self.path / "config.json", config.as_json())
        for leftover in self.path.glob(".*.part"):
            leftover.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the folder."""
        self._lock.close()

    def _check_same_run(self) -> None:
        file = self.path / "config.json"
        if not file.is_file():
            raise OntogymError(f"There is no run to resume in {self.path}; leave out --resume to start one.")
        try:
            before = EvolutionConfig().as_json() | dict(json.loads(file.read_text()))
        except (OSError, ValueError) as error:
            raise OntogymError(f"{file} is damaged ({error}); start a new run with another --out.") from error
        now = self.config.as_json()
        for name in sorted((set(before) | set(now)) - set(NEUTRAL)):
            if before.get(name) != now.get(name):
                raise OntogymError(
                    f"The run in {self.path} has {name}={before.get(name)!r}, not {now.get(name)!r}; "
                    "resume with its own configuration or choose another --out."
                )

    def load(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]] | None:
        """The checkpoint, or None if the run was killed before its first; truncates ``progress.csv`` to it."""
        file = self.path / "checkpoint.safetensors"
        if not file.exists():
            self._truncate(0)
            return None
        arrays, meta = checkpoint.load(file, "evolution")
        if meta.get("fingerprint") != self.config.fingerprint():
            raise OntogymError(
                f"{file} belongs to another run than the config.json beside it; restore the file that was "
                "there or choose another --out."
            )
        self._truncate(int(meta["generation"]))
        return arrays, meta

    def _truncate(self, generation: int) -> None:
        """Keep the rows up to `generation`; a row cut short by a kill is dropped with the rest."""
        file = self.path / "progress.csv"
        if not file.exists():
            return
        kept = []
        for line in file.read_text().splitlines(keepends=True)[1:]:
            number = line.split(",", 1)[0]
            if line.endswith("\n") and number.isdigit() and int(number) <= generation:
                kept.append(line)
        checkpoint.write_atomic(file, (",".join(COLUMNS) + "\n" + "".join(kept)).encode())

    def append(self, row: Mapping[str, Any]) -> None:
        """Add a row to ``progress.csv``."""
        line = io.StringIO()
        writer = csv.DictWriter(line, COLUMNS, lineterminator="\n")
        file = self.path / "progress.csv"
        try:
            if not file.exists():
                writer.writeheader()
            writer.writerow(row)
            with file.open("a") as out:
                out.write(line.getvalue())
        except OSError as error:
            raise OntogymError(
                f"Cannot write {file} ({error.strerror}); free some space and go on with --resume."
            ) from error

    def save(self, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> None:
        """Replace the checkpoint. The rows before it reach the disk first."""
        file = self.path / "progress.csv"
        if file.exists():
            with file.open("rb+") as rows:
                os.fsync(rows.fileno())
        checkpoint.save(
            self.path / "checkpoint.safetensors",
            "evolution",
            arrays,
            {**meta, "fingerprint": self.config.fingerprint()},
        )
