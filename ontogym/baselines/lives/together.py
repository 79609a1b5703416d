"""Agents of this suite, and Stable-Baselines3's, side by side in one PettingZoo world.

Each place in the world has a `Player`. `LNDPPlayer` is any `ontogym.agents` agent with a genome (an LNDP above all):
born, developed and rewired in the world. `SB3Player` is a trained SB3 model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ontogym.agents.base import Agent
from ontogym.baselines.lives.life import LifeSpec, develop, life_stream
from ontogym.errors import OntogymError

__all__ = ["LNDPPlayer", "Player", "SB3Player", "play"]


class Player(Protocol):
    """What acts in one place of a world."""

    def begin(self, seed: int) -> None:
        """A new life; its chance follows from the seed."""

    def act(self, observation: NDArray[Any], reward: float, done: bool) -> Any:
        """The action for an observation, given the reward of the step before (0 at first)."""


class LNDPPlayer:
    """An agent of this suite with one genome; it learns while it plays.

    Args:
        agent: built for the spaces of its place: ``agent_type(env.observation_space(name), env.action_space(name))``.
        genome: ``(D,)``.
    """

    def __init__(self, agent: Agent[Any], genome: NDArray[np.floating]) -> None:
        self.agent, self.genome = agent, np.atleast_2d(genome)
        self._state: Any = None

    def begin(self, seed: int) -> None:
        lane = np.array([seed], dtype=np.uint64)
        self._state = self.agent.birth(self.genome, life_stream(lane, 0))
        # The agent's own development: the environment named in the description plays no part in it.
        spec = LifeSpec("")
        self._state = develop(self.agent, self._state, self.genome, spec, life_stream(lane, 1))

    def act(self, observation: NDArray[Any], reward: float, done: bool) -> Any:
        if self._state is None:
            raise OntogymError("The player has no life yet; call begin before act.")
        seen = self.agent.spaces.observe(np.asarray(observation)[None])
        told = np.array([reward], dtype=np.float32)
        motor, self._state = self.agent.step(self._state, seen, told, np.array([not done]))
        return self.agent.spaces.act(motor)[0]


class SB3Player:
    """A trained SB3 model; it is told no reward and acts deterministically.

    Args:
        model: anything with SB3's ``predict`` (recurrent policies too).
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self._memory: Any = None
        self._start = True

    def begin(self, seed: int) -> None:
        self._memory, self._start = None, True

    def act(self, observation: NDArray[Any], reward: float, done: bool) -> Any:
        action, self._memory = self.model.predict(
            observation, state=self._memory, episode_start=np.array([self._start]), deterministic=True
        )
        self._start = False
        return action


def play(env: Any, players: Mapping[str, Player], seed: int, episodes: int = 1) -> dict[str, NDArray[Any]]:
    """Let players live one life together in a PettingZoo parallel environment.

    Args:
        env: a `ParallelEnv`.
        players: one for each of ``env.possible_agents``; players must not share one object.
        seed: decides all chance: of the world, and of every player's birth and development.
        episodes: episodes of the life, each in a fresh world; players keep what they have learned.

    Returns:
        Returns ``(episodes,)`` by agent.

    Raises:
        OntogymError: a place without a player, a player for no place, or one player in two places.
    """
    places = list(env.possible_agents)
    if set(players) != set(places) or len({id(p) for p in players.values()}) != len(places):
        raise OntogymError(
            f"Pass one player of its own for each of {places}; players named {sorted(players)} came."
        )
    seeds = np.array([seed], dtype=np.uint64)
    for k, name in enumerate(places):
        players[name].begin(int(life_stream(seeds, 1000 + k)[0] >> np.uint64(1)))
    returns = {name: np.zeros(episodes) for name in places}
    told = dict.fromkeys(places, 0.0)
    for episode in range(episodes):
        observations, _ = env.reset(seed=int(life_stream(seeds, 2 + episode)[0] >> np.uint64(33)))
        while env.agents:
            living = list(env.agents)
            actions = {name: players[name].act(observations[name], told[name], False) for name in living}
            observations, rewards, *_ = env.step(actions)
            for name in living:
                told[name] = rewards[name]
                returns[name][episode] += rewards[name]
    return returns
