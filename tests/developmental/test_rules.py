"""The contract's own machinery: masking, clamping, structural change; Hebbian rule; properties."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ontogym.developmental.rules import (
    PlasticityRule,
    RuleOutput,
    apply_rule,
    structural_change,
)
from ontogym.developmental.rules.hebbian import HebbianABCDRule
from ontogym.registry import RULES
from ontogym.testing.trial import draw_trial, relabel

SEEDS = st.integers(0, 2**31 - 1)
NAMES = st.sampled_from(sorted(RULES.builtin))
FAST = settings(max_examples=25, deadline=None)


def trial_of(name, population, nodes, seed):
    return draw_trial(RULES.get(name)(), population, nodes, torch.Generator().manual_seed(seed))


@FAST
@given(NAMES, SEEDS, st.integers(1, 6))
def test_relabelling_nodes_commutes(name, seed, nodes):
    trial = trial_of(name, 2, nodes, seed)
    order = torch.randperm(nodes, generator=torch.Generator().manual_seed(seed))
    names = ("edges", "weights", "mask")
    then = [relabel(n, value, order) for n, value in zip(names, trial.apply())]
    for a, b in zip(then, trial.relabelled(order).apply()):
        torch.testing.assert_close(a, b)


@FAST
@given(NAMES, SEEDS, st.integers(1, 5), st.integers(1, 6))
def test_population_of_one_is_row_of_a_batch(name, seed, population, nodes):
    trial = trial_of(name, population, nodes, seed)
    for k in (0, population - 1):
        for a, b in zip(trial.apply()[:3], trial.rows(torch.tensor([k])).apply()[:3]):
            torch.testing.assert_close(a[k : k + 1], b)


@FAST
@given(SEEDS, st.booleans(), st.sampled_from([None, 0.0, 0.6]))
def test_pruning_never_adds_edges(seed, prune_absent, threshold):
    trial = trial_of("lndp-pruning", 2, 6, seed)
    output, c = RuleOutput(p_prune=trial.run()["p_prune"]), trial.context
    new = structural_change(output, c.mask, c.allowed, c.u, threshold, prune_absent)
    assert ((new == 0) | (new == 1)).all()
    assert (new <= c.mask).all()


@FAST
@given(SEEDS, st.sampled_from([None, 0.0, 0.6]))
def test_synaptogenesis_adds_only_where_allowed_and_removes_nothing(seed, threshold):
    trial = trial_of("lndp-synaptogenesis", 2, 6, seed)
    output, c = RuleOutput(p_add=trial.run()["p_add"]), trial.context
    new = structural_change(output, c.mask, c.allowed, c.u, threshold)
    assert (new >= c.mask).all()
    assert (new <= torch.maximum(c.mask, c.allowed)).all()


def test_structural_decisions():
    """One row of edges: absent, present, absent and forbidden; all wishes certain."""
    mask, allowed = torch.tensor([[[0.0, 1.0, 0.0]]]), torch.tensor([[[1.0, 1.0, 0.0]]])
    sure, u = torch.ones(1, 1, 3), torch.full((1, 2, 1, 3), 0.4)

    def change(add=None, prune=None, threshold=0.6, u=u, prune_absent=False):
        output = RuleOutput(p_add=add, p_prune=prune)
        return structural_change(output, mask, allowed, u, threshold, prune_absent).flatten().tolist()

    assert change() == [0, 1, 0]
    assert change(add=sure) == [1, 1, 0]
    assert change(prune=sure) == [0, 0, 0]
    assert change(add=sure, prune=sure) == [1, 0, 0]  # pruning looks at edges that are there ...
    assert change(add=sure, prune=sure, prune_absent=True) == [0, 0, 0]  # ... or vetoes all (released)
    assert change(add=0.6 * sure) == [0, 1, 0]  # the threshold must be exceeded
    assert change(add=sure, threshold=None) == [1, 1, 0]  # .4 < 1 / 2
    assert change(add=0.7 * sure, threshold=None) == [0, 1, 0]  # .4 > .7 / 2
    u2 = torch.stack([torch.full((1, 1, 3), 0.9), torch.full((1, 1, 3), 0.1)], 1)
    assert change(add=sure, prune=sure, threshold=None, u=u2) == [0, 0, 0]  # one number for each decision


class Returns(PlasticityRule):
    """Gives back a canned output."""

    name = "returns"
    n_params = 0
    max_weight = 2.0

    def __init__(self, make):
        super().__init__(edge_features=2)
        self.make = make

    def step(self, params, state, context):
        return self.make(context), state


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda c: RuleOutput(), lambda c: c.weights),
        (lambda c: RuleOutput(dw=0.1 + 0 * c.weights), lambda c: c.weights + 0.1),
        (lambda c: RuleOutput(weights=-3 * c.weights), lambda c: -3 * c.weights),
        (lambda c: RuleOutput(edges=torch.ones_like(c.edges)), lambda c: torch.ones_like(c.weights)),
        (lambda c: RuleOutput(dw=100 + 0 * c.weights), lambda c: 2 + 0 * c.weights),
    ],
    ids=["nothing", "dw", "weights", "edges", "clamped"],
)
def test_apply_rule_masks_and_clamps(make, expected):
    rule = Returns(make)
    trial = draw_trial(rule, 2, 5, torch.Generator().manual_seed(0))
    edges, weights, mask, _ = trial.apply()
    wanted = expected(trial.context).clamp(-2, 2) * trial.context.mask
    assert torch.equal(weights, wanted)
    assert torch.equal(edges[:, 0], weights)
    assert not edges[(trial.context.mask == 0)[:, None].expand_as(edges)].any()
    assert torch.equal(mask, trial.context.mask)


def test_hebbian_abcd_equation():
    rule = HebbianABCDRule()
    trial = draw_trial(rule, 3, 4, torch.Generator().manual_seed(0))
    dw, c = trial.run()["dw"], trial.context
    for k, (eta, a, b, cc, d) in enumerate(trial.params.tolist()):
        for i in range(4):
            for j in range(4):
                post, pre = c.post[k, i], c.pre[k, j]
                torch.testing.assert_close(dw[k, i, j], eta * (a * pre * post + b * pre + cc * post + d))


def test_hebbian_abcd_starts_as_hebb():
    """Nodes that are active together grow together; the rest of the starting rule is silent."""
    rule = HebbianABCDRule()
    trial = draw_trial(rule, 1, 3, torch.Generator().manual_seed(0))
    activity = torch.tensor([[1.0, 0.5, 0.0]], dtype=torch.float64)
    context = trial.context._replace(
        pre=activity,
        post=activity,
        weights=0 * trial.context.weights,
        mask=torch.ones_like(trial.context.mask),
    )
    _, weights, _, _ = apply_rule(rule, rule.initial_params()[None], trial.state, context)
    torch.testing.assert_close(weights[0], 0.1 * activity[0][:, None] * activity[0][None])
