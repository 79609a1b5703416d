"""Environments as people really have them: unusual spaces, old interfaces, mistakes. Each is ``Odd/NAME-v0``."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

BOX = spaces.Box(-1, 1, (2,), np.float32)
ZEROS = np.zeros(2, np.float32)


class Usual(gym.Env[Any, Any]):
    """Ten steps of reward 1; it asserts that actions are in its space."""

    observation_space: spaces.Space[Any] = BOX
    action_space: spaces.Space[Any] = spaces.Discrete(2)
    steps = 10

    def __init__(self, level: int = 1) -> None:
        self.t = 0

    def see(self) -> Any:
        return ZEROS

    def earn(self, action: Any) -> Any:
        return 1.0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed)
        self.t = 0
        return self.see(), {}

    def step(self, action: Any) -> Any:
        assert self.action_space.contains(action), f"{action!r} is outside"
        self.t += 1
        return self.see(), self.earn(action), self.t >= self.steps, False, {}


class Start(Usual):
    """Rewards the first action, which is -1; observations count from 5."""

    action_space, observation_space = spaces.Discrete(3, start=-1), spaces.Discrete(4, start=5)

    def see(self) -> Any:
        return np.int64(5 + self.t % 4)

    def earn(self, action: Any) -> Any:
        return float(action == -1)


class WholeBox(Usual):
    action_space, observation_space = spaces.Box(0, 4, (2,), np.int64), spaces.Box(0, 9, (2,), np.int64)

    def see(self) -> Any:
        return np.array([1, 2])

    def earn(self, action: Any) -> Any:
        return float(action[0] == 4)


class ManyStarts(Usual):
    action_space = spaces.MultiDiscrete([3, 2], start=[-1, 4])
    observation_space = spaces.MultiDiscrete([[3, 3]], start=[[2, 2]])

    def see(self) -> Any:
        return np.array([[3, 4]])

    def earn(self, action: Any) -> Any:
        return float(action[0] == -1 and action[1] == 5)


class ManyBits(Usual):
    action_space = spaces.MultiBinary([2, 2])


class Nested(Usual):
    observation_space = spaces.Dict(
        a=spaces.Dict(c=BOX, d=spaces.Discrete(3, start=2)), b=spaces.Tuple((BOX,))
    )

    def see(self) -> Any:
        return {"a": {"c": ZEROS, "d": np.int64(4)}, "b": (ZEROS,)}


class Pair(Usual):
    observation_space = spaces.Tuple((BOX, spaces.Discrete(3)))

    def see(self) -> Any:
        return ZEROS, np.int64(1)


class Words(Usual):
    observation_space = spaces.Text(5)

    def see(self) -> Any:
        return "ab"


class Unbounded(Usual):
    action_space = spaces.Box(-np.inf, np.inf, (2,), np.float32)


class Endless(Usual):
    steps = 10**12


class Growing(Usual):
    def see(self) -> Any:
        return np.zeros(2 + (self.t > 6), np.float32)


class Nothing(Usual):
    def see(self) -> Any:
        return None


class OldReset(Usual):
    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        return super().reset(seed=seed)[0]


class OlderReset(Usual):
    def reset(self) -> Any:  # type: ignore[override]
        return super().reset()[0]


class OldStep(Usual):
    def step(self, action: Any) -> Any:
        return ZEROS, 1.0, False, {}


class RewardOfOne(Usual):
    def earn(self, action: Any) -> Any:
        return np.ones(1)


class NoReward(Usual):
    def earn(self, action: Any) -> Any:
        return None


class WordOfReward(Usual):
    def earn(self, action: Any) -> Any:
        return "1.0"


class NoEnd(Usual):
    def step(self, action: Any) -> Any:
        return ZEROS, 1.0, None, None, {}


class Raises(Usual):
    def earn(self, action: Any) -> Any:
        raise RuntimeError("the motor is broken")


for _kind in Usual.__subclasses__():
    gym.register(f"Odd/{_kind.__name__}-v0", _kind)
