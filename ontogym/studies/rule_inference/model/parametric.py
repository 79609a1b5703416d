r"""Learning rules with a handful of parameters: what a network must beat, and the profile over the baseline.

Each changes the weight by :math:`\alpha_w u_t x_t` and the bias by :math:`\alpha_b u_t`, with u the drive of
`simulate` (static: 0). They are fitted by maximum likelihood (L-BFGS, exact gradients). A baseline far below 0
(it is bounded by -5) reinforces what was chosen whether or not it was rewarded: the animal perseveres.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ontogym.errors import UnknownNameError
from ontogym.studies.rule_inference.model.trials import Trials

__all__ = ["PARAMETRIC", "Profile", "RuleFit", "baseline_profile", "fit_rule", "rule_trajectory"]

PARAMETRIC = ("static", "reinforce", "reinforce-baseline", "predict-max", "reward-max")
GRID = (-5, -4, -3, -2, -1.5, -1, -0.75, -0.5, -0.25, 0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1)
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


# Steps of the search are taken in these units; beyond the bounds a policy is deterministic, its likelihood flat.
SCALES = np.array([0.01, 0.01, 0.3, 1.0, 1.0])
BOUNDS = np.array([2.0, 2.0, 5.0, 20.0, 20.0])


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
    ``best``: beta of the maximum. ``interval``: the betas within 1.92 nats of it, a 95 % likelihood interval
    if REINFORCE with one baseline and one rate for all animals is true; its ends are cut to the grid.
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
    total = counts.sum()

    def objective(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        params = fixed.copy()
        params[free] = values * SCALES[free]
        loss, gradient, _ = _loss(rule, params, trials, counts)
        return loss / total, gradient[free] * SCALES[free] / total

    # Over thousands of trials the likelihood has ridges on which a line search fails: several ways in.
    starts = [near.params] if near is not None else []
    if rule != "static":
        still = np.zeros(5) if known else fit_rule("static", trials, counts).params
        starts += [still + [rate, rate, 0, 0, 0] for rate in (1e-3, 0.03)]
    best: RuleFit | None = None
    for start in starts or [np.zeros(5)]:
        fixed = start.copy()
        if beta is not None:
            fixed[2] = beta
        bounds = [(-BOUNDS[k] / SCALES[k], BOUNDS[k] / SCALES[k]) for k in free]
        found = minimize(objective, fixed[free] / SCALES[free], jac=True, method="L-BFGS-B", bounds=bounds)
        if best is None or -found.fun > best.log_likelihood:
            fixed[free] = found.x * SCALES[free]
            best = RuleFit(rule, fixed.copy(), -float(found.fun))
    assert best is not None
    return best


def rule_trajectory(fit: RuleFit, trials: Trials) -> NDArray[np.float64]:
    """W before every trial under a fitted rule, ``(A, T, 2)``; NaN where there is no trial."""
    return _loss(fit.rule, fit.params, trials, np.zeros_like(trials.stimulus))[2]


def baseline_profile(trials: Trials, betas: Sequence[float] | None = None) -> Profile:
    """The likelihood of REINFORCE with each baseline, on all trials.

    REINFORCE has the same expected update for any baseline, so weights and likelihood may look perfect while
    the split between correct and error trials has the wrong sign. A flat profile means that the data do not
    tell; no asymmetry should be claimed without it.
    """
    grid = np.array(GRID if betas is None else betas, dtype=np.float64)
    free, n = fit_rule("reinforce-baseline", trials), float(trials.lengths.sum())
    total = np.empty(len(grid))
    # From the peak outwards, each from its neighbour's fit.
    middle = int(np.abs(grid - free.params[2]).argmin())
    for side in (range(middle, len(grid)), range(middle, -1, -1)):
        last = free
        for k in side:
            last = fit_rule("reinforce-baseline", trials, beta=float(grid[k]), near=last)
            total[k] = last.log_likelihood * n

    def at(beta: float) -> float:
        return fit_rule("reinforce-baseline", trials, beta=beta, near=free).log_likelihood * n

    best, peak = max(float(total.max()), free.log_likelihood * n), float(free.params[2])
    ends = [_end(grid[side], total[side] - best, peak, lambda b: at(b) - best)
            for side in (np.flatnonzero(grid < peak)[::-1], np.flatnonzero(grid > peak))]  # fmt: skip
    return Profile(grid, total - best, peak, (ends[0], ends[1]))


def _end(
    grid: NDArray[np.float64],
    relative: NDArray[np.float64],
    peak: float,
    at: Callable[[float], float],
) -> float:
    """Where a profile, given from its peak outwards, has fallen by 1.92 nats; the last of `grid` if nowhere."""
    fallen = np.flatnonzero(relative < -DROP)
    if not len(fallen):
        return float(grid[-1]) if len(grid) else peak
    outside = float(grid[fallen[0]])
    inside = float(grid[fallen[0] - 1]) if fallen[0] else peak
    # Eight halvings: a 256th of a step of the grid.
    for _ in range(8):
        middle = (inside + outside) / 2
        inside, outside = (inside, middle) if at(middle) < -DROP else (middle, outside)
    return inside
