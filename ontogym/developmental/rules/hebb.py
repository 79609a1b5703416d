"""Hebb's postulate, with nothing added."""

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

__all__ = ["HebbRule"]


class HebbRule(PlasticityRule):
    r"""Nodes that fire together wire together (Hebb 1949, doi 10.4324/9781410612403).

    .. math:: \Delta w_{ij} = \eta \, y_i \, y_j

    with y_i the postsynaptic and y_j the presynaptic activity.

    Parameters: eta, per step; a negative one is anti-Hebb. A search starts at 0.1.
    Shapes: ``pre, post`` (P, N) give ``dw`` (P, N, N). Scope: local.

    Departs from the book: an equation, which the book has not; activity has a sign, so that nodes of opposite
    sign grow apart. Nothing but the bound on weights stops growth.
    """

    name = "hebb"
    n_params = 1

    def initial_params(self) -> Tensor:
        return torch.tensor([0.1], dtype=torch.float64)

    def step(self, params: Tensor, state: RuleState, context: RuleContext) -> tuple[RuleOutput, RuleState]:
        (eta,) = coefficients(params)
        post, pre = post_pre(context)
        return RuleOutput(dw=eta * post * pre), state  # dw_ij = eta y_i y_j
