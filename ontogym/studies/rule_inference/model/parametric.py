r"""Learning rules with a handful of parameters: what a network must beat, and the profile over the baseline.

Each changes the weight by :math:`\alpha_w u_t x_t` and the bias by :math:`\alpha_b u_t`, with u the drive of
`simulate` (static: 0). A baseline far below 0 (it is bounded by -5) reinforces what was chosen whether or not it was
rewarded: the animal perseveres.

Where the weights W before the first trial are not known, each animal has its own, drawn from a normal distribution
whose mean and spread are fitted with the rule: a random effect. What is maximised is the likelihood with W integrated
out by Laplace's method, for each animal at its most probable W; one W for all animals would bias the baseline (animals
that begin with a bias look like animals that learn it).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.compiling import COMPILED, njit
from ontogym.errors import UnknownNameError
from ontogym.studies.rule_inference.model.trials import Trials

__all__ = ["PARAMETRIC", "Profile", "RuleFit", "baseline_profile", "first_weights", "fit_rule"]

PARAMETRIC = ("static", "reinforce", "reinforce-baseline", "predict-max", "reward-max")
GRID = (-5, -3, -2, -1, -0.5, -0.25, 0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5, 2)
DROP = 1.92
"""Half the 95 % point of a chi-squared of one degree of freedom: nats that bound a likelihood interval."""
NAMES = ("alpha_w", "alpha_b", "beta", "w0", "b0", "log_sd_w0", "log_sd_b0")
"""Rates, baseline, mean of the first weights and logarithm of their spread over animals."""
_CODES = {"static": 0, "reinforce": 1, "reinforce-baseline": 1, "predict-max": 2, "reward-max": 3}
# Which of the first three of NAMES each rule fits.
_FREE = {"static": (), "reinforce": (0, 1), "reinforce-baseline": (0, 1, 2), "predict-max": (0, 1),
         "reward-max": (0, 1)}  # fmt: skip
# Steps of the search are taken in these units; beyond the bounds a policy is deterministic, its likelihood flat.
SCALES = np.array([0.01, 0.01, 0.3, 1.0, 1.0, 1.0, 1.0])
BOUNDS = np.array([(-2, 2), (-2, 2), (-5, 5), (-20, 20), (-20, 20), (-4, 1.5), (-4, 1.5)], dtype=np.float64)
START = np.array([0.0, 0.0, 0.0, 0.0, 0.0, -0.7, -0.7])
LONE = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 1.5, 1.5])
"""The spread of one animal alone cannot be fitted: its first weights are nearly free (SD 4.5 around 0)."""
DIFFERENCE = 1e-5
"""Step of the numerical gradient, in `SCALES`."""


class RuleFit(NamedTuple):
    """A fitted rule.

    ``params`` (7,) in the order of `NAMES`; ``log_likelihood``: mean in nats a trial, first weights integrated out
    where they are not known; ``starts`` (A, 2): the most probable first weights of each animal that was fitted.
    """

    rule: str
    params: NDArray[np.float64]
    log_likelihood: float
    starts: NDArray[np.float64]

    @property
    def mean(self) -> NDArray[np.float64]:
        """Mean first weight and bias over animals, (2,)."""
        return self.params[3:5]

    @property
    def spread(self) -> NDArray[np.float64]:
        """Their standard deviations over animals, (2,)."""
        return np.exp(self.params[5:7])

    def as_json(self) -> dict[str, Any]:
        """Rule, parameters by name, log-likelihood."""
        named = {name: float(value) for name, value in zip(NAMES[:5], self.params)}
        sd = dict(zip(("sd_w0", "sd_b0"), self.spread.tolist()))
        return {"rule": self.rule, "log_likelihood": self.log_likelihood, **named, **sd}


class Profile(NamedTuple):
    """Log-likelihood of REINFORCE over its baseline, all else fitted anew at each.

    ``beta`` (n,); ``log_likelihood`` (n,) summed over the trials, in nats, relative to the best of them.
    ``best``: beta of the maximum. ``interval``: from the lowest to the highest beta within 1.92 nats of it, a 95 %
    likelihood interval if REINFORCE with one baseline and one rate for all animals is true; its ends are cut to the grid.
    ``pieces``: the same betas as stretches, from low to high; more than one where the profile has another peak as
    high, and then betas of ``interval`` that lie between them are excluded.
    ``first_weights``: "known", or "random effect" with ``spread`` (2,), their SD over animals at the maximum.
    """

    beta: NDArray[np.float64]
    log_likelihood: NDArray[np.float64]
    best: float
    interval: tuple[float, float]
    first_weights: str
    spread: tuple[float, float]
    pieces: tuple[tuple[float, float], ...]

    def as_json(self) -> dict[str, Any]:
        """The fields as lists."""
        table = {"beta": self.beta.tolist(), "log_likelihood": self.log_likelihood.tolist()}
        first = {"first_weights": self.first_weights, "spread": list(self.spread)}
        found = {"interval": list(self.interval), "pieces": [list(piece) for piece in self.pieces]}
        return {**table, "best": self.best, **found, **first}


@njit(**COMPILED)
def _run(code, p, x, choice, side, reward, counts, lengths, precision, starts, newton, path):  # type: ignore[no-untyped-def]
    """Minus the marginal log-likelihood of all animals.

    `starts` (A, 2) is where the search for each animal's most probable W begins, and is replaced by what it found after
    `newton` steps (0: W is known, and there is no prior). W before every trial is written into `path`, if it has room.
    """
    total, trials = 0.0, x.shape[1]
    for a in range(len(lengths)):
        s0, s1, d0, d1, last = starts[a, 0], starts[a, 1], 0.0, 0.0, np.inf
        for step in range(newton + 1):
            w, b, loss = s0, s1, 0.0
            g0, g1, h00, h01, h11 = 0.0, 0.0, 0.0, 0.0, 0.0
            j00, j01, j10, j11 = 1.0, 0.0, 0.0, 1.0  # slopes of (w, b) in the first (w, b)
            for t in range(lengths[a]):
                if path.shape[1] == trials:
                    path[a, t, 0], path[a, t, 1] = w, b
                z = w * x[a, t] + b
                q = 1.0 / (1.0 + np.exp(-z))
                c, curve = counts[a, t], q * (1.0 - q)
                loss += c * (max(z, 0.0) + np.log1p(np.exp(-abs(z))) - choice[a, t] * z)
                z0, z1 = j00 * x[a, t] + j10, j01 * x[a, t] + j11  # slopes of z
                g0 += c * (q - choice[a, t]) * z0
                g1 += c * (q - choice[a, t]) * z1
                # Fisher information: the expected second slope of the loss
                h00 += c * curve * z0 * z0
                h01 += c * curve * z0 * z1
                h11 += c * curve * z1 * z1
                u, slope = 0.0, 0.0  # the drive, and its slope in q
                if code == 1:
                    credit = reward[a, t] - p[2]
                    u, slope = (choice[a, t] - q) * credit, -credit  # (1 - p_y) f (r - beta)
                elif code == 2:
                    u, slope = side[a, t] - q, -1.0  # (1 - p_C) s
                elif code == 3:
                    s = 2.0 * side[a, t] - 1.0
                    u, slope = 2.0 * curve * s, 2.0 * (1.0 - 2.0 * q) * s  # 2 p_R (1 - p_R) s
                w += p[0] * u * x[a, t]
                b += p[1] * u
                along = slope * curve
                j00 += p[0] * along * z0 * x[a, t]
                j01 += p[0] * along * z1 * x[a, t]
                j10 += p[1] * along * z0
                j11 += p[1] * along * z1
            if newton == 0:
                total += loss
                break
            e0, e1 = s0 - p[3], s1 - p[4]
            loss += 0.5 * (precision[0] * e0 * e0 + precision[1] * e1 * e1)
            g0, g1 = g0 + precision[0] * e0, g1 + precision[1] * e1
            h00, h11 = h00 + precision[0], h11 + precision[1]
            det = h00 * h11 - h01 * h01
            if step == newton:
                # Laplace: -log of the integral of exp(-loss), the prior's own constants cancelled
                total += loss + 0.5 * np.log(det) - 0.5 * np.log(precision[0] * precision[1])
                break
            if loss > last:  # the last step went too far: half of it back
                d0, d1 = 0.5 * d0, 0.5 * d1
                s0, s1 = s0 + d0, s1 + d1
                continue
            last = loss
            d0, d1 = (h11 * g0 - h01 * g1) / det, (h00 * g1 - h01 * g0) / det
            far = max(1.0, (d0 * d0 + d1 * d1) ** 0.5 / 2.0)  # no more than 2 at once
            d0, d1 = d0 / far, d1 / far
            s0, s1 = s0 - d0, s1 - d1
        starts[a, 0], starts[a, 1] = s0, s1
    return total


def _loss(
    rule: str,
    params: NDArray[np.float64],
    trials: Trials,
    counts: NDArray[np.float64],
    starts: NDArray[np.float64],
    newton: int,
    path: NDArray[np.float64] | None = None,
) -> float:
    """`_run` with a rule's name; `starts` (A, 2) is replaced."""
    path = np.zeros((1, 0, 2)) if path is None else path
    total = _run(_CODES[rule], params, trials.stimulus, trials.choice, trials.side, trials.reward, counts,
                 trials.lengths, np.exp(-2 * params[5:7]), starts, newton, path)  # fmt: skip
    return float(total)


