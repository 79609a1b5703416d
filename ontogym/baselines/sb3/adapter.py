"""Stable-Baselines3 on the suite's environments, and the returns to compare agents with.

SB3 takes its own `VecEnv`, not Gymnasium's `VectorEnv`: `VectorEnvAdapter` turns any vector environment of the suite
into one. Sources: Raffin et al., "Stable-Baselines3", JMLR 2021; PPO: Schulman et al., arXiv 1707.06347.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecEnv, VecMonitor

from ontogym.baselines.lives.lanes import lanes_of
from ontogym.envs.vector import find_spec, is_native
from ontogym.errors import OntogymError
from ontogym.seeding import derive, lane_seeds

__all__ = [
    "VectorEnvAdapter",
    "episode_returns",
    "make_vec_env",
    "policy_returns",
    "random_returns",
    "train_ppo",
]


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

    def reset(self) -> Any:
        observation, infos = self.envs.reset(seed=self._seed)  # type: ignore[arg-type]
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

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        value = getattr(self.envs, attr_name, None)
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
    """A monitored SB3 `VecEnv` of any id: native where the suite has a batched form, else one by one."""
    if is_native(find_spec(env_id)):
        envs = gymnasium.make_vec(
            env_id,
            n_envs,
            vectorization_mode="vector_entry_point",
            autoreset_mode=AutoresetMode.SAME_STEP.value,
            **dict(env_kwargs or {}),
        )
        return VecMonitor(VectorEnvAdapter(envs))
    from stable_baselines3.common.env_util import make_vec_env as one_by_one

    return one_by_one(env_id, n_envs=n_envs, env_kwargs=dict(env_kwargs or {}))


def train_ppo(
    env_id: str,
    steps: int,
    seed: int = 0,
    env_kwargs: Mapping[str, Any] | None = None,
    n_envs: int = 8,
    callback: Any = None,
    **options: Any,
) -> PPO:
    """Train SB3's PPO with a small network on the CPU.

    Args:
        env_id, env_kwargs: the environment.
        steps: budget in environment steps.
        seed: decides all chance.
        n_envs: environments stepped at a time.
        callback: SB3's, optional.
        options: of `stable_baselines3.PPO`; the defaults here are those that RL Zoo tuned for CartPole.
    """
    settings: dict[str, Any] = {
        "n_steps": 32,
        "batch_size": 256,
        "gae_lambda": 0.8,
        "gamma": 0.98,
        "n_epochs": 20,
        "learning_rate": lambda left: 1e-3 * left,
        "clip_range": lambda left: 0.2 * left,
        **options,
    }
    # SB3 hands the seed to NumPy's global generator, which takes 32 bits.
    envs = make_vec_env(env_id, n_envs, env_kwargs)
    model = PPO(
        "MultiInputPolicy" if isinstance(envs.observation_space, gymnasium.spaces.Dict) else "MlpPolicy",
        envs,
        seed=derive(seed, "ppo") % 2**31,
        device="cpu",
        **settings,
    )
    import torch

    # Networks this small are slower on two threads than on one.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return model.learn(steps, callback=callback)
    finally:
        torch.set_num_threads(threads)


def episode_returns(
    policy: Callable[[Any], NDArray[Any]],
    env_id: str,
    episodes: int,
    seed: int = 0,
    env_kwargs: Mapping[str, Any] | None = None,
    max_steps: int = 100_000,
) -> NDArray[np.float64]:
    """Returns ``(episodes,)`` of a policy that maps a batch of observations to a batch of actions.

    All episodes run side by side, each from its own seed.
    """
    lanes = lanes_of(env_id, episodes, dict(env_kwargs or {}))
    observation = lanes.reset(lane_seeds(seed, episodes, "episodes") >> np.uint64(32), {})
    active, returns = np.ones(episodes, dtype=bool), np.zeros(episodes)
    for _ in range(max_steps):
        observation, reward, done = lanes.step(policy(observation), active)
        returns += np.where(active, reward, 0.0)
        active = active & ~done
        if not active.any():
            return returns
    raise OntogymError(f"{env_id} has no time limit; an episode was not over after {max_steps} steps.")


def policy_returns(
    model: Any, env_id: str, episodes: int, seed: int = 0, env_kwargs: Mapping[str, Any] | None = None
) -> NDArray[np.float64]:
    """Returns ``(episodes,)`` of an SB3 model, acting deterministically."""

    def act(observation: Any) -> NDArray[Any]:
        return np.asarray(model.predict(observation, deterministic=True)[0])

    return episode_returns(act, env_id, episodes, seed, env_kwargs)


def random_returns(
    env_id: str, episodes: int, seed: int = 0, env_kwargs: Mapping[str, Any] | None = None
) -> NDArray[np.float64]:
    """Returns ``(episodes,)`` of uniformly random actions."""
    lanes = lanes_of(env_id, episodes, dict(env_kwargs or {}))
    space = lanes.envs.action_space
    space.seed(derive(seed, "random actions") % 2**31)
    return episode_returns(lambda _: space.sample(), env_id, episodes, seed, env_kwargs)
