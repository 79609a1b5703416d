"""Flipped actions and swapped goals, compiled: worlds that change within a life, for lives lived at once.

A lane's state is the task's own row, then where in its life it is: age, age at the episode's beginning, the episode's
number, the switch times. The parameters are the task's, filled up to seven, then the clock, an episode's ticks, and the
length of the task's row. Equal to `NonstationaryDynamics`, bit for bit (a test compares them).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.batched.dynamics import Dynamics
from ontogym.batched.native import STEP, NativeDynamics, native_of
from ontogym.compiling import COMPILED, njit
from ontogym.envs.classic_control.acrobot import AcrobotDynamics
from ontogym.envs.classic_control.cartpole import CartPoleDynamics
from ontogym.envs.foraging import ForagingDynamics
from ontogym.envs.native import _acrobot_step, _cartpole_step, _foraging_step
from ontogym.envs.nonstationary import NonstationaryDynamics, NonstationaryState
from ontogym.envs.schedule import CLOCKS, LIFE_CLOCK

__all__ = ["changing_native"]


@njit(**COMPILED)
def _phase(place: Any, parameters: Any) -> int:
    """How many switches have begun; `place` is age, age when the episode began, its number, and the switch times."""
    clock, ticks = parameters[7], parameters[8]
    now = place[0] if clock == 0.0 else place[2]
    if clock == 2.0:
        now = place[2] * ticks + min(place[0] - place[1], ticks - 1.0)
    begun = 0
    for k in range(3, len(place)):
        if now >= place[k]:
            begun += 1
    return begun


@njit(STEP, **COMPILED)
def _flipping_cartpole(state: Any, action: Any, parameters: Any, stream: Any, outcome: Any) -> None:
    if _phase(state[4:], parameters) % 2:
        action[0] = 1.0 - action[0]
    _cartpole_step(state[:4], action, parameters, stream, outcome)
    state[4] += 1.0


@njit(STEP, **COMPILED)
def _flipping_acrobot(state: Any, action: Any, parameters: Any, stream: Any, outcome: Any) -> None:
    if _phase(state[4:], parameters) % 2:
        action[0] = 2.0 - action[0]
    _acrobot_step(state[:4], action, parameters, stream, outcome)
    state[4] += 1.0


@njit(STEP, **COMPILED)
def _swapping_foraging(state: Any, action: Any, parameters: Any, stream: Any, outcome: Any) -> None:
    own = int(parameters[9])
    swapped = _phase(state[own:], parameters) % 2
    if swapped:
        state[1] = 1.0 - state[1]
    _foraging_step(state[:own], action, parameters, stream, outcome)
    if swapped:
        state[1] = 1.0 - state[1]
    state[own] += 1.0


_STEPS = {
    ("action-flip", CartPoleDynamics): _flipping_cartpole,
    ("action-flip", AcrobotDynamics): _flipping_acrobot,
    ("goal-swap", ForagingDynamics): _swapping_foraging,
}


def changing_native(dynamics: Dynamics[Any]) -> NativeDynamics | None:
    """The compiled form of a changing world, or None if it has none (other changes, other tasks)."""
    if type(dynamics) is not NonstationaryDynamics:
        return None
    d, step = dynamics, _STEPS.get((dynamics.change, type(dynamics.task)))
    task = native_of(d.task)
    if step is None or task is None:
        return None
    own = 5 + d.task.reward_delay if isinstance(d.task, ForagingDynamics) else 4
    clock = (*CLOCKS, LIFE_CLOCK).index(d.schedule.clock)

    def pack(state: NonstationaryState) -> NDArray[np.float64]:
        inner = state.task
        if d.change == "goal-swap":  # as it would be before any switch
            inner = inner._replace(goal=inner.goal ^ (d.phase(state) % 2))
        place = np.column_stack([state.age, state.begun, state.episode, state.times])
        return np.concatenate([task.pack(inner), place], axis=1, dtype=np.float64)

    numbers = np.concatenate(
        [task.parameters, np.zeros(7 - len(task.parameters)), [clock, d.episode_ticks, own]]
    )
    return NativeDynamics(step, task.observe, numbers, pack, age=own)