def first_weights(
    fit: RuleFit,
    trials: Trials,
    counts: NDArray[np.floating] | None = None,
    starts: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Each animal's most probable first weights under a fitted rule, and W before every trial from there.

    Args:
        fit: the rule; animals need not be those that it was fitted to.
        trials: the animals.
        counts: ``(A, T)``, which trials to judge by (the others only teach the animal); None takes all.
        starts: ``(A, 2)`` near which to look. Known first weights of `trials` are taken as they are.

    Returns:
        ``(A, 2)`` and ``(A, T, 2)``; NaN where there is no trial.
    """
    known = trials.initial is not None and fit.rule != "static"
    counts = trials.valid.astype(np.float64) if counts is None else counts * trials.valid
    begin = trials.initial if known else starts if starts is not None else np.tile(fit.mean, (len(trials), 1))
    assert begin is not None
    found, path = begin.astype(np.float64), np.full((*trials.choice.shape, 2), np.nan)
    _loss(fit.rule, fit.params, trials, counts.astype(np.float64), found, 0 if known else 6, path)
    return found, path


def fit_rule(
    rule: str,
    trials: Trials,
    counts: NDArray[np.floating] | None = None,
    beta: float | None = None,
    near: RuleFit | None = None,
    still: RuleFit | None = None,
) -> RuleFit:
    """The maximum-likelihood parameters of a rule.

    Args:
        rule: one of `PARAMETRIC`.
        trials: the animals.
        counts: ``(A, T)``, weight of each trial in the likelihood; None counts all.
        beta: a baseline to hold fixed (``reinforce-baseline``).
        near: a fit to start from.
        still: the policy that never changes, fitted to the same; beside `near`, the search starts from it, too.

    Raises:
        UnknownNameError: no such rule.
    """
    from scipy.optimize import minimize

    if rule not in _FREE:
        raise UnknownNameError("parametric rule", rule, PARAMETRIC)
    counts = trials.valid.astype(np.float64) if counts is None else np.where(trials.valid, counts, 0.0)
    rows = np.flatnonzero(counts.sum(1) > 0)
    trials, counts, total = trials.rows(rows), counts[rows], float(counts.sum())
    # A policy that never changes is no newcomer's: it is fitted even where the first W is known.
    known = trials.initial is not None and rule != "static"
    first = () if known or len(trials) == 1 else (3, 4, 5, 6)
    free = [k for k in _FREE[rule] if not (k == 2 and beta is not None)] + list(first)
    starts = trials.initial.copy() if known and trials.initial is not None else np.zeros((len(trials), 2))
    if near is not None and near.starts.shape == starts.shape and not known:
        starts = near.starts.copy()

    def value(params: NDArray[np.float64], newton: int = 3) -> float:
        return _loss(rule, params, trials, counts.astype(np.float64), starts, 0 if known else newton) / total

    def objective(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        params = fixed.copy()
        params[free] = values * SCALES[free]
        here, slope = value(params, 6), np.zeros(len(free))
        for k, place in enumerate(free):
            params[place] += DIFFERENCE * SCALES[place]
            slope[k] = (value(params) - here) / DIFFERENCE
            params[place] = values[k] * SCALES[place]
        return here, slope

    begun, ways = starts.copy(), [near.params] if near is not None else []
    if near is not None and still is not None:
        ways.append(still.params + [1e-3, 1e-3, 0, 0, 0, 0, 0])
    if near is None:
        lone = LONE if len(trials) == 1 and not known else START
        alone = (
            known or rule == "static" or not first
        )  # nothing of the first W to be had from the still policy
        calm = lone if alone else fit_rule("static", trials, counts).params
        # Over thousands of trials the likelihood has ridges on which a line search fails: two ways in.
        ways = [calm] if rule == "static" else [calm + [rate, rate, 0, 0, 0, 0, 0] for rate in (1e-3, 0.03)]
    best: RuleFit | None = None
    for way in ways:
        fixed = way.copy()
        starts[:] = begun  # a way that went astray leaves no traces
        if beta is not None:
            fixed[2] = beta
        if free:
            bounds = BOUNDS[free] / SCALES[free, None]
            begin = np.clip(fixed[free] / SCALES[free], *bounds.T)
            found = minimize(objective, begin, jac=True, method="L-BFGS-B", bounds=bounds,
                             options={"ftol": 1e-9, "gtol": 1e-6})  # fmt: skip
            fixed[free] = found.x * SCALES[free]
        reached = -value(fixed, 10)
        if best is None or reached > best.log_likelihood:
            best = RuleFit(rule, fixed.copy(), reached, starts.copy())
    assert best is not None
    return best


def baseline_profile(trials: Trials, betas: Sequence[float] | None = None) -> Profile:
    """The likelihood of REINFORCE with each baseline, on all trials.

    REINFORCE has the same expected update for any baseline, so weights and likelihood may look perfect while
    the split between correct and error trials has the wrong sign. A flat profile means that the data do not
    tell; no asymmetry should be claimed without it.
    """
    grid = np.array(GRID if betas is None else betas, dtype=np.float64)
    free, n = fit_rule("reinforce-baseline", trials), float(trials.lengths.sum())
    # From the neighbour's fit alone a search may go astray where the rate that fits a neighbour explodes.
    still = fit_rule("static", trials)
    fits: dict[float, RuleFit] = {float(free.params[2]): free}

    def at(beta: float) -> float:
        """Profile log-likelihood in nats, started from the nearest fit that there is."""
        if beta not in fits:
            near = fits[min(fits, key=lambda known: abs(known - beta))]
            fits[beta] = fit_rule("reinforce-baseline", trials, beta=beta, near=near, still=still)
        return fits[beta].log_likelihood * n

    # From the peak outwards, each from its neighbour's fit.
    order = np.argsort(np.abs(grid - free.params[2]))
    total = np.empty(len(grid))
    for k in order:
        total[k] = at(float(grid[k]))
    best = max(float(total.max()), free.log_likelihood * n)
    peak = max(fits, key=lambda beta: fits[beta].log_likelihood)
    pieces = _pieces(grid, total - best, peak, lambda beta: at(beta) - best)
    known = trials.initial is not None
    spread = (0.0, 0.0) if known else tuple(fits[peak].spread.tolist())
    first = "known" if known else "random effect" if len(trials) > 1 else "free"
    return Profile(grid, total - best, peak, (pieces[0][0], pieces[-1][1]), first, spread, pieces)


def _pieces(
    grid: NDArray[np.float64], relative: NDArray[np.float64], peak: float, at: Callable[[float], float]
) -> tuple[tuple[float, float], ...]:
    """The stretches of beta, from low to high, on which a profile lies within 1.92 nats of its peak.

    Args:
        grid: betas in any order, `relative` the profile at each, in nats from its peak.
        peak: beta of the peak.
        at: the profile between the betas of the grid.
    """
    order = np.argsort(grid, kind="stable")
    grid, relative = grid[order], relative[order]
    low, high = (
        _crossings(grid[side], relative[side], peak, at)
        for side in (np.flatnonzero(grid < peak)[::-1], np.flatnonzero(grid > peak))
    )
    below = list(zip(low[2::2], low[1::2]))[::-1]
    return (*below, (low[0], high[0]), *zip(high[1::2], high[2::2]))


def _crossings(
    grid: NDArray[np.float64],
    relative: NDArray[np.float64],
    peak: float,
    at: Callable[[float], float],
) -> list[float]:
    """Where a profile, given from its peak outwards, leaves the 1.92 nats, comes back, leaves them again, and so on.

    Always an odd number: the last of `grid` closes a stretch that is not left.
    """
    found, before, within = [], peak, True
    for beta, here in zip(grid.tolist(), relative.tolist()):
        if (here < -DROP) is within:
            inside, outside = (before, beta) if within else (beta, before)
            # Five halvings: a 32nd of a step of the grid.
            for _ in range(5):
                middle = (inside + outside) / 2
                inside, outside = (inside, middle) if at(middle) < -DROP else (middle, outside)
            found.append(inside)
            within = not within
        before = beta
    return [*found, before] if within else found
