"""The three rules of the Lifelong Neural Developmental Program (arXiv 2406.09787).

A GRU on every edge, a pruning network and a synaptogenesis network, each shared by all edges of an
individual. They are written so that ``torch.compile`` fuses each into one loop over ``(P, post, pre)``: first
layers are projected once per node and broadcast to edges, and contractions over the few features of an edge
are spelled out as sums of products instead of matrix products over N * N rows.

Axes as in `base`; H hidden units, I inputs of the edge GRU. Matrices in flat parameters are row-major, in
the order that `layout` gives.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from ontogym.developmental.lndp_parameters import (
    HIDDEN,
    Arrays,
    count,
    edge_gru,
    edge_gru_pairwise,
    structural_mlp,
)
from ontogym.developmental.rules.base import PlasticityRule, RuleContext, RuleOutput, RuleState, tanh

__all__ = ["EdgeGRUPairwiseRule", "EdgeGRURule", "PruningRule", "SynaptogenesisRule", "unpack"]


def unpack(params: Tensor, layout: Arrays) -> dict[str, Tensor]:
    """Views of flat parameters ``(P, n)``, by name: ``(P, *shape)`` each, in the order of `layout`."""
    sizes = [math.prod(shape) for shape in layout.values()]
    parts = params.split(sizes, dim=1)
    return {name: part.unflatten(1, shape) for (name, shape), part in zip(layout.items(), parts)}


def _per_edge(value: Tensor) -> Tensor:
    """``(P,)`` to ``(P, 1, 1)``: one number of each individual, for all its edges."""
    return value[:, None, None]


def _combine(weights: Tensor, features: Sequence[Tensor]) -> Tensor:
    """Sum over f of ``weights[:, f] * features[f]``: ``(P, S)`` and S of ``(P, N, N)`` give ``(P, N, N)``."""
    total = _per_edge(weights[:, 0]) * features[0]
    for f in range(1, len(features)):
        total = total + _per_edge(weights[:, f]) * features[f]
    return total


class _LNDPRule(PlasticityRule):
    """Flat parameters with a named layout."""

    @property
    def layout(self) -> Arrays:
        """Name to shape of each parameter tensor, in the order of the flat vector."""
        raise NotImplementedError

    @property
    def n_params(self) -> int:
        return count(self.layout)


class EdgeGRURule(_LNDPRule):
    r"""A gated recurrent unit on every edge, whose hidden state is the edge (arXiv 2406.09787, Sec. 3).

    For the edge to i (postsynaptic) from j (presynaptic) with features e, node states h, remembered activations a,
    reward r:

    .. math::
        x = [h_i, h_j, a_i, a_j, r], \quad (x_r, x_z, x_n) = W_{ih} x + b, \quad (g_r, g_z, g_n) = W_{hh} e

        \rho = \sigma(x_r + g_r), \quad z = \sigma(x_z + g_z), \quad
        n = \tanh(x_n + \rho \, (g_n + b_n)), \quad e_{ij} \leftarrow m_{ij} \, (n + z (e_{ij} - n))

    The first feature is the edge's weight. Only the n gate has a hidden bias.

    Shapes: ``nodes`` (P, N, F), ``history`` (P, N, K), ``edges`` (P, S, N, N) give ``edges`` (P, S, N, N).
    Parameters: ``w_ih`` (3 S, 2 F + 2 K + 1), ``w_hh`` (3 S, S), ``bias`` (3 S), ``bias_n`` (S).
    Scope: node-state.
    """

    name = "lndp-edge-gru"
    scope = "node-state"

    @property
    def layout(self) -> Arrays:
        return edge_gru(self.node_features, self.edge_features, self.history)

    def step(self, params: Tensor, state: RuleState, context: RuleContext) -> tuple[RuleOutput, RuleState]:
        F, K, S = self.node_features, self.history, self.edge_features
        p = unpack(params, self.layout)
        w_h_post, w_h_pre, w_a_post, w_a_pre, w_reward = p["w_ih"].split([F, F, K, K, 1], dim=2)
        nodes = torch.cat([context.nodes, context.history], 2).transpose(1, 2)  # (P, F + K, N)
        offset = (p["bias"] + w_reward[..., 0] * context.reward)[..., None]
        at_post = torch.cat([w_h_post, w_a_post], 2) @ nodes + offset  # (P, 3 S, N)
        at_pre = torch.cat([w_h_pre, w_a_pre], 2) @ nodes
        e = list(context.edges.unbind(1))
        pair = self._pair(p, context)

        def inputs(gate: int) -> Tensor:
            both = at_post[:, gate, :, None] + at_pre[:, gate, None, :]
            # Only the weight's candidate: row f = 0 of x_n.
            total: Tensor = both if pair is None or gate != 2 * S else both + pair
            return total

        def hidden(gate: int) -> Tensor:
            return _combine(p["w_hh"][:, gate], e)

        new = []
        for f in range(S):
            reset = torch.sigmoid(inputs(f) + hidden(f))  # rho = sigma(x_r + g_r)
            keep = torch.sigmoid(inputs(S + f) + hidden(S + f))  # z = sigma(x_z + g_z)
            bias_n = _per_edge(p["bias_n"][:, f])
            # n = tanh(x_n + rho (g_n + b_n))
            candidate = tanh(inputs(2 * S + f) + reset * (hidden(2 * S + f) + bias_n))
            # e_ij = m_ij (n + z (e_ij - n))
            new.append((candidate + keep * (e[f] - candidate)) * context.mask)
        # Joined in three dimensions for the compiler's sake, see `apply_rule`.
        return RuleOutput(edges=torch.cat(new, 1).unflatten(1, (S, -1))), state

    def _pair(self, p: dict[str, Tensor], context: RuleContext) -> Tensor | None:
        """What the weight's candidate gets beside sums of what the two nodes bring, (P, N, N)."""
        return None


