"""Reward-modulated Hebbian learning: what was active before a better reward than usual is made stronger."""

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

__all__ = ["RewardHebbRule"]


class RewardHebbRule(PlasticityRule):
    r"""Three factors: pre, post, and reward (Fremaux & Gerstner 2016, doi 10.3389/fncir.2015.00085).

    .. math::
        e_{ij} \leftarrow \lambda \, e_{ij} + (1 - \lambda) \, y_i \, y_j, \qquad
        \Delta w_{ij} = \eta \, (r - \bar r) \, e_{ij}, \qquad
        \bar r \leftarrow \bar r + \rho \, (r - \bar r)

    with y_i the postsynaptic and y_j the presynaptic activity, e the eligibility trace of an edge, r the reward that
    followed and r bar the reward expected.

    Parameters: eta, per unit of reward; logits of lambda and rho, per step. A search starts at eta = 0.2,
    lambda = 0.73 and rho = 0.05.
    Shapes: ``pre, post`` (P, N), ``reward`` (P, 1), ``state.edge`` (P, 1, N, N), ``state.node`` (P, 1, N) (the
    expected reward, of which every node keeps its own copy) give ``dw`` (P, N, N). Scope: global-reward.

    Departs from the paper: discrete time and rates instead of spikes.
    """

    name = "reward-hebb"
    scope = "global-reward"
    n_params = 3
    edge_state = 1
    node_state = 1

    def initial_params(self) -> Tensor:
        return torch.tensor([0.2, 1.0, -3.0], dtype=torch.float64)

    def step(self, params: Tensor, state: RuleState, context: RuleContext) -> tuple[RuleOutput, RuleState]:
        eta, keep, rho = coefficients(params)
        post, pre = post_pre(context)
        keep = torch.sigmoid(keep)
        # e_ij = lambda e_ij + (1 - lambda) y_i y_j
        trace = (keep * state.edge[:, 0] + (1 - keep) * post * pre) * context.mask
        expected = state.node
        surprise = context.reward[:, :, None] - expected  # (P, 1, N)
        memory = RuleState(trace[:, None], expected + torch.sigmoid(rho) * surprise)
        return RuleOutput(dw=eta * surprise.mT * trace), memory  # dw_ij = eta (r - r bar) e_ij
