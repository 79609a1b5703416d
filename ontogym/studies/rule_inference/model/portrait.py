"""What an inferred rule looks like, with bands: the paper's figure as numbers, forgetting, psychometric curves.

Bands are 95 % intervals by the jackknife over the fits of the folds, each of which left out its animals and had a seed
of its own: they hold the spread over animals and that over seeds together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ontogym.developmental.rules.inferred.network import UpdateNetwork
from ontogym.seeding import generator
from ontogym.statistics import jackknife_interval
from ontogym.studies.rule_inference.model.recovery import update_surface
from ontogym.studies.rule_inference.model.trials import Trials

__all__ = ["forgetting", "portrait", "psychometric", "stimulus_curve"]

RECENT = 4
"""Trials before, all rewarded or none, after which updates are compared (as in the paper's figure)."""
PASTS, POINTS, PARTS = 24, 21, 3
Params = NDArray[np.float64]


def stimulus_curve(
    network: UpdateNetwork,
    params: Params,
    stimuli: NDArray[np.float64],
    at: tuple[float, float],
    past: float | None = None,
    seed: int = 0,
) -> NDArray[np.float64]:
    """The change of the stimulus weight by stimulus and outcome, ``(2, n)``: after an error, and after a correct choice.

    Args:
        network, params: the rule.
        stimuli: ``(n,)``; at 0 either choice may be right, and the two are averaged.
        at: weight and bias.
        past: reward of each of the four trials before, 0 or 1, at random stimuli from the range of `stimuli`; None is a
            memory at rest. The DNN sees no past.
        seed: of those stimuli.
    """
    if past is None or not network.recurrent:
        surface = update_surface(network, params, stimuli, at)
        return np.asarray(np.nanmean(surface[..., 0], 0))
    found = [
        update_surface(network, params, stimuli, at, memory)[..., 0]
        for memory in _memories(network, params, stimuli, at, past, seed)
    ]
    return np.asarray(np.nanmean(np.mean(found, 0), 0))


def _memories(
    network: UpdateNetwork,
    params: Params,
    stimuli: NDArray[np.float64],
    at: tuple[float, float],
    past: float,
    seed: int,
) -> NDArray[np.float64]:
    """Memories ``(PASTS, H)`` of the GRU after trials of one outcome at the weights `at`."""
    rng, p = generator(seed, "past"), network.unpack(torch.tensor(params))
    memory = torch.zeros(PASTS, network.hidden, dtype=torch.float64)
    for _ in range(RECENT):
        x = rng.choice(stimuli, PASTS)
        side = np.where(x == 0, rng.integers(0, 2, PASTS), x > 0) * 2.0 - 1
        choice = side if past else -side
        one = np.ones(PASTS)
        columns = [at[0] * one, at[1] * one, x, one, 0 * one, choice, past * one, side]
        _, memory = network.update(p, torch.tensor(np.stack(columns, 1)), memory)
    return memory.numpy()


def forgetting(network: UpdateNetwork, params: Params, weights: NDArray[np.float64]) -> float:
    """The share of the stimulus weight that is lost in a trial without stimulus, where nothing can be learned of it.

    Minus the slope of its change in the weight, at stimulus 0 and bias 0, over both choices and outcomes. 0 for every
    rule that changes the weight in proportion to the stimulus.
    """
    at = np.stack([weights, np.zeros_like(weights)], 1)
    change = update_surface(network, params, np.zeros_like(weights), at)[..., 0].mean((0, 1))
    return float(-np.polyfit(weights, change, 1)[0])


def portrait(
    network: UpdateNetwork, whole: Params, folds: Sequence[Params], path: NDArray[np.float64], trials: Trials
) -> dict[str, Any]:
    """Curves with bands, at weights and biases that the animals had.

    Args:
        network: the rule's.
        whole: parameters fitted to all animals.
        folds: those of the fits that left animals out.
        path: W before every trial, ``(A, T, 2)``.
        trials: the animals.

    Returns:
        ``stimulus``; ``curves``: for each a ``name``, ``weight``, ``bias``, ``past`` (None, 0 or 1) and for ``error`` and
        ``correct`` ``change``, ``low`` and ``high``; ``forgetting``: ``share`` a trial, ``ci95``; ``psychometric``.
    """
    far = float(np.abs(trials.stimulus[trials.valid]).max())
    stimuli = np.linspace(-far, far, POINTS)
    w, b = (np.nanquantile(path[..., k], (0.1, 0.5, 0.9)) for k in (0, 1))
    wanted: list[tuple[str, float, float, float | None]] = [("weight", v, b[1], None) for v in w] + [
        ("bias", w[1], v, None) for v in b
    ]
    if network.recurrent:
        wanted += [("past", w[1], b[1], past) for past in (0, 1)]
    curves = []
    for name, weight, bias, past in wanted:
        each = [
            stimulus_curve(network, p, stimuli, (float(weight), float(bias)), past) for p in (whole, *folds)
        ]
        low, high = jackknife_interval(each[0], np.stack(each[1:]))
        lines = {
            outcome: {"change": each[0][k].tolist(), "low": low[k].tolist(), "high": high[k].tolist()}
            for k, outcome in enumerate(("error", "correct"))
        }
        curves.append({"name": name, "weight": float(weight), "bias": float(bias), "past": past, **lines})
    ends = np.nanquantile(path[..., 0], [0.05, 0.95])
    grid = np.linspace(ends[0], ends[1], 15)
    lost = [forgetting(network, p, grid) for p in (whole, *folds)]
    interval = jackknife_interval(np.array(lost[0]), np.array(lost[1:]))
    return {
        "stimulus": stimuli.tolist(),
        "curves": curves,
        "forgetting": {"share": lost[0], "ci95": [float(end) for end in interval]},
        "psychometric": psychometric(path, trials),
    }


def psychometric(path: NDArray[np.float64], trials: Trials, bins: int = 9) -> list[dict[str, list[float]]]:
    """Share of choices to the right by stimulus, of the animals and of a model, in each third of their trials.

    Returns:
        For each third: ``stimulus`` (mean of a bin), ``data``, ``model`` (mean probability) and ``trials``.
    """
    model = 1 / (1 + np.exp(-(path[..., 0] * trials.stimulus + path[..., 1])))
    when = np.arange(path.shape[1]) * PARTS // np.maximum(trials.lengths, 1)[:, None]
    far = np.abs(trials.stimulus[trials.valid]).max()
    place = np.clip(((trials.stimulus / far + 1) / 2 * bins).astype(np.int64), 0, bins - 1)
    found = []
    for part in range(PARTS):
        here = trials.valid & (when == part)
        count = np.bincount(place[here], minlength=bins)
        kept = count > 0
        mean = [
            (np.bincount(place[here], values[here], bins)[kept] / count[kept]).tolist()
            for values in (trials.stimulus, trials.choice.astype(np.float64), model)
        ]
        found.append(dict(zip(("stimulus", "data", "model"), mean)) | {"trials": count[kept].tolist()})
    return found
