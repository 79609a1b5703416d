"""Random situations to put a plasticity rule in, and ways to alter them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ontogym.developmental.rules.base import (
    PlasticityRule,
    RuleContext,
    RuleOutput,
    RuleState,
    apply_rule,
)

__all__ = ["NODE_AXES", "Lab", "Trial", "draw_context", "draw_trial", "expected_shapes", "outputs", "relabel"]

NODE_AXES: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(("weights", "mask", "allowed", "dw", "p_add", "p_prune"), (1, 2)),
    **dict.fromkeys(("edges", "u", "state.edge"), (2, 3)),
    **dict.fromkeys(("pre", "post", "dphi", "signal", "nodes", "history"), (1,)),
    "state.node": (2,),
    "reward": (),
}
"""Which axes of each tensor count nodes; (post, pre) where there are two."""


@dataclass(frozen=True)
class Trial:
    """A rule with everything that its `step` takes."""

    rule: PlasticityRule
    params: Tensor
    state: RuleState
    context: RuleContext

    def run(self) -> dict[str, Tensor]:
        """What `step` returns for copies of the inputs, as a flat table; absent outputs are left out."""
        copy = self.map(lambda _, tensor: tensor.clone())
        with torch.no_grad():
            return outputs(*self.rule.step(copy.params, copy.state, copy.context))

    def apply(self) -> tuple[Tensor, Tensor, Tensor, RuleState]:
        """`apply_rule` on copies of the inputs: edges, weights, mask, state."""
        copy = self.map(lambda _, tensor: tensor.clone())
        with torch.no_grad():
            return apply_rule(self.rule, copy.params, copy.state, copy.context)

    def advance(self, context: RuleContext) -> Trial:
        """The next step of a life: what the rule made, seen with the activity of `context`."""
        edges, weights, mask, state = self.apply()
        seen = context._replace(weights=weights, edges=edges, mask=mask, allowed=self.context.allowed)
        return replace(self, state=state, context=seen)

    def tensors(self) -> dict[str, Tensor]:
        """Every input, by name."""
        state = {f"state.{name}": value for name, value in self.state._asdict().items()}
        return {"params": self.params, **state, **self.context._asdict()}

    def map(self, function: Callable[[str, Tensor], Tensor]) -> Trial:
        """The trial with ``function(name, tensor)`` in place of every tensor."""
        new = {name: function(name, tensor) for name, tensor in self.tensors().items()}
        state = RuleState(*(new[f"state.{name}"] for name in RuleState._fields))
        context = RuleContext(*(new[name] for name in RuleContext._fields))
        return replace(self, params=new["params"], state=state, context=context)

    def rows(self, index: Tensor) -> Trial:
        """Only these members of the population."""
        return self.map(lambda _, tensor: tensor[index])

    def relabelled(self, order: Tensor) -> Trial:
        """The same networks with their nodes in another order."""
        moved = self.map(lambda name, tensor: relabel(name, tensor, order))
        if not self.rule.edge_params:
            return moved
        shared, own = self.params.tensor_split([self.rule.n_params], 1)
        own = own.reshape(-1, self.rule.edge_params, len(order), len(order))
        own = own.index_select(2, order).index_select(3, order).flatten(1)
        return replace(moved, params=torch.cat([shared, own], 1))

    def seen_with(self, **fields: Tensor) -> Trial:
        """The trial with other tensors in its context."""
        return replace(self, context=self.context._replace(**fields))


def relabel(name: str, tensor: Tensor, order: Tensor) -> Tensor:
    """One named tensor with its nodes in another order."""
    for axis in NODE_AXES.get(name, ()):
        tensor = tensor.index_select(axis, order)
    return tensor


def outputs(output: RuleOutput, state: RuleState) -> dict[str, Tensor]:
    """What a rule returned, as a flat table without the absent."""
    table = {name: value for name, value in output._asdict().items() if value is not None}
    return table | {"state.edge": state.edge, "state.node": state.node}


def expected_shapes(rule: PlasticityRule, population: int, nodes: int) -> dict[str, tuple[int, ...]]:
    """The shape that each output of `rule` must have."""
    edge = (population, nodes, nodes)
    return {
        **dict.fromkeys(("dw", "weights", "p_add", "p_prune", "mask"), edge),
        "edges": (population, rule.edge_features, nodes, nodes),
        "state.edge": (population, rule.edge_state, nodes, nodes),
        "state.node": (population, rule.node_state, nodes),
    }


def draw_context(
    rule: PlasticityRule,
    population: int,
    nodes: int,
    generator: torch.Generator,
    dtype: torch.dtype = torch.float64,
    scale: float = 1.0,
) -> RuleContext:
    """A random context: half of the allowed edges present, activity within [-scale, scale]."""

    def normal(*shape: int) -> Tensor:
        return torch.randn(population, *shape, generator=generator, dtype=torch.float64)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(population, *shape, generator=generator, dtype=torch.float64)

    allowed = (uniform(nodes, nodes) < 0.8).double()
    mask = allowed * (uniform(nodes, nodes) < 0.6).double()
    edges = normal(rule.edge_features, nodes, nodes) * mask[:, None]
    context = RuleContext(
        weights=edges[:, 0],
        mask=mask,
        allowed=allowed,
        edges=edges,
        pre=scale * torch.tanh(normal(nodes)),
        post=scale * torch.tanh(normal(nodes)),
        dphi=uniform(nodes),
        signal=scale * normal(nodes),
        reward=scale * normal(1),
        nodes=scale * torch.tanh(normal(nodes, rule.node_features)),
        history=scale * torch.tanh(normal(nodes, rule.history)),
        u=uniform(2, nodes, nodes),
    )
    return RuleContext(*(tensor.to(dtype) for tensor in context))


def draw_trial(
    rule: PlasticityRule,
    population: int,
    nodes: int,
    generator: torch.Generator,
    dtype: torch.dtype = torch.float64,
) -> Trial:
    """A trial with parameters scattered about the rule's initial ones and the state of a newborn."""
    noise = torch.randn(population, rule.size(nodes), generator=generator, dtype=torch.float64)
    params = (rule.start(nodes).double() + 0.5 * noise).to(dtype)
    context = draw_context(rule, population, nodes, generator, dtype)
    return Trial(rule, params, rule.init_state(population, nodes, dtype), context)


@dataclass(frozen=True)
class Lab:
    """One rule under test, with the sizes to test it at and a warm trial (a few steps into life)."""

    rule: PlasticityRule
    factory: Callable[..., PlasticityRule] | None
    trial: Trial
    generator: torch.Generator
    population: int
    nodes: int
    steps: int

    def context(self, scale: float = 1.0) -> RuleContext:
        """A fresh random context of the lab's size."""
        return draw_context(self.rule, self.population, self.nodes, self.generator, scale=scale)
