r"""Learning rules with a handful of parameters: what a network must beat, and the profile over the baseline.

Each changes the weight by :math:`\alpha_w u_t x_t` and the bias by :math:`\alpha_b u_t`, with u the drive of
`simulate` (static: 0). They are fitted by maximum likelihood (L-BFGS, exact gradients).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ontogym.developmental.inference.trials import Trials
from ontogym.errors import UnknownNameError

__all__ = ["PARAMETRIC", "Profile", "RuleFit", "baseline_profile", "fit_rule", "rule_trajectory"]

PARAMETRIC = ("static", "reinforce", "reinforce-baseline", "predict-max", "reward-max")
DROP = 1.92
"""Half the 95 % point of a chi-squared of one degree of freedom: nats that bound a likelihood interval."""
NAMES = ("alpha_w", "alpha_b", "beta", "w0", "b0")
_CODES = {"static": 0, "reinforce": 1, "reinforce-baseline": 1, "predict-max": 2, "reward-max": 3}
# Which of NAMES each rule fits; the last two only where W before the first trial is not known.
_FREE = {
    "static": (3, 4),
    "reinforce": (0, 1, 3, 4),
    "reinforce-baseline": (0, 1, 2, 3, 4),
    "predict-max": (0, 1, 3, 4),
    "reward-max": (0, 1, 3, 4),
}


class RuleFit(NamedTuple):
    """A fitted rule: ``params`` (5,) in the order of `NAMES`, and its mean log-likelihood in nats a trial."""

    rule: str
    params: NDArray[np.float64]
    log_likelihood: float

    def as_json(self) -> dict[str, Any]:
        """Rule, parameters by name, log-likelihood."""
        named = {name: float(value) for name, value in zip(NAMES, self.params)}
        return {"rule": self.rule, "log_likelihood": self.log_likelihood, **named}


class Profile(NamedTuple):
    """Log-likelihood of REINFORCE over its baseline, all else fitted anew at each.

    ``beta`` (n,); ``log_likelihood`` (n,) summed over the trials, in nats, relative to the best of them.
    ``interval``: the betas within 1.92 nats of it (a 95 % likelihood interval, trials taken as independent).
    """

    beta: NDArray[np.float64]
    log_likelihood: NDArray[np.float64]
    best: float
    interval: tuple[float, float]

    def as_json(self) -> dict[str, Any]:
        """The fields as lists."""
        table = {"beta": self.beta.tolist(), "log_likelihood": self.log_likelihood.tolist()}
        return {**table, "best": self.best, "interval": list(self.interval)}


@njit(error_model="numpy", cache=True, nogil=True)
def _run(code, p, x, choice, side, reward, counts, lengths, start, known, path, g):  # type: ignore[no-untyped-def]
    """Loss of all animals; adds its gradient to g (5,) and writes W before every trial into `path`."""
    trials = x.shape[1]
    prob, u = np.zeros(trials), np.zeros(trials)
    total = 0.0
    for a in range(len(lengths)):
        w, b = (start[a, 0], start[a, 1]) if known else (p[3], p[4])
        for t in range(lengths[a]):
            path[a, t, 0], path[a, t, 1] = w, b
            z = w * x[a, t] + b
            q = 1.0 / (1.0 + np.exp(-z))
            prob[t] = q
            total += counts[a, t] * (max(z, 0.0) + np.log1p(np.exp(-abs(z))) - choice[a, t] * z)
            if code == 1:
                u[t] = (choice[a, t] - q) * (reward[a, t] - p[2])
            elif code == 2:
                u[t] = side[a, t] - q
            elif code == 3:
                u[t] = 2.0 * q * (1.0 - q) * (2.0 * side[a, t] - 1.0)
            w += p[0] * u[t] * x[a, t]
            b += p[1] * u[t]
        gw, gb = 0.0, 0.0
        for t in range(lengths[a] - 1, -1, -1):
            q, stimulus = prob[t], x[a, t]
            g[0] += gw * u[t] * stimulus
            g[1] += gb * u[t]
            gu = gw * p[0] * stimulus + gb * p[1]
            slope = 0.0  # of u in q
            if code == 1:
                slope = p[2] - reward[a, t]
                g[2] -= gu * (choice[a, t] - q)
            elif code == 2:
                slope = -1.0
            elif code == 3:
                slope = 2.0 * (1.0 - 2.0 * q) * (2.0 * side[a, t] - 1.0)
            gz = counts[a, t] * (q - choice[a, t]) + gu * slope * q * (1.0 - q)
            gw += gz * stimulus
            gb += gz
        if not known:
            g[3] += gw
            g[4] += gb
    return total


def _loss(
    rule: str, params: NDArray[np.float64], trials: Trials, counts: NDArray[np.floating]
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Summed loss, its gradient (5,), and W before every trial (A, T, 2)."""
    gradient, path = np.zeros(5), np.full((*trials.choice.shape, 2), np.nan)
    # A policy that never changes is no newcomer's: it is fitted even where the first W is known.
    known = trials.initial is not None and rule != "static"
    start = trials.initial if trials.initial is not None else np.zeros((len(trials), 2))
    total = _run(_CODES[rule], params, trials.stimulus, trials.choice, trials.side, trials.reward,
                 counts.astype(np.float64), trials.lengths, start, known, path, gradient)  # fmt: skip
    return float(total), gradient, path


