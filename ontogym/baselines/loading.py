"""Anything that was evolved or trained here, from its file or folder, as one object that acts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces

from ontogym.agents.base import Agent, Feedback, NetworkSnapshot
from ontogym.agents.spaces import encode_actions
from ontogym.baselines.evolution.agent_files import load_agent
from ontogym.baselines.lives.lanes import make_single
from ontogym.baselines.lives.player import Player
from ontogym.baselines.lives.recording import LifeRecording, record_life
from ontogym.baselines.lives.spec import LifeSpec
from ontogym.batched.flat import batch_of_one
from ontogym.developmental.feature_extractors.base import split_features
from ontogym.envs import conditions
from ontogym.envs.registration import episodes_of_life
from ontogym.errors import OntogymError, UnknownNameError
from ontogym.registry import look_above
from ontogym.seeding import one_seed

if TYPE_CHECKING:
    import gymnasium
    import networkx as nx

__all__ = ["MAX_STEPS", "Loaded", "load"]

MAX_STEPS = 10_000
"""Where a recorded episode is cut, if neither the environment nor the run has a limit."""


_NUMBERED = (spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)


def _of_one(observation: Any, space: Any) -> bool:
    """Whether an array is one observation with an axis for it, in front."""
    return space.shape is not None and np.shape(observation) == (1, *space.shape)


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
        options: of the agent or algorithm.
    """

    name: str
    source: str
    player: Player
    spec: LifeSpec
    parameters: int
    facts: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    _life: dict[str, Any] = field(default_factory=dict, repr=False)

    def __repr__(self) -> str:
        return f"<{self.name} of {self.parameters} numbers for {self.spec.env}, from {self.source}>"

    def make_env(self, **kwargs: Any) -> gymnasium.Env[Any, Any]:
        """One environment of the kind that it was made for, seen through its feature extractor if it has one.

        Args:
            kwargs: further arguments of the environment, such as ``render_mode="rgb_array"``.

        Raises:
            OntogymError: wrong arguments, or an environment that cannot be made here.
        """
        return make_single(self.spec.env, {**self.spec.env_kwargs, **kwargs})

    def reset(self, seed: int = 0) -> None:
        """Begin a new life; all chance in it follows from the seed."""
        actor = self.player.actor(1, self.spec)
        seeds = one_seed(seed)
        channels = encode_actions(actor.action_space, batch_of_one(actor.action_space.sample())).shape[1]
        feedback = Feedback.newborn(1, channels)
        self._life.update(actor=actor, state=actor.begin(seeds), feedback=feedback)

    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: Any = False,
        deterministic: bool = True,
        reward: float = 0.0,
        terminated: bool = False,
    ) -> tuple[Any, Any]:
        """The action for one observation of one environment, and the actor's state.

        Called as SB3 calls its models, `evaluate_policy` among its callers; these do not say the reward, so that an agent that
        hears it is deaf to it there.

        Args:
            observation: as the environment gives it, or a batch of one (the actions are one, too).
            state: for SB3's sake; what the network remembers is kept here.
            episode_start: whether this is the first step of an episode; the network lives on (`reset` begins a life).
            deterministic: for SB3's sake; agents here have no other way to act.
            reward: of the step before, for agents that hear it.
            terminated: whether the step before ended its episode by termination.

        Raises:
            OntogymError: an observation of another form, or with numbers that are not finite.
        """
        if isinstance(state, Real):
            raise OntogymError(
                f"predict takes the reward by its name, reward={state}; its second argument is a state, as in SB3."
            )
        life, no = self._living(), np.zeros(1, np.bool_)
        told = life["feedback"]._replace(
            reward=np.array([reward], np.float32),
            start=no | np.asarray(episode_start, np.bool_).reshape(-1)[:1] | life["feedback"].start,
            terminated=no | terminated,
        )
        actor = life["actor"]
        lanes, batch = self._batch(observation, actor.observation_space)
        actions, life["state"] = actor.act(life["state"], batch, told, np.ones(1, np.bool_))
        action = encode_actions(actor.action_space, actions)
        life["feedback"] = Feedback.of(0.0, action.shape[1])._replace(action=action)
        return actions if lanes else actions[0], life["state"]

    def _batch(self, observation: Any, space: Any) -> tuple[bool, Any]:
        """Whether an observation is a batch of one, and that batch."""
        if isinstance(space, spaces.Dict) and isinstance(observation, Mapping):
            lanes = all(
                name in observation and _of_one(observation[name], part) for name, part in space.items()
            )
            return lanes, dict(observation) if lanes else batch_of_one(observation)
        if not isinstance(space, (spaces.Box, *_NUMBERED)):
            return False, batch_of_one(observation)
        try:
            seen = np.asarray(observation, space.dtype)
        except (TypeError, ValueError) as error:
            raise OntogymError(
                f"{self.name!r} sees arrays of shape {space.shape}, not {str(observation)[:60]}."
            ) from error
        lanes = _of_one(seen, space)
        if not lanes and seen.shape != space.shape:
            raise OntogymError(
                f"{self.name!r} sees one observation of shape {space.shape} at a time, or a batch of one, not {seen.shape}."
            )
        if seen.dtype.kind == "f" and not np.isfinite(seen).all():
            raise OntogymError("The observation has numbers that are not finite; mend what gave it.")
        return lanes, seen if lanes else batch_of_one(seen)

    def _living(self) -> dict[str, Any]:
        if not self._life:
            self.reset()
        return self._life

    def network(self, state: Any = None) -> NetworkSnapshot:
        """The network as it is now, or as it was in a state that `predict` returned.

        States of some engines are overwritten by the next step: look before you `predict` again.

        Raises:
            OntogymError: it has none.
        """
        life = self._living()
        try:
            return NetworkSnapshot(*life["actor"].network(life["state"] if state is None else state))
        except NotImplementedError as error:
            raise OntogymError(f"{self.name!r} has no network to show ({error}).") from error

    def to_networkx(self, state: Any = None) -> nx.DiGraph:
        """`network` as a ``networkx.DiGraph``, edges from the presynaptic to the postsynaptic node.

        Nodes are numbered from 0 and carry ``kind`` (input, hidden, output) and ``activation``; edges carry ``weight``.
        """
        import networkx as nx

        net, graph = self.network(state), nx.DiGraph()
        count = len(net.mask)
        for k in range(count):
            kind = "input" if k < net.n_inputs else "output" if k >= count - net.n_outputs else "hidden"
            graph.add_node(k, kind=kind, activation=float(net.activation[k]))
        for post, pre in np.argwhere(net.mask).tolist():
            graph.add_edge(pre, post, weight=float(net.weights[post, pre]))
        return graph

    def to_pyg(self, state: Any = None) -> Any:
        """`network` as a ``torch_geometric.data.Data``: ``x`` (N, F), ``edge_index`` (2, E) from pre to post, ``edge_attr``
        (E, 1) weights, ``activation`` (N,), ``node_type`` (N,) 0 input, 1 hidden, 2 output."""
        import torch
        from torch_geometric.data import Data

        net = self.network(state)
        post, pre = np.nonzero(net.mask)
        kind = np.ones(len(net.mask), np.int64)
        kind[: net.n_inputs] = 0
        kind[len(kind) - net.n_outputs :] = 2
        return Data(
            x=torch.as_tensor(np.array(net.nodes)),
            edge_index=torch.as_tensor(np.stack([pre, post])),
            edge_attr=torch.as_tensor(np.array(net.weights[post, pre][:, None])),
            activation=torch.as_tensor(np.array(net.activation)),
            node_type=torch.as_tensor(kind),
        )

    def record(self, seed: int = 0, episodes: int | None = None, **settings: Any) -> LifeRecording:
        """One whole life as arrays: observations, actions, rewards, and the network at every step.

        Args:
            seed: of the life. episodes: of the life; those it was made for if not given.
            settings: further arguments of `record_life`, such as ``reward_clamp=0.0``.
        """
        spec = self.spec
        own = {
            k: v
            for k, v in spec.as_json().items()
            if k not in ("env", "env_kwargs", "episodes", "conditions")
        }
        own["max_steps"] = own.get("max_steps", MAX_STEPS)
        built, genome = self.player
        name = None if isinstance(built, Agent) else self.name
        kept = spec.episodes if episodes is None else episodes
        merged = {"name": name, **own, **settings}
        return record_life(built, genome, spec.env, spec.env_kwargs, kept, seed, **merged)


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
        return _trained(Path(target), env, env_kwargs, trusted)
    _check_trusted(dict(env_kwargs or {}), trusted)
    saved = load_agent(target)
    _check_trusted(saved.env_kwargs, trusted)
    if trusted:
        where = Path(target)
        saved = replace(
            saved,
            env=look_above(where, saved.env),
            agent=look_above(where, saved.agent),
            env_kwargs=_found_above(where, saved.env_kwargs),
        )
    try:
        agent = saved.build(env, env_kwargs, trusted=trusted)
    except UnknownNameError as error:
        brought = saved.facts.get("plugins")
        if not isinstance(brought, Mapping) or error.name not in brought:
            raise
        raise OntogymError(
            f"{target} was made with {error.name!r} of {brought[error.name]}; install that."
        ) from error
    spec = saved.spec(env, env_kwargs, conditions=tuple(conditions(env or saved.env)))
    player = Player(agent, saved.genome)
    facts, options = dict(saved.facts), dict(saved.options)
    return Loaded(saved.agent, str(target), player, spec, len(saved.genome), facts, options)


