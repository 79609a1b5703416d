"""Many environments of one kind, reset together with a seed each and stepped while they live.

Evaluation needs two things that no autoreset mode of Gymnasium's vector environments gives: every lane is
reset from its own seed and options, and a lane whose episode is over costs nothing until all are.
"""

from __future__ import annotations

import inspect
import json
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from gymnasium.envs.registration import load_env_creator
from gymnasium.vector import SyncVectorEnv
from gymnasium.vector.utils import concatenate, create_empty_array, iterate
from numpy.typing import NDArray

from ontogym.batched.dynamics import Dynamics
from ontogym.batched.environments import BatchedVectorEnv
from ontogym.developmental.feature_extractors.base import (
    FeatureWrapper,
    extracted,
    make_extractor,
    split_features,
)
from ontogym.envs import make_vector
from ontogym.envs.checked import CheckedEnv, try_out
from ontogym.envs.vector import find_spec, is_native
from ontogym.errors import OntogymError, UnknownNameError

__all__ = [
    "Lanes",
    "Stepped",
    "check_options",
    "lanes_of",
    "make_single",
    "reset_options",
    "rule_of",
    "try_environment",
]

_CACHE_SIZE = 4
"""A run uses three sizes: its population, its evaluations, its final report."""
_cache: OrderedDict[str, Lanes] = OrderedDict()
RULE_KEYS = ("phase", "goal")
"""Where an info tells which rules are in force, as a whole number; the first that is there counts."""


def check_options(kind: str, target: Any, options: Mapping[str, Any], reserved: tuple[str, ...] = ()) -> None:
    """Refuse options that `target` does not take, suggesting the nearest that it does.

    Raises:
        UnknownNameError: an option that is no keyword argument of `target`.
    """
    parameters = inspect.signature(target).parameters
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
        return
    known = [name for name in parameters if name not in reserved]
    for name in options:
        if name not in known:
            raise UnknownNameError(f"option of {kind}", name, known)


def make_single(env_id: str, env_kwargs: Mapping[str, Any] | None = None) -> gymnasium.Env[Any, Any]:
    """One environment of the id, seen through the feature extractor that its arguments name, if they do.

    Raises:
        OntogymError: an unknown id (the nearest is suggested), wrong keyword arguments, or an environment
            that cannot be built here.
    """
    choice, kwargs = split_features(env_kwargs)
    try:
        env = gymnasium.make(find_spec(env_id).id, disable_env_checker=True, **kwargs)
    except Exception as error:
        raise _cannot_make(env_id, kwargs, error) from error
    return env if choice is None else FeatureWrapper(env, make_extractor(choice, env.observation_space))


def _cannot_make(env_id: str, env_kwargs: Mapping[str, Any] | None, error: Exception) -> OntogymError:
    if isinstance(error, OntogymError):
        return error
    if isinstance(error, gymnasium.error.UnregisteredEnv):
        return UnknownNameError("environment", env_id.rpartition(":")[2], gymnasium.registry)
    if isinstance(error, TypeError):
        _check_env_kwargs(env_id, env_kwargs)
    return OntogymError(
        f"The environment {env_id!r} cannot be made ({type(error).__name__}: {error}); check its keyword "
        "arguments and that what it needs is installed."
    )


def _check_env_kwargs(env_id: str, env_kwargs: Mapping[str, Any] | None) -> None:
    """Name the keyword argument that the environment does not take, and the nearest that it does."""
    entry = find_spec(env_id).entry_point
    creator: Any = load_env_creator(entry) if isinstance(entry, str) else entry
    if creator is not None:
        check_options(f"the environment {env_id!r}", creator, env_kwargs or {})


def _renderable(env_id: str, env_kwargs: dict[str, Any]) -> gymnasium.Env[Any, Any]:
    """The environment with pictures, or without where it offers none."""
    env = make_single(env_id, env_kwargs)
    if "rgb_array" in env.metadata.get("render_modes", ()):
        env.close()
        env = make_single(env_id, {**env_kwargs, "render_mode": "rgb_array"})
    return env if is_native(find_spec(env_id)) else CheckedEnv(env, env_id)


def try_environment(env_id: str, env_kwargs: Mapping[str, Any] | None, max_steps: int | None) -> None:
    """Let an environment from elsewhere show that it can be lived in, before a run begins.

    Raises:
        OntogymError: it cannot be made, breaks Gymnasium's contract, or has no time limit and does not end.
    """
    single = make_single(env_id, env_kwargs)
    try:
        if not is_native(find_spec(env_id)):
            try_out(single, env_id, limited=max_steps is not None or _time_limit(single) is not None)
    finally:
        single.close()


class Stepped(NamedTuple):
    """What a step brought: a batch of observations, rewards ``(P,)`` float64, and how episodes ended ``(P,)``."""

    observations: Any
    rewards: NDArray[np.float64]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]


