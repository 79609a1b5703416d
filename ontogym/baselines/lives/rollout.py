"""The one rollout: an actor lives in lanes, step by step, while watchers look on.

Everything that lets something act in an environment goes through here: evolution, evaluation, the scores of training,
films, diagnostics, worlds of several agents, the leaderboard. What is to be kept of a life is a `Watcher`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import gymnasium
import numpy as np
from gymnasium.spaces import flatdim
from numpy.typing import NDArray

from ontogym.agents.base import Actor, Feedback
from ontogym.agents.individuals import life_stream
from ontogym.agents.spaces import encode_actions
from ontogym.baselines.lives.lanes import Stepped
from ontogym.baselines.lives.spec import LifeSpec
from ontogym.envs.checked import finite_rewards
from ontogym.errors import OntogymError

__all__ = ["Lived", "Moment", "Watcher", "World", "place_in_life", "rollout"]

ENDLESS = 100_000
"""Steps after which an episode that nothing will cut is given up."""


class World(Protocol):
    """Lanes that an actor lives in; `ontogym.baselines.lives.lanes.Lanes` is one."""

    @property
    def count(self) -> int: ...

    @property
    def rule(self) -> NDArray[np.int64] | None: ...

    def reset(
        self,
        seeds: NDArray[np.integer],
        options: Mapping[str, NDArray[Any]],
        life: Mapping[str, NDArray[Any]] | None = None,
    ) -> Any: ...

    def step(self, actions: NDArray[Any], active: NDArray[np.bool_]) -> Stepped: ...


class Moment(NamedTuple):
    """One step as it is lived: the actor has acted, the world has not yet answered.

    Attributes:
        episode, step: from 0. observations: the batch that was acted on. feedback: as heard. actions: ``(P, ...)``.
        state: of the actor, after it has acted. active: ``(P,)``, lanes that still live in this episode.
        rule: ``(P,)`` the rules in force, or None where the world announces none.
    """

    episode: int
    step: int
    observations: Any
    feedback: Feedback
    actions: NDArray[Any]
    state: Any
    active: NDArray[np.bool_]
    rule: NDArray[np.int64] | None


class Watcher:
    """Looks on while lives are lived; every method may be left as it is. Nothing it does changes a life."""

    def acted(self, moment: Moment) -> None:
        """The actor has acted. Arrays of the moment may be overwritten later: copy what is kept."""

    def earned(self, reward: NDArray[np.float64], active: NDArray[np.bool_]) -> None:
        """What the step brought, ``(P,)``; 0 where `active` is False."""


class Lived(NamedTuple):
    """What came of P lanes in E episodes: the actor's last state; ``returns``, ``lengths`` (P, E); ``failed`` (P,),
    lanes whose world gave a number that is not finite: they ended there, and what they have not lived counts NaN."""

    state: Any
    returns: NDArray[np.float64]
    lengths: NDArray[np.int64]
    failed: NDArray[np.bool_]


def place_in_life(
    seeds: NDArray[np.uint64], spec: LifeSpec, episode: int, age: NDArray[np.int64]
) -> dict[str, NDArray[Any]]:
    """Reset options that tell an environment which changes within a life where in it an episode lies.

    Args:
        seeds: ``(P,)`` of the lives. spec: what a life is. episode: from 0. age: ``(P,)`` steps lived before.
    """
    return {
        "episode": np.full(len(seeds), episode),
        "age": age,
        "life": life_stream(seeds, 2 + spec.episodes) >> np.uint64(1),
    }


def rollout(
    actor: Actor[Any],
    world: World,
    spec: LifeSpec,
    seeds: NDArray[np.uint64],
    options: Mapping[str, NDArray[Any]] | None = None,
    watchers: Sequence[Watcher] = (),
    state: Any = None,
) -> Lived:
    """Let an actor live one life in every lane.

    Args:
        actor: for the spaces of one environment.
        world: P lanes.
        spec: what a life is.
        seeds: ``(P,)``, one a lane; all chance of its life follows from it.
        options: reset options of every lane, name to ``(P,)``.
        watchers: look on.
        state: of the actor, if it has been begun already with these seeds.

    The reward that an actor is told at a step is the one of its step before: 0 at the first step of a life,
    and at the first step of a later episode the last of the episode before, so that a terminal reward is felt.
    """
    life = _Life(actor, world, spec, seeds, dict(options or {}), watchers)
    if state is None:
        state = actor.begin(seeds)
    for episode in range(spec.episodes):
        newborn = episode == 0 or spec.rebirth
        if episode and newborn:
            state = actor.begin(seeds)
        if newborn and spec.shuffle_wiring:
            state = actor.shuffle_wiring(state, seeds)
        if episode and spec.develop_between:
            state = actor.develop_again(state, seeds, episode)
        if spec.freeze is not None and newborn:
            state = actor.foresee(state, spec.freeze)
        if spec.freeze is not None and (
            episode == spec.freeze_from or (spec.rebirth and episode > spec.freeze_from)
        ):
            state = actor.freeze(state, spec.freeze)
        state = life.episode(episode, state)
    return Lived(state, life.returns, life.lengths, life.failed)


class _Life:
    """Lives under way: what is told, and what has been counted."""

    def __init__(
        self,
        actor: Actor[Any],
        world: World,
        spec: LifeSpec,
        seeds: NDArray[np.uint64],
        options: dict[str, NDArray[Any]],
        watchers: Sequence[Watcher],
    ) -> None:
        self.actor, self.world, self.spec, self.seeds = actor, world, spec, seeds
        self.options, self.watchers = options, watchers
        self.hears_action = "action" in actor.hears and "action" not in spec.silenced
        channels = _channels(actor.action_space) if "action" in actor.hears else 0
        self.feedback = Feedback.newborn(world.count, channels)
        self.silent: dict[str, Any] = {
            name: np.zeros(world.count, np.bool_) for name in ("start", "terminated") if name in spec.silenced
        }
        self.returns = np.zeros((world.count, spec.episodes))
        self.lengths = np.zeros((world.count, spec.episodes), np.int64)
        self.failed = np.zeros(world.count, np.bool_)

    def episode(self, episode: int, state: Any) -> Any:
        """One episode in every lane; returns the actor's state after it."""
        feedback, actor = self.feedback, self.actor
        # 31 bits: some environments seed generators that take no more.
        seeds = life_stream(self.seeds, 2 + episode) >> np.uint64(33)
        place = place_in_life(self.seeds, self.spec, episode, self.lengths.sum(1))
        observations = self.world.reset(seeds, self.options, place)
        feedback.start[:] = True
        observations, active = self._whole(observations, episode, ~self.failed)
        step = 0
        while active.any():
            actions, state = actor.act(state, observations, self._heard(), active)
            self._show(
                Moment(episode, step, observations, self._heard(), actions, state, active, self.world.rule)
            )
            observations, reward, terminated, truncated = self.world.step(actions, active)
            reward = np.where(active, reward, 0.0)
            active, alive = self._finite(reward, episode, active), active
            self.returns[:, episode] += np.where(active, reward, 0.0)
            self.lengths[:, episode] += active
            for watcher in self.watchers:
                watcher.earned(reward, alive)
            step += 1
            self._check_end(step)
            if self.spec.max_steps is not None and step >= self.spec.max_steps:
                truncated = truncated | active
            self._tell(reward, terminated, truncated, actions, active)
            ended = active & (terminated | truncated)
            if ended.any():
                state = actor.end_episode(state, observations, self._heard(), ended)
            observations, active = self._whole(observations, episode, active & ~ended)
        return state

    def _check_end(self, step: int) -> None:
        if step >= ENDLESS and self.spec.max_steps is None and getattr(self.world, "limit", None) is None:
            raise OntogymError(
                f"{self.spec.env} has no time limit, and an episode has not ended within {ENDLESS:,} steps; cut episodes "
                "with --max-steps (max_steps)."
            )

    def _heard(self) -> Feedback:
        return self.feedback._replace(**self.silent) if self.silent else self.feedback

    def _show(self, moment: Moment) -> None:
        for watcher in self.watchers:
            watcher.acted(moment)

    def _tell(
        self,
        reward: NDArray[np.float64],
        terminated: NDArray[np.bool_],
        truncated: NDArray[np.bool_],
        actions: NDArray[Any],
        rows: NDArray[np.bool_],
    ) -> None:
        """What the lanes `rows` will hear of this step."""
        feedback = self.feedback
        self.spec.tell(feedback, reward, terminated, rows)
        feedback.start[rows] = False
        feedback.terminated[rows], feedback.truncated[rows] = terminated[rows], truncated[rows]
        if self.hears_action:
            feedback.action[rows] = encode_actions(self.actor.action_space, actions)[rows]

    def _finite(
        self, reward: NDArray[np.float64], episode: int, active: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """The lanes of `active` whose reward is a number that can be summed; the others end here."""
        return self._fail(~finite_rewards(reward), episode, active)

    def _whole(
        self, observations: Any, episode: int, active: NDArray[np.bool_]
    ) -> tuple[Any, NDArray[np.bool_]]:
        """The lanes of `active` whose observation is finite; the others end here, and show 0 from here on.

        Actors are shown all lanes, and some refuse a batch for one number in it.
        """
        bad = _not_finite(observations)
        if bad is None:
            return observations, active
        return _cleared(observations), self._fail(bad, episode, active)

    def _fail(self, bad: NDArray[np.bool_], episode: int, active: NDArray[np.bool_]) -> NDArray[np.bool_]:
        bad = bad & active
        if bad.any():
            self.failed |= bad
            self.returns[bad, episode:] = np.nan
        return active & ~bad


def _channels(space: gymnasium.Space[Any]) -> int:
    return int(flatdim(space))


def _cleared(batch: Any) -> Any:
    """A batch with 0 in place of what is not finite."""
    if isinstance(batch, Mapping):
        return {name: _cleared(part) for name, part in batch.items()}
    if isinstance(batch, tuple):
        return tuple(map(_cleared, batch))
    values = np.asarray(batch)
    return np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0) if values.dtype.kind == "f" else values


def _not_finite(batch: Any) -> NDArray[np.bool_] | None:
    """Lanes whose observation holds a number that is not finite, ``(P,)``; None if there are none."""
    if isinstance(batch, Mapping):
        parts = [_not_finite(part) for part in batch.values()]
    elif isinstance(batch, tuple):
        parts = [_not_finite(part) for part in batch]
    else:
        values = np.asarray(batch)
        if values.dtype.kind != "f" or np.isfinite(values).all():
            return None
        broken: NDArray[np.bool_] = ~np.isfinite(values).reshape(len(values), -1).all(1)
        return broken
    found = [part for part in parts if part is not None]
    return np.logical_or.reduce(found) if found else None
