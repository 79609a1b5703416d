"""``ontogym evaluate``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import tyro

from ontogym.cli.options import key_values, print_table, score_line

__all__ = ["Evaluate"]


@dataclass(frozen=True)
class Evaluate:
    """Let an evolved agent live fresh lives and report its returns with a 95 % interval.

    Attributes:
        target: a run folder, an agent file, or zoo:NAME.
        lives: how many fresh lives.
        seed: decides all chance.
        episodes: episodes per life; those it was evolved with if not given.
        reward_clamp: tell the agent this number instead of every reward, while returns count the real one.
        env: another environment with the same spaces; its own if not given.
        env_kwargs: that environment's arguments, as KEY=VALUE ...
        json: print one JSON object as the last line.
    """

    target: Annotated[str, tyro.conf.Positional]
    lives: int = 96
    seed: int = 0
    episodes: int | None = None
    reward_clamp: float | None = None
    env: str | None = None
    env_kwargs: tuple[str, ...] = ()
    json: bool = False

    def run(self) -> dict[str, Any]:
        """Evaluate and print; returns the summary."""
        from ontogym.baselines.agent_files import load_agent
        from ontogym.baselines.evaluation import LifeSpec, reevaluate
        from ontogym.envs import conditions

        saved = load_agent(self.target)
        env = self.env or saved.env
        kwargs = key_values(self.env_kwargs, "--env-kwargs") or (saved.env_kwargs if env == saved.env else {})
        agent = saved.build(env, kwargs)
        spec = LifeSpec(
            env, dict(kwargs), self.episodes or saved.episodes, self.reward_clamp, tuple(conditions(env))
        )
        summary = reevaluate(agent, saved.genome, spec, self.lives, self.seed, "evaluate")
        if not self.json:
            rows = [
                ("score [95 %]", score_line(summary)),
                ("episodes", ", ".join(f"{v:.1f}" for v in summary["episodes"])),
                ("per hidden goal", ", ".join(f"{v:.1f}" for v in summary["conditions"])),
                ("worst, best life", f"{summary['min']:.1f}, {summary['max']:.1f}"),
                *((key, f"{value:.2f}") for key, value in summary["diagnostics"].items()),
            ]
            print_table(f"{self.target} on {env}, {self.lives} fresh lives", ("", ""), rows)
        return {"target": self.target, "env": env, **summary}
