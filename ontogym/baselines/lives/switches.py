"""Switches of the rules as lives met them: what every step brought, and how the agent got over the change.

An environment tells in its info which rules are in force (`ontogym.baselines.lives.lanes.RULE_KEYS`); a switch is a step at
which that number changes. Nothing of it is shown to the agent.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.adaptation import PolicyCost, adaptation, changes_met, recovery
from ontogym.baselines.lives.rollout import Moment, Watcher

__all__ = ["Step", "Trace", "Tracer", "regained_in_lives", "switches_met", "trace_of"]

Step = tuple[NDArray[np.float64], NDArray[np.int64]]
"""Rewards of a step and the rules under which they were earned, ``(lanes,)`` each."""


class Trace(NamedTuple):
    """What each of up to ``T`` steps brought ``P`` genomes in ``L`` lives of ``E`` episodes.

    Shapes: ``rewards`` (P, L, E, T) float64, 0 after an episode's end; ``rules`` (P, L, E, T) int64, the last one
    held from there on. T is the time limit, or the longest episode where there is none.
    """

    rewards: NDArray[np.float64]
    rules: NDArray[np.int64]


def trace_of(episodes: list[list[Step]], limit: int | None, shape: tuple[int, int]) -> Trace:
    """The steps of each episode as arrays.

    Args:
        episodes: the steps of every episode, lanes genome-major.
        limit: the time limit, up to which episodes are drawn out.
        shape: ``(P, L)``.
    """
    longest = max(limit or 0, *(len(steps) for steps in episodes))
    rewards = np.zeros((*shape, len(episodes), longest))
    rules = np.zeros(rewards.shape, dtype=np.int64)
    for episode, steps in enumerate(episodes):
        for step, (reward, rule) in enumerate(steps):
            rewards[:, :, episode, step] = reward.reshape(shape)
            rules[:, :, episode, step] = rule.reshape(shape)
        rules[:, :, episode, len(steps) :] = rules[:, :, episode, len(steps) - 1, None]
    return Trace(rewards, rules)


class Tracer(Watcher):
    """Keeps the reward and the rules of every step, where the world announces its rules."""

    def __init__(self) -> None:
        self._episodes: list[list[Step]] = []
        self._rule: NDArray[np.int64] | None = None

    def acted(self, moment: Moment) -> None:
        # A copy: lanes that are stepped one by one write into theirs.
        self._rule = None if moment.rule is None else moment.rule.copy()
        if moment.step == 0:
            self._episodes.append([])

    def earned(self, reward: NDArray[np.float64], active: NDArray[np.bool_]) -> None:
        if self._rule is not None:
            self._episodes[-1].append((np.nan_to_num(reward), self._rule))

    def trace(self, limit: int | None, shape: tuple[int, int]) -> Trace | None:
        """What was kept, as `trace_of` gives it; None where no rules were announced."""
        kept = [steps for steps in self._episodes if steps]
        return trace_of(kept, limit, shape) if kept and len(kept) == len(self._episodes) else None


def switches_met(trace: Trace | None, returns: NDArray[np.float64], window: int) -> dict[str, Any]:
    """How the first genome's lives got over switches of the rules; JSON-able, empty where there were none.

    Args:
        trace: of `ontogym.baselines.lives.life.live`; None where the environment announces no rules.
        returns: ``(P, L, E)``.
        window: steps before and after a switch within an episode that are compared.

    Returns:
        "within": `Recovery` from switches within episodes, in reward of a step, with its "regained". "between":
        `Adaptation` to the one switch that all lives met between the same two episodes, in units of return, with its
        "regained" and "episode" (the first under the new rules, from 0).
    """
    if trace is None:
        return {}
    rewards, rules = trace.rewards[0], trace.rules[0]
    steps = rewards.shape[-1]
    found: dict[str, Any] = {}
    within = recovery(rewards.reshape(-1, steps), rules.reshape(-1, steps), window)
    if within is not None:
        found["within"] = within._asdict() | {"regained": within.gain}
    differ = rules[:, 1:, 0] != rules[:, :-1, -1]
    changed = differ.all(0)
    # Rules that each life draws anew now and then are no switch, where all lives happen to draw another.
    if changed.sum() == 1 and not changed[-1] and (differ.any(0) == changed).all():
        at = int(changed.argmax()) + 1
        between = adaptation(returns[0], at)
        found["between"] = between._asdict() | {"regained": between.gain, "episode": at}
    return found


def regained_in_lives(
    trace: Trace | None,
    returns: NDArray[np.float64],
    lengths: NDArray[np.int64],
    cost: tuple[float, float] | None,
    scale: float,
    window: int,
) -> list[dict[str, Any]]:
    """Every change that the first genome's lives met, scored by `ontogym.adaptation.changes_met`; JSON-able.

    Lives of several episodes are scored by whole episodes under one rule, an episode that the change cuts being left
    out; lives of one episode by the steps of it.

    Args:
        trace: of `ontogym.baselines.lives.life.live`; None where the environment announces no rules.
        returns, lengths: ``(P, L, E)``.
        cost: return that the policy that is best before a change earns before and after it, see `change_cost`.
        scale: optimal less random return.
        window: steps before and after a change that "first" and "last" are means over, in lives of one episode.
    """
    if trace is None or cost is None:
        return []
    if returns.shape[2] > 1:
        earned, rules, unit, window = returns[0], _whole(trace.rules[0], lengths[0]), 1.0, 1
    else:
        earned, rules, unit = trace.rewards[0, :, 0], trace.rules[0, :, 0], float(trace.rewards.shape[-1])
    top = int(rules.max()) + 1
    before, after = cost[0] / unit, cost[1] / unit
    # Rules take turns: two changes at once lead back, and cost nothing.
    pairs = {
        (old, new): PolicyCost(before, after if (new - old) % 2 else before)
        for old in range(top)
        for new in range(old + 1, top)
    }
    return [change._asdict() for change in changes_met(earned, rules, pairs, scale / unit, window)]


def _whole(rules: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rule of every episode ``(L, E)``; -1 where it changed within the episode."""
    last = np.take_along_axis(rules, np.maximum(lengths - 1, 0)[..., None], axis=2)[..., 0]
    return np.where(rules[..., 0] == last, last, -1)
