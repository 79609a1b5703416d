"""Parametric rules, the profile over the baseline, folds and held-out scores."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ontogym.errors import OntogymError, UnknownNameError
from ontogym.studies.rule_inference.model.fitting import (
    FitConfig,
    FitState,
    epochs,
    log_likelihood,
    trajectory,
)
from ontogym.studies.rule_inference.model.parametric import (
    PARAMETRIC,
    _loss,
    _pieces,
    baseline_profile,
    first_weights,
    fit_rule,
)
from ontogym.studies.rule_inference.model.simulate import simulate
from ontogym.studies.rule_inference.model.trials import Trials
from ontogym.studies.rule_inference.model.validation import (
    cross_validate_network,
    cross_validate_rule,
    make_folds,
    predicted,
    score,
    split_check,
)


@pytest.mark.parametrize("rule", PARAMETRIC)
def test_first_weights_are_integrated_out(rule):
    """Laplace's method against the integral over a fine grid of first weights, animal by animal."""
    trials = dataclasses.replace(simulate("reinforce", 3, 60).trials, initial=None)
    params = np.array([0.05, 0.07, 0.3, 0.2, -0.1, np.log(0.6), np.log(0.8)])
    counts = trials.valid.astype(float)
    found = _loss(rule, params, trials, counts, np.zeros((3, 2)), 8)
    grid = np.stack(np.meshgrid(*[np.linspace(-4, 4, 81)] * 2, indexing="ij"), -1).reshape(-1, 2)
    mean, sd = params[3:5], np.exp(params[5:7])
    prior = -0.5 * (((grid - mean) / sd) ** 2).sum(1) - np.log(2 * np.pi * sd.prod())
    exact = 0.0
    for a in range(3):
        part = trials.rows(np.full(len(grid), a))
        path = np.full((len(grid), 60, 2), np.nan)
        _loss(rule, params, part, np.ones((len(grid), 60)), grid.copy(), 0, path)
        joint = log_likelihood(path, part).sum(1) + prior
        exact -= np.log(np.exp(joint - joint.max()).sum() * 0.1**2) + joint.max()
    # Sixty trials (and a rule that forgets) leave the posterior of first weights nearly, not quite, normal: 0.35 nats.
    assert found == pytest.approx(exact, abs=0.5)


def test_animals_that_begin_differently_do_not_bias_the_baseline():
    """First biases with an SD of 0.8, not told: with one W for all, beta came out below 0 for a true 0.5."""
    rng, n, t = np.random.default_rng(1), 30, 300
    x, side = rng.choice([-1, -0.5, -0.25, 0, 0.25, 0.5, 1], (n, t)), rng.integers(0, 2, (n, t))
    side = np.where(x == 0, side, x > 0).astype(np.int64)
    w, b = rng.normal(0.5, 0.5, n), rng.normal(0, 0.8, n)
    first, choice = b.copy(), np.empty((n, t), np.int64)
    for k in range(t):
        p = 1 / (1 + np.exp(-(w * x[:, k] + b)))
        choice[:, k] = rng.random(n) < p
        u = 0.15 * (choice[:, k] - p) * ((choice[:, k] == side[:, k]) - 0.5)
        w, b = w + u * x[:, k], b + u
    trials = Trials(
        x,
        choice,
        (choice == side) * 1.0,
        side,
        np.zeros_like(choice),
        np.full(n, t),
        tuple(map(str, range(n))),
    )
    profile = baseline_profile(trials, [-0.5, 0, 0.25, 0.5, 0.75, 1, 1.5])
    assert profile.interval[0] <= 0.5 <= profile.interval[1]
    assert profile.best > 0
    assert profile.first_weights == "random effect"
    assert profile.spread[1] == pytest.approx(0.8, abs=0.3)
    fit = fit_rule("reinforce-baseline", trials)
    assert np.corrcoef(fit.starts[:, 1], first)[0, 1] > 0.8


def test_no_choice_of_a_new_animal_is_used_to_predict_itself():
    trials = dataclasses.replace(simulate("reinforce", 6, 60).trials, initial=None)
    fit = fit_rule("reinforce", trials)
    other = dataclasses.replace(
        trials, choice=np.where(np.arange(60) >= 40, 1 - trials.choice, trials.choice)
    )

    def path(part):
        return predicted(part, fit.mean, lambda counts, starts: first_weights(fit, part, counts, starts))

    np.testing.assert_array_equal(path(trials)[:, :41], path(other)[:, :41])
    assert not np.array_equal(path(trials)[:, 42], path(other)[:, 42])


