"""Training: every rule learns a toy task; equal seeds are equal; controls are what they claim."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ontogym.errors import OntogymError
from ontogym.seeding import torch_generator
from ontogym.studies.regimes.model.tasks import make_task
from ontogym.studies.regimes.rate_network import RateNetwork, cross_entropy, rule_gradients
from ontogym.studies.regimes.rate_training import (
    TRAINERS,
    TrainingConfig,
    _gradients,
    accuracy,
    as_tensors,
    train,
)


def network(task, nodes=24, **options):
    return RateNetwork(
        task.inputs, nodes, task.outputs, generator=torch_generator(1, "net"), gain=0.9, **options
    )


@pytest.mark.parametrize("rule", TRAINERS)
def test_every_rule_learns_sequences(rule):
    task = make_task("synthetic")
    net = network(task)
    losses = train(net, task, TrainingConfig(rule, 200, 64, lr=0.05, momentum=0.0), seed=1)
    assert np.mean(losses[-20:]) < 0.93 * np.mean(losses[:5])
    assert accuracy(net, task, task.test(300, np.random.default_rng(0))) > 0.25


def test_bptt_solves_delay_match_sample():
    task = make_task("delay-match-sample")
    net = RateNetwork(task.inputs, 50, task.outputs, leak="inside", generator=torch_generator(2, "net"))
    train(net, task, TrainingConfig(iterations=400, lr=0.01), seed=1)
    assert accuracy(net, task, task.test(200, np.random.default_rng(5))) > 0.95


def test_equal_seeds_are_equal_and_others_are_not():
    task = make_task("perceptual-decision")
    found = []
    for seed in (1, 1, 2):
        net = network(task)
        train(net, task, TrainingConfig("rflo", 5), seed)
        found.append(net.w_rec.detach().clone())
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_scaled_bptt_goes_bptts_way_as_far_as_eprop():
    task = make_task("synthetic")
    net = network(task)
    inputs, targets = as_tensors(task.draw(16, np.random.default_rng(0)), net)
    rollout = net.rollout(inputs)
    errors = cross_entropy(rollout.outputs, targets, torch.from_numpy(task.weights))[1].detach()
    scaled = _gradients(net, inputs, rollout, errors, "bptt-scaled", {})
    for name, way, length in zip(
        scaled,
        rule_gradients(net, inputs, rollout, errors),
        rule_gradients(net, inputs, rollout, errors, "e-prop"),
    ):
        cosine = torch.nn.functional.cosine_similarity(name.flatten(), way.flatten(), dim=0)
        assert cosine.item() == pytest.approx(1)
        assert name.norm().item() == pytest.approx(length.norm().item(), rel=1e-5)


def test_weight_decay_shrinks():
    task = make_task("perceptual-decision")
    sizes = []
    for l2 in (0.0, 0.5):
        net = network(task)
        train(net, task, TrainingConfig("bptt", 50, l2=l2, lr=0.01, momentum=0.0), 1)
        sizes.append(net.w_rec.norm().item())
    assert sizes[1] < 0.9 * sizes[0]


def test_bad_input_is_named():
    with pytest.raises(OntogymError, match="did you mean 'bptt'"):
        TrainingConfig("bpt")
    with pytest.raises(OntogymError, match="batch is 0"):
        TrainingConfig(batch=0)
    task = make_task("synthetic")
    with pytest.raises(OntogymError, match="diverged"):
        train(network(task), task, TrainingConfig("bptt", 200, 8, lr=1e6), 1)
