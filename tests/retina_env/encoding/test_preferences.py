"""Preferences of patients that are made up: whom duels find out, and what that is worth."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from ontogym.retina_env.encoding.preferences import Preferences


class Patients:
    """Lane p is patient p; a candidate's number is its first parameter."""

    num_envs = 8

    def __init__(self, worth, steps=20, noise=0.3):
        self.worth, self.noise, self.rng = worth, noise, np.random.default_rng(0)
        self.unwrapped = SimpleNamespace(dynamics=SimpleNamespace(steps=steps))

    def reset(self, seed):
        self.shown = []

    def step(self, actions):
        chosen = actions[:, 0].astype(int)
        self.shown.append(chosen)
        reward = self.worth[np.arange(8), chosen] + self.noise * self.rng.standard_normal(8)
        return None, reward, None, None, {}


def test_one_bit_for_two_pictures_finds_out_who_the_patient_is():
    # Each of eight candidates suits one patient, a ninth serves all of them a little.
    worth = np.concatenate([np.where(np.eye(8), 1.0, -0.2), np.full((8, 1), 0.2)], 1)
    fits = np.zeros((9, 14), dtype=np.float32)
    fits[:, 0] = np.arange(9)
    env = Patients(worth)
    returns = Preferences(fits, worth, noise=0.3).live(env, 0)
    assert (env.shown[0] == 8).all()  # nothing is known: what serves all
    assert (env.shown[-1] == np.arange(8)).mean() >= 0.75
    assert returns.mean() > 20 * 0.2


def test_what_is_heard_favours_who_would_have_said_so():
    worth = np.array([[1.0, 0.0], [0.0, 1.0]])
    duel = Preferences(np.zeros((2, 14), np.float32), worth)
    one, two = np.array([0]), np.array([1])
    liked = duel.heard(one, two, np.array([True]))
    assert liked[0, 0] > liked[0, 1]
    np.testing.assert_allclose(duel.heard(two, one, np.array([False])), liked)
    np.testing.assert_allclose(np.exp(liked).sum(), 1)
    assert duel.choose(liked, exploring=False)[0] == 0
