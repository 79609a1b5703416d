"""Worlds of one's own for tests: imported by their path, as a user's file is."""

from __future__ import annotations

from typing import ClassVar

import gymnasium as gym
import numpy as np


class Bars(gym.Env):
    """A picture of bars, upright or lying: say which."""

    observation_space = gym.spaces.Box(0, 255, (32, 32, 3), np.uint8)
    action_space = gym.spaces.Discrete(2)
    metadata: ClassVar[dict] = {"render_modes": ["rgb_array"], "render_fps": 10}

    def __init__(self, render_mode=None, width=4):
        self.render_mode, self.width = render_mode, width

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self._turn(), {}

    def _turn(self):
        self.upright = int(self.np_random.integers(2))
        stripes = np.zeros((32, 32, 3), np.uint8)
        stripes[:, (np.arange(32) // self.width) % 2 == 0] = 255
        self.picture = stripes if self.upright else stripes.transpose(1, 0, 2).copy()
        return self.picture

    def step(self, action):
        right = float(int(action) == self.upright)
        return self._turn(), right, False, False, {}

    def render(self):
        return self.picture


class Boundless(Bars):
    """A picture of bars, answered by any number."""

    action_space = gym.spaces.Box(-np.inf, np.inf, (1,), np.float32)

    def step(self, action):
        return super().step(action[0] > 0)


class Shaky(Bars):
    """Forgets its seed."""

    def _turn(self):
        self.np_random = np.random.default_rng()
        return super()._turn()


class Codes(Bars):
    """Says in a byte each what is a code from 0 to 10, and where it looks."""

    observation_space = gym.spaces.Dict(
        {"codes": gym.spaces.Box(0, 255, (7, 7, 3), np.uint8), "looks": gym.spaces.Discrete(4)}
    )

    def _turn(self):
        self.upright = int(self.np_random.integers(2))
        return {"codes": np.full((7, 7, 3), 8 + 2 * self.upright, np.uint8), "looks": 0}


for _name, _kind in (
    ("Bars-v0", Bars),
    ("Boundless-v0", Boundless),
    ("Shaky-v0", Shaky),
    ("Codes-v0", Codes),
):
    if _name not in gym.registry:
        gym.register(_name, _kind, max_episode_steps=12)
