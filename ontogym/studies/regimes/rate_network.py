"""A leaky rate network, and the gradients that credit-assignment rules give it.

The network of arXiv 2310.08513 (``leak="inside"``) and of arXiv 2206.00823 (``leak="outside"``); they are the same
at full leak, a = 1. Axes: ``B`` batch, ``T`` time, ``I`` inputs, ``N`` units, ``O`` outputs; ``(N, N)`` is (post,
pre).

Every rule's change over a whole trial is one backward pass with some paths cut (`rule_gradients`). A test compares it with
the rule itself, run step by step and forward in time (`ontogym.developmental.rules.credit_assignment`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from ontogym.developmental.rules.credit_assignment import MU, TYPES, type_means
from ontogym.errors import OntogymError, UnknownNameError

__all__ = [
    "CREDIT_RULES",
    "Gradients",
    "RateNetwork",
    "Rollout",
    "cross_entropy",
    "random_feedback",
    "rule_gradients",
]

CREDIT_RULES = ("bptt", "e-prop", "rflo", "mdgl", "mdgl-types", "modprop", "modprop-types")
"""BPTT is the full gradient; the others are online rules."""


class Rollout(NamedTuple):
    """One run: ``hidden`` h(t) and ``slope`` phi'(u(t)), (B, T, N); ``outputs`` (B, T, O)."""

    hidden: Tensor
    slope: Tensor
    outputs: Tensor


class Gradients(NamedTuple):
    """What a rule takes for the slope of the loss, in the order of the network's parameters."""

    w_in: Tensor
    w_rec: Tensor
    w_out: Tensor


