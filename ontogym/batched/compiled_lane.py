"""One lane that compiled code steps: what a single environment is where its task has a `NativeDynamics`."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ontogym.batched.dynamics import Dynamics
from ontogym.errors import OntogymError
from ontogym.seeding import LaneStreams

__all__ = ["CompiledLane", "unpack"]

State = TypeVar("State", bound=tuple[Any, ...])


def unpack(row: NDArray[np.float64], like: State) -> State:
    """The state of one lane that `row` holds, in the dtypes and shapes of `like`; new arrays."""
    fields, at = [], 0
    for field in like:
        fields.append(row[at : at + field.size].astype(field.dtype).reshape(field.shape))
        at += field.size
    made: State = type(like)(*fields)
    return made


class CompiledLane:
    """The row of one lane and the functions that move it.

    Args:
        dynamics: the rules in batched form, which have a compiled form.
    """

    def __init__(self, dynamics: Dynamics[Any]) -> None:
        self.dynamics = dynamics
        self._find()
        self._row: NDArray[np.float64] = np.zeros(0)
        self._action, self._outcome = np.zeros(1), np.zeros(2)
        self._size = int(np.prod(dynamics.observation_space.shape or ()))
        space = dynamics.action_space
        self._discrete = isinstance(space, spaces.Discrete)
        if isinstance(space, spaces.Discrete):
            self._first, self._last = float(space.start), float(space.start + space.n - 1)
        else:
            assert isinstance(space, spaces.Box)
            self._first, self._last = float(space.low[0]), float(space.high[0])

    def _find(self) -> None:
        from ontogym.batched.native import native_of

        native = native_of(self.dynamics)
        if native is None:
            raise OntogymError(f"{type(self.dynamics).__name__} has no compiled form; step its batched one.")
        self._native, self._step, self._observe = native, native.step, native.observe
        self._parameters = native.parameters

    def __getstate__(self) -> dict[str, Any]:
        """Compiled functions are not pickled: they are found again."""
        return {k: v for k, v in vars(self).items() if k not in ("_native", "_step", "_observe")}

    def __setstate__(self, kept: dict[str, Any]) -> None:
        vars(self).update(kept)
        self._find()

    def begin(self, state: tuple[Any, ...]) -> None:
        """Go on from a state ``(1, ...)``, under the parameters that the dynamics have now."""
        self._find()
        self._row = self._native.pack(state)[0]

    def state(self, like: State) -> State:
        """The state now, in the form of `like`."""
        return unpack(self._row, like)

    def value_of(self, action: Any) -> float | None:
        """An action of the plainest form as a number; None where it must be looked at more closely."""
        if self._discrete:
            plain = type(action) is int or type(action) is np.int64
        else:
            plain = type(action) is np.ndarray and action.shape == (1,) and action.dtype == np.float32
            action = action[0] if plain else action
        return float(action) if plain and self._first <= action <= self._last else None

    def step(self, action: float, streams: LaneStreams) -> tuple[NDArray[np.float32], float, bool]:
        """What is seen after the step, its reward, and whether it ended the episode; may draw from the lane's stream."""
        self._action[0] = action
        self._step(self._row, self._action, self._parameters, streams.state, self._outcome)
        return self.observation(), float(self._outcome[0]), bool(self._outcome[1])

    def observation(self) -> NDArray[np.float32]:
        """What is seen now."""
        seen = np.empty(self._size, dtype=np.float32)
        self._observe(self._row, self._parameters, seen)
        return seen

    def info(self) -> dict[str, Any]:
        """The dynamics' info."""
        return {name: int(self._row[place]) for name, place in self._native.facts}
