"""The population-batched LNDP in PyTorch: the path that every plug-in rule takes, on CPU or GPU.

The arithmetic is `graph_transformer.py`'s, written so that ``torch.compile`` fuses the whole step into a few
loops over ``(P, post, pre)``: contractions over the few features of an edge are spelled out, first layers are
projected per node. Rules come through the contract of `ontogym.developmental.rules`. Noise is drawn where the networks
are, from the streams that `ontogym.seeding` would draw from. How ended lives are left out: `torch_networks.py`.
Equations as numbered in docs/kernel.md, for the default rules.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ontogym.agents.base import CONDUCTS
from ontogym.agents.batching import bucket, compile_step, torch_device
from ontogym.agents.lndp.freezing import Held
from ontogym.agents.lndp.organism import Body, GenomeLayout, allowed_edges
from ontogym.agents.lndp.torch_networks import Gathered, Networks, each, merge, overwrite, put, where_rows
from ontogym.agents.lndp.torch_seat import Seat
from ontogym.batched.tensors import increments, stream_tensor, uniform
from ontogym.developmental.rules.base import (
    RuleContext,
    RuleOutput,
    apply_rule,
    ask_rule,
    structural_change,
    tanh,
)

__all__ = ["Networks", "TorchEngine", "TorchState"]


class TorchState(NamedTuple):
    """A population: its networks, and what is held of them."""

    networks: Networks
    held: Held


class TorchEngine:
    """Runs populations of LNDPs with any rules.

    Args:
        layout: genome layout.
        dtype: "float32" or "float64".
        device: "cpu", "cuda", ...
        compiled: fuse the step with ``torch.compile``. It takes a minute at first and needs a C++ compiler;
            worth it for evolution, not for a few lives. On a GPU a step, compiled or not, is replayed as a CUDA graph.

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
        self._increments = increments(2 * n * n, self.device)
        self.compiled, self.graphs = compiled, True
        self.in_place = self.device.type == "cuda"
        """Whether everyone is computed where he stands (see `torch_networks`)."""
        self._step = compile_step(self.advance) if compiled else self.advance
        self._live = compile_step(self.live, any_size=True) if compiled else self.live
        self._gathered = Gathered()
        self._seat: Seat | None = None

    # -- the equations ------------------------------------------------------------------------------------

    def advance(
        self,
        state: Networks,
        observation: Tensor,
        reward: Tensor,
        update: Tensor | None = None,
        rewires: Tensor | None = None,
        keeps: Tensor | None = None,
    ) -> Networks:
        """Update (where `update` says so; None: everywhere) and act: one step of everyone in the batch.

        A function of its arguments, differentiable in all but the wiring (`benchmarks/lndp_gradients.py` goes back through
        whole lives); `observation` (P, I) and `reward` (P,) are what the networks hear, already scaled.
        """
        u, streams = self._noise(state)
        new = self._update(state, reward, u, rewires, keeps)._replace(streams=streams)
        if update is not None:
            new = merge(where_rows(update), new, state)
        return self._activate(new, observation)

    def live(
        self,
        networks: Networks,
        observation: Tensor,
        reward: Tensor,
        active: Tensor,
        update: Tensor | None = None,
        rewires: Tensor | None = None,
        keeps: Tensor | None = None,
    ) -> None:
        """One step of the rows where `active` ``(P,)``, written into `networks`; the others stay as they are."""
        new = self.advance(networks, observation, reward, update, rewires, keeps)
        overwrite(networks, merge(where_rows(active), new, networks))

    def _noise(self, state: Networks) -> tuple[Tensor, Tensor]:
        """Uniform numbers (P, 2, N, N), and the streams after them; zeros where nobody looks at them."""
        size = (2, self.config.nodes, self.config.nodes)
        if self.noisy:
            return uniform(state.streams, self._increments, size, self.dtype)
        return state.nodes.new_zeros(()).expand(len(state.nodes), *size), state.streams

    def _update(
        self, state: Networks, reward: Tensor, u: Tensor, rewires: Tensor | None, keeps: Tensor | None
    ) -> Networks:
        g = self._genes(state.genomes)
        identity = self._identity(g, state.nodes)
        x = self._perceive(g, state, state.nodes + identity)
        nodes = _gru(x, state.nodes, g["gru.ih"], g["gru.hh"], g["gru.bias"], g["gru.bias_n"])  # (4)
        context = self._context(state, nodes + identity, reward, u)
        memory, mask = dict(state.rules), state.mask
        if "synaptic" in self.rules:
            edges, _, mask, memory["synaptic"] = apply_rule(  # (5)
                self.rules["synaptic"], g["synaptic"], memory["synaptic"], context, self.threshold
            )
        else:
            edges = state.innate * state.mask[:, None]
        if self.config.weight_decay:
            edges = torch.cat([edges[:, :1] * (1 - self.config.weight_decay), edges[:, 1:]], 1)
        if keeps is not None:
            old = state.edges[:, :1] * state.mask[:, None]
            kept = torch.where(keeps[:, None, None, None] & (old != 0), old, edges[:, :1])
            edges = torch.cat([kept, edges[:, 1:]], 1)
        # Structural rules see the features that the synaptic rule has just made.
        context = context._replace(edges=edges, weights=edges[:, 0])
        outputs: dict[str, RuleOutput] = {}
        for slot in ("pruning", "synaptogenesis", "structural"):
            if slot in self.rules:
                # (6), (7)
                outputs[slot], memory[slot] = ask_rule(self.rules[slot], g[slot], memory[slot], context)
        mask = self._rewire(outputs, mask, u)
        if rewires is not None:
            mask = torch.where(rewires[:, None, None], mask, state.mask)
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
        return structural_change(merged, mask, self.allowed, u, self.threshold, self.config.released)  # (8)

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
        x = features @ g["perception.weight"].mT + g["perception.bias"][:, None]  # (1)
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
            score = k[:, :, None, 0, h] * q[:, None, :, 0, h]  # (2)
            for c in range(1, size):
                score = score + k[:, :, None, c, h] * q[:, None, :, c, h]  # (2)
            term = b + w[:, len(pair)] * self.same  # (2)
            for f, feature in enumerate(pair):
                term = term + w[:, f] * feature  # (2)
            weights.append(torch.softmax(score * term, 1 if self.config.released else 2))  # (3), quirk 1
        # (3): (P, heads, N, d)
        received = torch.cat(weights, 1).unflatten(1, (heads, -1)) @ v.permute(0, 3, 1, 2)
        y = received.permute(0, 2, 3, 1).flatten(2)
        out: Tensor = y @ g["output.weight"].mT + g["output.bias"][:, None]  # (3)
        return out

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
            a = (weights * a[:, None, :]).sum(2)  # (9)
            a = tanh(a + state.nodes[:, :, 0] if self.config.bias else a)  # (9)
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
            streams=stream_tensor(keys, self.device),
            rules={k: r.init_state(p, c.nodes, self.dtype, self.device) for k, r in self.rules.items()},
        )
        return TorchState(networks, Held.nothing(p))

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
        networks = state.networks
        population = len(networks.genomes)
        live = np.ones(population, np.bool_) if active is None else np.asarray(active)
        told = np.asarray(reward) * self.config.reward_scale
        motor = np.zeros((population, self.layout.n_outputs), str(self.dtype).removeprefix("torch."))
        if not live.any():
            return motor, state
        said = (
            None if update is None else np.asarray(update),
            state.held.rewires(self.config.rewire_every),
            state.held.keeps_weights(),
        )
        if self.in_place:
            acted = self._step_in_place(networks, np.asarray(observation), told, live, said)
            motor[live] = acted[live]
        else:
            state = self._step_gathered(state, observation, told, live, said, motor)
        state.held.updates[live if update is None else live & np.asarray(update)] += 1
        return motor, state

    def _step_gathered(
        self,
        state: TorchState,
        observation: NDArray[np.floating],
        reward: NDArray[np.floating],
        live: NDArray[np.bool_],
        said: tuple[NDArray[np.bool_] | None, ...],
        motor: NDArray[np.floating],
    ) -> TorchState:
        """A step of the living, gathered into a batch of a usual size; `motor` (P, A) is written."""
        networks, population, chosen = state.networks, len(live), np.flatnonzero(live)
        # Padding repeats a living row; its result is thrown away.
        rows = np.resize(chosen, bucket(len(chosen), population))
        rows[len(chosen) :] = chosen[0]
        whole = len(chosen) == population
        index = torch.as_tensor(rows, device=self.device)
        before = networks if whole else self._gathered(networks, rows, index)
        flags = [None if part is None else torch.as_tensor(part[rows], device=self.device) for part in said]
        after = self._step(before, self._tensor(observation[rows]), self._tensor(reward[rows]), *flags)
        motor[chosen] = self.motor(after)[: len(chosen)].cpu().numpy()
        if whole:
            return state._replace(networks=after)
        put(networks, after, index[: len(chosen)])
        return state

    def _step_in_place(
        self,
        networks: Networks,
        observation: NDArray[np.floating],
        reward: NDArray[np.floating],
        live: NDArray[np.bool_],
        said: tuple[NDArray[np.bool_] | None, ...],
    ) -> NDArray[np.floating]:
        """Motor outputs (P, A) of a step of everyone where he stands."""
        if self._seat is None or not self._seat.fits(networks, said):
            self._seat = Seat(networks, self._live, observation.shape, said, self.graphs)
        self._seat.step(observation, reward, live, said)
        return np.asarray(self.motor(networks).cpu().numpy())

    def motor(self, networks: Networks) -> Tensor:
        """What the motor nodes do, (P, A)."""
        return networks.activation[:, self.config.nodes - self.layout.n_outputs :]

    def _tensor(self, array: NDArray[Any]) -> Tensor:
        return torch.as_tensor(np.ascontiguousarray(array), dtype=self.dtype, device=self.device)

    def rest(self, state: TorchState) -> TorchState:
        """Forget the activity (after development), keep the network."""
        networks = state.networks
        still = networks._replace(activation=torch.zeros_like(networks.activation))
        return state._replace(networks=still)

    def body(self, state: TorchState, rows: slice | NDArray[np.integer] = slice(None)) -> Body:
        """The networks as they are, engine-independent (copies)."""
        return Body(*(getattr(state.networks, k)[rows].cpu().numpy().copy() for k in Body._fields))

    def changed(self, state: TorchState) -> NDArray[np.int64]:
        """How many edges came or went in each network's last update, ``(P,)``."""
        return state.networks.changed.cpu().numpy().astype(np.int64)

    def wired(self, state: TorchState) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """How many edges each network has, and how many of them conduct, ``(P,)`` each."""
        masks, weights = state.networks.mask, state.networks.edges[:, 0]
        conducting = (weights.abs() * masks > CONDUCTS).sum((1, 2))
        return masks.sum((1, 2)).cpu().numpy(), conducting.cpu().numpy()

    def measure(self, state: TorchState) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """How many edges each network has, and its nodes' mean standard deviation, ``(P,)`` each, without bringing
        whole networks from the device."""
        networks = state.networks
        diversity = networks.nodes.std(1, correction=0).mean(1)
        return networks.mask.sum((1, 2)).cpu().numpy(), diversity.cpu().numpy()

    def copy(self, state: TorchState) -> TorchState:
        """A state that shares no memory with the given one."""
        return TorchState(each(torch.clone, state.networks), state.held.copy())


def _gru(x: Tensor, h: Tensor, w_ih: Tensor, w_hh: Tensor, bias: Tensor, bias_n: Tensor) -> Tensor:
    """A GRU per individual over its nodes: x, h (P, N, F); only the n gate has a hidden bias (quirk 4)."""
    ir, iz, i_n = (x @ w_ih.mT + bias[:, None]).chunk(3, 2)
    hr, hz, hn = (h @ w_hh.mT).chunk(3, 2)
    candidate = tanh(i_n + torch.sigmoid(ir + hr) * (hn + bias_n[:, None]))  # (4)
    return candidate + torch.sigmoid(iz + hz) * (h - candidate)  # (4)
