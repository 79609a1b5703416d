"""The plasticity-rule contract.

A rule is a pure function of tensors with the population axis first. It sees a frozen `RuleContext`, its own
parameters and its own state, and returns a `RuleOutput`. It never masks, clamps or draws: `apply_rule` does
that, in one place, for every rule. Axes: ``P`` population, ``N`` nodes, ``F`` node features, ``S`` edge
features, ``K`` remembered activations; ``(P, N, N)`` is (post, pre). In equations
``w_ij`` is the edge to i, the postsynaptic node, from j, the presynaptic one: i on axis 1, j on axis 2.
"""

from __future__ import annotations

import abc
from typing import ClassVar, Literal, NamedTuple

import torch
from torch import Tensor

__all__ = [
    "PlasticityRule",
    "RuleContext",
    "RuleOutput",
    "RuleState",
    "Scope",
    "apply_rule",
    "ask_rule",
    "coefficients",
    "post_pre",
    "structural_change",
    "tanh",
]

Scope = Literal["local", "global-reward", "node-state", "nonlocal"]
"""What an edge's change may depend on; each includes the ones before it.

``local``: activity of its two nodes and its slope (`dphi`), its own weight, features and state, and state
that the rule keeps at its two nodes. ``global-reward``: also the reward, which every synapse hears.
``node-state``: also its two nodes' state vectors, remembered activity and learning signal. ``nonlocal``:
anything.
"""


class RuleContext(NamedTuple):
    """What a rule may look at; the fields are never to be written to.

    Shapes: ``weights, mask, allowed`` (P, N, N), (post, pre), `mask` 1 where an edge is and `allowed` 1
    where one may be; ``edges`` (P, S, N, N), features of each edge, the first of which is its weight;
    ``pre, post, dphi, signal`` (P, N); ``reward`` (P, 1); ``nodes`` (P, N, F); ``history`` (P, N, K), the
    last K activations, newest last; ``u`` (P, 2, N, N), uniform in [0, 1), one number for adding and one
    for pruning each edge.
    """

    weights: Tensor
    mask: Tensor
    allowed: Tensor
    edges: Tensor
    pre: Tensor
    post: Tensor
    dphi: Tensor
    signal: Tensor
    reward: Tensor
    nodes: Tensor
    history: Tensor
    u: Tensor


class RuleState(NamedTuple):
    """A rule's memory: ``edge`` (P, edge_state, N, N) and ``node`` (P, node_state, N)."""

    edge: Tensor
    node: Tensor


class RuleOutput(NamedTuple):
    """What a rule asks for; None means: no change of that kind.

    Exactly one of ``dw`` (P, N, N), a weight change, ``weights`` (P, N, N), new weights, or ``edges``
    (P, S, N, N), new edge features whose first is the weight, or none of them. ``p_add`` and ``p_prune``
    (P, N, N): probabilities that an absent edge appears and that a present one goes. ``mask`` (P, N, N) of 0
    and 1: where edges are to be, from a rule that has decided itself (one that keeps their number, say); edges
    appear only where they are allowed, and the probabilities, if there are any, are drawn on top of it.
    """

    dw: Tensor | None = None
    weights: Tensor | None = None
    edges: Tensor | None = None
    p_add: Tensor | None = None
    p_prune: Tensor | None = None
    mask: Tensor | None = None


