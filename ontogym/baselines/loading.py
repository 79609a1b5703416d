"""Anything that was evolved or trained here, from its file or folder, as one object that acts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ontogym.agents.base import Feedback
from ontogym.agents.spaces import encode_actions
from ontogym.baselines.evolution.agent_files import load_agent
from ontogym.baselines.lives.lanes import make_single
from ontogym.baselines.lives.player import Player
from ontogym.baselines.lives.spec import LifeSpec
from ontogym.batched.flat import batch_of_one
from ontogym.envs import conditions
from ontogym.envs.registration import episodes_of_life

__all__ = ["Loaded", "load"]


@dataclass(frozen=True)
class Loaded:
    """An agent that can be let live, or be asked for one action after the other in the manner of SB3.

    Attributes:
        name: what it is: the type of agent or the algorithm.
        source: where it was read from.
        player: what lives.
        spec: the life that it was made for.
        parameters: how many numbers were evolved or trained.
        facts: whatever else its file says (score, seed, generation).
    """

    name: str
    source: str
    player: Player
    spec: LifeSpec
    parameters: int
    facts: dict[str, Any] = field(default_factory=dict)
    _life: dict[str, Any] = field(default_factory=dict, repr=False)

    def __repr__(self) -> str:
        return f"<{self.name} of {self.parameters} numbers for {self.spec.env}, from {self.source}>"

    def reset(self, seed: int = 0) -> None:
        """Begin a new life; all chance in it follows from the seed."""
        actor = self.player.actor(1, self.spec)
        seeds = np.array([seed], dtype=np.uint64)
        channels = encode_actions(actor.action_space, batch_of_one(actor.action_space.sample())).shape[1]
        feedback = Feedback.newborn(1, channels)
        self._life.update(actor=actor, state=actor.begin(seeds), feedback=feedback)

    def predict(
        self,
        observation: Any,
        reward: float = 0.0,
        episode_start: bool = False,
        terminated: bool = False,
        deterministic: bool = True,
    ) -> tuple[Any, Any]:
        """The action for one observation of one environment, and the actor's state.

        Args:
            observation: as the environment gives it.
            reward: of the step before, for agents that hear it.
            episode_start: whether this is the first step of an episode; the network lives on (`reset` begins a life).
            terminated: whether the step before ended its episode by termination.
            deterministic: for SB3's sake; agents here have no other way to act.
        """
        if not self._life:
            self.reset()
        life, no = self._life, np.zeros(1, np.bool_)
        told = life["feedback"]._replace(
            reward=np.array([reward], np.float32),
            start=no | episode_start | life["feedback"].start,
            terminated=no | terminated,
        )
        actor, batch = life["actor"], batch_of_one(observation)
        actions, life["state"] = actor.act(life["state"], batch, told, np.ones(1, np.bool_))
        action = encode_actions(actor.action_space, actions)
        life["feedback"] = Feedback.of(0.0, action.shape[1])._replace(action=action)
        return actions[0], life["state"]


def load(
    target: str | Path,
    env: str | None = None,
    env_kwargs: Mapping[str, Any] | None = None,
    trusted: bool = False,
) -> Loaded:
    """Load what ``ontogym evolve`` or ``ontogym train`` has made.

    Args:
        target: a run folder, an agent file, or ``"zoo:NAME"``.
        env, env_kwargs: another environment with the same spaces, to live in; its own if not given.
        trusted: whether a ``module:Class`` that the file names may be imported.

    Raises:
        OntogymError: no such thing, a damaged file, or an environment that does not fit.
    """
    if (Path(target) / "run.json").is_file():
        return _trained(Path(target), env, env_kwargs)
    saved = load_agent(target)
    agent = saved.build(env, env_kwargs, trusted=trusted)
    spec = saved.spec(env, env_kwargs, conditions=tuple(conditions(env or saved.env)))
    player = Player(agent, saved.genome)
    return Loaded(saved.agent, str(target), player, spec, len(saved.genome), dict(saved.facts))


def _trained(folder: Path, env: str | None, env_kwargs: Mapping[str, Any] | None) -> Loaded:
    from ontogym.baselines.sb3.policy import load_policy, read_training_run

    run = read_training_run(folder)
    kwargs = run.env_kwargs if env is None else dict(env_kwargs or {})
    single = make_single(env or run.env, kwargs)
    actor = load_policy(run.tensors, run.options, single.observation_space, single.action_space)
    single.close()
    goals = tuple(conditions(env or run.env))
    spec = LifeSpec(env or run.env, kwargs, episodes=episodes_of_life(env or run.env), conditions=goals)
    size = sum(int(np.asarray(tensor).size) for tensor in run.tensors.values())
    return Loaded(run.agent_type, str(folder), Player(actor), spec, size, {"seed": run.seed})
