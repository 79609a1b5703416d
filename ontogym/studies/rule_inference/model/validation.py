"""Held-out likelihood: folds over animals, scores with intervals over animals."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError
from ontogym.seeding import derive, generator
from ontogym.statistics import mean_interval
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

__all__ = [
    "Folds",
    "cross_validate_network",
    "cross_validate_rule",
    "make_folds",
    "predicted",
    "predicted_by_network",
    "score",
    "split_check",
    "units_of",
]


class Folds(NamedTuple):
    """``test`` (K, A, T) bool, the trials that each fold holds out; ``over``: "animals" or "sessions"."""

    test: NDArray[np.bool_]
    over: str


def make_folds(trials: Trials, folds: int, seed: int) -> Folds:
    """Cut the animals into `folds` groups (at most one each), each held out once.

    A single animal's sessions are cut into as many contiguous stretches instead. A held-out stretch is run
    through, since its choices are what the animal learned from, but does not count in the fit; what is
    measured then is another time of the *same* animal and says nothing of other animals.

    Raises:
        OntogymError: fewer than 2 folds, or one animal with one session.
    """
    if folds < 2:
        raise OntogymError(f"{folds} fold(s) hold nothing out; ask for 2 or more.")
    valid = trials.valid
    if len(trials) > 1:
        order = generator(seed, "folds").permutation(len(trials))
        groups = np.array_split(order, min(folds, len(trials)))
        return Folds(
            np.stack([valid & np.isin(np.arange(len(trials)), g)[:, None] for g in groups]), "animals"
        )
    sessions = int(trials.session[valid].max()) + 1
    if sessions < 2:
        raise OntogymError(
            "One animal with one session cannot be cut into folds; give more animals, or its sessions."
        )
    groups = np.array_split(np.arange(sessions), min(folds, sessions))
    return Folds(np.stack([valid & np.isin(trials.session, g) for g in groups]), "sessions")


def split_check(
    trials: Trials, train: NDArray[np.bool_], share: float, over: str, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Take a share of the animals (or sessions of the one animal) out of a training set, to stop early by.

    Args:
        trials: all animals.
        train: ``(A, T)``, the training set.
        share: of its units, at least one; 0 takes none.
        over: "animals" or "sessions", as in `Folds`.
        seed: which.

    Returns:
        Weights ``(A, T)`` of the trials to fit to, and of those to check on (None for a share of 0, or if there is but
        one unit).
    """
    unit = (
        np.broadcast_to(np.arange(len(trials))[:, None], train.shape) if over == "animals" else trials.session
    )
    units = np.unique(unit[train])
    count = max(1, round(share * len(units)))
    if share <= 0 or count >= len(units):
        return train.astype(np.float64), None
    held = train & np.isin(unit, generator(seed, "early stopping").permutation(units)[:count])
    return (train & ~held).astype(np.float64), held.astype(np.float64)


BLOCKS = (0, 10, 20, 40, 80, 160, 320, 640)
"""Trials before which the first weights of an animal are judged anew; later trials tell nothing of them."""
Place = Callable[[NDArray[np.float64], NDArray[np.float64]], tuple[NDArray[np.float64], NDArray[np.float64]]]


def predicted(trials: Trials, mean: NDArray[np.float64], place: Place) -> NDArray[np.float64]:
    """W before every trial of animals that no fit has seen, ``(A, T, 2)``; no choice is used to predict itself.

    The first weights of a new animal are not known. They are judged by its own choices before each of `BLOCKS`, under
    the spread that other animals have, and the block is predicted from there.

    Args:
        trials: the animals.
        mean: (2,), where the first block begins.
        place: from ``counts`` (A, T), trials to judge by, and first weights (A, 2), to better ones and W from there.
    """
    path = np.full((*trials.choice.shape, 2), np.nan)
    starts = np.tile(mean, (len(trials), 1))
    longest = trials.choice.shape[1]
    begins = [at for at in BLOCKS if at < longest]
    for at, end in zip(begins, [*begins[1:], longest]):
        seen = trials.valid & (np.arange(longest) < at)
        starts, whole = place(seen.astype(np.float64), starts)
        path[:, at:end] = whole[:, at:end]
    return path