class Lanes:
    """`count` environments of one id, stepped together.

    Args:
        env_id: any Gymnasium id.
        count: number of lanes.
        env_kwargs: keyword arguments of the environment.
        render: whether the lanes must be able to draw themselves; they are stepped one by one then.

    Environments that have a batched form run as one; all others are stepped lane by lane, the living ones
    only.

    Attributes:
        rule: which rules will hold at the next step, ``(count,)`` int64, as the info says (`RULE_KEYS`); None where
            the environment announces none.
        features: the feature extractor through which they are seen, or None.
        limit: steps after which an episode is cut by the environment's time limit; None without one.
    """

    def __init__(
        self, env_id: str, count: int, env_kwargs: Mapping[str, Any] | None = None, render: bool = False
    ) -> None:
        choice, kwargs = split_features(env_kwargs)
        try:
            self.envs: Any = (
                SyncVectorEnv([lambda: _renderable(env_id, kwargs)] * count)
                if render
                else make_vector(env_id, count, **kwargs)
            )
        except Exception as error:
            raise _cannot_make(env_id, kwargs, error) from error
        self.env_id, self.count = env_id, count
        self._raw: gymnasium.Space[Any] = self.envs.single_observation_space
        self.features = None if choice is None else make_extractor(choice, self._raw)
        self.observation_space = self._raw if self.features is None else self.features.space
        self._single = list(self.envs.envs) if isinstance(self.envs, SyncVectorEnv) else None
        self.rule: NDArray[np.int64] | None = None
        self.limit = _time_limit(self.envs if self._single is None else self._single[0])
        if self._single is not None:
            self._buffer: Any = create_empty_array(self._raw, n=count)
            self._last: list[Any] = [None] * count

    @property
    def dynamics(self) -> Dynamics[Any] | None:
        """The rules of the task, where they are native and observations come as they are."""
        own = getattr(self.envs, "dynamics", None) if isinstance(self.envs, BatchedVectorEnv) else None
        return own if isinstance(own, Dynamics) and not self.features else None

    def reset(
        self,
        seeds: NDArray[np.integer],
        options: Mapping[str, NDArray[Any]],
        life: Mapping[str, NDArray[Any]] | None = None,
    ) -> Any:
        """Start an episode in every lane: its own seed, and its own entry of each option's array.

        Args:
            seeds: ``(count,)``.
            options: name to ``(count,)``.
            life: where in the lane's life the episode lies, for environments that change with it: ``episode``
                (its number), ``age`` (steps lived before it) and ``life`` (the life's own seed), each
                ``(count,)``. Other environments are not told.

        Returns:
            A batch of observations.
        """
        known = reset_options(self.envs if self._single is None else self._single[0])
        options = {name: values for name, values in (life or {}).items() if name in known} | dict(options)
        if self._single is None:
            seed: Any = [int(s) for s in seeds]
            batch, info = self.envs.reset(seed=seed, options=dict(options) or None)
            self.rule = rule_of(info)
            return self._seen(batch)
        infos = []
        for lane, env in enumerate(self._single):
            chosen = {key: values[lane] for key, values in options.items()}
            self._last[lane], info = env.reset(seed=int(seeds[lane]), options=chosen or None)
            infos.append(rule_of(info))
        known_rules = [rule for rule in infos if rule is not None and rule.ndim == 0]
        self.rule = np.array(known_rules) if len(known_rules) == self.count else None
        return self._seen(concatenate(self._raw, self._last, self._buffer))

    def _seen(self, batch: Any) -> Any:
        """A batch of observations as agents see it."""
        return batch if self.features is None else extracted(self.features, batch, self.count)

    def step(self, actions: NDArray[Any], active: NDArray[np.bool_]) -> Stepped:
        """Step the active lanes; what is returned for the others means nothing."""
        if self._single is None:
            batch, rewards, terminated, truncated, info = self.envs.step(actions)
            self.rule = rule_of(info)
            return Stepped(self._seen(batch), np.asarray(rewards, dtype=np.float64), terminated, truncated)
        rewards = np.zeros(self.count)
        terminated, truncated = np.zeros((2, self.count), dtype=np.bool_)
        for lane, action in enumerate(iterate(self.envs.action_space, actions)):
            if active[lane]:
                self._last[lane], reward, terminated[lane], truncated[lane], info = self._single[lane].step(
                    action
                )
                rewards[lane] = float(reward)
                rule = None if self.rule is None else rule_of(info)
                if self.rule is not None and rule is not None:
                    self.rule[lane] = rule
        observations = concatenate(self._raw, self._last, self._buffer)
        return Stepped(self._seen(observations), rewards, terminated, truncated)

    @property
    def render_mode(self) -> str | None:
        """How the lanes can draw themselves; None if they cannot."""
        return self._single[0].render_mode if self._single is not None else None

    def render(self, lane: int = 0) -> Any:
        """A picture of one lane, or None where the environment draws none."""
        return self._single[lane].render() if self._single is not None else None

    def close(self) -> None:
        """Free the environments."""
        self.envs.close()


def reset_options(env: Any) -> tuple[str, ...]:
    """Names of the reset options that an environment says it understands; empty where it says nothing."""
    if isinstance(env, gymnasium.Env):
        if env.has_wrapper_attr("reset_options"):
            return tuple(env.get_wrapper_attr("reset_options"))
        env = env.unwrapped
    return tuple(getattr(getattr(env, "dynamics", env), "reset_options", ()))


def rule_of(info: Mapping[str, Any]) -> NDArray[np.int64] | None:
    """Whole numbers that name the rules in force, or None where an info tells none."""
    for key in RULE_KEYS:
        if key in info:
            value = np.asarray(info[key])
            if value.ndim <= 1 and value.dtype.kind in "iu":
                return value.astype(np.int64)
    return None


def _time_limit(env: Any) -> int | None:
    limit = getattr(env, "max_episode_steps", None)
    if limit is None:
        limit = getattr(getattr(env, "spec", None), "max_episode_steps", None)
    return int(limit) if limit else None


def lanes_of(env_id: str, count: int, env_kwargs: Mapping[str, Any]) -> Lanes:
    """Lanes of this description, made at the first call and kept for the next (creation is slow)."""
    key = f"{env_id}|{count}|{json.dumps(dict(env_kwargs), sort_keys=True, default=repr)}"
    if key in _cache:
        _cache.move_to_end(key)
        return _cache[key]
    lanes = _cache[key] = Lanes(env_id, count, env_kwargs)
    while len(_cache) > _CACHE_SIZE:
        _cache.popitem(last=False)[1].close()
    return lanes
