"""Experiment A: does the rank of the initial recurrent weights decide between rich and lazy learning?

Source: arXiv 2310.08513. Published direction: with rising rank, representation and kernel alignment rise and the change
of the weights falls (lazier). Low rank at equal Frobenius norm also lowers the gain of the loop, so every sweep has a
full-rank control of the same spectral radius.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ontogym.errors import OntogymError
from ontogym.seeding import derive, generator, torch_generator
from ontogym.statistics import paired_difference
from ontogym.studies.regimes.cells import Tick, cell_name, pick, report, run_cells
from ontogym.studies.regimes.config import RankSweepConfig
from ontogym.studies.regimes.model import metrics
from ontogym.studies.regimes.model.initial import (
    InitialWeights,
    gain_matched,
    initial_weights,
    matched,
    spectral_radius,
    truncate,
)
from ontogym.studies.regimes.model.tasks import Task, make_task
from ontogym.studies.regimes.rate_network import RateNetwork
from ontogym.studies.regimes.rate_training import TrainingConfig, accuracy, as_tensors, train

__all__ = ["METRICS", "Condition", "conditions", "rank_sweep"]

METRICS = {
    "representation_alignment": "RA",
    "kernel_alignment": "KA",
    "weight_change": "‖ΔW‖",
    "sign_similarity": "signs kept",
    "accuracy": "accuracy",
    "initial_radius": "spectral radius",
    "initial_effective_rank": "effective rank",
}
PUBLISHED = {"representation_alignment": "up", "kernel_alignment": "up", "weight_change": "down"}


class Condition(NamedTuple):
    """A kind of start: a family, its rank, the low rank whose spectral radius a full-rank control is given, or the rank of
    a start that is aligned with the task."""

    name: str
    title: str
    family: str = "gaussian"
    rank: int | None = None
    control_of: int | None = None
    aligned: int | None = None


def conditions(config: RankSweepConfig, nodes: int, connectome: bool) -> list[Condition]:
    """The starts to compare, the ranks first and in order, the full rank last among them."""
    ranks = sorted({r for r in config.ranks if r < nodes})
    found = [Condition(f"rank-{r}", f"rank {r}", rank=r) for r in ranks]
    found.append(Condition("rank-full", f"rank {nodes} (full)"))
    controls = ranks if config.controls == "all" else ranks[:1]
    if config.match == "spectral_radius":
        controls = []  # all have the gain of the full rank already
    found += [Condition(f"control-{r}", f"full, radius of rank {r}", control_of=r) for r in controls]
    found += [
        Condition(f"aligned-{r}", f"rank {r}, aligned with the task", aligned=r)
        for r in sorted(set(config.aligned))
    ]
    found += [
        Condition(f"family-{f}", f, family=f) for f in dict.fromkeys(config.families) if f != "gaussian"
    ]
    if connectome:
        found += [
            Condition("connectome", "connectome", family="matrix"),
            Condition("connectome-shuffled", "connectome, shuffled", family="matrix"),
        ]
    return found


def rank_sweep(
    config: RankSweepConfig,
    out: Path | str | None = None,
    *,
    connectome: NDArray[np.floating] | None = None,
    resume: bool = False,
    progress: bool = False,
) -> dict[str, Any]:
    """Run (or go on with) the sweep.

    Args:
        config: what to run.
        out: folder that keeps every network's results.
        connectome: the matrix that `config.connectome` names.

    Returns:
        See `report`.

    Raises:
        OntogymError: a configuration that cannot be; see `run_cells`.
    """
    config.check()
    nodes = config.nodes or (len(connectome) if connectome is not None else 100)
    task = make_task(config.task, config.mnist)
    table = conditions(config, nodes, connectome is not None)
    if any(rank > nodes for rank in (*config.ranks, *config.aligned)):
        raise OntogymError(f"The ranks {config.ranks} exceed the {nodes} units; leave out the larger ones.")
    jobs = {cell_name(c.name, s): (c, s) for c in table for s in config.seeds}

    def compute(name: str, tick: Tick) -> dict[str, Any]:
        condition, seed = jobs[name]
        initial = start(config, condition, nodes, seed, connectome)
        if condition.aligned is not None:
            initial = _aligned(config, task, initial.weights, condition.aligned, seed)
        return _cell(config, task, initial, seed, tick)

    steps = dict.fromkeys(jobs, config.iterations)
    cells = run_cells(
        out,
        config.fixed() | {"nodes": nodes},
        steps,
        compute,
        command=dataclasses.asdict(config),
        resume=resume,
        progress=progress,
    )
    rows = [{"name": c.name, "title": c.title} for c in table]
    return report("rank-sweep", nodes, rows, METRICS, config.seeds, cells, _directions(config, table, cells))


def start(
    config: RankSweepConfig,
    condition: Condition,
    nodes: int,
    seed: int,
    connectome: NDArray[np.floating] | None = None,
) -> InitialWeights:
    """The recurrent matrix of a condition; all of a seed are made from the same Gaussian."""

    def draw(family: str, rank: int | None = None) -> InitialWeights:
        return initial_weights(
            family, nodes, generator(seed, "recurrent"), rank=rank, match=config.match, gain=config.gain,
            adjacency=given,
        )  # fmt: skip

    given = connectome
    if condition.name == "connectome-shuffled" and given is not None:
        # Same weights at other places: what stays of the effect is due to size and sparsity, not to wiring.
        given = generator(seed, "shuffle").permutation(given.ravel()).reshape(given.shape)
    if condition.control_of is None:
        return draw(condition.family, condition.rank)
    weights = gain_matched(draw("gaussian").weights, draw("gaussian", condition.control_of).weights)
    return InitialWeights(weights, float(np.linalg.norm(weights)), spectral_radius(weights))


def _cell(
    config: RankSweepConfig, task: Task, initial: InitialWeights, seed: int, tick: Tick
) -> dict[str, Any]:
    """Train one network and measure what changed."""
    network = _network(config, task, initial.weights, seed)
    before = network.w_rec.detach().clone()
    probes = task.test(config.probes, generator(seed, "probes"))
    inputs, _ = as_tensors(probes, network)
    seen, kernel = _representation(network, inputs), _kernel(network, inputs[: config.kernel_probes])
    losses = train(network, task, _training(config), seed, tick)
    after = network.w_rec.detach()
    return {
        "loss": float(np.mean(losses[-50:])),
        "accuracy": accuracy(network, task, probes),
        "representation_alignment": metrics.representation_alignment(_representation(network, inputs), seen),
        "kernel_alignment": metrics.kernel_alignment(
            _kernel(network, inputs[: config.kernel_probes]), kernel
        ),
        "weight_change": metrics.weight_change(after, before),
        "sign_similarity": metrics.sign_similarity(after, before),
        "initial_frobenius": initial.frobenius,
        "initial_radius": initial.spectral_radius,
        "initial_effective_rank": metrics.effective_rank(before),
        "initial_entropy_rank": metrics.effective_rank(before, "entropy"),
        "final_radius": spectral_radius(after.double().numpy()),
        "change_effective_rank": metrics.effective_rank(after - before),
    }


def _network(config: RankSweepConfig, task: Task, weights: NDArray[np.float64], seed: int) -> RateNetwork:
    """The network of a seed, with these recurrent weights."""
    network = RateNetwork(
        task.inputs, len(weights), task.outputs, alpha=config.alpha, leak="inside",
        generator=torch_generator(seed, "network"),
    )  # fmt: skip
    network.w_rec.data.copy_(torch.from_numpy(weights))
    return network


def _training(config: RankSweepConfig) -> TrainingConfig:
    return TrainingConfig("bptt", config.iterations, config.batch, config.lr, config.momentum)


def _aligned(
    config: RankSweepConfig, task: Task, full: NDArray[np.float64], rank: int, seed: int
) -> InitialWeights:
    """Of a full-rank start, what training it changes most, at the start's size: a low-rank start that fits the task."""
    network = _network(config, task, full, seed)
    # Trials of its own, or the network that starts here would meet them again.
    train(network, task, _training(config), derive(seed, "aligned"))
    change = network.w_rec.detach().double().numpy() - full
    weights = matched(truncate(change, rank), full, config.match)
    return InitialWeights(weights, float(np.linalg.norm(weights)), spectral_radius(weights))


