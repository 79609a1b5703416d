"""Round trip: an inferred rule lives in an agent, the agent chooses, and the rule is inferred again from its choices.

What comes back says how much of a rule of this size and shape the fit can see in so many choices, with the truth known.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.agents.individuals import Individuals
from ontogym.baselines.lives.lanes import lanes_of
from ontogym.baselines.lives.life import LifeSpec, make_agent
from ontogym.baselines.lives.rollout import Moment, Watcher, rollout
from ontogym.developmental.rules.inferred.rule import SavedRule
from ontogym.seeding import derive, lane_seeds
from ontogym.studies.rule_inference.model.fitting import FitConfig, FitState, epochs, trajectory
from ontogym.studies.rule_inference.model.recovery import asymmetry
from ontogym.studies.rule_inference.model.trials import Trials, stimulus

__all__ = ["choices_of", "round_trip"]

ENV = "ontogym/DeNovoChoice-v0"
PHASE = 4
"""All contrasts of the IBL's task."""
MOST = 500
"""Trials of one life of `ENV`."""


class _Choices(Watcher):
    """Keeps what is seen, chosen and earned."""

    def __init__(self) -> None:
        self.seen: list[NDArray[np.float64]] = []
        self.chosen: list[NDArray[np.int64]] = []
        self.reward: list[NDArray[np.float64]] = []

    def acted(self, moment: Moment) -> None:
        self.seen.append(np.array(moment.observations[:, :2], dtype=np.float64))
        self.chosen.append(np.array(moment.actions, dtype=np.int64))

    def earned(self, reward: NDArray[np.float64], active: NDArray[np.bool_]) -> None:
        self.reward.append(reward.copy())


def choices_of(
    rule: SavedRule, starts: NDArray[np.float64], count: int, seed: int
) -> tuple[Trials, NDArray[np.float64]]:
    """The trials of agents that live by `rule`, their first weights untold, and W behind their last choice but one.

    Args:
        rule: what they learn by.
        starts: ``(A, 2)``, weight and bias at birth.
        count: trials each, at most 500.
        seed: of all chance.

    Returns:
        The trials, and ``(A, 2)``: the agents hear of a choice at the next step, so that of their last they never do.
    """
    spec = LifeSpec(ENV, {"phase": PHASE}, episodes=1, max_steps=min(count, MOST))
    agent = make_agent("logistic", ENV, spec.env_kwargs, {"rule_path": rule})
    watcher = _Choices()
    lived = rollout(
        Individuals(agent, starts),
        lanes_of(ENV, len(starts), spec.env_kwargs),
        spec,
        lane_seeds(seed, len(starts), "round trip"),
        watchers=[watcher],
    )
    seen, reward = np.stack(watcher.seen, 1), np.stack(watcher.reward, 1)
    choice = np.stack(watcher.chosen, 1)
    trials = Trials(
        stimulus=stimulus(seen[..., 0], seen[..., 1]),
        choice=choice,
        reward=reward,
        side=np.where(reward > 0, choice, 1 - choice),
        session=np.zeros_like(choice),
        lengths=np.full(len(starts), choice.shape[1]),
        animals=tuple(f"agent-{k}" for k in range(len(starts))),
        source="round trip",
    )
    found = agent.diagnose(lived.state.agent)
    return trials, np.stack([found["stimulus_weight"], found["bias"]], 1)


def round_trip(
    config: FitConfig, params: NDArray[np.float64], starts: NDArray[np.float64], count: int, seed: int
) -> dict[str, Any]:
    """Let agents live by a rule, infer theirs, and compare the two along the agents' own trials.

    Args:
        config: how it is inferred. params: the first rule. starts, count, seed: as in `choices_of`.

    Returns:
        ``change``: correlation of the changes of W by the two rules (1 is perfect); ``correct`` and ``error``: mean update
        after such trials, second rule over first; ``agents``, ``trials``.
    """
    trials, _ = choices_of(SavedRule(config.network, params, {}), starts, count, seed)
    # A fit that begins where the first did would be like it by that alone.
    again = replace(config, seed=derive(seed, "inferred again"))
    state = FitState.begin(again)
    for _ in epochs(trials, trials.valid.astype(np.float64), again, state):
        pass
    first = trajectory(config.network, params, trials, starts)
    second = trajectory(config.network, state.best, trials, state.best_starts)
    lived, inferred = (np.diff(path, axis=1).ravel() for path in (first, second))
    told, found = asymmetry(first, trials), asymmetry(second, trials)
    return {
        "change": float(np.corrcoef(lived, inferred)[0, 1]),
        **{key: found[key] / told[key] for key in ("correct", "error")},
        "agents": len(starts),
        "trials": int(trials.lengths[0]),
    }
