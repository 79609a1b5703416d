"""What the kernel is told about a kind of LNDP, and how it lays out memory. Nothing here is compiled."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ontogym.agents.lndp.organism import GenomeLayout

__all__ = ["ADD", "GATES", "HEADS", "HIDDEN", "KEEP", "NO_BIAS", "PAD", "QK", "QKV", "REWIRE", "UPDATE", "VALUE", "F", "Flags", "Offsets", "S", "flags_of", "offsets_of", "padded"]  # fmt: skip

# numba compiles a function anew for every Python integer that it is given, but not for every int64.
F, S = np.int64(8), np.int64(4)
"""Features of a node, and of an edge."""
HEADS, QK, VALUE = np.int64(3), np.int64(4), np.int64(8)
"""Heads of the graph transformer, and features of a query or key and of a value."""
QKV = (2 * QK + VALUE) * HEADS
"""Rows of queries, keys and values of all heads."""
GATES = 3 * S
"""Rows of the edge GRU's gates."""
HIDDEN = np.int64(16)
"""Hidden units of pruning and of synaptogenesis."""
NO_BIAS, ADD = np.int64(-1), np.int64(-2)
"""What `nodes.dense` begins its sums with, when it is not a bias."""
UPDATE, REWIRE, KEEP = np.int64(1), np.int64(2), np.int64(4)
"""Bits of what may change in an individual: anything; its wiring; not the weights that edges have."""
PAD = 16
"""Rows of nodes are padded to a multiple of this, on every machine."""


def padded(nodes: int) -> int:
    """M, the length of a row of nodes in memory."""
    return -(-nodes // PAD) * PAD


class Offsets(NamedTuple):
    """Where each learned array starts in the genome (-1: absent)."""

    query: int
    output: int
    output_bias: int
    edge: int
    edge_bias: int
    perception: int
    perception_bias: int
    gru_ih: int
    gru_hh: int
    gru_bias: int
    gru_bias_n: int
    synaptic: int
    pruning: int
    synaptogenesis: int
    identity: int


class Flags(NamedTuple):
    """Options of the step; see `LNDPConfig`.

    `pairwise` and `decays` are departures. They are None where they are off: the kernel is compiled for their types, and
    what is off is then not in it.
    """

    nodes: int
    n_inputs: int
    n_outputs: int
    rnn_iters: int
    released: bool
    transformer: bool
    synaptic: bool
    prune: bool
    grow: bool
    stochastic: bool
    recurrent: bool
    bias: bool
    threshold_logit: float
    pairwise: bool | None
    decays: bool | None
    kept_weight: float


def offsets_of(layout: GenomeLayout) -> Offsets:
    """Where a layout's arrays start."""
    names = {name.replace(".", "_"): part.start for name, part in layout.slices.items()}
    names = {name.removesuffix("_weight"): start for name, start in names.items()}
    return Offsets(*(names.get(name, -1) for name in Offsets._fields))


def flags_of(layout: GenomeLayout) -> Flags:
    """The options of a layout's configuration."""
    c = layout.config
    return Flags(
        nodes=c.nodes,
        n_inputs=layout.n_inputs,
        n_outputs=layout.n_outputs,
        rnn_iters=c.rnn_iters,
        released=c.released,
        transformer=c.graph_transformer,
        synaptic="synaptic" in layout.slices,
        prune="pruning" in layout.slices,
        grow="synaptogenesis" in layout.slices,
        stochastic=c.decisions == "stochastic",
        recurrent=c.recurrent,
        bias=c.bias,
        threshold_logit=math.log(c.threshold / (1 - c.threshold)),
        pairwise=True if c.synaptic_rule == "lndp-edge-gru-pairwise" else None,
        decays=True if c.weight_decay > 0 else None,
        kept_weight=1.0 - c.weight_decay,
    )
