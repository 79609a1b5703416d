"""What rows are sorted by."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ontogym.leaderboard.board import Row, make_board
from ontogym.leaderboard.suites import get_task
from tests.leaderboard import boards


def row(label: str, score: float, **others: Any) -> Row:
    numbers = dict.fromkeys(("low", "high", "first_episode", "last_episode"), score)
    costs: dict[str, Any] = {"env_steps": 1.0, "wall_seconds": 1.0, "status": "verified", "entries": []}
    return Row("s", "t", label, 1, score, adaptation=None, wiring_cost=None, **numbers, **costs | others)


def test_returns_are_never_sorted_among_shares() -> None:
    rows = [
        row("a return alone", 500.0, ranked_by="regained"),
        row("half regained", 300.0, ranked_by="regained", regained=0.5),
        row("nothing regained", 250.0, ranked_by="regained", regained=0.0),
        row("claimed", 500.0, ranked_by="regained", regained=1.0, status="claimed"),
    ]
    found = [each.label for each in sorted(rows, key=lambda each: each.rank)]
    assert found == ["half regained", "nothing regained", "a return alone", "claimed"]
    scores = [row("low", 1.0), row("high", 2.0)]
    assert [each.label for each in sorted(scores, key=lambda each: each.rank)] == ["high", "low"]
    whole = [
        row(label, score, ranked_by="regained", regained=1.0) for label, score in (("a", 450.0), ("b", 500.0))
    ]
    assert [each.label for each in sorted(whole, key=lambda each: each.rank)] == ["b", "a"]


def test_nobody_regains_more_than_a_change_costs() -> None:
    """An agent that was poor before a change and is better after it counts as one that regains all."""
    entries = boards.make_board(["late", "steady"], seeds=2).entries
    measures = {("late", 0): 2.7, ("late", 1): 0.2, ("steady", 0): 0.9, ("steady", 1): 0.9}
    shares = [
        replace(e, ranked="regained", measure=measures[e.label, e.seed])
        for e in entries
        if e.task == entries[0].task
    ]
    rows = {each.label: each.regained for each in make_board(shares).rows if each.task}
    assert rows == {"late": pytest.approx(0.6), "steady": pytest.approx(0.9)}


def test_flips_in_every_episode_are_ranked_by_the_return() -> None:
    """No episode of an agent that never falls is wholly under one rule there, so that nothing is *regained*."""
    often, once = (get_task("nonstationary", 2, f"CartPoleActionFlip{kind}") for kind in ("Often-v0", "-v1"))
    assert (often.ranked, once.ranked) == ("score", "regained")
