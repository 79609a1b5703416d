r"""A rule as a Taylor expansion in what a synapse may see (after Mehta et al. 2024).

.. math:: \Delta W_k = \sum_{ijlm} \theta_{kijlm}\, x^i\, f^j\, r^l\, W_k^m, \quad i, m \le 2, \; j, l \le 1

with f the choice (-1, 1; its square is 1), r the reward (0, 1) and W_k weight or bias: 36 terms for each of the two. First
weights are those that REINFORCE with a baseline gives each animal; coefficients have a normal prior.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.compiling import COMPILED, njit
from ontogym.studies.rule_inference.model.fitting import log_likelihood
from ontogym.studies.rule_inference.model.parametric import RuleFit, first_weights, fit_rule
from ontogym.studies.rule_inference.model.trials import Trials
from ontogym.studies.rule_inference.model.validation import predicted

__all__ = ["Taylor", "taylor"]

TERMS = 36
PRIOR_SD = np.tile(0.03 * 0.3 ** np.arange(3), TERMS // 3)
"""Of each coefficient, in the order of the terms: a third for each power of the weight, since high powers run away."""
BOUND = 20.0
"""Beyond such weights a polynomial runs away; they are held there."""


@njit(**COMPILED)
def _walk(theta, x, choice, reward, lengths, starts, counts, path, slope):  # type: ignore[no-untyped-def]
    """Loss of the choices; W before each into `path`; the loss's slope in theta is added to `slope` (2, 36), if it has room."""
    loss, learn = 0.0, slope.size > 0
    terms, inner = np.empty(TERMS), np.empty(TERMS)
    for a in range(len(lengths)):
        W = starts[a].copy()
        ahead = np.zeros((2, TERMS))  # slope of W_k in theta_k: each depends on its own terms alone
        for t in range(lengths[a]):
            path[a, t, 0], path[a, t, 1] = W[0], W[1]
            z = W[0] * x[a, t] + W[1]
            c = counts[a, t]
            loss += c * (max(z, 0.0) + np.log1p(np.exp(-abs(z))) - choice[a, t] * z)
            if learn:
                error = c * (1 / (1 + np.exp(-z)) - choice[a, t])
                slope[0] += error * x[a, t] * ahead[0]
                slope[1] += error * ahead[1]
            f, r = 2.0 * choice[a, t] - 1.0, reward[a, t]
            for k in range(2):
                place = 0
                for i in range(3):
                    for j in range(2):
                        for l in range(2):
                            v = x[a, t] ** i * f**j * (r if l else 1.0)
                            for m in range(3):
                                terms[place] = v * W[k] ** m
                                inner[place] = v * m * W[k] ** (m - 1) if m else 0.0
                                place += 1
                if learn:
                    ahead[k] += terms + ahead[k] * (theta[k] @ inner)
                W[k] += theta[k] @ terms
                if abs(W[k]) > BOUND:
                    W[k] = BOUND if W[k] > 0 else -BOUND
                    ahead[k] = 0.0
    return loss


class Taylor(NamedTuple):
    """``theta`` (2, 36); REINFORCE with a baseline, which places first weights; the animals fitted."""

    theta: NDArray[np.float64]
    first: RuleFit
    trials: Trials

    def along(self, trials: Trials, starts: NDArray[np.float64]) -> NDArray[np.float64]:
        """W before every trial, ``(A, T, 2)``."""
        path = np.full((*trials.choice.shape, 2), np.nan)
        _walk(self.theta, trials.stimulus, trials.choice, trials.reward, trials.lengths, starts,
              np.zeros(trials.choice.shape), path, np.zeros((2, 0)))  # fmt: skip
        return path

    def path(self) -> NDArray[np.float64]:
        return self.along(self.trials, self.first.starts)

    def predict(self, trials: Trials) -> NDArray[np.float64]:
        def place(
            counts: NDArray[np.float64], starts: NDArray[np.float64]
        ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
            starts = first_weights(self.first, trials, counts, starts)[0]
            return starts, self.along(trials, starts)

        return log_likelihood(predicted(trials, self.first.mean, place), trials)


def taylor(trials: Trials, seed: int) -> Taylor:
    """The coefficients that are most probable given the choices. There is no chance in it."""
    from scipy.optimize import minimize

    first = fit_rule("reinforce-baseline", trials)
    counts, room = trials.valid.astype(np.float64), np.zeros((*trials.choice.shape, 2))
    total = counts.sum()

    def loss(scaled: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        theta, slope = PRIOR_SD * scaled.reshape(2, TERMS), np.zeros((2, TERMS))
        value = _walk(
            theta,
            trials.stimulus,
            trials.choice,
            trials.reward,
            trials.lengths,
            first.starts,
            counts,
            room,
            slope,
        )
        # Minus the logarithm of the posterior, a trial
        return (value + 0.5 * scaled @ scaled) / total, ((PRIOR_SD * slope).ravel() + scaled) / total

    found = minimize(loss, np.zeros(2 * TERMS), jac=True, method="L-BFGS-B", options={"maxiter": 300})
    return Taylor(PRIOR_SD * found.x.reshape(2, TERMS), first, trials)
