"""The population-batched plastic network in PyTorch: activation, rules, and nothing else.

A step is update (the rules see the last step's activity and the reward that followed it), then activation.
Lives that have ended are compacted away into a few fixed batch sizes, as in the LNDP's engine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ontogym.agents.batching import bucket, compile_step, torch_device
from ontogym.agents.plastic.config import Birth, PlasticLayout
from ontogym.developmental.rules.base import (
    RuleContext,
    RuleState,
    apply_rule,
    ask_rule,
    structural_change,
    tanh,
)
from ontogym.seeding import LaneStreams

__all__ = ["Networks", "PlasticNetworks", "PlasticState"]

CHANGING = ("edges", "mask", "history", "changed")
"""Fields of `Networks` that a step replaces, apart from the rules' memory."""


class Networks(NamedTuple):
    """What the step computes with; matrices are (post, pre), every tensor has the population first.

    Shapes: ``genomes`` (P, D), ``bias`` (P, N), ``edges`` (P, S, N, N), ``mask`` (P, N, N), ``history``
    (P, N, K) (the activations of the last step, newest last), ``changed`` (P,); ``rules`` slot to the rule's
    own memory.
    """

    genomes: Tensor
    bias: Tensor
    edges: Tensor
    mask: Tensor
    history: Tensor
    changed: Tensor
    rules: dict[str, RuleState]

    def map(self, function: Callable[[Tensor], Tensor]) -> Networks:
        """`function` of every tensor, the rules' memories included."""
        rules = {slot: RuleState(*map(function, memory)) for slot, memory in self.rules.items()}
        fields = {name: function(getattr(self, name)) for name in Networks._fields if name != "rules"}
        return Networks(**fields, rules=rules)


class PlasticState(NamedTuple):
    """A population: its networks, one stream of noise per individual (which the compiler never sees), and which slots of
    rules, "synaptic" and "structural", no longer change anything."""

    networks: Networks
    noise: LaneStreams
    held: frozenset[str] = frozenset()


