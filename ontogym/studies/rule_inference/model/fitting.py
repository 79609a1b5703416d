"""Fit the update network to choices: Adam on the mean negative log-likelihood, truncated back-propagation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.developmental.rules.inferred.network import UpdateNetwork
from ontogym.errors import OntogymError
from ontogym.seeding import derive, generator
from ontogym.studies.rule_inference.model.trials import Trials

__all__ = ["FitConfig", "FitState", "epochs", "log_likelihood", "trajectory"]

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


@dataclass(frozen=True)
class FitConfig:
    """How the update network is fitted.

    The paper takes 1000 epochs at a constant rate of 1e-3; here the rate falls to zero as a cosine, animals
    come in batches, and 20 epochs do (measured in docs/experiments/learning-rules.md).

    Args:
        kind: "dnn" or "gru".
        hidden: units per layer.
        epochs: passes over the animals.
        batch: animals per step of Adam.
        learning_rate: of Adam at the start.
        truncation: trials after which back-propagation is cut (and a step is taken).
        clip: largest norm of a gradient.
        seed: of the first parameters and of the order of animals.

    Raises:
        OntogymError: a number that cannot be.
    """

    kind: str = "dnn"
    hidden: int = 32
    epochs: int = 60
    batch: int = 25
    learning_rate: float = 3e-3
    truncation: int = 500
    clip: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "truncation"):
            if getattr(self, name) < 1:
                raise OntogymError(f"{name} is {getattr(self, name)}; give at least 1.")
        if not (np.isfinite(self.learning_rate) and self.learning_rate > 0 and self.clip > 0):
            raise OntogymError("The learning rate and the clip must be positive numbers; mend them.")

    @property
    def network(self) -> UpdateNetwork:
        """The network that is fitted."""
        return UpdateNetwork(self.kind, self.hidden)

    def as_json(self) -> dict[str, Any]:
        """The fields."""
        return asdict(self)


@dataclass
class FitState:
    """A fit after some epochs: parameters and Adam's two moments, ``(D,)`` each, and its counts.

    ``best`` are the parameters that did best on the trials of early stopping, ``best_loss`` how well, and
    ``best_epoch`` when; without such trials they are the last.
    """

    params: NDArray[np.float64]
    first: NDArray[np.float64]
    second: NDArray[np.float64]
    best: NDArray[np.float64]
    steps: int = 0
    epoch: int = 0
    loss: float = float("nan")
    best_loss: float = float("inf")
    best_epoch: int = 0

    @staticmethod
    def begin(config: FitConfig) -> FitState:
        """The state before the first epoch."""
        params = config.network.initialise(derive(config.seed, "fit"))
        return FitState(params, np.zeros_like(params), np.zeros_like(params), params)

    def arrays(self) -> dict[str, NDArray[np.float64]]:
        """What a checkpoint keeps."""
        counts = np.array([self.steps, self.epoch, self.loss, self.best_loss, self.best_epoch])
        parts = {name: getattr(self, name) for name in ("params", "first", "second", "best")}
        return {**parts, "counts": counts}

    @staticmethod
    def from_arrays(arrays: dict[str, NDArray[Any]]) -> FitState:
        """The state that `arrays` came from."""
        steps, epoch, loss, best_loss, best_epoch = arrays["counts"].tolist()
        params, first, second, best = (arrays[name].copy() for name in ("params", "first", "second", "best"))
        return FitState(params, first, second, best, int(steps), int(epoch), loss, best_loss, int(best_epoch))


def epochs(
    trials: Trials,
    counts: NDArray[np.floating],
    config: FitConfig,
    state: FitState,
    check: NDArray[np.floating] | None = None,
) -> Iterator[FitState]:
    """Train up to ``config.epochs``; yields the state (the same object) after each epoch.

    Stopping anywhere and going on from a copy of the state gives the same bits as never having stopped.

    Args:
        trials: all animals.
        counts: ``(A, T)``, weight of each trial in the loss; animals with none are left out, a trial of
            weight 0 of the others still teaches its animal.
        config: how.
        state: where to begin.
        check: ``(A, T)`` likewise, for early stopping: ``state.best`` is best on these. None has none.
    """
    counts = np.where(trials.valid, counts, 0.0)
    rows = np.flatnonzero(counts.sum(1) > 0)
    if not len(rows):
        raise OntogymError("No trial is left to fit to; give more animals or fewer folds.")
    events, choice = trials.events, trials.choice.astype(np.float64)
    batches = -(-len(rows) // config.batch)
    segments = -(-int(trials.lengths[rows].max()) // config.truncation)
    while state.epoch < config.epochs:
        order = generator(config.seed, "order", state.epoch).permutation(rows)
        loss = 0.0
        for place, part in enumerate(np.array_split(order, batches)):
            walk = _Walk(trials, events, choice, counts, config, part)
            for segment in range(segments):
                total, gradient, weight = walk.segment(state.params, segment)
                loss += total
                if weight > 0:
                    done = state.epoch + (place + segment / segments) / batches
                    _adam(state, gradient / weight, config, done / config.epochs)
        state.epoch += 1
        state.loss = loss / counts.sum()
        if not np.isfinite(state.loss):
            raise OntogymError(
                f"The fit of {config.kind} diverged in epoch {state.epoch}; choose a smaller learning rate."
            )
        checked = state.loss if check is None else _checked(config.network, state.params, trials, check)
        if check is None or checked < state.best_loss:
            state.best, state.best_loss, state.best_epoch = state.params, checked, state.epoch
        yield state


def _checked(
    network: UpdateNetwork, params: NDArray[np.float64], trials: Trials, counts: NDArray[np.floating]
) -> float:
    """Mean loss on the trials that decide when to stop."""
    rows = np.flatnonzero((counts * trials.valid).sum(1) > 0)
    part = trials.rows(rows)
    found = log_likelihood(trajectory(network, params, part), part)
    return float(-(found * counts[rows]).sum() / (counts[rows] * part.valid).sum())


class _Walk:
    """A batch of animals on their way through their trials, segment by segment."""

    def __init__(
        self,
        trials: Trials,
        events: NDArray[np.float64],
        choice: NDArray[np.float64],
        counts: NDArray[np.floating],
        config: FitConfig,
        rows: NDArray[np.intp],
    ) -> None:
        self.network, self.size = config.network, config.truncation
        self.events, self.choice, self.counts = events[rows], choice[rows], counts[rows]
        self.lengths = trials.lengths[rows]
        self.known = None if trials.initial is None else trials.initial[rows]
        self.memories = np.zeros((len(rows), config.hidden if self.network.recurrent else 0))
        self.weights: NDArray[np.float64] | None = None

    def segment(self, params: NDArray[np.float64], number: int) -> tuple[float, NDArray[np.float64], float]:
        """Loss, gradient ``(D,)`` and weight of one segment; the animals stand behind it then."""
        from ontogym.developmental.rules.inferred.kernel import run_segment

        at = self.network.offsets["initial"]
        if self.weights is None:
            start = params[at : at + 2]
            self.weights = np.tile(start, (len(self.lengths), 1)) if self.known is None else self.known.copy()
        here = slice(number * self.size, (number + 1) * self.size)
        lengths = np.clip(self.lengths - number * self.size, 0, self.size)
        gradient = np.zeros_like(params)
        counts = np.ascontiguousarray(self.counts[:, here])
        total, _, slope = run_segment(
            self.network, params, np.ascontiguousarray(self.events[:, here]),
            np.ascontiguousarray(self.choice[:, here]), counts, lengths, self.weights, self.memories, gradient,
        )  # fmt: skip
        if number == 0 and self.known is None:
            gradient[at : at + 2] = slope.sum(0)
        return total, gradient, float(counts.sum())


def _adam(state: FitState, gradient: NDArray[np.float64], config: FitConfig, progress: float) -> None:
    """One step of Adam (arXiv 1412.6980); the rate falls as a cosine, `progress` from 0 to 1."""
    norm = float(np.sqrt((gradient**2).sum()))
    if norm > config.clip:
        gradient = gradient * (config.clip / norm)
    state.steps += 1
    state.first = BETA1 * state.first + (1 - BETA1) * gradient
    state.second = BETA2 * state.second + (1 - BETA2) * gradient**2
    rate = config.learning_rate * 0.5 * (1 + np.cos(np.pi * progress))
    first = state.first / (1 - BETA1**state.steps)
    second = state.second / (1 - BETA2**state.steps)
    state.params = state.params - rate * first / (np.sqrt(second) + EPSILON)


def trajectory(network: UpdateNetwork, params: NDArray[np.float64], trials: Trials) -> NDArray[np.float64]:
    """W before every trial under the inferred rule, ``(A, T, 2)``; NaN where there is no trial."""
    from ontogym.developmental.rules.inferred.kernel import run_segment

    at = network.offsets["initial"]
    start = (
        np.tile(params[at : at + 2], (len(trials), 1)) if trials.initial is None else trials.initial.copy()
    )
    memories = np.zeros((len(trials), network.hidden if network.recurrent else 0))
    choice = trials.choice.astype(np.float64)
    _, path, _ = run_segment(
        network, params, trials.events, choice, np.zeros_like(choice), trials.lengths, start, memories
    )
    return path


def log_likelihood(path: NDArray[np.float64], trials: Trials) -> NDArray[np.float64]:
    """Log-likelihood of every choice in nats, ``(A, T)``, from W before it; 0 where there is no trial."""
    z = path[..., 0] * trials.stimulus + path[..., 1]
    z = np.where(trials.choice == 1, z, -z)
    return np.where(trials.valid, -np.logaddexp(0.0, -z), 0.0)
