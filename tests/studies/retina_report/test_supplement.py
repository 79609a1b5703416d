"""Tests of the supplementary figures, against numbers worked out elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from ontogym.errors import OntogymError
from ontogym.studies.retina_report.supplement import PUBLISHED, cells_of, mean_responses, nemenyi, served


def test_nemenyi_is_demsars_critical_difference():
    """With 4 treatments in 14 blocks two mean ranks differ at p = .05 when 2.569 standard errors apart (table 5)."""
    rng = np.random.default_rng(0)
    table = rng.normal(size=(14, 4)) + np.arange(4)
    rank = np.argsort(np.argsort(table, axis=1), axis=1).mean(0)
    apart = np.abs(rank[:, None] - rank) / np.sqrt(4 * 5 / (6 * 14))
    found = nemenyi(table)
    assert ((found < 0.05) == (apart > 2.569)).all()
    np.testing.assert_allclose(np.diag(found), 1)
    np.testing.assert_allclose(found, found.T)


def test_responses_that_differ_and_that_do_not():
    rng = np.random.default_rng(1)
    high = rng.gamma(4, 1, 40)
    found = mean_responses({"high": high, "actor": high + rng.normal(0, 0.01, 40), "average": high - 1})
    assert found["friedman_p"] < 1e-6
    assert found["nemenyi"]["high, average"] < 0.001
    assert found["nemenyi"]["actor, average"] < 0.001
    assert found["nemenyi"]["high, actor"] > 0.1
    assert set(found["nemenyi"]) == set(PUBLISHED["nemenyi"])


def test_who_is_served():
    sign, size = cells_of([1000, 1001])
    assert len(sign) == len(size) == 120
    assert set(np.unique(sign)) <= {-1.0, 0.0, 1.0}
    assert 120 < size.min() < size.max() < 390
    alike = served(np.linspace(0, 1, 120) % 0.17, sign, size)
    assert alike["on_off_p"] > 0.05
    assert served(np.where(sign > 0, 0.1, 0.0), sign, size)["on_off_p"] < 1e-6
    larger = served(1e-3 * size, sign, size)
    assert larger["size_r"] == pytest.approx(1)
    assert larger["size_p"] < 1e-6
    with pytest.raises(OntogymError, match="one for each"):
        served(np.zeros(60), sign, size)