class PlasticityRule(abc.ABC):
    """A rule: data, a docstring with its equation and citation, and `step`.

    Subclass, set the class attributes, write `step`. Everything else has a default.

    Attributes:
        name: its key in the registry.
        kind: "synaptic" if it changes weights (and perhaps wiring too), "structural" if wiring alone.
        scope: what an edge's change may depend on, see `Scope`.
        stochastic: whether it returns probabilities that are drawn (then `u` decides).
        uses_noise: whether `step` itself looks at `u`; where no rule does and no probability is drawn, an
            agent may leave `u` at zero.
        edge_state, node_state: numbers of memory per edge and per node.
        edge_params: evolved numbers that every edge has of its own, beside the `n_params` that all share.
        max_weight: weights are kept in [-max_weight, max_weight].
        needs: in words, what it needs that the agents `plastic` and `lndp` do not have ("" for nothing); they warn
            that it changes nothing there.
    """

    name: ClassVar[str]
    kind: ClassVar[Literal["synaptic", "structural"]] = "synaptic"
    scope: ClassVar[Scope] = "local"
    stochastic: ClassVar[bool] = False
    uses_noise: ClassVar[bool] = False
    needs: ClassVar[str] = ""
    edge_state: int = 0
    node_state: int = 0
    edge_params: int = 0
    max_weight: float = 4.0

    def __init__(self, node_features: int = 8, edge_features: int = 4, history: int = 4) -> None:
        self.node_features, self.edge_features, self.history = node_features, edge_features, history

    @property
    @abc.abstractmethod
    def n_params(self) -> int:
        """How many evolved numbers all edges share."""

    def initial_params(self) -> Tensor:
        """Where a search starts: ``(n_params,)`` float64. Default zero."""
        return torch.zeros(self.n_params, dtype=torch.float64)

    def initial_edge_params(self) -> Tensor:
        """Where a search starts for the numbers of each edge: ``(edge_params,)`` float64. Default zero."""
        return torch.zeros(self.edge_params, dtype=torch.float64)

    def size(self, nodes: int) -> int:
        """How many evolved numbers the rule takes in a network of `nodes`: ``n_params + edge_params N^2``."""
        return self.n_params + self.edge_params * nodes**2

    def start(self, nodes: int) -> Tensor:
        """Where a search starts in a network of `nodes`: ``(size(nodes),)`` float64."""
        each = self.initial_edge_params().repeat_interleave(nodes**2)
        return torch.cat([self.initial_params(), each])

    def init_state(
        self,
        population: int,
        nodes: int,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> RuleState:
        """Memory at birth, zero by default."""
        return RuleState(
            torch.zeros(population, self.edge_state, nodes, nodes, dtype=dtype, device=device),
            torch.zeros(population, self.node_state, nodes, dtype=dtype, device=device),
        )

    @abc.abstractmethod
    def step(self, params: Tensor, state: RuleState, context: RuleContext) -> tuple[RuleOutput, RuleState]:
        """One update. Pure: writes to none of its arguments.

        `params` is ``(P, n_params)``; with `edge_params` the numbers of the edges follow, as
        ``(edge_params, N, N)`` row by row, so that it is ``(P, size(N))``.
        """


def tanh(x: Tensor) -> Tensor:
    """Hyperbolic tangent by the logistic function: to 1e-7 in float32, at 0.4 of the time when compiled."""
    return 2 * torch.sigmoid(2 * x) - 1


def coefficients(params: Tensor) -> tuple[Tensor, ...]:
    """Each of the parameters ``(P, n)`` as ``(P, 1, 1)``, to multiply ``(P, N, N)`` with."""
    return params[:, :, None, None].unbind(1)


def post_pre(context: RuleContext) -> tuple[Tensor, Tensor]:
    """Postsynaptic activity y_i as ``(P, N, 1)`` and presynaptic activity y_j as ``(P, 1, N)``."""
    return context.post[:, :, None], context.pre[:, None, :]


def structural_change(
    output: RuleOutput,
    mask: Tensor,
    allowed: Tensor,
    u: Tensor,
    threshold: float | None,
    prune_absent: bool = False,
) -> Tensor:
    """Where edges are after a rule's structural wishes: ``(P, N, N)`` of 0 and 1.

    Args:
        output: the rule's output (`p_add`, `p_prune`, `mask`).
        mask: (P, N, N) edges now. allowed: where edges may be.
        u: (P, 2, N, N) uniform noise, used if `threshold` is None.
        threshold: an edge changes where its probability exceeds this; None draws ``u < p / 2`` instead
            (LNDP, released code).
        prune_absent: whether pruning also vetoes edges that are added in the same step (the released code
            prunes after adding, looking at absent edges too).
    """

    def decide(p: Tensor, noise: Tensor) -> Tensor:
        return (p > threshold) if threshold is not None else (noise < 0.5 * p)

    new = mask
    if output.mask is not None:
        new = ((output.mask > 0) & ((allowed > 0) | (mask > 0))).to(mask.dtype)
    if output.p_prune is not None and not prune_absent:
        new = torch.where(decide(output.p_prune, u[:, 1]), 0.0, new)
    if output.p_add is not None:
        new = torch.where((mask == 0) & (allowed > 0) & decide(output.p_add, u[:, 0]), 1.0, new)
    if output.p_prune is not None and prune_absent:
        new = torch.where(decide(output.p_prune, u[:, 1]), 0.0, new)
    return new.to(mask.dtype)


def ask_rule(
    rule: PlasticityRule, params: Tensor, state: RuleState, context: RuleContext
) -> tuple[RuleOutput, RuleState]:
    """What a rule wants, and its new memory in storage of its own.

    A rule may return an expanded tensor, one number for many nodes; an engine that writes rows of it in place
    would write to all of them.
    """
    output, memory = rule.step(params, state, context)
    return output, RuleState(memory.edge.contiguous(), memory.node.contiguous())


def apply_rule(
    rule: PlasticityRule,
    params: Tensor,
    state: RuleState,
    context: RuleContext,
    threshold: float | None = None,
) -> tuple[Tensor, Tensor, Tensor, RuleState]:
    """Run one step of a rule and apply what it returns: ``(edges, weights, mask, state)``.

    The one place where masking, clamping and structural draws happen. Weights and edge features of absent
    edges are zero; a rule that returns `edges` owns their bounds and is clamped only in its weight.
    """
    output, new_state = ask_rule(rule, params, state, context)
    if output.edges is not None:
        edges = output.edges
        weights = edges[:, 0]
    else:
        edges = context.edges
        if output.weights is not None:
            weights = output.weights
        elif output.dw is not None:
            weights = context.weights + output.dw
        else:
            weights = context.weights
    weights = weights.clamp(-rule.max_weight, rule.max_weight) * context.mask
    others = (edges[:, 1:] * context.mask[:, None]).flatten(1, 2)
    # Joined in three dimensions: in four the compiler takes one channel for channels-last and strides it.
    edges = torch.cat([weights, others], 1).unflatten(1, (-1, weights.shape[1]))
    mask = structural_change(output, context.mask, context.allowed, context.u, threshold)
    return edges, weights, mask, new_state
