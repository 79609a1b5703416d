"""The seam to compiled code: a task's rules for one lane, as scalar functions that numba can call.

`Dynamics.native` gives a `NativeDynamics` where a task has one. The batched NumPy form stays as its oracle: tests hold
the two equal to the bit where NumPy's sine is the C library's (elsewhere to the last digit of a step). Single
environments step by it; code that lives whole lives in one call can inline its functions. Nothing here imports numba:
that is done by the modules that `native` loads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["NativeDynamics", "pack", "unpack"]

State = TypeVar("State", bound=tuple[Any, ...])


class NativeDynamics(NamedTuple):
    """One lane of a task: functions compiled by numba (callable from Python and from numba), sizes and parameters.

    The state of a lane is a row of float64, the fields of its `State` one after the other (`pack`). Random numbers are
    given, never drawn: uniform in [0, 1), in the order in which the lane's stream gives them
    (`ontogym.batched.native_streams.next_uniform`).

    Attributes:
        reset: ``reset(row, uniforms (reset_uniforms,), options, params)`` writes a first state. `options` float64: a
            value for each of the dynamics' `reset_options`, NaN where it is not given; values are not checked.
        step: ``step(row, action, params, uniforms (step_uniforms,)) -> (reward, terminated)`` changes the row;
            `action` is one float64 (discrete ones are whole numbers). It does not check it.
        observe: ``observe(row, params, out (observation_size,) float32)`` writes what is seen.
        advance: ``advance(row, action, params, uniforms, out)``: `step`, then `observe`, in one call.
        state_size, observation_size, reset_uniforms, step_uniforms: lengths of those arrays.
        params: float64; the physical parameters in the order of their record, then the task's options.
        facts: name and place in the row of each number in the dynamics' info, all whole numbers.
    """

    reset: Callable[..., None]
    step: Callable[..., tuple[float, bool]]
    observe: Callable[..., None]
    advance: Callable[..., tuple[float, bool]]
    state_size: int
    observation_size: int
    reset_uniforms: int
    step_uniforms: int
    params: NDArray[np.float64]
    facts: tuple[tuple[str, int], ...] = ()


def pack(state: tuple[Any, ...]) -> NDArray[np.float64]:
    """The row of a state of one lane: its fields ``(1, ...)`` one after the other, as float64."""
    return np.concatenate([np.asarray(field, dtype=np.float64).ravel() for field in state])


def unpack(row: NDArray[np.float64], like: State) -> State:
    """The state of one lane that `row` holds, in the dtypes and shapes of `like`; new arrays."""
    fields, at = [], 0
    for field in like:
        fields.append(row[at : at + field.size].astype(field.dtype).reshape(field.shape))
        at += field.size
    made: State = type(like)(*fields)
    return made
