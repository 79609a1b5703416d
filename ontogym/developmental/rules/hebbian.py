"""Hebbian rules: weight changes from the activity of the two nodes of an edge."""

from __future__ import annotations

import torch
from torch import Tensor

from ontogym.developmental.rules.base import PlasticityRule, RuleContext, RuleOutput, RuleState

__all__ = ["HebbianABCDRule"]


class HebbianABCDRule(PlasticityRule):
    r"""Evolved Hebbian coefficients (Soltoggio et al. 2007; Najarro & Risi 2020, arXiv 2007.02686).

    .. math:: \Delta w_{ij} = \eta \, (A \, y_i \, y_j + B \, y_i + C \, y_j + D)

    with y_i the activity before the edge (pre) and y_j the one behind it (post).

    Parameters: eta, A, B, C, D, in this order; a search starts at plain Hebb with eta = 0.1.
    Shapes: ``pre, post`` (P, N) give ``dw`` (P, N, N). Scope: local.

    Departs from the papers: one set of coefficients for all edges of an individual, where Najarro & Risi
    evolve one for each edge.
    """

    name = "hebbian-abcd"
    scope = "local"
    n_params = 5

    def initial_params(self) -> Tensor:
        return torch.tensor([0.1, 1.0, 0.0, 0.0, 0.0], dtype=torch.float64)

    def step(self, params: Tensor, state: RuleState, context: RuleContext) -> tuple[RuleOutput, RuleState]:
        eta, a, b, c, d = params[:, :, None, None].unbind(1)  # (P, 1, 1) each
        pre, post = context.pre[:, None, :], context.post[:, :, None]
        return RuleOutput(dw=eta * (a * pre * post + b * pre + c * post + d)), state
