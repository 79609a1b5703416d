"""What a rule does in random situations: the checks behind `check_rule`, one function a promise.

Tensors are float64 unless said otherwise, so that a difference is a fault and not rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor

from ontogym.testing.structure import sizes
from ontogym.testing.trial import NODE_AXES, Lab, Trial, draw_context, outputs, relabel

__all__ = ["CHECKS"]

USUAL_STEPS = 50
"""Steps of a life under usual inputs before those under tenfold ones."""
BLOW_UP = 1e6
"""Edge features and rule state beyond this count as blown up (weights are clamped anyway)."""
FAR = 32
"""Individuals whose parameters are drawn far from where a search starts."""


def _mutation(lab: Lab) -> Iterator[str]:
    copy = lab.trial.map(lambda _, tensor: tensor.clone())
    with torch.no_grad():
        lab.rule.step(copy.params, copy.state, copy.context)
    before = lab.trial.tensors()
    written = [name for name, tensor in copy.tensors().items() if not torch.equal(tensor, before[name])]
    if written:
        yield (
            f"step writes to its inputs ({', '.join(written)}); compute new tensors instead of using in-place "
            "operations such as add_ or x[...] = y."
        )


def _determinism(lab: Lab) -> Iterator[str]:
    first = lab.trial.run()
    again = lab.trial.run()
    if moved := _differing(first, again, exact=True):
        yield (
            f"The same inputs give another {moved} the second time; draw no random numbers in step (return "
            "probabilities, and u decides)."
        )
        return
    lab.trial.seen_with(**lab.context()._asdict()).run()
    if moved := _differing(first, lab.trial.run(), exact=True):
        yield (
            f"{moved.capitalize()} depends on what the rule was asked before; keep memory in RuleState, not in "
            "attributes of the rule."
        )


def _stochastic(lab: Lab) -> Iterator[str]:
    first = lab.trial.run()
    drawn = ", ".join(sorted(first.keys() & {"p_add", "p_prune"}))
    if drawn and not lab.rule.stochastic:
        yield f"The rule returns {drawn} but declares stochastic = False; declare stochastic = True."
    if not lab.rule.uses_noise and _differing(first, lab.trial.seen_with(u=lab.context().u).run()):
        yield (
            "The rule looks at u but declares uses_noise = False, and may be given zeros; declare uses_noise = "
            "True, or return probabilities and let them be drawn."
        )


def _population(lab: Lab) -> Iterator[str]:
    together = lab.trial.run()
    groups = [[k] for k in range(lab.population)] + [list(reversed(range(lab.population)))]
    moved: set[str] = set()
    for rows in groups:
        index = torch.tensor(rows)
        expected = {name: value[index] for name, value in together.items()}
        moved |= set(filter(None, _differing(expected, lab.trial.rows(index).run()).split(", ")))
    whole = lab.rule.init_state(lab.population, lab.nodes, torch.float64)
    alone = lab.rule.init_state(1, lab.nodes, torch.float64)
    if any(not _same(a, b.expand_as(a)) for a, b in zip(whole, alone)):
        moved.add("init_state")
    if moved:
        yield (
            f"Members of the population influence each other ({', '.join(sorted(moved))} changes when a member is "
            "alone or elsewhere); reduce over no axis 0, and index nothing by position in the population."
        )


def _relabelling(lab: Lab) -> Iterator[str]:
    # A roll has no fixed point, so that every node moves, but it keeps neighbours together; a shuffle does not.
    nodes = torch.arange(lab.nodes)
    for order in (torch.roll(nodes, 1), torch.randperm(lab.nodes, generator=lab.generator), nodes.flip(0)):
        expected = {name: relabel(name, value, order) for name, value in lab.trial.run().items()}
        if moved := _differing(expected, lab.trial.relabelled(order).run()):
            yield (
                f"Renaming the nodes changes {moved}: the rule knows nodes by their index or mixes up post and "
                "pre; treat all nodes alike, with post on axis 1 and pre on axis 2 of (P, N, N)."
            )
            return


def _locality(lab: Lab) -> Iterator[str]:
    if lab.rule.scope == "nonlocal":
        return
    base, moved = lab.trial.run(), set()
    for k in range(lab.nodes):
        others = torch.tensor([n for n in range(lab.nodes) if n != k])
        altered = _with_other_node(lab, k).run()
        kept, seen = (
            {name: relabel(name, value, others) for name, value in table.items()} for table in (base, altered)
        )
        moved |= set(filter(None, _differing(kept, seen).split(", ")))
    if moved:
        yield (
            f"An edge's {', '.join(sorted(moved))} changes with a node at neither end of it, but the scope is "
            f"{lab.rule.scope!r}; drop sums and means over nodes, or declare scope = 'nonlocal'."
        )


def _own_edge(lab: Lab) -> Iterator[str]:
    """Alters every edge below the diagonal and watches those above it: two edges that share both nodes."""
    if lab.rule.scope == "nonlocal":
        return
    fresh = lab.context(scale=3.0)._asdict()
    state = lab.trial.state.edge
    fresh["state.edge"] = state + torch.randn(state.shape, generator=lab.generator, dtype=state.dtype)
    below = torch.ones(lab.nodes, lab.nodes, dtype=torch.bool).tril(-1)
    swapped = ("weights", "mask", "allowed", "edges", "u", "state.edge")
    altered = lab.trial.map(
        lambda n, tensor: torch.where(below, fresh[n], tensor) if n in swapped else tensor
    )
    above = ~below
    kept, seen = (
        {name: torch.where(above, value, 0.0) for name, value in trial.run().items() if name != "state.node"}
        for trial in (lab.trial, altered)
    )
    if moved := _differing(kept, seen):
        yield (
            f"An edge's {moved} changes with the edge in the other direction, but the scope is "
            f"{lab.rule.scope!r}; leave transposes of edges out, or declare scope = 'nonlocal'."
        )


def _with_other_node(lab: Lab, k: int) -> Trial:
    """The lab's trial with everything at node `k` replaced: its activity, states and edges."""
    fresh = lab.context(scale=3.0)._asdict()
    for name, value in lab.trial.state._asdict().items():
        noise = torch.randn(value.shape, generator=lab.generator, dtype=value.dtype)
        fresh[f"state.{name}"] = value + noise

    def swap(name: str, tensor: Tensor) -> Tensor:
        axes = NODE_AXES.get(name, ())
        if not axes:
            return tensor
        here = torch.zeros(tensor.shape, dtype=torch.bool)
        for axis in axes:
            here.index_fill_(axis, torch.tensor([k]), True)
        return torch.where(here, fresh[name], tensor)

    return lab.trial.map(swap)


