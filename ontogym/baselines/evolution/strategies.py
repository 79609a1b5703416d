"""Ask/tell evolution strategies behind one contract.

A strategy proposes a population, is told how useful each member was (higher is better), and moves. The noise
of generation g comes from ``(seed, g)`` alone, so its state is a small record, a checkpoint holds no generator, and a
resumed search goes on bit for bit.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.baselines.evolution.optimisers import OPTIMISERS, SHAPINGS, Optimiser, named
from ontogym.baselines.evolution.search_state import SearchState, pack, unpack
from ontogym.errors import OntogymError
from ontogym.seeding import generator

__all__ = ["IsotropicCSA", "OpenAIES", "Strategy"]


class Strategy(abc.ABC):
    """A search distribution that moves.

    Args:
        mean: where the search starts, ``(D,)``.
        population: members per generation, any number from 2.
        seed: decides all chance.
        sigma: initial step size.

    Attributes:
        state: all that changes, a record (see `ontogym.baselines.evolution.search_state`).
        measures: names of what a strategy must be told of its members' lives beside their utility; none for most. One that
            names some is told ``tell(utilities, measures)`` with measures ``(P, M)``.
    """

    state: Any
    measures: tuple[str, ...] = ()

    def __init__(self, mean: NDArray[np.floating], population: int, seed: int, sigma: float) -> None:
        if population < 2:
            raise OntogymError(f"A population of {population} cannot be ranked; choose at least 2.")
        if not (np.isfinite(sigma) and sigma > 0):
            raise OntogymError(f"The step size sigma is {sigma}; choose a positive number.")
        self.population, self.seed = int(population), int(seed)
        self.state = SearchState(np.array(mean, dtype=np.float64), float(sigma), 0)

    @property
    def mean(self) -> NDArray[np.float64]:
        """The search mean, ``(D,)``: the genome to evaluate and to keep."""
        return np.array(self.state.mean)

    @property
    def sigma(self) -> float:
        """The step size."""
        return float(self.state.sigma)

    @property
    def generation(self) -> int:
        """Completed generations."""
        return int(self.state.generation)

    @abc.abstractmethod
    def ask(self) -> NDArray[np.float64]:
        """The population of this generation, ``(P, D)``; asking again before `tell` gives the same."""

    def tell(self, utilities: NDArray[np.floating]) -> None:
        """Move by how useful each asked member was.

        Args:
            utilities: ``(P,)``, higher is better. One that is not finite counts as the worst of its
                generation; if none is finite, nothing changes but the generation counter.

        Raises:
            OntogymError: another number of utilities than members.
        """
        utilities = np.asarray(utilities, dtype=np.float64)
        if utilities.shape != (self.population,):
            raise OntogymError(
                f"{utilities.shape} utilities were given for a population of {self.population}; "
                "tell one number per member, in the order asked."
            )
        finite = np.isfinite(utilities)
        state = self.state
        if finite.any():
            state = self._moved(np.where(finite, utilities, utilities[finite].min()))
        self.state = replace(state, generation=state.generation + 1)

    @abc.abstractmethod
    def _moved(self, utilities: NDArray[np.float64]) -> Any:
        """The state after a move by finite utilities; the generation is counted elsewhere."""

    def _noise(self, rows: int) -> NDArray[np.float64]:
        """Standard normal ``(rows, D)`` of this generation."""
        return generator(self.seed, "strategy", self.generation).standard_normal((rows, len(self.state.mean)))

    def state_dict(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """``(arrays, meta)`` from which `load_state_dict` continues bit for bit; taken between generations."""
        arrays, meta = pack(self.state)
        return arrays, {"type": type(self).__name__, **meta}

    def load_state_dict(self, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> None:
        """Continue from `state_dict` of a strategy that was built with the same arguments.

        Raises:
            OntogymError: the state of another strategy or of another genome length, or a damaged one.
        """
        size = np.size(arrays.get("mean", ()))
        if meta.get("type") != type(self).__name__ or size != self.state.mean.size:
            raise OntogymError(
                f"This state is of {meta.get('type')} with {size} parameters, not of "
                f"{type(self).__name__} with {self.state.mean.size}; resume with the strategy that wrote it."
            )
        try:
            self.state = unpack(self.state, arrays, meta)
        except (KeyError, ValueError, TypeError) as error:
            raise OntogymError(
                f"This state of {meta['type']} is not that of a search with these options ({error}); resume with "
                "the options that wrote it."
            ) from error


@dataclass(frozen=True)
class CSAState(SearchState):
    """`path`: the evolution path of the step size, ``(D,)``."""

    path: NDArray[np.float64]


class IsotropicCSA(Strategy):
    """The (mu/mu_w, lambda)-ES with cumulative step-size adaptation and no covariance matrix.

    CMA-ES with C = I. At thousands of parameters and hundreds of generations a covariance matrix learns
    little, and this one costs nothing.

    Constants and equation numbers after Hansen, "The CMA evolution strategy: a tutorial", arXiv:1604.00772.
    """

    def __init__(
        self, mean: NDArray[np.floating], population: int = 64, seed: int = 0, sigma: float = 1.0
    ) -> None:
        super().__init__(mean, population, seed, sigma)
        n, parents = self.state.mean.size, population // 2
        raw = np.log((population + 1) / 2) - np.log(np.arange(1, parents + 1))  # (eq. 49)
        self.weights = raw / raw.sum()
        self.mu_eff = 1.0 / float((self.weights**2).sum())  # (eq. 8)
        self.c_sigma = (self.mu_eff + 2) / (n + self.mu_eff + 5)  # (eq. 55)
        self.d_sigma = 1 + 2 * max(0.0, np.sqrt((self.mu_eff - 1) / (n + 1)) - 1) + self.c_sigma
        self.chi_n = np.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n**2))  # E|N(0, I)|
        self.state = CSAState(self.state.mean, self.state.sigma, 0, np.zeros(n))

    def ask(self) -> NDArray[np.float64]:
        return np.asarray(self.state.mean + self.state.sigma * self._noise(self.population))

    def _moved(self, utilities: NDArray[np.float64]) -> CSAState:
        parents = np.argsort(-utilities, kind="stable")[: len(self.weights)]
        step = self.weights @ self._noise(self.population)[parents]
        c, state = self.c_sigma, self.state
        path = (1 - c) * state.path + np.sqrt(c * (2 - c) * self.mu_eff) * step  # (eq. 43)
        mean = state.mean + state.sigma * step  # (eq. 42), c_m = 1
        sigma = state.sigma * float(
            np.exp(c / self.d_sigma * (np.linalg.norm(path) / self.chi_n - 1))
        )  # (44)
        return CSAState(mean, sigma, state.generation, path)


@dataclass(frozen=True)
class GradientState(SearchState):
    """`optimiser`: its record."""

    optimiser: Any


class OpenAIES(Strategy):
    """Gradient ascent on a smoothed utility: antithetic noise, shaped utilities, an optimiser.

    Salimans et al., "Evolution strategies as a scalable alternative to reinforcement learning",
    arXiv:1703.03864, has centred ranks and Adam. The step size stays fixed. In an odd population the
    last member is the mean itself, which takes part in shaping but not in the gradient.

    Args:
        learning_rate, beta1, beta2: the optimiser's, as far as it has them.
        weight_decay: share of the mean that is taken off the gradient.
        optimiser: one of `OPTIMISERS`, or an `Optimiser`.
        shaping: one of `SHAPINGS`, or a function of the utilities ``(P,)``.
    """

    def __init__(
        self,
        mean: NDArray[np.floating],
        population: int = 64,
        seed: int = 0,
        sigma: float = 0.1,
        learning_rate: float = 0.05,
        weight_decay: float = 0.0,
        beta1: float = 0.9,
        beta2: float = 0.999,
        optimiser: str | Optimiser = "adam",
        shaping: str | Callable[[NDArray[np.floating]], NDArray[np.float64]] = "centred-ranks",
    ) -> None:
        super().__init__(mean, population, seed, sigma)
        kind: Any = named("optimiser", OPTIMISERS, optimiser)
        if isinstance(optimiser, str):
            given = {"learning_rate": learning_rate, "beta1": beta1, "beta2": beta2}
            kind = kind(**{name: value for name, value in given.items() if name in kind._fields})
        self.optimiser: Optimiser = kind
        self.shaping = named("shaping of utilities", SHAPINGS, shaping)
        self.weight_decay = weight_decay
        start = self.optimiser.begin(self.state.mean.size)
        self.state = GradientState(self.state.mean, self.state.sigma, 0, start)

    def ask(self) -> NDArray[np.float64]:
        half = self._noise(self.population // 2)
        middle = np.zeros((self.population % 2, half.shape[1]))
        return np.asarray(self.state.mean + self.state.sigma * np.concatenate([half, -half, middle]))

    def _moved(self, utilities: NDArray[np.float64]) -> GradientState:
        half, state = self.population // 2, self.state
        shaped = self.shaping(utilities)
        gradient = (shaped[:half] - shaped[half : 2 * half]) @ self._noise(half) / (2 * half * state.sigma)
        gradient -= self.weight_decay * state.mean
        step, optimiser = self.optimiser.step(state.optimiser, gradient)
        return GradientState(state.mean + step, state.sigma, state.generation, optimiser)
