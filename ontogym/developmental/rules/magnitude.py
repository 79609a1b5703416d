"""Magnitude pruning with regrowth: the weakest edges go, others come at random."""

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
from ontogym.developmental.rules.fixed_sparsity import swap_edges

__all__ = ["MagnitudeRegrowRule"]


class MagnitudeRegrowRule(PlasticityRule):
    r"""Sparse evolutionary training, at every step a little (Mocanu et al. 2018, arXiv 1707.04780).

    .. math:: m_{ij} \leftarrow m_{ij} + \rho \, (|w_{ij}| - m_{ij})

    with i the postsynaptic and j the presynaptic node. A fraction zeta of the edges, those with the smallest m,
    goes (of equal ones the first, row by row); as many absent ones come, each place as likely as any other. A new
    edge starts with weight 0 and with the mean m of the others, so that it has about 1 / rho steps in which to
    prove itself. Fractions of an edge are carried over to the next step.

    Parameters: logits of zeta and of rho, per step. A search starts at zeta = 0.0025 and rho = 0.05.
    Shapes: ``weights, mask, allowed`` (P, N, N), ``u`` (P, 2, N, N), ``state.edge`` (P, 2, N, N) (m, and
    whether the edge is known), ``state.node`` (P, 1, N) (the fraction carried over) give ``mask`` (P, N, N).
    Scope: nonlocal (edges are compared with each other).

    Departs from the paper: it prunes the smallest positive and the largest negative weights once an epoch;
    here magnitudes are compared at every step of a life, smoothed for the sake of the newborn.
    """

    name = "magnitude-regrow"
    kind = "structural"
    scope = "nonlocal"
    uses_noise = True
    n_params = 2
    edge_state = 2
    node_state = 1

    def initial_params(self) -> Tensor:
        return torch.tensor([-6.0, -3.0], dtype=torch.float64)

    def step(self, params: Tensor, state: RuleState, context: RuleContext) -> tuple[RuleOutput, RuleState]:
        zeta, rho = (torch.sigmoid(number) for number in coefficients(params))
        present = context.mask
        size = context.weights.abs() * present
        count = present.sum((1, 2), keepdim=True)
        trace, known = state.edge.unbind(1)
        others = known.sum((1, 2), keepdim=True)
        mean = (trace * known).sum((1, 2), keepdim=True) / others.clamp_min(1.0)
        # At birth no edge is known: then each starts at its own magnitude.
        start = torch.where(others > 0, mean, size)
        before = torch.where(known > 0, trace, start)
        smooth = (before + rho * (size - before)) * present  # m_ij + rho (|w_ij| - m_ij)
        credit = state.node.amax(2, keepdim=True) + zeta * count  # every node carries the same
        moved = credit.floor()
        mask = swap_edges(context.mask, context.allowed, moved[:, 0, 0], smooth, context.u[:, 0])
        kept = mask * present
        memory = RuleState(torch.stack([smooth * kept, kept], 1), (credit - moved).expand_as(state.node))
        return RuleOutput(mask=mask), memory
