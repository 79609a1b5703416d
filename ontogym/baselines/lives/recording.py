"""One life, recorded: what the world looked like, what the agent did, and what its network became.

The life is the one that `ontogym.baselines.lives.life.live` gives this genome and seed, lived once more
in a lane that can be rendered, with a watcher that keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from ontogym.agents.base import Actor, Agent, NetworkSnapshot
from ontogym.agents.individuals import Individuals
from ontogym.agents.spaces import encode_actions
from ontogym.baselines.lives.lanes import Lanes
from ontogym.baselines.lives.life import lane_options
from ontogym.baselines.lives.rollout import Moment, Watcher, rollout
from ontogym.baselines.lives.spec import LifeSpec
from ontogym.batched.flat import flatten_batch
from ontogym.errors import OntogymError
from ontogym.seeding import one_seed

__all__ = ["LifeRecording", "Thinned", "record_life"]

SNAPSHOT_BYTES = 128 * 2**20
"""Memory that the snapshots of one life may take; they are thinned to stay below."""
FRAME_SIDE = 320
"""Longest side of a kept frame, in pixels."""

Item = TypeVar("Item")


class Thinned(Generic[Item]):
    """A series of unknown length in bounded memory: every k-th item, k doubled whenever it is full.

    Args:
        capacity: most items held, at least 2.

    Attributes:
        stride: k. steps, items: those kept, in order; the first is always step 0.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity, self.stride = max(2, capacity), 1
        self.steps: list[int] = []
        self.items: list[Item] = []

    def wants(self, step: int) -> bool:
        """Whether `step` would be kept (so that nothing need be made otherwise)."""
        return step % self.stride == 0

    def add(self, step: int, item: Item) -> None:
        """Keep `item` if its step is wanted."""
        if len(self.items) >= self.capacity:
            self.stride *= 2
            kept = [k for k, s in enumerate(self.steps) if s % self.stride == 0]
            self.steps = [self.steps[k] for k in kept]
            self.items = [self.items[k] for k in kept]
        if self.wants(step):
            self.steps.append(step)
            self.items.append(item)


class Snapshots(NamedTuple):
    """Networks through time: ``S`` snapshots of ``N`` nodes; matrices are (post, pre).

    Shapes: ``steps`` (S,), the step whose action the network gave; ``weights`` (S, N, N); ``mask`` (S, N, N)
    bool; ``activation`` (S, N); ``nodes`` (S, N, F).
    """

    steps: NDArray[np.int64]
    weights: NDArray[np.float32]
    mask: NDArray[np.bool_]
    activation: NDArray[np.float32]
    nodes: NDArray[np.float32]

    def at(self, step: int) -> int:
        """Index of the newest snapshot that is not later than `step`."""
        return max(0, int(np.searchsorted(self.steps, step, side="right")) - 1)


NO_NETWORK = NetworkSnapshot(
    np.zeros((0, 0), np.float32),
    np.zeros((0, 0), np.bool_),
    np.zeros(0, np.float32),
    np.zeros((0, 0), np.float32),
    0,
    0,
)
"""What an actor without a network shows: no nodes."""
_WIDEST = 512
"""Observations of more numbers are not kept of an actor that flattens none."""