@torch.no_grad()
def _representation(network: RateNetwork, inputs: Tensor) -> Tensor:
    """Hidden states at the decision, (trials, N)."""
    hidden = network.rollout(inputs).hidden[:, -1]
    if not hidden.any():
        raise OntogymError(
            "No unit responds to the probes at the decision: these weights silence the network."
        )
    return hidden


def _kernel(network: RateNetwork, inputs: Tensor) -> Tensor:
    """Tangent kernel of the outputs at the decision with respect to W."""

    def outputs(w_rec: Tensor) -> Tensor:
        found: Tensor = torch.func.functional_call(network, {"w_rec": w_rec}, (inputs,))
        return found[:, -1]

    return metrics.tangent_kernel(outputs, network.w_rec)


def _directions(
    config: RankSweepConfig, table: list[Condition], cells: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Full against lowest rank, and lowest rank against its gain control; connectome against its shuffle."""
    low = next((c for c in table if c.rank is not None), None)
    found = []
    for metric, published in PUBLISHED.items():

        def values(name: str, metric: str = metric) -> list[float | None]:
            return pick(cells, name, config.seeds, metric)

        full, label = values("rank-full"), METRICS[metric]
        if low is not None:
            found.append(
                paired_difference(label, full, values(low.name), f"full rank − {low.title}", published)
            )
        if low is not None and any(c.control_of == low.rank for c in table):
            control = values(f"control-{low.rank}")
            found.append(paired_difference(label, full, control, "full rank − full at that radius (gain)"))
            found.append(
                paired_difference(
                    label, control, values(low.name), f"full at that radius − {low.title} (rank)"
                )
            )
        for condition in table:
            if condition.aligned is not None and any(c.rank == condition.aligned for c in table):
                random = values(f"rank-{condition.aligned}")
                what = f"{condition.title} − rank {condition.aligned}"
                found.append(paired_difference(label, values(condition.name), random, what, published))
        if any(c.name == "connectome" for c in table):
            shuffled = values("connectome-shuffled")
            found.append(paired_difference(label, values("connectome"), shuffled, "connectome − its shuffle"))
    return found
