"""Changes of the rules scored: lives with known answers."""

from __future__ import annotations

import numpy as np
import pytest

from ontogym.adaptation import PolicyCost, adaptation, changes_met, held_out_normalised, regained
from ontogym.errors import OntogymError

CARTPOLE = PolicyCost(500.0, 9.0)
FLIPS = {(0, 1): CARTPOLE, (1, 0): CARTPOLE}
SCALE = 478.0


def test_regained_tells_the_best_agent_from_one_that_never_adapts():
    assert regained(500, 500, CARTPOLE, SCALE) == 1
    assert regained(500, 9, CARTPOLE, SCALE) == 0
    assert regained(254.5, 254.5, CARTPOLE, SCALE) == 1
    assert regained(500, 254.5, CARTPOLE, SCALE) == 0.5
    assert regained(500, 5, CARTPOLE, SCALE) < 0


def test_nothing_learned_regains_nothing_and_harmless_changes_do_not_count():
    assert (
        regained(22, 22, CARTPOLE, SCALE) == 0
    )  # random actions: never above the floor by a fifth of the scale
    assert regained(9, 9, CARTPOLE, SCALE) == 0
    assert regained(500, 500, PolicyCost(500, 410), SCALE) is None
    assert regained(500, 500, PolicyCost(500, 500 - 0.2 * SCALE), SCALE) == 1
    with pytest.raises(OntogymError, match="give no share"):
        regained(np.nan, 1, CARTPOLE, SCALE)
    with pytest.raises(OntogymError, match="give no share"):
        regained(1, 1, CARTPOLE, 0)


def test_a_b_a_is_scored_at_each_change():
    rules = [[0, 0, 1, 1, 1, 0]] * 2
    earned = [[500, 500, 9, 300, 500, 500], [500, 400, 9, 300, 500, 500]]
    there, back = changes_met(earned, rules, FLIPS, SCALE)
    assert (there.number, there.old, there.new, there.rows) == (1, 0, 1, 2)
    assert (there.before, there.first, there.last, there.floor) == (475, 9, 500, 9)
    assert there.after == pytest.approx((9 + 300 + 500) / 3)
    assert there.regained == pytest.approx((there.after - 9) / (475 - 9))
    assert (back.number, back.old, back.new, back.after) == (2, 1, 0, 500)
    assert back.regained == pytest.approx((500 - 9) / (there.after - 9))
    fixed = changes_met([[500, 500, 9, 9, 9, 500]], rules[:1], FLIPS, SCALE)
    assert [change.regained for change in fixed] == [0, 0]


def test_changes_at_other_times_in_every_row_are_pooled():
    rules = [[0, 1, 1, 1], [0, 0, 0, 1]]
    earned = [[500, 500, 500, 500], [500, 500, 500, 9]]
    (change,) = changes_met(earned, rules, FLIPS, SCALE)
    assert (change.before, change.after, change.rows) == (500, 254.5, 2)
    assert change.regained == 0.5
    # With a window of two, stretches of one entry are no stretch to score.
    assert changes_met(earned, rules, FLIPS, SCALE, window=2) == []
    assert changes_met(earned, np.zeros((2, 4), int), FLIPS, SCALE) == []


def test_steps_of_an_episode_are_scored_like_episodes_of_a_life():
    rules = [[0] * 10 + [1] * 20]
    earned = [[1.0] * 10 + [0.0] * 10 + [1.0] * 10]
    (change,) = changes_met(earned, rules, {(0, 1): PolicyCost(1.0, 0.0)}, 1.0, window=5)
    assert (change.before, change.after, change.first, change.last) == (1, 0.5, 0, 1)
    assert change.regained == 0.5


def test_a_change_without_a_floor_and_rows_that_do_not_fit():
    with pytest.raises(OntogymError, match="no floor for the change from rule 0 to 2"):
        changes_met([[1.0, 1.0]], [[0, 2]], FLIPS, SCALE)
    for bad in (([1.0], [0], 1), ([[1.0]], [[0, 0]], 1), ([[1.0, 2.0]], [[0, 1]], 0), ([[np.nan]], [[0]], 1)):
        with pytest.raises(OntogymError, match=r"do not fit|NaN"):
            changes_met(bad[0], bad[1], FLIPS, SCALE, bad[2])


def test_held_out_normalised_subtracts_the_floor_of_each_world():
    single, told = [500.0, 100.0, 20.0], [500.0, 500.0, 420.0]
    found = held_out_normalised([500, 100, 420], single, told, SCALE)
    assert found.value == 0.5
    np.testing.assert_array_equal(found.worlds, [np.nan, 0, 1])
    assert held_out_normalised(single, single, told, SCALE).value == 0
    assert held_out_normalised(told, single, told, SCALE).value == 1
    assert held_out_normalised([0, 0, 0], single, told, SCALE).value < 0
    for bad in (
        (single[:2], single, told, SCALE),
        (single, single, single, SCALE),
        (told, single, told, np.nan),
    ):
        with pytest.raises(OntogymError):
            held_out_normalised(*bad)


def test_the_measure_of_the_first_suites_is_in_units_of_return():
    lives = [[10, 30, 50, 5, 20, 40], [20, 40, 60, 15, 30, 50]]
    found = adaptation(lives, 3)
    assert found == (55, 10, 45)
    assert found.gain == 35
    for switch in (0, 5, 6):
        with pytest.raises(OntogymError, match="leaves nothing to compare"):
            adaptation(lives, switch)
