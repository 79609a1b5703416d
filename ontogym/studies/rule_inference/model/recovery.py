"""How well an inferred rule is the one that made the data, and what it does after right and wrong choices."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from ontogym.developmental.rules.inferred.network import UpdateNetwork
from ontogym.seeding import generator
from ontogym.studies.rule_inference.model.fitting import log_likelihood, trajectory
from ontogym.studies.rule_inference.model.simulate import Simulated, drive
from ontogym.studies.rule_inference.model.trials import Trials

__all__ = [
    "asymmetry",
    "history_slope",
    "recovery",
    "towards_choice",
    "true_weight_curve",
    "update_curve",
    "update_surface",
    "weight_curve",
]


def recovery(network: UpdateNetwork, params: NDArray[np.float64], data: Simulated) -> dict[str, float]:
    """Inferred against true, on animals that were not fitted, by parameters ``(D,)``.

    Returns:
        ``change``: correlation of inferred and true weight changes, stimulus and bias together;
        ``change_stimulus`` and ``change_bias``: of each; ``weights``: of the stimulus weight over all trials
        (nearly 1 for any rule that learns: no proof); ``error``: root mean square of inferred minus true
        weights; ``log_likelihood`` and ``true_log_likelihood``: in nats a trial.
    """
    path = trajectory(network, params, data.trials)
    found, true = np.diff(path, axis=1), np.diff(data.weights[:, :-1], axis=1)

    def correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
        return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])

    return {
        "change": correlation(found, true),
        "change_stimulus": correlation(found[..., 0], true[..., 0]),
        "change_bias": correlation(found[..., 1], true[..., 1]),
        "weights": correlation(path[..., 0], data.weights[:, :-1, 0]),
        "error": float(np.sqrt(((path - data.weights[:, :-1]) ** 2).mean())),
        "log_likelihood": float(log_likelihood(path, data.trials).mean()),
        "true_log_likelihood": float(log_likelihood(data.weights[:, :-1], data.trials).mean()),
    }


def towards_choice(path: NDArray[np.float64], trials: Trials) -> NDArray[np.float64]:
    """How far each trial but the last moved the drive of its own stimulus towards its choice, ``(A, T - 1)``.

    A change of W moves that drive by ``dw x + db``. NaN where there is no next trial.
    """
    change = np.diff(path, axis=1)
    drive = change[..., 0] * trials.stimulus[:, :-1] + change[..., 1]
    return np.where(trials.valid[:, 1:], drive * (2 * trials.choice[:, :-1] - 1), np.nan)


def asymmetry(path: NDArray[np.float64], trials: Trials) -> dict[str, float]:
    """Mean change of the drive towards the choice made, after correct and after error trials.

    `path`, ``(A, T, 2)``, has W before each trial. To be read beside `parametric.baseline_profile` only: where that is flat the data do not tell this split.
    """
    towards, rewarded = towards_choice(path, trials), trials.reward[:, :-1] > 0
    mean = {}
    for name, rows in (("correct", rewarded), ("error", np.logical_not(rewarded))):
        values = towards[rows & np.isfinite(towards)]
        mean[name] = float(values.mean()) if len(values) else float("nan")
    return {**mean, "difference": mean["correct"] - mean["error"]}


class _Thirds(NamedTuple):
    """Sums of update sizes after few and after many rewards: ``size, updates`` (U, 12, 2) and ``trials`` (U, 12), of each
    unit (an animal, or a session of the one animal) in each of twelve bins of certainty."""

    size: NDArray[np.float64]
    updates: NDArray[np.float64]
    trials: NDArray[np.float64]

    def few_many(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean size after few and after many rewards, ``(R, 2)``, where unit u counts ``times[r, u]`` times."""
        size, count, trials = (np.tensordot(times, part, 1) for part in self)
        mean = np.divide(size, count, out=np.zeros_like(size), where=count > 0)
        return np.asarray((mean * trials[..., None]).sum(1) / np.maximum(trials.sum(1), 1)[:, None])


