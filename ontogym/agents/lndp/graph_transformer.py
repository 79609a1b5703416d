"""The LNDP in its readable form, on PyTorch Geometric: the oracle of the two fast engines.

One graph at a time, one equation a line, nothing factorised. Attention runs over all ordered pairs of nodes,
so the graph that messages travel on is complete; which of its pairs are synapses is a feature of the pair.
Equations as numbered in docs/kernel.md.
Sources: LNDP, arXiv 2406.09787, Sec. 3; the layer after Dwivedi & Bresson, arXiv 2012.09699.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import linear
from torch_geometric.nn import MessagePassing
from torch_geometric.utils import softmax

from ontogym.agents.base import CONDUCTS
from ontogym.agents.lndp.freezing import Held
from ontogym.agents.lndp.organism import BUILT_IN, Body, GenomeLayout, allowed_edges
from ontogym.developmental.lndp_parameters import HIDDEN
from ontogym.errors import OntogymError
from ontogym.seeding import LaneStreams

__all__ = ["GeometricEngine", "GraphTransformer"]


class GraphTransformer(MessagePassing):  # type: ignore[misc] # PyTorch Geometric has no types
    r"""One attention layer whose scores are multiplied by a function of the edge.

    .. math::
        s^h_{ij} = \frac{q^h_j \cdot k^h_i}{\sqrt{d_q}} \, (E e_{ij} + b)^h, \qquad
        y_i = O \, \Vert_h \sum_j \mathrm{softmax}_j(s^h_{ij}) \, v^h_j

    for messages to i from j. With `released` the softmax runs over the targets i of each source j instead,
    as the authors' code has it.

    Args:
        genes: ``query, key, value`` (d heads, F), ``output.weight``, ``output.bias``, ``edge.weight`` (heads, S + 3),
            ``edge.bias``. Row c * heads + h of the projections is component c of head h.
        heads: number of heads.
        released: see above.
    """

    def __init__(self, genes: dict[str, Tensor], heads: int, released: bool = False) -> None:
        super().__init__(aggr="add", node_dim=0)
        self.genes, self.heads, self.released = genes, heads, released

    def forward(self, x: Tensor, edge_index: Tensor, edge_attr: Tensor) -> Tensor:
        """Node features (N, F), pairs (2, N N) and their features (N N, S + 3) to (N, F)."""
        q, k, v = (
            linear(x, self.genes[name]).unflatten(1, (-1, self.heads)) for name in ("query", "key", "value")
        )
        y = self.propagate(edge_index, q=q, k=k, v=v, edge_attr=edge_attr)
        return linear(y.flatten(1), self.genes["output.weight"], self.genes["output.bias"])  # (3)

    def message(
        self,
        q_j: Tensor,
        k_i: Tensor,
        v_j: Tensor,
        edge_attr: Tensor,
        edge_index_i: Tensor,
        edge_index_j: Tensor,
    ) -> Tensor:
        """PyTorch Geometric's j is the source, its i the target."""
        pair = linear(edge_attr, self.genes["edge.weight"], self.genes["edge.bias"])
        scores = (q_j * k_i).sum(1) / math.sqrt(q_j.shape[1]) * pair  # (2)
        weights = softmax(scores, edge_index_j if self.released else edge_index_i)  # (3)
        message: Tensor = v_j * weights[:, None, :]
        return message


class _Graph(NamedTuple):
    """One individual; matrices are (post, pre)."""

    genes: dict[str, Tensor]
    nodes: Tensor
    edges: Tensor
    mask: Tensor
    history: Tensor
    activation: Tensor
    innate: Tensor


class _Population(NamedTuple):
    graphs: list[_Graph]
    noise: LaneStreams
    changed: NDArray[np.int64]
    held: Held


