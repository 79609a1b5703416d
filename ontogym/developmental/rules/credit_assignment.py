"""Temporal credit assignment by eligibility traces: e-prop, RFLO, MDGL and ModProp, as online rules.

All four are rules of a leaky rate network ``h(t) = (1 - a) h(t-1) + a phi(u(t))``, ``u(t) = W h(t-1) + ...``, and
differ in how far a learning signal travels back through W:

- e-prop and RFLO: not at all. They are one rule; the agent's learning signal is the difference
  (``L = W_out^T dl/dy`` or ``L = B dl/dy`` with a fixed random B).
- MDGL: one hop.
- ModProp: all hops, with one number mu in place of the slopes on the way.

A context's ``pre`` is h(t-1), ``dphi`` is phi'(u(t)) and ``signal`` is L(t), the slope of the loss at time t with
respect to h(t). Batches stand on the population axis: the change of a shared matrix is the sum over it.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from ontogym.developmental.rules.base import PlasticityRule, RuleContext, RuleOutput, RuleState

__all__ = ["EPropRule", "MDGLRule", "MDGLTypesRule", "ModPropRule", "ModPropTypesRule", "type_means"]

TYPES = 2
"""Cell types told apart by the type-wise rules."""
MU = 0.25
"""What ModProp puts in place of the slopes on the way (arXiv 2206.00823)."""


class _EligibilityRule(PlasticityRule):
    """The shared part: the trace of each edge, its last `hops` values, and the signals that meet them.

    Parameters: learning rate eta and leak a (kept within [0, 1]), in this order; rules with more say so.
    State of an edge: its traces at t-1, t-2, ..., newest first.
    """

    hops: ClassVar[int] = 0
    by_type: ClassVar[bool] = False
    needs = "a learning signal, which the rate network of `ontogym regimes` computes"
    n_params = 2

    @property
    def edge_state(self) -> int:  # type: ignore[override]
        return max(1, self.hops)

    def initial_params(self) -> Tensor:
        return torch.tensor([0.01, 1.0, MU], dtype=torch.float64)[: self.n_params]

    def step(self, params: Tensor, state: RuleState, context: RuleContext) -> tuple[RuleOutput, RuleState]:
        eta, leak = params[:, 0, None, None], params[:, 1, None, None].clamp(0, 1)
        fresh = context.dphi[:, :, None] * context.pre[:, None, :]
        trace = (1 - leak) * state.edge[:, 0] + leak * fresh  # e_ij = (1 - a) e_ij + a phi'(u_i) h_j
        gradient = context.signal[:, :, None] * trace  # L_i e_ij
        if self.hops:
            weights = type_means(context.weights, context.nodes) if self.by_type else context.weights
            for hop, signal in enumerate(self._travelling(params, weights, context)):
                gradient = gradient + signal[:, :, None] * state.edge[:, hop]
        traces = torch.cat([trace[:, None], state.edge[:, : self.edge_state - 1]], 1)
        return RuleOutput(dw=-eta * gradient), RuleState(traces, state.node)

    def _travelling(self, params: Tensor, weights: Tensor, context: RuleContext) -> list[Tensor]:
        """The signals (P, N) that meet the traces of one step ago, two steps ago, ..."""
        leak = params[:, 1, None].clamp(0, 1)
        sent = leak * _back(weights, context.dphi * context.signal)  # a sum_k L_k phi'_k w_ki
        signals = [sent]
        if self.hops > 1:
            mu = params[:, 2, None]
            # What has reached a cell from t steps ahead: it goes on through the leak and through W.
            reached = (1 - leak) * context.signal + sent
            for _ in range(self.hops - 1):
                signals.append(leak * mu * _back(weights, reached))  # once more through a mu W^T
                reached = (1 - leak) * reached + signals[-1]
        return signals


class EPropRule(_EligibilityRule):
    r"""e-prop, the three-factor rule (Bellec et al. 2020); with random feedback it is RFLO (Murray 2019).

    .. math:: e_{ij}(t) = (1-a)\, e_{ij}(t-1) + a\, \phi'(u_i)\, h_j(t-1), \qquad
              \Delta w_{ij}(t) = -\eta\, L_i(t)\, e_{ij}(t)

    with i the postsynaptic and j the presynaptic cell. Source: Bellec et al. 2020, doi 10.1038/s41467-020-17236-y.
    The sum over a trial is minus eta times the gradient with h held constant inside W h. RFLO (Murray 2019, doi
    10.7554/eLife.43299) is this rule with a learning signal that comes through a fixed random matrix.

    Parameters: eta, a. Shapes: ``dphi, pre, signal`` (P, N) give ``dw`` (P, N, N); one trace per edge.
    Scope: node-state (the learning signal of the postsynaptic cell).
    """

    name = "e-prop"
    scope = "node-state"


class MDGLRule(_EligibilityRule):
    r"""Multidigraph learning: e-prop and the learning signals of the cells one hop on (Liu et al. 2021, PNAS).

    .. math:: \Delta w_{ij}(t) = -\eta\, \Big( L_i(t)\, e_{ij}(t)
              + a \sum_k L_k(t)\, \phi'_k(t)\, w_{ki}\, e_{ij}(t-1) \Big)

    with i the postsynaptic and j the presynaptic cell. Source: Liu et al. 2021, PNAS 118(51) e2111821118; as in
    arXiv 2206.00823.

    Parameters: eta, a. Shapes: as e-prop. Scope: nonlocal (signals of cells that the edge's own cell drives, through
    their weights).

    Departs from the papers: a stands in the second term, so that it is the next term of the exact gradient for every
    leak; where the leak is full (a = 1) the two are the same.
    """

    name = "mdgl"
    scope = "nonlocal"
    hops = 1


class MDGLTypesRule(MDGLRule):
    r"""MDGL whose second term knows the means of W over pairs of cell types only, as diffuse modulators would.

    .. math:: \Delta w_{ij}(t) = -\eta\, \Big( L_i(t)\, e_{ij}(t)
              + a \sum_k L_k(t)\, \phi'_k(t)\, \bar w_{\tau(k) \tau(i)}\, e_{ij}(t-1) \Big)

    with i the postsynaptic and j the presynaptic cell and the bar for `type_means` over the types tau. Source: Liu et
    al. 2021, PNAS 118(51) e2111821118; arXiv 2206.00823.

    Parameters: eta, a. Shapes: as e-prop. Scope: nonlocal.
    """

    name = "mdgl-types"
    by_type = True


class ModPropRule(_EligibilityRule):
    r"""ModProp: signals go back through all of W, with a constant for the slopes on the way (arXiv 2206.01338).

    .. math:: \Delta w_{ij}(t) = -\eta\, \Big( L_i\, e_{ij}(t) + \sum_{s \ge 1} \mu^{s-1}
              \sum_k L_k\, \phi'_k\, (W^s)_{ki}\, e_{ij}(t-s) \Big)

    with i the postsynaptic and j the presynaptic cell (at full leak a = 1; else signals also leak on their way, as
    the exact gradient has it). Slopes phi' on the way are replaced by mu; the sender's own slope is exact. With the
    exact slopes in place of mu it is the full gradient.

    Parameters: eta, a, mu (0.25). Shapes: as e-prop, `hops` traces per edge. Scope: nonlocal.

    Departs from the paper: hops beyond `hops` are cut, since an edge remembers no more traces than that.
    """

    name = "modprop"
    scope = "nonlocal"
    hops = 6
    n_params = 3


class ModPropTypesRule(ModPropRule):
    r"""ModProp that knows the means of W over pairs of cell types only (arXiv 2206.01338).

    .. math:: \Delta w_{ij}(t) = -\eta\, \Big( L_i\, e_{ij}(t) + \sum_{s \ge 1} \mu^{s-1}
              \sum_k L_k\, \phi'_k\, (\bar W^s)_{ki}\, e_{ij}(t-s) \Big)

    with i the postsynaptic and j the presynaptic cell, the bar for `type_means`; the rest as ModProp.

    Parameters: eta, a, mu (0.25). Shapes: as e-prop, `hops` traces per edge. Scope: nonlocal.
    """

    name = "modprop-types"
    by_type = True


def type_means(weights: Tensor, nodes: Tensor) -> Tensor:
    """Each weight replaced by the mean over its pair of cell types: ``(P, N, N)``.

    Args:
        weights: (P, N, N), (post, pre); absent edges count as 0.
        nodes: (P, N, F); a cell's type is the largest of its first two features (one alone: its sign).
    """
    marks = nodes[..., :TYPES] if nodes.shape[-1] > 1 else torch.cat([nodes, -nodes], -1)
    kind = torch.nn.functional.one_hot(marks.argmax(-1), TYPES).to(weights.dtype)  # (P, N, types)
    count = kind.sum(1).clamp(min=1)
    sums = kind.transpose(1, 2) @ weights @ kind
    means = sums / (count[:, :, None] * count[:, None, :])
    return kind @ means @ kind.transpose(1, 2)


def _back(weights: Tensor, signal: Tensor) -> Tensor:
    """``W^T signal``: (P, N), what reaches each cell from the cells that it drives."""
    return (signal[:, None, :] @ weights)[:, 0]
