"""The rules of a task for many lanes at once: state in, state out, batch axis first.

A task is a `Dynamics`. `ontogym.batched.environments` makes a Gymnasium `Env` and a `VectorEnv` of it.
"""

from __future__ import annotations

import abc
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ontogym.seeding import LaneStreams

__all__ = [
    "Dynamics",
    "NoParameters",
    "State",
    "copy_state",
    "hold_rows",
    "lane_of",
    "own_native_form",
    "put_rows",
    "row_mask",
]

State = TypeVar("State", bound=tuple[Any, ...])


class NoParameters(NamedTuple):
    """The record of a task without physical parameters."""


class Dynamics(abc.ABC, Generic[State]):
    """The rules of one task for P lanes at once. The state is a NamedTuple of arrays ``(P, ...)``.

    States are values. `step` returns arrays that are either new or, where nothing changed, the very objects
    it was given; it never writes into those. Numbers of a lane may depend on that lane alone. A state may hold
    states (tuples of such arrays) in its turn.

    Where the state is large, copying it at every step would cost more than the step. Such dynamics set
    `consumes` and write into the state that they are given; the environments copy what they must keep.

    Attributes:
        observation_space, action_space: spaces of one environment; observations are arrays, or, in a Dict
            space, dicts of arrays.
        max_steps: default length of a life; None for a task without a time limit.
        reset_options: the names that `reset` understands.
        stochastic: whether `step` draws random numbers.
        consumes: whether `step` overwrites the state that it is given.
        render_fps: frames per second at which the task looks natural.
        parameters: the physical parameters with their usual values: a NamedTuple of numbers, `NoParameters` for a
            task that has none.
        native_form: ``"module:function"`` that makes the compiled form of one lane of these dynamics
            (`ontogym.batched.native`). Not inherited: a subclass may change the rules.
    """

    observation_space: spaces.Space[Any]
    action_space: spaces.Space[Any]
    max_steps: int | None = None
    reset_options: ClassVar[tuple[str, ...]] = ()
    stochastic: bool = False
    consumes: ClassVar[bool] = False
    render_fps: ClassVar[int] = 30
    parameters: Any = NoParameters()
    native_form: ClassVar[str | None] = None

    @abc.abstractmethod
    def reset(
        self, streams: LaneStreams, rows: NDArray[np.intp], options: Mapping[str, NDArray[Any]]
    ) -> State:
        """New lives for the lanes `rows`.

        Args:
            streams: one stream per lane (of all lanes; draw with ``streams.uniform(size, rows)``).
            rows: ``(R,)`` lane numbers.
            options: name to ``(R, ...)``; only names in `reset_options`.

        Returns:
            The state of those lanes, arrays ``(R, ...)``.
        """

    @abc.abstractmethod
    def step(
        self, state: State, actions: NDArray[Any], streams: LaneStreams, parameters: Any = None
    ) -> tuple[State, NDArray[np.float64], NDArray[np.bool_]]:
        """One step of every lane: the new state, reward ``(P,)`` and terminated ``(P,)``, both new arrays.

        Args:
            state: of all lanes.
            actions: ``(P, *action shape)``, already checked to be in the action space.
            streams: one stream a lane.
            parameters: a record like the attribute `parameters`, each field a number for all lanes or one for each,
                ``(P,)``; None for the usual values. Numbers and arrays of equal values give the same bits.
        """

    def carry_over(
        self, state: State, rows: NDArray[np.intp], anew: NDArray[np.bool_]
    ) -> dict[str, NDArray[Any]]:
        """Reset options that hand something of the episode that is over to the next one of the same lane.

        Called wherever a lane is reset after its first episode. The caller's own options win.

        Args:
            state: of all lanes, as they ended.
            rows: ``(R,)`` lane numbers that are being reset.
            anew: ``(R,)``; True where a seed begins a new life, to which nothing may be handed.

        Returns:
            Name to ``(R, ...)``, names in `reset_options`; empty for tasks whose episodes share nothing.
        """
        return {}

    @abc.abstractmethod
    def observe(self, state: State) -> Any:
        """What each lane sees, ``(P, *observation shape)``, a new array; in a Dict space a dict of such."""

    def info(self, state: State) -> dict[str, NDArray[Any]]:
        """Named extra facts (hidden state above all), each ``(P, ...)``."""
        return {}

    def render_frame(self, state: State, row: int) -> NDArray[np.uint8]:
        """A picture ``(H, W, 3)`` of lane `row`."""
        raise NotImplementedError(f"{type(self).__name__} draws no pictures")


def own_native_form(dynamics: Dynamics[Any]) -> str | None:
    """Where the compiled form of these dynamics is made, as their own class says; None if it says nothing."""
    point: str | None = vars(type(dynamics)).get("native_form")
    return point


def lane_of(observations: Any, row: int) -> Any:
    """One lane's observation of a batch: a row of the array, or of each array of a dict."""
    if isinstance(observations, dict):
        return {name: values[row] for name, values in observations.items()}
    return observations[row]


def put_rows(state: State, rows: NDArray[np.intp], fresh: State, shared: State | None) -> State:
    """`state` with the lanes `rows` replaced by `fresh`.

    Writes in place, except into arrays that `shared` also holds; with None it writes into none of them.
    """
    fields = []
    for index, (field, part) in enumerate(zip(state, fresh)):
        other = None if shared is None else shared[index]
        if isinstance(field, tuple):
            fields.append(put_rows(field, rows, part, other))
            continue
        if other is None or field is other:
            field = field.copy()
        field[rows] = part
        fields.append(field)
    return _like(state, fields)


def hold_rows(state: State, held: NDArray[np.bool_], old: State) -> State:
    """`state` with the lanes marked in `held` as they were in `old`."""
    for field, before in zip(state, old):
        if isinstance(field, tuple):
            hold_rows(field, held, before)
        elif field is not before:
            np.copyto(field, before, where=held.reshape(-1, *[1] * (field.ndim - 1)))
    return state


def copy_state(state: State) -> State:
    """A state of new arrays."""
    return _like(state, (copy_state(f) if isinstance(f, tuple) else f.copy() for f in state))


def _like(state: State, fields: Iterable[Any]) -> State:
    """The same kind of tuple with other fields."""
    make: Any = getattr(type(state), "_make", type(state))
    made: State = make(fields)
    return made


def row_mask(rows: NDArray[np.intp], count: int) -> NDArray[np.bool_]:
    """A bool array ``(count,)`` that is True at `rows`."""
    mask = np.zeros(count, dtype=np.bool_)
    mask[rows] = True
    return mask
