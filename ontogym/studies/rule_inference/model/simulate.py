r"""Animals that learn by a known rule, to see whether inference finds it again.

With :math:`p_y` the probability of the choice made, :math:`p_C` that of the correct one, f = 1 for a choice to
the right and -1 for one to the left, s likewise for the correct side, reward r in {0, 1}, and x the stimulus
(1 for the bias), a trial changes a weight by :math:`\alpha` times

========================  =========================================
``reinforce``             :math:`(1 - p_y) f r x`
``reinforce-baseline``    :math:`(1 - p_y) f (r - \beta) x`
``predict-max``           :math:`(1 - p_C) s x`
``reward-max``            :math:`2 p_R (1 - p_R) s x`
``reinforce-history``     reinforce, times :math:`2 h`
========================  =========================================

(Williams 1992; Ashwood et al. 2020; arXiv 2509.04661). The last is of our own making, a rule that no function
of the current trial can express: h is the running mean of past rewards (0.9 of it kept per trial), 1/2 at the start.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError, UnknownNameError
from ontogym.seeding import generator
from ontogym.studies.rule_inference.model.trials import Trials

__all__ = ["GROUND_TRUTH", "SIMULATED", "Simulated", "drive", "simulate"]

GROUND_TRUTH = ("reinforce", "reinforce-baseline", "predict-max", "reward-max")
"""The four rules of the paper's recovery."""
SIMULATED = (*GROUND_TRUTH, "reinforce-history")
KEPT = 0.9
LEARNING_RATE, BASELINE = 2.0**-4, 0.5


class Simulated(NamedTuple):
    """Trials and what made them: ``weights`` (A, T + 1, 2), weight and bias before each trial and at the end."""

    trials: Trials
    weights: NDArray[np.float64]


def drive(
    rule: str,
    p_right: NDArray[np.float64],
    choice: NDArray[np.int64],
    side: NDArray[np.int64],
    reward: NDArray[np.float64],
    baseline: float,
    history: NDArray[np.float64],
) -> NDArray[np.float64]:
    """What a rule multiplies x (and 1, for the bias) with, before the learning rate; all ``(A,)``."""
    if rule == "predict-max":
        return side - p_right  # (1 - p_C) s
    if rule == "reward-max":
        return 2 * p_right * (1 - p_right) * (2 * side - 1)  # 2 p_R (1 - p_R) s
    # (1 - p_y) f is the choice minus its probability.
    credit = reward - (baseline if rule == "reinforce-baseline" else 0.0)
    gain = 2 * history if rule == "reinforce-history" else 1.0
    return np.asarray((choice - p_right) * credit * gain)


def simulate(
    rule: str,
    animals: int = 1000,
    trials: int = 500,
    seed: int = 0,
    learning_rate: float = LEARNING_RATE,
    baseline: float = BASELINE,
) -> Simulated:
    """Animals that begin with a stimulus weight of -2 and a bias of -1, 0 or 1, and learn by `rule`.

    Stimuli are drawn evenly from a grid of -2, -1.75, ..., 2; at 0 the true side is a coin toss.

    Raises:
        OntogymError: no such rule, or no animals or trials.
    """
    if rule not in SIMULATED:
        raise UnknownNameError("simulated rule", rule, SIMULATED)
    if animals < 1 or trials < 1:
        raise OntogymError(f"{animals} animals with {trials} trials are no data; give at least one of each.")
    rng = generator(seed, "simulated animals", rule)
    x = rng.integers(-8, 9, (animals, trials)) / 4
    side = np.where(x == 0, rng.integers(0, 2, x.shape), x > 0).astype(np.int64)
    u = rng.random((trials, animals))
    initial = np.stack([np.full(animals, -2.0), rng.integers(-1, 2, animals).astype(np.float64)], 1)
    weights = np.empty((animals, trials + 1, 2))
    weights[:, 0] = initial
    choice = np.empty((animals, trials), dtype=np.int64)
    history = np.full(animals, 0.5)
    for t in range(trials):
        p_right = 1 / (1 + np.exp(-(weights[:, t, 0] * x[:, t] + weights[:, t, 1])))
        choice[:, t] = u[t] < p_right
        reward = (choice[:, t] == side[:, t]).astype(np.float64)
        step = learning_rate * drive(rule, p_right, choice[:, t], side[:, t], reward, baseline, history)
        weights[:, t + 1, 0] = weights[:, t, 0] + step * x[:, t]
        weights[:, t + 1, 1] = weights[:, t, 1] + step
        history = KEPT * history + (1 - KEPT) * reward
    found = Trials(
        stimulus=x,
        choice=choice,
        reward=(choice == side).astype(np.float64),
        side=side,
        session=np.zeros_like(choice),
        lengths=np.full(animals, trials),
        animals=tuple(f"sim-{k}" for k in range(animals)),
        initial=initial,
        source=f"sim:{rule}",
    )
    return Simulated(found, weights)
