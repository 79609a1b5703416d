"""The LNDP's rules: against the released code's numbers, a plain twin of each equation, and properties."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from ontogym.developmental.rules import RuleContext, RuleOutput, apply_rule, structural_change
from ontogym.developmental.rules.lndp import EdgeGRURule, PruningRule, SynaptogenesisRule, unpack
from ontogym.testing.trial import draw_trial

REFERENCE = Path(__file__).parents[1] / "data" / "lndp-released-cartpole.npz"
INPUTS, OUTPUTS, N = 4, 2, 32


@pytest.fixture(scope="module")
def released() -> dict[str, Tensor]:
    with np.load(REFERENCE) as file:
        return {name: torch.tensor(file[name]) for name in file.files}


def allowed_edges() -> Tensor:
    """Input to hidden, hidden to hidden, hidden to output; no self loops. (post, pre)."""
    allowed = torch.zeros(N, N, dtype=torch.float64)
    hidden = slice(INPUTS, N - OUTPUTS)
    allowed[hidden, : N - OUTPUTS] = 1
    allowed[N - OUTPUTS :, hidden] = 1
    return allowed.fill_diagonal_(0)


def test_numbers_of_parameters():
    """Table of shared/reference: 12*25 + 12*4 + 12 + 4, 16*4 + 16 + 16 + 1, 16*16 + 16 + 16 + 1."""
    assert (EdgeGRURule().n_params, PruningRule().n_params, SynaptogenesisRule().n_params) == (364, 97, 289)
    assert EdgeGRURule(3, 2, 5).n_params == 6 * 17 + 6 * 2 + 6 + 2


def test_three_rules_reproduce_the_released_code(released):
    """Every update of 3 genomes over 11 steps, from the released code's own state one step before."""
    edge, prune, grow = EdgeGRURule(), PruningRule(), SynaptogenesisRule()
    counts = [edge.n_params, prune.n_params, grow.n_params]
    genes = released["x"][:, -sum(counts) :].split(counts, dim=1)
    allowed, zero = allowed_edges().expand(3, N, N), torch.zeros(3, N, dtype=torch.float64)
    compared = 0
    for t in range(1, 12):
        live = released["d"][t] == 0  # a frozen network does not update at this step
        mask = released["A"][t - 1].transpose(1, 2)
        edges = released["e"][t - 1].permute(0, 3, 2, 1)
        context = RuleContext(
            weights=edges[:, 0],
            mask=mask,
            allowed=allowed,
            edges=edges,
            pre=zero,
            post=zero,
            dphi=zero,
            signal=zero,
            reward=released["r"][t][:, None],
            nodes=released["h"][t],
            history=released["a_seq"][t - 1],
            u=torch.zeros(3, 2, N, N, dtype=torch.float64),
        )
        state = edge.init_state(3, N, torch.float64)
        new_edges, weights, _, _ = apply_rule(edge, genes[0], state, context, threshold=0.6)
        # Float64 on both sides: only the order of summation differs.
        torch.testing.assert_close(
            new_edges[live], released["e"][t].permute(0, 3, 2, 1)[live], rtol=0, atol=1e-12
        )
        torch.testing.assert_close(weights[live], released["w"][t].transpose(1, 2)[live], rtol=0, atol=1e-12)
        after = context._replace(edges=new_edges, weights=weights)
        wishes = RuleOutput(
            p_add=grow.step(genes[2], state, after)[0].p_add,
            p_prune=prune.step(genes[1], state, after)[0].p_prune,
        )
        new_mask = structural_change(wishes, mask, allowed, context.u, 0.6, prune_absent=True)
        assert torch.equal(new_mask[live], released["A"][t].transpose(1, 2)[live])
        compared += int(live.sum())
    assert compared == 28  # 33 updates less 5 frozen ones


