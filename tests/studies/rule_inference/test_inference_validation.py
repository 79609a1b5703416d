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
    baseline_profile,
    fit_rule,
    rule_trajectory,
)
from ontogym.studies.rule_inference.model.simulate import simulate
from ontogym.studies.rule_inference.model.validation import (
    cross_validate_network,
    cross_validate_rule,
    make_folds,
    score,
    split_check,
)


@pytest.mark.parametrize("rule", PARAMETRIC)
def test_gradient_of_the_likelihood(rule):
    trials = dataclasses.replace(simulate("reinforce", 4, 60).trials, initial=None)
    params = np.array([0.05, 0.07, 0.3, 0.2, -0.1])
    counts = np.random.default_rng(0).uniform(0, 1, trials.reward.shape)
    numeric = [
        (_loss(rule, params + e, trials, counts)[0] - _loss(rule, params - e, trials, counts)[0]) / 2e-6
        for e in np.eye(5) * 1e-6
    ]
    # Central differences of a sum of some hundred: rounding alone is 1e-7.
    np.testing.assert_allclose(_loss(rule, params, trials, counts)[1], numeric, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("rule", PARAMETRIC[1:])
def test_the_rule_that_made_the_data_is_found_with_its_rate(rule):
    data = simulate(rule, 150, 200, seed=3)
    fits = {name: fit_rule(name, data.trials) for name in PARAMETRIC}
    nested = {"reinforce-baseline", rule}  # REINFORCE is the baseline's case of 0
    assert max(fits, key=lambda name: fits[name].log_likelihood) in nested
    assert fits[rule].params[0] == pytest.approx(2**-4, rel=0.1)
    np.testing.assert_allclose(
        rule_trajectory(with_truth(fits[rule]), data.trials), data.weights[:, :-1], atol=1e-9
    )


def with_truth(fit):
    """The fit with the true parameters."""
    beta = 0.5 if fit.rule == "reinforce-baseline" else 0.0
    return fit._replace(params=np.array([2**-4, 2**-4, beta, 0.0, 0.0]))


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
    best = min(seen, key=lambda epoch: seen[epoch])
    assert state.best_epoch == best < 40
    assert state.best_loss == pytest.approx(seen[best], rel=1e-12)


def test_unknown_rule():
    with pytest.raises(UnknownNameError, match="did you mean 'reinforce'"):
        fit_rule("reinforc", simulate("reinforce", 2, 10).trials)
