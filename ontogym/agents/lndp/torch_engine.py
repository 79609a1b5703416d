"""The population-batched LNDP in PyTorch: the path that every plug-in rule takes, on CPU or GPU.

The arithmetic is `graph_transformer.py`'s, written so that ``torch.compile`` fuses the whole step into a few
loops over ``(P, post, pre)``: contractions over the few features of an edge are spelled out, first layers are
projected per node. Rules come through the contract of `ontogym.developmental.rules`. Lives that have ended
are compacted away into a few fixed batch sizes, so that they cost nothing and the compiler sees few shapes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ontogym.agents.batching import bucket, compile_step, torch_device
from ontogym.agents.lndp.organism import Body, GenomeLayout, allowed_edges
from ontogym.developmental.rules.base import (
    RuleContext,
    RuleOutput,
    RuleState,
    apply_rule,
    ask_rule,
    structural_change,
    tanh,
)
from ontogym.seeding import LaneStreams

__all__ = ["Networks", "TorchEngine", "TorchState"]

CHANGING = ("nodes", "edges", "mask", "history", "activation", "changed")
"""Fields of `Networks` that a step replaces, apart from the rules' memory."""


class Networks(NamedTuple):
    """What the step computes with; matrices are (post, pre), every tensor has the population first.

    Shapes: ``genomes`` (P, D), ``nodes`` (P, N, F), ``edges`` (P, S, N, N), ``mask`` (P, N, N), ``history``
    (P, N, K), ``activation`` (P, N), ``innate`` (P, S, N, N), ``changed`` (P,); ``rules`` slot to the rule's
    own memory.
    """

    genomes: Tensor
    nodes: Tensor
    edges: Tensor
    mask: Tensor
    history: Tensor
    activation: Tensor
    innate: Tensor
    changed: Tensor
    rules: dict[str, RuleState]


class TorchState(NamedTuple):
    """A population: its networks, and one stream of noise per individual (which the compiler never sees)."""

    networks: Networks
    noise: LaneStreams


