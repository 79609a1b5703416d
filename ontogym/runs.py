"""The folder of a run: what is in it, and how it survives being killed at any moment.

===========================  ======================================================================
``config.json``              the configuration (`RunFolder` may be told another name)
``checkpoint.safetensors``   the state after some step, replaced atomically
``progress.csv``             one row a step; the checkpoint knows how many bytes of it are its own
``code.json``                checksums of the files of one's own (``file.py:Class``) that the configuration names
others                       what the command itself writes: results, agents, cells, pictures
===========================  ======================================================================

Everything here that is read again carries a checksum (see `ontogym.checkpoint`); that of ``progress.csv`` is in the
checkpoint. Folders that were made before there were checksums are read and resumed.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import os
import re
import shutil
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ontogym import checkpoint
from ontogym.errors import OntogymError
from ontogym.registry import code_files

__all__ = [
    "RunFolder",
    "holding",
    "read_progress",
    "stoppable",
    "table",
]

Arrays = Mapping[str, NDArray[Any]]
CHECKPOINT, PROGRESS, CODE = "checkpoint.safetensors", "progress.csv", "code.json"
_KEPT = (
    CHECKPOINT,
    "cells/*.json",
    "fits/*.safetensors",
    "finished/*.json",
    "part-*.json",
    "runs/*/checkpoint.safetensors",
)
"""What a stopped run goes on from."""


class RunFolder:
    """Opens a new run, or an interrupted one, and holds the folder for this process; a context manager.

    Args:
        path: the folder.
        config: everything that decides the result, JSON-able.
        resume: go on with what is there; None goes on where there is something and starts where there is not.
        neutral: names of settings that may differ when a run is resumed.
        lately: those of them that checkpoints of version 0.2.0 and before were bound to.
        defaults: settings that a run which does not name them has; they are no part of `fingerprint`, so that a
            later version may add settings.
        record: name of the file that keeps the configuration. It may keep more under neutral names.
        before: the configuration of what is there, where it is not in `record`; nothing is recorded then.
        columns: of ``progress.csv``.
        doing: what another process that holds the folder does there.

    Attributes:
        path: the folder. config: as a reader of the file sees it (tuples are lists).
        kept: what the record of an earlier start held, else None.

    Raises:
        OntogymError: the folder holds something and `resume` is False; there is nothing to resume; what is there is
            another run or is damaged; another process is at work in it; it cannot be written. Nothing is written then.
    """

    def __init__(
        self,
        path: Path | str,
        config: Mapping[str, Any],
        resume: bool | None = False,
        *,
        neutral: Collection[str] = (),
        lately: Collection[str] = (),
        defaults: Mapping[str, Any] | None = None,
        record: str = "config.json",
        before: Mapping[str, Any] | None = None,
        columns: Sequence[str] = (),
        doing: str = "is running",
    ) -> None:
        try:
            text = json.dumps(config, allow_nan=False)
        except ValueError as error:
            raise OntogymError(
                "A setting of this run is NaN or infinite, and could not be told apart later; give finite numbers."
            ) from error
        self.path, self.config = Path(path), dict(json.loads(text))
        self.columns, self._record = tuple(columns), record
        self._neutral, self._lately = frozenset(neutral), frozenset(lately)
        self._defaults = dict(json.loads(json.dumps(defaults or {})))
        self._check(resume, before)
        self._lock = checkpoint.hold_folder(self.path, doing)
        try:
            # Once more: another process may have been at work here until a moment ago.
            self.kept = self._check(resume is not False, before, held=True)
            if before is None:
                checkpoint.write_sealed_json(self.path / record, {**(self.kept or {}), **self.config})
            self._mind_code()
            for leftover in self.path.glob(".*.part"):
                if leftover.is_file():
                    leftover.unlink(missing_ok=True)
        except BaseException:
            self._lock.close()
            raise
        self._bytes, self._digest = 0, hashlib.sha256()
        self._pending: tuple[str, dict[str, Any], dict[str, Any]] | None = None

    # -- whose folder it is -------------------------------------------------------------------------------

    def _check(
        self, resume: bool | None, before: Mapping[str, Any] | None, held: bool = False
    ) -> dict[str, Any] | None:
        """What the record holds; None for a new run. A start that was killed before its record blocks nothing."""
        try:
            present = {
                p.name for p in self.path.iterdir() if p.name != checkpoint.LOCK and p.suffix != ".part"
            }
        except FileNotFoundError:
            present = set()
        except OSError as error:
            raise OntogymError(
                f"Cannot use {self.path} as a run folder ({error.strerror}); choose another --out."
            ) from error
        if present and resume is False:
            raise OntogymError(
                f"{self.path} already holds something; pass --resume to go on with it or another --out."
            )
        if before is None and self._record in present:
            before = checkpoint.read_sealed_json(self.path / self._record)
        if before is None:
            if present and resume is None:
                raise OntogymError(f"{self.path} already holds something else; choose another --out.")
            if resume and not held and (present or not self.path.exists()):
                raise OntogymError(
                    f"There is no run to resume in {self.path}; leave out --resume to start one."
                )
            return None
        self._check_same({**self._defaults, **before})
        return dict(before)

    def _mind_code(self) -> None:
        """Keeps what the files of one's own were that the settings name, and warns where one has changed since."""
        now, file = code_files(self.config), self.path / CODE
        try:
            before = checkpoint.read_sealed_json(file) if file.is_file() else {}
        except OntogymError:  # it only advises
            before = {}
        for name in sorted(now.keys() & before.keys()):
            if now[name] != before[name]:
                warnings.warn(
                    f"{name} has changed since the run in {self.path} began: if what it does is another thing now, its scores "
                    "before and after are not of one task; choose another --out then.",
                    stacklevel=4,
                )
        if now.keys() - before.keys():
            checkpoint.write_sealed_json(file, {**now, **before})

    def _check_same(self, before: Mapping[str, Any]) -> None:
        old, new = _flat(before), _flat({**self._defaults, **self.config})
        for name in sorted(old.keys() | new.keys()):
            if name.partition(".")[0] not in self._neutral and old.get(name) != new.get(name):
                if not (name in old and name in new):  # one of them is empty, or no table
                    name = name.partition(".")[0]
                    old, new = dict(before), {**self._defaults, **self.config}
                raise OntogymError(
                    f"The run in {self.path} has {name}={old.get(name)!r}, not {new.get(name)!r}; resume with its "
                    "own configuration or choose another --out."
                )

    def fingerprint(self) -> str:
        """A hash of every setting that matters and is not at its default."""
        return self._hash(self.config, self._neutral)

    def _hash(self, config: Mapping[str, Any], neutral: Collection[str]) -> str:
        kept = {
            name: value
            for name, value in config.items()
            if name not in neutral and not (name in self._defaults and value == self._defaults[name])
        }
        return hashlib.blake2b(json.dumps(kept, sort_keys=True).encode(), digest_size=16).hexdigest()

    # -- the state ----------------------------------------------------------------------------------------

    def keep(self, kind: str, arrays: Arrays, meta: Mapping[str, Any], write: bool = True) -> None:
        """The state after a step, as a checkpoint; the rows before it reach the disk first.

        Args:
            kind, arrays, meta: see `checkpoint.save`. What is not written now must not change afterwards.
            write: now; else only if the run is stopped before the next.
        """
        mark = {"bytes": self._bytes, "sha256": self._digest.hexdigest()}
        meta = {**meta, "fingerprint": self.fingerprint(), **({"progress": mark} if self.columns else {})}
        self._pending = (kind, dict(arrays), meta)
        if write:
            self._write()

    def _write(self) -> None:
        if self._pending is None:
            return
        rows = self.path / PROGRESS
        if self.columns and rows.exists():
            with rows.open("rb+") as file:
                os.fsync(file.fileno())
        checkpoint.save(self.path / CHECKPOINT, *self._pending)
        self._pending = None

    def load(self, kind: str) -> tuple[dict[str, NDArray[Any]], dict[str, Any]] | None:
        """The checkpoint, or None (with a warning, if the run began earlier) where there is none; ``progress.csv`` is cut
        back to it.

        Raises:
            OntogymError: a checkpoint that is damaged or of another run, or rows that are missing or were changed.
        """
        file = self.path / CHECKPOINT
        if not file.exists():
            if self.kept is not None:
                warnings.warn(
                    f"{file} is not there, so this run starts over; if it was there before, stop and restore it.",
                    stacklevel=2,
                )
            if self.columns and (self.path / PROGRESS).exists():
                self._cut(b"")
            return None
        arrays, meta = checkpoint.load(file, kind)
        # Trainings of the first form kept their whole configuration instead of a fingerprint.
        bound = {**self.config, **{n: (self.kept or {}).get(n) for n in self._lately}}
        known = (self.fingerprint(), self._hash(bound, self._neutral - self._lately))
        ours = meta.get("fingerprint", known[0]) in known
        if not ours or meta.get("config", self.config) != self.config:
            raise OntogymError(
                f"{file} belongs to another run than the {self._record} beside it; restore the file that was "
                "there or choose another --out."
            )
        if self.columns:
            self._cut(_own_rows(self.path, meta))
        return arrays, meta

    # -- the table ----------------------------------------------------------------------------------------

    def append(self, row: Mapping[str, Any]) -> None:
        """Add a row to ``progress.csv``.

        Raises:
            OntogymError: it cannot be written.
        """
        line = table(self.columns, [row], header=not self._bytes)
        file = self.path / PROGRESS
        try:
            with file.open("ab") as out:
                out.write(line)
        except OSError as error:
            raise OntogymError(
                f"Cannot write {file} ({error.strerror}); free some space and go on with --resume."
            ) from error
        self._bytes += len(line)
        self._digest.update(line)

    def _cut(self, rows: bytes) -> None:
        """Let ``progress.csv`` be these rows."""
        rows = rows or table(self.columns, [])
        file = self.path / PROGRESS
        if not file.exists() or file.read_bytes() != rows:
            checkpoint.write_atomic(file, rows)
        self._bytes, self._digest = len(rows), hashlib.sha256(rows)

    # -- the end ------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Let go of the folder."""
        self._lock.close()

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is not None and issubclass(kind, KeyboardInterrupt):
                self._write()
            elif kind is not None:
                self._undo_start()
        finally:
            self.close()

    def _undo_start(self) -> None:
        """Take away what a new run that failed before its first checkpoint wrote: it must not block the next try."""
        begun = {self._record, PROGRESS, "tensorboard", checkpoint.LOCK}
        found = {path.name for path in self.path.iterdir() if path.suffix != ".part"}
        if self.kept is None and found <= begun:
            for name in (self._record, PROGRESS):
                (self.path / name).unlink(missing_ok=True)
            shutil.rmtree(self.path / "tensorboard", ignore_errors=True)


