"""How agents get over changes of the rules, and what being good in worlds never met is worth. Pure functions.

*Regained* is the share of what a change costs a policy that does not change which an agent makes good again:
``(after - floor) / (before - floor)``. `before` and `after` are what the agent earns under the rule before and under
the rule after a change, `floor` is what the policy that is best before the change earns after it. A life with the
rules A-B-A is scored at each of its changes. *Held-out normalised* is the same idea where worlds are drawn at birth
and there is no before: 0 is the best single policy, 1 a policy that is told which world it lives in.

`Adaptation` and `Recovery` are the measures of the first version of the suites, which their stored entries hold:
what was gained after a switch in units of return. They cannot see an agent that a switch never moves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ontogym.errors import OntogymError

__all__ = [
    "LEAST_COST",
    "Adaptation",
    "Change",
    "HeldOut",
    "PolicyCost",
    "Recovery",
    "adaptation",
    "changes_met",
    "held_out_normalised",
    "recovery",
    "regained",
]

LEAST_COST = 0.2
"""Changes that cost a policy that does not change less than this share of the scale are not scored, and an agent that
was not that far above the floor before has nothing to regain."""


class PolicyCost(NamedTuple):
    """What the policy that is best under one rule earns `before` a change to another and `after` it (the floor)."""

    before: float
    after: float


class Change(NamedTuple):
    """One change of the rules, over all rows that met it.

    Attributes:
        number: 1 for the first change of a row, 2 for the next.
        old, new: the rules.
        before, after: mean earned under the old rule and under the new one.
        first, last: mean over the first and the last `window` entries under the new rule.
        floor: what the policy that is best under the old rule earns under the new one.
        regained: ``(after - floor) / (before - floor)``; 0 for an agent that had nothing to regain; None for a change
            that is not scored (`LEAST_COST`).
        rows: how many met it.
    """

    number: int
    old: int
    new: int
    before: float
    after: float
    first: float
    last: float
    floor: float
    regained: float | None
    rows: int


class HeldOut(NamedTuple):
    """*Held-out normalised*: its mean over the worlds that count, and by world (NaN where one does not count)."""

    value: float
    worlds: NDArray[np.float64]


def regained(before: float, after: float, cost: PolicyCost, scale: float) -> float | None:
    """The share of what a change costs a policy that does not change which the agent makes good.

    Args:
        before: what the agent earns before the change. after: what it earns after it.
        cost: what the best policy under the old rule earns, in the same unit.
        scale: optimal less random return, in the same unit.

    Returns:
        ``(after - floor) / (before - floor)``: 1 for an agent whose earnings the change leaves as they were, 0 for one
        that falls to the floor and stays there, or that was less than `LEAST_COST` of the scale above the floor
        before; None where the change costs less than `LEAST_COST` of the scale.

    Raises:
        OntogymError: numbers that are not finite, or no scale.
    """
    if not np.isfinite([before, after, *cost, scale]).all() or scale <= 0:
        raise OntogymError(
            f"Before {before}, after {after}, policy {tuple(cost)} and scale {scale} give no share; pass finite "
            "numbers and a positive scale."
        )
    floor, least = cost.after, LEAST_COST * scale
    if cost.before - floor < least:
        return None
    return (after - floor) / (before - floor) if before - floor >= least else 0.0


def changes_met(
    earned: ArrayLike,
    rules: ArrayLike,
    costs: Mapping[tuple[int, int], PolicyCost],
    scale: float,
    window: int = 1,
) -> list[Change]:
    """Score every change of the rules that rows met, by its number in the row and by the two rules.

    A row is a life of episodes (earned: returns), or an episode of steps (earned: rewards; then costs and scale are
    those of a step). Changes may fall anywhere. What is earned under a rule is the mean over the whole stretch
    that it is in force.

    Args:
        earned: ``(R, T)``.
        rules: ``(R, T)`` whole numbers, the rule in force; entries below 0 are left out (an episode in which the rules
            changed belongs to neither).
        costs: (old rule, new rule) to what the best policy under the old one earns.
        scale: optimal less random return.
        window: entries that `Change.first` and `Change.last` are means over; a stretch shorter than that is no stretch
            to score, nor is a change to or from it.

    Returns:
        In the order of number, old and new rule; empty without a change.

    Raises:
        OntogymError: earnings that are not finite, other shapes, no window, or a change that `costs` lacks.
    """
    values, held = _rows(earned, rules, window)
    met: defaultdict[tuple[int, int, int], list[tuple[float, ...]]] = defaultdict(list)
    for row, rule in zip(values, held):
        row, rule = row[rule >= 0], rule[rule >= 0]
        edges = [0, *(np.flatnonzero(np.diff(rule)) + 1), len(rule)]
        for number, (start, change, end) in enumerate(zip(edges, edges[1:], edges[2:]), 1):
            if min(change - start, end - change) < window:
                continue
            before, after = row[start:change], row[change:end]
            key = (number, int(rule[change - 1]), int(rule[change]))
            met[key].append((before.mean(), after.mean(), after[:window].mean(), after[-window:].mean()))
    found = []
    for (number, old, new), rows in sorted(met.items()):
        if (old, new) not in costs:
            raise OntogymError(
                f"There is no floor for the change from rule {old} to {new}; measure what the best policy under "
                f"{old} earns under {new}."
            )
        cost = costs[old, new]
        before, after, first, last = (float(v) for v in np.mean(rows, axis=0))
        share = regained(before, after, cost, scale)
        found.append(Change(number, old, new, before, after, first, last, cost.after, share, len(rows)))
    return found


def held_out_normalised(
    scores: ArrayLike, single_policy: ArrayLike, told_the_world: ArrayLike, scale: float
) -> HeldOut:
    """``(score - best single policy's) / (told-the-world's - best single policy's)``, by world.

    Args:
        scores: ``(W,)``, mean return of the agent in each held-out world.
        single_policy: ``(W,)``, of the one policy that is best over all of them.
        told_the_world: ``(W,)``, of a policy that is told which world it lives in.
        scale: optimal less random return.

    Returns:
        0 for the best single policy, 1 for one that is told. Worlds in which being told is worth less than
        `LEAST_COST` of the scale ask nothing and do not count.

    Raises:
        OntogymError: shapes that differ, numbers that are not finite, no scale, or no world that counts.
    """
    score, single, told = (np.asarray(v, dtype=np.float64) for v in (scores, single_policy, told_the_world))
    if not (score.ndim == 1 and score.shape == single.shape == told.shape):
        raise OntogymError(
            f"Scores {score.shape}, single policy {single.shape} and told {told.shape} must have one number a world."
        )
    if not (np.isfinite([score, single, told]).all() and np.isfinite(scale) and scale > 0):
        raise OntogymError(
            "Scores by world must be finite and the scale positive; evaluate those worlds again."
        )
    worth = told - single
    counts = worth >= LEAST_COST * scale
    if not counts.any():
        raise OntogymError(
            "Being told the world is worth nothing in any of these worlds; choose other worlds."
        )
    worlds = np.full(score.shape, np.nan)
    worlds[counts] = (score - single)[counts] / worth[counts]
    return HeldOut(float(worlds[counts].mean()), worlds)


# -- the first version of the suites ----------------------------------------------------------------------


class Adaptation(NamedTuple):
    """Mean return around a switch: the last episode before, the first one after, and the last one of the life."""

    before: float
    dropped: float
    recovered: float

    @property
    def gain(self) -> float:
        """What was gained after the switch (not the share of the drop that `regained` is), in units of return; 0 for an agent that the switch does not move."""
        return self.recovered - self.dropped


class Recovery(NamedTuple):
    """Mean reward of a step around switches within episodes, over `switches` of them.

    Attributes:
        before: in the last w steps before a switch. early: in the first w steps after it.
        late: in the last w steps before the next switch, or before the end.
        steps: after how many steps nine tenths of the drop were made good, on the curve that is the mean over
            switches, smoothed over w; 0 without a drop, None if not in the time that all of them have.
        switches: how many there were with whole windows.
        window: w.
    """

    before: float
    early: float
    late: float
    steps: int | None
    switches: int
    window: int

    @property
    def gain(self) -> float:
        """Reward of a step that was gained after the switch; 0 for an agent that nothing changes in."""
        return self.late - self.early


def adaptation(returns: ArrayLike, switch: int) -> Adaptation:
    """How an agent gets over a change of the rules before episode `switch` (from 0) of every life ``(L, E)``.

    Raises:
        OntogymError: a switch with no episode before it or none after its first.
    """
    lives, _ = _rows(returns, np.zeros(np.shape(returns), dtype=int), 1)
    if not 1 <= switch < lives.shape[1] - 1:
        raise OntogymError(
            f"A switch at episode {switch} of {lives.shape[1]} leaves nothing to compare; at least one episode must "
            "come before it and two from it on."
        )
    means = lives.mean(0)
    return Adaptation(float(means[switch - 1]), float(means[switch]), float(means[-1]))


def recovery(rewards: ArrayLike, rules: ArrayLike, window: int) -> Recovery | None:
    """How an agent gets over changes of the rules within an episode.

    A switch is a step whose rule differs from that of the step before. It counts if its rule and the one before held
    long enough: `window` steps before, and twice that after, so that early and late share no step.

    Args:
        rewards: ``(R, T)``, a row per episode; 0 for steps after the end of an episode, where nothing is earned.
        rules: ``(R, T)`` whole numbers, the rule in force at each step.
        window: number of steps to take the mean of.

    Returns:
        What was measured, or None without a switch that counts.

    Raises:
        OntogymError: rewards that are not finite, other shapes, or no window.
    """
    earned, rule = _rows(rewards, rules, window)
    around = []
    for row, held in zip(earned, rule):
        edges = [0, *(np.flatnonzero(np.diff(held)) + 1), len(held)]
        for start, switch, end in zip(edges, edges[1:], edges[2:]):
            if switch - start >= window and end - switch >= 2 * window:
                around.append((row[switch - window : switch], row[switch:end]))
    if not around:
        return None
    before = float(np.mean([b for b, _ in around]))
    early = float(np.mean([a[:window] for _, a in around]))
    late = float(np.mean([a[-window:] for _, a in around]))
    shared = min(len(after) for _, after in around)
    curve = np.mean([after[:shared] for _, after in around], axis=0)
    steps = _regained_after(curve, before, early, window)
    return Recovery(before, early, late, steps, len(around), window)


def _regained_after(
    curve: NDArray[np.float64], before: float, early: float, window: int, share: float = 0.9
) -> int | None:
    """Steps until the mean over the last `window` of them has made good `share` of the drop."""
    if early >= before:
        return 0
    smooth = np.convolve(curve, np.full(window, 1.0 / window), mode="valid")
    reached = np.flatnonzero(smooth >= early + share * (before - early))
    return int(reached[0]) + window if len(reached) else None


def _rows(earned: ArrayLike, rules: ArrayLike, window: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    values, rule = np.asarray(earned, dtype=np.float64), np.asarray(rules)
    if values.ndim != 2 or rule.shape != values.shape or not values.size or window < 1:
        raise OntogymError(
            f"Earnings {values.shape}, rules {rule.shape} and a window of {window} do not fit; give equal shapes "
            "(rows, entries) and a window of at least one."
        )
    if not np.isfinite(values).all():
        raise OntogymError("Some earnings are NaN or infinite; leave those rows out or evaluate them again.")
    return values, rule
