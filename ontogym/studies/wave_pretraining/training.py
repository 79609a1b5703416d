"""Training, supervised or contrastive: resumable to the bit, on a GPU if there is one."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ontogym import checkpoint
from ontogym.developmental.feature_extractors.saved_network import NETWORK, SavedNetwork, save_network
from ontogym.errors import OntogymError
from ontogym.runs import RunFolder, table
from ontogym.studies.wave_pretraining.images import Images, ShuffledLabels, Subset, digest
from ontogym.studies.wave_pretraining.learner import Learner, pick_device
from ontogym.studies.wave_pretraining.schedule import TrainingConfig

__all__ = ["COLUMNS", "TrainingResult", "train"]

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


@dataclass(frozen=True)
class TrainingResult:
    """What a run found.

    Attributes:
        out: its folder.
        history: one row an epoch, from epoch 0 (before any step); keys are `COLUMNS`.
        facts: the images, the network and its number of parameters, the device.
    """

    out: str
    history: list[dict[str, Any]]
    facts: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """JSON-able."""
        return dataclasses.asdict(self)


def train(
    config: TrainingConfig,
    images: Images,
    out: Path | str,
    start: SavedNetwork | None = None,
    resume: bool = False,
    progress: bool = False,
    device: str = "auto",
    command: Mapping[str, Any] | None = None,
) -> TrainingResult:
    """Train a network and keep it in the folder `out`.

    Args:
        config: see `TrainingConfig`.
        images: what to train on.
        out: the run's folder: a `RunFolder` with ``curve.csv`` (one row an epoch, from epoch 0, made from the
            checkpoint's history), ``network.safetensors`` and ``result.json``, which are written at the end.
        start: weights to start from, under a new head; None for random ones.
        resume: go on with an interrupted run; a finished one is returned as it is.
        progress: show a bar on stderr.
        device: auto, cpu, cuda, ...
        command: settings of the command line that asks for it, kept to be read back.

    Raises:
        OntogymError: input that cannot be, images of one class to be told apart, a folder that cannot be used, or a loss that is no longer finite.
    """
    where = pick_device(device)
    images = _prepared(config, images)
    if start is not None:
        names = ("network", "small_stem")
        config = dataclasses.replace(config, **{name: start.facts[name] for name in names})
    run = Learner(config, images, start, where)
    begun = {"name": start.facts.get("data"), "digest": start.digest} if start else None
    whole = {
        "training": config.as_json(),
        "data": {"name": images.name, "digest": digest(images)},
        "start": begun,
        "command": command,
    }
    with RunFolder(out, whole, resume, neutral=("command",)) as folder:
        history = _epochs(run, folder, progress)
        facts = run.facts()
        save_network(folder.path / NETWORK, run.network, facts)
        result = TrainingResult(str(out), history, facts)
        checkpoint.write_sealed_json(folder.path / "result.json", result.as_json())
    return result


def _prepared(config: TrainingConfig, images: Images) -> Images:
    """The part of the images that is asked for, with labels shuffled if they shall be."""
    if config.train_size is not None or config.validation_size is not None:
        images = Subset(images, config.train_size, config.validation_size, config.seed)
    if config.positives != "views" and config.method == "simclr" and not hasattr(images, "successor"):
        raise OntogymError(
            f"{images.name} holds no films, so there are no successive frames; train on movies:PRESET or on views."
        )
    if config.method == "supervised" and len(np.unique(images.labels[images.train])) < 2:
        raise OntogymError(
            f"The training images of {images.name} are all of one class, so there is nothing to tell apart; pass images of two "
            "or more (a folder each), or learn without labels by --method simclr."
        )
    return ShuffledLabels(images, config.seed) if config.shuffle_labels else images


def _epochs(run: Learner, folder: RunFolder, progress: bool) -> list[dict[str, Any]]:
    """All epochs that are left; returns the whole history."""
    from tqdm import tqdm

    config = run.config
    saved = folder.load("training")
    history: list[dict[str, Any]] = []
    if saved is not None:
        run.restore(saved[0])
        history = list(saved[1]["history"])
    steps = len(run.order(1)) * config.epochs
    if config.epochs and not steps:
        raise OntogymError(
            f"{run.images.name} holds nothing to train on; record longer films or pass other images."
        )
    spent = [history[-1][key] if history else 0.0 for key in ("cpu_seconds", "wall_seconds")]
    with tqdm(total=steps, initial=len(run.order(1)) * max(0, len(history) - 1), unit="image", disable=not progress,
              desc=folder.path.name) as bar:  # fmt: skip
        for epoch in range(len(history), config.epochs + 1):
            cpu, wall = time.process_time(), time.perf_counter()
            row: dict[str, Any] = {"epoch": epoch, "lr": config.lr_at(epoch), "loss": None, "accuracy": None}
            if epoch:
                row |= run.learn(epoch, bar.update)
            row |= run.evaluate()
            spent = [spent[0] + time.process_time() - cpu, spent[1] + time.perf_counter() - wall]
            row |= {"cpu_seconds": round(spent[0], 3), "wall_seconds": round(spent[1], 3)}
            history.append(row)
            # The checkpoint, then the curve, which a kill in between leaves one epoch behind.
            folder.keep("training", run.arrays(), {"history": [dict(done) for done in history]})
            checkpoint.write_atomic(folder.path / "curve.csv", table(COLUMNS, history))
            _show(bar, row)
    return history


def _show(bar: Any, row: dict[str, Any]) -> None:
    shown: Sequence[tuple[str, Any]] = (("loss", row["loss"]), ("validation", row["validation_accuracy"]))
    bar.set_postfix({k: f"{v:.3f}" for k, v in shown if v is not None}, refresh=False)
