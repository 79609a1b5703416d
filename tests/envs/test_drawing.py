"""Pictures of environments, whatever else in the process uses pygame."""

from __future__ import annotations

import gymnasium
import numpy as np
import pygame
import pytest

import ontogym  # noqa: F401


@pytest.mark.parametrize("env_id", ["Foraging-v0", "CartPole-v1", "Pendulum-v1"])
def test_pictures_outlive_the_end_of_pygame(env_id):
    env = gymnasium.make(f"ontogym/{env_id}", render_mode="rgb_array")
    env.reset(seed=0)
    before = env.render()
    pygame.quit()
    np.testing.assert_array_equal(env.render(), before)
