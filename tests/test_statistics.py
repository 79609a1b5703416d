"""Aggregate scores: cases with known answers, and those that rliable publishes."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from scipy import stats

from ontogym import statistics as scores
from ontogym.errors import OntogymError

SEEDED = {"rng" if "rng" in inspect.signature(stats.bootstrap).parameters else "random_state": 1}
"""What SciPy calls its chance, before 1.15 and since."""

# rliable (Google Research), tests/rliable/metrics_test.py: runs x tasks, and the answers asserted there.
RLIABLE_X = np.array([[1, 2], [2, 2], [1, 1], [2, 1]])
RLIABLE_Y = np.array([[1, 1], [2, 2], [3, 3]])


def strata(matrix: np.ndarray) -> dict[str, np.ndarray]:
    return {f"task{k}": column for k, column in enumerate(matrix.T)}


def test_the_figures_of_rliables_own_example() -> None:
    assert scores.iqm(RLIABLE_X) == scores.iqm(strata(RLIABLE_X)) == 1.5
    assert scores.iqm(RLIABLE_Y) == scores.iqm(strata(RLIABLE_Y)) == 2
    found = scores.probability_of_improvement(strata(RLIABLE_X), strata(RLIABLE_Y))
    assert found.value == pytest.approx(1 / 3)
    assert found.low < found.value < found.high


def test_intervals_of_rliables_library_test_hold_the_point() -> None:
    """tests/rliable/library_test.py: 5 runs x 16 tasks, whose intervals hold the point strictly inside."""
    x = np.arange(80.0).reshape(5, 16)
    interval = scores.bootstrap_interval(strata(x))
    assert interval.low < interval.value < interval.high
    y = x[::-1]
    found = scores.probability_of_improvement(strata(x), strata(y))
    assert found.value == pytest.approx(0.5)  # the same runs in another order
    assert found.low < found.value < found.high


@pytest.mark.parametrize("count", range(1, 14))
def test_iqm_is_scipys_trimmed_mean(count: int) -> None:
    values = np.random.default_rng(count).normal(size=count)
    assert scores.iqm(values) == pytest.approx(stats.trim_mean(values, 0.25))


def test_iqm_leaves_the_outer_quarters_out() -> None:
    assert scores.iqm([-1e9, 1.0, 2.0, 1e9]) == 1.5
    assert scores.iqm({"a": [-1e9, 1.0], "b": [2.0, 1e9]}) == 1.5


def test_probability_of_improvement_is_mann_whitney() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(0.3, size=9), rng.normal(size=7)
    u = stats.mannwhitneyu(x, y).statistic
    assert scores.probability_of_improvement({"a": x}, {"a": y}).value == pytest.approx(u / 63)


def test_probability_of_improvement_of_the_certain_the_tied_and_the_absent() -> None:
    one, two = {"a": [1.0, 2.0], "only": [9.0]}, {"a": [3.0, 4.0]}
    assert scores.probability_of_improvement(two, one) == (1.0, 1.0, 1.0)
    assert scores.probability_of_improvement(one, two) == (0.0, 0.0, 0.0)
    assert scores.probability_of_improvement({"a": [1.0]}, {"a": [1.0]}).value == 0.5
    with pytest.raises(OntogymError, match="no task in common"):
        scores.probability_of_improvement(one, {"b": [1.0]})


def test_bootstrap_redraws_within_tasks_only() -> None:
    """Two tasks a thousand apart: pooled redrawing would move the mean by hundreds, stratified does not."""
    data = {"low": np.arange(5.0), "high": 1000 + np.arange(5.0)}
    interval = scores.bootstrap_interval(data, lambda s: float(np.mean([np.mean(v) for v in s.values()])))
    assert interval.value == 502
    assert 500 <= interval.low < 502 < interval.high <= 504


def test_bootstrap_interval_of_a_mean_has_the_normal_width() -> None:
    data = np.random.default_rng(3).normal(size=400)
    interval = scores.bootstrap_interval({"a": data}, lambda s: float(np.mean(s["a"])), resamples=4000)
    half = 1.96 * data.std() / 20
    # Quantiles of 4 000 draws vary by about 3 % here.
    assert interval.high - interval.low == pytest.approx(2 * half, rel=0.1)
    narrow = scores.bootstrap_interval({"a": data}, lambda s: float(np.mean(s["a"])), confidence=0.5)
    assert narrow.high - narrow.low < interval.high - interval.low


def test_intervals_are_those_of_the_seed_and_a_single_run_has_none() -> None:
    data = {"a": [1.0, 2.0, 5.0], "b": [0.0, 1.0]}
    assert scores.bootstrap_interval(data, seed=4) == scores.bootstrap_interval(data, seed=4)
    assert scores.bootstrap_interval({"a": [3.0]}) == (3.0, 3.0, 3.0)
    general = scores.bootstrap_interval(data, scores.iqm, seed=4)
    assert general == pytest.approx(scores.bootstrap_interval(data, seed=4))


def test_normalise() -> None:
    assert scores.normalise([[22.0, 500.0], [261.0, -217.0]], 22.0, 500.0).tolist() == [[0, 1], [0.5, -0.5]]
    for anchors in ((1.0, 1.0), (2.0, 1.0), (0.0, float("inf"))):
        with pytest.raises(OntogymError, match="no scale"):
            scores.normalise([1.0], *anchors)


def test_innate_and_learned() -> None:
    lives = [[10, 30, 50, 5, 20, 40], [20, 40, 60, 15, 30, 50]]
    assert scores.first_episode(lives) == 15
    assert scores.last_episode(lives) == 45


def test_the_bootstrap_is_scipys() -> None:
    """The percentile method of ``scipy.stats.bootstrap``, over one sample, over two strata and over weighted rows."""
    rng = np.random.default_rng(3)
    a, b = rng.gamma(2.0, size=40), rng.normal(3.0, 1.0, 25)
    one = scores.mean_interval(a, resamples=20_000)
    theirs = stats.bootstrap(
        (a,), np.mean, method="percentile", n_resamples=20_000, **SEEDED
    ).confidence_interval
    assert one[1:] == pytest.approx(theirs, abs=0.02)

    def means(x: np.ndarray, y: np.ndarray, axis: int = -1) -> np.ndarray:
        return (np.mean(x, axis=axis) + np.mean(y, axis=axis)) / 2

    two = scores.bootstrap([a, b], lambda d: (d[0].mean(1) + d[1].mean(1)) / 2, resamples=20_000)
    theirs = stats.bootstrap(
        (a, b), means, method="percentile", n_resamples=20_000, **SEEDED
    ).confidence_interval
    assert two[1:] == pytest.approx(theirs, abs=0.02)
    weights = rng.integers(1, 9, 40).astype(float)

    def weighted(x: np.ndarray, w: np.ndarray, axis: int = -1) -> np.ndarray:
        return np.sum(x * w, axis=axis) / np.sum(w, axis=axis)

    heavy = scores.mean_interval(a, weights, resamples=20_000)
    theirs = stats.bootstrap(
        (a, weights), weighted, paired=True, method="percentile", n_resamples=20_000, **SEEDED
    ).confidence_interval
    assert heavy.value == pytest.approx(np.average(a, weights=weights))
    assert heavy[1:] == pytest.approx(theirs, abs=0.02)


def test_a_performance_profile_counts_the_runs_above() -> None:
    data = {"a": [0.0, 1.0, 2.0, 3.0], "b": [2.0]}
    found = scores.performance_profile(data, [-1.0, 0.0, 2.0, 9.0])
    assert [p.value for p in found] == [1.0, 0.875, 0.125, 0.0]
    assert found[1].low < 0.875 < found[1].high
    assert found[0] == (1, 1, 1)


def test_the_t_interval_is_scipys() -> None:
    values = [1.0, 2.5, 2.0, 4.0, 3.0]
    found = scores.mean_summary([*values, None])
    theirs = stats.t.interval(0.95, 4, np.mean(values), stats.sem(values))
    assert found["ci95"] == pytest.approx(theirs)
    assert found["values"] == [*values, None]


@pytest.mark.parametrize("bad", [[], [1.0, float("nan")], [float("inf")]])
def test_scores_that_are_none(bad: list[float]) -> None:
    with pytest.raises(OntogymError):
        scores.iqm(bad)
    with pytest.raises(OntogymError):
        scores.bootstrap_interval({"a": bad})
    with pytest.raises(OntogymError):
        scores.bootstrap_interval({})
    with pytest.raises(OntogymError, match="one row per life"):
        scores.first_episode([1.0, 2.0])


def test_a_paired_test_is_scipys():
    rng = np.random.default_rng(0)
    b = rng.uniform(0.5, 0.9, 60)
    a = b * (1.04 + 0.02 * rng.standard_normal(60))
    found = scores.paired_test(a, b)
    assert found.n == 60
    assert found.p_two_sided == pytest.approx(stats.wilcoxon(a, b).pvalue)
    assert found.p_greater == pytest.approx(found.p_two_sided / 2, rel=0.1)
    assert found.p_shapiro == pytest.approx(stats.shapiro(a - b).pvalue)
    assert found.median_percent == pytest.approx(4, abs=1)
    assert found.median_difference == pytest.approx(np.median(a - b))
    assert scores.paired_test(b, a).p_greater > 0.99


def test_equal_pairs_differ_in_nothing():
    found = scores.paired_test(np.full(8, 0.5), np.full(8, 0.5))
    assert (found.p_two_sided, found.p_greater, found.median_percent) == (1, 1, 0)


def test_percent_gain_over_nothing_is_nothing():
    np.testing.assert_allclose(scores.percent_gain([1.1, 0.5, 3.0], [1.0, 1.0, 0.0]), [10, -50, 0])


def test_an_interval_knows_of_differences_between_seeds():
    rng = np.random.default_rng(1)
    alike = [5 + rng.standard_normal(60) for _ in range(3)]
    apart = [x + shift for x, shift in zip(alike, (-4, 0, 4))]
    one, two = scores.median_interval(alike), scores.median_interval(apart)
    assert one.value == pytest.approx(np.mean([np.median(x) for x in alike]))
    assert one.low < one.value < one.high
    assert one.high - one.low < 1
    assert two.value == pytest.approx(one.value)
    assert two.high - two.low > 4
    assert scores.median_interval(alike) == one


def test_pairs_and_groups_that_are_none():
    for a, b in (([1.0] * 4, [1.0] * 4), ([1.0] * 6, [1.0] * 5), ([1.0] * 5 + [np.nan], [1.0] * 6)):
        with pytest.raises(OntogymError, match="paired test"):
            scores.paired_test(a, b)
    for groups in ([], [[]], [[1.0], [np.nan]]):
        with pytest.raises(OntogymError, match=r"summarise|NaN"):
            scores.median_interval(groups)


def test_an_interval_over_seeds_and_subjects_adds_what_either_leaves_open() -> None:
    rows, columns = np.array([0.0, 2.0]), np.array([1.0, 2.0, 6.0])
    table = rows[:, None] + columns
    of_rows, of_columns = (scores.mean_summary(list(v))["ci95"] for v in (rows, columns))
    halves = [(high - low) / 2 for low, high in (of_rows, of_columns)]
    found = scores.crossed_interval(table)
    assert found.value == pytest.approx(4.0)
    assert found.high - found.value == pytest.approx(np.hypot(*halves))
    assert scores.crossed_interval(table[:1]).high == pytest.approx(3.0 + halves[1])
    assert scores.crossed_interval([[5.0]]) == (5.0, 5.0, 5.0)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: scores.probability_of_improvement([0, 1, 2], [2, 2, 2]), "a mapping from task"),
        (lambda: scores.bootstrap_interval([1.0, 2.0]), "a mapping from task"),
        (lambda: scores.performance_profile([1.0, 2.0], [0]), "a mapping from task"),
        (
            lambda: scores.paired_difference("m", [1.0, 2.0, 9.0], [1.0, 1.0], "x"),
            "3 and 2 values make no pairs",
        ),
        (lambda: scores.mean_interval([1, 2, 3], confidence=-1), "confidence is -1"),
        (lambda: scores.mean_interval([1, 2, 3], confidence=1.5), "confidence is 1.5"),
        (lambda: scores.mean_interval([1, 2, 3], weights=[0, 0, 0]), "not all 0"),
        (lambda: scores.mean_interval([1, 2, 3], weights=[1, 1]), "2 weights for 3 values"),
        (lambda: scores.mean_interval(["a"]), "Scores are numbers"),
        (lambda: scores.mean_interval([1, 2], resamples=0), "resamples is 0"),
    ],
)
def test_what_cannot_be_summarised_is_refused(call, sentence) -> None:
    with pytest.raises(OntogymError, match=sentence):
        call()


def test_a_seed_that_is_not_finite_is_one_that_failed() -> None:
    assert scores.mean_summary([1.0, float("nan"), 3.0])["mean"] == 2.0
