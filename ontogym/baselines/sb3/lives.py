"""Lives for Stable-Baselines3: an episode of the learner is a whole life, and it hears what came of its last step.

With recurrent PPO this is RL² (Duan et al. 2016, arXiv 1611.02779): memory begins with a life, is carried over from one of its
episodes to the next, and the network is given its last action, what it was told, and whether an episode begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper

from ontogym.agents.feedback import Feedback, check_hears, heard
from ontogym.agents.spaces import SpaceAdapter
from ontogym.baselines.lives.spec import LifeSpec

__all__ = ["Ears", "Lives"]


class Ears:
    """Observations with what is heard beside them, as one vector.

    Args:
        observation_space, action_space: of one environment, as SB3 sees them.
        hears: of `ontogym.agents.feedback.SIGNALS`; may be empty.

    Attributes:
        space: a Box of O flattened observations and K channels of what is heard, without bounds.
        channels: A, numbers that tell an action.

    Raises:
        OntogymError: spaces that cannot be flattened, or no such signal.
    """

    def __init__(
        self, observation_space: spaces.Space[Any], action_space: spaces.Space[Any], hears: Sequence[str]
    ) -> None:
        self._adapter, self.hears = SpaceAdapter(observation_space, action_space), check_hears(hears)
        self.channels = self._adapter.n_actions
        width = self._adapter.n_observations + heard(Feedback.newborn(1, self.channels), self.hears).shape[1]
        self.space = spaces.Box(-np.inf, np.inf, (width,), np.float32)

    def listen(self, observations: Any, feedback: Feedback) -> NDArray[np.float32]:
        """``(P, O + K)`` float32."""
        return np.concatenate([self._adapter.observe(observations), heard(feedback, self.hears)], axis=1)

    def encode(self, actions: Any) -> NDArray[np.float32]:
        """Actions as they are heard, ``(P, A)``."""
        return self._adapter.encode(actions)


class Lives(VecEnvWrapper):
    """A batch of environments whose episodes are whole lives.

    What is told of a step is heard at the next, as in `ontogym.baselines.lives.rollout`: a life begins with zeros, and the first
    step of a later episode still hears how the last one ended. A life's end is an end: nothing is bootstrapped beyond it.

    Args:
        venv: of `make_vec_env`.
        spec: what a life is, see `ontogym.baselines.sb3.config.TrainingConfig.life`. hears: see `Ears`.
    """

    def __init__(self, venv: VecEnv, spec: LifeSpec, hears: Sequence[str]) -> None:
        self.ears, self.spec = Ears(venv.observation_space, venv.action_space, hears), spec
        super().__init__(venv, observation_space=self.ears.space)
        self._begin()

    def _begin(self) -> None:
        self.feedback = Feedback.newborn(self.num_envs, self.ears.channels)
        self.episode = np.zeros(self.num_envs, np.int64)

    def reset(self) -> Any:
        self._begin()
        return self.ears.listen(self.venv.reset(), self.feedback)

    def step_async(self, actions: NDArray[Any]) -> None:
        self.feedback.action[:] = self.ears.encode(actions)
        self.venv.step_async(actions)

    def step_wait(self) -> Any:
        observations, rewards, done, infos = self.venv.step_wait()
        cut = np.array([bool(info.get("TimeLimit.truncated")) for info in infos])
        feedback = self.feedback
        feedback.terminated[:], feedback.truncated[:] = done & ~cut, done & cut
        self.spec.tell(feedback, rewards, feedback.terminated, np.ones(self.num_envs, np.bool_))
        feedback.start[:] = False
        self.episode += done
        over = self.episode >= self.spec.episodes
        for lane in np.flatnonzero(done):
            # A last observation would be asked for only if something came after it.
            infos[lane].pop("terminal_observation", None)
            infos[lane]["TimeLimit.truncated"] = False
        if over.any():
            for part in feedback:
                part[over] = 0
            self.episode[over] = 0
        feedback.start[:] = done
        return self.ears.listen(observations, feedback), rewards, over, infos
