"""The choosing agent: what it sees and does, and that any rule can teach it."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from ontogym.agents.base import Feedback
from ontogym.agents.logistic import Logistic
from ontogym.envs.registration import ENTRIES
from ontogym.errors import OntogymError
from ontogym.testing import check_agent

ENV = "ontogym/DeNovoChoice-v0"
SPACES = spaces.Box(np.array([0, 0, 0, 0, -1], np.float32), np.ones(5, np.float32)), spaces.Discrete(2)


def agent(**options):
    return Logistic(*SPACES, **options)


@pytest.mark.parametrize("rule", ["inferred", "reward-hebb", "hebbian-abcd"])
def test_it_is_an_agent(rule):
    assert ENV in ENTRIES
    env = gymnasium.make(ENV)
    assert check_agent(Logistic(env.observation_space, env.action_space, rule=rule)) == []


def test_it_chooses_right_with_the_logistic_probability():
    a, lives = agent(), 4000
    genomes = np.tile([2.0, -0.5], (lives, 1))
    state = a.birth(genomes, np.arange(lives))
    seen = np.tile(np.array([0.0, 0.25, 1, 0, 0], dtype=np.float32), (lives, 1))
    motor, _ = a.step(state, seen, Feedback.of(np.zeros(lives)))
    x = np.tanh(1.25) / np.tanh(5)
    expected = 1 / (1 + np.exp(-(2 * x - 0.5)))
    # Four standard errors of 4000 coin tosses.
    assert motor[:, 1].mean() == pytest.approx(expected, abs=4 * 0.5 / lives**0.5)
    assert (motor.sum(1) == 1).all()


def test_it_learns_only_from_choices_at_the_go_cue():
    a = agent()
    go, wait = (np.array([[0, 1, cue, 0, 0]], dtype=np.float32) for cue in (1, 0))
    state = a.birth(np.array([[0.5, 0.1]]), np.array([1]))
    _, state = a.step(state, wait, Feedback.of(np.zeros(1)))
    before = state.edges.clone()
    _, state = a.step(state, go, Feedback.of(np.ones(1)))  # the reward of a step that was no choice
    assert (state.edges == before).all()
    _, state = a.step(state, wait, Feedback.of(np.ones(1)))
    assert (state.edges != before).any()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Logistic(spaces.Box(-1, 1, (2,)), spaces.Discrete(2)), "DeNovoChoice"),
        (lambda: Logistic(SPACES[0], spaces.Discrete(3)), "DeNovoChoice"),
        (lambda: agent(rule="inferrd"), "did you mean 'inferred'"),
        (lambda: agent(rule="oja", rule_path="x"), "takes no file"),
        (lambda: agent(rule_path="nowhere"), "no file"),
    ],
)
def test_bad_input(build, message):
    with pytest.raises(OntogymError, match=message):
        build()
