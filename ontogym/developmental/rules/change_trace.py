"""A trace of what presynaptic activity changes at the postsynaptic node, one gain for all edges or one for each."""

from __future__ import annotations

import torch
from torch import Tensor

from ontogym.developmental.rules.base import (
    PlasticityRule,
    RuleContext,
    RuleOutput,
    RuleState,
    coefficients,
    post_pre,
    tanh,
)

__all__ = ["ChangeTraceEdgeRule", "ChangeTraceRule"]

_RATE, _SHARPNESS = -2.0, 2.0
"""Where a search starts: traces move by 0.12 of the way in a step, and changes of 0.14 count nearly full."""


class ChangeTraceRule(PlasticityRule):
    r"""What activity of j does to node i is remembered (Porr & Woergoetter 2003, doi 10.1162/08997660360581921).

    .. math::
        e_{ij} \leftarrow e_{ij} + \rho \, (\tanh(k \, (y_i - y_i^-)) \, y_j - e_{ij}), \qquad
        w_{ij} = w_{ij}(0) + \eta \, e_{ij}

    with y_i the postsynaptic and y_j the presynaptic activity, y_i^- the postsynaptic activity one step before, and e
    the trace of an edge. Where node j carries the agent's own last action (which an agent hears as one of its inputs)
    and node i follows a sensor, e_ij is the running answer to *which way does my action move this sensor?*, and turns
    its sign within some 1 / rho steps after the world has turned it.

    Designed are the product of a change and an activity, its squashing, and its low-pass filter, which leaves a fast
    weight on top of the innate one. Evolved are rho, k and eta, and by the agent which node hears which, the innate
    weights, and what is made of the fast weights: nothing in the rule says what a change is good for.

    Parameters: eta, in units of weight; logit of rho, per step; logarithm of k, per unit of activity. A search starts
    at eta = 0.5, rho = 0.12 and k = 7.4.
    Shapes: ``pre, post`` (P, N), ``state.edge`` (P, 1, N, N) (the trace), ``state.node`` (P, 2, N) (activity one step
    before, and whether there was one) give ``dw`` (P, N, N). Scope: local.

    Departs from the paper: discrete time; the change is squashed and the product is low-pass filtered, where the paper
    filters the presynaptic signal and integrates the product for ever. A rule is not told where episodes begin: the
    jump of the sensors there counts as one (squashed) change.
    """

    name = "change-trace"
    n_params = 3
    edge_state = 1
    node_state = 2

    def initial_params(self) -> Tensor:
        return torch.tensor([0.5, _RATE, _SHARPNESS], dtype=torch.float64)

    def step(self, params: Tensor, state: RuleState, context: RuleContext) -> tuple[RuleOutput, RuleState]:
        gain, rate, sharpness = coefficients(params)
        return _traced(gain, rate, sharpness, state, context)


class ChangeTraceEdgeRule(PlasticityRule):
    r"""The same with a gain for every edge (Porr & Woergoetter 2003, doi 10.1162/08997660360581921).

    .. math::
        e_{ij} \leftarrow e_{ij} + \rho \, (\tanh(k \, (y_i - y_i^-)) \, y_j - e_{ij}), \qquad
        w_{ij} = w_{ij}(0) + \eta_{ij} \, e_{ij}

    with y_i the postsynaptic and y_j the presynaptic activity; the rest as `ChangeTraceRule`. Evolution then says
    which edges are fast (eta of 0: the weight stays innate), and with which sign.

    Parameters: logit of rho, per step, and logarithm of k, per unit of activity, shared; for each edge eta, in units
    of weight. A search starts at eta = 0.1, rho = 0.12 and k = 7.4.
    Shapes: ``params`` (P, 2 + N^2), ``pre, post`` (P, N), states as `ChangeTraceRule` give ``dw`` (P, N, N).
    Scope: local.

    Departs from the paper: as `ChangeTraceRule`.
    """

    name = "change-trace-edge"
    n_params = 2
    edge_params = 1
    edge_state = 1
    node_state = 2

    def initial_params(self) -> Tensor:
        return torch.tensor([_RATE, _SHARPNESS], dtype=torch.float64)

    def initial_edge_params(self) -> Tensor:
        return torch.tensor([0.1], dtype=torch.float64)

    def step(self, params: Tensor, state: RuleState, context: RuleContext) -> tuple[RuleOutput, RuleState]:
        rate, sharpness = coefficients(params[:, :2])
        gain = params[:, 2:].unflatten(1, context.weights.shape[1:])
        return _traced(gain, rate, sharpness, state, context)


def _traced(
    gain: Tensor, rate: Tensor, sharpness: Tensor, state: RuleState, context: RuleContext
) -> tuple[RuleOutput, RuleState]:
    post, pre = post_pre(context)
    before, lived = (part[:, :, None] for part in state.node.unbind(1))
    # Nothing has changed yet for a newborn.
    change = tanh(torch.exp(sharpness.clamp(max=12)) * (post - before)) * lived  # tanh(k (y_i - y_i^-))
    old = state.edge[:, 0]
    trace = (
        old + torch.sigmoid(rate) * (change * pre - old)
    ) * context.mask  # e_ij + rho (change_i y_j - e_ij)
    memory = torch.stack([context.post, torch.ones_like(context.post)], 1)
    # w_ij = w_ij(0) + eta_ij e_ij, as a change: eta_ij (e_ij - e_ij before)
    return RuleOutput(dw=gain * (trace - old)), RuleState(trace[:, None], memory)
