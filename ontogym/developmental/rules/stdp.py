"""Plasticity that depends on who came first, kept in two traces a node."""

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
)

__all__ = ["STDPRule"]


class STDPRule(PlasticityRule):
    r"""Pre before post strengthens, post before pre weakens (Morrison et al. 2008, doi 10.1007/s00422-008-0233-1).

    .. math::
        x_j \leftarrow \lambda_+ \, x_j + y_j, \qquad
        \Delta w_{ij} = A_+ \, y_i \, x_j - A_- \, z_i \, y_j, \qquad
        z_i \leftarrow \lambda_- \, z_i + y_i

    in this order, with y_i the postsynaptic and y_j the presynaptic activity, x the trace of presynaptic and z
    that of postsynaptic activity. The presynaptic activity of a step comes before the postsynaptic one.

    Parameters: A_+ and A_-, per step; logits of lambda_+ and lambda_-, per step. A search starts at A_+ = A_-
    = 0.05 and traces that fall to one half in a step.
    Shapes: ``pre, post`` (P, N), ``state.node`` (P, 2, N) give ``dw`` (P, N, N). Scope: local.

    Departs from the paper: rates of either sign in discrete time take the place of spikes (all pairs
    count), and weights are bounded by clipping alone.
    """

    name = "stdp"
    n_params = 4
    node_state = 2

    def initial_params(self) -> Tensor:
        return torch.tensor([0.05, 0.05, 0.0, 0.0], dtype=torch.float64)

    def step(self, params: Tensor, state: RuleState, context: RuleContext) -> tuple[RuleOutput, RuleState]:
        a_plus, a_minus, keep_plus, keep_minus = coefficients(params)
        post, pre = post_pre(context)
        x = torch.sigmoid(keep_plus) * state.node[:, :1] + pre  # x_j = lambda_+ x_j + y_j, (P, 1, N)
        z = state.node[:, 1:].mT  # (P, N, 1)
        dw = a_plus * post * x - a_minus * z * pre  # dw_ij = A_+ y_i x_j - A_- z_i y_j
        z = torch.sigmoid(keep_minus) * z + post  # z_i = lambda_- z_i + y_i
        return RuleOutput(dw=dw), RuleState(state.edge, torch.cat([x, z.mT], 1))