def _third_factor(lab: Lab) -> Iterator[str]:
    if lab.rule.scope == "local":
        yield from _blind_to(lab, ("reward", "signal"), "a third factor", "global-reward' or 'node-state")


def _node_state(lab: Lab) -> Iterator[str]:
    if lab.rule.scope in ("local", "global-reward"):
        fields = ("nodes", "history") + (("signal",) if lab.rule.scope == "global-reward" else ())
        yield from _blind_to(lab, fields, "node state", "node-state")


def _blind_to(lab: Lab, fields: Iterable[str], what: str, scope: str) -> Iterator[str]:
    base, other = lab.trial.run(), lab.context()._asdict()
    used = [name for name in fields if _differing(base, lab.trial.seen_with(**{name: other[name]}).run())]
    if used:
        yield (
            f"The rule uses {what} ({', '.join(used)}) but its scope is {lab.rule.scope!r}; leave it out or "
            f"declare scope = '{scope}'."
        )


def _mask(lab: Lab) -> Iterator[str]:
    trial = lab.trial
    for _ in range(20):
        wanted = trial.run().get("mask")
        if wanted is not None and not _fits(wanted, trial.context.mask, trial.context.allowed):
            yield (
                "The mask that step returns has edges where none is allowed, or other numbers than 0 and 1; "
                "multiply what is added by context.allowed."
            )
            return
        edges, weights, mask, _ = trial.apply()
        absent = trial.context.mask == 0
        outside = (weights != 0) & absent | ((edges != 0) & absent[:, None]).any(1)
        forbidden = (mask != 0) & (trial.context.allowed == 0) & absent
        if outside.any() or forbidden.any():
            yield (
                "After apply_rule there are edges outside the mask; give finite numbers where no edge is (weights "
                "are 0 there: guard divisions such as 0 / 0) and never write to mask or allowed."
            )
            return
        trial = trial.advance(lab.context())


