"""Several actors side by side in one PettingZoo world: each place of the world is a lane of the one rollout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium.spaces import flatdim
from numpy.typing import NDArray

from ontogym.agents.base import Actor, Feedback
from ontogym.agents.individuals import life_stream
from ontogym.baselines.lives.lanes import Stepped
from ontogym.baselines.lives.rollout import rollout
from ontogym.baselines.lives.spec import LifeSpec
from ontogym.errors import OntogymError

__all__ = ["play"]


def play(
    env: Any, actors: Mapping[str, Actor[Any]], seed: int, episodes: int = 1
) -> dict[str, NDArray[np.float64]]:
    """Let actors live one life together in a PettingZoo parallel environment.

    Args:
        env: a `ParallelEnv` whose places have spaces of one kind.
        actors: one for each of ``env.possible_agents``, for one lane: an `Individuals` of one genome, a
            `TrainedPolicy` of SB3, or any other.
        seed: decides all chance: of the world, and of every actor's birth and development.
        episodes: episodes of the life, each in a fresh world; actors keep what they have learned.

    Returns:
        Returns ``(episodes,)`` by place.

    Raises:
        OntogymError: a place without an actor, an actor for no place, or places whose spaces differ.
    """
    places = list(env.possible_agents)
    if set(actors) != set(places):
        raise OntogymError(f"Pass one actor for each of {places}; actors named {sorted(actors)} came.")
    company = _Company([actors[name] for name in places])
    for name in places:
        if (env.observation_space(name), env.action_space(name)) != (
            company.observation_space,
            company.action_space,
        ):
            raise OntogymError(f"The place {name!r} has other spaces than {places[0]!r}; they must be alike.")
    world = _Together(env, seed)
    seeds = np.array([seed], dtype=np.uint64)
    own = np.array([life_stream(seeds, 1000 + k)[0] >> np.uint64(1) for k in range(len(places))], np.uint64)
    lived = rollout(company, world, LifeSpec("together", episodes=episodes), own)
    return dict(zip(places, lived.returns))


class _Company(Actor[list[Any]]):
    """One actor a lane."""

    def __init__(self, members: list[Actor[Any]]) -> None:
        self.members = members
        self.observation_space, self.action_space = members[0].observation_space, members[0].action_space
        self.hears = tuple({name for member in members for name in member.hears})

    def begin(self, seeds: NDArray[np.uint64]) -> list[Any]:
        return [member.begin(seeds[k : k + 1]) for k, member in enumerate(self.members)]

    def act(
        self, state: list[Any], observations: Any, feedback: Feedback, active: NDArray[np.bool_]
    ) -> tuple[NDArray[Any], list[Any]]:
        actions, after = [], []
        for k, member in enumerate(self.members):
            lane = slice(k, k + 1)
            action, own = member.act(state[k], observations[lane], feedback.rows(lane), active[lane])
            actions.append(action[0])
            after.append(own)
        return np.stack(actions), after


class _Together:
    """The places of a PettingZoo parallel environment as lanes; the world's chance is its own."""

    rule = None

    def __init__(self, env: Any, seed: int) -> None:
        self.env, self.places = env, list(env.possible_agents)
        self.count = len(self.places)
        self._seeds = np.array([seed], dtype=np.uint64)
        shape = (self.count, int(flatdim(env.observation_space(self.places[0]))))
        self._seen = np.zeros(shape, np.float32)

    def reset(
        self,
        seeds: NDArray[np.integer],
        options: Mapping[str, Any],
        life: Mapping[str, NDArray[Any]] | None = None,
    ) -> NDArray[np.float32]:
        episode = 0 if life is None else int(life["episode"][0])
        observations, _ = self.env.reset(seed=int(life_stream(self._seeds, 2 + episode)[0] >> np.uint64(33)))
        return self._all(observations)

    def step(self, actions: NDArray[Any], active: NDArray[np.bool_]) -> Stepped:
        chosen = {name: actions[k] for k, name in enumerate(self.places) if active[k]}
        observations, rewards, terminated, truncated, _ = self.env.step(chosen)
        gone = [name not in self.env.agents and not truncated.get(name, False) for name in self.places]
        return Stepped(
            self._all(observations),
            np.array([float(rewards.get(name, 0.0)) for name in self.places]),
            np.array([bool(terminated.get(name, False)) for name in self.places]) | np.array(gone),
            np.array([bool(truncated.get(name, False)) for name in self.places]),
        )

    def _all(self, observations: Mapping[str, Any]) -> NDArray[np.float32]:
        for k, name in enumerate(self.places):
            if name in observations:
                self._seen[k] = np.asarray(observations[name], dtype=np.float32).ravel()
        return self._seen.copy()