def gru_of_one_edge(p: dict[str, Tensor], x: Tensor, e: Tensor) -> Tensor:
    """The equations of `EdgeGRURule` for one edge of one individual, as they stand in the docstring."""
    s = len(e)
    xs, gs = (p["w_ih"] @ x + p["bias"]).split(s), (p["w_hh"] @ e).split(s)
    reset, keep = torch.sigmoid(xs[0] + gs[0]), torch.sigmoid(xs[1] + gs[1])
    candidate = torch.tanh(xs[2] + reset * (gs[2] + p["bias_n"]))
    return candidate + keep * (e - candidate)


@pytest.mark.parametrize("sizes", [(8, 4, 4), (3, 2, 5)])
def test_edge_by_edge_twins(sizes):
    """Each rule against a loop over edges."""
    P, n = 2, 5
    generator = torch.Generator().manual_seed(0)
    edge, prune, grow = EdgeGRURule(*sizes), PruningRule(*sizes), SynaptogenesisRule(*sizes, hidden=6)
    trials = [draw_trial(rule, P, n, generator) for rule in (edge, prune, grow)]
    tables = [trial.run() for trial in trials]
    genes = [unpack(trial.params, trial.rule.layout) for trial in trials]
    for k in range(P):
        p, q, g = ({name: value[k] for name, value in table.items()} for table in genes)
        for j in range(n):
            for i in range(n):
                c = trials[0].context
                x = torch.cat([c.nodes[k, j], c.nodes[k, i], c.history[k, j], c.history[k, i], c.reward[k]])
                expected = gru_of_one_edge(p, x, c.edges[k, :, j, i]) * c.mask[k, j, i]
                torch.testing.assert_close(tables[0]["edges"][k, :, j, i], expected)
                e = trials[1].context.edges[k, :, j, i]
                logit = q["w2"] @ torch.relu(q["w1"] @ e + q["b1"]) + q["b2"]
                torch.testing.assert_close(tables[1]["p_prune"][k, j, i], torch.sigmoid(logit)[0])
                h = trials[2].context.nodes[k]
                logit = g["w2"] @ torch.relu(g["w1"] @ torch.cat([h[j], h[i]]) + g["b1"]) + g["b2"]
                torch.testing.assert_close(tables[2]["p_add"][k, j, i], torch.sigmoid(logit)[0])


def test_growth_bias_moves_the_start_towards_growth():
    for rule, sign, name in [
        (PruningRule(growth_bias=2.0), -1, "p_prune"),
        (SynaptogenesisRule(growth_bias=2.0), 1, "p_add"),
    ]:
        start = rule.initial_params()
        assert start[-1] == sign * 2.0
        assert not start[:-1].any()
        trial = draw_trial(rule, 2, 4, torch.Generator().manual_seed(0))
        probability = rule.step(start.expand(2, -1), trial.state, trial.context)[0]._asdict()[name]
        torch.testing.assert_close(probability, torch.full_like(probability, 1 / (1 + np.exp(-sign * 2.0))))
    assert not PruningRule().initial_params().any()
    assert not SynaptogenesisRule().initial_params().any()


@pytest.mark.slow
def test_compiled_rules_equal_eager_ones():
    """torch.compile needs a C++ compiler; without one the eager rules are what runs."""
    import shutil

    if shutil.which("g++") is None and shutil.which("clang++") is None:
        pytest.skip("no C++ compiler")
    for rule in (EdgeGRURule(), PruningRule(), SynaptogenesisRule()):
        trial = draw_trial(rule, 3, 6, torch.Generator().manual_seed(1), torch.float32)

        def step(params, state, context, rule=rule):
            return apply_rule(rule, params, state, context)

        eager = step(trial.params, trial.state, trial.context)
        compiled = torch.compile(step, fullgraph=True)(trial.params, trial.state, trial.context)
        # Fused kernels use other exp and tanh: a few units in the last place of float32.
        for a, b in zip(eager[:3], compiled[:3]):
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)