def _thirds(path: NDArray[np.float64], trials: Trials, kept: float) -> _Thirds:
    past, running = np.empty_like(trials.reward), np.full(len(trials), 0.5)
    for t in range(trials.reward.shape[1]):
        past[:, t] = running
        running = kept * running + (1 - kept) * trials.reward[:, t]
    x, last = trials.stimulus[:, :-1], slice(None, -1)
    keep = trials.valid[:, 1:] & (trials.reward[:, last] > 0)
    size = (towards_choice(path, trials) / (1 + x**2))[keep]
    sure = ((path[:, last, 0] * x + path[:, last, 1]) * (2 * trials.choice[:, last] - 1))[keep]
    unit = (
        np.broadcast_to(np.arange(len(trials))[:, None], keep.shape)
        if len(trials) > 1
        else trials.session[:, last]
    )
    units, earlier = np.unique(unit[keep], return_inverse=True)[1], past[:, last][keep]
    bins = (
        np.digitize(sure, np.quantile(sure, np.linspace(0, 1, 13)[1:-1])) if len(sure) else np.zeros(0, int)
    )
    n = int(units.max()) + 1 if len(units) else 1
    found = _Thirds(np.zeros((n, 12, 2)), np.zeros((n, 12, 2)), np.zeros((n, 12)))
    for k in range(12):
        here = np.flatnonzero(bins == k)
        if len(here) < 6:
            continue
        order = here[np.argsort(earlier[here], kind="stable")]
        third = len(order) // 3
        found.trials[:, k] = np.bincount(units[here], minlength=n)
        for place, rows in enumerate((order[:third], order[-third:])):
            found.size[:, k, place] = np.bincount(units[rows], size[rows], n)
            found.updates[:, k, place] = np.bincount(units[rows], minlength=n)
    return found


def history_slope(
    path: NDArray[np.float64],
    trials: Trials,
    null: NDArray[np.float64] | None = None,
    kept: float = 0.9,
    resamples: int = 500,
) -> dict[str, Any]:
    """How the size of rewarded updates depends on the rewards before: after ``few``, after ``many``, their ratio.

    The past is a running mean of rewards (`kept` of it per trial); few and many are its lower and upper third. The
    size is the change of the drive of the trial's own stimulus over ``1 + x^2``, the drive u of a linear rule.
    Both are compared among trials of alike certainty (twelve bins of the drive towards the choice), since animals
    that do well get both more rewards and smaller updates: 1 for a rule without history, up to the error of the measure,
    which `null` shows.

    Args:
        path: W before every trial under a rule. trials: the animals.
        null: the same under a rule without history that was fitted to these animals.
        kept: of the running mean a trial. resamples: of the bootstrap over animals (sessions of a single one).

    Returns:
        ``few``, ``many``, ``ratio``, its ``ci95``; with `null` its ``null`` ratio and ``excess``, the ratio over that of the
        null on the same resamples, with ``excess_ci95``.
    """
    parts = _thirds(path, trials, kept)
    units = len(parts.trials)
    times = (
        generator(0, "history").multinomial(units, np.full(units, 1 / units), resamples).astype(np.float64)
    )
    times = np.concatenate([np.ones((1, units)), times])
    sizes = parts.few_many(times)
    ratio = _ratio(sizes)
    found = {
        "few": float(sizes[0, 0]),
        "many": float(sizes[0, 1]),
        "ratio": float(ratio[0]),
        "ci95": _ends(ratio),
    }
    if null is not None:
        usual = _ratio(_thirds(null, trials, kept).few_many(times))
        excess = ratio / usual
        found |= {"null": float(usual[0]), "excess": float(excess[0]), "excess_ci95": _ends(excess)}
    return found