def fit_rule(
    rule: str,
    trials: Trials,
    counts: NDArray[np.floating] | None = None,
    beta: float | None = None,
    near: RuleFit | None = None,
) -> RuleFit:
    """The maximum-likelihood parameters of a rule.

    Args:
        rule: one of `PARAMETRIC`.
        trials: the animals.
        counts: ``(A, T)``, weight of each trial in the likelihood; None counts all.
        beta: a baseline to hold fixed (``reinforce-baseline``).
        near: a fit to start from.

    Raises:
        UnknownNameError: no such rule.
    """
    from scipy.optimize import minimize

    if rule not in _FREE:
        raise UnknownNameError("parametric rule", rule, PARAMETRIC)
    counts = trials.valid.astype(np.float64) if counts is None else np.where(trials.valid, counts, 0.0)
    rows = np.flatnonzero(counts.sum(1) > 0)
    trials, counts = trials.rows(rows), counts[rows]
    known = trials.initial is not None and rule != "static"
    free = [k for k in _FREE[rule] if not (known and k >= 3) and not (k == 2 and beta is not None)]
    start = np.array([0.03, 0.03, 0.0, 0.0, 0.0]) if near is None else near.params.copy()
    if beta is not None:
        start[2] = beta
    if rule == "static":
        start[:2] = 0.0
    total = counts.sum()

    def objective(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        params = start.copy()
        params[free] = values
        loss, gradient, _ = _loss(rule, params, trials, counts)
        return loss / total, gradient[free] / total

    # Beyond these a policy is deterministic and its likelihood flat.
    bounds = [((-2.0, 2.0), (-2.0, 2.0), (-5.0, 5.0), (-20.0, 20.0), (-20.0, 20.0))[k] for k in free]
    found = minimize(objective, start[free], jac=True, method="L-BFGS-B", bounds=bounds)
    params = start.copy()
    params[free] = found.x
    return RuleFit(rule, params, -float(found.fun))


def rule_trajectory(fit: RuleFit, trials: Trials) -> NDArray[np.float64]:
    """W before every trial under a fitted rule, ``(A, T, 2)``; NaN where there is no trial."""
    return _loss(fit.rule, fit.params, trials, np.zeros_like(trials.stimulus))[2]


def baseline_profile(trials: Trials, betas: Sequence[float] | None = None) -> Profile:
    """The likelihood of REINFORCE with each baseline, on all trials.

    REINFORCE has the same expected update for any baseline, so weights and likelihood may look perfect while
    the split between correct and error trials has the wrong sign. A flat profile means that the data do not
    tell; no asymmetry should be claimed without it.
    """
    grid = np.linspace(-0.5, 1.0, 16) if betas is None else np.asarray(betas, dtype=np.float64)
    free, n = fit_rule("reinforce-baseline", trials), float(trials.lengths.sum())

    def at(beta: float) -> float:
        return fit_rule("reinforce-baseline", trials, beta=beta, near=free).log_likelihood * n

    total = np.array([at(float(beta)) for beta in grid])
    best, peak = max(float(total.max()), free.log_likelihood * n), float(free.params[2])
    return Profile(grid, total - best, peak, _interval(grid, total - best, peak, lambda b: at(b) - best))


def _interval(
    grid: NDArray[np.float64], relative: NDArray[np.float64], peak: float, at: Callable[[float], float]
) -> tuple[float, float]:
    """Where the profile is within 1.92 nats of its top: by its curvature, or on the grid where that is wide."""
    step = 0.02
    drop = -(at(peak - step) + at(peak + step)) / 2
    width = step * math.sqrt(DROP / drop) if drop > 0 else math.inf
    if width < float(np.diff(grid).max()):
        return peak - width, peak + width
    inside = grid[relative >= -DROP]
    return (min(float(inside.min()), peak), max(float(inside.max()), peak)) if len(inside) else (peak, peak)
