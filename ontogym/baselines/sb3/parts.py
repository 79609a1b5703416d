"""The parts of a dictionary of observations that a network reads; for the others it has no weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor

from ontogym.errors import OntogymError, UnknownNameError

__all__ = ["Parts"]


class Parts(BaseFeaturesExtractor):
    """Named parts, flattened and joined in the order of the space; SB3's features extractor.

    Args:
        observation_space: a dictionary.
        keys: the parts.

    Raises:
        OntogymError: a space that is no dictionary, or no part. UnknownNameError: a part that it does not have.
    """

    def __init__(self, observation_space: spaces.Space[Any], keys: Sequence[str]) -> None:
        if not isinstance(observation_space, spaces.Dict):
            raise OntogymError(
                f"'observe' names parts of a dictionary of observations, and here they are a "
                f"{type(observation_space).__name__}; leave it out."
            )
        for key in keys:
            if key not in observation_space.spaces:
                raise UnknownNameError("part of the observations", key, observation_space.spaces)
        if not keys:
            raise OntogymError("'observe' names no part; name one or leave it out.")
        self.keys = tuple(key for key in observation_space.spaces if key in keys)
        super().__init__(
            observation_space, sum(spaces.flatdim(observation_space.spaces[key]) for key in self.keys)
        )

    def forward(self, observations: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """The parts ``(B, features)`` of what SB3 has preprocessed."""
        return torch.cat([observations[key].flatten(1) for key in self.keys], 1)
