"""What a population meets in life, kept by a watcher: the input of `ontogym.agents.lndp.diagnostics`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.agents.base import Agent
from ontogym.agents.individuals import Individuals
from ontogym.agents.lndp.diagnostics import Experience, experience_seeds
from ontogym.baselines.lives.lanes import lanes_of
from ontogym.baselines.lives.life import lane_options
from ontogym.baselines.lives.rollout import Moment, Watcher, rollout
from ontogym.baselines.lives.spec import LifeSpec
from ontogym.errors import OntogymError

__all__ = ["record"]


def record(
    agent: Agent[Any], genomes: NDArray[np.floating], spec: LifeSpec, steps: int, seed: int = 0
) -> Experience:
    """What these genomes meet when each lives one life, over the ends of episodes.

    Args:
        agent: built for the spaces of `spec.env`.
        genomes: ``(P, D)``.
        spec: what a life is; give it episodes enough.
        steps: T; less if some life is over earlier.
        seed: decides births and environments.

    Raises:
        OntogymError: a life of fewer than two steps.
    """
    genomes = np.atleast_2d(genomes)
    lanes, diary = lanes_of(spec.env, len(genomes), spec.env_kwargs), _Diary()
    actor = Individuals(agent, genomes, spec.imposed_development)
    seeds = experience_seeds(seed, len(genomes))
    rollout(actor, lanes, spec, seeds, lane_options(spec, len(genomes), 1), [diary])
    lived = np.stack(diary.active)
    length = min(steps, int(lived.sum(0).min()))
    if length < 2:
        raise OntogymError(
            f"A life of {length} steps shows nothing; give more episodes (there are {spec.episodes})."
        )

    def first_steps(kept: list[NDArray[Any]]) -> NDArray[Any]:
        whole = np.stack(kept)
        return np.stack([whole[lived[:, k], k][:length] for k in range(len(genomes))], 1)

    return Experience(first_steps(diary.observations), first_steps(diary.told).astype(np.float64))


class _Diary(Watcher):
    """Observations, told rewards and who was alive, at every step."""

    def __init__(self) -> None:
        self.observations: list[NDArray[Any]] = []
        self.told: list[NDArray[Any]] = []
        self.active: list[NDArray[np.bool_]] = []

    def acted(self, moment: Moment) -> None:
        self.observations.append(moment.state.observation.copy())
        self.told.append(moment.feedback.reward.copy())
        self.active.append(moment.active.copy())
