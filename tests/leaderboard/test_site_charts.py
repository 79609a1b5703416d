"""Charts: the right pixels for the right numbers, whatever the numbers are."""

from __future__ import annotations

import re

import numpy as np
import pytest

from ontogym.leaderboard.site.charts import (
    INTERVAL_WIDTH,
    MOST_SERIES,
    Series,
    draw_chart,
    draw_interval,
    interval_span,
    mean_curve,
)


def test_an_interval_is_drawn_to_scale():
    drawn = draw_interval(0.5, 0.25, 1.0, (0.0, 1.0), (0.0, 1.0))
    assert drawn is not None
    inside = INTERVAL_WIDTH - 8
    assert (drawn.low, drawn.middle, drawn.high) == (4 + inside / 4, 4 + inside / 2, 4 + inside)
    assert drawn.anchors == [4.0, 4.0 + inside]
    assert drawn.text == "0.250 to 1.00"


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), 1e300])
def test_what_is_no_number_is_not_drawn(value):
    assert draw_interval(value, 0.0, 1.0, (0.0, 1.0)) is None
    assert interval_span([value]) == (0.0, 1.0)


def test_an_interval_without_ends_is_its_point():
    drawn = draw_interval(2.0, None, float("nan"), (0.0, 4.0))
    assert drawn is not None
    assert drawn.low == drawn.middle == drawn.high


def test_a_span_holds_values_and_anchors_and_is_never_empty():
    assert interval_span([3.0, None, -1.0], (0.0, 5.0)) == (-1.0, 5.0)
    assert interval_span([2.0, 2.0]) == (1.5, 2.5)


def test_the_mean_of_curves_is_taken_where_all_seeds_have_been():
    curve = mean_curve("a", [[[0, 0], [10, 10]], [[0, 2], [5, 2], [20, 2]]])
    assert curve is not None
    np.testing.assert_allclose(curve.x, [0, 5, 10])
    np.testing.assert_allclose(curve.y, [1, 3.5, 6])
    np.testing.assert_allclose(curve.low, [0, 2, 2])
    np.testing.assert_allclose(curve.high, [2, 5, 10])


def test_damaged_curves_lose_only_what_is_damaged():
    curve = mean_curve("a", [[[0, 1], [5, float("nan")], [3], [4, None], [1e300, 1], [2, 3], [2, 5]], []])
    assert curve is not None
    assert curve.x.tolist() == [0, 2]
    assert curve.y.tolist() == [1, 5]
    assert curve.low is None
    assert mean_curve("a", [[], [[1, float("inf")]]]) is None
    assert mean_curve("a", [[[0, 1], [1, 1]], [[5, 1], [6, 1]]]) is None


def test_a_chart_is_drawn_to_scale_and_says_the_same_in_a_table():
    series = [Series("up", np.array([0.0, 100.0]), np.array([0.0, 10.0]))]
    chart = draw_chart("t", series, "steps", "score", [("optimal", 10.0), ("random", None)])
    assert chart is not None
    points = [tuple(map(float, p.split())) for p in re.findall(r"[\d.]+ [\d.]+", chart.lines[0].path)]
    assert points[0][0] == chart.left
    assert points[1][0] == chart.right
    assert points[0][1] > points[1][1]
    # The optimal return is where the line ends.
    assert [(mark.text, mark.at) for mark in chart.marks] == [("optimal", points[1][1])]
    ticks = {tick.text: tick.at for tick in chart.y_ticks}
    assert ticks["10.0"] == points[1][1]
    assert chart.columns == ["20", "40", "60", "80", "100"]
    assert chart.rows == [("up", ["2.00", "4.00", "6.00", "8.00", "10.0"])]


@pytest.mark.parametrize(("x", "y"), [([3.0], [2.0]), ([0.0, 1.0], [5.0, 5.0]), ([0.0, 0.0], [1.0, 1.0])])
def test_flat_and_single_points_are_drawn(x, y):
    chart = draw_chart("t", [Series("a", np.array(x), np.array(y))], "steps", "score")
    assert chart is not None
    assert "nan" not in repr(chart)


def test_more_lines_than_can_be_told_apart_are_in_the_table_only():
    series = [Series(f"a{k}", np.array([0.0, 1.0]), np.array([0.0, k])) for k in range(MOST_SERIES + 3)]
    chart = draw_chart("t", series, "steps", "score")
    assert chart is not None
    assert (len(chart.lines), chart.hidden, len(chart.rows)) == (MOST_SERIES, 3, MOST_SERIES + 3)
    assert draw_chart("t", [], "steps", "score") is None