def _own_rows(path: Path, meta: Mapping[str, Any]) -> bytes:
    """The rows of ``progress.csv`` that belong to a checkpoint; later ones and one cut short by a kill are left out."""
    file = path / PROGRESS
    found = _written_rows(path)
    if "progress" not in meta:  # from before the checksum: by the number of the step, which comes first
        lines = found.splitlines(keepends=True)
        steps = [line.split(b",", 1)[0] for line in lines]
        return b"".join(
            line
            for k, (line, step) in enumerate(zip(lines, steps))
            if k == 0 or (line.endswith(b"\n") and step.isdigit() and int(step) <= int(meta["generation"]))
        )
    own = found[: int(meta["progress"]["bytes"])]
    if hashlib.sha256(own).hexdigest() != meta["progress"]["sha256"]:
        raise OntogymError(
            f"{file} is damaged: rows are missing or were changed after they were written; restore it from a copy or "
            "start a new run."
        )
    return own


def _written_rows(path: Path) -> bytes:
    """The bytes of ``progress.csv``; none where there is no such file. No pipe is waited for, no device read."""
    file = path / PROGRESS
    if not file.exists():
        return b""
    try:
        if not file.is_file():
            raise OSError("it is no plain file")
        return file.read_bytes()
    except OSError as error:
        raise OntogymError(
            f"{file} is damaged ({error.strerror or error}); restore it from a copy."
        ) from error


