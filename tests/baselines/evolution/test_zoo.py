"""The agents that ship with the package still do what they were shipped for."""

from __future__ import annotations

import numpy as np
import pytest

from ontogym.baselines.evolution.agent_files import ZOO, load_agent
from ontogym.baselines.lives.life import reevaluate
from ontogym.envs import anchors, conditions

NAMES = sorted(path.stem for path in ZOO.glob("*.safetensors"))

LEAST = {
    # About three standard errors of so few lives below the score on 96.
    "lndp-cartpole": 475.0,
    "lndp-acrobot": -110.0,
    "lndp-foraging": 440.0,
    "lndp-foraging-reward-only": 380.0,
    "lndp-pendulum": -480.0,
    "lndp-flips": 385.0,
    "lndp-rewires": 240.0,
    "lndp-rewires-sparse": 230.0,
    "lndp-sparse": 480.0,
}


def score(name: str, lives: int = 16, clamp: float | None = None) -> float:
    saved = load_agent(f"zoo:{name}")
    spec = saved.spec(reward_clamp=clamp, conditions=tuple(conditions(saved.env)))
    return float(reevaluate(saved.build(), saved.genome, spec, lives, 12345)["mean"])


@pytest.mark.parametrize("name", NAMES)
def test_a_zoo_agent_still_solves_its_task(name: str) -> None:
    assert score(name) >= LEAST[name]
    assert LEAST[name] > anchors(load_agent(f"zoo:{name}").env)[0]


def test_the_reward_only_forager_learns_from_reward() -> None:
    """Told a reward of zero it falls back to what a blind agent earns."""
    assert abs(score("lndp-foraging-reward-only", 32, 0.0) - 250) < 30


def test_every_threshold_has_its_agent() -> None:
    assert set(NAMES) == set(LEAST)
    assert all(np.isfinite(load_agent(f"zoo:{name}").genome).all() for name in NAMES)
