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
        x_i \leftarrow \lambda_+ \, x_i + y_i, \qquad
        \Delta w_{ij} = A_+ \, y_j \, x_i - A_- \, z_j \, y_i, \qquad
        z_j \leftarrow \lambda_- \, z_j + y_j

    in this order, with y_i the activity before the edge (pre), y_j the one behind it (post), x the trace of
    activity that was sent and z that of activity that answered. What is sent in a step comes before the
    answer to it.

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
        sent = torch.sigmoid(keep_plus) * state.node[:, :1] + pre  # (P, 1, N)
        answered = state.node[:, 1:].mT  # (P, N, 1)
        dw = a_plus * post * sent - a_minus * answered * pre
        answered = torch.sigmoid(keep_minus) * answered + post
        return RuleOutput(dw=dw), RuleState(state.edge, torch.cat([sent, answered.mT], 1))
