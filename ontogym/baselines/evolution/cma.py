"""CMA-ES by pycma (Hansen, Akimoto & Baudis, doi:10.5281/zenodo.2559634) behind the contract of strategies.

What pycma holds (evolution paths, covariance and its eigenvectors, histories of its stopping criteria) is read out of
its objects as arrays and put back into new ones; nothing is pickled and no generation is lived or replayed again.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.baselines.evolution.search_state import SearchState
from ontogym.baselines.evolution.strategies import Strategy
from ontogym.errors import OntogymError

__all__ = ["DiagonalCMA", "FullCMA"]

_TRANSIENT = frozenset(
    [
        "opts",
        "inputargs",
        "inopts",
        "timer",
        "sent_solutions",
        "archive",
        "_tell2_args",
        "logger",
        "pop",
        "pop_sorted",
        "ary",
        "best",
        "_stopdict",
        "gp",
        "boundary_handler",
    ]
)
"""Attributes of pycma that no later generation depends on, or that the arguments decide."""


@dataclass(frozen=True)
class CMAState(SearchState):
    """`restarts`: how many there were. `inside`: what pycma holds, by attribute (see `_inside`)."""

    restarts: int
    inside: Mapping[str, Any]


class _PyCMA(Strategy):
    """A search by pycma.

    Args:
        restarts: how often to start again, from the first mean and step size with fresh noise, when one of pycma's
            stopping criteria says that the search has converged or stagnates. The best mean is kept by the run.
    """

    _diagonal: bool

    def __init__(
        self,
        mean: NDArray[np.floating],
        population: int = 64,
        seed: int = 0,
        sigma: float = 1.0,
        restarts: int = 0,
    ) -> None:
        super().__init__(mean, population, seed, sigma)
        if restarts < 0:
            raise OntogymError(f"{restarts} restarts cannot be; choose 0 or more.")
        self.restarts = int(restarts)
        self._start = (self.mean, self.sigma)
        self.state = CMAState(self.mean, self.sigma, 0, 0, {})
        self._begin()

    def _begin(self) -> None:
        """A new search of pycma from the start."""
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

    def ask(self) -> NDArray[np.float64]:
        if self._asked is None:
            self._asked = self._cma.ask()
        return np.array(self._asked, dtype=np.float64)

    def tell(self, utilities: NDArray[np.floating]) -> None:
        self.ask()
        super().tell(utilities)
        self._asked = None

    def _moved(self, utilities: NDArray[np.float64]) -> CMAState:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._cma.tell(self._asked, list(-utilities))
            restart = self.state.restarts < self.restarts and bool(self._cma.stop())
        if restart:
            self._begin()
        return replace(
            self.state,
            mean=np.array(self._cma.mean, dtype=np.float64),
            sigma=float(self._cma.sigma),
            restarts=self.state.restarts + restart,
        )

    def state_dict(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        self.state = replace(self.state, inside=_inside(self._cma))
        return super().state_dict()

    def load_state_dict(self, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> None:
        if "history" in arrays:
            self._replay(arrays, meta)
            return
        super().load_state_dict(arrays, meta)
        self._begin()
        try:
            if not int(self.state.inside["countiter"]):
                return  # as it begins
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                # Some of pycma's objects come into being with the first generation.
                self._cma.tell(self._cma.ask(), list(range(self.population)))
            _put_back(self._cma, self.state.inside)
        except (KeyError, AttributeError, ValueError, TypeError) as error:
            raise OntogymError(
                f"This state does not fit the installed version of pycma ({error}); resume with the version of cma "
                "that wrote it."
            ) from error

    def _replay(self, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> None:
        """Continue from a state of the first form, which held what was told in every generation."""
        super().load_state_dict(arrays, {"restarts": 0, **meta})
        expected = self.mean
        self.state = CMAState(*self._start, 0, 0, {})
        self._begin()
        for utilities in arrays["history"]:
            self.tell(utilities)
        if not np.array_equal(self.mean, expected):
            raise OntogymError(
                "Replaying this search gives another mean than it had; resume with the seed, population and "
                "versions of cma and numpy that wrote it."
            )


class DiagonalCMA(_PyCMA):
    """CMA-ES with a diagonal covariance matrix: sep-CMA-ES (Ros & Hansen, PPSN 2008)."""

    _diagonal = True


class FullCMA(_PyCMA):
    """CMA-ES with the full covariance matrix; its cost grows with the cube of the genome's length."""

    _diagonal = False

    def __init__(
        self,
        mean: NDArray[np.floating],
        population: int = 64,
        seed: int = 0,
        sigma: float = 1.0,
        restarts: int = 0,
    ) -> None:
        if np.size(mean) > 1000:
            warnings.warn(
                f"A full covariance matrix of {np.size(mean)} parameters takes seconds per generation and "
                "hundreds of generations to be of use; consider 'csa' or 'cma-diagonal'.",
                stacklevel=2,
            )
        super().__init__(mean, population, seed, sigma, restarts)


