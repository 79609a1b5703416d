"""Stable-Baselines3 on the suite's environments.

SB3 takes its own `VecEnv`, not Gymnasium's `VectorEnv`: `VectorEnvAdapter` turns any vector environment of the suite
into one. Source: Raffin et al., "Stable-Baselines3", JMLR 2021.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper, VecMonitor

from ontogym.baselines.sb3.spaces import MappedEnv
from ontogym.batched.flat import batch_of_one
from ontogym.developmental.feature_extractors.base import (
    FeatureWrapper,
    extracted,
    make_extractor,
    split_features,
)
from ontogym.envs.checked import CheckedEnv, FiniteEnv
from ontogym.envs.vector import find_spec, is_native
from ontogym.errors import OntogymError

__all__ = ["VectorEnvAdapter", "make_vec_env"]


class VectorEnvAdapter(VecEnv):
    """A Gymnasium vector environment as SB3's `VecEnv`.

    Args:
        envs: a vector environment in ``AutoresetMode.SAME_STEP``, which is how SB3 resets: the observation
            after an episode's end is the next episode's first, and the last one is in
            ``info["terminal_observation"]``.

    Raises:
        OntogymError: another autoreset mode.
    """

    def __init__(self, envs: VectorEnv[Any, Any, Any]) -> None:
        mode = envs.metadata.get("autoreset_mode")
        if mode not in (AutoresetMode.SAME_STEP, AutoresetMode.SAME_STEP.value):
            raise OntogymError(
                f"SB3 needs a vector environment that resets in the same step, not {mode}; "
                "make it with autoreset_mode='SameStep'."
            )
        self.envs = envs
        self._actions: Any = None
        self._seed: list[int] | None = None
        super().__init__(envs.num_envs, envs.single_observation_space, envs.single_action_space)
        self.metadata = dict(envs.metadata)

    def reset(self) -> Any:
        # SB3 keeps reset options as a dictionary a lane; ours are one value a lane.
        asked = [dict(each) for each in self._options]
        self._options = [{} for _ in range(self.num_envs)]
        if any(each.keys() != asked[0].keys() for each in asked):
            raise OntogymError("set_options gave lanes different options; name the same in each.")
        options = {name: np.array([each[name] for each in asked]) for name in asked[0]} or None
        observation, infos = self.envs.reset(seed=self._seed, options=options)  # type: ignore[arg-type]
        self._seed = None
        self.reset_infos = [_lane_info(infos, lane) for lane in range(self.num_envs)]
        return _copied(observation)

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Seed the next reset: lane k with ``seed + k``."""
        self._seed = None if seed is None else [seed + lane for lane in range(self.num_envs)]
        return self._seed if self._seed is not None else [None] * self.num_envs

    def step_async(self, actions: NDArray[Any]) -> None:
        self._actions = actions

    def step_wait(self) -> Any:
        observation, rewards, terminated, truncated, infos = self.envs.step(self._actions)
        done = np.logical_or(terminated, truncated)
        ended = infos.get("final_info", {})
        per_lane = []
        for lane in range(self.num_envs):
            info = _lane_info(ended if done[lane] else infos, lane)
            if done[lane]:
                info["terminal_observation"] = _copied(infos["final_obs"][lane])
                info["TimeLimit.truncated"] = bool(truncated[lane] and not terminated[lane])
            per_lane.append(info)
        # SB3 keeps what it is given: hand out copies.
        return _copied(observation), np.array(rewards, dtype=np.float32), done.copy(), per_lane

    def close(self) -> None:
        self.envs.close()

    def get_images(self) -> Sequence[NDArray[np.uint8] | None]:
        """A picture of every lane; made with ``render_mode="rgb_array"``, SB3's video recorder can use them."""
        frames: Any = self.envs.render()
        return [None] * self.num_envs if frames is None else list(frames)

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """An attribute of the batch, once for each lane.

        Raises:
            AttributeError: it has none of this name; `has_attr` is then False.
        """
        value = getattr(self.envs, attr_name)
        return [value for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        raise OntogymError(
            f"Lanes of one batch share their settings; make another environment to set {attr_name!r}."
        )

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        raise OntogymError(f"Lanes of one batch have no methods of their own to call ({method_name!r}).")

    def env_is_wrapped(
        self, wrapper_class: type[gymnasium.Wrapper[Any, Any, Any, Any]], indices: Any = None
    ) -> list[bool]:
        return [False for _ in self._get_indices(indices)]


class _SeenThrough(VecEnvWrapper):
    """A batch of environments seen through a feature extractor, the last observations of episodes too."""

    def __init__(self, venv: VecEnv, choice: Any) -> None:
        self.extractor = make_extractor(choice, venv.observation_space)
        super().__init__(venv, observation_space=self.extractor.space)

    def reset(self) -> Any:
        return extracted(self.extractor, self.venv.reset(), self.num_envs)

    def step_wait(self) -> Any:
        observation, rewards, done, infos = self.venv.step_wait()
        for info in infos:
            if "terminal_observation" in info:
                last = extracted(self.extractor, batch_of_one(info["terminal_observation"]), 1)[0]
                info["terminal_observation"] = last
        return extracted(self.extractor, observation, self.num_envs), rewards, done, infos


def _copied(observation: Any) -> Any:
    """A new array, or a dict of new arrays."""
    if isinstance(observation, Mapping):
        return {name: np.array(values) for name, values in observation.items()}
    return np.array(observation)


def _lane_info(infos: Mapping[str, Any], lane: int) -> dict[str, Any]:
    """One lane's part of Gymnasium's batched infos (``_key`` says which lanes a key is about)."""
    found = {}
    for key, values in infos.items():
        present = infos.get(f"_{key}")
        if key.startswith("_") or key in ("final_obs", "final_info") or isinstance(values, Mapping):
            continue
        if present is None or present[lane]:
            found[key] = values[lane]
    return found


def make_vec_env(env_id: str, n_envs: int = 8, env_kwargs: Mapping[str, Any] | None = None) -> VecEnv:
    """A monitored SB3 `VecEnv` of any id: native where the suite has a batched form, else one by one, checked and mapped.

    An extractor that `env_kwargs` name (see `ontogym.developmental.feature_extractors.base`) stands before it.

    Raises:
        OntogymError: as its environments are made or stepped: see `CheckedEnv`, `FiniteEnv` and `SpaceMap`.
    """
    choice, kwargs = split_features(env_kwargs)
    spec = find_spec(env_id)
    if is_native(spec):
        envs = gymnasium.make_vec(
            spec.id,
            n_envs,
            vectorization_mode="vector_entry_point",
            autoreset_mode=AutoresetMode.SAME_STEP.value,
            **kwargs,
        )
        vec: VecEnv = VectorEnvAdapter(envs)
        return VecMonitor(vec if choice is None else _SeenThrough(vec, choice))
    from stable_baselines3.common.env_util import make_vec_env as one_by_one

    def single(**kwargs: Any) -> gymnasium.Env[Any, Any]:
        made = gymnasium.make(spec.id, disable_env_checker=True, **kwargs)
        env: gymnasium.Env[Any, Any] = FiniteEnv(CheckedEnv(made, env_id), env_id)
        if choice is not None:
            env = FeatureWrapper(env, make_extractor(choice, env.observation_space))
        return MappedEnv(env)

    return one_by_one(single, n_envs=n_envs, env_kwargs=kwargs)
