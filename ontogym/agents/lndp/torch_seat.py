"""One population on a device, stepped where it stands: what the host tells it goes into memory that never moves."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ontogym.agents.batching import Replayed
from ontogym.agents.lndp.torch_networks import Networks

__all__ = ["Seat"]


Flags = tuple[NDArray[np.bool_] | None, ...]


class Seat:
    """A population and the memory that its steps are told through.

    Args:
        networks: written at every step.
        live: of networks, observation ``(P, I)``, reward ``(P,)``, active ``(P,)`` and flags, ``(P,)`` or None: one step
            in place (`TorchEngine.live`).
        shape: ``(P, I)``.
        said: flags as they will be given; those that are None always will be.
        graphs: whether a GPU may replay the step as a CUDA graph.
    """

    def __init__(
        self, networks: Networks, live: Callable[..., None], shape: tuple[int, ...], said: Flags, graphs: bool
    ) -> None:
        like = networks.nodes
        self.networks = networks

        def flag() -> Tensor:
            return torch.zeros(shape[0], dtype=torch.bool, device=like.device)

        self.flags = [None if part is None else flag() for part in said]
        self.told = like.new_zeros(shape), like.new_zeros(shape[0]), flag()
        self.replayed = Replayed(lambda: live(networks, *self.told, *self.flags), like.device, graphs)

    def fits(self, networks: Networks, said: Flags) -> bool:
        """Whether it holds this population and is told as much."""
        return networks is self.networks and [f is None for f in self.flags] == [f is None for f in said]

    def step(
        self,
        observation: NDArray[np.floating],
        reward: NDArray[np.floating],
        active: NDArray[np.bool_],
        said: Flags,
    ) -> None:
        """One step of the active individuals."""
        for place, values in zip((*self.told, *self.flags), (observation, reward, active, *said)):
            if place is not None and values is not None:
                place.copy_(torch.as_tensor(np.ascontiguousarray(values)))
        self.replayed()
