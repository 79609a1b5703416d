"""What can be let live: an agent with one genome, or an actor that is whole as it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.agents.base import Actor, Agent
from ontogym.agents.individuals import Individuals
from ontogym.baselines.lives.life import LifeResult, LifeSpec, live, live_actor
from ontogym.baselines.lives.rollout import Watcher

__all__ = ["Player"]


class Player(NamedTuple):
    """An agent and the genome that it lives with ``(D,)``, or an actor without one."""

    built: Agent[Any] | Actor[Any]
    genome: NDArray[np.float64] | None = None

    def live(
        self, spec: LifeSpec, seeds: NDArray[np.uint64], trace: bool = False, watchers: Sequence[Watcher] = ()
    ) -> LifeResult:
        """Let it live every life: returns ``(1, L, E)``; arguments as in `ontogym.baselines.lives.life.live`."""
        if isinstance(self.built, Agent):
            assert self.genome is not None
            return live(self.built, self.genome, spec, seeds, trace, watchers)
        return live_actor(self.built, spec, seeds, trace, watchers)

    def actor(self, lanes: int, spec: LifeSpec) -> Actor[Any]:
        """It as the actor of so many lanes."""
        if isinstance(self.built, Agent):
            assert self.genome is not None
            return Individuals(
                self.built, np.repeat(self.genome[None], lanes, axis=0), spec.imposed_development
            )
        return self.built
