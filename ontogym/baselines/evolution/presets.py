"""What evolves well where: settings per environment, as an RL Zoo keeps hyper-parameters.

A preset holds fields of `EvolutionConfig`; its `agent_options` are those of the LNDP. The command line starts from
them, and a flag overrides. How the numbers were found: docs/experiments/lndp.md; what the others reach: docs/leaderboard.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["PRESETS", "preset"]

_FORAGING: dict[str, Any] = {
    # Position as one of five sensors: as one number, only its size tells the places apart.
    "env_kwargs": {"observation": "one-hot"},
    # Half the goals can be met blindly, so the worse goal must count, on enough births to see it.
    "utility": "min",
    "population": 128,
    "lives": 8,
    "generations": 150,
    "eval_every": 5,
    # Without it pruning wins in the first generations, and an empty network cannot be selected for anything.
    "agent_options": {"growth_bias": 2.0},
}

_CARTPOLE: dict[str, Any] = {"lives": 2, "generations": 100, "eval_every": 5, "target": 475.0}
_CHANGING: dict[str, Any] = {"lives": 2, "generations": 40, "eval_every": 5, "target": None}

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "ontogym/CartPole-v1": _CARTPOLE,
    "ontogym/Acrobot-v1": {"lives": 2, "generations": 60, "eval_every": 5, "target": -100.0},
    "ontogym/Pendulum-v1": {
        "population": 128,
        "lives": 6,
        "episodes": 1,
        "generations": 600,
        "eval_every": 20,
        # Some lives fail altogether, so that 32 of them say little.
        "eval_lives": 96,
        "target": -300.0,
        # Without a bias a network of tanh answers the mirrored observation with the mirrored torque, and the best
        # torque asks for the opposite: on both sides of a circle it may not tell up from down by its cosine.
        # Velocities reach 8 and rewards -16: raw, they saturate every node and every edge.
        "agent_options": {"growth_bias": 2.0, "scale_observations": True, "reward_scale": 0.1, "bias": True},
    },
    "ontogym/Foraging-v0": {**_FORAGING, "target": 450.0},
    "ontogym/ForagingRewardOnly-v0": {**_FORAGING, "target": 400.0},
    "ontogym/ForagingSwitch-v0": {**_FORAGING, "target": 350.0, "generations": 80},
    "ontogym/ForagingGoalSwap-v0": {
        **_FORAGING,
        "env_kwargs": {},
        "generations": 60,
        "target": None,
        "agent_options": {"growth_bias": 2.0, "scale_observations": True},
    },
    "ontogym/CartPoleDrift-v0": _CARTPOLE,
    "ontogym/CartPoleSensorFlip-v0": _CHANGING,
    "ontogym/CartPoleSensorPermute-v0": _CHANGING,
    "ontogym/CartPoleActionFlip-v0": _CHANGING,
    "ontogym/DeNovoChoice-v0": {"lives": 4, "generations": 40, "eval_every": 5, "target": 475.0},
    "ontogym/SharedForaging-v0": {
        "lives": 4,
        "episodes": 1,
        "generations": 60,
        "eval_every": 5,
        "target": None,
    },
}


def preset(env_id: str) -> dict[str, Any]:
    """The settings for an environment, empty if there are none; a copy that may be changed."""
    found = PRESETS.get(env_id, {})
    return {key: dict(value) if isinstance(value, Mapping) else value for key, value in found.items()}
