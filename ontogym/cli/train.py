"""``ontogym train``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ontogym.cli.options import key_values, print_table

__all__ = ["Train"]


@dataclass(frozen=True)
class Train:
    """Train a Stable-Baselines3 baseline, or score a policy that needs no training.

    Hyper-parameters come from ontogym/baselines/sb3/hyperparameters; --hyper overrides. The run folder can be
    resumed after a kill, with the same result to the bit.

    Attributes:
        algo: ppo, a2c, dqn, sac, td3, recurrent-ppo; random, constant, reference.
        env: id of the environment, any that Gymnasium knows.
        env_kwargs: its arguments, as KEY=VALUE ...
        seed: decides all chance.
        steps: budget in environment steps.
        hyper: hyper-parameters, as KEY=VALUE ...
        segment: environment steps between checkpoints, each with an evaluation.
        eval_episodes: episodes of an evaluation.
        max_steps: longest episode of an evaluation.
        out: folder of the run; runs/ENV-ALGO-sSEED if not given.
        resume: go on with the run in that folder.
        json: print one JSON object as the last line.
    """

    algo: str = "ppo"
    env: str = "ontogym/CartPole-v1"
    env_kwargs: tuple[str, ...] = ()
    seed: int = 0
    steps: int = 100_000
    hyper: tuple[str, ...] = ()
    segment: int = 10_000
    eval_episodes: int = 20
    max_steps: int = 10_000
    out: str | None = None
    resume: bool = False
    json: bool = False

    def run(self) -> dict[str, Any]:
        """Train and print the score; returns what run.json holds."""
        from ontogym.baselines.sb3.run import TrainingConfig, train

        name = f"{self.env.rpartition('/')[2]}-{self.algo}-s{self.seed}".replace(":", ".")
        config = TrainingConfig(
            algo=self.algo,
            env=self.env,
            env_kwargs=key_values(self.env_kwargs, "--env-kwargs"),
            seed=self.seed,
            steps=self.steps,
            hyper=key_values(self.hyper, "--hyper"),
            segment=self.segment,
            eval_episodes=self.eval_episodes,
            max_steps=self.max_steps,
            out=self.out or f"runs/{name}",
        )
        run = train(config, resume=self.resume, progress=True)
        training = run["training"]
        best = max(value for _, value in training["curve"])
        if not self.json:
            rows = [
                ("best mean return", f"{best:.1f}"),
                ("environment steps", training["env_steps"]),
                ("seconds", f"{training['wall_seconds']:.1f}"),
                ("folder", config.out),
            ]
            print_table(f"{self.algo} on {self.env}", ("", ""), rows)
            print(f"Next:  ontogym leaderboard submit {config.out}")
        return {**run, "best": best, "out": config.out}
