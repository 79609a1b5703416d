"""The rate network and its rules: each against autograd or against the rule run forward in time."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ontogym.developmental.rules.base import PlasticityRule, RuleContext
from ontogym.developmental.rules.credit_assignment import type_means
from ontogym.errors import OntogymError
from ontogym.registry import RULES
from ontogym.studies.regimes.rate_network import (
    CREDIT_RULES,
    RateNetwork,
    cross_entropy,
    one_hot_types,
    random_feedback,
    rule_gradients,
)
from ontogym.testing import check_rule

EXACT = {"rtol": 1e-12, "atol": 1e-12}
B, T, I, N, O = 4, 6, 3, 9, 3
TYPES = torch.tensor([0, 1] * 4 + [0])
ONLINE = [name for name in CREDIT_RULES if name not in ("bptt", "rflo")]


def online_gradients(
    network: RateNetwork,
    inputs: Tensor,
    errors: Tensor,
    rule: PlasticityRule,
    params: Tensor,
    *,
    feedback: Tensor | None = None,
    types: Tensor | None = None,
) -> Tensor:
    """Minus what an online rule adds to W over a trial, ``(N, N)``, run forward in time with the batch as population.

    Args:
        inputs, errors, feedback, types: as in `rule_gradients`.
        rule: a plasticity rule, such as `EPropRule`; it sees h(t-1), phi'(u(t)) and the learning signal.
        params: (n_params,), with learning rate 1 for the gradient itself.
    """
    with torch.no_grad():
        rollout = network.rollout(inputs)
        batch, nodes = len(inputs), len(network.w_rec)
        shared = network.w_rec.detach().expand(batch, nodes, nodes)
        zeros = shared.new_zeros(batch, nodes)
        marks = (
            zeros[..., None] if types is None else one_hot_types(types, shared.dtype).expand(batch, -1, -1)
        )
        ones = torch.ones_like(shared)
        signals = errors @ (network.w_out if feedback is None else feedback)
        state = rule.init_state(batch, nodes, shared.dtype)
        before, total = zeros, torch.zeros_like(shared[0])
        for t in range(inputs.shape[1]):
            context = RuleContext(
                weights=shared,
                mask=ones,
                allowed=ones,
                edges=shared[:, None],
                pre=before,
                post=rollout.hidden[:, t],
                dphi=rollout.slope[:, t],
                signal=signals[:, t],
                reward=zeros[:, :1],
                nodes=marks,
                history=zeros[..., None],
                u=torch.zeros_like(shared)[:, None].expand(-1, 2, -1, -1),
            )
            output, state = rule.step(params.expand(batch, -1), state, context)
            assert output.dw is not None
            total = total - output.dw.sum(0)
            before = rollout.hidden[:, t]
    return total


def draw(alpha=0.7, leak="outside", steps=T, gain=1.5):
    g = torch.Generator().manual_seed(3)
    network = RateNetwork(I, N, O, alpha=alpha, leak=leak, gain=gain, generator=g, dtype=torch.float64)
    inputs = torch.randn(B, steps, I, generator=g, dtype=torch.float64)
    targets = torch.randint(O, (B, steps), generator=g)
    weights = torch.linspace(0.5, 1.5, steps, dtype=torch.float64)
    return network, inputs, targets, weights


def gradients(network, inputs, targets, weights, rule, **options):
    rollout = network.rollout(inputs)
    _, errors = cross_entropy(rollout.outputs, targets, weights)
    return rule_gradients(network, inputs, rollout, errors.detach(), rule, **options)


def by_autograd(network, inputs, targets, weights, detach):
    loss, _ = cross_entropy(network.rollout(inputs, detach).outputs, targets, weights)
    return torch.autograd.grad(loss, list(network.parameters()))


@pytest.mark.parametrize("leak", ["inside", "outside"])
@pytest.mark.parametrize("alpha", [1.0, 0.6])
def test_bptt_is_autograd(alpha, leak):
    case = draw(alpha, leak)
    for ours, theirs in zip(gradients(*case, "bptt"), by_autograd(*case, False)):
        torch.testing.assert_close(ours, theirs, **EXACT)


@pytest.mark.parametrize("alpha", [1.0, 0.6])
def test_eprop_is_autograd_with_the_recurrence_held_constant(alpha):
    case = draw(alpha)
    truth = by_autograd(*case, True)
    for ours, theirs in zip(gradients(*case, "e-prop"), truth):
        torch.testing.assert_close(ours, theirs, **EXACT)
    network, inputs, *_ = case
    _, errors = cross_entropy(network(inputs).detach(), *case[2:])
    params = torch.tensor([1.0, alpha], dtype=torch.float64)
    online = online_gradients(network, inputs, errors, RULES.get("e-prop")(), params)
    torch.testing.assert_close(online, truth[1], **EXACT)


def test_rflo_is_eprop_with_other_feedback():
    network, inputs, targets, weights = draw()
    feedback = random_feedback(network, torch.Generator().manual_seed(8))
    ours = gradients(network, inputs, targets, weights, "rflo", feedback=feedback)
    _, errors = cross_entropy(network(inputs).detach(), targets, weights)
    params = torch.tensor([1.0, network.alpha], dtype=torch.float64)
    online = online_gradients(network, inputs, errors, RULES.get("e-prop")(), params, feedback=feedback)
    torch.testing.assert_close(ours.w_rec, online, **EXACT)
    plain = gradients(network, inputs, targets, weights, "e-prop")
    assert not torch.allclose(ours.w_rec, plain.w_rec)
    torch.testing.assert_close(ours.w_out, plain.w_out, **EXACT)


@pytest.mark.parametrize("name", ONLINE)
@pytest.mark.parametrize("alpha", [1.0, 0.6])
def test_the_backward_pass_is_the_online_rule(name, alpha):
    network, inputs, targets, weights = draw(alpha)
    _, errors = cross_entropy(network(inputs).detach(), targets, weights)
    rule = RULES.get(name)()
    params = torch.tensor([1.0, alpha, 0.25], dtype=torch.float64)[: rule.n_params]
    online = online_gradients(network, inputs, errors, rule, params, types=TYPES)
    ours = gradients(network, inputs, targets, weights, name, types=TYPES)
    torch.testing.assert_close(ours.w_rec, online, **EXACT)


@pytest.mark.parametrize("alpha", [1.0, 0.6])
def test_modprop_with_the_exact_slopes_is_bptt(alpha):
    case = draw(alpha)
    for ours, full in zip(gradients(*case, "modprop", mu=None), gradients(*case, "bptt")):
        torch.testing.assert_close(ours, full, **EXACT)
    assert not torch.allclose(gradients(*case, "modprop").w_rec, gradients(*case, "bptt").w_rec)


def test_short_trials_have_no_path_to_cut():
    """From rest W works from the second step on: two steps have no hop, three have one."""
    for steps, same in ((2, ("e-prop", "mdgl", "modprop")), (3, ("mdgl", "modprop"))):
        case = draw(steps=steps)
        full = gradients(*case, "bptt").w_rec
        for rule in same:
            torch.testing.assert_close(gradients(*case, rule).w_rec, full, **EXACT)
    assert not torch.allclose(gradients(*case, "e-prop").w_rec, full)


def test_mdgl_lies_between_eprop_and_bptt():
    closeness = {}
    for seed_gain in (0.6, 0.8, 1.0):
        case = draw(1.0, gain=seed_gain)
        full = gradients(*case, "bptt").w_rec
        for rule in ("e-prop", "mdgl", "modprop"):
            distance = (gradients(*case, rule).w_rec - full).norm() / full.norm()
            closeness.setdefault(rule, []).append(distance.item())
    for near, far in zip(closeness["mdgl"], closeness["e-prop"]):
        assert 0 < near < far


def test_cross_entropy_gives_its_own_slope():
    network, inputs, targets, weights = draw()
    outputs = network(inputs).detach().requires_grad_()
    loss, slope = cross_entropy(outputs, targets, weights)
    torch.testing.assert_close(torch.autograd.grad(loss, outputs)[0], slope.detach(), **EXACT)
    per_step = torch.nn.functional.cross_entropy(outputs.transpose(1, 2), targets, reduction="none").mean(0)
    torch.testing.assert_close(loss, (per_step * weights / weights.sum()).sum(), **EXACT)


def test_type_means_by_hand():
    weights = torch.arange(9.0).reshape(1, 3, 3)
    nodes = torch.tensor([[[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]])
    expected = torch.tensor([[2.0, 2.0, 3.5], [2.0, 2.0, 3.5], [6.5, 6.5, 8.0]])
    torch.testing.assert_close(type_means(weights, nodes)[0], expected)


@pytest.mark.parametrize("name", ONLINE)
def test_check_rule_finds_nothing(name):
    assert check_rule(name, steps=60) == []


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: RateNetwork(2, 3, 2, alpha=0.0), "alpha is 0"),
        (lambda: RateNetwork(2, 3, 2, leak="outsid"), "did you mean 'outside'"),
        (lambda: gradients(*draw(), "eprop"), "did you mean 'e-prop'"),
        (lambda: gradients(*draw(), "rflo"), "random_feedback"),
        (lambda: gradients(*draw(), "mdgl-types"), "needs cell types"),
        (lambda: gradients(*draw(leak="inside"), "e-prop"), "leak='outside'"),
    ],
)
def test_bad_input_is_named(make, says):
    with pytest.raises(OntogymError, match=says):
        make()