@dataclass(frozen=True)
class LifeRecording:
    """One recorded life of ``T`` steps.

    Attributes:
        env, agent: id of the environment, name of the agent. seed: of the life.
        frames: (F, H, W, 3) uint8, the world as the agent met it at `frame_steps` (F,); F is 0 where the
            environment cannot be rendered.
        birth, developed: the network before and after development, before any experience (equal without
            development). last: the network at the life's end.
        has_development: whether there was a developmental phase.
        snapshots: the network at every step, or at every k-th of a long life.
        observations: (T, O) flattened. motors: (T, A). actions: (T, ...) as the environment took them.
        rewards, episode: (T,), `episode` counts from 0.
        max_edges: how many edges the network may have.
        rules: (T,) the rules in force at each step, where the environment tells (`lanes.RULE_KEYS`); else zeros.
    """

    env: str
    agent: str
    seed: int
    frames: NDArray[np.uint8]
    frame_steps: NDArray[np.int64]
    birth: NetworkSnapshot
    developed: NetworkSnapshot
    last: NetworkSnapshot
    has_development: bool
    snapshots: Snapshots
    observations: NDArray[np.float32]
    motors: NDArray[np.float32]
    actions: NDArray[Any]
    rewards: NDArray[np.float64]
    episode: NDArray[np.int64]
    max_edges: int
    rules: NDArray[np.int64]

    @property
    def has_network(self) -> bool:
        """Whether there is a network to show: policies of SB3 and those by hand have none."""
        return len(self.birth.mask) > 0

    @property
    def n_steps(self) -> int:
        """T, over all episodes."""
        return len(self.rewards)

    @property
    def returns(self) -> NDArray[np.float64]:
        """Return of each episode, ``(episodes,)``."""
        return np.bincount(self.episode, weights=self.rewards).astype(np.float64)

    @property
    def episode_starts(self) -> NDArray[np.int64]:
        """Step at which each episode begins, ``(episodes,)``."""
        return np.flatnonzero(np.diff(self.episode, prepend=-1))

    @property
    def switches(self) -> NDArray[np.int64]:
        """Steps that are the first under new rules."""
        return np.flatnonzero(np.diff(self.rules)) + 1


def record_life(
    agent: Agent[Any] | Actor[Any],
    genome: NDArray[np.floating] | None,
    env_id: str,
    env_kwargs: Mapping[str, Any] | None = None,
    episodes: int = 3,
    seed: int = 0,
    max_frames: int = 300,
    *,
    reset_options: Mapping[str, Any] | None = None,
    max_steps: int = 10_000,
    name: str | None = None,
    **settings: Any,
) -> LifeRecording:
    """Let one agent live one life and record it.

    Args:
        agent: built for the environment's spaces; or an actor that is whole without a genome.
        genome: ``(D,)``; None of an actor.
        env_id: any Gymnasium id.
        env_kwargs: keyword arguments of the environment.
        episodes: episodes of the life; the network is carried over.
        seed: of the life (one of `life_seeds`); all chance follows from it.
        max_frames: most frames kept; of a longer life every 2nd, 4th, ... step is rendered.
        reset_options: such as ``{"goal": 0}``, given to every reset.
        max_steps: episodes are cut after so many steps.
        name: what it is called; the agent's own name if not given.
        settings: further fields of `LifeSpec` (what is told, development, freeze, ...).

    Raises:
        OntogymError: unknown environment, genomes that do not fit, or an environment that fails to render or
            gives a number that is not finite.
    """
    conditions = (dict(reset_options),) if reset_options else ()
    kwargs = dict(env_kwargs or {})
    spec = LifeSpec(env_id, kwargs, episodes, conditions=conditions, max_steps=max_steps, **settings)
    seeds = one_seed(seed)
    actor: Actor[Any]
    if isinstance(agent, Agent):
        assert genome is not None
        actor = Individuals(agent, np.atleast_2d(genome), spec.imposed_development)
        newborn = actor.birth(seeds)
        birth = _network(actor, newborn)
        state = actor.develop(newborn, seeds)
    else:
        actor, state = agent, agent.begin(seeds)
        birth = _network(actor, state)
    lanes = Lanes(env_id, 1, kwargs, render=True)
    try:
        recorder = _Recorder(actor, lanes, max_frames, birth, name)
        recorder.developed = _network(actor, state)
        lived = rollout(actor, lanes, spec, seeds, lane_options(spec, 1, 1), [recorder], state)
    finally:
        lanes.close()
    if lived.failed[0]:
        raise OntogymError(
            f"{env_id} gave a reward or an observation that is not finite at step {len(recorder.rewards)}; mend the "
            "environment or wrap it so that its numbers are finite."
        )
    return recorder.recording(spec, seed, _network(actor, lived.state))


