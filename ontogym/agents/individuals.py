"""Genomes of one agent, alive: an `Agent` and the genomes of its lanes as the `Actor` that a rollout takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.agents.base import Actor, Agent, Feedback, NetworkSnapshot
from ontogym.developmental.spontaneous import make_source
from ontogym.errors import OntogymError
from ontogym.registry import SPONTANEOUS
from ontogym.seeding import GOLDEN, mix64

__all__ = ["Development", "Individuals", "IndividualsState", "life_stream"]


class Development(NamedTuple):
    """The developmental phase: a source of spontaneous activity, for how many steps, and the source's options."""

    source: str
    steps: int
    options: Mapping[str, Any] | tuple[str, ...] = ()


class IndividualsState(NamedTuple):
    """State of the agent; its last input ``(P, O)`` and motor output ``(P, A)``."""

    agent: Any
    observation: NDArray[np.float32] | None = None
    motor: NDArray[np.float32] | None = None


def life_stream(seeds: NDArray[np.uint64], index: int) -> NDArray[np.uint64]:
    """Independent seeds number `index` under each of `seeds`: 0 birth, 1 development, 2 + e episode e.

    The number after the last episode's is that of the life itself: what a changing world draws once a life.
    """
    with np.errstate(over="ignore"):
        return mix64(seeds + GOLDEN * np.uint64(index + 1))


class Individuals(Actor[IndividualsState]):
    """One agent's genomes, one a lane: born, developed, and then living.

    Args:
        agent: built for the spaces of one environment.
        genomes: ``(P, D)``.
        development: the developmental phase; None takes the agent's own, if it has one.
    """

    def __init__(
        self, agent: Agent[Any], genomes: NDArray[np.floating], development: Development | None = None
    ) -> None:
        self.agent, self.genomes = agent, np.atleast_2d(genomes)
        self.observation_space, self.action_space = agent.observation_space, agent.action_space
        self.hears = agent.hears
        if development is None and agent.development is not None:
            development = Development(agent.development, agent.development_steps, agent.development_options)
        if development is not None and development.steps < 0:
            raise OntogymError(
                f"Development on {development.source!r} is asked for in {development.steps} steps; give development_steps of 0 or more."
            )
        self.development = development

    def birth(self, seeds: NDArray[np.uint64]) -> IndividualsState:
        """Newborns before any development."""
        return IndividualsState(self.agent.birth(self.genomes, life_stream(seeds, 0)))

    def develop(self, state: IndividualsState, seeds: NDArray[np.uint64]) -> IndividualsState:
        """The newborns after their developmental phase, if they have one."""
        activity = self.spontaneous_activity(seeds)
        return state if activity is None else state._replace(agent=self.agent.develop(state.agent, activity))

    def begin(self, seeds: NDArray[np.uint64]) -> IndividualsState:
        return self.develop(self.birth(seeds), seeds)

    def spontaneous_activity(
        self, seeds: NDArray[np.uint64], episode: int = 0
    ) -> NDArray[np.floating] | None:
        """What the newborns of lives with these seeds develop on ``(T, P, O)``, or None without development.

        `episode`: before which; after the first it is drawn anew for each.

        Raises:
            OntogymError: no such source, or one that does not fit the agent.
        """
        if self.development is None or self.development.steps < 1:
            return None
        name, steps, options = self.development
        source = make_source(SPONTANEOUS.resolve(name), options)
        params = self.agent.development_params(self.genomes)
        channels = self.agent.spaces.n_observations
        needed = source.n_params(channels)
        if needed and (params is None or params.shape[1] != needed):
            raise OntogymError(
                f"The source {name!r} takes {needed} evolved numbers but this agent's genome holds "
                f"{0 if params is None else params.shape[1]}; use the source that the agent was built with."
            )
        streams = life_stream(seeds, 1)
        streams = life_stream(streams, episode) if episode else streams
        return source.sample(steps, streams, channels, params if needed else None)

    def act(
        self, state: IndividualsState, observations: Any, feedback: Feedback, active: NDArray[np.bool_]
    ) -> tuple[NDArray[Any], IndividualsState]:
        seen = self.agent.spaces.observe(observations)
        motor, inner = self.agent.step(state.agent, seen, feedback, active)
        lanes, channels = len(self.genomes), self.agent.spaces.n_actions
        motor = np.asarray(motor)
        if motor.size != lanes * channels or len(motor) != lanes:
            raise OntogymError(
                f"step of the agent {type(self.agent).__name__} gave {motor.dtype} of shape {motor.shape}; return a float32 NumPy array of "
                f"shape {(lanes, channels)}, a row for each member (ontogym.testing.check_agent looks an agent over)."
            )
        motor = motor.reshape(lanes, channels)
        return self.agent.spaces.act(motor), IndividualsState(inner, seen, motor)

    def end_episode(
        self, state: IndividualsState, observations: Any, feedback: Feedback, ended: NDArray[np.bool_]
    ) -> IndividualsState:
        if type(self.agent).end_episode is Agent.end_episode:
            return state
        seen = self.agent.spaces.observe(observations)
        return state._replace(agent=self.agent.end_episode(state.agent, seen, feedback, ended))

    def foresee(self, state: IndividualsState, what: str) -> IndividualsState:
        return state._replace(agent=self.agent.foresee(state.agent, what))

    def freeze(self, state: IndividualsState, what: str) -> IndividualsState:
        return state._replace(agent=self.agent.freeze(state.agent, what))

    def develop_again(
        self, state: IndividualsState, seeds: NDArray[np.uint64], episode: int
    ) -> IndividualsState:
        activity = self.spontaneous_activity(seeds, episode)
        if activity is None:
            return super().develop_again(state, seeds, episode)
        return state._replace(agent=self.agent.develop(state.agent, activity))

    def shuffle_wiring(self, state: IndividualsState, seeds: NDArray[np.uint64]) -> IndividualsState:
        # Streams of episodes before any: 0 of the one that development draws from.
        return state._replace(
            agent=self.agent.shuffle_wiring(state.agent, life_stream(life_stream(seeds, 1), 0))
        )

    def network(self, state: IndividualsState, row: int = 0) -> NetworkSnapshot:
        return self.agent.network(state.agent, row)

    def rewired(self, state: IndividualsState) -> NDArray[np.floating] | None:
        return self.agent.rewired(state.agent)

    def wired(self, state: IndividualsState) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        return self.agent.wired(state.agent)

    def diagnose(self, state: IndividualsState) -> dict[str, NDArray[np.floating]]:
        return self.agent.diagnose(state.agent)
