"""MAP-Elites: not one genome but the best of every kind, on an archive of pyribs (the extra ``ribs``).

Mouret & Clune, "Illuminating search spaces by mapping elites", arXiv:1504.04909; children as Vassiliades & Mouret,
"Discovering the elite hypervolume by leveraging interspecies correlation", arXiv:1804.03906, make them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.baselines.evolution.search_state import SearchState
from ontogym.baselines.evolution.strategies import Strategy
from ontogym.errors import OntogymError, needs
from ontogym.seeding import generator

__all__ = ["MAPElites"]

_MOST_CELLS = 1_000_000


@dataclass(frozen=True)
class ArchiveState(SearchState):
    """`elites`: of the occupied cells, in the order of the grid, solutions ``(C, D)``, objectives ``(C,)``, measures ``(C, M)``."""

    elites: Mapping[str, NDArray[np.float64]]


class MAPElites(Strategy):
    """Keeps the best genome of every cell of a grid over what lives are like, and breeds from those it keeps.

    The search mean, which a run scores and keeps, is the elite with the highest utility. All elites are in the run's
    checkpoint (``strategy.elites.solution``, ``.objective``, ``.measures``).

    Args:
        measures: what spans the grid, means over a genome's lives: ``length`` (steps of an episode), ``first_episode`` and
            ``last_episode`` (returns), or one of the agent's diagnostics (``density`` of an LNDP).
        bins: cells along each measure, one number for all or one each.
        low, high: where the grid begins and ends, one number for all or one each; what lies outside counts as at the edge.
        sigma: standard deviation of a child around its parent.
        line: standard deviation of a child along the line from its parent to another elite, in shares of its length.

    Raises:
        OntogymError: a grid that cannot be, or pyribs is not installed.
    """

    def __init__(
        self,
        mean: NDArray[np.floating],
        population: int = 64,
        seed: int = 0,
        sigma: float = 0.2,
        measures: Sequence[str] | str = ("length",),
        bins: Sequence[int] | int = 20,
        low: Sequence[float] | float = 0.0,
        high: Sequence[float] | float = 1.0,
        line: float = 0.2,
    ) -> None:
        super().__init__(mean, population, seed, sigma)
        self.measures = tuple(measures.split(",")) if isinstance(measures, str) else tuple(measures)
        count = len(self.measures)
        lows, highs = _each("low", low, count), _each("high", high, count)
        cells = [int(n) for n in _each("bins", bins, count)]
        if min(cells) < 1 or np.prod([float(n) for n in cells]) > _MOST_CELLS:
            raise OntogymError(f"bins = {cells} makes no grid of 1 to {_MOST_CELLS:,} cells; choose others.")
        if not all(np.isfinite([a, b]).all() and a < b for a, b in zip(lows, highs)):
            raise OntogymError(f"low = {lows} must be below high = {highs}, in every measure.")
        if not (np.isfinite(line) and line >= 0):
            raise OntogymError(f"line = {line} cannot be; choose 0 or more.")
        self.line, self._grid = float(line), (cells, list(zip(lows, highs)))
        self._archive = self._empty()
        self.state = ArchiveState(self.mean, self.sigma, 0, {})

    def _empty(self) -> Any:
        with needs("The strategy map-elites", "pyribs", "'ontogym[ribs]'"):
            from ribs.archives import GridArchive
        dims, ranges = self._grid
        return GridArchive(solution_dim=self.state.mean.size, dims=dims, ranges=ranges, dtype=np.float64)

    def ask(self) -> NDArray[np.float64]:
        kept, state = self.state.elites, self.state
        noise = self._noise(self.population)
        if not kept:
            return np.asarray(state.mean + state.sigma * noise)
        rng = generator(self.seed, "parents", self.generation)
        solutions = kept["solution"]
        parents, others = solutions[rng.integers(len(solutions), size=(2, self.population))]
        along = self.line * rng.standard_normal((self.population, 1))
        # x_i + sigma_1 N(0, I) + sigma_2 (x_j - x_i) N(0, 1)  (Vassiliades & Mouret, eq. 1)
        return np.asarray(parents + state.sigma * noise + along * (others - parents))

    def tell(self, utilities: NDArray[np.floating], measures: NDArray[np.floating] | None = None) -> None:
        """Keep who is the best of its cell.

        Args:
            utilities: ``(P,)``. A member whose utility is not finite is not kept.
            measures: ``(P, M)`` of those in `measures`; a member with one that is not finite is not kept.
        """
        shape = () if measures is None else np.shape(measures)
        if measures is None or shape != (self.population, len(self.measures)):
            raise OntogymError(
                f"Measures of shape {shape} were given; MAP-Elites needs {', '.join(self.measures)} of each of "
                f"its {self.population} members."
            )
        asked = self.ask()
        usable = np.isfinite(utilities) & np.isfinite(measures).all(1)
        if usable.any():
            self._archive.add(asked[usable], np.asarray(utilities)[usable], np.asarray(measures)[usable])
        super().tell(utilities)

    def _moved(self, utilities: NDArray[np.float64]) -> ArchiveState:
        found = self._archive.data(["solution", "objective", "measures", "index"])
        order = np.argsort(found.pop("index"))
        elites = {name: np.array(values, dtype=np.float64)[order] for name, values in found.items()}
        if not len(order):
            return self.state  # type: ignore[no-any-return]
        best = elites["solution"][np.argmax(elites["objective"])]
        return replace(self.state, mean=best, elites=elites)

    def load_state_dict(self, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> None:
        super().load_state_dict(arrays, meta)
        self._archive = self._empty()
        kept = self.state.elites
        try:
            if kept:
                self._archive.add(kept["solution"], kept["objective"], kept["measures"])
        except (KeyError, ValueError) as error:
            raise OntogymError(
                f"This state of MAPElites is not that of a search with these options ({error}); resume with the options "
                "that wrote it."
            ) from error


def _each(name: str, given: Any, count: int) -> list[float]:
    """One number for every measure."""
    values = [float(v) for v in np.atleast_1d(np.asarray(given, dtype=np.float64))]
    values = values * count if len(values) == 1 else values
    if len(values) != count:
        raise OntogymError(
            f"{name} = {given} has {len(values)} numbers for {count} measures; give one, or one each."
        )
    return values
