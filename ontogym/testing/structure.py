"""Does a rule declare itself rightly, and has all that it returns the right shape and dtype, at any size?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import torch

from ontogym.developmental.rules.base import PlasticityRule, RuleOutput, RuleState, Scope
from ontogym.testing.trial import Lab, draw_trial, expected_shapes, outputs

__all__ = ["declaration", "shapes", "sizes"]

SCOPES: tuple[str, ...] = get_args(Scope)
KINDS = ("synaptic", "structural")
WEIGHTS, WIRING = frozenset({"dw", "weights", "edges"}), frozenset({"p_add", "p_prune", "mask"})


def declaration(rule: PlasticityRule, population: int, nodes: int) -> Iterator[str]:
    """What is wrong with name, scope, parameters and newborn state."""
    if not isinstance(getattr(rule, "name", None), str):
        yield "The rule has no name; set the class attribute name = 'my-rule'."
    if rule.scope not in SCOPES:
        yield f"The scope {rule.scope!r} is unknown; declare one of {', '.join(SCOPES)}."
    if rule.kind not in KINDS:
        yield f"The kind {rule.kind!r} is unknown; declare one of {', '.join(KINDS)}."
    for count, method in (("n_params", "initial_params"), ("edge_params", "initial_edge_params")):
        size = getattr(rule, count)
        if not isinstance(size, int) or size < 0:
            yield f"{count} is {size!r}; make it a whole number, 0 or more."
            return
        start = getattr(rule, method)()
        if start.shape != (size,) or not torch.isfinite(start).all():
            yield f"{method}() must be finite and of shape ({size},), not {tuple(start.shape)}."
    wanted = expected_shapes(rule, population, nodes)
    for dtype in (torch.float32, torch.float64):
        state = rule.init_state(population, nodes, dtype)
        for name, value in state._asdict().items():
            if value.shape != wanted[f"state.{name}"] or value.dtype != dtype:
                yield (
                    f"init_state gives {name} of shape {tuple(value.shape)} and {value.dtype} where "
                    f"{wanted[f'state.{name}']} and {dtype} were asked for; use the dtype it is handed and "
                    f"set {name}_state."
                )


def shapes(rule: PlasticityRule, population: int, nodes: int, generator: torch.Generator) -> Iterator[str]:
    """What is wrong with the shapes and dtypes that `step` returns, in float64 and float32."""
    wanted = expected_shapes(rule, population, nodes)
    for dtype in (torch.float64, torch.float32):
        trial = draw_trial(rule, population, nodes, generator, dtype)
        returned = rule.step(trial.params.clone(), trial.state, trial.context)
        if not (
            isinstance(returned, tuple)
            and len(returned) == 2
            and isinstance(returned[0], RuleOutput)
            and isinstance(returned[1], RuleState)
        ):
            yield "step does not return (RuleOutput, RuleState); end it with 'return RuleOutput(...), state'."
            return
        table = outputs(*returned)
        for name, value in table.items():
            if not isinstance(value, torch.Tensor):
                yield f"step returns {name} as {type(value).__name__}; return a tensor, or None for no change."
            elif value.shape != wanted[name] or value.dtype != dtype:
                yield (
                    f"step returns {name} of shape {tuple(value.shape)} and {value.dtype} where the contract wants "
                    f"{wanted[name]} and {dtype}; mind the axes (post, pre) and make no tensor of a fixed dtype."
                )
        if len(table.keys() & WEIGHTS) > 1:
            yield "step returns more than one of dw, weights and edges; return the one that is meant."
            return
        if rule.kind == "structural" and table.keys() & WEIGHTS:
            yield (
                "A structural rule returns a weight change, which an agent does not apply; declare kind = "
                "'synaptic', or return p_add, p_prune or mask alone."
            )
            return
        if rule.kind == "synaptic" and table.keys() & WIRING and not table.keys() & WEIGHTS:
            yield "The rule changes wiring alone but its kind is 'synaptic'; declare kind = 'structural'."
            return


def sizes(lab: Lab) -> Iterator[str]:
    """Whether the rule also works with other numbers of nodes, members and (given its class) features."""
    population = lab.population + 1
    cases = [(lab.rule, nodes) for nodes in (2, lab.nodes + 4)]
    if lab.factory is not None:
        cases.append((lab.factory(node_features=5, edge_features=2, history=3), lab.nodes))
    for rule, nodes in cases:
        which = f"N = {nodes} nodes of {rule.node_features} features, {rule.edge_features} edge features"
        try:
            faults = list(shapes(rule, population, nodes, lab.generator))
        except Exception as error:  # whatever the rule raises is the finding
            faults = [f"{type(error).__name__}: {error}."]
        if faults:
            yield f"The rule fails with {which}; take sizes from the tensors and the constructor ({faults[0]})"
