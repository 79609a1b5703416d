"""Experiment B: how sharp are the minima that credit-assignment rules find, and how do they generalise?

Source: arXiv 2206.00823. Published direction: the top Hessian eigenvalue and the generalisation gap are larger, and more
variable, for three-factor rules than for BPTT. BPTT scaled to the three-factor rule's step length is the control: what
it shares with e-prop is due to the length of steps, and not to their direction.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ontogym.seeding import generator, torch_generator
from ontogym.statistics import paired_difference
from ontogym.studies.regimes.cells import Tick, cell_name, pick, report, run_cells
from ontogym.studies.regimes.config import CurvatureConfig
from ontogym.studies.regimes.model.curvature import TopEigenvalue, top_hessian_eigenvalue
from ontogym.studies.regimes.model.metrics import generalisation_gap
from ontogym.studies.regimes.model.tasks import RowSequentialDigits, Trials, make_task
from ontogym.studies.regimes.rate_network import RateNetwork, cross_entropy
from ontogym.studies.regimes.rate_training import TrainingConfig, accuracy, as_tensors, train

__all__ = ["ALWAYS", "METRICS", "curvature"]

ALWAYS = ("bptt", "bptt-scaled", "e-prop")
METRICS = {
    "eigenvalue": "top eigenvalue",
    "gap": "gap",
    "train_accuracy": "train accuracy",
    "test_accuracy": "test accuracy",
    "loss": "loss",
}


def curvature(
    config: CurvatureConfig, out: Path | str | None = None, *, resume: bool = False, progress: bool = False
) -> dict[str, Any]:
    """Run (or go on with) the experiment.

    Returns:
        See `report`; one condition a rule.

    Raises:
        OntogymError: a configuration that cannot be, or training that diverges; see `run_cells`.
    """
    config.check()
    task = make_task(config.task, config.mnist)
    assert isinstance(task, RowSequentialDigits)
    rules = [*ALWAYS, *(rule for rule in dict.fromkeys(config.rules) if rule not in ALWAYS)]
    jobs = {cell_name(rule, seed): (rule, seed) for rule in rules for seed in config.seeds}

    def compute(name: str, tick: Tick) -> dict[str, Any]:
        return _cell(config, task, *jobs[name], tick)

    steps = {name: _iterations(config, rule) for name, (rule, _) in jobs.items()}
    command = dataclasses.asdict(config)
    cells = run_cells(out, config.fixed(), steps, compute, command=command, resume=resume, progress=progress)
    rows = [{"name": rule, "title": rule, "iterations": _iterations(config, rule)} for rule in rules]
    directions = _directions(config, rules, cells)
    return report("curvature", config.nodes, rows, METRICS, config.seeds, cells, directions)


def _iterations(config: CurvatureConfig, rule: str) -> int:
    return config.iterations if rule == "bptt" else round(config.stretch * config.iterations)


def _cell(
    config: CurvatureConfig, task: RowSequentialDigits, rule: str, seed: int, tick: Tick
) -> dict[str, Any]:
    """Train one network by one rule, and measure where it ended."""
    network = RateNetwork(
        task.inputs, config.nodes, task.outputs, alpha=config.alpha, gain=config.gain,
        generator=torch_generator(seed, "network"),
    )  # fmt: skip
    steps = _iterations(config, rule)
    training = TrainingConfig(rule, steps, config.batch, config.lr, momentum=0.0, l2=config.l2)
    losses = train(network, task, training, seed, tick)
    shown = task.train_set()
    trained = accuracy(network, task, shown)
    tested = accuracy(network, task, task.test(10**9, generator(seed, "test")), config.noise, seed)
    rows = generator(seed, "hessian trials").permutation(len(shown.inputs))[: config.hessian_trials]
    top = _sharpness(config, task, network, Trials(shown.inputs[rows], shown.targets[rows]), seed)
    return {
        "loss": float(np.mean(losses[-50:])),
        "train_accuracy": trained,
        "test_accuracy": tested,
        "gap": generalisation_gap(trained, tested),
        "eigenvalue": top.value,
        "eigenvalue_iterations": top.iterations,
        "eigenvalue_converged": top.converged,
    }


def _sharpness(
    config: CurvatureConfig, task: RowSequentialDigits, network: RateNetwork, trials: Trials, seed: int
) -> TopEigenvalue:
    """Top eigenvalue of the Hessian of loss + L2 with respect to W, in float64."""
    network = network.double()
    inputs, targets = as_tensors(trials, network)
    weights = torch.from_numpy(task.weights).double()

    def loss(w_rec: Tensor) -> Tensor:
        outputs: Tensor = torch.func.functional_call(network, {"w_rec": w_rec}, (inputs,))
        return cross_entropy(outputs, targets, weights)[0] + 0.5 * config.l2 * (w_rec**2).sum()

    return top_hessian_eigenvalue(
        loss, network.w_rec, iterations=config.hessian_iterations, generator=torch_generator(seed, "hessian")
    )


def _directions(
    config: CurvatureConfig, rules: list[str], cells: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Every rule against BPTT and, for e-prop, against BPTT at its step length."""
    found = []
    for metric in ("eigenvalue", "gap"):
        values = {rule: pick(cells, rule, config.seeds, metric) for rule in rules}
        label = METRICS[metric]
        found.append(paired_difference(label, values["e-prop"], values["bptt"], "e-prop − bptt", "up"))
        found.append(
            paired_difference(label, values["e-prop"], values["bptt-scaled"], "e-prop − bptt-scaled")
        )
        # The paper shows it for three-factor rules; the others are expected in between.
        found += [
            paired_difference(
                label, values[rule], values["bptt"], f"{rule} − bptt", "up" if rule == "rflo" else None
            )
            for rule in rules
            if rule not in ALWAYS
        ]
    return found