class TorchEngine:
    """Runs populations of LNDPs with any rules.

    Args:
        layout: genome layout.
        dtype: "float32" or "float64".
        device: "cpu", "cuda", ...
        compiled: fuse the step with ``torch.compile``. It takes a minute at first and needs a C++ compiler on
            the CPU; worth it for evolution, not for a few lives.

    Raises:
        OntogymError: a device that this machine does not have.
    """

    def __init__(
        self, layout: GenomeLayout, dtype: str = "float32", device: str = "cpu", compiled: bool = False
    ) -> None:
        self.layout, self.config, self.dtype = layout, layout.config, getattr(torch, dtype)
        self.device = torch_device(device)
        self.rules = layout.rules
        n = self.config.nodes
        options: dict[str, Any] = {"dtype": self.dtype, "device": self.device}
        self.allowed = torch.as_tensor(
            allowed_edges(self.config, layout.n_inputs, layout.n_outputs), **options
        )
        self.node_type = torch.zeros(n, 2, **options)
        self.node_type[: layout.n_inputs, 0] = 1
        self.node_type[n - layout.n_outputs :, 1] = 1
        self.same = torch.eye(n, **options)
        drawn = self.config.decisions == "stochastic"
        self.threshold = None if drawn else self.config.threshold
        self.noisy = drawn or any(rule.uses_noise for rule in self.rules.values())
        self._step = compile_step(self._advance) if compiled else self._advance

    # -- the equations ------------------------------------------------------------------------------------

    def _advance(
        self, state: Networks, observation: Tensor, reward: Tensor, update: Tensor | None, u: Tensor
    ) -> Networks:
        """Update (where `update` says so; None: everywhere) and act: one step of everyone in the batch."""
        new = self._update(state, reward, u)
        if update is not None:

            def choose(a: Tensor, b: Tensor) -> Tensor:
                return torch.where(update.view(-1, *[1] * (a.dim() - 1)), a, b)

            new = _merge(choose, new, state)
        return self._activate(new, observation)

    def _update(self, state: Networks, reward: Tensor, u: Tensor) -> Networks:
        g = self._genes(state.genomes)
        identity = self._identity(g, state.nodes)
        x = self._perceive(g, state, state.nodes + identity)
        nodes = _gru(x, state.nodes, g["gru.ih"], g["gru.hh"], g["gru.bias"], g["gru.bias_n"])
        context = self._context(state, nodes + identity, reward, u)
        memory, mask = dict(state.rules), state.mask
        if "synaptic" in self.rules:
            edges, _, mask, memory["synaptic"] = apply_rule(
                self.rules["synaptic"], g["synaptic"], memory["synaptic"], context, self.threshold
            )
        else:
            edges = state.innate * state.mask[:, None]
        # Structural rules see the features that the synaptic rule has just made.
        context = context._replace(edges=edges, weights=edges[:, 0])
        outputs: dict[str, RuleOutput] = {}
        for slot in ("pruning", "synaptogenesis", "structural"):
            if slot in self.rules:
                outputs[slot], memory[slot] = ask_rule(self.rules[slot], g[slot], memory[slot], context)
        mask = self._rewire(outputs, mask, u)
        changed = (mask - state.mask).abs().sum((1, 2))
        return state._replace(nodes=nodes, edges=edges, mask=mask, changed=changed, rules=memory)

    def _rewire(self, outputs: dict[str, RuleOutput], mask: Tensor, u: Tensor) -> Tensor:
        """One structural change from the wishes of both slots; of two for the same kind the later counts."""
        if not outputs:
            return mask
        merged = RuleOutput()
        for output in outputs.values():
            merged = RuleOutput(
                p_add=merged.p_add if output.p_add is None else output.p_add,
                p_prune=merged.p_prune if output.p_prune is None else output.p_prune,
                mask=merged.mask if output.mask is None else output.mask,
            )
        return structural_change(merged, mask, self.allowed, u, self.threshold, self.config.released)

    def _genes(self, genomes: Tensor) -> dict[str, Tensor]:
        return {
            k: genomes[:, part].unflatten(1, self.layout.shapes[k]) for k, part in self.layout.slices.items()
        }

    def _identity(self, g: dict[str, Tensor], nodes: Tensor) -> Tensor:
        if "identity" not in g:
            return torch.zeros_like(nodes)
        inputs, outputs = self.layout.n_inputs, self.layout.n_outputs
        hidden = nodes.new_zeros(len(nodes), self.config.nodes - inputs - outputs, nodes.shape[2])
        return torch.cat([g["identity"][:, :inputs], hidden, g["identity"][:, inputs:]], 1)

    def _perceive(self, g: dict[str, Tensor], state: Networks, seen: Tensor) -> Tensor:
        """What each node knows of the network, (P, N, F)."""
        d_in, d_out = state.mask.sum(2) / 10, state.mask.sum(1) / 10
        if self.config.released:
            degrees = torch.stack([d_out, d_in, d_out + d_in / 20], 2)  # quirk 3
        else:
            degrees = torch.stack([d_in, d_out, (d_in + d_out) / 2], 2)
        kind = self.node_type.expand(len(seen), -1, -1)
        features = torch.cat([degrees, kind, state.history, seen], 2)
        x = features @ g["perception.weight"].mT + g["perception.bias"][:, None]
        return self._attend(g, state, x) if self.config.graph_transformer else x

    def _attend(self, g: dict[str, Tensor], state: Networks, x: Tensor) -> Tensor:
        """The graph transformer; (post, pre), row c * heads + h of a projection is component c of head h."""
        heads, size = self.config.heads, self.config.query_features
        # Query, key and value lie side by side in the genome: one product projects to all three.
        part = slice(self.layout.slices["query"].start, self.layout.slices["value"].stop)
        both = state.genomes[:, part].unflatten(1, (-1, x.shape[2]))
        q, k, v = (x @ both.mT).unflatten(2, (-1, heads)).split([size, size, self.config.value_features], 2)
        pair = [*state.edges.unbind(1), state.mask, state.mask.mT]
        q = q / math.sqrt(size)
        weights = []
        for h in range(heads):
            w, b = g["edge.weight"][:, h, :, None, None], g["edge.bias"][:, h, None, None]
            score = k[:, :, None, 0, h] * q[:, None, :, 0, h]
            for c in range(1, size):
                score = score + k[:, :, None, c, h] * q[:, None, :, c, h]
            term = b + w[:, len(pair)] * self.same
            for f, feature in enumerate(pair):
                term = term + w[:, f] * feature
            weights.append(torch.softmax(score * term, 1 if self.config.released else 2))  # quirk 1
        received = torch.cat(weights, 1).unflatten(1, (heads, -1)) @ v.permute(0, 3, 1, 2)  # (P, heads, N, d)
        y = received.permute(0, 2, 3, 1).flatten(2)
        return y @ g["output.weight"].mT + g["output.bias"][:, None]

    def _context(self, state: Networks, seen: Tensor, reward: Tensor, u: Tensor) -> RuleContext:
        now = state.history[:, :, -1]
        return RuleContext(
            weights=state.edges[:, 0] * state.mask,
            mask=state.mask,
            allowed=self.allowed.expand_as(state.mask),
            edges=state.edges,
            pre=state.history[:, :, -2],
            post=now,
            dphi=1 - now**2,
            signal=torch.zeros_like(now),
            reward=reward[:, None],
            nodes=seen,
            history=state.history,
            u=u,
        )

    def _activate(self, state: Networks, observation: Tensor) -> Networks:
        """a <- tanh(W a + b) for `rnn_iters` steps with the inputs clamped."""
        a = state.activation if self.config.recurrent else torch.zeros_like(state.activation)
        weights, sequence = state.edges[:, 0], []
        for _ in range(self.config.rnn_iters):
            a = torch.cat([observation, a[:, self.layout.n_inputs :]], 1)
            sequence.append(a)
            a = (weights * a[:, None, :]).sum(2)
            a = tanh(a + state.nodes[:, :, 0] if self.config.bias else a)
        return state._replace(activation=a, history=torch.stack([*sequence, a], 2))

    # -- the engine contract ------------------------------------------------------------------------------

    def empty(self, genomes: NDArray[np.floating], keys: NDArray[np.uint64]) -> TorchState:
        """A population without bodies, from genomes ``(P, D)`` and noise keys ``(P,)``."""
        p, c = len(genomes), self.config

        def zeros(*shape: int) -> Tensor:
            return torch.zeros(p, *shape, dtype=self.dtype, device=self.device)

        networks = Networks(
            genomes=torch.tensor(np.ascontiguousarray(genomes), dtype=self.dtype, device=self.device),
            nodes=zeros(c.nodes, c.node_features),
            edges=zeros(c.edge_features, c.nodes, c.nodes),
            mask=zeros(c.nodes, c.nodes),
            history=zeros(c.nodes, c.history),
            activation=zeros(c.nodes),
            innate=zeros(c.edge_features, c.nodes, c.nodes),
            changed=zeros(),
            rules={k: r.init_state(p, c.nodes, self.dtype, self.device) for k, r in self.rules.items()},
        )
        noise = object.__new__(LaneStreams)
        noise.state = np.array(keys, dtype=np.uint64)
        return TorchState(networks, noise)

    def place(self, state: TorchState, rows: slice | NDArray[np.integer], body: Body) -> None:
        """Give the individuals in `rows` these bodies, or all of them the only one, in place."""
        index = rows if isinstance(rows, slice) else torch.as_tensor(rows, device=self.device)
        for name, part in body._asdict().items():
            own = torch.as_tensor(np.ascontiguousarray(part), dtype=self.dtype, device=self.device)
            getattr(state.networks, name)[index] = own

    def birth(self, genomes: NDArray[np.floating], body: Body, keys: NDArray[np.uint64]) -> TorchState:
        """A population from genomes ``(P, D)``, bodies and noise keys ``(P,)``."""
        state = self.empty(genomes, keys)
        self.place(state, slice(None), body)
        return state

    @torch.no_grad()
    def step(
        self,
        state: TorchState,
        observation: NDArray[np.floating],
        reward: NDArray[np.floating],
        active: NDArray[np.bool_] | None = None,
        update: NDArray[np.bool_] | None = None,
    ) -> tuple[NDArray[np.floating], TorchState]:
        """One step of every active individual; see `ontogym.agents.base.Agent.step`."""
        networks, n = state.networks, self.config.nodes
        population = len(networks.genomes)
        live = np.ones(population, np.bool_) if active is None else np.asarray(active)
        change = np.ones(population, np.bool_) if update is None else np.asarray(update)
        chosen = np.flatnonzero(live)
        motor = np.zeros((population, self.layout.n_outputs), str(self.dtype).removeprefix("torch."))
        if not chosen.size:
            return motor, state
        # Padding repeats a living row; its result is thrown away.
        rows = np.resize(chosen, bucket(len(chosen), population))
        rows[len(chosen) :] = chosen[0]

        def tensor(array: NDArray[Any]) -> Tensor:
            return torch.as_tensor(np.ascontiguousarray(array), dtype=self.dtype, device=self.device)

        u = torch.zeros(len(rows), 2, n, n, dtype=self.dtype, device=self.device)
        if self.noisy:
            drawn = np.zeros((population, 2, n, n))
            drawn[live & change] = state.noise.uniform((2, n, n), live & change)
            u = torch.as_tensor(drawn[rows], dtype=self.dtype, device=self.device)
        whole = len(chosen) == population
        index = torch.as_tensor(rows, device=self.device)
        asked = None if update is None else torch.as_tensor(change[rows], device=self.device)
        before = networks if whole else _map(lambda tensor: tensor[index], networks)
        after = self._step(
            before, tensor(observation[rows]), tensor(reward[rows] * self.config.reward_scale), asked, u
        )
        motor[chosen] = after.activation[: len(chosen), n - self.layout.n_outputs :].cpu().numpy()
        if whole:
            return motor, TorchState(after, state.noise)
        _put(networks, after, index[: len(chosen)])
        return motor, state

    def rest(self, state: TorchState) -> TorchState:
        """Forget the activity (after development), keep the network."""
        networks = state.networks
        return state._replace(networks=networks._replace(activation=torch.zeros_like(networks.activation)))

    def body(self, state: TorchState, rows: slice | NDArray[np.integer] = slice(None)) -> Body:
        """The networks as they are, engine-independent (copies)."""
        return Body(*(getattr(state.networks, k)[rows].cpu().numpy().copy() for k in Body._fields))

    def changed(self, state: TorchState) -> NDArray[np.int64]:
        """How many edges came or went in each network's last update, ``(P,)``."""
        return state.networks.changed.cpu().numpy().astype(np.int64)

    def copy(self, state: TorchState) -> TorchState:
        """A state that shares no memory with the given one."""
        return TorchState(_map(torch.clone, state.networks), state.noise.copy())


