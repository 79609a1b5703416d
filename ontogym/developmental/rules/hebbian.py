"""Hebbian rules with evolved coefficients, one set for all edges or one for each."""

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

__all__ = ["HebbianABCDEdgeRule", "HebbianABCDRule"]

_START = (0.1, 1.0, 0.0, 0.0, 0.0)
"""eta, A, B, C, D: plain Hebb."""


class HebbianABCDRule(PlasticityRule):
    r"""Evolved Hebbian coefficients (Soltoggio et al. 2007; Najarro & Risi 2020, arXiv 2007.02686).

    .. math:: \Delta w_{ij} = \eta \, (A \, y_i \, y_j + B \, y_j + C \, y_i + D)

    with y_i the postsynaptic and y_j the presynaptic activity.

    Parameters: eta (per step), A, B, C, D, in this order; a search starts at plain Hebb with eta = 0.1.
    Shapes: ``pre, post`` (P, N) give ``dw`` (P, N, N). Scope: local.

    Departs from the papers: one set of coefficients for all edges of an individual, where Najarro & Risi
    evolve one for each edge (that is ``hebbian-abcd-edge``).
    """

    name = "hebbian-abcd"
    n_params = 5

    def initial_params(self) -> Tensor:
        return torch.tensor(_START, dtype=torch.float64)

    def step(self, params: Tensor, state: RuleState, context: RuleContext) -> tuple[RuleOutput, RuleState]:
        return _abcd(coefficients(params), context), state


class HebbianABCDEdgeRule(PlasticityRule):
    r"""Evolved Hebbian coefficients, a set for every edge (Najarro & Risi 2020, arXiv 2007.02686).

    .. math:: \Delta w_{ij} = \eta_{ij} \, (A_{ij} \, y_i \, y_j + B_{ij} \, y_j + C_{ij} \, y_i + D_{ij})

    with y_i the postsynaptic and y_j the presynaptic activity.

    Parameters: none shared; for each edge eta (per step), A, B, C, D, in this order. A search starts at plain
    Hebb with eta = 0.1.
    Shapes: ``params`` (P, 5 N^2), ``pre, post`` (P, N) give ``dw`` (P, N, N). Scope: local.

    Departs from the paper: weights are bounded instead of normalised by layer.
    """

    name = "hebbian-abcd-edge"
    n_params = 0
    edge_params = 5

    def initial_edge_params(self) -> Tensor:
        return torch.tensor(_START, dtype=torch.float64)

    def step(self, params: Tensor, state: RuleState, context: RuleContext) -> tuple[RuleOutput, RuleState]:
        each = params.unflatten(1, (5, *context.weights.shape[1:]))
        return _abcd(each.unbind(1), context), state


def _abcd(numbers: tuple[Tensor, ...], context: RuleContext) -> RuleOutput:
    eta, a, b, c, d = numbers
    post, pre = post_pre(context)
    # dw_ij = eta (A y_i y_j + B y_j + C y_i + D)
    return RuleOutput(dw=eta * (a * pre * post + b * pre + c * post + d))