class PlasticNetworks:
    """Runs populations of plastic networks.

    Args:
        layout: genome layout.
        dtype: "float32" or "float64".
        device: "cpu", "cuda", ...
        compiled: fuse the step with ``torch.compile``; it takes some seconds for each batch size and needs a
            C++ compiler on the CPU.

    Raises:
        OntogymError: a device that this machine does not have.
    """

    def __init__(self, layout: PlasticLayout, dtype: str, device: str, compiled: bool) -> None:
        self.layout, self.config, self.rules = layout, layout.config, layout.rules
        self.dtype, self.device = getattr(torch, dtype), torch_device(device)
        options: dict[str, Any] = {"dtype": self.dtype, "device": self.device}
        self.allowed = torch.as_tensor(layout.allowed, **options)
        self.kind = torch.zeros(layout.nodes, 2, **options)
        self.kind[: layout.n_inputs, 0] = 1
        self.kind[layout.nodes - layout.n_outputs :, 1] = 1
        drawn = self.config.decisions == "stochastic"
        self.threshold = None if drawn else self.config.threshold
        self.noisy = any(rule.uses_noise or (drawn and rule.stochastic) for rule in self.rules.values())
        self._step = compile_step(self.advance) if compiled else self.advance

    # -- the equations ------------------------------------------------------------------------------------

    def advance(
        self,
        networks: Networks,
        observation: Tensor,
        reward: Tensor,
        u: Tensor,
        held: frozenset[str] = frozenset(),
    ) -> Networks:
        """One step of everyone in the batch, with uniform numbers `u`: a function of its arguments."""
        return self._activate(self._update(networks, reward, u, held), observation)

    def _update(self, networks: Networks, reward: Tensor, u: Tensor, held: frozenset[str]) -> Networks:
        """What the rules, but those of slots that are held, make of the last step's activity and the reward after it."""
        slices, genomes = self.layout.slices, networks.genomes
        context, memory = self._context(networks, reward, u), dict(networks.rules)

        def params(slot: str) -> Tensor:
            return genomes[:, slices[slot]] if slot in slices else genomes[:, :0]

        edges, mask = networks.edges, networks.mask
        if "synaptic" in self.rules.keys() - held:
            edges, weights, mask, memory["synaptic"] = apply_rule(
                self.rules["synaptic"], params("synaptic"), memory["synaptic"], context, self.threshold
            )
            mask = networks.mask if "structural" in held else mask
            context = context._replace(edges=edges, weights=weights, mask=mask)
        if "structural" in self.rules.keys() - held:
            output, memory["structural"] = ask_rule(
                self.rules["structural"], params("structural"), memory["structural"], context
            )
            mask = structural_change(output, mask, self.allowed, u, self.threshold)
        # An edge that has gone takes its weight with it: should it come again, it starts at zero.
        edges = edges * mask[:, None]
        changed = (mask - networks.mask).abs().sum((1, 2))
        return networks._replace(edges=edges, mask=mask, changed=changed, rules=memory)

    def _context(self, networks: Networks, reward: Tensor, u: Tensor) -> RuleContext:
        now = networks.history[:, :, -1]
        return RuleContext(
            weights=networks.edges[:, 0],
            mask=networks.mask,
            allowed=self.allowed.expand_as(networks.mask),
            edges=networks.edges,
            pre=networks.history[:, :, -2],
            post=now,
            dphi=1 - now**2,
            signal=torch.zeros_like(now),
            reward=reward[:, None],
            nodes=torch.cat([now[:, :, None], self.kind.expand(len(now), -1, -1)], 2),
            history=networks.history,
            u=u,
        )

    def _activate(self, networks: Networks, observation: Tensor) -> Networks:
        """a <- tanh(W a + b) for `rnn_iters` steps with the inputs clamped."""
        inputs, weights = self.layout.n_inputs, networks.edges[:, 0]
        a = networks.history[:, :, -1]
        a = a if self.config.topology == "recurrent" else torch.zeros_like(a)
        a = torch.cat([observation, a[:, inputs:]], 1)
        sequence = [a]
        for _ in range(self.config.rnn_iters):
            a = tanh((weights * a[:, None, :]).sum(2) + networks.bias)
            a = torch.cat([observation, a[:, inputs:]], 1)
            sequence.append(a)
        return networks._replace(history=torch.stack(sequence, 2))

    # -- populations --------------------------------------------------------------------------------------

    def birth(self, genomes: NDArray[np.floating], born: Birth, noise: LaneStreams) -> PlasticState:
        """A population from genomes ``(P, D)``, newborn networks and streams."""

        def tensor(array: NDArray[np.floating]) -> Tensor:
            return torch.tensor(np.ascontiguousarray(array), dtype=self.dtype, device=self.device)

        p, n, s = len(genomes), self.layout.nodes, self.config.edge_features
        mask = tensor(born.mask)
        weights = tensor(born.weights) * mask
        others = torch.zeros(p, s - 1, n, n, dtype=self.dtype, device=self.device)
        networks = Networks(
            genomes=tensor(genomes),
            bias=tensor(born.bias),
            edges=torch.cat([weights[:, None], others], 1),
            mask=mask,
            history=torch.zeros(p, n, self.config.history, dtype=self.dtype, device=self.device),
            changed=torch.zeros(p, dtype=self.dtype, device=self.device),
            rules={k: r.init_state(p, n, self.dtype, self.device) for k, r in self.rules.items()},
        )
        return PlasticState(networks, noise)

    @torch.no_grad()
    def step(
        self,
        state: PlasticState,
        observation: NDArray[np.floating],
        reward: NDArray[np.floating],
        active: NDArray[np.bool_] | None = None,
    ) -> tuple[NDArray[np.floating], PlasticState]:
        """One step of every active individual; see `ontogym.agents.base.Agent.step`."""
        networks, n = state.networks, self.layout.nodes
        population = len(networks.genomes)
        chosen = np.arange(population) if active is None else np.flatnonzero(active)
        motor = np.zeros((population, self.layout.n_outputs), np.float32)
        if not chosen.size:
            return motor, state
        # Padding repeats a living row; its result is thrown away.
        rows = np.resize(chosen, bucket(len(chosen), population))
        rows[len(chosen) :] = chosen[0]

        def tensor(array: NDArray[Any]) -> Tensor:
            return torch.as_tensor(np.ascontiguousarray(array), dtype=self.dtype, device=self.device)

        if self.noisy:
            drawn = state.noise.uniform((2, n, n), chosen)
            u = tensor(drawn if len(rows) == len(chosen) else drawn[np.searchsorted(chosen, rows)])
        else:
            u = torch.zeros((), dtype=self.dtype, device=self.device).expand(len(rows), 2, n, n)
        whole = len(chosen) == population
        index = torch.as_tensor(rows, device=self.device)
        before = networks if whole else networks.map(lambda value: value[index])
        heard = (tensor(observation[rows]), tensor(reward[rows]))
        after = self.advance(before, *heard, u, state.held) if state.held else self._step(before, *heard, u)
        motor[chosen] = after.history[: len(chosen), n - self.layout.n_outputs :, -1].cpu().numpy()
        if whole:
            return motor, state._replace(networks=after)
        _put(networks, after, index[: len(chosen)])
        return motor, state


def _put(networks: Networks, new: Networks, rows: Tensor) -> None:
    """Write the first rows of `new` into `networks`, in place (genomes and biases never change)."""
    for name in CHANGING:
        getattr(networks, name)[rows] = getattr(new, name)[: len(rows)]
    for slot, memory in networks.rules.items():
        for old, fresh in zip(memory, new.rules[slot]):
            old[rows] = fresh[: len(rows)]
