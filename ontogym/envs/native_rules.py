"""Rule shifts, compiled: worlds drawn at birth, for lives lived at once.

A lane's row is the body's own, then its rule: what each action does, which sensor stands at each place and with what
sign, and the body's parameters in this world. The parameters are the lengths of those parts. Equal to
`RuleShiftDynamics`, bit for bit (a test compares them).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.batched.dynamics import Dynamics
from ontogym.batched.native import OBSERVE, STEP, NativeDynamics, native_of
from ontogym.compiling import COMPILED, njit
from ontogym.envs.classic_control.acrobot import AcrobotDynamics
from ontogym.envs.classic_control.cartpole import CartPoleDynamics
from ontogym.envs.foraging import ForagingDynamics
from ontogym.envs.native import (
    _acrobot_observe,
    _acrobot_step,
    _as_it_is,
    _cartpole_step,
    _foraging_observe,
    _foraging_step,
)
from ontogym.envs.rule_shift import RuleShiftDynamics, RuleShiftState

__all__ = ["ruled_native"]

_OWN, _ACTIONS, _SENSORS = range(3)
"""Where in the parameters the lengths stand: of the body's row, of what actions do, of what sensors show."""


@njit(**COMPILED)
def _does(state: Any, action: Any, parameters: Any) -> None:
    """What the body does for an action, into `action`."""
    action[0] = state[int(parameters[_OWN]) + int(action[0])]


@njit(**COMPILED)
def _physics(state: Any, parameters: Any) -> Any:
    """The body's parameters in this lane's world."""
    return state[int(parameters[_OWN] + parameters[_ACTIONS] + 2 * parameters[_SENSORS]) :]


@njit(**COMPILED)
def _shown(state: Any, parameters: Any, view: Any) -> None:
    """`view` of the body's sensors as this lane's rule shows them: ``signs[i] * view[order[i]]`` at place i."""
    order = int(parameters[_OWN] + parameters[_ACTIONS])
    signs = order + len(view)
    sensors = view.copy()
    for i in range(len(view)):
        view[i] = sensors[int(state[order + i])] * np.float32(state[signs + i])


@njit(STEP, **COMPILED)
def _ruled_cartpole(state: Any, action: Any, parameters: Any, stream: Any, outcome: Any) -> None:
    _does(state, action, parameters)
    _cartpole_step(state[:4], action, _physics(state, parameters), stream, outcome)


@njit(OBSERVE, **COMPILED)
def _seen_cartpole(state: Any, parameters: Any, view: Any) -> None:
    _as_it_is(state, parameters, view)
    _shown(state, parameters, view)


@njit(STEP, **COMPILED)
def _ruled_acrobot(state: Any, action: Any, parameters: Any, stream: Any, outcome: Any) -> None:
    _does(state, action, parameters)
    _acrobot_step(state[:4], action, _physics(state, parameters), stream, outcome)


@njit(OBSERVE, **COMPILED)
def _seen_acrobot(state: Any, parameters: Any, view: Any) -> None:
    _acrobot_observe(state, parameters, view)
    _shown(state, parameters, view)


@njit(STEP, **COMPILED)
def _ruled_foraging(state: Any, action: Any, parameters: Any, stream: Any, outcome: Any) -> None:
    _does(state, action, parameters)
    own = int(parameters[_OWN])
    _foraging_step(state[:own], action, _physics(state, parameters), stream, outcome)


@njit(OBSERVE, **COMPILED)
def _seen_foraging(state: Any, parameters: Any, view: Any) -> None:
    _foraging_observe(state, _physics(state, parameters), view)
    _shown(state, parameters, view)


_FORMS = {
    CartPoleDynamics: (_ruled_cartpole, _seen_cartpole),
    AcrobotDynamics: (_ruled_acrobot, _seen_acrobot),
    ForagingDynamics: (_ruled_foraging, _seen_foraging),
}


def ruled_native(dynamics: Dynamics[Any]) -> NativeDynamics | None:
    """The compiled form of a rule shift, or None if it is none."""
    if type(dynamics) is not RuleShiftDynamics:
        return None
    d, forms, body = dynamics, _FORMS.get(type(dynamics.task)), native_of(dynamics.task)
    if forms is None or body is None:
        return None
    worlds, usual = d.worlds, body.parameters
    own = 5 + d.task.reward_delay if isinstance(d.task, ForagingDynamics) else 4

    def pack(state: RuleShiftState) -> NDArray[np.float64]:
        numbers = np.tile(usual, (len(state.rule), 1))
        varied = d.parameters_of(state)
        for k, value in enumerate(varied):
            numbers[:, k] = value
        rule = [worlds.actions[state.rule], worlds.orders[state.rule], worlds.signs[state.rule]]
        return np.concatenate([body.pack(state.task), *rule, numbers], axis=1, dtype=np.float64)

    lengths = np.array([own, worlds.actions.shape[1], worlds.orders.shape[1]], dtype=np.float64)
    return NativeDynamics(*forms, lengths, pack)
