"""Oja's rule: Hebb with the decay that keeps a node's weights at length one."""

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

__all__ = ["OjaRule"]


class OjaRule(PlasticityRule):
    r"""A linear node finds the first principal component of its inputs (Oja 1982, doi 10.1007/BF00275687).

    .. math:: \Delta w_{ij} = \eta \, y_i \, (y_j - y_i \, w_{ij})

    with y_i the postsynaptic and y_j the presynaptic activity.

    Parameters: eta, per step. A search starts at 0.1.
    Shapes: ``pre, post`` (P, N), ``weights`` (P, N, N) give ``dw`` (P, N, N). Scope: local.

    Departs from the paper: nodes need not be linear; where they saturate, weights end near y_j / y_i instead
    of at length one.
    """

    name = "oja"
    n_params = 1

    def initial_params(self) -> Tensor:
        return torch.tensor([0.1], dtype=torch.float64)

    def step(self, params: Tensor, state: RuleState, context: RuleContext) -> tuple[RuleOutput, RuleState]:
        (eta,) = coefficients(params)
        post, pre = post_pre(context)
        # dw_ij = eta y_i (y_j - y_i w_ij)
        return RuleOutput(dw=eta * post * (pre - post * context.weights)), state
