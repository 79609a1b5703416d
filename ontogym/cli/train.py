"""``ontogym train``."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated, Any

import tyro

from ontogym.baselines.sb3.config import TrainingConfig
from ontogym.cli.options import Features, print_table
from ontogym.runs import stoppable

__all__ = ["Train"]


@dataclass(frozen=True)
class Train:
    """Train a Stable-Baselines3 baseline, or score a policy that needs no training.

    Hyper-parameters come from ontogym/baselines/sb3/hyperparameters; --hyper overrides. The run folder can be
    resumed after a kill, with the same result to the bit.

    Attributes:
        resume: go on with the run in that folder.
        json: print one JSON object as the last line.
    """

    config: Annotated[TrainingConfig, tyro.conf.arg(name="")] = field(default_factory=TrainingConfig)
    seen: Annotated[Features, tyro.conf.arg(name="")] = field(default_factory=Features)
    resume: bool = False
    json: bool = False

    def run(self) -> dict[str, Any]:
        """Train and print the score; returns what run.json holds."""
        from ontogym.baselines.sb3.run import train

        config = replace(self.config, env_kwargs=self.seen.added_to(self.config.env_kwargs))
        with stoppable(config.folder):
            run = train(config, resume=self.resume, progress=True)
        training = run["training"]
        best = max(value for _, value in training["curve"])
        if not self.json:
            rows = [
                ("best mean return", f"{best:.1f}"),
                ("environment steps", training["env_steps"]),
                ("seconds", f"{training['wall_seconds']:.1f}"),
                ("folder", config.folder),
            ]
            print_table(f"{config.algo} on {config.env}", ("", ""), rows)
            print(f"Next:  ontogym leaderboard submit {config.folder}")
        return {**run, "best": best, "out": str(config.folder)}
