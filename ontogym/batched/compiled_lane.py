"""One lane that compiled code steps: what a single environment is where its task has a `NativeDynamics`."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ontogym.batched.dynamics import Dynamics
from ontogym.batched.native import NativeDynamics, pack, unpack
from ontogym.seeding import LaneStreams

__all__ = ["CompiledLane"]

State = TypeVar("State", bound=tuple[Any, ...])
_NONE_DRAWN = np.zeros(0)


class CompiledLane:
    """The row of one lane and the functions that move it.

    Args:
        dynamics: the rules in batched form; they say what actions there are.
        native: the same rules, compiled.
    """

    def __init__(self, dynamics: Dynamics[Any], native: NativeDynamics) -> None:
        self.dynamics, self.native = dynamics, native
        self._advance, self._params, self._size = native.advance, native.params, native.observation_size
        self._row: NDArray[np.float64] = np.zeros(native.state_size)
        space = dynamics.action_space
        self._discrete = isinstance(space, spaces.Discrete)
        if isinstance(space, spaces.Discrete):
            self._first, self._last = float(space.start), float(space.start + space.n - 1)
        else:
            assert isinstance(space, spaces.Box)
            self._first, self._last = float(space.low[0]), float(space.high[0])

    def __getstate__(self) -> dict[str, Any]:
        """Compiled functions are not pickled: they are found again."""
        return {"dynamics": self.dynamics, "row": self._row}

    def __setstate__(self, kept: dict[str, Any]) -> None:
        native = kept["dynamics"].native()
        self.__init__(kept["dynamics"], native)  # type: ignore[misc]
        self._row = kept["row"]

    def begin(self, state: tuple[Any, ...]) -> None:
        """Go on from a state ``(1, ...)``, under the parameters that the dynamics have now."""
        self._row = pack(state)
        native = self.dynamics.native()
        assert native is not None
        self._params = native.params

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

    def step(self, action: float, streams: LaneStreams | None) -> tuple[NDArray[np.float32], float, bool]:
        """What is seen after the step, its reward, and whether it ended the episode."""
        drawn = _NONE_DRAWN
        if self.native.step_uniforms:
            assert streams is not None
            drawn = streams.uniform((self.native.step_uniforms,))[0]
        seen = np.empty(self._size, dtype=np.float32)
        reward, terminated = self._advance(self._row, action, self._params, drawn, seen)
        return seen, reward, terminated

    def observation(self) -> NDArray[np.float32]:
        """What is seen now."""
        seen = np.empty(self._size, dtype=np.float32)
        self.native.observe(self._row, self._params, seen)
        return seen

    def info(self) -> dict[str, Any]:
        """The dynamics' info."""
        return {name: int(self._row[place]) for name, place in self.native.facts}