# -- pycma's objects as arrays ----------------------------------------------------------------------------


def _inside(search: Any) -> dict[str, Any]:
    """Numbers, arrays and lists of numbers of pycma's objects: dotted attribute to array.

    Beside each array that is not simply one stands its kind, under ``attribute:kind``: "list", "float", "int", "bool",
    "NoneType", "scalar" (NumPy's), "columns first" (its order in memory), or "is OTHER" for an attribute that is the
    same object as another.
    """
    found: dict[str, Any] = {}
    first: dict[int, str] = {}
    for name, owner, key in _attributes(search):
        value = getattr(owner, key)
        if isinstance(value, np.ndarray) and id(value) in first:
            found[f"{name}:kind"] = f"is {first[id(value)]}"
            continue
        if isinstance(value, list) and not all(isinstance(v, (bool, int, float, np.generic)) for v in value):
            continue
        array = np.array(0.0 if value is None else value)
        if array.dtype.kind not in "biuf":
            continue
        found[name] = array
        if isinstance(value, np.ndarray):
            first[id(value)] = name
            if value.flags.f_contiguous and not value.flags.c_contiguous:
                # Products of matrices differ in their last bit by it.
                found[f"{name}:kind"] = "columns first"
        else:
            found[f"{name}:kind"] = "scalar" if isinstance(value, np.generic) else type(value).__name__
    return found


def _put_back(search: Any, inside: Mapping[str, Any]) -> None:
    """Give a new search of pycma what `_inside` found."""
    kinds = {name[: -len(":kind")]: kind for name, kind in inside.items() if name.endswith(":kind")}
    made: dict[str, Any] = {}
    for name, array in inside.items():
        if not name.endswith(":kind"):
            made[name] = _as_kind(np.array(array), kinds.get(name))
    for name, kind in kinds.items():
        if kind.startswith("is "):
            made[name] = made[kind[3:]]
    for name, value in made.items():
        *path, last = name.split(".")
        owner = search
        for part in path:
            owner = getattr(owner, part)
        setattr(owner, last, value)


def _as_kind(array: NDArray[Any], kind: str | None) -> Any:
    if kind is None:
        return array
    if kind == "NoneType":
        return None
    if kind == "columns first":
        return np.asfortranarray(array)
    return array[()] if kind == "scalar" else array.tolist()


def _attributes(search: Any) -> Iterator[tuple[str, Any, str]]:
    """Dotted name, owner and name of the attributes that may be numbers, down to pycma's own objects."""
    seen, waiting = {id(search)}, [("", search)]
    while waiting:
        prefix, owner = waiting.pop()
        for key, value in sorted(vars(owner).items()):
            if key in _TRANSIENT or callable(value):
                continue
            if (
                value is None
                or type(value) in (np.ndarray, bool, int, float, list)
                or isinstance(value, np.generic)
            ):
                yield prefix + key, owner, key
                continue
            of_pycma = type(value).__module__.partition(".")[0] == "cma" and hasattr(value, "__dict__")
            if of_pycma and id(value) not in seen:
                seen.add(id(value))
                waiting.append((f"{prefix}{key}.", value))