class RateNetwork(nn.Module):
    r"""A recurrent network of rectified units without biases.

    .. math:: \text{outside: } h(t) = (1-a)\, h(t-1) + a\, [W h(t-1) + W_{in} x(t)]_+ , \quad
              \text{inside: } h(t) = [(1-a)\, h(t-1) + a\, (W h(t-1) + W_{in} x(t))]_+

    and :math:`y(t) = W_{out} h(t)`, from h = 0.

    Args:
        inputs, nodes, outputs: sizes I, N, O.
        alpha: a, one time step over the time constant, in (0, 1].
        leak: "outside" or "inside" the rectification.
        gain: standard deviation of the recurrent weights times sqrt(N).
        generator: draws all weights; entries are normal with deviations 1/sqrt(I), gain/sqrt(N), 1/sqrt(N).

    Attributes:
        w_in, w_rec, w_out: parameters, (N, I), (N, N), (O, N).

    Raises:
        OntogymError: a leak or an alpha that cannot be.
    """

    def __init__(
        self,
        inputs: int,
        nodes: int,
        outputs: int,
        *,
        alpha: float = 1.0,
        leak: Literal["outside", "inside"] = "outside",
        gain: float = 1.25,
        generator: torch.Generator | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        if leak not in ("outside", "inside"):
            raise UnknownNameError("place of the leak", leak, ("outside", "inside"))
        if not 0 < alpha <= 1:
            raise OntogymError(
                f"alpha is {alpha:g}; choose it in (0, 1], a time step over the time constant."
            )
        self.alpha, self.leak = float(alpha), leak

        def normal(rows: int, columns: int, scale: float) -> nn.Parameter:
            # Drawn in float64 whatever the dtype, so that precision does not change the network.
            values = torch.randn(rows, columns, generator=generator, dtype=torch.float64)
            return nn.Parameter((scale * values / columns**0.5).to(dtype))

        self.w_in = normal(nodes, inputs, 1.0)
        self.w_rec = normal(nodes, nodes, gain)
        self.w_out = normal(outputs, nodes, 1.0)

    def forward(self, inputs: Tensor) -> Tensor:
        """Outputs ``(B, T, O)`` to inputs ``(B, T, I)``; differentiable."""
        return self.rollout(inputs).outputs

    def rollout(self, inputs: Tensor, detach_recurrence: bool = False) -> Rollout:
        """Run from rest; `detach_recurrence` stops gradients at h inside ``W h`` (e-prop, by autograd)."""
        drive = inputs @ self.w_in.T
        h = inputs.new_zeros(len(inputs), len(self.w_rec))
        hidden, slopes = [], []
        recurrent = self.w_rec.T
        for x in drive.unbind(1):
            u = x + (h.detach() if detach_recurrence else h) @ recurrent
            if self.leak == "inside":
                u = torch.lerp(h, u, self.alpha) if self.alpha < 1 else u
                h = torch.relu(u)
            else:
                h = torch.lerp(h, torch.relu(u), self.alpha) if self.alpha < 1 else torch.relu(u)
            hidden.append(h)
            slopes.append(u > 0)
        states = torch.stack(hidden, 1)
        return Rollout(states, torch.stack(slopes, 1).to(states.dtype), states @ self.w_out.T)


def cross_entropy(outputs: Tensor, targets: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy of a batch, and its slope with respect to the outputs.

    Args:
        outputs: (B, T, O) logits.
        targets: (B, T) classes.
        weights: (T,), how much each time step counts; they are divided by their sum.

    Returns:
        The loss, and ``(B, T, O)``.
    """
    share = (weights / weights.sum()).to(outputs.dtype)[None, :, None] / len(outputs)
    log_p = outputs.log_softmax(-1)
    picked = log_p.gather(-1, targets[..., None])
    hot = torch.zeros_like(log_p).scatter_(-1, targets[..., None], 1.0)
    return -(picked * share).sum(), (log_p.exp() - hot) * share


def random_feedback(network: RateNetwork, generator: torch.Generator) -> Tensor:
    """RFLO's fixed feedback B (O, N): drawn like W_out at birth, independent of it."""
    outputs, nodes = network.w_out.shape
    drawn: Tensor = torch.randn(outputs, nodes, generator=generator, dtype=torch.float64) / nodes**0.5
    return drawn.to(network.w_out.dtype)


@torch.no_grad()
def rule_gradients(
    network: RateNetwork,
    inputs: Tensor,
    rollout: Rollout,
    errors: Tensor,
    rule: str = "bptt",
    *,
    mu: float | None = MU,
    feedback: Tensor | None = None,
    types: Tensor | None = None,
) -> Gradients:
    """What a rule takes for the gradient, by one backward pass in which some paths are cut.

    With L = W_out^T errors, the signal A(t) at h(t) obeys ``A(t) = L(t) + (1-a) A(t+1) + a W^T Z(t+1)`` where Z is
    phi' A (BPTT), 0 (e-prop, RFLO), phi' L with only one hop (MDGL), or phi' L + mu (A - L) (ModProp).

    Args:
        inputs: (B, T, I).
        rollout: of these inputs.
        errors: (B, T, O), slope of the loss with respect to the outputs.
        rule: one of `CREDIT_RULES`.
        mu: ModProp's constant; None puts the exact slopes there, which gives BPTT.
        feedback: (O, N) in place of W_out (RFLO needs it).
        types: (N,) cell types 0 and 1, for the type-wise rules.

    Raises:
        OntogymError: an unknown rule, RFLO without feedback, a type-wise rule without types, or a rule other than
            BPTT on a network whose leak is inside and not full.
    """
    _check_rule_fits(network, rule, feedback, types)
    alpha, inside = network.alpha, network.leak == "inside"
    back: Tensor = network.w_rec
    if rule.endswith("-types"):
        assert types is not None
        back = type_means(back[None], one_hot_types(types, back.dtype)[None])[0]
    local = errors @ (network.w_out if feedback is None else feedback)  # L, (B, T, N)
    hop = _sender(rule, mu)
    steps = local.shape[1]
    signal = torch.zeros_like(local[:, 0])
    sums = torch.empty_like(local)
    for t in reversed(range(steps)):
        if t + 1 < steps:
            slope, ahead = rollout.slope[:, t + 1], local[:, t + 1]
            kept = slope * signal if inside else signal
            kept = (1 - alpha) * kept if alpha < 1 else torch.zeros_like(kept)
            if hop is not None:
                kept = torch.addmm(kept, hop(slope, signal, ahead), back, alpha=alpha)
            signal = local[:, t] + kept
        else:
            signal = local[:, t]
        sums[:, t] = signal
    sums = (alpha * rollout.slope * sums).flatten(0, 1)  # slope of the loss with respect to W h + W_in x
    before = torch.cat([torch.zeros_like(rollout.hidden[:, :1]), rollout.hidden[:, :-1]], 1)
    return Gradients(
        sums.T @ inputs.flatten(0, 1),
        sums.T @ before.flatten(0, 1),
        errors.flatten(0, 1).T @ rollout.hidden.flatten(0, 1),
    )


def one_hot_types(types: Tensor, dtype: torch.dtype) -> Tensor:
    """Cell types (N,) of 0 and 1 as node features ``(N, 2)``."""
    return nn.functional.one_hot(types, TYPES).to(dtype)


def _sender(rule: str, mu: float | None) -> Callable[[Tensor, Tensor, Tensor], Tensor] | None:
    """Z of `rule_gradients` from phi', A and L at the next step; None where nothing goes back through W."""
    if rule == "bptt" or (rule.startswith("modprop") and mu is None):
        return lambda slope, signal, local: slope * signal
    if rule.startswith("modprop") and mu is not None:
        return lambda slope, signal, local: slope * local + mu * (signal - local)
    if rule.startswith("mdgl"):
        return lambda slope, signal, local: slope * local
    return None


def _check_rule_fits(network: RateNetwork, rule: str, feedback: Tensor | None, types: Tensor | None) -> None:
    if rule not in CREDIT_RULES:
        raise UnknownNameError("credit-assignment rule", rule, CREDIT_RULES)
    if rule == "rflo" and feedback is None:
        raise OntogymError(
            "RFLO needs its fixed feedback; pass feedback=random_feedback(network, generator)."
        )
    if rule.endswith("-types") and types is None:
        raise OntogymError(f"The rule {rule!r} needs cell types; pass types, one 0 or 1 for each unit.")
    if rule != "bptt" and network.leak == "inside" and network.alpha < 1:
        raise OntogymError(
            f"The rule {rule!r} is defined for a leak outside the rectification; use leak='outside' or alpha=1."
        )
