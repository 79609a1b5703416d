"""A policy that jumps between a few fixed ones: a GLM-HMM (Ashwood et al. 2022), fitted by expectation and maximisation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.compiling import COMPILED, njit
from ontogym.seeding import generator
from ontogym.studies.rule_inference.model.parametric import fit_rule
from ontogym.studies.rule_inference.model.trials import Trials

__all__ = ["GLMHMM", "glm_hmm"]

STATES, ROUNDS, STICKY = 3, 60, 20.0
PRIOR_SD = 2.0
"""Of each state's weight and bias around 0."""


@njit(**COMPILED)
def _chance(x, choice, lengths, weights):  # type: ignore[no-untyped-def]
    """Probability of each choice in each state, ``(A, T, K)``."""
    found = np.ones((*x.shape, len(weights)))
    for a in range(len(lengths)):
        for t in range(lengths[a]):
            for k in range(len(weights)):
                q = 1 / (1 + np.exp(-(weights[k, 0] * x[a, t] + weights[k, 1])))
                found[a, t, k] = max(q if choice[a, t] else 1 - q, 1e-12)
    return found


@njit(**COMPILED)
def _expect(chance, lengths, first, jump, back):  # type: ignore[no-untyped-def]
    """Forward and (if `back`) backward pass.

    Returns the state's distribution before each choice given the earlier ones ``(A, T, K)``; given all; the expected jumps
    ``(K, K)``; and the log-probability of each choice given the earlier ones ``(A, T)``.
    """
    animals, trials, states = chance.shape
    before, given = np.zeros(chance.shape), np.zeros(chance.shape)
    jumps, log_p = np.zeros((states, states)), np.zeros((animals, trials))
    for a in range(animals):
        n, now = lengths[a], first.copy()
        after = np.zeros((n, states))
        for t in range(n):
            before[a, t] = now
            joint = now * chance[a, t]
            scale = joint.sum()
            log_p[a, t] = np.log(scale)
            after[t] = joint / scale
            now = after[t] @ jump
        if not back:
            continue
        tail = np.ones(states)
        for t in range(n - 1, -1, -1):
            weight = after[t] * tail
            given[a, t] = weight / weight.sum()
            if t > 0:
                ahead = chance[a, t] * tail
                both = after[t - 1].reshape(-1, 1) * jump * ahead
                jumps += both / both.sum()
                tail = jump @ ahead
                tail /= tail.sum()
    return before, given, jumps, log_p


class GLMHMM(NamedTuple):
    """``weights`` (K, 2), ``first`` (K,), ``jump`` (K, K) from row to column; the animals fitted."""

    weights: NDArray[np.float64]
    first: NDArray[np.float64]
    jump: NDArray[np.float64]
    trials: Trials

    def path(self) -> NDArray[np.float64]:
        chance = _chance(self.trials.stimulus, self.trials.choice, self.trials.lengths, self.weights)
        given = _expect(chance, self.trials.lengths, self.first, self.jump, True)[1]
        return np.where(self.trials.valid[..., None], given @ self.weights, np.nan)

    def predict(self, trials: Trials) -> NDArray[np.float64]:
        chance = _chance(trials.stimulus, trials.choice, trials.lengths, self.weights)
        return np.asarray(_expect(chance, trials.lengths, self.first, self.jump, False)[3])


def glm_hmm(trials: Trials, seed: int) -> GLMHMM:
    """Three states, from weights drawn around the static policy, in sixty rounds."""
    rng, still = generator(seed, "glm-hmm"), fit_rule("static", trials)
    spread = np.maximum(still.spread, 0.5)
    weights = still.mean + spread * rng.standard_normal((STATES, 2))
    first = np.full(STATES, 1 / STATES)
    jump = np.full((STATES, STATES), 0.02 / (STATES - 1)) + np.eye(STATES) * (0.98 - 0.02 / (STATES - 1))
    for _ in range(ROUNDS):
        chance = _chance(trials.stimulus, trials.choice, trials.lengths, weights)
        _, given, jumps, _ = _expect(chance, trials.lengths, first, jump, True)
        first = given[:, 0].mean(0)
        jumps = jumps + 1 + STICKY * np.eye(STATES)
        jump = jumps / jumps.sum(1, keepdims=True)
        weights = np.stack([_regress(trials, given[..., k], weights[k]) for k in range(STATES)])
    return GLMHMM(weights, first, jump, trials)


def _regress(trials: Trials, counts: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logistic regression of the choices weighted by `counts`, by four steps of Newton."""
    keep = trials.valid
    c, y = counts[keep], trials.choice[keep]
    design = np.stack([trials.stimulus[keep], np.ones(len(y))], 1)
    for _ in range(4):
        q = 1 / (1 + np.exp(-design @ at))
        slope = design.T @ (c * (q - y)) + at / PRIOR_SD**2
        curve = (design * (c * q * (1 - q))[:, None]).T @ design + np.eye(2) / PRIOR_SD**2
        at = at - np.linalg.solve(curve, slope)
    return np.asarray(at)
