"""What evolves well where: settings per environment, as an RL Zoo keeps hyper-parameters.

A preset holds fields of `EvolutionConfig`, for the LNDP (and agents without presets of their own) or for the networks
of `ontogym.agents.networks`. The command line starts from them, and a flag overrides. How the numbers were found: docs/experiments/lndp.md; what the others reach: docs/leaderboard.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["NETWORKS", "NETWORK_PRESETS", "PRESETS", "preset"]

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
_BORN_INTO_EITHER: dict[str, Any] = {
    # From an agent that can balance, told of its falls alone, on lives spent before or after the flip: the worse
    # counts. It learns to turn its control round at a fall; how often that works is in docs/experiments/adaptation.md.
    "start_from": "zoo:lndp-cartpole",
    "conditions": ({"episode": 0}, {"episode": 5}),
    "told": "termination",
    "episodes": 3,
    "max_steps": 300,
    "sigma": 0.3,
    "utility": "min",
    "lives": 2,
    "generations": 25,
    "eval_every": 5,
    "eval_lives": 32,
    "final_lives": 32,
    # A life before the flip can earn 300, one after it, with one fall, 203.
    "target": 246.0,
    "agent_options": {"io_identity": True, "reward_scale": 10.0},
}
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
    "ontogym/ForagingGratings-v0": {**_FORAGING, "env_kwargs": {}, "target": 450.0},
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
    "ontogym/CartPoleActionFlip-v1": _BORN_INTO_EITHER,
    "ontogym/DeNovoChoice-v0": {"lives": 4, "generations": 40, "eval_every": 5, "target": 475.0},
    "ontogym/SharedForaging-v0": {
        "lives": 4,
        "episodes": 1,
        "generations": 60,
        "eval_every": 5,
        "target": None,
    },
}


NETWORKS = ("mlp", "rnn", "gru", "hyper", "trace", "local-trace")
"""Agents that `NETWORK_PRESETS` are for."""

_NETWORK: dict[str, Any] = {"sigma": 0.5, "population": 64, "eval_every": 5}
_NETWORK_FORAGING: dict[str, Any] = {
    "env_kwargs": {"observation": "one-hot"},
    "lives": 16,
    "generations": 150,
    # Food is worth 10: beside observations of 0 and 1 it would drown them.
    "agent_options": {"reward_scale": 0.1},
}

NETWORK_PRESETS: Mapping[str, Mapping[str, Any]] = {
    "ontogym/CartPole-v1": {"lives": 2, "generations": 100, "target": 475.0},
    # The targets are what the best agent earns that must find the food out.
    "ontogym/Foraging-v0": {**_NETWORK_FORAGING, "target": 490.0},
    # Its places are seen through a feature extractor (--features). Blindly half the goals are met, so the worse counts.
    "ontogym/ForagingGratings-v0": {
        **_NETWORK_FORAGING,
        "env_kwargs": {},
        "utility": "min",
        "sigma": 0.3,
        "generations": 40,
        "target": 480.0,
    },
    "ontogym/ForagingRewardOnly-v0": {**_NETWORK_FORAGING, "target": 495.0},
    "ontogym/ForagingSwitch-v0": {**_NETWORK_FORAGING, "target": 405.0},
    "ontogym/ForagingGoalSwap-v0": {
        **_NETWORK_FORAGING,
        "env_kwargs": {"task_options": {"observation": "one-hot"}},
        "target": 470.0,
    },
    # Lives as the suite lives them; the worst of them counts, so that no rule is given up for the other.
    "ontogym/CartPoleActionFlip-v1": {
        "lives": 4,
        "episodes": 6,
        "utility": "min",
        "generations": 60,
        "target": 490.0,
    },
}


def preset(env_id: str, agent: str = "lndp", identity: bool = True) -> dict[str, Any]:
    """The settings for an environment; a copy that may be changed. Without any, an LNDP still has its I/O identity.

    Args:
        env_id: the environment.
        agent: name of the agent; those in `NETWORKS` have presets of their own.
        identity: whether an LNDP whose preset does not say has its I/O identity.
    """
    env_id = env_id.rpartition(":")[2]
    found = {**_NETWORK, **NETWORK_PRESETS.get(env_id, {})} if agent in NETWORKS else PRESETS.get(env_id, {})
    # The genome that a search starts at is an LNDP's.
    kept = {key: value for key, value in found.items() if key != "start_from" or agent == "lndp"}
    if identity and agent in ("lndp", "ndp"):
        # Without it an LNDP must find out anew in each life which of its inputs is which: the paper's agent, which
        # the command line offers as --paper.
        kept["agent_options"] = {"io_identity": True, **kept.get("agent_options", {})}
    return {key: dict(value) if isinstance(value, Mapping) else value for key, value in kept.items()}