def _fits(wanted: Tensor, mask: Tensor, allowed: Tensor) -> bool:
    """Whether a mask holds 0 and 1, and 1 only where an edge is or may be."""
    return bool((((wanted == 0) | (wanted == 1)) & ((wanted == 0) | (mask > 0) | (allowed > 0))).all())


def _float32(lab: Lab) -> Iterator[str]:
    single = lab.trial.map(lambda _, tensor: tensor.float())
    low, high = single.run(), single.map(lambda _, tensor: tensor.double()).run()
    far = [
        name
        for name, value in high.items()
        # One step from equal inputs: honest rounding is near 1e-6, so 1e-3 means lost digits.
        if name not in low
        or not torch.allclose(low[name].double(), value, rtol=1e-3, atol=1e-3, equal_nan=True)
    ]
    if far:
        yield (
            f"In float32 {', '.join(far)} is far from float64; avoid differences of large numbers, and use stable "
            "forms such as softplus, logsumexp or log1p."
        )


def _long_run(lab: Lab) -> Iterator[str]:
    trial = lab.trial.map(lambda _, tensor: tensor.float())
    scenes = [
        [draw_context(lab.rule, lab.population, lab.nodes, lab.generator, torch.float32, s) for _ in range(8)]
        for s in (1.0, 10.0)
    ]
    for t in range(USUAL_STEPS + lab.steps):
        scale = int(t >= USUAL_STEPS)
        # With the same edges throughout: a rule that has pruned them all would be tested no further.
        trial = trial.advance(scenes[scale][t % 8]).seen_with(mask=lab.trial.context.mask.float())
        values = {"weights": trial.context.weights, "edges": trial.context.edges}
        values |= {"state.edge": trial.state.edge, "state.node": trial.state.node}
        bad = [name for name, value in values.items() if not (value.abs() <= BLOW_UP).all()]
        if bad:
            yield (
                f"{', '.join(bad)} blows up (non-finite or beyond {BLOW_UP:g}) after {t + 1} steps"
                f"{' under tenfold inputs' if scale else ''}; let memory decay and bound what grows."
            )
            return


def _far(lab: Lab) -> Iterator[str]:
    """Evolution tries any number: one step of newborns whose parameters are far from where a search starts, on both sides."""
    size = lab.rule.size(lab.nodes)
    noise = torch.randn(FAR, size, generator=lab.generator)
    params = lab.rule.start(lab.nodes).float() + 3.0 * noise
    context = draw_context(lab.rule, FAR, lab.nodes, lab.generator, torch.float32)
    found = outputs(*lab.rule.step(params, lab.rule.init_state(FAR, lab.nodes), context))
    bad = {}
    for name, value in found.items():
        if len(value) == FAR:
            # What stands where no edge is is another check's.
            seen = torch.where(context.mask > 0, value, 0.0) if value.shape == context.mask.shape else value
            bad[name] = int((~torch.isfinite(seen)).flatten(1).any(1).sum())
    named = [f"{name} of {count} of {FAR} individuals" for name, count in bad.items() if count]
    if named:
        yield (
            f"With parameters drawn about the first ones (SD 3) {', '.join(named)} is not finite; evolution may try any number, so keep sqrt, log "
            "and division away from what they cannot take, or pass the parameter through softplus or sigmoid."
        )


def _gradient(lab: Lab) -> Iterator[str]:
    start = lab.rule.start(lab.nodes).double().expand(lab.population, -1)
    for where, params in (("initial", start), ("random", lab.trial.params)):
        params = params.clone().requires_grad_()
        copy = lab.trial.map(lambda _, tensor: tensor.clone())
        total = sum(
            value.sum() for value in outputs(*lab.rule.step(params, copy.state, copy.context)).values()
        )
        if not (isinstance(total, Tensor) and total.requires_grad):
            continue
        (slope,) = torch.autograd.grad(total, params, allow_unused=True)
        if slope is not None and not torch.isfinite(slope).all():
            which = (~torch.isfinite(slope)).any(0).nonzero().flatten().tolist()
            yield (
                f"The gradient with respect to parameter {', '.join(map(str, which[:5]))} is not finite at {where} "
                "parameters; keep sqrt, log, norm and division away from 0, before torch.where as well as after."
            )
            return


