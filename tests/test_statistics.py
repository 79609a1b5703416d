"""Aggregate scores: cases with known answers, and those that rliable publishes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ontogym import statistics as scores
from ontogym.errors import OntogymError

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


def test_innate_learned_and_adapted() -> None:
    lives = [[10, 30, 50, 5, 20, 40], [20, 40, 60, 15, 30, 50]]
    assert scores.first_episode(lives) == 15
    assert scores.last_episode(lives) == 45
    found = scores.adaptation(lives, 3)
    assert found == (55, 10, 45)
    assert found.regained == 35
    for switch in (0, 5, 6):
        with pytest.raises(OntogymError, match="leaves nothing to compare"):
            scores.adaptation(lives, switch)


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
