"""Ask/tell evolution strategies behind one contract.

A strategy proposes a population, is told how useful each member was (higher is better), and moves. The noise
of generation g comes from ``(seed, g)`` alone, so its state is small, a checkpoint holds no generator, and a
resumed search goes on bit for bit.
"""

from __future__ import annotations

import abc
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError
from ontogym.seeding import generator

__all__ = ["DiagonalCMA", "FullCMA", "IsotropicCSA", "OpenAIES", "Strategy"]


class Strategy(abc.ABC):
    """A search distribution that moves.

    Args:
        mean: where the search starts, ``(D,)``.
        population: members per generation, any number from 2.
        seed: decides all chance.
        sigma: initial step size.

    Attributes:
        generation: completed generations.
    """

    def __init__(self, mean: NDArray[np.floating], population: int, seed: int, sigma: float) -> None:
        if population < 2:
            raise OntogymError(f"A population of {population} cannot be ranked; choose at least 2.")
        if not (np.isfinite(sigma) and sigma > 0):
            raise OntogymError(f"The step size sigma is {sigma}; choose a positive number.")
        self._mean = np.array(mean, dtype=np.float64)
        self._sigma = float(sigma)
        self.population, self.seed, self.generation = int(population), int(seed), 0

    @property
    def mean(self) -> NDArray[np.float64]:
        """The search mean, ``(D,)``: the genome to evaluate and to keep."""
        return self._mean.copy()

    @property
    def sigma(self) -> float:
        """The step size."""
        return self._sigma

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
                f"{utilities.shape} utilities were told for a population of {self.population}; "
                "tell one number per member, in the order asked."
            )
        finite = np.isfinite(utilities)
        if finite.any():
            self._update(np.where(finite, utilities, utilities[finite].min()))
        self.generation += 1

    @abc.abstractmethod
    def _update(self, utilities: NDArray[np.float64]) -> None:
        """Move by finite utilities."""

    def _noise(self, rows: int) -> NDArray[np.float64]:
        """Standard normal ``(rows, D)`` of this generation."""
        return generator(self.seed, "strategy", self.generation).standard_normal((rows, len(self._mean)))

    def state_dict(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """``(arrays, meta)`` from which `load_state_dict` continues bit for bit; taken between generations."""
        meta = {"type": type(self).__name__, "generation": self.generation, "sigma": self._sigma}
        return {"mean": self._mean.copy()}, meta

    def load_state_dict(self, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> None:
        """Continue from `state_dict` of a strategy that was built with the same arguments.

        Raises:
            OntogymError: the state of another strategy or of another genome length.
        """
        mean = np.asarray(arrays.get("mean", ()), dtype=np.float64)
        if meta.get("type") != type(self).__name__ or mean.shape != self._mean.shape:
            raise OntogymError(
                f"This state is of {meta.get('type')} with {mean.size} parameters, not of "
                f"{type(self).__name__} with {self._mean.size}; resume with the strategy that wrote it."
            )
        self._mean, self._sigma = mean.copy(), float(meta["sigma"])
        self.generation = int(meta["generation"])


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
        n, parents = self._mean.size, population // 2
        raw = np.log((population + 1) / 2) - np.log(np.arange(1, parents + 1))  # (eq. 49)
        self.weights = raw / raw.sum()
        self.mu_eff = 1.0 / float((self.weights**2).sum())  # (eq. 8)
        self.c_sigma = (self.mu_eff + 2) / (n + self.mu_eff + 5)  # (eq. 55)
        self.d_sigma = 1 + 2 * max(0.0, np.sqrt((self.mu_eff - 1) / (n + 1)) - 1) + self.c_sigma
        self.chi_n = np.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n**2))  # E|N(0, I)|
        self.path = np.zeros(n)

    def ask(self) -> NDArray[np.float64]:
        return self._mean + self._sigma * self._noise(self.population)

    def _update(self, utilities: NDArray[np.float64]) -> None:
        parents = np.argsort(-utilities, kind="stable")[: len(self.weights)]
        step = self.weights @ self._noise(self.population)[parents]
        c = self.c_sigma
        self.path = (1 - c) * self.path + np.sqrt(c * (2 - c) * self.mu_eff) * step  # (eq. 43)
        self._mean = self._mean + self._sigma * step  # (eq. 42), c_m = 1
        self._sigma *= float(np.exp(c / self.d_sigma * (np.linalg.norm(self.path) / self.chi_n - 1)))  # (44)

    def state_dict(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        arrays, meta = super().state_dict()
        return {**arrays, "path": self.path.copy()}, meta

    def load_state_dict(self, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> None:
        super().load_state_dict(arrays, meta)
        self.path = np.array(arrays["path"], dtype=np.float64)


class OpenAIES(Strategy):
    """Gradient ascent on a smoothed utility: antithetic noise, centred ranks, Adam.

    Salimans et al., "Evolution strategies as a scalable alternative to reinforcement learning",
    arXiv:1703.03864; Adam: Kingma & Ba, arXiv:1412.6980. The step size stays fixed. In an odd population the
    last member is the mean itself, which takes part in ranking but not in the gradient.

    Args:
        learning_rate: Adam's.
        weight_decay: share of the mean that is taken off the gradient.
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
    ) -> None:
        super().__init__(mean, population, seed, sigma)
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        self.beta1, self.beta2, self.updates = beta1, beta2, 0
        self.moment1, self.moment2 = np.zeros_like(self._mean), np.zeros_like(self._mean)

    def ask(self) -> NDArray[np.float64]:
        half = self._noise(self.population // 2)
        middle = np.zeros((self.population % 2, half.shape[1]))
        return self._mean + self._sigma * np.concatenate([half, -half, middle])

    def _update(self, utilities: NDArray[np.float64]) -> None:
        half = self.population // 2
        ranks = centred_ranks(utilities)
        gradient = (ranks[:half] - ranks[half : 2 * half]) @ self._noise(half) / (2 * half * self._sigma)
        gradient -= self.weight_decay * self._mean
        self.updates += 1
        self.moment1 = self.beta1 * self.moment1 + (1 - self.beta1) * gradient
        self.moment2 = self.beta2 * self.moment2 + (1 - self.beta2) * gradient**2
        first = self.moment1 / (1 - self.beta1**self.updates)
        second = self.moment2 / (1 - self.beta2**self.updates)
        self._mean = self._mean + self.learning_rate * first / (np.sqrt(second) + 1e-8)

    def state_dict(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        arrays, meta = super().state_dict()
        arrays |= {"moment1": self.moment1.copy(), "moment2": self.moment2.copy()}
        return arrays, meta | {"updates": self.updates}

    def load_state_dict(self, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> None:
        super().load_state_dict(arrays, meta)
        self.moment1, self.moment2 = np.array(arrays["moment1"]), np.array(arrays["moment2"])
        self.updates = int(meta["updates"])


def centred_ranks(utilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Ranks scaled to [-0.5, 0.5], ``(P,)``; equal utilities share the middle of their ranks.

    Shared ranks matter: breaking ties by index would favour one half of the antithetic pairs.
    """
    from scipy.stats import rankdata

    ranks = rankdata(utilities)
    return np.asarray((ranks - 1) / (len(ranks) - 1) - 0.5, dtype=np.float64)


class _PyCMA(Strategy):
    """pycma's CMA-ES (Hansen, Akimoto & Baudis, doi:10.5281/zenodo.2559634) behind the contract.

    Its state is not saved but recreated: the told utilities are replayed, which costs the strategy's own time
    over the generations so far (no evaluation), and needs no pickle.
    """

    _diagonal: bool

    def __init__(
        self, mean: NDArray[np.floating], population: int = 64, seed: int = 0, sigma: float = 1.0
    ) -> None:
        super().__init__(mean, population, seed, sigma)
        self._start = (self._mean.copy(), float(sigma))
        self._restart()

    def _restart(self) -> None:
        import cma

        mean, sigma = self._start
        options = {
            "popsize": self.population,
            "CMA_diagonal": self._diagonal,
            "randn": lambda rows, _: self._noise(rows),
            "seed": np.nan,  # means: leave NumPy's global generator alone
            "verbose": -10,
            "verb_log": 0,
            "verb_disp": 0,
        }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._cma = cma.CMAEvolutionStrategy(mean, sigma, options)
        self._asked: list[NDArray[np.float64]] | None = None
        self._history: list[NDArray[np.float64]] = []
        self.generation = 0

    def ask(self) -> NDArray[np.float64]:
        if self._asked is None:
            self._asked = self._cma.ask()
        return np.array(self._asked, dtype=np.float64)

    def tell(self, utilities: NDArray[np.floating]) -> None:
        self.ask()
        super().tell(utilities)
        self._history.append(np.array(utilities, dtype=np.float64))
        self._asked = None

    def _update(self, utilities: NDArray[np.float64]) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._cma.tell(self._asked, list(-utilities))
        self._mean, self._sigma = np.array(self._cma.mean, dtype=np.float64), float(self._cma.sigma)

    def state_dict(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        arrays, meta = super().state_dict()
        history = np.array(self._history, dtype=np.float64).reshape(-1, self.population)
        return {**arrays, "history": history}, meta

    def load_state_dict(self, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> None:
        super().load_state_dict(arrays, meta)
        expected = self._mean.copy()
        self._restart()
        for utilities in arrays["history"]:
            self.tell(utilities)
        if not np.array_equal(self._mean, expected):
            raise OntogymError(
                "Replaying this search gives another mean than it had; resume with the seed, population and "
                "versions of cma and numpy that wrote it."
            )


class DiagonalCMA(_PyCMA):
    """CMA-ES with a diagonal covariance matrix (separable CMA-ES; Ros & Hansen, PPSN 2008)."""

    _diagonal = True


class FullCMA(_PyCMA):
    """CMA-ES with the full covariance matrix; its cost grows with the cube of the genome's length."""

    _diagonal = False

    def __init__(
        self, mean: NDArray[np.floating], population: int = 64, seed: int = 0, sigma: float = 1.0
    ) -> None:
        if np.size(mean) > 1000:
            warnings.warn(
                f"A full covariance matrix of {np.size(mean)} parameters takes seconds per generation and "
                "hundreds of generations to be of use; consider 'csa' or 'cma-diagonal'.",
                stacklevel=2,
            )
        super().__init__(mean, population, seed, sigma)
