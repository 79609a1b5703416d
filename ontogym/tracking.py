"""Where the numbers of a run go while it runs, beside its folder: TensorBoard, Weights & Biases, MLflow, or a package's own.

Evolution and training write the same names over the same axis, environment steps, so that one page shows both:
``eval/mean_return`` is the score of what would be kept, re-evaluated. Writers are names in the group ``ontogym.trackers``.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ontogym.errors import OntogymError, needs
from ontogym.registry import TRACKERS

__all__ = ["SCORE", "MLflow", "TensorBoard", "Tracker", "Trackers", "WandB"]

SCORE = "eval/mean_return"
"""Name of the score of what would be kept, whatever learned it."""


class Tracker(abc.ABC):
    """Takes numbers by name as a run goes on.

    Args:
        folder: of the run; its name names the run elsewhere.
        config: of the run, JSON-able.
        begun: environment steps of what is resumed; 0 of a new run. Later numbers of an earlier start are void.
    """

    @abc.abstractmethod
    def __init__(self, folder: Path, config: Mapping[str, Any], begun: int = 0) -> None: ...

    @abc.abstractmethod
    def log(self, values: Mapping[str, float], env_steps: int) -> None:
        """Numbers by name, after so many environment steps."""

    @abc.abstractmethod
    def close(self) -> None:
        """The run is over, or stops for now."""


class TensorBoard(Tracker):
    """Events in the run's folder, under ``tensorboard/``."""

    def __init__(self, folder: Path, config: Mapping[str, Any], begun: int = 0) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer: Any = SummaryWriter(str(folder / "tensorboard"), purge_step=begun + 1)

    def log(self, values: Mapping[str, float], env_steps: int) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, env_steps)

    def close(self) -> None:
        self._writer.close()


class WandB(Tracker):
    """A run of Weights & Biases in the project ``ontogym``; where and as whom is said by its own environment variables."""

    def __init__(self, folder: Path, config: Mapping[str, Any], begun: int = 0) -> None:
        wandb = _imported("wandb")
        name = folder.resolve().name
        self._run: Any = wandb.init(
            project="ontogym", name=name, id=name, resume="allow", config=dict(config)
        )

    def log(self, values: Mapping[str, float], env_steps: int) -> None:
        self._run.log(dict(values), step=env_steps)

    def close(self) -> None:
        self._run.finish()


class MLflow(Tracker):
    """A run of MLflow in the experiment ``ontogym``; where is said by its own environment variables."""

    def __init__(self, folder: Path, config: Mapping[str, Any], begun: int = 0) -> None:
        self._mlflow = _imported("mlflow")
        self._mlflow.set_experiment("ontogym")
        self._mlflow.start_run(run_name=folder.resolve().name)
        # MLflow takes a parameter of at most 6000 characters.
        self._mlflow.log_params({name: str(value)[:6000] for name, value in config.items()})

    def log(self, values: Mapping[str, float], env_steps: int) -> None:
        self._mlflow.log_metrics({name: float(value) for name, value in values.items()}, step=env_steps)

    def close(self) -> None:
        self._mlflow.end_run()


class Trackers:
    """Several trackers as one; none is one too.

    Args:
        names: in the registry, or "module:Class".
        folder, config, begun: see `Tracker`.

    Raises:
        UnknownNameError: no such tracker.
        OntogymError: its package is missing.
    """

    def __init__(
        self, names: Sequence[str], folder: Path | None, config: Mapping[str, Any], begun: int = 0
    ) -> None:
        if names and folder is None:
            raise OntogymError("What is tracked belongs to a run folder; give the run an --out.")
        kinds = [TRACKERS.resolve(name) for name in dict.fromkeys(names)]
        self._open: list[Tracker] = [kind(folder, config, begun) for kind in kinds]

    def log(self, values: Mapping[str, float], env_steps: int) -> None:
        """Numbers by name, after so many environment steps."""
        for tracker in self._open:
            tracker.log(values, env_steps)

    def close(self) -> None:
        """Close all of them."""
        for tracker in self._open:
            tracker.close()


def _imported(package: str) -> Any:
    import importlib

    with needs(f"Tracking with {package}", "its package", f"'ontogym[{package}]'"):
        return importlib.import_module(package)
