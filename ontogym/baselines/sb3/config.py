"""What to train, where, and for how long."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ontogym.baselines.sb3.networks import ALGORITHMS
from ontogym.baselines.sb3.references import FLOORS
from ontogym.envs.registration import bare_id
from ontogym.errors import OntogymError, UnknownNameError
from ontogym.runs import runs_folder

__all__ = ["TrainingConfig"]


@dataclass(frozen=True)
class TrainingConfig:
    """What to train, where, and for how long.

    Attributes:
        algo: of `ALGORITHMS`, or random, constant, reference.
        env: id of the environment; one of your own as module:id or file.py:id.
        env_kwargs: its keyword arguments.
        seed: decides all chance.
        steps: budget in environment steps.
        hyper: hyper-parameters in place of those of the files; ``action`` for constant.
        segment: environment steps between checkpoints and evaluations.
        eval_episodes: episodes of an evaluation, on seeds that are the same in every run.
        max_steps: longest episode of an evaluation.
        track: also write to these: wandb, mlflow, or what a package adds; TensorBoard is always written.
        out: the run folder; runs/ENV-ALGO-sSEED if not given.
    """

    algo: str = "ppo"
    env: str = "ontogym/CartPole-v1"
    env_kwargs: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    steps: int = 100_000
    hyper: dict[str, Any] = field(default_factory=dict)
    segment: int = 10_000
    eval_episodes: int = 20
    max_steps: int = 10_000
    track: tuple[str, ...] = ()
    out: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "env", bare_id(self.env))
        if self.algo not in ALGORITHMS + FLOORS:
            raise UnknownNameError("algorithm", self.algo, ALGORITHMS + FLOORS)
        for name in ("steps", "segment", "eval_episodes", "max_steps"):
            if getattr(self, name) < 1:
                raise OntogymError(f"{name} is {getattr(self, name)}; give at least 1.")

    @property
    def folder(self) -> Path:
        """The run folder."""
        name = f"{self.env.rpartition('/')[2]}-{self.algo}-s{self.seed}"
        return Path(self.out or runs_folder(name))
