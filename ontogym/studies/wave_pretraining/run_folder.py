"""The folder of a training run, and how it survives being killed at any moment.

==========================  =======================================================================
``config.json``             what is run, on which images, from which start
``checkpoint.safetensors``  weights, momentum and history after an epoch, replaced atomically
``curve.csv``               one row an epoch, from epoch 0, made from the checkpoint's history
``network.safetensors``     the trained network, written once, at the end
``result.json``             written last
==========================  =======================================================================
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ontogym import checkpoint
from ontogym.errors import OntogymError

__all__ = ["COLUMNS", "TrainingFolder"]

COLUMNS = (
    "epoch",
    "lr",
    "loss",
    "accuracy",
    "validation_loss",
    "validation_accuracy",
    "cpu_seconds",
    "wall_seconds",
)
"""Columns of ``curve.csv``. Loss and accuracy of the training images are means over the epoch, as it went on; empty
where there is none (epoch 0, and SimCLR's accuracies). Seconds are cumulative and of training and evaluation."""


class TrainingFolder:
    """Opens a new run, or an interrupted one.

    Args:
        path: the folder.
        config: everything that decides the result, JSON-able.
        resume: go on with what is there.

    Raises:
        OntogymError: the folder holds something and `resume` is False; there is nothing to resume; what is
            there is another run or is damaged; another process is at work in it; it cannot be written.
    """

    def __init__(self, path: Path | str, config: Mapping[str, Any], resume: bool) -> None:
        self.path = Path(path)
        # As a reader of the file will see it: tuples are lists there.
        self.config = json.loads(json.dumps(config))
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
        checkpoint.write_json(self.path / "config.json", self.config)
        for leftover in self.path.glob(".*.part"):
            leftover.unlink(missing_ok=True)

    def _check_same_run(self) -> None:
        file = self.path / "config.json"
        if not file.is_file():
            raise OntogymError(f"There is no run to resume in {self.path}; leave out --resume to start one.")
        try:
            before = _flat(dict(json.loads(file.read_text())))
        except (OSError, ValueError, TypeError) as error:
            raise OntogymError(f"{file} is damaged ({error}); start a new run with another --out.") from error
        now = _flat(self.config)
        for name in sorted(set(before) | set(now)):
            if before.get(name) != now.get(name):
                raise OntogymError(
                    f"The run in {self.path} has {name}={before.get(name)!r}, not {now.get(name)!r}; resume with its "
                    "own configuration or choose another --out."
                )

    def close(self) -> None:
        """Let go of the folder."""
        self._lock.close()

    def load(self) -> tuple[dict[str, NDArray[Any]], list[dict[str, Any]]] | None:
        """Arrays and history of the checkpoint, or None if the run was killed before its first."""
        file = self.path / "checkpoint.safetensors"
        if not file.exists():
            return None
        arrays, meta = checkpoint.load(file, "training")
        if meta.get("config") != self.config or not meta.get("history"):
            raise OntogymError(
                f"{file} belongs to another run than the config.json beside it; restore the file that was there "
                "or choose another --out."
            )
        return arrays, list(meta["history"])

    def save(self, arrays: Mapping[str, NDArray[Any]], history: Sequence[Mapping[str, Any]]) -> None:
        """Replace the checkpoint, then the curve (which a kill in between leaves one epoch behind)."""
        meta = {"config": self.config, "history": [dict(row) for row in history]}
        checkpoint.save(self.path / "checkpoint.safetensors", "training", arrays, meta)
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(history)
        checkpoint.write_atomic(self.path / "curve.csv", text.getvalue().encode())


def _flat(found: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings with dotted names, so that a difference can be named."""
    flat: dict[str, Any] = {}
    for key, value in found.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
