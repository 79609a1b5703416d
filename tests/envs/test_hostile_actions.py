"""Hostile actions in every environment; ``benchmarks/hostile_actions.py`` is the long form."""

from __future__ import annotations

import pytest

from ontogym.envs.registration import ENTRIES
from tests.hostile_actions import bombard

IDS = [entry.id for entry in ENTRIES.values() if entry.vector_entry_point]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("vector", [False, True], ids=["single", "vector"])
@pytest.mark.parametrize("env_id", IDS)
def test_hostile_actions_are_refused_and_leave_no_trace(env_id: str, vector: bool) -> None:
    assert bombard(env_id, 500, vector) == []
