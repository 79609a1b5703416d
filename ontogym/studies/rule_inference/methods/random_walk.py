r"""Weights that drift at random: a filter and a smoother without any rule (after Roy et al. 2021; Smith et al. 2004).

.. math:: W_{t+1} = W_t + \eta_t, \quad \eta_t \sim N(0, \mathrm{diag}(\sigma_w^2, \sigma_b^2))

The posterior of W is kept as a normal, each choice moving it to its mode along the only direction that the choice tells of.
The two deviations maximise the probability of every choice given the earlier ones; first weights are those of the static
policy that is fitted with a random effect.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.compiling import COMPILED, njit
from ontogym.studies.rule_inference.model.parametric import fit_rule
from ontogym.studies.rule_inference.model.trials import Trials

__all__ = ["RandomWalk", "random_walk"]


@njit(**COMPILED)
def _filter(x, choice, lengths, drift, mean0, var0, smooth, path, log_p):  # type: ignore[no-untyped-def]
    """Fills ``log_p`` (A, T), the log-probability of each choice given the earlier ones, and ``path`` (A, T, 2), W before it:
    filtered, or smoothed over all choices. Returns the sum of `log_p`."""
    total = 0.0
    for a in range(len(lengths)):
        n = lengths[a]
        means, covs = np.zeros((n + 1, 2)), np.zeros((n + 1, 2, 2))
        m0, m1, p00, p01, p11 = mean0[0], mean0[1], var0[0], 0.0, var0[1]
        for t in range(n):
            path[a, t, 0], path[a, t, 1] = m0, m1
            h = x[a, t]
            g0, g1 = p00 * h + p01, p01 * h + p11  # P h, with h = (x, 1)
            v, z = g0 * h + g1, m0 * h + m1
            # A logistic function under a normal argument (MacKay 1992)
            mean = z / np.sqrt(1 + np.pi * v / 8)
            log_p[a, t] = -np.log1p(np.exp(-mean)) if choice[a, t] else -np.log1p(np.exp(mean))
            total += log_p[a, t]
            mode = z
            for _ in range(6):  # Newton: mode = z + v (y - sigma(mode))
                q = 1 / (1 + np.exp(-mode))
                mode -= (mode - z - v * (choice[a, t] - q)) / (1 + v * q * (1 - q))
            q = 1 / (1 + np.exp(-mode))
            c = q * (1 - q) / (1 + v * q * (1 - q))
            m0, m1 = m0 + g0 * (choice[a, t] - q), m1 + g1 * (choice[a, t] - q)
            p00, p01, p11 = p00 - c * g0 * g0, p01 - c * g0 * g1, p11 - c * g1 * g1
            means[t, 0], means[t, 1] = m0, m1
            covs[t, 0, 0], covs[t, 0, 1], covs[t, 1, 0], covs[t, 1, 1] = p00, p01, p01, p11
            p00, p11 = p00 + drift[0], p11 + drift[1]
        if not smooth:
            continue
        s0, s1 = means[n - 1, 0], means[n - 1, 1]  # after the last choice
        for t in range(n - 2, -1, -1):  # Rauch, Tung and Striebel: W before trial t + 1, given all
            a00, a01, a11 = covs[t, 0, 0], covs[t, 0, 1], covs[t, 1, 1]
            b00, b11 = a00 + drift[0], a11 + drift[1]
            det = b00 * b11 - a01 * a01
            d0, d1 = s0 - means[t, 0], s1 - means[t, 1]
            e0, e1 = (b11 * d0 - a01 * d1) / det, (b00 * d1 - a01 * d0) / det
            path[a, t + 1, 0], path[a, t + 1, 1] = s0, s1
            s0, s1 = means[t, 0] + a00 * e0 + a01 * e1, means[t, 1] + a01 * e0 + a11 * e1
        path[a, 0, 0], path[a, 0, 1] = s0, s1
    return total


class RandomWalk(NamedTuple):
    """``drift`` (2,): variances of a step; ``mean`` and ``variance`` (2,) of the first weights; the animals fitted."""

    drift: NDArray[np.float64]
    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    trials: Trials

    def run(self, trials: Trials, smooth: bool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """W before every trial ``(A, T, 2)``, and the log-probability of each choice given the earlier ones."""
        path, log_p = np.full((*trials.choice.shape, 2), np.nan), np.zeros(trials.choice.shape)
        _filter(
            trials.stimulus,
            trials.choice,
            trials.lengths,
            self.drift,
            self.mean,
            self.variance,
            smooth,
            path,
            log_p,
        )
        return path, log_p

    def path(self) -> NDArray[np.float64]:
        return self.run(self.trials, smooth=True)[0]

    def predict(self, trials: Trials) -> NDArray[np.float64]:
        return self.run(trials, smooth=False)[1]


def random_walk(trials: Trials, seed: int) -> RandomWalk:
    """The random walk under which the choices are most probable. There is no chance in it."""
    from scipy.optimize import minimize

    first = fit_rule("static", trials)

    def at(logs: NDArray[np.float64]) -> RandomWalk:
        return RandomWalk(np.exp(2 * logs), first.mean, first.spread**2, trials)

    def loss(logs: NDArray[np.float64]) -> float:
        return -float(at(np.clip(logs, -12, 2)).predict(trials).sum()) / float(trials.lengths.sum())

    found = minimize(loss, np.log([0.03, 0.03]), method="Nelder-Mead", options={"maxfev": 80, "fatol": 1e-7})
    return at(np.clip(found.x, -12, 2))