def _unused(lab: Lab) -> Iterator[str]:
    """Moves one parameter after the other, each in a member of its own, and watches whether anything answers."""
    shared, own, nodes = lab.rule.n_params, lab.rule.edge_params, lab.nodes
    if not shared + own:
        return
    moves = torch.zeros(1 + shared + own, shared + own * nodes**2, dtype=torch.float64)
    for k in range(shared):
        moves[1 + k, k] = 1
    for k in range(own):  # that of all edges at once
        moves[1 + shared + k, shared + k * nodes**2 : shared + (k + 1) * nodes**2] = 1
    silent = set(range(1, len(moves)))
    for row in range(lab.population):
        for size in (1.0, -1.0, 3.0):
            silent -= _answers(lab, row, size * moves)
            if not silent:
                return
    names = [f"{k - 1}" if k <= shared else f"{k - 1 - shared} of each edge" for k in sorted(silent)]
    count = "n_params" if min(silent) <= shared else "edge_params"
    yield (
        f"Parameter {', '.join(names[:8])} changes nothing in any situation that was tried, and would be evolved for "
        f"nothing; use it in step, or declare a smaller {count}."
    )


def _answers(lab: Lab, row: int, moves: Tensor) -> set[int]:
    """Which of the `moves` (n, D) of one member's parameters, the first of which is none, change what a rule makes."""
    index = torch.full((len(moves),), row)
    trial = lab.trial.rows(index).map(lambda name, tensor: tensor + moves if name == "params" else tensor)
    found: set[int] = set()
    for _ in range(6):
        for value in trial.run().values():
            differs = (value != value[:1]) & ~(value.isnan() & value[:1].isnan())
            found |= set(differs.flatten(1).any(1).nonzero().flatten().tolist())
        fresh = lab.context()
        trial = trial.advance(type(fresh)(*(tensor[index] for tensor in fresh)))
    return found


def _probability(lab: Lab) -> Iterator[str]:
    for scale in (1.0, 10.0):
        table = lab.trial.seen_with(**lab.context(scale)._asdict()).run()
        for name in ("p_add", "p_prune"):
            if name in table and not ((table[name] >= 0) & (table[name] <= 1)).all():
                yield f"{name} leaves [0, 1]; end it with a sigmoid or a clamp."
                return


def _device(lab: Lab) -> Iterator[str]:
    """On the meta device tensors have shapes and no numbers: what runs there runs, and compiles, anywhere."""
    try:
        trial = lab.trial.map(lambda _, tensor: tensor.to("meta"))
        table = outputs(*lab.rule.step(trial.params, trial.state, trial.context))
        table |= {"init_state": lab.rule.init_state(lab.population, lab.nodes, device="meta").edge}
    except (RuntimeError, NotImplementedError) as error:
        yield (
            f"step looks at numbers to decide what to compute, or makes tensors on the CPU ({_first(error)}); use "
            "torch.where instead of if, and the device of what it is given."
        )
        return
    if elsewhere := ", ".join(sorted(name for name, value in table.items() if value.device.type != "meta")):
        yield f"{elsewhere} is on another device than the inputs; make tensors on the device of what is given."


def _first(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")


CHECKS: dict[str, Callable[[Lab], Iterator[str]]] = {
    "mutation": _mutation,
    "determinism": _determinism,
    "stochastic": _stochastic,
    "population": _population,
    "relabelling": _relabelling,
    "locality": _locality,
    "own-edge": _own_edge,
    "third-factor": _third_factor,
    "node-state": _node_state,
    "mask": _mask,
    "float32": _float32,
    "blow-up": _long_run,
    "sizes": sizes,
    "far": _far,
    "gradient": _gradient,
    "unused": _unused,
    "probability": _probability,
    "device": _device,
}
"""Name of a finding to the check behind it; ``construct``, ``declaration`` and ``shape`` come before these."""


def _same(a: Tensor, b: Tensor, exact: bool = False) -> bool:
    if a.shape != b.shape:
        return False
    rtol, atol = (0.0, 0.0) if exact else (1e-7, 1e-9)
    return torch.allclose(a, b, rtol=rtol, atol=atol, equal_nan=True)


def _differing(a: dict[str, Tensor], b: dict[str, Tensor], exact: bool = False) -> str:
    """Names of the outputs that differ, joined by commas; empty if none does."""
    return ", ".join(
        sorted(k for k in a.keys() | b.keys() if k not in a or k not in b or not _same(a[k], b[k], exact))
    )