def _ratio(sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    few, many = sizes.T
    return np.divide(many, few, out=np.full(len(few), np.nan), where=few != 0)


def _ends(ratios: NDArray[np.float64]) -> list[float]:
    """2.5 and 97.5 % of the resamples, which follow the value itself."""
    known = ratios[1:][np.isfinite(ratios[1:])]
    return np.quantile(known, [0.025, 0.975]).tolist() if len(known) else [float("nan")] * 2


def update_curve(
    path: NDArray[np.float64], trials: Trials, least: int = 30
) -> dict[str, dict[str, list[float]]]:
    """The size of updates along the data, by how sure the animal was and by outcome.

    Trials are binned by the decision variable for the choice made, ``(w x + b) f``, in steps of 1/2 from -5 to 5; the
    size is that of `history_slope`. Bins of fewer than `least` trials are left out.

    Returns:
        For ``correct`` and ``error``: ``drive``, ``update`` and ``trials`` of each bin.
    """
    x, last = trials.stimulus[:, :-1], slice(None, -1)
    size = towards_choice(path, trials) / (1 + x**2)
    sure = (path[:, last, 0] * x + path[:, last, 1]) * (2 * trials.choice[:, last] - 1)
    place = np.floor(sure * 2)
    found = {}
    for name, outcome in (("correct", 1), ("error", 0)):
        here = np.isfinite(size) & (trials.reward[:, last] == outcome) & (np.abs(sure) < 5)
        bins, inverse, counts = np.unique(place[here], return_inverse=True, return_counts=True)
        means = [np.bincount(inverse, v[here], len(bins)) / np.maximum(counts, 1) for v in (sure, size)]
        kept = counts >= least
        drive_of, update_of = (m[kept].tolist() for m in means)
        found[name] = {"drive": drive_of, "update": update_of, "trials": counts[kept].tolist()}
    return found


def update_surface(
    network: UpdateNetwork,
    params: NDArray[np.float64],
    stimuli: NDArray[np.float64],
    weights: NDArray[np.float64] | tuple[float, float],
    memory: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """The inferred change of (weight, bias) for stimulus, choice and outcome: ``(2 choices, 2 rewards, n, 2)``.

    At W = `weights`, ``(2,)`` or one for each stimulus ``(n, 2)``, with this `memory` of a GRU ``(H,)``, else at rest. The
    side follows from choice and reward, and where the stimulus says otherwise (a choice against the stimulus that was rewarded)
    the entry is NaN.
    """
    surface = np.full((2, 2, len(stimuli), 2), np.nan)
    at = np.broadcast_to(np.asarray(weights, dtype=np.float64), (len(stimuli), 2))
    p = network.unpack(torch.tensor(params))
    rest = torch.zeros(network.hidden, dtype=torch.float64) if memory is None else torch.tensor(memory)
    for choice in (0, 1):
        for reward in (0, 1):
            side = choice if reward else 1 - choice
            possible = (stimuli == 0) | ((stimuli > 0) == (side == 1))
            x = stimuli[possible]
            one = np.ones_like(x)
            columns = [*at[possible].T, x, one, 0 * one,
                       (2 * choice - 1) * one, reward * one, (2 * side - 1) * one]  # fmt: skip
            inputs = torch.tensor(np.stack(columns, 1))
            change, _ = network.update(p, inputs, rest.expand(len(x), -1))
            surface[choice, reward, possible] = change.numpy()
    return surface


def weight_curve(
    network: UpdateNetwork, params: NDArray[np.float64], weights: NDArray[np.float64]
) -> dict[str, list[float]]:
    """The inferred change of the stimulus weight at stimulus 1 and bias 0, as a function of that weight, `weights` ``(n,)``.

    Returns:
        ``weight``, and the change after a ``correct`` choice (right) and after an ``error`` (left).
    """
    at = np.stack([weights, np.zeros_like(weights)], 1)
    surface = update_surface(network, params, np.ones_like(weights), at)
    return {
        "weight": weights.tolist(),
        "correct": surface[1, 1, :, 0].tolist(),
        "error": surface[0, 0, :, 0].tolist(),
    }


def true_weight_curve(
    rule: str, learning_rate: float, baseline: float, weights: NDArray[np.float64]
) -> dict[str, list[float]]:
    """The same as `weight_curve` of a rule of `simulate` (of reinforce-history with a past of even luck)."""
    p_right, one = 1 / (1 + np.exp(-weights)), np.ones(len(weights), dtype=np.int64)
    found = {"weight": weights.tolist()}
    for name, choice in (("correct", 1), ("error", 0)):
        u = drive(
            rule, p_right, choice * one, one, choice * np.ones(len(one)), baseline, np.full(len(one), 0.5)
        )
        found[name] = (learning_rate * u).tolist()
    return found
