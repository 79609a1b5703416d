"""The plastic network's options, the layout of its genome, and how a newborn's wiring is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.agents.base import changed_options
from ontogym.agents.feedback import check_hears
from ontogym.developmental.spontaneous.base import check_development
from ontogym.errors import OntogymError, UnknownNameError
from ontogym.seeding import LaneStreams

__all__ = ["Birth", "PlasticConfig", "PlasticLayout", "allowed_edges", "draw_births"]

NODE_FEATURES = 3
"""What a rule sees of a node: its activity, whether it is an input, whether it is an output."""
_CHOICES = {
    "topology": ("feedforward", "recurrent"),
    "weights": ("evolved", "random"),
    "decisions": ("threshold", "stochastic"),
}


@dataclass(frozen=True)
class PlasticConfig:
    """Everything that makes one kind of plastic network.

    Attributes:
        hidden: number of hidden nodes.
        topology: "feedforward": input, hidden, output; or "recurrent": every hidden and output node may hear
            every other node, and activity is kept between steps.
        synaptic_rule: key of the rule that changes weights (see ``ontogym rules``); an empty name means none.
        structural_rule: key of the rule that changes wiring; an empty name means none.
        weights: at birth "evolved", or "random" in each life, so that only the rules' parameters evolve.
        bias: hidden and output nodes have an evolved bias (with evolved weights only).
        density: probability of each possible edge at birth.
        edge_features: size of an edge's state; its first number is the weight.
        rnn_iters: activation updates per environment step, inputs clamped.
        decisions: structural changes where a probability exceeds `threshold`, or "stochastic" (p / 2).
        threshold: probability above which a thresholded structural decision falls.
        reward_scale: factor on the reward before the rules hear it.
        scale_observations: bounded observations are divided by their largest magnitude.
        hears: feedback that has input nodes of its own, after the observation's: action (what it did last), reward,
            start (first step of an episode), terminated. Rules are told the reward in any case.
        development: source of spontaneous activity that newborns develop on before any experience.
        development_steps: for how many steps.
        development_options: the source's own options, as KEY=VALUE ...
    """

    hidden: int = 16
    topology: Literal["feedforward", "recurrent"] = "feedforward"
    synaptic_rule: str = "hebbian-abcd"
    structural_rule: str = ""
    weights: Literal["evolved", "random"] = "evolved"
    bias: bool = True
    density: float = 1.0
    edge_features: int = 1
    rnn_iters: int = 2
    decisions: Literal["threshold", "stochastic"] = "stochastic"
    threshold: float = 0.6
    reward_scale: float = 1.0
    scale_observations: bool = False
    hears: tuple[str, ...] = ()
    development: str = ""
    development_steps: int = 0
    development_options: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise UnknownNameError(f"plastic network's {name}", str(getattr(self, name)), choices)
        # Limits keep a file from a stranger from asking for more memory than there is.
        bounds = {"hidden": (1, 1024), "edge_features": (1, 64), "rnn_iters": (1, 64)}
        for name, (least, most) in {**bounds, "development_steps": (0, 100_000)}.items():
            size = getattr(self, name)
            _require(isinstance(size, (int, np.integer)), f"{name} is a whole number, not {size!r}.")
            _require(least <= size <= most, f"{name} is {size}; choose {least} to {most}.")
        _require(
            self.topology == "recurrent" or self.rnn_iters >= 2,
            "a feedforward network needs rnn_iters of at least 2, or nothing reaches its outputs.",
        )
        _require(0 <= self.density <= 1, f"density is a probability, not {self.density}; choose 0 to 1.")
        _require(0 < self.threshold < 1, f"threshold is a probability, not {self.threshold}; choose 0 to 1.")
        _require(bool(np.isfinite(self.reward_scale)), "reward_scale must be finite.")
        object.__setattr__(self, "hears", check_hears(self.hears))
        asked = (self.development, self.development_steps, self.development_options)
        object.__setattr__(self, "development_options", check_development("Plastic network", *asked))

    @property
    def history(self) -> int:
        """K, how many activations of each step a node remembers: the clamped ones and the last."""
        return self.rnn_iters + 1

    def as_dict(self) -> dict[str, Any]:
        """The options that differ from the defaults, JSON-able."""
        return changed_options(self)


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise OntogymError(f"Plastic network: {message}")


def allowed_edges(config: PlasticConfig, n_inputs: int, n_outputs: int) -> NDArray[np.float64]:
    """Where edges may be, ``(N, N)`` (post, pre); inputs hear nobody, and no node hears itself."""
    n = n_inputs + config.hidden + n_outputs
    allowed = np.zeros((n, n))
    if config.topology == "recurrent":
        allowed[n_inputs:] = 1
    else:
        allowed[n_inputs : n - n_outputs, :n_inputs] = 1
        allowed[n - n_outputs :, n_inputs : n - n_outputs] = 1
    np.fill_diagonal(allowed, 0)
    return allowed


class PlasticLayout:
    """Where each evolved array lies in the genome: weights, biases, rules' parameters, development.

    Args:
        config: options.
        n_inputs, n_outputs: sensory and motor nodes.
        n_seen: how many of the inputs are the observation's, which alone spontaneous activity drives; all if not given.

    Attributes:
        nodes: N. allowed: (N, N), see `allowed_edges`.
        sizes: name to how many numbers, in order. slices: name to slice of the genome. size: D.
    """

    def __init__(
        self, config: PlasticConfig, n_inputs: int, n_outputs: int, n_seen: int | None = None
    ) -> None:
        self.config, self.n_inputs, self.n_outputs = config, n_inputs, n_outputs
        self.n_seen = n_inputs if n_seen is None else n_seen
        self.nodes = n_inputs + config.hidden + n_outputs
        self.allowed = allowed_edges(config, n_inputs, n_outputs)
        sizes = {}
        if config.weights == "evolved":
            sizes["weights"] = int(self.allowed.sum())
            if config.bias:
                sizes["bias"] = self.nodes - n_inputs
        sizes |= {slot: rule.size(self.nodes) for slot, rule in self.rules.items()}
        if config.development:
            from ontogym.registry import SPONTANEOUS

            sizes["development"] = SPONTANEOUS.get(config.development)().n_params(self.n_seen)
        self.sizes = {name: size for name, size in sizes.items() if size}
        ends = np.cumsum([0, *self.sizes.values()]).tolist()
        self.slices = {name: slice(*pair) for name, *pair in zip(self.sizes, ends, ends[1:])}
        self.size = ends[-1]
        _require(
            self.size > 0, "nothing is left to evolve; give it a rule with parameters or weights='evolved'."
        )

    @cached_property
    def rules(self) -> dict[str, Any]:
        """Slot ("synaptic", "structural") to rule; empty slots are absent."""
        from ontogym.developmental.rules.building import build_rule

        c = self.config
        options = {"node_features": NODE_FEATURES, "edge_features": c.edge_features, "history": c.history}
        names = {"synaptic": c.synaptic_rule, "structural": c.structural_rule}
        return {
            slot: build_rule(name, slot, f"Plastic network: the {slot} rule", options)
            for slot, name in names.items()
            if name
        }

    def initial(self) -> NDArray[np.float64]:
        """The mean a search starts from, ``(D,)``: weights of zero, rules and development as they start."""
        genome = np.zeros(self.size)
        for slot, rule in self.rules.items():
            if slot in self.slices:
                genome[self.slices[slot]] = rule.start(self.nodes).numpy()
        if "development" in self.slices:
            from ontogym.registry import SPONTANEOUS

            source = SPONTANEOUS.get(self.config.development)()
            genome[self.slices["development"]] = source.initial_params(self.n_seen)
        return genome


class Birth(NamedTuple):
    """Newborn networks: ``weights`` (P, N, N), what an edge weighs that is there; ``mask`` (P, N, N);
    ``bias`` (P, N)."""

    weights: NDArray[np.floating]
    mask: NDArray[np.floating]
    bias: NDArray[np.floating]


def draw_births(
    layout: PlasticLayout, genomes: NDArray[np.floating], seeds: NDArray[np.integer]
) -> tuple[Birth, LaneStreams]:
    """Newborns from their genomes and seeds, and the streams from which their lives draw on.

    Random weights are normal with variance 1 over the number of edges that may lead to the node.
    """
    streams, n = LaneStreams(seeds), layout.nodes
    mask = layout.allowed * (streams.uniform((n, n)) < layout.config.density)
    weights = np.zeros((len(genomes), n, n))
    bias = np.zeros((len(genomes), n))
    if "weights" in layout.slices:
        weights[:, layout.allowed > 0] = genomes[:, layout.slices["weights"]]
    if layout.config.weights == "random":
        fan_in = np.maximum(layout.allowed.sum(1, keepdims=True), 1.0)
        weights = streams.normal((n, n)) * layout.allowed / np.sqrt(fan_in)
    if "bias" in layout.slices:
        bias[:, layout.n_inputs :] = genomes[:, layout.slices["bias"]]
    return Birth(weights, mask, bias), streams
