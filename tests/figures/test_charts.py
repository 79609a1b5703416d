"""Curves and charts: the right pixels for the right numbers, whatever the numbers are."""

from __future__ import annotations

import re

import numpy as np
import pytest

from ontogym.errors import OntogymError
from ontogym.figures.charts import MOST_LINES, draw_chart
from ontogym.figures.curves import Curve, curve_figure, mean_curve, points


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
    series = [Curve("up", np.array([0.0, 100.0]), np.array([0.0, 10.0]))]
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
    chart = draw_chart("t", [Curve("a", np.array(x), np.array(y))], "steps", "score")
    assert chart is not None
    assert "nan" not in repr(chart)


def test_more_lines_than_can_be_told_apart_are_in_the_table_only():
    series = [Curve(f"a{k}", np.array([0.0, 1.0]), np.array([0.0, k])) for k in range(MOST_LINES + 3)]
    chart = draw_chart("t", series, "steps", "score")
    assert chart is not None
    assert (len(chart.lines), chart.hidden, len(chart.rows)) == (MOST_LINES, 3, MOST_LINES + 3)
    assert draw_chart("t", [], "steps", "score") is None


def test_rows_may_bring_their_own_intervals_and_both_drawings_show_the_same():
    rows = [[0, 1.0, 0.5, 1.5], [10, 2.0, 1.0, 3.0], [20, 3], [5, float("inf"), 0, 0]]
    assert points(rows).shape == (2, 4)
    curve = mean_curve("a", [rows])
    assert curve is not None
    np.testing.assert_array_equal(np.stack(curve[1:]), [[0, 10], [1, 2], [0.5, 1], [1.5, 3]])
    np.testing.assert_array_equal(points(np.array(rows[:2], np.float32)), points(rows))
    axes = curve_figure({"a": [rows]}, "steps", "score", {"random": 0.0}).axes[0]
    np.testing.assert_array_equal(axes.get_lines()[0].get_xydata(), [[0, 1], [10, 2]])
    band = axes.collections[0].get_paths()[0].vertices
    assert (band[:, 1].min(), band[:, 1].max()) == (0.5, 3.0)
    chart = draw_chart("t", [curve], "steps", "score")
    assert chart is not None
    assert chart.lines[0].band
    with pytest.raises(OntogymError, match="nothing to draw"):
        curve_figure({"a": [[]]}, "steps", "score")


def test_equal_figures_are_equal_files():
    from ontogym.figures.style import figure_bytes

    draw = lambda: figure_bytes(curve_figure({"a": [[[0, 1], [1, 2]]]}, "steps", "score"), "svg")  # noqa: E731
    assert draw() == draw()
