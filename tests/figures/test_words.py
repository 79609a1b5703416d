"""Numbers as pages and axes say them."""

from __future__ import annotations

import pytest

from ontogym.figures.words import NO_NUMBER, budget, duration, number, share


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, NO_NUMBER),
        (float("nan"), NO_NUMBER),
        (float("inf"), NO_NUMBER),
        (0.0, "0"),
        (-0.0, "0"),
        (-0.000932, "−0.000932"),
        (-0.00001, "−1.00e−05"),
        (0.5, "0.500"),
        (0.0412, "0.0412"),
        (-3.14159, "−3.14"),
        (42.0, "42.0"),
        (499.6, "500"),
        (123456.0, "123456"),
        (2.5e9, "2.50e+09"),
    ],
)
def test_numbers(value, shown):
    assert number(value) == shown


def test_steps_and_times():
    assert [budget(v) for v in (None, 950, 12_500, 3_200_000, 4e9)] == [
        NO_NUMBER,
        "950",
        "12.5 k",
        "3.2 M",
        "4 G",
    ]
    assert [duration(v) for v in (None, 42, 210, 7560)] == [NO_NUMBER, "42 s", "3.5 min", "2.1 h"]


def test_normalised_scores_have_three_decimals():
    assert [share(v) for v in (0.8852, -0.000932, 0.00827, -0.0001, -26.04, None)] == [
        "0.885", "−0.001", "0.008", "0.000", "−26.0", NO_NUMBER,
    ]  # fmt: skip
