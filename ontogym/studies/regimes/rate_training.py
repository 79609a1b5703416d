"""Training a rate network on a task by gradient descent, with the gradient of any credit-assignment rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ontogym.errors import OntogymError, UnknownNameError
from ontogym.seeding import generator, torch_generator
from ontogym.studies.regimes.model.tasks import Task, Trials
from ontogym.studies.regimes.rate_network import (
    CREDIT_RULES,
    Gradients,
    RateNetwork,
    cross_entropy,
    random_feedback,
    rule_gradients,
)

__all__ = ["TRAINERS", "TrainingConfig", "accuracy", "as_tensors", "cell_types", "train"]

TRAINERS = (*CREDIT_RULES, "bptt-scaled")
"""Rules to train by; "bptt-scaled" goes along the full gradient, as far as e-prop would go."""


@dataclass(frozen=True)
class TrainingConfig:
    """How to train.

    Attributes:
        rule: one of `TRAINERS`.
        iterations, batch: gradient steps, and trials in each.
        lr, momentum: of gradient descent.
        l2: weight decay: half of it times the squared norm of all weights is added to the loss.
    """

    rule: str = "bptt"
    iterations: int = 4000
    batch: int = 32
    lr: float = 0.003
    momentum: float = 0.9
    l2: float = 0.0

    def __post_init__(self) -> None:
        if self.rule not in TRAINERS:
            raise UnknownNameError("credit-assignment rule", self.rule, TRAINERS)
        for name, low in (("iterations", 0), ("batch", 1), ("lr", 0), ("momentum", 0), ("l2", 0)):
            if getattr(self, name) < low:
                raise OntogymError(f"{name} is {getattr(self, name)}; choose {low} or more.")


def train(
    network: RateNetwork,
    task: Task,
    config: TrainingConfig,
    seed: int,
    progress: Callable[[int, float], Any] | None = None,
) -> list[float]:
    """Train in place; returns the loss of every batch (without the L2 term).

    Args:
        network: changed in place.
        seed: decides trials and random feedback; equal seeds see equal trials whatever the rule.
        progress: called with the iteration and its loss.

    Raises:
        OntogymError: the loss becomes infinite or NaN.
    """
    trials = generator(seed, "trials", task.name)
    weights = torch.from_numpy(task.weights).to(network.w_rec)
    options = _rule_options(network, config.rule, seed)
    parameters = [network.w_in.detach(), network.w_rec.detach(), network.w_out.detach()]
    speed = [torch.zeros_like(p) for p in parameters]
    losses = []
    with torch.no_grad():
        for k in range(config.iterations):
            inputs, targets = as_tensors(task.draw(config.batch, trials), network)
            rollout = network.rollout(inputs)
            loss, errors = cross_entropy(rollout.outputs, targets, weights)
            if not torch.isfinite(loss):
                raise OntogymError(
                    f"Training by {config.rule} diverged at iteration {k}; lower the learning rate."
                )
            losses.append(float(loss))
            gradients = _gradients(network, inputs, rollout, errors, config.rule, options)
            for p, v, slope in zip(parameters, speed, gradients):
                v.mul_(config.momentum).add_(
                    slope if config.l2 == 0 else torch.add(slope, p, alpha=config.l2)
                )
                p.sub_(v, alpha=config.lr)
            if progress is not None:
                progress(k, losses[-1])
    return losses


def accuracy(network: RateNetwork, task: Task, trials: Trials, noise: float = 0.0, seed: int = 0) -> float:
    """Share of right decisions, with normal noise of that deviation on the inputs."""
    inputs, _ = as_tensors(trials, network)
    if noise:
        drawn = generator(seed, "input noise").standard_normal(inputs.shape)
        inputs = inputs + noise * torch.from_numpy(drawn).to(inputs)
    with torch.no_grad():
        choices = network(inputs).argmax(-1).numpy()
    return task.accuracy(choices, trials)


def as_tensors(trials: Trials, network: RateNetwork) -> tuple[Tensor, Tensor]:
    """Inputs and targets of trials, in the network's dtype."""
    return torch.from_numpy(trials.inputs).to(network.w_rec), torch.from_numpy(trials.targets)


def cell_types(nodes: int) -> Tensor:
    """Types 0 and 1 for the type-wise rules, as 80 and 20 % of the units. Shape (N,)."""
    return torch.from_numpy((np.arange(nodes) >= round(0.8 * nodes)).astype(np.int64))


def _rule_options(network: RateNetwork, rule: str, seed: int) -> dict[str, Any]:
    if rule == "rflo":
        return {"feedback": random_feedback(network, torch_generator(seed, "feedback"))}
    return {"types": cell_types(len(network.w_rec))} if rule.endswith("-types") else {}


def _gradients(
    network: RateNetwork, inputs: Tensor, rollout: Any, errors: Tensor, rule: str, options: dict[str, Any]
) -> Gradients:
    """The rule's gradients; for "bptt-scaled", BPTT's with each matrix's length taken from e-prop's."""
    if rule != "bptt-scaled":
        return rule_gradients(network, inputs, rollout, errors, rule, **options)
    full = rule_gradients(network, inputs, rollout, errors, "bptt")
    local = rule_gradients(network, inputs, rollout, errors, "e-prop")
    return Gradients(*(f * (p.norm() / f.norm().clamp(min=1e-30)) for f, p in zip(full, local)))
