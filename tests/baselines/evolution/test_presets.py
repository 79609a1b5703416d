"""Presets are settings that can be, and those of the networks stay when a flag names something else."""

from __future__ import annotations

import pytest

from ontogym.baselines.evolution.config import EvolutionConfig, life_spec
from ontogym.baselines.evolution.presets import NETWORK_PRESETS, NETWORKS, PRESETS, preset
from ontogym.registry import AGENTS


@pytest.mark.parametrize("env", sorted({*PRESETS, *NETWORK_PRESETS}))
def test_every_preset_is_a_run(env: str) -> None:
    for agent in ("lndp", *NETWORKS):
        assert agent in AGENTS
        life_spec(EvolutionConfig(**{**preset(env, agent), "env": env, "agent": agent}))


def test_networks_have_their_own() -> None:
    assert preset("ontogym/Foraging-v0", "gru")["agent_options"] == {"reward_scale": 0.1}
    assert preset("ontogym/Foraging-v0")["agent_options"] == {"io_identity": True, "growth_bias": 2.0}
    assert preset("ontogym/Foraging-v0", identity=False)["agent_options"] == {"growth_bias": 2.0}
    assert preset("ontogym/NoSuch-v0", "mlp") == {"sigma": 0.5, "population": 64, "eval_every": 5}


def test_a_genome_to_start_at_is_only_for_the_agent_that_has_it():
    env = "ontogym/CartPoleActionFlip-v1"
    assert preset(env)["start_from"] == "zoo:lndp-cartpole"
    assert "start_from" not in preset(env, "plastic")
    assert "start_from" not in preset(env, "trace")
