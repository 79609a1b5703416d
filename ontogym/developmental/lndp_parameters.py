"""What the LNDP's three rules have in a genome (arXiv 2406.09787). Known without torch, which the rules need.

Flat parameters are row-major, arrays in the order given here. H hidden units; F, S, K as in `rules.base`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

__all__ = ["HIDDEN", "Arrays", "count", "edge_gru", "edge_gru_pairwise", "structural_mlp"]

Arrays = Mapping[str, tuple[int, ...]]
"""Name to shape of each array."""

HIDDEN = 16
"""H of the pruning and synaptogenesis networks (released code)."""


def count(arrays: Arrays) -> int:
    """How many numbers the arrays hold."""
    return sum(math.prod(shape) for shape in arrays.values())


def edge_gru(node_features: int, edge_features: int, history: int) -> Arrays:
    """A GRU on [h_i, h_j, a_i, a_j, r] whose hidden state is the edge; only the n gate has a hidden bias."""
    gates = 3 * edge_features
    return {
        "w_ih": (gates, 2 * (node_features + history) + 1),
        "w_hh": (gates, edge_features),
        "bias": (gates,),
        "bias_n": (edge_features,),
    }


def edge_gru_pairwise(node_features: int, edge_features: int, history: int) -> Arrays:
    """The same, and a bilinear form of h_i and h_j in the weight's candidate."""
    own = {"pairwise": (node_features, node_features)}
    return {**edge_gru(node_features, edge_features, history), **own}


def structural_mlp(inputs: int, hidden: int = HIDDEN) -> Arrays:
    """One hidden layer and one logit; the logit's bias comes last."""
    return {"w1": (hidden, inputs), "b1": (hidden,), "w2": (1, hidden), "b2": (1,)}
