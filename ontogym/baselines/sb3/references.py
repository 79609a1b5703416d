"""The floor and the ceiling: policies that need no training.

``random`` acts uniformly, ``constant`` always acts the same, ``reference`` is written by hand for its environment (see
`ontogym.envs.reference`): the ceiling where one is known (foraging, choice), a good controller where none is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gymnasium import spaces

from ontogym.agents.base import Actor
from ontogym.baselines.lives.actors import ByHand, Constant, Random
from ontogym.envs import reference
from ontogym.envs.reference import REFERENCES, reference_of

__all__ = ["FLOORS", "make_floor"]

FLOORS = (*reference.FLOORS, "reference")
"""What can be had without training; "reference" is the policy of `REFERENCES` for the environment, or the one that is named."""


def make_floor(
    options: Mapping[str, Any], observation_space: spaces.Space[Any], action_space: spaces.Space[Any]
) -> Actor[Any]:
    """An actor without weights.

    Args:
        options: ``algorithm`` of `FLOORS`; ``seed`` for random, ``action`` for constant, ``env`` for reference,
            and ``policy`` where not the environment's first is meant.

    Raises:
        OntogymError: an action outside the space, or an environment without a reference, or without that one.
    """
    name = options["algorithm"]
    if name == "random":
        return Random(observation_space, action_space, int(options.get("seed", 0)))
    if name == "constant":
        return Constant(observation_space, action_space, options.get("action"))
    written = REFERENCES[reference_of(str(options.get("env")), options.get("policy"))]
    return ByHand(observation_space, action_space, written.make)
