"""The folder of a training run: ``run.json``, ``checkpoint``, ``model`` (best) and ``last`` ``.safetensors``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ontogym import checkpoint
from ontogym.errors import OntogymError

__all__ = ["open_run"]


@contextmanager
def open_run(path: Path, facts: dict[str, Any], resume: bool) -> Iterator[dict[str, Any] | None]:
    """Hold the folder for this process; gives the finished run's facts, or None if there is work to do.

    Raises:
        OntogymError: the folder holds something and `resume` is False; there is nothing to resume, or another run; a
            second process is at work in it.
    """
    file = path / "run.json"
    try:
        present = path.exists() and any(not _is_leftover(p) for p in path.iterdir())
        if present and not resume:
            raise OntogymError(f"{path} already holds something; pass --resume to go on or another --out.")
        if resume and not file.is_file() and (present or not path.exists()):
            raise OntogymError(f"There is no run to resume in {path}; leave out --resume to start one.")
    except OSError as error:
        raise OntogymError(f"Cannot use {path} as a run folder ({error.strerror}).") from error
    with checkpoint.hold_folder(path, "is training"):
        for leftover in path.glob(".*.part"):
            leftover.unlink(missing_ok=True)
        if not file.exists():  # new, or killed before it began: --resume starts such a run as well
            checkpoint.write_json(file, facts)
            yield None
            return
        try:
            before = json.loads(file.read_text())
        except (OSError, ValueError) as error:
            raise OntogymError(f"{file} is damaged ({error}); start a new run with another --out.") from error
        now = json.loads(json.dumps(facts))
        for name in sorted((set(before) | set(now)) - {"training", "out"}):
            if before.get(name) != now.get(name):
                raise OntogymError(
                    f"The run in {path} has {name}={before.get(name)!r}, not {now.get(name)!r}; resume with its own "
                    "settings or choose another --out."
                )
        yield before if before["training"] is not None else None


def _is_leftover(file: Path) -> bool:
    """Whether a start killed before it wrote ``run.json`` may have left `file`: nothing is lost with it."""
    return file.name == checkpoint.LOCK or file.suffix == ".part"