class _Recorder(Watcher):
    """Keeps one life: frames, networks, and every step's numbers."""

    def __init__(
        self,
        actor: Actor[Any],
        lanes: Lanes,
        max_frames: int,
        birth: NetworkSnapshot,
        name: str | None = None,
    ) -> None:
        self.actor, self.lanes, self.birth, self.developed = actor, lanes, birth, birth
        agent = getattr(actor, "agent", actor)
        self.name = name or str(getattr(agent, "name", type(agent).__name__))
        self.frames: Thinned[NDArray[np.uint8]] = Thinned(max_frames)
        bytes_each = sum(np.asarray(part).nbytes for part in birth[:4])
        self.networks: Thinned[NetworkSnapshot] = Thinned(SNAPSHOT_BYTES // max(bytes_each, 128))
        self.rows: list[tuple[NDArray[np.float32], NDArray[np.float32], Any, int, int]] = []
        self.rewards: list[float] = []
        self._draws = lanes.render_mode is not None

    def acted(self, moment: Moment) -> None:
        step, state = len(self.rows), moment.state
        if self.networks.wants(step):
            self.networks.add(step, _network(self.actor, state))
        if self._draws and self.frames.wants(step):
            self.frames.add(step, _frame(self.lanes))
        rule = 0 if moment.rule is None else int(moment.rule[0])
        seen, motor = self._numbers(moment)
        self.rows.append((seen, motor, moment.actions[0], moment.episode, rule))

    def _numbers(self, moment: Moment) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """What was seen ``(O,)`` and what was done ``(A,)``, as numbers."""
        if isinstance(self.actor, Individuals):
            state = moment.state
            return state.observation[0].copy(), np.array(state.motor[0], dtype=np.float32)
        seen = flatten_batch(self.actor.observation_space, moment.observations)[0]
        motor = encode_actions(self.actor.action_space, moment.actions)[0]
        return (seen if len(seen) <= _WIDEST else np.zeros(0, np.float32)), motor

    def earned(self, reward: NDArray[np.float64], active: NDArray[np.bool_]) -> None:
        self.rewards.append(float(reward[0]))

    def recording(self, spec: LifeSpec, seed: int, last: NetworkSnapshot) -> LifeRecording:
        """Everything kept, as arrays."""
        observations, motors, actions, episode, rules = zip(*self.rows)
        networks, frames = self.networks, self.frames
        development = getattr(self.actor, "development", None)
        agent = getattr(self.actor, "agent", self.actor)
        return LifeRecording(
            env=spec.env,
            agent=self.name,
            seed=seed,
            frames=np.stack(frames.items) if frames.items else np.zeros((0, 1, 1, 3), np.uint8),
            frame_steps=np.array(frames.steps, dtype=np.int64),
            birth=self.birth,
            developed=self.developed,
            last=last,
            has_development=development is not None and development.steps > 0,
            snapshots=Snapshots(
                np.array(networks.steps, dtype=np.int64),
                *(np.stack([getattr(n, field) for n in networks.items]) for field in Snapshots._fields[1:]),
            ),
            observations=np.stack(observations),
            motors=np.stack(motors),
            actions=np.stack(actions),
            rewards=np.array(self.rewards),
            episode=np.array(episode, dtype=np.int64),
            max_edges=int(getattr(agent, "n_allowed_edges", self.birth.mask.size - len(self.birth.mask))),
            rules=np.array(rules, dtype=np.int64),
        )


def _network(actor: Actor[Any], state: Any) -> NetworkSnapshot:
    """The actor's network now, in memory of its own; `NO_NETWORK` where it has none."""
    try:
        return _own(actor.network(state))
    except NotImplementedError:
        return NO_NETWORK


def _own(network: NetworkSnapshot) -> NetworkSnapshot:
    """A copy that later steps leave alone."""
    return network._replace(
        weights=np.array(network.weights, dtype=np.float32),
        mask=np.array(network.mask, dtype=bool),
        activation=np.array(network.activation, dtype=np.float32),
        nodes=np.array(network.nodes, dtype=np.float32),
    )


def _frame(lanes: Lanes) -> NDArray[np.uint8]:
    """The world now, no side longer than `FRAME_SIDE`."""
    from PIL import Image

    try:
        image = Image.fromarray(np.asarray(lanes.render(), dtype=np.uint8))
    except Exception as error:
        raise OntogymError(
            f"{lanes.env_id} cannot be rendered ({type(error).__name__}: {error}); install what its pictures need."
        ) from error
    if max(image.size) > FRAME_SIDE:
        scale = FRAME_SIDE / max(image.size)
        image = image.resize(
            (max(1, round(image.width * scale)), max(1, round(image.height * scale))), Image.Resampling.BOX
        )
    return np.asarray(image)
