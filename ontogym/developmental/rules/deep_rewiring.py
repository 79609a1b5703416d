"""Deep rewiring: edges that lose their sign go, and others come at random."""

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

__all__ = ["DeepRewiringRule"]


class DeepRewiringRule(PlasticityRule):
    r"""A random walk among wirings with one number of edges (Bellec et al. 2018, arXiv 1711.05136).

    .. math:: p_{ij} = \sigma\left(\frac{\alpha - s_{ij} \, w_{ij}}{T}\right)

    is the probability that the edge from j (presynaptic) to i (postsynaptic) goes, with s the sign that its weight
    first had. As many absent edges come,
    each place as likely as any other; their weight starts at 0.

    Parameters: logarithm of T, the scale of the noise in units of weight; alpha, the drift towards zero in
    units of weight. A search starts at T = 0.02 and alpha = 0.
    Shapes: ``weights, mask, allowed`` (P, N, N), ``u`` (P, 2, N, N), ``state.edge`` (P, 1, N, N) (the sign)
    give ``mask`` (P, N, N). Scope: nonlocal (all edges together keep their number).

    Departs from the paper: drift and noise (there normal, here logistic) are those of the test whether a
    weight crosses zero and do not stay in the weight, which belongs to the synaptic rule; a new edge takes the
    sign of the first weight it gets instead of a drawn one.
    """

    name = "deep-rewiring"
    kind = "structural"
    scope = "nonlocal"
    uses_noise = True
    n_params = 2
    edge_state = 1

    def initial_params(self) -> Tensor:
        return torch.tensor([-4.0, 0.0], dtype=torch.float64)

    def step(self, params: Tensor, state: RuleState, context: RuleContext) -> tuple[RuleOutput, RuleState]:
        log_scale, drift = coefficients(params)
        scale = torch.exp(log_scale.clamp(-12, 6))
        known = state.edge[:, 0]
        sign = torch.where(known == 0, torch.sign(context.weights), known) * context.mask
        crosses = torch.sigmoid(
            (drift - sign * context.weights) / scale
        )  # p_ij = sigma((alpha - s_ij w_ij) / T)
        noise = context.u[:, 1]
        leaves = (noise < crosses) & (sign != 0)
        mask = swap_edges(
            context.mask,
            context.allowed,
            leaves.sum((1, 2)),
            torch.where(leaves, noise, 1.0),
            context.u[:, 0],
        )
        return RuleOutput(mask=mask), RuleState((sign * mask)[:, None], state.node)