def _found_above(place: Path, env_kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of an environment, their feature extractor found as `look_above` does."""
    choice = split_features(env_kwargs)[0]
    if isinstance(choice, Mapping) and isinstance(choice.get("name"), str):
        return {**env_kwargs, "features": {**choice, "name": look_above(place, choice["name"])}}
    return (
        {**env_kwargs, "features": look_above(place, choice)} if isinstance(choice, str) else dict(env_kwargs)
    )


def _check_trusted(env_kwargs: Mapping[str, Any], trusted: bool, env: str = "") -> None:
    """Refuse names that would import code, unless the file that they stand in is trusted."""
    choice = split_features(env_kwargs)[0]
    name = choice.get("name") if isinstance(choice, Mapping) else choice
    for word in (env, str(name or "")):
        if ":" in word and not trusted:
            raise OntogymError(
                f"This names {word!r}, which would import code; say that you trust its maker (trusted=True, --trust)."
            )


def _trained(
    folder: Path, env: str | None, env_kwargs: Mapping[str, Any] | None, trusted: bool = False
) -> Loaded:
    from ontogym.baselines.sb3.policy import load_policy, read_training_run

    run = read_training_run(folder)
    if trusted:
        run = replace(run, env=look_above(folder, run.env), env_kwargs=_found_above(folder, run.env_kwargs))
    kwargs = run.env_kwargs if env is None else dict(env_kwargs or {})
    _check_trusted(kwargs, trusted, env or run.env)
    single = make_single(env or run.env, kwargs)
    actor = load_policy(run.tensors, run.options, single.observation_space, single.action_space)
    single.close()
    goals = tuple(conditions(env or run.env))
    episodes = run.episodes or episodes_of_life(env or run.env)
    spec = LifeSpec(env or run.env, kwargs, episodes, conditions=goals, told=run.told)
    size = sum(int(np.asarray(tensor).size) for tensor in run.tensors.values())
    facts: dict[str, Any] = {k: run.training[k] for k in ("env_steps", "command") if k in run.training}
    facts["seed"] = run.seed
    return Loaded(run.agent_type, str(folder), Player(actor), spec, size, facts, dict(run.options))