def predicted_by_network(config: FitConfig, state: FitState, trials: Trials) -> NDArray[np.float64]:
    """`predicted` by a network that was fitted without these animals."""
    network, params = config.network, state.best

    def place(
        counts: NDArray[np.float64], starts: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        starts = settle(network, params, trials, state.prior, counts, starts)
        return starts, trajectory(network, params, trials, starts)

    return predicted(trials, state.prior[0], place)


def cross_validate_rule(
    rule: str, trials: Trials, folds: Folds, near: RuleFit | None = None
) -> NDArray[np.float64]:
    """Log-likelihood of every choice by a rule fitted without its fold, ``(A, T)``, in nats.

    `near`: a fit to all animals, near which to look for that of each fold.
    """
    held_out = np.zeros_like(trials.stimulus)
    for test in folds.test:
        train = (trials.valid & ~test).astype(np.float64)
        fit = fit_rule(rule, trials, train, near=near)
        rows = np.flatnonzero(test.any(1))
        part = trials.rows(rows)
        if folds.over == "sessions" or (trials.initial is not None and rule != "static"):
            _, path = first_weights(fit, part, train[rows])
        else:
            path = predicted(part, fit.mean, partial(first_weights, fit, part))
        held_out[rows] += np.where(test[rows], log_likelihood(path, part), 0.0)
    return held_out


def cross_validate_network(
    trials: Trials,
    folds: Folds,
    config: FitConfig,
    states: dict[int, FitState] | None = None,
    after_epoch: Callable[[int, FitState], None] | None = None,
    check_share: float = 0.0,
) -> NDArray[np.float64]:
    """The same for the update network.

    Args:
        trials: the animals.
        folds: what to hold out.
        config: how each fold is fitted; its seed and the fold's number decide all chance.
        states: fold number to where its fit stands; they go on from there and are kept up to date.
        after_epoch: called with the fold's number and its state.
        check_share: of the training units, to stop early by (`split_check`).
    """
    states = {} if states is None else states
    held_out = np.zeros_like(trials.stimulus)
    for k, test in enumerate(folds.test):
        own = FitConfig(**{**config.as_json(), "seed": derive(config.seed, "fold", k)})
        state = states.setdefault(k, FitState.begin(own))
        counts, check = split_check(trials, trials.valid & ~test, check_share, folds.over, own.seed)
        for _ in epochs(trials, counts, own, state, check):
            if after_epoch is not None:
                after_epoch(k, state)
        rows = np.flatnonzero(test.any(1))
        part = trials.rows(rows)
        path = _held_out_path(own, state, part, rows, folds.over)
        held_out[rows] += np.where(test[rows], log_likelihood(path, part), 0.0)
    return held_out


def _held_out_path(
    config: FitConfig, state: FitState, part: Trials, rows: NDArray[np.intp], over: str
) -> NDArray[np.float64]:
    """W before every trial of the animals `rows` under a network that was fitted without them (or their sessions)."""
    if over == "sessions" or part.initial is not None:
        starts = state.best_starts[rows] if part.initial is None else None
        return trajectory(config.network, state.best, part, starts)
    return predicted_by_network(config, state, part)


def units_of(held_out: NDArray[np.float64], trials: Trials, over: str) -> NDArray[np.float64]:
    """Mean log-likelihood a trial of each animal ``(A,)``, or of each session of the one animal."""
    if over == "animals":
        return np.asarray(held_out.sum(1) / trials.lengths)
    row = trials.valid[0]
    session = trials.session[0][row]
    return np.asarray(np.bincount(session, held_out[0][row]) / np.maximum(np.bincount(session), 1))


def score(
    held_out: NDArray[np.float64], trials: Trials, over: str, reference: NDArray[np.float64] | None = None
) -> dict[str, Any]:
    """Held-out log-likelihood a trial with its 95 % interval, and its gain over `reference` likewise.

    ``mean`` is over trials. Intervals are percentile bootstraps over animals (sessions of a single animal, which
    are no independent samples: theirs is too narrow), each weighted by its trials; gains are paired.
    """
    found: dict[str, Any] = {"mean": float(held_out.sum() / trials.lengths.sum()), "units": over}
    weights = (
        trials.lengths if over == "animals" else np.bincount(trials.session[0][trials.valid[0]])
    ).astype(np.float64)
    units = units_of(held_out, trials, over)
    found["ci95"] = list(mean_interval(units, weights)[1:])
    if reference is not None:
        gain = units - units_of(reference, trials, over)
        found["gain"] = float((gain * weights).sum() / weights.sum())
        found["gain_ci95"] = list(mean_interval(gain, weights)[1:])
    return found
