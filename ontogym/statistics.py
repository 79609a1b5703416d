"""What many runs on many tasks amount to, and how sure one may be. Pure functions of numbers.

Sources: Agarwal, Schwarzer, Castro, Courville & Bellemare, "Deep reinforcement learning at the edge of the
statistical precipice", NeurIPS 2021 (IQM, stratified bootstrap, probability of improvement, performance
profiles); Efron & Tibshirani, "An introduction to the bootstrap", 1993 (percentile intervals, resampled clusters).
There is one bootstrap, `bootstrap`; everything else here states what is resampled and which number is taken.

Scores of several tasks are a mapping from task to the scores of its runs, ``(n,)``; tasks may differ in n.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ontogym.errors import OntogymError
from ontogym.seeding import generator

__all__ = [
    "Interval",
    "PairedTest",
    "bootstrap",
    "bootstrap_interval",
    "crossed_interval",
    "first_episode",
    "iqm",
    "jackknife_interval",
    "last_episode",
    "mean_interval",
    "mean_summary",
    "mean_text",
    "median_interval",
    "normalise",
    "paired_difference",
    "paired_test",
    "percent_gain",
    "performance_profile",
    "probability_of_improvement",
]

Array = NDArray[np.float64]
Strata = Mapping[str, ArrayLike]
RESAMPLES = 2000


class Interval(NamedTuple):
    """A point estimate and its confidence interval (of 95 % unless said)."""

    value: float
    low: float
    high: float


# -- the bootstrap ----------------------------------------------------------------------------------------


def bootstrap(
    groups: Sequence[ArrayLike],
    statistic: Callable[[list[Array]], NDArray[Any]],
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
    redraw_groups: bool = False,
) -> Interval:
    """Percentile interval of a statistic; rows are redrawn with replacement within each group.

    Args:
        groups: ``(n_k, ...)`` each; rows along the first axis are what is redrawn (so a pair or a value with its
            weight is a row of two).
        statistic: of the groups, resampled R times, ``[(R, n_k, ...), ...]``; gives ``(R,)``.
        confidence: of the interval.
        resamples: number of bootstrap samples.
        seed: decides all chance.
        redraw_groups: draw groups with replacement first (two stages: clusters, then rows in each); the statistic
            must then be a mean over groups, since it is taken of one group at a time.

    With a single row there is nothing to redraw and the interval is the point.

    Raises:
        OntogymError: no groups, an empty one, or numbers that are not finite.
    """
    rows = [_finite(group) for group in groups]
    if not rows:
        raise OntogymError("There are no scores to summarise; give at least one task.")
    if not 0 < confidence <= 1:
        raise OntogymError(f"confidence is {confidence}; give a share above 0, up to 1, such as 0.95.")
    if resamples < 1:
        raise OntogymError(f"resamples is {resamples}; draw at least 1.")
    rng = generator(seed, "bootstrap")
    # As many of every group as could be asked for: which group stands where is drawn afterwards.
    count = resamples * len(rows) if redraw_groups else resamples
    drawn = (group[rng.integers(0, len(group), (count, len(group)))] for group in rows)
    if redraw_groups:
        of_group = np.array([statistic([part]) for part in drawn])
        picked = rng.integers(0, len(rows), (resamples, len(rows)))
        values = of_group[picked, np.arange(count).reshape(resamples, len(rows))].mean(1)
        value = float(np.mean([statistic([group[None]])[0] for group in rows]))
    else:
        values = np.asarray(statistic(list(drawn)))
        value = float(statistic([group[None] for group in rows])[0])
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return Interval(value, float(low), float(high))


def mean_interval(values: ArrayLike, weights: ArrayLike | None = None, **options: Any) -> Interval:
    """The (weighted) mean of independent values ``(n,)`` with its `bootstrap` interval; `options` are its own."""
    rows = _finite(values).ravel()
    heavy = np.ones_like(rows) if weights is None else _finite(weights).ravel()

    def weighted(parts: list[Array]) -> Array:
        return np.asarray((parts[0][..., 0] * parts[0][..., 1]).sum(1) / parts[0][..., 1].sum(1))

    if heavy.shape != rows.shape:
        raise OntogymError(f"{len(heavy)} weights for {len(rows)} values; give each its own.")
    if (heavy < 0).any() or not heavy.any():
        raise OntogymError("Weights are numbers from 0 on that are not all 0; mend them.")
    if weights is None:
        return bootstrap([rows], lambda parts: parts[0].mean(1), **options)
    return bootstrap([np.stack([rows, heavy], axis=1)], weighted, **options)


def median_interval(groups: Sequence[ArrayLike], **options: Any) -> Interval:
    """The median of each group ``(n_k,)``, averaged over groups, with its interval in two stages.

    Groups (one a seed, say, with a value for each of its neurons) are redrawn, and then the values in each.
    """
    return bootstrap(groups, lambda parts: np.median(parts[0], axis=1), redraw_groups=True, **options)


# -- many tasks -------------------------------------------------------------------------------------------


def normalise(returns: ArrayLike, random: float, optimal: float) -> Array:
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
        confidence, resamples, seed: see `bootstrap`.

    With one run per task there is nothing to redraw and the interval is the point: one run says nothing about
    the spread over runs.

    Raises:
        OntogymError: no scores, or some that are not finite.
    """

    def of_rows(drawn: list[Array]) -> Array:
        if statistic is None:
            return _iqm_rows(np.concatenate(drawn, axis=1))
        return np.array([statistic(dict(zip(scores, rows))) for rows in zip(*drawn)])

    return bootstrap(_strata(scores), of_rows, confidence, resamples, seed)