@pytest.mark.parametrize("rule", PARAMETRIC[1:])
def test_the_rule_that_made_the_data_is_found_with_its_rate(rule):
    data = simulate(rule, 150, 200, seed=3)
    fits = {name: fit_rule(name, data.trials) for name in PARAMETRIC}
    nested = {"reinforce-baseline", rule}  # REINFORCE is the baseline's case of 0
    assert max(fits, key=lambda name: fits[name].log_likelihood) in nested
    assert fits[rule].params[0] == pytest.approx(2**-4, rel=0.1)
    np.testing.assert_allclose(
        first_weights(with_truth(fits[rule]), data.trials)[1], data.weights[:, :-1], atol=1e-9
    )


def with_truth(fit):
    """The fit with the true parameters."""
    beta = 0.5 if fit.rule == "reinforce-baseline" else 0.0
    return fit._replace(params=np.array([2**-4, 2**-4, beta, 0.0, 0.0, 0.0, 0.0]))


@pytest.mark.parametrize(("rule", "beta"), [("reinforce", 0.0), ("reinforce-baseline", 0.5)])
def test_the_profile_peaks_at_the_true_baseline(rule, beta):
    profile = baseline_profile(simulate(rule, 200, 200, seed=4).trials, np.linspace(-0.3, 0.8, 12))
    assert profile.best == pytest.approx(beta, abs=0.1)
    assert profile.interval[0] <= profile.best <= profile.interval[1]
    assert abs(profile.beta[profile.log_likelihood.argmax()] - beta) <= 0.1
    assert profile.log_likelihood.max() <= 0


def test_little_data_does_not_tell_the_baseline():
    narrow, wide = (baseline_profile(simulate("reinforce", n, 100, seed=5).trials) for n in (200, 4))
    assert np.ptp(wide.interval) > 3 * np.ptp(narrow.interval)


def pieces_of(heights, grid=(-2, -1, 0, 1, 2)):
    """Of a profile of straight lines between `heights` at `grid`, in nats; its highest point is the peak."""
    heights = np.array(heights, float)
    peak = float(grid[heights.argmax()])
    return _pieces(np.array(grid, float), heights, peak, lambda beta: float(np.interp(beta, grid, heights)))


@pytest.mark.parametrize(
    ("heights", "expected"),
    [
        ([-9.6, -9.6, 0, -9.6, -9.6], [(-0.2, 0.2)]),  # one peak
        ([-9.6, 0, -9.6, 0, -9.6], [(-1.2, -0.8), (0.8, 1.2)]),  # two, as high as each other
        ([0, -9.6, -9.6, -9.6, -1], [(-2, -1.8), (1.9, 2)]),  # the other one at the edge of the grid
        ([-1, -3, 0, -3, -1], [(-2, -1.54), (-0.64, 0.64), (1.54, 2)]),  # one on each side
        ([-0.5, -1, 0, -1, -0.5], [(-2, 2)]),  # flat
        ([-9.6, -1.9, -1.8, -1.9, 0], [(-1, 2)]),  # a second peak that is never left by 1.92 nats
    ],
)
def test_the_interval_of_a_profile_holds_all_of_its_peaks(heights, expected):
    np.testing.assert_allclose(pieces_of(heights), expected, atol=1 / 32)


def test_a_profile_over_betas_in_any_order_is_the_same():
    heights = {-2: -9.6, -1: -1, 0: -9.6, 1: 0, 2: -9.6}
    grid = np.array([1, -2, 0, 2, -1], float)

    def at(beta):
        return float(np.interp(beta, list(heights), list(heights.values())))

    found = _pieces(grid, np.array([heights[int(b)] for b in grid], float), 1.0, at)
    np.testing.assert_allclose(found, [(-1.1, -0.9), (0.8, 1.2)], atol=1 / 32)


def test_folds_hold_each_animal_out_once_and_never_split_one():
    trials = simulate("reinforce", 11, 20).trials
    folds = make_folds(trials, 4, 0)
    assert folds.over == "animals"
    np.testing.assert_array_equal(folds.test.sum(0), trials.valid)
    assert (folds.test.all(2) == folds.test.any(2)).all()


