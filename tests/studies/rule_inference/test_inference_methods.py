"""Methods of the field: a random walk, jumps between policies, Taylor expansions, and what other packages bring."""

from __future__ import annotations

import numpy as np
import pytest

from ontogym.studies.rule_inference.methods import METHODS
from ontogym.studies.rule_inference.methods.glm_hmm import GLMHMM, _expect, glm_hmm
from ontogym.studies.rule_inference.methods.random_walk import RandomWalk, random_walk
from ontogym.studies.rule_inference.methods.taylor import TERMS, _walk
from ontogym.studies.rule_inference.model.trials import Trials


def animals(weights, seed=0, far=2.0):
    """Choices of animals with these weights (A, T, 2) before every trial."""
    rng = np.random.default_rng(seed)
    shape = weights.shape[:2]
    x = rng.uniform(-far, far, shape)
    choice = (rng.random(shape) < 1 / (1 + np.exp(-(weights[..., 0] * x + weights[..., 1])))).astype(np.int64)
    side = (x > 0).astype(np.int64)
    return Trials(x, choice, (choice == side) * 1.0, side, 0 * choice, np.full(shape[0], shape[1]),
                  tuple(map(str, range(shape[0]))))  # fmt: skip


def walks(count, trials, step, seed=0):
    rng = np.random.default_rng(seed)
    return np.cumsum(rng.normal(0, step, (count, trials, 2)), 1) + rng.normal(0, 1, (count, 1, 2))


def test_the_random_walk_finds_its_step_and_smoothing_follows_better():
    true = walks(30, 300, 0.1)
    found = random_walk(animals(true), 0)
    assert np.sqrt(found.drift) == pytest.approx([0.1, 0.1], rel=0.25)
    errors = [((found.run(found.trials, smooth)[0] - true) ** 2).mean() for smooth in (False, True)]
    assert errors[1] < 0.8 * errors[0]
    np.testing.assert_array_equal(found.path(), found.run(found.trials, True)[0])


def test_without_drift_the_last_filtered_weights_are_the_smoothed_ones_of_every_trial():
    trials = animals(walks(2, 40, 0.0))
    still = RandomWalk(np.full(2, 1e-12), np.zeros(2), np.ones(2), trials)
    smooth = still.run(trials, True)[0]
    np.testing.assert_allclose(smooth[:, 0], smooth[:, -1], atol=1e-4)


def test_each_choice_is_predicted_from_earlier_ones_alone():
    trials = animals(walks(6, 60, 0.1))
    later = trials.choice.copy()
    later[:, 40:] = 1 - later[:, 40:]
    other = Trials(*(later if k == 1 else part for k, part in enumerate(list(trials.__dict__.values())[:7])))
    for name in ("static", "reinforce-baseline", "random-walk", "glm-hmm", "taylor"):
        fitted = METHODS.get(name)(trials, 0)
        assert fitted.path().shape == (6, 60, 2), name
        a, b = fitted.predict(trials), fitted.predict(other)
        np.testing.assert_allclose(a[:, :40], b[:, :40], err_msg=name)
        assert np.abs(a[:, 40] - b[:, 40]).max() > 1e-3, name


def test_jumps_between_policies_are_found():
    rng = np.random.default_rng(1)
    policies = np.array([[3.0, 0.0], [0.0, 2.0], [0.0, -2.0]])
    state = np.repeat(rng.integers(0, 3, (20, 8)), 50, axis=1)
    true = policies[state]
    found = glm_hmm(animals(true), 0)
    assert isinstance(found, GLMHMM)
    assert np.corrcoef(found.path().ravel(), true.ravel())[0, 1] > 0.85


def test_the_forward_pass_sums_over_all_ways_through():
    rng = np.random.default_rng(2)
    chance, jump, first = (
        rng.uniform(0.2, 0.9, (1, 3, 2)),
        np.array([[0.9, 0.1], [0.3, 0.7]]),
        np.array([0.6, 0.4]),
    )
    total = sum(
        first[a] * chance[0, 0, a] * jump[a, b] * chance[0, 1, b] * jump[b, c] * chance[0, 2, c]
        for a in range(2)
        for b in range(2)
        for c in range(2)
    )
    told = _expect(chance, np.array([3]), first, jump, True)[3]
    assert told.sum() == pytest.approx(np.log(total))


def test_the_slope_of_a_taylor_rule_is_exact():
    rng = np.random.default_rng(3)
    trials, theta = animals(walks(3, 25, 0.1)), 0.02 * rng.standard_normal((2, TERMS))
    counts, starts = np.ones(trials.choice.shape), rng.normal(size=(3, 2))

    def loss(at, slope):
        path = np.zeros((*trials.choice.shape, 2))
        return _walk(
            at, trials.stimulus, trials.choice, trials.reward, trials.lengths, starts, counts, path, slope
        )

    slope, none = np.zeros((2, TERMS)), np.zeros((2, 0))
    loss(theta, slope)
    for place in ((0, 5), (1, 35), (0, 14)):
        step = np.zeros((2, TERMS))
        step[place] = 1e-6
        numeric = (loss(theta + step, none) - loss(theta - step, none)) / 2e-6
        assert slope[place] == pytest.approx(numeric, rel=1e-5, abs=1e-7)


def test_a_network_is_a_method_too():
    trials = animals(walks(4, 20, 0.1))
    fitted = METHODS.get("tiny-gru")(trials, 0)
    assert fitted.config.hidden == 2
    assert fitted.predict(trials).shape == (4, 20)
