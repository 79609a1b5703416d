"""A plasticity rule in a package of its own."""

import torch

from ontogym.developmental.rules import PlasticityRule, RuleOutput, RuleState, coefficients, post_pre


class CovarianceRule(PlasticityRule):
    r"""Edges learn how activities vary together (Sejnowski 1977, doi 10.1007/BF00275079).

    .. math:: \Delta w_{ij} = \eta \, (y_i - \bar y_i) \, (y_j - \bar y_j)

    with y_i the postsynaptic and y_j the presynaptic activity, and a mean that each node keeps of either.

    Parameters: eta, per step; logit of how fast means move, per step.
    Shapes: ``pre, post`` (P, N), ``state.node`` (P, 2, N) give ``dw`` (P, N, N). Scope: local.
    """

    name = "covariance"
    scope = "local"
    n_params = 2
    node_state = 2

    def initial_params(self):
        return torch.tensor([0.1, -2.0], dtype=torch.float64)

    def step(self, params, state, context):
        eta, rate = coefficients(params)
        post, pre = post_pre(context)
        mean_post, mean_pre = state.node[:, 0, :, None], state.node[:, 1:]
        dw = eta * (post - mean_post) * (pre - mean_pre)  # dw_ij = eta (y_i - mean_i) (y_j - mean_j)
        now = torch.stack([context.post, context.pre], 1)
        return RuleOutput(dw=dw), RuleState(state.edge, state.node + torch.sigmoid(rate) * (now - state.node))
