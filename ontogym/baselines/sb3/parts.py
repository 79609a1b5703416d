"""The parts of a dictionary of observations that a network reads; for the others it has no weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor

from ontogym.agents.spaces import parts_of

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
        chosen = parts_of(observation_space, keys)
        assert isinstance(chosen, spaces.Dict)
        self.keys = tuple(chosen.spaces)
        super().__init__(observation_space, spaces.flatdim(chosen))

    def forward(self, observations: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """The parts ``(B, features)`` of what SB3 has preprocessed."""
        return torch.cat([observations[key].flatten(1) for key in self.keys], 1)
