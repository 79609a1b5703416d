"""The LNDP's anatomy: its options, the layout of its genome, the state of its body.

Nothing here moves: the engines (`graph_transformer`, `torch_engine`, `numba_engine`) all start from the same
`Body`, so that one genome and one seed are one individual whatever computes it.
Source: Plantec, Pedersen, Montero, Nisioti & Risi 2024, arXiv 2406.09787, and its released code.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.agents.base import changed_options
from ontogym.agents.feedback import check_hears
from ontogym.developmental.lndp_parameters import (
    Arrays,
    count,
    edge_gru,
    edge_gru_pairwise,
    structural_mlp,
)
from ontogym.developmental.spontaneous.base import check_development, make_source
from ontogym.errors import OntogymError, UnknownNameError
from ontogym.seeding import generator

__all__ = ["BUILT_IN", "Body", "GenomeLayout", "LNDPConfig", "allowed_edges", "usual_nodes"]

_SIZES = (
    "nodes",
    "node_features",
    "edge_features",
    "heads",
    "query_features",
    "value_features",
    "rnn_iters",
    "rewire_every",
)
_CHOICES = {
    "births": ("own", "one"),
    "start": ("random", "empty"),
    "decisions": ("threshold", "stochastic"),
    "initialisation": ("zero", "fan-in"),
    "compat": ("corrected", "released"),
}
_MOST_NODES, _HIDDEN = 1024, 16
BUILT_IN = {
    "synaptic": ("lndp-edge-gru", "lndp-edge-gru-pairwise"),
    "pruning": ("lndp-pruning",),
    "synaptogenesis": ("lndp-synaptogenesis",),
}
"""The LNDP's own rules of each slot, the paper's first."""


@dataclass(frozen=True)
class LNDPConfig:
    """Everything that makes one kind of LNDP.

    Attributes:
        nodes: N, inputs first, outputs last, hidden nodes between. If not given, 32, and where inputs and outputs take all
            of those, 16 more than these.
        node_features: F, size of a node's state.
        edge_features: S, size of an edge's state; its first number is the weight.
        heads: attention heads of the graph transformer.
        query_features: size of its queries and keys, per head.
        value_features: size of its values, per head.
        rnn_iters: activation updates per environment step, inputs clamped.
        density: probability of each allowed edge at birth.
        density_sd: how far that probability itself is drawn around its mean, for each life.
        birth_spread: node states and edge features of newborns are uniform within plus and minus this (a departure below 1:
            newborns are more alike, so that fewer of them fail).
        births: every life draws a newborn of its "own", or all begin with "one" newborn, drawn once and for all (a departure:
            hidden nodes then differ from each other, and each is the same in every life).
        start: "random" wiring at birth, or "empty".
        decisions: structural changes where a probability exceeds `threshold`, or "stochastic" (p / 2).
        threshold: probability above which a thresholded structural decision falls.
        synaptic_plasticity: whether the synaptic rule runs; without it an edge keeps the features it has at
            birth, and an edge that appears has those that were drawn for its place at birth.
        structural_plasticity: whether edges come and go.
        graph_transformer: without it, a node's GRU reads its own features only.
        recurrent: activity is kept between environment steps.
        bias: the first number of a node's state biases its activation (released code's `use_bias`).
        io_identity: each input and output node carries a small evolved identity vector, added to its state
            wherever that feeds the graph transformer, the edge GRU and synaptogenesis. A departure from the
            paper: without it all inputs look alike at birth, so which one is which must be found anew in
            each life.
        growth_bias: the search starts with synaptogenesis favoured and pruning discouraged by this logit.
        reward_scale: factor on the reward before the network hears it.
        scale_observations: bounded observations are divided by their largest magnitude, so that none of them
            saturates the network (a departure; the paper feeds raw observations).
        initialisation: the search starts at "zero" (released code), or at a conventional draw, uniform within
            1 / sqrt("fan-in").
        compat: "corrected", or "released" to reproduce every decision of the authors' code.
        synaptic_rule: key of the rule that changes edges (see ``ontogym rules``); an empty name means none.
        pruning_rule: key of the rule that removes edges; an empty name means none.
        synaptogenesis_rule: key of the rule that adds edges; an empty name means none.
        structural_rule: key of one rule that both adds and removes edges, in place of those two.
        weight_decay: share of its weight that an edge loses at every update, after the synaptic rule (a departure: without
            it a tanh that keeps what it has drives weights to -1 and 1).
        rewire_every: edges come and go only at every so many updates of a network (1: at each).
        hears: feedback that has input nodes of its own, after the observation's: action (what it did last), reward,
            start (first step of an episode), terminated. The synaptic rule is told the reward in any case.
        development: source of spontaneous activity that newborns develop on before any experience.
        development_steps: for how many steps.
        development_options: the source's own options, as KEY=VALUE ... (in Python also a dictionary).
    """

    nodes: int = 32
    node_features: int = 8
    edge_features: int = 4
    heads: int = 3
    query_features: int = 4
    value_features: int = 8
    rnn_iters: int = 3
    density: float = 0.1
    density_sd: float = 1e-4
    birth_spread: float = 1.0
    births: Literal["own", "one"] = "own"
    start: Literal["random", "empty"] = "random"
    decisions: Literal["threshold", "stochastic"] = "threshold"
    threshold: float = 0.6
    synaptic_plasticity: bool = True
    structural_plasticity: bool = True
    graph_transformer: bool = True
    recurrent: bool = False
    bias: bool = False
    io_identity: bool = False
    growth_bias: float = 0.0
    reward_scale: float = 1.0
    scale_observations: bool = False
    initialisation: Literal["zero", "fan-in"] = "zero"
    compat: Literal["corrected", "released"] = "corrected"
    synaptic_rule: str = "lndp-edge-gru"
    pruning_rule: str = "lndp-pruning"
    synaptogenesis_rule: str = "lndp-synaptogenesis"
    structural_rule: str = ""
    weight_decay: float = 0.0
    rewire_every: int = 1
    hears: tuple[str, ...] = ()
    development: str = ""
    development_steps: int = 0
    development_options: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise UnknownNameError(f"LNDP {name}", str(getattr(self, name)), choices)
        for name in _SIZES:
            size = getattr(self, name)
            _require(isinstance(size, (int, np.integer)), f"{name} is a whole number, not {size!r}.")
            _require(size >= 1, f"{name} must be at least 1, not {size}.")
        # Limits keep a file from a stranger from asking for more memory than there is.
        for name, most in (("nodes", _MOST_NODES), ("rnn_iters", 64), ("development_steps", 100_000)):
            _require(getattr(self, name) <= most, f"{name} is {getattr(self, name)}; the most is {most}.")
        for name in ("node_features", "edge_features", "heads", "query_features", "value_features"):
            _require(getattr(self, name) <= 64, f"{name} is {getattr(self, name)}; the most is 64.")
        _require(0 <= self.density <= 1, f"density is a probability, not {self.density}; choose 0 to 1.")
        _require(0 < self.threshold < 1, f"threshold is a probability, not {self.threshold}; choose 0 to 1.")
        _require(
            0 <= self.weight_decay < 1,
            f"weight_decay is a share, not {self.weight_decay}; choose 0 to below 1.",
        )
        _require(self.density_sd >= 0, f"density_sd must not be negative, not {self.density_sd}.")
        _require(
            0 < self.birth_spread <= 1,
            f"birth_spread is {self.birth_spread}; choose a number above 0 (with 0 hidden nodes would stay alike), up to 1.",
        )
        _require(
            self.development_steps >= 0, f"development_steps must not be negative: {self.development_steps}."
        )
        object.__setattr__(self, "hears", check_hears(self.hears))
        asked = (self.development, self.development_steps, self.development_options)
        object.__setattr__(self, "development_options", check_development("LNDP", *asked))
        for name in ("growth_bias", "reward_scale"):
            _require(bool(np.isfinite(getattr(self, name))), f"{name} must be finite.")

    @property
    def history(self) -> int:
        """K, how many activations of each step a node remembers: the clamped ones and the last."""
        return self.rnn_iters + 1

    @property
    def released(self) -> bool:
        return self.compat == "released"

    def as_dict(self) -> dict[str, Any]:
        """The options that differ from the defaults, JSON-able."""
        return changed_options(self)


def usual_nodes(n_inputs: int, n_outputs: int) -> int:
    """N where none is given: the paper's 32, or, where that leaves no hidden node, inputs, outputs and 16 more.

    Raises:
        OntogymError: there would be more nodes than a network may have.
    """
    usual = LNDPConfig.nodes
    if usual > n_inputs + n_outputs:
        return usual
    needed = n_inputs + n_outputs + _HIDDEN
    _require(
        needed <= _MOST_NODES,
        f"{n_inputs} inputs and {n_outputs} outputs are more than a network of {_MOST_NODES} nodes has; put a feature "
        "extractor in front, such as --features random-projection.",
    )
    return needed


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise OntogymError(f"LNDP: {message}")


class GenomeLayout:
    """Where each learned array lies in the genome.

    The order, row-major within each array, is the released code's: graph transformer, perception, node GRU,
    then the rules' parameters (edge GRU, pruning, synaptogenesis), then the departures (identity, OU).

    Args:
        config: options.
        n_inputs, n_outputs: sensory and motor nodes.
        n_seen: how many of the inputs are the observation's, which alone spontaneous activity drives; all if not given.

    Attributes:
        shapes: name to shape, in order. slices: name to slice of the genome. size: D.
    """

    def __init__(self, config: LNDPConfig, n_inputs: int, n_outputs: int, n_seen: int | None = None) -> None:
        self.config, self.n_inputs, self.n_outputs = config, n_inputs, n_outputs
        self.n_seen = n_inputs if n_seen is None else n_seen
        _require(
            config.nodes > n_inputs + n_outputs,
            f"{config.nodes} nodes leave no hidden node beside {n_inputs} inputs and {n_outputs} outputs; "
            f"set nodes to at least {n_inputs + n_outputs + 1}.",
        )
        c = config
        f, heads = c.node_features, c.heads
        shapes: dict[str, tuple[int, ...]] = {}
        if c.graph_transformer:
            shapes |= {
                "query": (c.query_features * heads, f),
                "key": (c.query_features * heads, f),
                "value": (c.value_features * heads, f),
                "output.weight": (f, c.value_features * heads),
                "output.bias": (f,),
                "edge.weight": (heads, c.edge_features + 3),
                "edge.bias": (heads,),
            }
        shapes |= {"perception.weight": (f, 5 + c.history + f), "perception.bias": (f,)}
        shapes |= {"gru.ih": (3 * f, f), "gru.hh": (3 * f, f), "gru.bias": (3 * f,), "gru.bias_n": (f,)}
        for slot in self.rule_names:
            shapes[slot] = (self._rule_size(slot),)
        if c.io_identity:
            shapes["identity"] = (n_inputs + n_outputs, f)
        source = make_source(c.development, c.development_options) if c.development else None
        if source is not None and source.n_params(self.n_seen):
            shapes["development"] = (source.n_params(self.n_seen),)
        self.shapes = shapes
        self.slices: dict[str, slice] = {}
        at = 0
        for name, shape in shapes.items():
            self.slices[name] = slice(at, at := at + int(np.prod(shape)))
        self.size = at

    @property
    def rule_names(self) -> dict[str, str]:
        """Slot ("synaptic", "pruning", "synaptogenesis", or "structural" for the last two) to name of its rule;
        slots that are switched off are absent."""
        c = self.config
        names = {"synaptic": c.synaptic_rule if c.synaptic_plasticity else ""}
        if c.structural_plasticity and c.structural_rule:
            names |= {"structural": c.structural_rule}
        elif c.structural_plasticity:
            names |= {"pruning": c.pruning_rule, "synaptogenesis": c.synaptogenesis_rule}
        return {slot: name for slot, name in names.items() if name}

    @cached_property
    def rules(self) -> dict[str, Any]:
        """Slot to rule. Needs torch; whoever knows the built-in rules by heart does without it."""
        from ontogym.developmental.rules.building import build_rule

        c = self.config
        options = {"node_features": c.node_features, "edge_features": c.edge_features, "history": c.history}
        rules = {}
        for slot, name in self.rule_names.items():
            lean = c.growth_bias and slot in ("pruning", "synaptogenesis")
            kind = "synaptic" if slot == "synaptic" else "structural"
            more = {"growth_bias": c.growth_bias} if lean else {}
            rules[slot] = build_rule(name, kind, f"LNDP: the {slot} rule", options | more)
        return rules

    def _arrays(self, slot: str) -> Arrays | None:
        """The parameter arrays of a slot's rule; None if it does not name them."""
        c = self.config
        if self.rule_names.get(slot) not in BUILT_IN.get(slot, ()):
            return getattr(self.rules[slot], "layout", None)
        if slot == "synaptic":
            arrays = edge_gru_pairwise if c.synaptic_rule != BUILT_IN[slot][0] else edge_gru
            return arrays(c.node_features, c.edge_features, c.history)
        return structural_mlp(c.edge_features if slot == "pruning" else 2 * c.node_features)

    def _rule_size(self, slot: str) -> int:
        if self.rule_names[slot] in BUILT_IN.get(slot, ()):
            return count(self._arrays(slot) or {})
        return int(self.rules[slot].size(self.config.nodes))

    def _rule_start(self, slot: str) -> NDArray[np.float64]:
        """Where a search starts for a slot's parameters."""
        if self.rule_names[slot] not in BUILT_IN.get(slot, ()):
            return np.asarray(self.rules[slot].start(self.config.nodes).numpy())
        start = np.zeros(self._rule_size(slot))
        # The last number is the logit's bias.
        start[-1] = {"pruning": -1.0, "synaptogenesis": 1.0}.get(slot, 0.0) * self.config.growth_bias
        return start

    def initial(self) -> NDArray[np.float64]:
        """The mean a search starts from, ``(D,)``."""
        genome = np.zeros(self.size)
        for slot in self.rule_names:
            genome[self.slices[slot]] = self._rule_start(slot)
        if self.config.initialisation == "fan-in":
            genome += self._fan_in_draw()
        if "development" in self.slices:
            source = make_source(self.config.development, self.config.development_options)
            genome[self.slices["development"]] = source.initial_params(self.n_seen)
        return genome

    def _fan_in_draw(self) -> NDArray[np.float64]:
        """Uniform in +-1 / sqrt(fan-in), always the same draw; a bias has the fan-in of the matrix before it.

        A rule that names its parameter tensors (``layout``) is drawn likewise; another keeps its own start.
        """
        rng = generator(0, "lndp", "initialisation")
        parts, fan_in = [], 1
        for name, shape in self.shapes.items():
            arrays = self._arrays(name) if name in self.rule_names else {name: shape}
            for inner in (arrays or {}).values():
                fan_in = inner[-1] if len(inner) > 1 else fan_in
                parts.append(rng.uniform(-1, 1, math.prod(inner)) / math.sqrt(fan_in))
            if not arrays:
                parts.append(np.zeros(math.prod(shape)))
        return np.concatenate(parts)


class Body(NamedTuple):
    """Networks at one moment, engine-independent; matrices are (post, pre).

    Shapes: ``nodes`` (P, N, F); ``edges`` (P, S, N, N), the first feature being the weight; ``mask``
    (P, N, N) of 0 and 1; ``history`` (P, N, K); ``activation`` (P, N); ``innate`` (P, S, N, N), the features
    drawn at birth for every place where an edge may be.
    """

    nodes: NDArray[np.floating]
    edges: NDArray[np.floating]
    mask: NDArray[np.floating]
    history: NDArray[np.floating]
    activation: NDArray[np.floating]
    innate: NDArray[np.floating]


def allowed_edges(config: LNDPConfig, n_inputs: int, n_outputs: int) -> NDArray[np.float64]:
    """Where edges may be, ``(N, N)`` (post, pre): input→hidden, hidden→hidden (no loops), hidden→output."""
    n = config.nodes
    hidden = slice(n_inputs, n - n_outputs)
    allowed = np.zeros((n, n))
    allowed[hidden, :n_inputs] = 1
    allowed[hidden, hidden] = 1
    allowed[n - n_outputs :, hidden] = 1
    np.fill_diagonal(allowed, 0)
    return allowed