def _map(function: Callable[[Tensor], Tensor], networks: Networks) -> Networks:
    """`function` of every tensor, the rules' memories included."""
    rules = {slot: RuleState(*map(function, memory)) for slot, memory in networks.rules.items()}
    fields = {name: function(getattr(networks, name)) for name in Networks._fields if name != "rules"}
    return Networks(**fields, rules=rules)


def _merge(choose: Callable[[Tensor, Tensor], Tensor], new: Networks, old: Networks) -> Networks:
    """``choose(new, old)`` of every tensor that a step changes."""
    rules = {slot: RuleState(*map(choose, memory, old.rules[slot])) for slot, memory in new.rules.items()}
    fields = {name: choose(getattr(new, name), getattr(old, name)) for name in CHANGING}
    return old._replace(**fields, rules=rules)


def _put(networks: Networks, new: Networks, rows: Tensor) -> None:
    """Write the first rows of `new` into `networks`, in place (genomes and innate features never change)."""
    for name in CHANGING:
        getattr(networks, name)[rows] = getattr(new, name)[: len(rows)]
    for slot, memory in networks.rules.items():
        for old, fresh in zip(memory, new.rules[slot]):
            old[rows] = fresh[: len(rows)]


def _gru(x: Tensor, h: Tensor, w_ih: Tensor, w_hh: Tensor, bias: Tensor, bias_n: Tensor) -> Tensor:
    """A GRU per individual over its nodes: x, h (P, N, F); only the n gate has a hidden bias (quirk 4)."""
    ir, iz, i_n = (x @ w_ih.mT + bias[:, None]).chunk(3, 2)
    hr, hz, hn = (h @ w_hh.mT).chunk(3, 2)
    candidate = tanh(i_n + torch.sigmoid(ir + hr) * (hn + bias_n[:, None]))
    return candidate + torch.sigmoid(iz + hz) * (h - candidate)