def test_one_animal_is_cut_into_stretches_of_sessions():
    trials = simulate("reinforce", 1, 60).trials
    trials = dataclasses.replace(trials, session=np.arange(60)[None] // 12)
    folds = make_folds(trials, 5, 0)
    assert folds.over == "sessions"
    np.testing.assert_array_equal(folds.test[:, 0].argmax(1), [0, 12, 24, 36, 48])
    with pytest.raises(OntogymError, match="one session"):
        make_folds(simulate("reinforce", 1, 60).trials, 5, 0)
    with pytest.raises(OntogymError, match="2 or more"):
        make_folds(trials, 1, 0)


def test_held_out_scores_rank_the_true_rule_first_with_paired_gains():
    trials = simulate("reinforce", 60, 150, seed=6).trials
    folds = make_folds(trials, 3, 0)
    held_out = {rule: cross_validate_rule(rule, trials, folds) for rule in PARAMETRIC}
    found = {rule: score(values, trials, folds.over, held_out["static"]) for rule, values in held_out.items()}
    assert max(found, key=lambda rule: found[rule]["mean"]) in ("reinforce", "reinforce-baseline")
    assert found["reinforce"]["gain_ci95"][0] > 0
    assert found["static"]["gain"] == 0
    low, high = found["reinforce"]["ci95"]
    assert low < found["reinforce"]["mean"] < high


def test_network_folds_go_on_where_they_stopped():
    trials = simulate("reinforce", 8, 30).trials
    folds = make_folds(trials, 2, 0)
    config = FitConfig(hidden=4, epochs=3, batch=4)
    whole = cross_validate_network(trials, folds, config)
    kept: dict[int, FitState] = {}

    class Stop(Exception):
        pass

    def stop(k, state):
        if (k, state.epoch) == (1, 2):
            raise Stop

    with pytest.raises(Stop):
        cross_validate_network(trials, folds, config, kept, stop)
    again = {k: FitState.from_arrays(state.arrays()) for k, state in kept.items()}
    np.testing.assert_array_equal(cross_validate_network(trials, folds, config, again), whole)


def test_animals_of_early_stopping_are_a_share_of_the_training_set_and_whole():
    trials = simulate("reinforce", 12, 10).trials
    train = trials.valid & (np.arange(12) > 1)[:, None]
    fit, check = split_check(trials, train, 0.2, "animals", 0)
    assert check is not None
    assert (fit + check == train).all()
    assert check.any(1).sum() == 2
    assert (check.all(1) == check.any(1)).all()
    assert split_check(trials, train, 0.0, "animals", 0)[1] is None
    sessions = dataclasses.replace(trials.rows(np.array([0])), session=np.arange(10)[None] // 2)
    _, check = split_check(sessions, sessions.valid, 0.2, "sessions", 0)
    assert check is not None
    assert len(np.unique(sessions.session[check > 0])) == 1


def test_early_stopping_keeps_the_parameters_that_did_best_on_other_animals():
    trials = simulate("reinforce", 6, 30).trials
    fit, check = split_check(trials, trials.valid, 0.5, "animals", 0)
    config = FitConfig(hidden=16, epochs=40, batch=1, learning_rate=0.03)
    state, seen = FitState.begin(config), {}
    for _ in epochs(trials, fit, config, state, check):
        path = trajectory(config.network, state.params, trials)
        seen[state.epoch] = -(log_likelihood(path, trials) * check).sum() / check.sum()
    best = min(
        (epoch for epoch in seen if epoch > 20), key=lambda epoch: seen[epoch]
    )  # not before half of them
    assert state.best_epoch == best < 40
    assert state.best_loss == pytest.approx(seen[best], rel=1e-12)


def test_unknown_rule():
    with pytest.raises(UnknownNameError, match="did you mean 'reinforce'"):
        fit_rule("reinforc", simulate("reinforce", 2, 10).trials)


def test_no_baseline_fits_worse_than_a_policy_that_never_changes():
    """A search that begins at its neighbour's fit alone went astray here, by up to 32 000 nats."""
    rng = np.random.default_rng(0)
    animals, steps = 20, 300
    x, choice, side = (np.zeros((animals, steps)) for _ in range(3))
    for a in range(animals):
        w, b = rng.normal(0, 0.3), rng.normal(0, 0.3)
        for t in range(steps):
            contrast, right = rng.choice((1, 0.5, 0.25, 0.125, 0.0625)), rng.choice([-1, 1])
            x[a, t], side[a, t] = contrast * right, right > 0
            p = 1 / (1 + np.exp(-(w * x[a, t] + b)))
            choice[a, t] = rng.random() < p
            credit = 0.15 * ((choice[a, t] == side[a, t]) - 0.5) * (choice[a, t] - p)
            w, b = w + credit * x[a, t], b + credit
    names, lengths = tuple(map(str, range(animals))), np.full(animals, steps)
    trials = Trials(x, choice, (choice == side) * 1.0, side, np.zeros_like(choice), lengths, names)
    profile = baseline_profile(trials, [0.5, 0.75, 1, 1.25, 1.5, 2])
    fits = (fit_rule(rule, trials).log_likelihood for rule in ("static", "reinforce-baseline"))
    static, free = (each * lengths.sum() for each in fits)
    assert profile.log_likelihood.min() >= static - free - 0.5
