"""The portrait of a rule, its history with interval and null, and rules that live and are inferred again."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ontogym.developmental.rules.inferred.network import UpdateNetwork
from ontogym.developmental.rules.inferred.rule import SavedRule
from ontogym.statistics import jackknife_interval
from ontogym.studies.rule_inference.model.fitting import FitConfig, trajectory
from ontogym.studies.rule_inference.model.portrait import (
    forgetting,
    portrait,
    psychometric,
    stimulus_curve,
)
from ontogym.studies.rule_inference.model.recovery import history_slope
from ontogym.studies.rule_inference.model.round_trip import choices_of, round_trip
from ontogym.studies.rule_inference.model.simulate import simulate
from ontogym.studies.rule_inference.portrait_figure import portrait_figure


def random_rule(kind, seed=0, scale=0.05):
    network = UpdateNetwork(kind, 6)
    params = network.initialise(seed)
    params[:2] = scale
    return network, params


def test_a_jackknife_of_means_has_their_standard_error():
    values = np.array([1.0, 2.0, 4.0, 9.0])
    parts = (values.sum() - values) / 3
    low, high = jackknife_interval(values.mean(), parts)
    assert high - low == pytest.approx(2 * 1.96 * values.std(ddof=1) / 2)


def test_a_rule_that_pulls_the_weight_to_zero_forgets_so_much():
    network = UpdateNetwork("dnn", 2)
    params = np.zeros(network.n_params)
    parts = {k: v.numpy() for k, v in network.unpack(torch.tensor(params)).items()}
    parts = {name: np.zeros(part.shape) for name, part in parts.items()}
    parts["scale"][:] = 1
    parts["w1"][0] = [1, -1]  # relu(w), relu(-w)
    parts["w2"][:] = np.eye(2)
    parts["w3"][:, 0] = [-0.1, 0.1]  # dw = -0.1 w
    flat = np.concatenate([part.ravel() for part in parts.values()])
    assert forgetting(network, flat, np.linspace(-2, 3, 7)) == pytest.approx(0.1)


def test_only_a_rule_with_memory_has_curves_by_the_past():
    x = np.linspace(-1, 1, 5)
    for kind, same in (("dnn", True), ("gru", False)):
        network, params = random_rule(kind)
        none, every = (stimulus_curve(network, params, x, (0.5, 0.0), past) for past in (0, 1))
        assert none.shape == (2, 5)
        assert np.array_equal(none, every) == same


def test_a_portrait_has_bands_around_its_curves_and_is_drawn():
    animals = simulate("reinforce", 6, 60, 1)
    path = animals.weights[:, :-1]
    models = {}
    for kind in ("dnn", "gru"):
        network, params = random_rule(kind)
        folds = [params + 0.01 * k for k in range(3)]
        found = models.setdefault(kind, {"portrait": portrait(network, params, folds, path, animals.trials)})
        curve = found["portrait"]["curves"][0]["correct"]
        assert (np.array(curve["low"]) <= curve["change"]).all()
        assert len(found["portrait"]["curves"]) == (6 if kind == "dnn" else 8)
    assert len(portrait_figure({"models": models}, "t").axes) == 8


def test_psychometric_curves_count_every_trial_once_and_the_model_is_the_policy():
    animals = simulate("predict-max", 40, 300, 2)
    parts = psychometric(animals.weights[:, :-1], animals.trials)
    assert sum(sum(part["trials"]) for part in parts) == 40 * 300
    for part in parts:
        assert np.abs(np.subtract(part["data"], part["model"])).max() < 0.1  # 1300 trials or more a bin


def test_the_history_of_a_rule_without_one_is_that_of_the_null():
    animals = simulate("reinforce", 30, 200, 3)
    path = animals.weights[:, :-1]
    own = history_slope(path, animals.trials, path)
    assert own["excess"] == 1
    assert own["excess_ci95"] == [1, 1]
    assert own["ci95"][0] < own["ratio"] < own["ci95"][1]
    other = simulate("reinforce-history", 30, 200, 3)
    assert history_slope(other.weights[:, :-1], other.trials)["ci95"][0] > 2


def test_an_agent_lives_by_the_rule_that_was_inferred():
    network, params = random_rule("gru")
    starts = np.random.default_rng(0).normal(size=(3, 2))
    trials, end = choices_of(SavedRule(network, params, {}), starts, 12, 5)
    assert trials.choice.shape == (3, 12)
    assert trials.initial is None
    # Of its last choice an agent never hears.
    np.testing.assert_allclose(trajectory(network, params, trials, starts)[:, -1], end, atol=1e-6)


def test_a_round_trip_compares_two_rules():
    _, params = random_rule("dnn")
    config = FitConfig("dnn", hidden=6, epochs=1)
    found = round_trip(config, params, np.zeros((4, 2)), 30, 0)
    assert -1 <= found["change"] <= 1
    assert (found["agents"], found["trials"]) == (4, 30)
