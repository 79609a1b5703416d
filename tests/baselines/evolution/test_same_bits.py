"""The same bits in this process and in pools of one, two and three workers, one of them killed on the way."""

from __future__ import annotations

import pytest

from tests.baselines.evolution.same_bits import AGENTS, DyingPool, assert_same, run


@pytest.mark.slow
@pytest.mark.parametrize("agent", AGENTS)
def test_ten_generations_in_pools_of_any_size_with_workers_killed(agent):
    here = run(agent, evaluator="process")
    assert here.env_steps > 10 * 192
    for workers, slices in ((1, 16), (2, 4), (3, 16)):
        assert_same(here, run(agent, evaluator="pool", workers=workers, slices=slices))
    DyingPool.deaths = 0
    assert_same(here, run(agent, evaluator=f"{DyingPool.__module__}:DyingPool", workers=2))
    assert DyingPool.deaths == 2


def test_a_run_may_go_on_elsewhere(tmp_path):
    whole = run("mlp", out=str(tmp_path / "whole"))
    run("mlp", out=str(tmp_path / "cut"), generations=5)
    assert_same(whole, run("mlp", resume=True, out=str(tmp_path / "cut"), evaluator="pool", workers=2))
