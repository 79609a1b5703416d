"""Fits of kernels against what was put in."""

from __future__ import annotations

import numpy as np
import pytest

from ontogym.errors import OntogymError
from ontogym.studies.retina_report.kernel_fits import fit_difference_of_gaussians


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
    for kernel in (np.zeros((9, 9)), np.zeros((9, 8)), np.full((9, 9), np.nan)):
        with pytest.raises(OntogymError, match="kernel to fit"):
            fit_difference_of_gaussians(kernel)
