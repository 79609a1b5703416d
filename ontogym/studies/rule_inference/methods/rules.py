"""The package's own models as methods: rules of few parameters, and networks."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.studies.rule_inference.config import InferenceConfig
from ontogym.studies.rule_inference.model.fitting import (
    FitConfig,
    FitState,
    epochs,
    log_likelihood,
    trajectory,
)
from ontogym.studies.rule_inference.model.parametric import RuleFit, first_weights, fit_rule
from ontogym.studies.rule_inference.model.trials import Trials
from ontogym.studies.rule_inference.model.validation import predicted, predicted_by_network

__all__ = ["dnn", "gru", "predict_max", "reinforce", "reinforce_baseline", "reward_max", "static", "tiny_gru"]


class RuleMethod(NamedTuple):
    """A rule of `fit_rule` and the animals that it was fitted to."""

    fit: RuleFit
    trials: Trials

    def path(self) -> NDArray[np.float64]:
        return first_weights(self.fit, self.trials, starts=self.fit.starts)[1]

    def predict(self, trials: Trials) -> NDArray[np.float64]:
        found = predicted(trials, self.fit.mean, partial(first_weights, self.fit, trials))
        return log_likelihood(found, trials)


def _rule(name: str, trials: Trials, seed: int) -> RuleMethod:
    return RuleMethod(fit_rule(name, trials), trials)


class NetworkMethod(NamedTuple):
    """A network and the animals that it was fitted to."""

    config: FitConfig
    state: FitState
    trials: Trials

    def path(self) -> NDArray[np.float64]:
        return trajectory(self.config.network, self.state.best, self.trials, self.state.best_starts)

    def predict(self, trials: Trials) -> NDArray[np.float64]:
        return log_likelihood(predicted_by_network(self.config, self.state, trials), trials)


def _network(kind: str, hidden: int, trials: Trials, seed: int) -> NetworkMethod:
    return fit_network(InferenceConfig(seed=seed, hidden=hidden), kind, trials)


def fit_network(asked: InferenceConfig, kind: str, trials: Trials) -> NetworkMethod:
    """A network of this kind, fitted to all trials as `asked`."""
    config = asked.fit(kind, trials.lengths)
    state = FitState.begin(config)
    for _ in epochs(trials, trials.valid.astype(np.float64), config, state):
        pass
    return NetworkMethod(config, state, trials)


static = partial(_rule, "static")
reinforce = partial(_rule, "reinforce")
reinforce_baseline = partial(_rule, "reinforce-baseline")
predict_max = partial(_rule, "predict-max")
reward_max = partial(_rule, "reward-max")
dnn = partial(_network, "dnn", 32)
gru = partial(_network, "gru", 32)
tiny_gru = partial(_network, "gru", 2)
