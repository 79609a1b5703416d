"""What a gradient estimate is turned into a step by, and utilities into weights: parts that strategies are given.

An optimiser is two pure functions of a state that is a record of arrays and numbers; a shaping is a function of the
utilities of a generation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import UnknownNameError

__all__ = [
    "OPTIMISERS",
    "SHAPINGS",
    "Adam",
    "Momentum",
    "Optimiser",
    "centred_ranks",
    "named",
    "standardised",
]

Array = NDArray[np.float64]


class Optimiser(Protocol):
    """How a gradient moves the search mean."""

    def begin(self, size: int) -> Any:
        """The state before the first step, for `size` parameters."""
        ...

    def step(self, state: Any, gradient: Array) -> tuple[Array, Any]:
        """What to add to the mean ``(D,)`` to climb along `gradient` ``(D,)``, and the next state."""
        ...


class AdamState(NamedTuple):
    """Running means of the gradient and of its square, ``(D,)`` each, and how many steps there were."""

    moment1: Array
    moment2: Array
    updates: int


class Adam(NamedTuple):
    """Adam (Kingma & Ba, arXiv:1412.6980, algorithm 1)."""

    learning_rate: float = 0.05
    beta1: float = 0.9
    beta2: float = 0.999

    def begin(self, size: int) -> AdamState:
        """No gradient seen yet."""
        return AdamState(np.zeros(size), np.zeros(size), 0)

    def step(self, state: AdamState, gradient: Array) -> tuple[Array, AdamState]:
        """See `Optimiser.step`."""
        t = state.updates + 1
        m = self.beta1 * state.moment1 + (1 - self.beta1) * gradient
        v = self.beta2 * state.moment2 + (1 - self.beta2) * gradient**2
        m_hat, v_hat = m / (1 - self.beta1**t), v / (1 - self.beta2**t)  # corrected for the start at 0
        return self.learning_rate * m_hat / (np.sqrt(v_hat) + 1e-8), AdamState(m, v, t)


class MomentumState(NamedTuple):
    """The running sum of gradients, ``(D,)``."""

    velocity: Array


class Momentum(NamedTuple):
    """Gradient ascent with momentum; `beta1` is its decay, and 0 is plain ascent."""

    learning_rate: float = 0.05
    beta1: float = 0.9

    def begin(self, size: int) -> MomentumState:
        """At rest."""
        return MomentumState(np.zeros(size))

    def step(self, state: MomentumState, gradient: Array) -> tuple[Array, MomentumState]:
        """See `Optimiser.step`."""
        velocity = self.beta1 * state.velocity + gradient
        return self.learning_rate * velocity, MomentumState(velocity)


def centred_ranks(utilities: NDArray[np.floating]) -> Array:
    """Ranks scaled to [-0.5, 0.5], ``(P,)``; equal utilities share the middle of their ranks.

    Shared ranks matter: breaking ties by index would favour one half of the antithetic pairs.
    """
    from scipy.stats import rankdata

    ranks = rankdata(utilities)
    return np.asarray((ranks - 1) / (len(ranks) - 1) - 0.5, dtype=np.float64)


def standardised(utilities: NDArray[np.floating]) -> Array:
    """Utilities less their mean, over their SD, ``(P,)``; 0 where all are equal."""
    centred = np.asarray(utilities, dtype=np.float64) - np.mean(utilities)
    sd = centred.std()
    return centred / sd if sd > 0 else centred


OPTIMISERS: dict[str, type[Adam] | type[Momentum]] = {"adam": Adam, "momentum": Momentum}
SHAPINGS: dict[str, Callable[[NDArray[np.floating]], Array]] = {
    "centred-ranks": centred_ranks,
    "standardised": standardised,
}


def named(kind: str, table: dict[str, Any], given: Any) -> Any:
    """What `given` names in `table`, or `given` itself.

    Raises:
        UnknownNameError: a name that the table does not hold.
    """
    if not isinstance(given, str):
        return given
    if given not in table:
        raise UnknownNameError(kind, given, table)
    return table[given]