class GeometricEngine:
    """Runs LNDPs graph by graph. Built-in rules only; for reading, checking and teaching, not for speed.

    Args:
        layout: genome layout.
        dtype: "float32" or "float64".
    """

    def __init__(self, layout: GenomeLayout, dtype: str = "float32") -> None:
        for slot, names in {**BUILT_IN, "structural": ()}.items():
            if getattr(layout.config, f"{slot}_rule") not in (*names, ""):
                raise OntogymError(
                    f"The pyg engine runs only the rules {', '.join(names) or 'none'} for {slot}; use engine='torch'."
                )
        self.layout, self.config, self.dtype = layout, layout.config, getattr(torch, dtype)
        n = self.config.nodes
        pre, post = torch.meshgrid(torch.arange(n), torch.arange(n), indexing="ij")
        self.pairs = torch.stack([pre.flatten(), post.flatten()])
        self.allowed = torch.as_tensor(allowed_edges(self.config, layout.n_inputs, layout.n_outputs))
        self.node_type = torch.zeros(n, 2, dtype=self.dtype)
        self.node_type[: layout.n_inputs, 0] = 1
        self.node_type[n - layout.n_outputs :, 1] = 1

    # -- the equations ------------------------------------------------------------------------------------

    def update(
        self, g: _Graph, reward: Tensor, u: Tensor, rewires: bool = True, keeps: bool = False
    ) -> _Graph:
        """One step of development: perception, node GRU, edge GRU, pruning, synaptogenesis.

        Args:
            reward: scalar, already scaled. u: (2, N, N) uniform noise for adding and for pruning.
            rewires: whether edges may come and go. keeps: whether an edge that has a weight keeps it.
        """
        pre, post = self.pairs
        x = self.perceive(g)
        zeros = torch.zeros(2 * self.config.node_features, dtype=self.dtype)
        hidden_bias = torch.cat([zeros, g.genes["gru.bias_n"]])  # only the n gate has one (quirk 4)
        nodes = torch.gru_cell(  # (4)
            x, g.nodes, g.genes["gru.ih"], g.genes["gru.hh"], g.genes["gru.bias"], hidden_bias
        )

        seen = nodes + self.identity(g)
        e = g.edges[:, post, pre].T  # (pairs, S)
        if "synaptic" in g.genes:
            rewards = reward.expand(len(e), 1)
            heard = torch.cat([seen[post], seen[pre], g.history[post], g.history[pre], rewards], 1)
            e = self.edge_gru(g.genes["synaptic"], heard, e)
        else:
            e = g.innate[:, post, pre].T
        e = e * g.mask[post, pre][:, None]  # (5), the wiring of before this step (quirk 5)
        e = torch.cat([(1 - self.config.weight_decay) * e[:, :1], e[:, 1:]], 1)

        if keeps:
            old = g.edges[0, post, pre] * g.mask[post, pre]
            e = torch.cat([torch.where(old != 0, old, e[:, 0])[:, None], e[:, 1:]], 1)

        if not rewires:
            return g._replace(nodes=nodes, edges=self.matrix(e))
        mask = self.rewire(g, e, torch.cat([seen[post], seen[pre]], 1), u)
        return g._replace(nodes=nodes, edges=self.matrix(e), mask=mask)

    def perceive(self, g: _Graph) -> Tensor:
        """What each node knows of the network, (N, F)."""
        pre, post = self.pairs
        d_in, d_out = g.mask.sum(1) / 10, g.mask.sum(0) / 10
        if self.config.released:
            degrees = torch.stack([d_out, d_in, d_out + d_in / 20], 1)  # names swapped, precedence (quirk 3)
        else:
            degrees = torch.stack([d_in, d_out, (d_in + d_out) / 2], 1)
        features = torch.cat([degrees, self.node_type, g.history, g.nodes + self.identity(g)], 1)
        x = linear(features, g.genes["perception.weight"], g.genes["perception.bias"])  # (1)
        if not self.config.graph_transformer:
            return x
        a, a_back, same = g.mask[post, pre], g.mask[pre, post], (pre == post).to(self.dtype)
        pair = torch.cat([g.edges[:, post, pre].T, torch.stack([a, a_back, same], 1)], 1)
        layer = GraphTransformer(g.genes, self.config.heads, self.config.released)
        out: Tensor = layer(x, self.pairs, pair)
        return out

    def edge_gru(self, genes: Tensor, x: Tensor, e: Tensor) -> Tensor:
        """GRU over all pairs: x (pairs, 2 F + 2 K + 1), e (pairs, S)."""
        s, f = self.config.edge_features, self.config.node_features
        pairwise = self.config.synaptic_rule == "lndp-edge-gru-pairwise"
        sizes = [(3 * s, x.shape[1]), (3 * s, s), (3 * s,), (s,), *([(f, f)] if pairwise else [])]
        w_ih, w_hh, b, b_n, *form = _split(genes, *sizes)
        if pairwise:
            # (5b) h_i^T B h_j is one input more, which the weight's candidate alone hears.
            x = torch.cat([x, ((x[:, :f] @ form[0]) * x[:, f : 2 * f]).sum(1, keepdim=True)], 1)
            w_ih = torch.cat([w_ih, torch.eye(3 * s, dtype=self.dtype)[:, 2 * s : 2 * s + 1]], 1)
        hidden_bias = torch.cat([torch.zeros(2 * s, dtype=self.dtype), b_n])
        return torch.gru_cell(x, e, w_ih, w_hh, b, hidden_bias)  # (5)

    def rewire(self, g: _Graph, e: Tensor, both: Tensor, u: Tensor) -> Tensor:
        """Pruning on edge features, synaptogenesis on the states of both nodes: the new mask (N, N)."""

        def network(slot: str, x: Tensor, noise: Tensor) -> Tensor:
            if slot not in g.genes:
                return torch.zeros_like(g.mask, dtype=torch.bool)
            w1, b1, w2, b2 = _split(g.genes[slot], (HIDDEN, x.shape[1]), (HIDDEN,), (1, HIDDEN), (1,))
            p = self.matrix(torch.sigmoid(linear(torch.relu(linear(x, w1, b1)), w2, b2)))[0]  # (6), (7)
            return noise < p / 2 if self.config.decisions == "stochastic" else p > self.config.threshold

        grown, pruned = network("synaptogenesis", both, u[0]), network("pruning", e, u[1])
        absent = (g.mask == 0) & (self.allowed > 0)
        if self.config.released:
            grown = grown & ~pruned  # pruning comes last and looks at absent edges too (quirk 6)
        return torch.where(absent, grown.to(self.dtype), g.mask * ~pruned)  # (8)

    def activate(self, g: _Graph, observation: Tensor) -> _Graph:
        """a <- tanh(W a + b) for `rnn_iters` steps with the inputs clamped."""
        a = g.activation if self.config.recurrent else torch.zeros_like(g.activation)
        bias = g.nodes[:, 0] if self.config.bias else 0.0
        sequence = []
        for _ in range(self.config.rnn_iters):
            a = torch.cat([observation, a[self.layout.n_inputs :]])
            sequence.append(a)
            a = torch.tanh(g.edges[0] @ a + bias)  # (9)
        return g._replace(activation=a, history=torch.stack([*sequence, a], 1))

    def identity(self, g: _Graph) -> Tensor:
        """The evolved identity of input and output nodes, zero elsewhere, (N, F)."""
        vectors = torch.zeros_like(g.nodes)
        if "identity" in g.genes:
            vectors[: self.layout.n_inputs] = g.genes["identity"][: self.layout.n_inputs]
            vectors[self.config.nodes - self.layout.n_outputs :] = g.genes["identity"][self.layout.n_inputs :]
        return vectors

    def matrix(self, values: Tensor) -> Tensor:
        """Values of pairs (pairs, C) as matrices (C, post, pre)."""
        n = self.config.nodes
        return values.T.reshape(-1, n, n).transpose(1, 2)

    # -- the engine contract ------------------------------------------------------------------------------

    def empty(self, genomes: NDArray[np.floating], keys: NDArray[np.uint64]) -> _Population:
        """A population without bodies, from genomes ``(P, D)`` and noise keys ``(P,)``."""
        graphs = []
        nobody = dict.fromkeys(Body._fields, torch.empty(0, dtype=self.dtype))
        for genome in torch.tensor(np.asarray(genomes), dtype=self.dtype):
            genes = {k: genome[part].reshape(self.layout.shapes[k]) for k, part in self.layout.slices.items()}
            graphs.append(_Graph(genes, **nobody))
        noise = object.__new__(LaneStreams)
        noise.state = np.array(keys, dtype=np.uint64)
        return _Population(graphs, noise, np.zeros(len(graphs), np.int64), Held.nothing(len(graphs)))

    def place(self, state: _Population, rows: slice | NDArray[np.integer], body: Body) -> None:
        """Give the individuals in `rows` these bodies, or all of them the only one, in place."""
        chosen = np.arange(len(state.graphs))[rows]
        for k, row in enumerate(chosen):
            k = k if len(body.nodes) > 1 else 0
            parts = {name: torch.tensor(part[k], dtype=self.dtype) for name, part in body._asdict().items()}
            state.graphs[row] = state.graphs[row]._replace(**parts)

    def birth(self, genomes: NDArray[np.floating], body: Body, keys: NDArray[np.uint64]) -> _Population:
        """A population from genomes ``(P, D)``, bodies and noise keys ``(P,)``."""
        state = self.empty(genomes, keys)
        self.place(state, slice(None), body)
        return state

    @torch.no_grad()
    def step(
        self,
        state: _Population,
        observation: NDArray[np.floating],
        reward: NDArray[np.floating],
        active: NDArray[np.bool_] | None = None,
        update: NDArray[np.bool_] | None = None,
    ) -> tuple[NDArray[np.floating], _Population]:
        """One step of every active individual; see `ontogym.agents.base.Agent.step`."""
        n, motor = self.config.nodes, []
        live = np.ones(len(state.graphs), np.bool_) if active is None else active
        change = live if update is None else live & update
        u = torch.zeros(len(live), 2, n, n, dtype=torch.float64)
        if self.config.decisions == "stochastic":
            u[torch.as_tensor(change)] = torch.as_tensor(state.noise.uniform((2, n, n), change))
        wiring, keeps = state.held.rewires(self.config.rewire_every), state.held.keeps_weights()
        for row, g in enumerate(state.graphs):
            if live[row]:
                if change[row]:
                    told = torch.as_tensor(float(reward[row]) * self.config.reward_scale, dtype=self.dtype)
                    rewires = wiring is None or bool(wiring[row])
                    new = self.update(g, told, u[row], rewires, keeps is not None and bool(keeps[row]))
                    state.held.updates[row] += 1
                    state.changed[row] = int((new.mask != g.mask).sum())
                    g = new
                state.graphs[row] = g = self.activate(g, torch.as_tensor(observation[row], dtype=self.dtype))
            outputs = g.activation[n - self.layout.n_outputs :]
            motor.append(outputs if live[row] else torch.zeros_like(outputs))
        return torch.stack(motor).numpy(), state

    def rest(self, state: _Population) -> _Population:
        """Forget the activity (after development), keep the network."""
        graphs = [g._replace(activation=torch.zeros_like(g.activation)) for g in state.graphs]
        return state._replace(graphs=graphs)

    def body(self, state: _Population, rows: slice | NDArray[np.integer] = slice(None)) -> Body:
        """The networks as they are, engine-independent."""
        chosen = [state.graphs[k] for k in np.arange(len(state.graphs))[rows]]
        return Body(*(np.stack([getattr(g, name).numpy() for g in chosen]) for name in Body._fields))

    def changed(self, state: _Population) -> NDArray[np.int64]:
        """How many edges came or went in each network's last update, ``(P,)``."""
        return state.changed

    def wired(self, state: _Population) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """How many edges each network has, and how many of them conduct, ``(P,)`` each."""
        body = self.body(state)
        conducting = (np.abs(body.edges[:, 0]) * body.mask > CONDUCTS).sum((1, 2))
        return body.mask.sum((1, 2)), conducting

    def copy(self, state: _Population) -> _Population:
        """A state that later steps leave alone (graphs themselves are never written to)."""
        return _Population(list(state.graphs), state.noise.copy(), state.changed.copy(), state.held.copy())


def _split(genes: Tensor, *shapes: tuple[int, ...]) -> list[Any]:
    """Flat parameters as arrays of these shapes."""
    parts = genes.split([math.prod(shape) for shape in shapes])
    return [part.reshape(shape) for part, shape in zip(parts, shapes)]
