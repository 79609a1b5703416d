"""``ontogym train``."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Annotated, Any

import tyro

from ontogym.baselines.sb3.config import TrainingConfig
from ontogym.cli.long_run import LongRun
from ontogym.cli.options import Features, listed, print_table, quoted
from ontogym.runs import stoppable

__all__ = ["Train"]

PUBLISHED = {
    algorithm: ("raffin2021sb3", source)
    for algorithm, source in (
        ("ppo", "1707.06347"),
        ("recurrent-ppo", "1707.06347"),
        ("a2c", "1602.01783"),
        ("dqn", "1312.5602"),
        ("sac", "1801.01290"),
        ("td3", "1802.09477"),
    )
}
"""Where the algorithms of Stable-Baselines3 were published; policies that need no training are of no paper."""


@dataclass(frozen=True)
class Train(LongRun):
    """Train a Stable-Baselines3 baseline, or score a policy that needs no training.

    Hyper-parameters come from ontogym/baselines/sb3/hyperparameters; --hyper overrides. The run folder can be
    resumed after a kill, with the same result to the bit.

    Attributes:
        resume: go on with the run in that folder.
    """

    config: Annotated[TrainingConfig, tyro.conf.arg(name="")] = field(default_factory=TrainingConfig)
    seen: Annotated[Features, tyro.conf.arg(name="")] = field(default_factory=Features)
    resume: bool = False

    def configured(self) -> TrainingConfig:
        """The training's configuration: the feature extractor stands among the environment's arguments."""
        return replace(self.config, env_kwargs=self.seen.added_to(self.config.env_kwargs))

    def check(self) -> None:
        """Build the environment that would be trained in.

        Raises:
            OntogymError: no such environment, or arguments that it does not take.
        """
        from ontogym.baselines.lives.lanes import make_single
        from ontogym.envs.vector import find_spec

        config = self.configured()
        find_spec(config.env)
        make_single(config.env, config.env_kwargs).close()

    def configuration(self) -> dict[str, Any]:
        return {**asdict(self.configured()), "out": str(self.config.folder)}

    def cited(self) -> list[str]:
        from ontogym.cli.citations import bibtex, cited

        config = self.configured()
        return [
            *cited(config.algo, config.env, {}, config.env_kwargs),
            *bibtex(PUBLISHED.get(config.algo, ())),
        ]

    def work(self) -> dict[str, Any]:
        """Train and print the score; returns what run.json holds."""
        from ontogym.baselines.sb3.run import train

        config = self.configured()
        with stoppable(config.folder):
            run = train(config, resume=self.resume, progress=True)
        training = run["training"]
        best = max(value for _, value in training["curve"])
        if not self.json:
            rows = [
                ("best mean return", listed([best])),
                ("environment steps", training["env_steps"]),
                ("seconds", f"{training['wall_seconds']:.1f}"),
                ("folder", config.folder),
            ]
            print_table(f"{config.algo} on {config.env}", ("", ""), rows)
            own = ":" in config.env  # no board of the package has a task for it, and its file names code
            folder = quoted(config.folder)
            after = f"evaluate {folder} --trust" if own else f"leaderboard submit {folder}"
            print(f"Next:  ontogym plot {folder}      ontogym {after}")
        return {**run, "best": best, "out": str(config.folder)}
