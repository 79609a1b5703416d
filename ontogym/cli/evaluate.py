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
        env_kwargs: its arguments, as KEY=VALUE ...; those that the agent was evolved with stay unless named.
        max_steps: cut episodes after so many steps; as in the run if not given.
        trust: the file is mine, or I trust its maker: import the module:Class that it names.
        json: print one JSON object as the last line.
    """

    target: Annotated[str, tyro.conf.Positional]
    lives: int = 96
    seed: int = 0
    episodes: int | None = None
    reward_clamp: float | None = None
    env: str | None = None
    env_kwargs: tuple[str, ...] = ()
    max_steps: int | None = None
    trust: bool = False
    json: bool = False

    def run(self) -> dict[str, Any]:
        """Evaluate and print; returns the summary."""
        from ontogym.baselines.agent_files import load_agent
        from ontogym.baselines.evaluation import LifeSpec, reevaluate
        from ontogym.envs import conditions

        saved = load_agent(self.target)
        env = self.env or saved.env
        kwargs = key_values(self.env_kwargs, "--env-kwargs")
        if _same_kind(env, saved.env):
            kwargs = {**saved.env_kwargs, **kwargs}
        agent = saved.build(env, kwargs, trusted=self.trust)
        limit = saved.facts.get("max_steps") if self.max_steps is None else self.max_steps
        spec = LifeSpec(
            env,
            kwargs,
            saved.episodes if self.episodes is None else self.episodes,
            self.reward_clamp,
            tuple(conditions(env)),
            max_steps=limit if isinstance(limit, int) else None,
        )
        summary = reevaluate(agent, saved.genome, spec, self.lives, self.seed, "evaluate")
        if not self.json:
            goals = summary["conditions"]
            rows = [
                ("score [95 %]", score_line(summary)),
                ("episodes", ", ".join(f"{v:.1f}" for v in summary["episodes"])),
                *([("per hidden goal", ", ".join(f"{v:.1f}" for v in goals))] if len(goals) > 1 else []),
                ("worst, best life", f"{summary['min']:.1f}, {summary['max']:.1f}"),
                *((key, f"{value:.2f}") for key, value in summary["diagnostics"].items()),
            ]
            print_table(f"{self.target} on {env}, {self.lives} fresh lives", ("", ""), rows)
        return {"target": self.target, "env": env, **summary}


def _same_kind(env: str, other: str) -> bool:
    """Whether two ids are configurations of one environment, and so take the same arguments."""
    import gymnasium

    if env == other:
        return True
    specs = [gymnasium.registry.get(name) for name in (env, other)]
    return None not in specs and len({str(spec.entry_point) for spec in specs if spec}) == 1
