"""What many runs on many tasks amount to, and how sure one may be. Pure functions of numbers.

Source: Agarwal, Schwarzer, Castro, Courville & Bellemare, "Deep reinforcement learning at the edge of the
statistical precipice", NeurIPS 2021 (IQM, stratified bootstrap, probability of improvement). For agents that
develop, what they can do at birth, what they learn, and how they get over a change count as much.

Scores of several tasks are a mapping from task to the scores of its runs, ``(n,)``; tasks may differ in n.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ontogym.errors import OntogymError
from ontogym.seeding import generator

__all__ = [
    "Adaptation",
    "Interval",
    "Recovery",
    "adaptation",
    "bootstrap_interval",
    "first_episode",
    "iqm",
    "last_episode",
    "normalise",
    "probability_of_improvement",
    "recovery",
]

Strata = Mapping[str, ArrayLike]
RESAMPLES = 2000


class Interval(NamedTuple):
    """A point estimate and its confidence interval."""

    value: float
    low: float
    high: float


class Adaptation(NamedTuple):
    """Mean return around a switch: the last episode before, the first one after, and the last one of the life."""

    before: float
    dropped: float
    recovered: float

    @property
    def regained(self) -> float:
        """What was gained after the switch, in units of return; 0 for an agent that the switch does not move."""
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
    def regained(self) -> float:
        """Reward of a step that was gained after the switch; 0 for an agent that nothing changes in."""
        return self.late - self.early


def normalise(returns: ArrayLike, random: float, optimal: float) -> NDArray[np.float64]:
    """Returns on the scale where random actions score 0 and the optimum scores 1, of the same shape.

    Raises:
        OntogymError: anchors that are equal, swapped or not finite.
    """
    if not (np.isfinite(random) and np.isfinite(optimal) and optimal > random):
        raise OntogymError(
            f"Anchors {random} (random) and {optimal} (optimal) give no scale; the optimum must be larger."
        )
    return (np.asarray(returns, dtype=np.float64) - random) / (optimal - random)


def iqm(scores: ArrayLike | Strata) -> float:
    """Interquartile mean: the mean of the middle half of all scores, of all runs and tasks together.

    A quarter of the scores, rounded down, is dropped at either end (``scipy.stats.trim_mean``, as rliable does).
    """
    pooled = _finite(np.concatenate(_strata(scores)) if isinstance(scores, Mapping) else scores).ravel()
    return float(_iqm_rows(pooled[None])[0])


def bootstrap_interval(
    scores: Strata,
    statistic: Callable[[Strata], float] | None = None,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Percentile interval of a statistic under the stratified bootstrap: runs are redrawn within each task.

    Args:
        scores: task to scores of its runs, ``(n,)`` each.
        statistic: of such a mapping; the IQM if not given.
        confidence: of the interval.
        resamples: number of bootstrap samples.
        seed: decides all chance.

    With one run per task there is nothing to redraw and the interval is the point: one run says nothing about
    the spread over runs.

    Raises:
        OntogymError: no scores, or some that are not finite.
    """
    strata = _strata(scores)
    rng = generator(seed, "stratified bootstrap")
    drawn = [runs[rng.integers(0, len(runs), (resamples, len(runs)))] for runs in strata]
    if statistic is None:
        return _interval(iqm(scores), _iqm_rows(np.concatenate(drawn, axis=1)), confidence)
    values = [statistic(dict(zip(scores, rows))) for rows in zip(*drawn)]
    return _interval(float(statistic(scores)), np.asarray(values), confidence)


def probability_of_improvement(
    x: Strata, y: Strata, confidence: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """How likely a run of `x` beats a run of `y` on a task drawn at random; ties count half.

    The mean over tasks of the Mann-Whitney statistic U / (n m), with a stratified bootstrap interval that redraws
    the runs of both. Only tasks that both have count.

    Raises:
        OntogymError: no task in common, no scores, or some that are not finite.
    """
    shared = [task for task in x if task in y]
    if not shared:
        raise OntogymError("These two have no task in common; compare agents that ran the same tasks.")
    rng = generator(seed, "probability of improvement")
    pairs = list(zip(_strata({t: x[t] for t in shared}), _strata({t: y[t] for t in shared})))
    value = float(np.mean([_beats(a[None], b[None])[0] for a, b in pairs]))
    drawn = [
        _beats(
            a[rng.integers(0, len(a), (resamples, len(a)))], b[rng.integers(0, len(b), (resamples, len(b)))]
        )
        for a, b in pairs
    ]
    return _interval(value, np.mean(drawn, axis=0), confidence)


def first_episode(returns: ArrayLike) -> float:
    """Mean return of the first episode of every life ``(L, E)``: what is innate (or learned within it)."""
    return float(_lives(returns)[:, 0].mean())


def last_episode(returns: ArrayLike) -> float:
    """Mean return of the last episode of every life ``(L, E)``: what a life of learning leads to."""
    return float(_lives(returns)[:, -1].mean())


def adaptation(returns: ArrayLike, switch: int) -> Adaptation:
    """How an agent gets over a change of the rules before episode `switch` (from 0) of every life ``(L, E)``.

    Raises:
        OntogymError: a switch with no episode before it or none after its first.
    """
    lives = _lives(returns)
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
    earned, rule = _lives(rewards), np.asarray(rules)
    if rule.shape != earned.shape or window < 1:
        raise OntogymError(
            f"Rewards {earned.shape}, rules {rule.shape} and a window of {window} do not fit; give equal shapes and "
            "at least one step."
        )
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


def _iqm_rows(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """IQM of each row of ``(R, n)``."""
    cut = rows.shape[1] // 4
    middle = np.sort(rows, axis=1)[:, cut : rows.shape[1] - cut]
    return np.asarray(middle.mean(1))


def _beats(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """P(x > y) + P(x = y) / 2 over all pairs, for each row of ``(R, n)`` and ``(R, m)``."""
    above = x[:, :, None] > y[:, None, :]
    equal = x[:, :, None] == y[:, None, :]
    return np.asarray(above.mean((1, 2)) + equal.mean((1, 2)) / 2)


def _interval(value: float, resampled: NDArray[np.float64], confidence: float) -> Interval:
    tail = (1 - confidence) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail])
    return Interval(value, float(low), float(high))


def _strata(scores: Strata) -> Sequence[NDArray[np.float64]]:
    if not scores:
        raise OntogymError("There are no scores to summarise; give at least one task.")
    return [_finite(runs).ravel() for runs in scores.values()]


def _finite(scores: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(scores, dtype=np.float64)
    if not values.size:
        raise OntogymError("There are no scores to summarise; give at least one run.")
    if not np.isfinite(values).all():
        raise OntogymError("Some scores are NaN or infinite; leave those runs out or evaluate them again.")
    return values


def _lives(returns: ArrayLike) -> NDArray[np.float64]:
    values = _finite(returns)
    if values.ndim != 2:
        raise OntogymError(f"Returns of shape {values.shape} are no lives; give one row per life.")
    return values
