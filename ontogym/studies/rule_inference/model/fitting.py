"""Fit the update network to choices: Adam on the mean negative log-likelihood, truncated back-propagation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.developmental.rules.inferred.network import UpdateNetwork
from ontogym.errors import OntogymError
from ontogym.seeding import derive, generator
from ontogym.studies.rule_inference.model.parametric import first_weights, fit_rule
from ontogym.studies.rule_inference.model.trials import Trials

__all__ = ["FitConfig", "FitState", "epochs", "log_likelihood", "settle", "trajectory"]

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
SETTLED = 0.5
"""Share of the epochs before which early stopping does not look.

Right and wrong rules differ by some thousandths of a nat a trial, less than what the few animals that decide differ by:
asked from the start, they stop a fit at its second to fifth epoch, before it has found anything.
"""
LARGEST = 1e4
"""A parameter beyond this has run away, whatever the loss still is."""
INTO_MEMORY, OF_MEMORY, FROM_SLOW = 2.0, 0.25, 1 / 3
"""SD of the prior on a GRU's weights from the trial, from its own memory, and from its slow units onwards, over that of
all other weights.

Under one SD for all, a memory of past trials costs the prior no more than sight of this one, and a fit to few animals
spends it on chance.
"""


@dataclass(frozen=True)
class FitConfig:
    """How the update network is fitted.

    The paper takes 1000 epochs at a constant rate of 1e-3 on a thousand animals; here the rate falls to zero as a
    cosine, animals come in batches, and a prior on the weights takes the place of more animals. Measured on tables
    that are simulated outside the package: benchmarks/inference_recovery.py.

    Args:
        kind: "dnn" or "gru".
        hidden: units per layer.
        epochs: passes over the animals.
        batch: animals per step of Adam.
        learning_rate: of Adam at the start.
        truncation: trials after which back-propagation is cut (and a step is taken).
        clip: largest norm of a gradient.
        weight_sd: SD of the normal prior on the network's weights (0: none); few animals tell little, and without it
            a fit takes their chance for a rule. A GRU's is tighter where it remembers: see `INTO_MEMORY`.
        seed: of the first parameters and of the order of animals.

    Raises:
        OntogymError: a number that cannot be.
    """

    kind: str = "dnn"
    hidden: int = 32
    epochs: int = 100
    batch: int = 10
    learning_rate: float = 0.01
    truncation: int = 500
    clip: float = 1.0
    weight_sd: float = 0.45
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "truncation"):
            if getattr(self, name) < 1:
                raise OntogymError(f"{name} is {getattr(self, name)}; give at least 1.")
        if not (np.isfinite(self.weight_sd) and self.weight_sd >= 0):
            raise OntogymError(
                f"weight_sd is {self.weight_sd}; give a standard deviation, or 0 for no prior."
            )
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
    ``best_epoch`` when; without such trials they are the last. Where first weights are not known, ``starts`` (3, A, 2)
    are those of each animal and their two moments, ``best_starts`` (A, 2) those that go with ``best``, and ``prior``
    (2, 2) the mean and SD over animals that the best REINFORCE rule gives them; else these are empty.
    """

    params: NDArray[np.float64]
    first: NDArray[np.float64]
    second: NDArray[np.float64]
    best: NDArray[np.float64]
    starts: NDArray[np.float64] = field(default_factory=lambda: np.zeros((3, 0, 2)))
    best_starts: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 2)))
    prior: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 2)))
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
        return {**{name: getattr(self, name) for name in _ARRAYS}, "counts": counts}

    @staticmethod
    def from_arrays(arrays: dict[str, NDArray[Any]]) -> FitState:
        """The state that `arrays` came from."""
        steps, epoch, loss, best_loss, best_epoch = arrays["counts"].tolist()
        parts: dict[str, Any] = {name: arrays[name].copy() for name in _ARRAYS}
        counts: dict[str, Any] = {"steps": int(steps), "epoch": int(epoch), "best_epoch": int(best_epoch)}
        return FitState(**parts, **counts, loss=loss, best_loss=best_loss)

    def place(self, network: UpdateNetwork, trials: Trials, counts: NDArray[np.floating]) -> None:
        """Begin where REINFORCE with a baseline, fitted to the same trials, sees each animal begin."""
        fit = fit_rule("reinforce-baseline", trials, counts)
        found, _ = first_weights(fit, trials, counts)
        self.starts = np.stack([found, np.zeros_like(found), np.zeros_like(found)])
        self.best_starts, self.prior = found, np.stack([fit.mean, fit.spread])
        at = network.offsets["initial"]
        self.params = self.params.copy()
        self.params[at : at + 2] = fit.mean  # what an agent with this rule is born with
        self.best = self.params