def read_progress(path: Path | str) -> list[dict[str, str]]:
    """Rows of the ``progress.csv`` of a run folder, checked against its checkpoint; [] where there is none.

    Rows after the last checkpoint are among them.

    Raises:
        OntogymError: rows are missing or were changed, or the checkpoint is damaged.
    """
    path = Path(path)
    if (path / CHECKPOINT).is_file():
        meta = checkpoint.meta(path / CHECKPOINT)
        if "progress" in meta:
            _own_rows(path, meta)
    try:
        text = _written_rows(path).decode()
    except UnicodeDecodeError as error:
        raise OntogymError(f"{path / PROGRESS} is damaged ({error}); restore it from a copy.") from error
    whole = text[: text.rfind("\n") + 1]
    return list(csv.DictReader(io.StringIO(whole)))


def table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]], header: bool = True) -> bytes:
    """Rows as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    if header:
        writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


@contextlib.contextmanager
def holding(path: Path | str, doing: str) -> Iterator[None]:
    """Within, a folder is held for this process, where a command keeps something else there than a `RunFolder`.

    Raises:
        OntogymError: the folder cannot be written to, or another process holds it.
    """
    with contextlib.closing(checkpoint.hold_folder(path, doing)):
        yield


@contextlib.contextmanager
def stoppable(out: Path | str, onward: str = "with --resume ") -> Iterator[None]:
    """Within, Ctrl-C and SIGTERM end in a sentence that says how to go on, and promises no more than can be.

    Args:
        out: the run folder, or the checkpoint of a run that has no folder.
        onward: what the same command needs to go on.

    Raises:
        KeyboardInterrupt: with the sentence.
    """
    try:
        yield
    except KeyboardInterrupt as stop:
        path = Path(out)
        if path.is_file() or any(any(path.glob(pattern)) for pattern in _KEPT):
            sentence = f"the same command {onward}goes on with {out}."
        elif any((path / name).is_file() for name in checkpoint.RECORDS):
            sentence = f"no checkpoint was written yet: the same command {onward}starts {out} over."
        else:
            sentence = "nothing is kept."
        raise type(stop)(f"stopped; {sentence}") from None


# -- configurations ---------------------------------------------------------------------------------------


def runs_folder(name: str) -> str:
    """Where a command writes that was not told where: one place under ``runs``, whatever the name holds."""
    return f"runs/{re.sub(r'[^A-Za-z0-9_.+-]+', '.', name).strip('.') or 'run'}"


def _flat(found: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings with dotted names, so that a difference can be named."""
    flat: dict[str, Any] = {}
    for key, value in found.items():
        if isinstance(value, Mapping) and value:
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
