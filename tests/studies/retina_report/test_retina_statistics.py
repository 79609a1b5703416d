"""Paired tests, medians with intervals, fits of kernels: against scipy and against what was put in."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import shapiro, wilcoxon

from ontogym.errors import OntogymError
from ontogym.studies.retina_report.statistics import (
    fit_difference_of_gaussians,
    median_interval,
    paired_test,
    percent_gain,
)


def test_a_paired_test_is_scipys():
    rng = np.random.default_rng(0)
    b = rng.uniform(0.5, 0.9, 60)
    a = b * (1.04 + 0.02 * rng.standard_normal(60))
    found = paired_test(a, b)
    assert found.n == 60
    assert found.p_two_sided == pytest.approx(wilcoxon(a, b).pvalue)
    assert found.p_greater == pytest.approx(found.p_two_sided / 2, rel=0.1)
    assert found.p_shapiro == pytest.approx(shapiro(a - b).pvalue)
    assert found.median_percent == pytest.approx(4, abs=1)
    assert found.median_difference == pytest.approx(np.median(a - b))
    assert paired_test(b, a).p_greater > 0.99


def test_equal_pairs_differ_in_nothing():
    found = paired_test(np.full(8, 0.5), np.full(8, 0.5))
    assert (found.p_two_sided, found.p_greater, found.median_percent) == (1, 1, 0)


def test_percent_gain_over_nothing_is_nothing():
    np.testing.assert_allclose(percent_gain([1.1, 0.5, 3.0], [1.0, 1.0, 0.0]), [10, -50, 0])


def test_an_interval_knows_of_differences_between_seeds():
    rng = np.random.default_rng(1)
    alike = [5 + rng.standard_normal(60) for _ in range(3)]
    apart = [x + shift for x, shift in zip(alike, (-4, 0, 4))]
    one, two = median_interval(alike), median_interval(apart)
    assert one.value == pytest.approx(np.mean([np.median(x) for x in alike]))
    assert one.low < one.value < one.high
    assert one.high - one.low < 1
    assert two.value == pytest.approx(one.value)
    assert two.high - two.low > 4
    assert median_interval(alike) == one


@pytest.mark.parametrize("polarity", [1, -1])
def test_a_mexican_hat_is_found_in_noise(polarity):
    at = np.arange(31)
    square = (at - 15.5) ** 2 + (at[:, None] - 14.5) ** 2
    hat = np.exp(-square / (2 * 2.0**2)) - 0.8 / 9 * np.exp(-square / (2 * 6.0**2))
    noise = np.random.default_rng(2).standard_normal((31, 31))
    found = fit_difference_of_gaussians(polarity * 0.01 * (hat + 0.02 * noise) + 0.001)
    assert found.polarity == polarity
    assert found.centre_sigma == pytest.approx(2, rel=0.1)
    assert found.surround_sigma == pytest.approx(6, rel=0.2)
    assert found.surround == pytest.approx(0.8, abs=0.2)
    assert (found.x, found.y) == (pytest.approx(15.5, abs=0.2), pytest.approx(14.5, abs=0.2))
    assert found.r2 > found.r2_gaussian > 0.3
    assert found.mexican_hat


def test_neither_a_gaussian_nor_noise_is_a_mexican_hat():
    at = np.arange(31) - 15
    rng = np.random.default_rng(3)
    gaussian = np.exp(-(at**2 + at[:, None] ** 2) / 18) + 0.02 * rng.standard_normal((31, 31))
    found = fit_difference_of_gaussians(gaussian)
    assert not found.mexican_hat
    assert found.r2_gaussian > 0.9
    assert fit_difference_of_gaussians(rng.standard_normal((31, 31))).r2 < 0.1


def test_bad_input_is_a_clear_error():
    for a, b in (([1.0] * 4, [1.0] * 4), ([1.0] * 6, [1.0] * 5), ([1.0] * 5 + [np.nan], [1.0] * 6)):
        with pytest.raises(OntogymError, match="paired test"):
            paired_test(a, b)
    for groups in ([], [[]], [[1.0], [np.nan]]):
        with pytest.raises(OntogymError, match="interval needs"):
            median_interval(groups)
    for kernel in (np.zeros((9, 9)), np.zeros((9, 8)), np.full((9, 9), np.nan)):
        with pytest.raises(OntogymError, match="kernel to fit"):
            fit_difference_of_gaussians(kernel)