def probability_of_improvement(
    x: Strata, y: Strata, confidence: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """How likely a run of `x` beats a run of `y` on a task drawn at random; ties count half.

    The mean over tasks of the Mann-Whitney statistic U / (n m), with a stratified bootstrap interval that redraws
    the runs of both. Only tasks that both have count.

    Raises:
        OntogymError: no task in common, no scores, or some that are not finite.
    """
    shared = [task for task in _by_task(x) if task in _by_task(y)]
    if not shared:
        raise OntogymError("These two have no task in common; compare agents that ran the same tasks.")
    runs = [_finite(of[task]).ravel() for task in shared for of in (x, y)]

    def improvement(drawn: list[Array]) -> Array:
        return np.asarray(np.mean([_beats(a, b) for a, b in zip(drawn[::2], drawn[1::2])], axis=0))

    return bootstrap(runs, improvement, confidence, resamples, seed)


def performance_profile(
    scores: Strata, thresholds: ArrayLike, confidence: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> list[Interval]:
    """The share of runs that score more than each threshold, the mean over tasks (Agarwal et al. 2021, eq. 3).

    Returns:
        One interval a threshold, pointwise, from the stratified bootstrap.
    """
    strata = _strata(scores)

    def share_above(threshold: float) -> Callable[[list[Array]], Array]:
        return lambda drawn: np.asarray(np.mean([(runs > threshold).mean(1) for runs in drawn], axis=0))

    levels = np.asarray(thresholds, dtype=np.float64).ravel()
    return [bootstrap(strata, share_above(level), confidence, resamples, seed) for level in levels]


def first_episode(returns: ArrayLike) -> float:
    """Mean return of the first episode of every life ``(L, E)``: what is innate (or learned within it)."""
    return float(_lives(returns)[:, 0].mean())


def last_episode(returns: ArrayLike) -> float:
    """Mean return of the last episode of every life ``(L, E)``: what a life of learning leads to."""
    return float(_lives(returns)[:, -1].mean())


# -- few seeds --------------------------------------------------------------------------------------------


def mean_summary(values: Sequence[float | None]) -> dict[str, Any]:
    """Mean, standard deviation and 95 % interval of the mean (Student's t), for few seeds.

    Args:
        values: one a seed; None, or what is not finite, for a run that failed.

    Returns:
        ``mean``, ``sd``, ``ci95``, ``values``; what so few values do not give is None.
    """
    from scipy.special import stdtrit

    kept = [float(v) for v in values if v is not None and math.isfinite(v)]
    n = len(kept)
    mean = float(np.mean(kept)) if n else None
    sd = ci = None
    if mean is not None and n > 1:
        sd = float(np.std(kept, ddof=1))
        half = float(stdtrit(n - 1, 0.975)) * sd / math.sqrt(n)
        ci = [mean - half, mean + half]
    return {"mean": mean, "sd": sd, "ci95": ci, "values": list(values)}


def crossed_interval(table: ArrayLike) -> Interval:
    """The mean of a table ``(n, m)`` of, say, seeds by subjects, with its 95 % interval over both.

    Student's t for the means of rows and for those of columns; as they are crossed, squares of the halves add. Of one
    row or one column only the other is counted; of one number the interval is the point.
    """
    rows = _finite(table)
    told = [mean_summary([float(v) for v in rows.mean(axis)])["ci95"] for axis in (0, 1)]
    half = math.hypot(*((ci[1] - ci[0]) / 2 for ci in told if ci is not None))
    value = float(rows.mean())
    return Interval(value, value - half, value + half)


def jackknife_interval(whole: Array, parts: Array) -> tuple[Array, Array]:
    """95 % interval of an estimate by the jackknife over groups: value -/+ 1.96 standard errors.

    Args:
        whole: ``(...)``, from all groups.
        parts: ``(K, ...)``, from all but one, in turn.
    """
    deviation = parts - parts.mean(0)
    half = 1.96 * np.sqrt((len(parts) - 1) / len(parts) * (deviation**2).sum(0))
    return np.asarray(whole - half), np.asarray(whole + half)


def paired_difference(
    metric: str,
    high: Sequence[float | None],
    low: Sequence[float | None],
    what: str,
    published: str | None = None,
) -> dict[str, Any]:
    """A difference high - low, paired by seed, with its interval and direction.

    Args:
        metric: what is compared. what: which two conditions, in words.
        published: "up" or "down"; None for a comparison that no paper makes.

    Returns:
        ``measured``: "up" or "down" where the interval leaves out 0, else "unresolved".
    """
    if len(high) != len(low):
        raise OntogymError(f"{len(high)} and {len(low)} values make no pairs; give one a seed in both.")
    found = mean_summary([None if h is None or l is None else h - l for h, l in zip(high, low)])
    lower, upper = found["ci95"] or (0.0, 0.0)
    measured = "up" if lower > 0 else "down" if upper < 0 else "unresolved"
    return {"metric": metric, "what": what, "difference": found, "published": published, "measured": measured}


def mean_text(summary: dict[str, Any], interval: bool = True) -> str:
    """Mean and, if wanted and known, interval of a `mean_summary` in few characters."""
    if summary["mean"] is None:
        return "failed"
    mean = _short(summary["mean"])
    if summary["ci95"] is None or not interval:
        return mean
    low, high = map(_short, summary["ci95"])
    return f"{mean} [{low}, {high}]"


def _short(value: float) -> str:
    """Three digits; whole parts are never cut, and none is a power of ten below a million."""
    return f"{value:.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}"


# -- pairs ------------------------------------------------------------------------------------------------


class PairedTest(NamedTuple):
    """Two paired samples compared.

    Attributes:
        n: pairs.
        median_difference: median of a - b.
        median_percent: median of 100 (a / b - 1).
        p_two_sided, p_greater: Wilcoxon's; the second asks whether a is larger. 1 where all pairs are equal.
        p_shapiro: that the differences are normal; NaN where all are equal.
    """

    n: int
    median_difference: float
    median_percent: float
    p_two_sided: float
    p_greater: float
    p_shapiro: float


def paired_test(a: ArrayLike, b: ArrayLike) -> PairedTest:
    """Compare `a` with `b`, both ``(n,)`` with five pairs or more."""
    x, y = _pairs(a, b)
    d = x - y
    if np.ptp(d) == 0 and d[0] == 0:
        return PairedTest(len(d), 0.0, 0.0, 1.0, 1.0, float("nan"))
    from scipy.stats import shapiro, wilcoxon

    normal = float(shapiro(d).pvalue) if np.ptp(d) > 0 else float("nan")
    return PairedTest(
        len(d),
        float(np.median(d)),
        float(np.median(percent_gain(x, y))),
        float(wilcoxon(x, y).pvalue),
        float(wilcoxon(x, y, alternative="greater").pvalue),
        normal,
    )


def percent_gain(a: ArrayLike, b: ArrayLike) -> Array:
    """``100 (a / b - 1)`` per pair, ``(n,)``; where b is 0 there is nothing to gain on, and the gain is 0."""
    x, y = _pairs(a, b, fewest=1)
    return 100 * np.divide(x - y, y, out=np.zeros_like(x), where=y != 0)


# -- parts ------------------------------------------------------------------------------------------------


def _iqm_rows(rows: Array) -> Array:
    """IQM of each row of ``(R, n)``."""
    cut = rows.shape[1] // 4
    middle = np.sort(rows, axis=1)[:, cut : rows.shape[1] - cut]
    return np.asarray(middle.mean(1))


def _beats(x: Array, y: Array) -> Array:
    """P(x > y) + P(x = y) / 2 over all pairs, for each row of ``(R, n)`` and ``(R, m)``."""
    above = x[:, :, None] > y[:, None, :]
    equal = x[:, :, None] == y[:, None, :]
    return np.asarray(above.mean((1, 2)) + equal.mean((1, 2)) / 2)


def _by_task(scores: Strata) -> Strata:
    if not isinstance(scores, Mapping):
        raise OntogymError(
            f"Scores of tasks are a mapping from task to the scores of its runs, such as {{'CartPole': [480, 500]}}, not "
            f"{type(scores).__name__}."
        )
    if not scores:
        raise OntogymError("There are no scores to summarise; give at least one task.")
    return scores


def _strata(scores: Strata) -> list[Array]:
    return [_finite(runs).ravel() for runs in _by_task(scores).values()]


def _finite(scores: ArrayLike) -> Array:
    try:
        values = np.asarray(scores, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise OntogymError(f"Scores are numbers, not {str(scores)[:60]}.") from error
    if not values.size:
        raise OntogymError("There are no scores to summarise; give at least one run.")
    if not np.isfinite(values).all():
        raise OntogymError("Some scores are NaN or infinite; leave those runs out or evaluate them again.")
    return values


def _lives(returns: ArrayLike) -> Array:
    values = _finite(returns)
    if values.ndim != 2:
        raise OntogymError(f"Returns of shape {values.shape} are no lives; give one row per life.")
    return values


def _pairs(a: ArrayLike, b: ArrayLike, fewest: int = 5) -> tuple[Array, Array]:
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if x.shape != y.shape or x.ndim != 1 or len(x) < fewest:
        raise OntogymError(
            f"A paired test needs two lists of one length, {fewest} or more, not {x.shape} and {y.shape}."
        )
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise OntogymError("A paired test cannot use NaN or infinite values; drop those pairs.")
    return x, y
