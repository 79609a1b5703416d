"""One life, recorded: what the world looked like, what the agent did, and what its network became.

The life is the one that `ontogym.baselines.lives.life.live` gives this genome and seed, lived once more
in a single environment that can be rendered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

import gymnasium
import numpy as np
from gymnasium.vector.utils import batch_space, concatenate, create_empty_array, iterate
from numpy.typing import NDArray

from ontogym.agents.base import Agent, NetworkSnapshot
from ontogym.baselines.lives.lanes import make_single, reset_options, rule_of
from ontogym.baselines.lives.life import LifeSpec, develop, life_stream, place_in_life
from ontogym.errors import OntogymError

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
    agent: Agent[Any],
    genome: NDArray[np.floating],
    env_id: str,
    env_kwargs: Mapping[str, Any] | None = None,
    episodes: int = 3,
    seed: int = 0,
    max_frames: int = 300,
    *,
    reward_clamp: float | None = None,
    reset_options: Mapping[str, Any] | None = None,
    max_steps: int = 10_000,
) -> LifeRecording:
    """Let one agent live one life and record it.

    Args:
        agent: built for the environment's spaces.
        genome: ``(D,)``.
        env_id: any Gymnasium id.
        env_kwargs: keyword arguments of the environment.
        episodes: episodes of the life; the network is carried over.
        seed: of the life (one of `life_seeds`); all chance follows from it.
        max_frames: most frames kept; of a longer life every 2nd, 4th, ... step is rendered.
        reward_clamp: if set, what the agent is told instead of every reward.
        reset_options: such as ``{"goal": 0}``, given to every reset.
        max_steps: episodes are cut after so many steps.

    Raises:
        OntogymError: unknown environment, genomes that do not fit, or an environment that fails to render or
            gives a non-finite reward.
    """
    conditions = (dict(reset_options),) if reset_options else ()
    spec = LifeSpec(env_id, dict(env_kwargs or {}), episodes, reward_clamp, conditions, max_steps=max_steps)
    seeds = np.array([seed], dtype=np.uint64)
    genomes = np.atleast_2d(genome)
    state = agent.birth(genomes, life_stream(seeds, 0))
    birth = _own(agent.network(state))
    state = develop(agent, state, genomes, spec, life_stream(seeds, 1))
    env = _renderable(env_id, spec.env_kwargs)
    try:
        life = _Life(agent, spec, env, state, max_frames, birth)
        developed = _own(agent.network(life.state))
        for episode in range(episodes):
            place = place_in_life(seeds, spec, episode, np.array([len(life.rows)]))
            life.live_episode(episode, int(life_stream(seeds, 2 + episode)[0] >> np.uint64(33)), place)
    finally:
        env.close()
    return life.recording(seed, birth, developed)


class _Life:
    """A life under way, and what has been kept of it."""

    def __init__(
        self,
        agent: Agent[Any],
        spec: LifeSpec,
        env: gymnasium.Env[Any, Any],
        state: Any,
        max_frames: int,
        birth: NetworkSnapshot,
    ) -> None:
        self.agent, self.spec, self.env, self.state = agent, spec, env, state
        self.told = np.zeros(1, dtype=np.float32)
        self.frames: Thinned[NDArray[np.uint8]] = Thinned(max_frames)
        bytes_each = sum(np.asarray(part).nbytes for part in birth[:4])
        self.networks: Thinned[NetworkSnapshot] = Thinned(SNAPSHOT_BYTES // bytes_each)
        self.rows: list[tuple[NDArray[np.float32], NDArray[np.float32], Any, float, int, int]] = []
        self._batch: Any = create_empty_array(agent.observation_space, n=1)
        self._actions = batch_space(agent.action_space, 1)
        self._lags = bool(getattr(agent, "freeze_lags", False))

    def live_episode(self, episode: int, seed: int, place: Mapping[str, NDArray[Any]]) -> None:
        """One episode; told rewards and the network are carried over from the last one, as in `live`.

        `place` tells a world that changes within a life where in it the episode lies.
        """
        known = reset_options(self.env)
        options = {name: value[0] for name, value in place.items() if name in known}
        options |= dict(self.spec.conditions[0]) if self.spec.conditions else {}
        observation, info = self.env.reset(seed=seed, options=options or None)
        for step in range(self.spec.max_steps or 0):
            frozen = self._lags and step == 0 and episode > 0
            flat, motor = self._act(observation, frozen)
            self._keep()
            action = next(iter(iterate(self._actions, self.agent.spaces.act(motor))))
            rule = _rule_number(info)
            observation, reward, terminated, truncated, info = self.env.step(action)
            reward = float(reward)
            if not np.isfinite(reward):
                raise OntogymError(
                    f"{self.spec.env} gave a reward of {reward} at step {step}; mend the environment or wrap "
                    "it so that rewards are finite."
                )
            self.rows.append((flat[0].copy(), motor[0].copy(), action, reward, episode, rule))
            self.told[:] = reward if self.spec.reward_clamp is None else self.spec.reward_clamp
            if terminated or truncated:
                break
        if self._lags:
            self._act(observation, False)

    def _act(self, observation: Any, frozen: bool) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        batch = concatenate(self.agent.observation_space, [observation], self._batch)
        flat = self.agent.spaces.observe(batch)
        options: dict[str, Any] = {"update": np.zeros(1, dtype=bool)} if frozen else {}
        motor, self.state = self.agent.step(self.state, flat, self.told, None, **options)
        return flat, np.asarray(motor, dtype=np.float32)

    def _keep(self) -> None:
        step = len(self.rows)
        if self.networks.wants(step):
            self.networks.add(step, _own(self.agent.network(self.state)))
        if self.env.render_mode and self.frames.wants(step):
            self.frames.add(step, _frame(self.env, self.spec.env))

    def recording(self, seed: int, birth: NetworkSnapshot, developed: NetworkSnapshot) -> LifeRecording:
        """Everything kept, as arrays."""
        observations, motors, actions, rewards, episode, rules = zip(*self.rows)
        networks, frames = self.networks, self.frames
        last = _own(self.agent.network(self.state))
        return LifeRecording(
            env=self.spec.env,
            agent=self.agent.name,
            seed=seed,
            frames=np.stack(frames.items) if frames.items else np.zeros((0, 1, 1, 3), np.uint8),
            frame_steps=np.array(frames.steps, dtype=np.int64),
            birth=birth,
            developed=developed,
            last=last,
            has_development=bool(
                (self.spec.development or self.agent.development) and self.agent.development_steps
            ),
            snapshots=Snapshots(
                np.array(networks.steps, dtype=np.int64),
                *(np.stack([getattr(n, field) for n in networks.items]) for field in Snapshots._fields[1:]),
            ),
            observations=np.stack(observations),
            motors=np.stack(motors),
            actions=np.stack(actions),
            rewards=np.array(rewards),
            episode=np.array(episode, dtype=np.int64),
            max_edges=int(getattr(self.agent, "n_allowed_edges", birth.mask.size - len(birth.mask))),
            rules=np.array(rules, dtype=np.int64),
        )


def _rule_number(info: Mapping[str, Any]) -> int:
    rule = rule_of(info)
    return 0 if rule is None or rule.ndim else int(rule)


def _own(network: NetworkSnapshot) -> NetworkSnapshot:
    """A copy that later steps leave alone."""
    return network._replace(
        weights=np.array(network.weights, dtype=np.float32),
        mask=np.array(network.mask, dtype=bool),
        activation=np.array(network.activation, dtype=np.float32),
        nodes=np.array(network.nodes, dtype=np.float32),
    )


def _renderable(env_id: str, env_kwargs: dict[str, Any]) -> gymnasium.Env[Any, Any]:
    """The environment with pictures, or without where it offers none."""
    env = make_single(env_id, env_kwargs)
    if "rgb_array" not in env.metadata.get("render_modes", ()):
        return env
    env.close()
    return make_single(env_id, {**env_kwargs, "render_mode": "rgb_array"})


def _frame(env: gymnasium.Env[Any, Any], env_id: str) -> NDArray[np.uint8]:
    """The world now, no side longer than `FRAME_SIDE`."""
    from PIL import Image

    try:
        picture: Any = env.render()
        image = Image.fromarray(np.asarray(picture, dtype=np.uint8))
    except Exception as error:
        raise OntogymError(
            f"{env_id} cannot be rendered ({type(error).__name__}: {error}); install what its pictures need."
        ) from error
    if max(image.size) > FRAME_SIDE:
        scale = FRAME_SIDE / max(image.size)
        image = image.resize(
            (max(1, round(image.width * scale)), max(1, round(image.height * scale))), Image.Resampling.BOX
        )
    return np.asarray(image)
