"""What to train, where, and for how long."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ontogym.agents.feedback import check_hears
from ontogym.baselines.lives.spec import LifeSpec, Told
from ontogym.baselines.sb3.networks import ALGORITHMS
from ontogym.baselines.sb3.references import FLOORS
from ontogym.configurations import plain_numbers
from ontogym.envs.registration import bare_id, entry_of, episodes_of_life
from ontogym.errors import OntogymError, UnknownNameError
from ontogym.runs import runs_folder

__all__ = ["TrainingConfig"]


@dataclass(frozen=True)
class TrainingConfig:
    """What to train, where, and for how long.

    Attributes:
        algo: ppo, recurrent-ppo, a2c, dqn, sac or td3; or random, constant, reference (no training).
        env: id of the environment; one of your own as module:id or file.py:id.
        env_kwargs: its keyword arguments.
        seed: decides all chance.
        steps: budget in environment steps.
        hyper: hyper-parameters in place of those of the files; ``action`` for constant.
        segment: environment steps between checkpoints and evaluations.
        eval_episodes: episodes of an evaluation, on seeds that are the same in every run.
        max_steps: longest episode of an evaluation.
        hears: train on whole lives: memory is carried over from one episode of a life to the next, and the network hears these
            beside what it sees (of action, reward, start, terminated; "none" for nothing). With recurrent-ppo it is RL². None
            trains on episodes.
        life_episodes: episodes of a life; those of the environment's lives if not given.
        told: what is heard in place of a reward: reward, -1 at a termination, or nothing.
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
    hears: tuple[str, ...] | None = None
    life_episodes: int | None = None
    told: Told = "reward"
    track: tuple[str, ...] = ()
    out: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "env", bare_id(self.env))
        plain_numbers(self)
        if self.seed < 0:
            raise OntogymError(f"seed is {self.seed}; give a whole number from 0 on.")
        if self.algo not in ALGORITHMS + FLOORS:
            raise UnknownNameError("algorithm", self.algo, ALGORITHMS + FLOORS)
        if self.hears is None and (self.life_episodes is not None or self.told != "reward"):
            raise OntogymError(
                "Episodes of a life and what is told mean something for lives; give --hears, too."
            )
        if self.hears == ("none",):
            object.__setattr__(self, "hears", ())
        if self.hears is not None:
            object.__setattr__(self, "hears", check_hears(self.hears))
        if self.life_episodes is not None and self.life_episodes < 1:
            raise OntogymError(f"life_episodes is {self.life_episodes}; give at least 1.")
        for name in ("steps", "segment", "eval_episodes", "max_steps"):
            if getattr(self, name) < 1:
                raise OntogymError(f"{name} is {getattr(self, name)}; give at least 1.")

    @property
    def folder(self) -> Path:
        """The run folder."""
        name = f"{self.env.rpartition('/')[2]}-{self.algo}-s{self.seed}"
        return Path(self.out or runs_folder(name))

    @property
    def life(self) -> LifeSpec:
        """What is lived: an episode, or a whole life where the network hears what came of its steps.

        Raises:
            OntogymError: other episodes than those of an environment that changes within a life, which counts its own.
        """
        if self.hears is None:
            return LifeSpec(self.env, self.env_kwargs, episodes=1)
        entry = entry_of(self.env)
        own = int(self.env_kwargs.get("episodes", episodes_of_life(self.env)))
        episodes = own if self.life_episodes is None else self.life_episodes
        if entry is not None and entry.episodes is not None and episodes != own:
            raise OntogymError(
                f"A life in {self.env} has {own} episodes, not {episodes}; give --env-kwargs episodes={episodes}, too."
            )
        return LifeSpec(self.env, self.env_kwargs, episodes, told=self.told)
