"""The rule of Bienenstock, Cooper and Munro: a threshold that slides with the node's own activity."""

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

__all__ = ["BCMRule"]


class BCMRule(PlasticityRule):
    r"""Nodes become selective (Bienenstock, Cooper & Munro 1982, doi 10.1523/JNEUROSCI.02-01-00032.1982).

    .. math::
        \Delta w_{ij} = \eta \, y_i \, (|y_i| - \theta_i) \, y_j, \qquad
        \theta_i \leftarrow \theta_i + \rho \, (y_i^2 - \theta_i)

    with y_i the postsynaptic and y_j the presynaptic activity, and theta_i the postsynaptic node's threshold.

    Parameters: eta, per step; logit of rho, per step. A search starts at eta = 0.1 and rho = 0.12.
    Shapes: ``pre, post`` (P, N), ``state.node`` (P, 1, N) give ``dw`` (P, N, N). Scope: local.

    Departs from the paper: the threshold is a running mean of the square (Intrator & Cooper's form) instead of
    a power of the mean; activity has a sign, and the rule treats both signs alike (for y >= 0 it is theirs).
    """

    name = "bcm"
    n_params = 2
    node_state = 1

    def initial_params(self) -> Tensor:
        return torch.tensor([0.1, -2.0], dtype=torch.float64)

    def step(self, params: Tensor, state: RuleState, context: RuleContext) -> tuple[RuleOutput, RuleState]:
        eta, rho = coefficients(params)
        post, pre = post_pre(context)
        threshold = state.node[:, 0, :, None]
        dw = eta * post * (post.abs() - threshold) * pre  # dw_ij = eta y_i (|y_i| - theta_i) y_j
        moved = threshold + torch.sigmoid(rho) * (post**2 - threshold)  # theta_i + rho (y_i^2 - theta_i)
        return RuleOutput(dw=dw), RuleState(state.edge, moved.mT)