class EdgeGRUPairwiseRule(EdgeGRURule):
    r"""The edge GRU with a bilinear form of the two nodes in the candidate weight: a departure from arXiv 2406.09787.

    In `EdgeGRURule` the candidate is a sum of what the postsynaptic and the presynaptic node bring, so that "this input to
    that output" can hardly be said. Here the weight's row of x_n has one term more:

    .. math:: x_n^{(0)} \leftarrow x_n^{(0)} + h_i^\top B \, h_j

    with i the postsynaptic and j the presynaptic node. Shapes: as `EdgeGRURule`. Parameters: its own, then ``pairwise`` B (F, F). Scope: node-state.
    """

    name = "lndp-edge-gru-pairwise"

    @property
    def layout(self) -> Arrays:
        return edge_gru_pairwise(self.node_features, self.edge_features, self.history)

    def _pair(self, p: dict[str, Tensor], context: RuleContext) -> Tensor:
        return context.nodes @ p["pairwise"] @ context.nodes.mT  # h_i^T B h_j


class _StructuralMLP(_LNDPRule):
    """A network of one hidden layer that gives each edge a probability.

    Args:
        hidden: H hidden units.
        growth_bias: how much the search's starting point leans towards growth: it is added to the output
            bias of synaptogenesis and taken from that of pruning (0 gives the paper's start).
    """

    kind = "structural"
    stochastic = True
    _growth_sign: ClassVar[float]

    def __init__(
        self,
        node_features: int = 8,
        edge_features: int = 4,
        history: int = 4,
        *,
        hidden: int = HIDDEN,
        growth_bias: float = 0.0,
    ) -> None:
        super().__init__(node_features, edge_features, history)
        self.hidden, self.growth_bias = hidden, growth_bias

    @property
    def _inputs(self) -> int:
        raise NotImplementedError

    @property
    def layout(self) -> Arrays:
        return structural_mlp(self._inputs, self.hidden)

    def initial_params(self) -> Tensor:
        start = super().initial_params()
        start[-1] = self._growth_sign * self.growth_bias
        return start


class PruningRule(_StructuralMLP):
    r"""How likely an edge goes, from its features alone (arXiv 2406.09787, Sec. 3).

    .. math:: p^{prune}_{ij} = \sigma(w_2 \cdot \mathrm{ReLU}(W_1 e_{ij} + b_1) + b_2)

    Shapes: ``edges`` (P, S, N, N) give ``p_prune`` (P, N, N), i postsynaptic and j presynaptic.
    Parameters: ``w1`` (H, S), ``b1`` (H), ``w2`` (1, H), ``b2`` (1). Scope: local.
    """

    name = "lndp-pruning"
    scope = "local"
    _growth_sign = -1.0

    @property
    def _inputs(self) -> int:
        return self.edge_features

    def step(self, params: Tensor, state: RuleState, context: RuleContext) -> tuple[RuleOutput, RuleState]:
        p = unpack(params, self.layout)
        e = list(context.edges.unbind(1))
        logit = _per_edge(p["b2"][:, 0])
        for k in range(self.hidden):
            unit = torch.relu(_combine(p["w1"][:, k], e) + _per_edge(p["b1"][:, k]))
            logit = logit + _per_edge(p["w2"][:, 0, k]) * unit
        return RuleOutput(p_prune=torch.sigmoid(logit)), state  # sigma(w_2 . ReLU(W_1 e_ij + b_1) + b_2)


class SynaptogenesisRule(_StructuralMLP):
    r"""How likely an absent edge appears, from the states of its two nodes (arXiv 2406.09787, Sec. 3).

    .. math:: p^{add}_{ij} = \sigma(w_2 \cdot \mathrm{ReLU}(W_1 [h_i, h_j] + b_1) + b_2)

    Shapes: ``nodes`` (P, N, F) give ``p_add`` (P, N, N), i postsynaptic and j presynaptic.
    Parameters: ``w1`` (H, 2 F), ``b1`` (H), ``w2`` (1, H), ``b2`` (1). Scope: node-state.
    """

    name = "lndp-synaptogenesis"
    scope = "node-state"
    _growth_sign = 1.0

    @property
    def _inputs(self) -> int:
        return 2 * self.node_features

    def step(self, params: Tensor, state: RuleState, context: RuleContext) -> tuple[RuleOutput, RuleState]:
        p = unpack(params, self.layout)
        w_post, w_pre = p["w1"].split(self.node_features, dim=2)
        nodes = context.nodes.transpose(1, 2)
        at_post = w_post @ nodes + p["b1"][..., None]  # (P, H, N)
        at_pre = w_pre @ nodes
        logit = _per_edge(p["b2"][:, 0])
        for k in range(self.hidden):
            unit = torch.relu(at_post[:, k, :, None] + at_pre[:, k, None, :])
            logit = logit + _per_edge(p["w2"][:, 0, k]) * unit
        # sigma(w_2 . ReLU(W_1 [h_i, h_j] + b_1) + b_2)
        return RuleOutput(p_add=torch.sigmoid(logit)), state
