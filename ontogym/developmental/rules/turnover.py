"""Edges come and go so that every node finds its level of activity."""

from __future__ import annotations

import torch
from torch import Tensor

from ontogym.developmental.rules.base import (
    PlasticityRule,
    RuleContext,
    RuleOutput,
    RuleState,
    coefficients,
)

__all__ = ["ActivityTurnoverRule"]


class ActivityTurnoverRule(PlasticityRule):
    r"""Quiet nodes grow edges, busy ones lose them (Butz & van Ooyen 2013, doi 10.1371/journal.pcbi.1003259).

    .. math::
        c_i \leftarrow c_i + \rho \, (|y_i| - c_i), \qquad g_{ij} = (\epsilon - c_i) + (\epsilon - c_j)

        p^{add}_{ij} = \sigma(b_{add} + k \, g_{ij}), \qquad p^{prune}_{ij} = \sigma(b_{prune} - k \, g_{ij})

    with i the postsynaptic and j the presynaptic node, c the running mean of a node's activity (calcium) and epsilon
    the level that it seeks.

    Parameters: b_add, b_prune (logits); k, per unit of activity; logits of epsilon and of rho (per step). A
    search starts at turnover of about one edge in a thousand a step, k = 4, epsilon = 0.27 and rho = 0.12.
    Shapes: ``post`` (P, N), ``state.node`` (P, 1, N) give ``p_add, p_prune`` (P, N, N). Scope: local.
    Meant for stochastic decisions; under thresholds an edge changes only where its two nodes are far off.

    Departs from the paper: an edge decides with the needs of its two nodes, instead of vacant axonal and
    dendritic elements that grow in continuous time and are matched at random.
    """

    name = "activity-turnover"
    kind = "structural"
    stochastic = True
    n_params = 5
    node_state = 1

    def initial_params(self) -> Tensor:
        return torch.tensor([-7.0, -6.0, 4.0, -1.0, -2.0], dtype=torch.float64)

    def step(self, params: Tensor, state: RuleState, context: RuleContext) -> tuple[RuleOutput, RuleState]:
        add, prune, gain, level, rho = coefficients(params)
        calcium = state.node + torch.sigmoid(rho) * (context.post.abs()[:, None] - state.node)  # (P, 1, N)
        need = torch.sigmoid(level) - calcium
        drive = gain * (need + need.mT)  # k g_ij = k ((epsilon - c_i) + (epsilon - c_j))
        output = RuleOutput(p_add=torch.sigmoid(add + drive), p_prune=torch.sigmoid(prune - drive))
        return output, RuleState(state.edge, calcium)
