"""The state of B retinas: arrays with the batch first, so that rows can be copied from one state to another."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.developmental.waves.parameters import WaveParameters
from ontogym.errors import OntogymError

__all__ = ["WaveState"]


@dataclass(frozen=True)
class WaveState:
    """What `WaveSimulator` steps; its arrays are the kernel's business (see `layout`), and every row is one retina.

    Retinas of one state may be at different times. Use `take` and `put` to move retinas between states of
    the same simulator, `WaveSimulator.cells` to look at the cells.

    Attributes:
        key: ``(B,)`` uint64, the retina's random function.
        step: ``(B,)`` int64, steps done.
        tiles: ``(B, tiles, 4, 64)`` int32: excitation, threshold, decay, phase (-1 just quiet, 0 quiet, 1 depolarised,
            2 depolarised since the last step).
        seen: ``(B, tiles)`` int64, the last step computed for each tile.
        wake: ``(B, tiles)`` int64, the step at which each tile must be computed again.
        input: ``(B, height * width)`` int32, summed couplings of depolarised neighbours.
        active: ``(B, C)`` bool, which cells are depolarised.
        queue: ``(B, C)`` int32, a ring of depolarised cells' slots in the order in which they started.
        due: ``(B, hold)`` int32, how many cells started at each of the last `hold` steps.
        head: ``(B, 2)`` int64, first and one past the last position in the queue.
        made_by: parameters and radius of the simulator that the retinas are of, by which another one refuses them; None
            if it is not known (a state that is put together from its arrays), and then only the shapes are looked at.
    """

    key: NDArray[np.uint64]
    step: NDArray[np.int64]
    tiles: NDArray[np.int32]
    seen: NDArray[np.int64]
    wake: NDArray[np.int64]
    input: NDArray[np.int32]
    active: NDArray[np.bool_]
    queue: NDArray[np.int32]
    due: NDArray[np.int32]
    head: NDArray[np.int64]
    made_by: tuple[WaveParameters, int] | None = field(default=None, kw_only=True)

    def __len__(self) -> int:
        return len(self.step)

    @property
    def nbytes(self) -> int:
        """Memory of all arrays, in bytes."""
        return sum(a.nbytes for a in self.arrays())

    def arrays(self) -> tuple[NDArray[Any], ...]:
        """All arrays, in the order of the attributes."""
        return tuple(getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "made_by")

    def copy(self) -> WaveState:
        """An independent copy."""
        return WaveState(*(a.copy() for a in self.arrays()), made_by=self.made_by)

    def take(self, rows: Any) -> WaveState:
        """A copy of some retinas; `rows` is an array of indices, a mask or a slice."""
        index = np.arange(len(self))[rows]
        return WaveState(*(a[np.atleast_1d(index)].copy() for a in self.arrays()), made_by=self.made_by)

    def put(self, rows: Any, other: WaveState) -> None:
        """Overwrite some retinas of this state with those of `other`, in place.

        Raises:
            OntogymError: `other` is of another simulator.
        """
        _common([self, other])
        for mine, theirs in zip(self.arrays(), other.arrays()):
            mine[rows] = theirs

    @staticmethod
    def concatenate(states: Sequence[WaveState]) -> WaveState:
        """One state with the retinas of all, in order (a copy).

        Raises:
            OntogymError: they are of different simulators.
        """
        joined = (np.concatenate(parts) for parts in zip(*(s.arrays() for s in states)))
        return WaveState(*joined, made_by=_common(states))


def _common(states: Sequence[WaveState]) -> tuple[WaveParameters, int] | None:
    """The simulator that all of them are of; None if it is not known of all."""
    makers = {state.made_by for state in states}
    if len(makers - {None}) > 1:
        raise OntogymError(
            "These retinas are of simulators of different parameters or radius; keep them in states of their own."
        )
    return makers.pop() if len(makers) == 1 else None