_ARRAYS = ("params", "first", "second", "best", "starts", "best_starts", "prior")


def epochs(
    trials: Trials,
    counts: NDArray[np.floating],
    config: FitConfig,
    state: FitState,
    check: NDArray[np.floating] | None = None,
) -> Iterator[FitState]:
    """Train up to ``config.epochs``; yields the state (the same object) after each epoch.

    Stopping anywhere and going on from a copy of the state gives the same bits as never having stopped. First weights
    that are not known are fitted with the network, one pair an animal, under the prior of `FitState.place`.

    Args:
        trials: all animals.
        counts: ``(A, T)``, weight of each trial in the loss; animals with none are left out, a trial of
            weight 0 of the others still teaches its animal.
        config: how.
        state: where to begin.
        check: ``(A, T)`` likewise, for early stopping: ``state.best`` is best on these. None has none.

    Raises:
        OntogymError: no trial has a weight.
    """
    counts = np.where(trials.valid, counts, 0.0)
    rows = np.flatnonzero(counts.sum(1) > 0)
    if not len(rows):
        raise OntogymError("No trial is left to fit to; give more animals or fewer folds.")
    if trials.initial is None and not len(state.prior):
        state.place(config.network, trials, counts if check is None else counts + check)
    events, choice = trials.events, trials.choice.astype(np.float64)
    batches = -(-len(rows) // config.batch)
    segments = -(-int(trials.lengths[rows].max()) // config.truncation)
    centre, firm = _prior(config)
    while state.epoch < config.epochs:
        order = generator(config.seed, "order", state.epoch).permutation(rows)
        loss = 0.0
        for place, part in enumerate(np.array_split(order, batches)):
            starts = state.starts[0] if trials.initial is None else trials.initial
            walk = _Walk(trials, events, choice, counts, config, part, starts)
            for segment in range(segments):
                total, gradient, weight, slope = walk.segment(state.params, segment)
                loss += total
                done = (state.epoch + (place + segment / segments) / batches) / config.epochs
                if weight > 0:
                    # Minus the logarithm of the prior on the weights, in nats a trial
                    prior = (state.params - centre) * (firm / float(counts.sum()))
                    _adam(state, gradient / weight + prior, config, done)
                if segment == 0 and trials.initial is None:
                    _adam_starts(state, slope, config, done, part)
        state.epoch += 1
        state.loss = loss / counts.sum()
        if not (np.isfinite(state.loss) and np.abs(state.params).max() < LARGEST):
            raise OntogymError(
                f"The fit of {config.kind} diverged in epoch {state.epoch}; choose a smaller learning rate."
            )
        checked = state.loss if check is None else _checked(config.network, state, trials, check)
        settled = state.epoch > SETTLED * config.epochs
        if check is None or not settled or checked < state.best_loss:
            state.best, state.best_epoch = state.params, state.epoch
            state.best_loss = checked if settled else np.inf
            state.best_starts = state.starts[0].copy()
        yield state


def _prior(config: FitConfig) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and precision ``(D,)`` of the normal prior on the parameters; scale and first weights are free."""
    from ontogym.developmental.rules.inferred.kernel import views

    network, h = config.network, config.hidden
    sd, centre = np.full(network.n_params, float(config.weight_sd)), np.zeros(network.n_params)
    centre[network.keep_gates] = network.keep_biases
    if network.recurrent:
        parts = views(network, sd)
        for part, share in (
            (parts.w_ih, INTO_MEMORY),
            (parts.w_hh, OF_MEMORY),
            (parts.w1[h - network.slow :], FROM_SLOW),
        ):
            part *= share
    sd[:4] = 0
    return centre, np.divide(1.0, sd**2, out=np.zeros_like(sd), where=sd > 0)


def _checked(network: UpdateNetwork, state: FitState, trials: Trials, counts: NDArray[np.floating]) -> float:
    """Mean loss on the trials that decide when to stop."""
    rows = np.flatnonzero((counts * trials.valid).sum(1) > 0)
    part = trials.rows(rows)
    starts = state.starts[0][rows] if trials.initial is None else None
    found = log_likelihood(trajectory(network, state.params, part, starts), part)
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
        starts: NDArray[np.float64],
    ) -> None:
        self.network, self.size = config.network, config.truncation
        self.events, self.choice, self.counts = events[rows], choice[rows], counts[rows]
        self.lengths = trials.lengths[rows]
        self.memories = np.zeros((len(rows), config.hidden if self.network.recurrent else 0))
        self.weights = starts[rows].astype(np.float64)

    def segment(
        self, params: NDArray[np.float64], number: int
    ) -> tuple[float, NDArray[np.float64], float, NDArray[np.float64]]:
        """Loss, gradient ``(D,)`` and weight of one segment, and the slope in W before it, ``(n, 2)``.

        The animals stand behind it then.
        """
        from ontogym.developmental.rules.inferred.kernel import run_segment

        here = slice(number * self.size, (number + 1) * self.size)
        lengths = np.clip(self.lengths - number * self.size, 0, self.size)
        gradient = np.zeros_like(params)
        counts = np.ascontiguousarray(self.counts[:, here])
        total, _, slope = run_segment(
            self.network, params, np.ascontiguousarray(self.events[:, here]),
            np.ascontiguousarray(self.choice[:, here]), counts, lengths, self.weights, self.memories, gradient,
        )  # fmt: skip
        return total, gradient, float(counts.sum()), slope


def _adam(state: FitState, gradient: NDArray[np.float64], config: FitConfig, progress: float) -> None:
    """One step of Adam (arXiv 1412.6980); the rate falls as a cosine, `progress` from 0 to 1."""
    norm = float(np.sqrt((gradient**2).sum()))
    if norm > config.clip:
        gradient = gradient * (config.clip / norm)
    state.steps += 1
    state.first = BETA1 * state.first + (1 - BETA1) * gradient
    state.second = BETA2 * state.second + (1 - BETA2) * gradient**2
    rate = _rate(config, progress)
    first = state.first / (1 - BETA1**state.steps)
    second = state.second / (1 - BETA2**state.steps)
    state.params = state.params - rate * first / (np.sqrt(second) + EPSILON)


def _rate(config: FitConfig, progress: float) -> float:
    return float(config.learning_rate * 0.5 * (1 + np.cos(np.pi * progress)))


def _adam_starts(
    state: FitState, slope: NDArray[np.float64], config: FitConfig, progress: float, rows: NDArray[np.intp]
) -> None:
    """The same for the first weights of the animals `rows`, which are seen once an epoch: loss plus their prior's."""
    mean, sd = state.prior
    w, first, second = state.starts[:, rows]
    gradient = slope + (w - mean) / sd**2
    first = BETA1 * first + (1 - BETA1) * gradient
    second = BETA2 * second + (1 - BETA2) * gradient**2
    n = state.epoch + 1
    step = first / (1 - BETA1**n) / (np.sqrt(second / (1 - BETA2**n)) + EPSILON)
    state.starts = state.starts.copy()
    state.starts[:, rows] = np.stack([w - _rate(config, progress) * step, first, second])


def trajectory(
    network: UpdateNetwork,
    params: NDArray[np.float64],
    trials: Trials,
    starts: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """W before every trial under the inferred rule, ``(A, T, 2)``; NaN where there is no trial.

    From known first weights, else from `starts` ``(A, 2)``, else from those of a newcomer.
    """
    if trials.initial is not None:
        starts = trials.initial
    elif starts is None:
        at = network.offsets["initial"]
        starts = np.tile(params[at : at + 2], (len(trials), 1))
    return _walked(network, params, trials, starts)[0]


def _walked(
    network: UpdateNetwork,
    params: NDArray[np.float64],
    trials: Trials,
    starts: NDArray[np.float64],
    counts: NDArray[np.float64] | None = None,
    until: int | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """W before every trial ``(A, T, 2)``, and with `counts` the slope of the loss in the first W, ``(A, 2)``."""
    from ontogym.developmental.rules.inferred.kernel import run_segment

    part = slice(until)
    memories = np.zeros((len(trials), network.hidden if network.recurrent else 0))
    choice = np.ascontiguousarray(trials.choice[:, part], dtype=np.float64)
    weight = np.zeros_like(choice) if counts is None else np.ascontiguousarray(counts[:, part])
    _, path, slope = run_segment(
        network, params, np.ascontiguousarray(trials.events[:, part]), choice, weight,
        np.minimum(trials.lengths, choice.shape[1]), starts.copy(), memories,
        None if counts is None else np.zeros_like(params),
    )  # fmt: skip
    return path, slope


def settle(
    network: UpdateNetwork,
    params: NDArray[np.float64],
    trials: Trials,
    prior: NDArray[np.float64],
    counts: NDArray[np.float64],
    starts: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Each animal's most probable first weights under the inferred rule, ``(A, 2)``: three steps of Newton.

    Args:
        network, params: the rule.
        trials: the animals.
        prior: (2, 2), mean and SD of first weights over animals.
        counts: ``(A, T)``, trials to judge by.
        starts: ``(A, 2)``, where to begin.
    """
    until = int(np.flatnonzero(counts.any(0))[-1]) + 1 if counts.any() else 0
    (mean, sd), h = prior, 1e-4
    if not until:
        return np.tile(mean, (len(trials), 1))
    for _ in range(3):
        slope = [_walked(network, params, trials, starts + e, counts, until)[1]
                 for e in (np.zeros(2), np.array([h, 0]), np.array([0, h]))]  # fmt: skip
        curve = np.stack([(slope[1] - slope[0]) / h, (slope[2] - slope[0]) / h], 2)
        values, vectors = np.linalg.eigh((curve + curve.transpose(0, 2, 1)) / 2 + np.diag(sd**-2.0))
        # Where the loss is not convex, the prior's curvature takes the place of its own.
        scaled = np.einsum("aij,ai->aj", vectors, slope[0] + (starts - mean) / sd**2)
        step = np.einsum("aij,aj->ai", vectors, scaled / np.maximum(values, (sd**-2.0).min()))
        starts = starts - step / np.maximum(1.0, np.linalg.norm(step, axis=1, keepdims=True))
    return starts


def log_likelihood(path: NDArray[np.float64], trials: Trials) -> NDArray[np.float64]:
    """Log-likelihood of every choice in nats, ``(A, T)``, from W before it; 0 where there is no trial."""
    z = np.where(trials.valid, path[..., 0] * trials.stimulus + path[..., 1], 0.0)  # NaN beyond the trials
    z = np.where(trials.choice == 1, z, -z)
    return np.where(trials.valid, -np.logaddexp(0.0, -z), 0.0)
