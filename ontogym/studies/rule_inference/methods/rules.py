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
    settle,
    trajectory,
)
from ontogym.studies.rule_inference.model.parametric import RuleFit, first_weights, fit_rule
from ontogym.studies.rule_inference.model.trials import Trials
from ontogym.studies.rule_inference.model.validation import predicted

__all__ = ["dnn", "gru", "predict_max", "reinforce", "reinforce_baseline", "reward_max", "static", "tiny_gru"]


class RuleMethod(NamedTuple):
    """A rule of `fit_rule` and the animals that it was fitted to."""

    fit: RuleFit
    trials: Trials

    def path(self) -> NDArray[np.float64]:
        return first_weights(self.fit, self.trials, starts=self.fit.starts)[1]

    def predict(self, trials: Trials) -> NDArray[np.float64]:
        found = predicted(
            trials, self.fit.mean, lambda counts, starts: first_weights(self.fit, trials, counts, starts)
        )
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
        network, params = self.config.network, self.state.best

        def place(
            counts: NDArray[np.float64], starts: NDArray[np.float64]
        ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
            starts = settle(network, params, trials, self.state.prior, counts, starts)
            return starts, trajectory(network, params, trials, starts)

        return log_likelihood(predicted(trials, self.state.prior[0], place), trials)


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
