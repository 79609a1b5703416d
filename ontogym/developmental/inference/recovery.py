"""How well an inferred rule is the one that made the data, and what it does after right and wrong choices."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from ontogym.developmental.inference.fitting import log_likelihood, trajectory
from ontogym.developmental.inference.network import UpdateNetwork
from ontogym.developmental.inference.simulate import Simulated
from ontogym.developmental.inference.trials import Trials

__all__ = ["asymmetry", "history_slope", "recovery", "towards_choice", "update_surface"]


def recovery(network: UpdateNetwork, params: NDArray[np.float64], data: Simulated) -> dict[str, float]:
    """Inferred against true, on animals that were not fitted.

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

    To be read beside `parametric.baseline_profile` only: where that is flat the data do not tell this split.
    """
    towards, rewarded = towards_choice(path, trials), trials.reward[:, :-1] > 0
    mean = {}
    for name, rows in (("correct", rewarded), ("error", np.logical_not(rewarded))):
        values = towards[rows & np.isfinite(towards)]
        mean[name] = float(values.mean()) if len(values) else float("nan")
    return {**mean, "difference": mean["correct"] - mean["error"]}


def history_slope(path: NDArray[np.float64], trials: Trials, kept: float = 0.9) -> dict[str, float]:
    """How the size of rewarded updates depends on the rewards before: after ``few``, after ``many``, their ratio.

    The past is a running mean of rewards (`kept` of it per trial); few and many are its lower and upper third. The
    size is the change of the drive of the trial's own stimulus over ``1 + x^2``, the drive u of a linear rule.
    Both are compared among trials of alike certainty (twelve bins of the drive towards the choice), since animals
    that do well get both more rewards and smaller updates: 1 for a rule without history.
    """
    past, running = np.empty_like(trials.reward), np.full(len(trials), 0.5)
    for t in range(trials.reward.shape[1]):
        past[:, t] = running
        running = kept * running + (1 - kept) * trials.reward[:, t]
    x, last = trials.stimulus[:, :-1], slice(None, -1)
    keep = trials.valid[:, 1:] & (trials.reward[:, last] > 0)
    size = (towards_choice(path, trials) / (1 + x**2))[keep]
    sure = ((path[:, last, 0] * x + path[:, last, 1]) * (2 * trials.choice[:, last] - 1))[keep]
    bins = np.digitize(sure, np.quantile(sure, np.linspace(0, 1, 13)[1:-1]))
    totals = np.zeros(2)
    for k in range(12):
        here = np.flatnonzero(bins == k)
        if len(here) < 6:
            continue
        order = here[np.argsort(past[:, last][keep][here], kind="stable")]
        third = len(order) // 3
        totals += len(here) * np.array([size[order[:third]].mean(), size[order[-third:]].mean()])
    few, many = totals / max(len(size), 1)
    return {"few": float(few), "many": float(many), "ratio": float(many / few) if few else float("nan")}


def update_surface(
    network: UpdateNetwork,
    params: NDArray[np.float64],
    stimuli: NDArray[np.float64],
    weights: tuple[float, float],
) -> NDArray[np.float64]:
    """The inferred change of (weight, bias) for stimulus, choice and outcome: ``(2 choices, 2 rewards, n, 2)``.

    At W = `weights`, with the memory of a GRU at rest. The side follows from choice and reward, and where
    the stimulus says otherwise (a choice against the stimulus that was rewarded) the entry is NaN.
    """
    surface = np.full((2, 2, len(stimuli), 2), np.nan)
    p = network.unpack(torch.tensor(params))
    for choice in (0, 1):
        for reward in (0, 1):
            side = choice if reward else 1 - choice
            possible = (stimuli == 0) | ((stimuli > 0) == (side == 1))
            x = stimuli[possible]
            one = np.ones_like(x)
            columns = [weights[0] * one, weights[1] * one, x, one, 0 * one,
                       (2 * choice - 1) * one, reward * one, (2 * side - 1) * one]  # fmt: skip
            inputs = torch.tensor(np.stack(columns, 1))
            change, _ = network.update(p, inputs, torch.zeros(len(x), network.hidden, dtype=inputs.dtype))
            surface[choice, reward, possible] = change.numpy()
    return surface
