"""A suite and its tasks: what is lived, how often, from which seeds, and on which scale it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ontogym.baselines.lives.life import LifeResult, LifeSpec, life_seeds
from ontogym.baselines.lives.switches import regained_in_lives
from ontogym.envs import anchors, conditions
from ontogym.envs.registration import change_cost
from ontogym.envs.world_anchors import in_worlds, world_conditions
from ontogym.errors import UnknownNameError

__all__ = ["CONTROLS", "HELD_OUT", "PUBLIC", "Ranked", "Suite", "SuiteTask"]

PUBLIC = 2024_06_13
"""Root of the public evaluation seeds: an agent may be tuned on them."""
HELD_OUT = 7_741_003_815
"""Root of the held-out seeds, from which no command of this package trains. It stands in an open file, so it keeps
honest people honest; who runs a contest verifies with a root of their own (`ontogym leaderboard add --held-out`)."""

Ranked = Literal["score", "regained", "held-out"]
CONTROLS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "told_clamped": {"reward_clamp": 0.0},
        "action_blind": {"silenced": ("action",)},
        "weights_frozen": {"freeze": "weights"},
        "wiring_frozen": {"freeze": "wiring"},
        "reborn": {"rebirth": True},
    }
)
"""What is changed of the lives of a `SuiteTask.controlled` task, to see by what an agent gets over what changes: told 0
throughout; deaf to its own action; weights, or wiring, held from birth on; a newborn at every episode."""


@dataclass(frozen=True)
class SuiteTask:
    """One task: what is lived, how often, and on which scale it is read.

    Args:
        name: unique over all suites; part of the names of files.
        env: id of the environment. env_kwargs: its arguments.
        episodes: episodes of a life, through which the agent is carried over.
        lives: evaluation lives per set of seeds (a multiple of the number of hidden goals).
        switch: number of the first episode under new rules, where the rules change between episodes.
        window: where they jump within an episode, how many steps before and after are compared. Gradual drifts have
            no before and after: their returns tell.
        development: source of spontaneous activity on which every agent develops first; empty for none.
        development_steps: for how many steps.
        budget: environment steps that training may take to be compared at a matched budget.
        asks: what the task asks of an agent, in one line.
        ranked: what rows are ranked by: the score; what is *regained* after changes of the rules; or the score in worlds
            that training did not have, *held-out normalised* (`ontogym.adaptation`).
        fold: of a rule shift, the worlds that are held out.
        subjects: how many hidden subjects (animals, patients) its lives are for in turn, all of the same pictures; scores are
            means with intervals over training seeds and subjects together. 0 where nobody is hidden.
        controlled: whether its held-out lives are lived again under each of `CONTROLS`, for the board's columns.
        scale: returns that count 0 and 1, where they are not the environment's random and optimal ones.
    """

    name: str
    env: str
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    episodes: int = 3
    lives: int = 32
    switch: int | None = None
    window: int | None = None
    development: str = ""
    development_steps: int = 0
    budget: int = 5_000_000
    asks: str = ""
    ranked: Ranked = "score"
    fold: int | None = None
    scale: tuple[float, float] | None = None
    subjects: int = 0
    controlled: bool = False

    @property
    def traced(self) -> bool:
        """Whether every step of its lives is kept, to see how changes of the rules are got over."""
        return self.window is not None or self.ranked == "regained"

    @property
    def anchors(self) -> tuple[float, float]:
        """Returns of an episode that count 0 and 1: random and optimal, which the environment brings, or `scale`."""
        return anchors(self.env) if self.scale is None else self.scale

    @property
    def life(self) -> LifeSpec:
        """What a life of this task is."""
        return LifeSpec(
            self.env,
            dict(self.env_kwargs),
            self.episodes,
            conditions=self._conditions(),
            development=self.development or None,
            development_steps=self.development_steps,
        )

    def _conditions(self) -> tuple[dict[str, Any], ...]:
        """One a held-out world, one a subject, or those of the environment."""
        if self.fold is not None:
            return world_conditions(self.env, self.fold)
        return tuple({"patient": k} for k in range(self.subjects)) or conditions(self.env)

    def by_subject(self, returns: ArrayLike) -> NDArray[np.float64]:
        """Mean return ``(S,)`` for each subject, of an agent's lives ``(L, E)``; empty where nobody is hidden."""
        lives = np.asarray(returns, dtype=np.float64).mean(1)
        return lives.reshape(-1, self.subjects).mean(0) if self.subjects else lives[:0]

    def life_of(self, agent: Mapping[str, Any]) -> LifeSpec:
        """A life of this task as an agent lives it, told what it was made to be told.

        Args:
            agent: of a manifest: ``told`` in place of a reward (of `LifeSpec.told`: nothing that an agent could not know; the
                reward if not named) and the signals that are ``silenced``. What is counted is the task's own return.
        """
        return replace(self.life, told=agent.get("told", "reward"), silenced=tuple(agent.get("silenced", ())))

    def control_of(self, agent: Mapping[str, Any], control: str) -> LifeSpec:
        """`life_of` under one of `CONTROLS`."""
        life, changed = self.life_of(agent), dict(CONTROLS[control])
        changed["silenced"] = (*life.silenced, *changed.get("silenced", ()))
        return replace(life, **changed)

    def measure(self, result: LifeResult) -> float | None:
        """What `ranked` names, of one agent's lives; None where that is the score itself, or nothing is to be scored.

        Args:
            result: of the task's `life`, with a trace where the task is `traced`.
        """
        random, optimal = self.anchors
        if self.ranked == "regained":
            cost = change_cost(self.env)
            window = self.window or 1
            changes = regained_in_lives(
                result.trace, result.returns, result.lengths, cost, optimal - random, window
            )
            scored = [change["regained"] for change in changes if change["regained"] is not None]
            return float(np.mean(scored)) if scored else None
        if self.ranked == "held-out" and self.fold is not None:
            return in_worlds(self.env, self.fold, "test", result.returns[0], optimal - random)[1].value
        return None

    def seeds(self, suite: Suite, root: int = PUBLIC) -> NDArray[np.uint64]:
        """Seeds of the lives ``(lives,)`` under a root (`PUBLIC` or `HELD_OUT`)."""
        return life_seeds(self.life, self.lives, root, "suite", suite.name, suite.version, self.name)

    def as_json(self) -> dict[str, Any]:
        """Everything about the task that a reader of scores needs."""
        random, optimal = self.anchors
        return {
            "env": self.env,
            "env_kwargs": dict(self.env_kwargs),
            "episodes": self.episodes,
            "lives": self.lives,
            "switch": self.switch,
            "window": self.window,
            "development": self.development,
            "development_steps": self.development_steps,
            "budget": self.budget,
            "random": random,
            "optimal": optimal,
            "asks": self.asks,
            "ranked": self.ranked,
        }


@dataclass(frozen=True)
class Suite:
    """Tasks that are compared together, and the version of their settings."""

    name: str
    version: int
    about: str
    tasks: tuple[SuiteTask, ...]

    def task(self, name: str) -> SuiteTask:
        """The task of this name.

        Raises:
            UnknownNameError: there is none.
        """
        table = {task.name: task for task in self.tasks}
        if name not in table:
            raise UnknownNameError(f"task of the suite {self.name!r}", name, table)
        return table[name]
