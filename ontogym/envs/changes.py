"""What can change within a life, on batches: sensors and actions that flip or trade places. States nothing, keeps nothing.

Both `ontogym.envs.nonstationary` (this suite's tasks) and `ontogym.envs.wrappers` (any environment) change by this code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ontogym.batched.dynamics import Dynamics
from ontogym.envs.schedule import RandomSchedule, Schedule, random_cycles
from ontogym.errors import OntogymError, UnknownNameError, whole_number
from ontogym.registry import load_object
from ontogym.seeding import LaneStreams

__all__ = ["CHANGES", "PLACE", "Change", "check_life", "make_task", "next_place"]

CHANGES = ("sensor-flip", "sensor-permute", "action-flip", "action-permute", "goal-swap", "drift")
PLACE = ("episode", "age", "life")
"""Reset options that tell where in its life an episode lies."""


class Change:
    """One change of an environment with these spaces.

    Args:
        kind: of `CHANGES`. Of 'goal-swap' and 'drift', which lie in the task, this only knows that they leave sensors
            and actions alone.
        observation_space, action_space: of one environment.
        back: permutations return to the first order after every second switch, as flips do.

    Attributes:
        observation_space: what the changed sensors can show.
        things: how many sensors or actions trade places; 0 if none do.

    Raises:
        UnknownNameError: no such change.
        OntogymError: spaces that it does not fit.
    """

    def __init__(
        self,
        kind: str,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        back: bool = False,
    ) -> None:
        if kind not in CHANGES:
            raise UnknownNameError("change", str(kind), CHANGES)
        self.kind, self.observation_space, self.action_space = kind, observation_space, action_space
        self.back = bool(back)
        self._mirror: NDArray[Any] | None = None
        if kind == "sensor-flip":
            self._mirror = _mirror(observation_space, "sensors")
        elif kind == "action-flip" and not isinstance(action_space, spaces.Discrete):
            self._mirror = _mirror(action_space, "actions")
        self.things = _things(kind, observation_space, action_space)
        if kind == "sensor-permute":
            self.observation_space = _widest(observation_space)

    def draw(
        self, schedule: Schedule | RandomSchedule, life: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Switch times ``(P, K)`` and orders ``(P, K + 1, things)`` of the lives with seeds `life` ``(P,)``."""
        switches = schedule.n_switches
        chance = LaneStreams(life).uniform((switches * (1 + self.things),))
        orders = random_cycles(chance[:, switches:].reshape(len(life), switches, self.things))
        if self.back:
            orders = orders[:, np.arange(switches + 1) % 2]
        return schedule.draw(chance[:, :switches]), orders

    def see(self, view: NDArray[Any], phase: NDArray[np.int64], orders: NDArray[np.int64]) -> NDArray[Any]:
        """What sensors show ``(P, ...)`` of a `view` ``(P, ...)`` in phases ``(P,)``."""
        if self.kind == "sensor-flip":
            return self._flipped(view, phase)
        if self.kind == "sensor-permute":
            return np.take_along_axis(view, _current(orders, phase), axis=1)
        return view

    def act(self, actions: NDArray[Any], phase: NDArray[np.int64], orders: NDArray[np.int64]) -> NDArray[Any]:
        """What the task is told ``(P, ...)`` when an agent does `actions` ``(P, ...)`` in phases ``(P,)``."""
        if not self.kind.startswith("action"):
            return actions
        if self._mirror is not None:
            return self._flipped(actions, phase)
        first, last = int(self.action_space.start), int(self.action_space.n) - 1  # type: ignore[attr-defined]
        if self.kind == "action-permute":
            return first + np.take_along_axis(_current(orders, phase), actions[:, None] - first, axis=1)[:, 0]
        return np.where(phase % 2 == 1, 2 * first + last - actions, actions)

    def _flipped(self, values: NDArray[Any], phase: NDArray[np.int64]) -> NDArray[Any]:
        assert self._mirror is not None
        odd = (phase % 2 == 1).reshape(-1, *[1] * (values.ndim - 1))
        return np.where(odd, self._mirror - values, values)


def check_life(change: str, episodes: int, schedule: Schedule | RandomSchedule) -> int:
    """The episodes of a life.

    Raises:
        OntogymError: none of them, or a gradual change of what has no halfway.
    """
    episodes = whole_number("episodes", episodes, 1)
    if schedule.ramp and change != "drift":
        raise OntogymError(f"The change {change!r} has no halfway; set ramp to 0.")
    return episodes


def next_place(
    state: Any, rows: NDArray[np.intp], anew: NDArray[np.bool_], episodes: int
) -> dict[str, NDArray[Any]]:
    """The `PLACE` of the next episode of the same life, or of the first of a new one after the last."""
    anew = anew | (state.episode[rows] + 1 >= episodes)
    return {
        "episode": np.where(anew, 0, state.episode[rows] + 1),
        "age": np.where(anew, 0, state.age[rows]),
        "life": np.where(anew, -1, state.life[rows]),
    }


def _mirror(space: spaces.Space[Any], what: str) -> NDArray[Any]:
    """What a value is taken from to mirror it about the middle of a box; open bounds must be symmetric about 0."""
    if not isinstance(space, spaces.Box):
        raise OntogymError(f"The {what} of this task are no numbers to flip; permute them instead.")
    finite = np.isfinite(space.low) & np.isfinite(space.high)
    if not (finite | (space.low == -space.high)).all():
        raise OntogymError(f"The {what} of this task have no middle to flip about; permute them instead.")
    return np.where(finite, np.where(finite, space.low, 0) + np.where(finite, space.high, 0), 0).astype(
        space.dtype
    )


def _things(kind: str, observation_space: spaces.Space[Any], action_space: spaces.Space[Any]) -> int:
    """How many sensors or actions trade places."""
    if not kind.endswith("permute"):
        return 0
    if kind == "sensor-permute":
        space, count = observation_space, int(np.prod(observation_space.shape or ()))
    else:
        space = action_space
        count = int(space.n) if isinstance(space, spaces.Discrete) else 1
    if count < 2:
        raise OntogymError(f"With {space} there is nothing to permute; flip it instead.")
    return count


def _widest(space: spaces.Space[Any]) -> spaces.Space[Any]:
    """Sensors of different ranges trade places: each may show what the widest of them can."""
    if not isinstance(space, spaces.Box) or len(space.shape) != 1:
        raise OntogymError(f"With {space} there are no sensors in a row to permute; flip them instead.")
    high = np.full(space.shape, space.high.max(), dtype=space.dtype)
    return spaces.Box(np.full_like(high, space.low.min()), high, dtype=high.dtype.type)


def _current(orders: NDArray[np.int64], phase: NDArray[np.int64]) -> NDArray[np.int64]:
    """The orders ``(P, n)`` of each lane's phase."""
    return np.asarray(orders[np.arange(len(phase)), phase])


def make_task(name: str, point: str, options: Mapping[str, Any]) -> Dynamics[Any]:
    """The dynamics that change, made with `options`.

    Args:
        name: for the error.
        point: ``module:class``.

    Raises:
        OntogymError: options that the class does not take.
    """
    kind = load_object(point)
    try:
        made: Dynamics[Any] = kind(**options)
    except TypeError as error:
        raise OntogymError(f"task_options do not fit {name} ({error}); see its page.") from error
    return made
