"""Intervals in tables: the right pixels for the right numbers, whatever the numbers are."""

from __future__ import annotations

import pytest

from ontogym.leaderboard.site.intervals import INTERVAL_WIDTH, draw_interval, interval_span


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
