"""What the two experiments take; light to import, since the command line does."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Literal

from ontogym.errors import OntogymError, UnknownNameError

__all__ = ["CurvatureConfig", "RankSweepConfig"]


@dataclass(frozen=True)
class RankSweepConfig:
    """Rich or lazy, by the rank of the initial recurrent weights (arXiv 2310.08513).

    Attributes:
        task: perceptual-decision, delay-match-sample, context-decision, digits or synthetic.
        nodes: units; 100, or the connectome's number if one is given.
        iterations: gradient steps of each network (10 000 in the paper).
        seeds: one network of each condition a seed.
        ranks: of the initial recurrent matrix; the full rank is always among them.
        aligned: ranks of starts that are aligned with the task: the largest singular directions of what training changes in
            the full-rank start of the same seed.
        families: further families to start from, such as dale, dale-balanced, blocks, chain.
        match: scale all starts to the Gaussian's Frobenius norm (fro) or spectral radius (spectral_radius).
        controls: full-rank networks shrunk to the spectral radius of the lowest rank, or of all low ranks (none if
            starts are matched by spectral radius anyway).
        connectome: a .npy or .csv matrix (post, pre), a saved agent, or zoo:NAME; its wiring and a shuffle of it
            become two more conditions.
        batch: trials in a gradient step.
        lr: learning rate.
        momentum: of gradient descent.
        alpha: time step over time constant.
        gain: deviation of the Gaussian start times the root of the number of units.
        probes: trials that representations are compared on.
        kernel_probes: trials that tangent kernels are compared on.
        mnist: folder of MNIST's idx files, for the task digits.
    """

    task: str = "perceptual-decision"
    nodes: int | None = None
    iterations: int = 2000
    seeds: tuple[int, ...] = (1, 2, 3)
    ranks: tuple[int, ...] = (1, 10, 30)
    aligned: tuple[int, ...] = ()
    families: tuple[str, ...] = ()
    match: Literal["fro", "spectral_radius"] = "fro"
    controls: Literal["lowest", "all"] = "lowest"
    connectome: str | None = None
    batch: int = 32
    lr: float = 0.003
    momentum: float = 0.9
    alpha: float = 1.0
    gain: float = 1.25
    probes: int = 200
    kernel_probes: int = 32
    mnist: str | None = None

    def check(self) -> None:
        """Raise OntogymError for what cannot be, before anything is trained or written."""
        from ontogym.studies.regimes.model.initial import FAMILIES
        from ontogym.studies.regimes.model.tasks import TASKS

        _check_shared(self.task, self.seeds, TASKS, self.iterations, self.nodes)
        for family in self.families:
            if family not in FAMILIES:
                raise UnknownNameError("family of initial weights", family, FAMILIES)
        ranks = (*self.ranks, *self.aligned)
        if not all(1 <= rank <= (self.nodes or rank) for rank in ranks):
            most = f"{self.nodes}, the number of units" if self.nodes is not None else "the number of units"
            raise OntogymError(
                f"The ranks {ranks} are not all within 1 and {most}; mend --ranks or --aligned."
            )
        _check_numbers(self)
        if not 0 <= self.momentum < 1:
            raise OntogymError(f"momentum is {self.momentum}; choose 0 to below 1.")
        if min(self.probes, self.kernel_probes) < 2:
            raise OntogymError("Alignment needs at least 2 probe trials; raise probes and kernel_probes.")

    def fixed(self) -> dict[str, Any]:
        """What two runs must have in common to be one experiment: all but the lists of conditions and seeds."""
        return _without(self, "seeds", "ranks", "aligned", "families", "controls")


@dataclass(frozen=True)
class CurvatureConfig:
    """Sharpness and generalisation of what a learning rule finds (arXiv 2206.00823).

    Attributes:
        task: synthetic, or digits (needs scikit-learn or MNIST's files).
        nodes: units (128 in the paper).
        iterations: gradient steps of BPTT (10 000 in the paper).
        stretch: other rules take so many times as many.
        seeds: one network of each rule a seed.
        rules: bptt, e-prop, rflo, mdgl, mdgl-types, modprop, modprop-types, and bptt-scaled, which goes along the
            full gradient as far as e-prop would; bptt, e-prop and bptt-scaled are always among them.
        batch: trials in a gradient step.
        lr: learning rate of plain gradient descent (0.01 in the paper, with ten times the steps).
        l2: weight decay, part of the loss whose curvature is measured.
        alpha: time step over time constant; 1 is no leak.
        gain: deviation of the initial recurrent weights times the root of the number of units.
        noise: deviation of the noise on test inputs.
        hessian_trials: training trials that the Hessian is taken on.
        hessian_iterations: the most Hessian-vector products.
        mnist: folder of MNIST's idx files, for the task digits.
    """

    task: str = "synthetic"
    nodes: int = 64
    iterations: int = 1000
    stretch: float = 1.6
    seeds: tuple[int, ...] = (1, 2, 3)
    rules: tuple[str, ...] = ("bptt", "bptt-scaled", "e-prop", "rflo", "mdgl", "modprop")
    batch: int = 64
    lr: float = 0.03
    l2: float = 0.01
    alpha: float = 1.0
    gain: float = 1.0
    noise: float = 0.2
    hessian_trials: int = 500
    hessian_iterations: int = 500
    mnist: str | None = None

    def check(self) -> None:
        """Raise OntogymError for what cannot be, before anything is trained or written."""
        from ontogym.studies.regimes.model.tasks import TASKS
        from ontogym.studies.regimes.rate_training import TRAINERS

        fixed_sets = [name for name, task in TASKS.items() if task.held_out]
        _check_shared(self.task, self.seeds, fixed_sets, self.iterations, self.nodes)
        for rule in self.rules:
            if rule not in TRAINERS:
                raise UnknownNameError("credit-assignment rule", rule, TRAINERS)
        _check_numbers(self)
        if not (math.isfinite(self.l2) and self.l2 >= 0):
            raise OntogymError(f"l2 is {self.l2}; a weight decay is 0 or more.")
        if self.stretch > 0 and round(self.stretch * self.iterations) < 1:
            raise OntogymError(
                f"{self.iterations} iterations times a stretch of {self.stretch} are no step; raise one of them."
            )
        if self.stretch <= 0 or self.noise < 0 or min(self.hessian_trials, self.hessian_iterations) < 1:
            raise OntogymError(
                "stretch, hessian_trials and hessian_iterations must be positive and noise 0 or more; mend the one "
                "that is not."
            )

    def fixed(self) -> dict[str, Any]:
        """As in `RankSweepConfig.fixed`."""
        return _without(self, "seeds", "rules")


def _without(config: Any, *names: str) -> dict[str, Any]:
    return {k: v for k, v in dataclasses.asdict(config).items() if k not in names}


def _check_numbers(config: RankSweepConfig | CurvatureConfig) -> None:
    """Refuse numbers with which no network of the experiment could learn anything."""
    if not 0 < config.alpha <= 1:
        raise OntogymError(f"alpha is {config.alpha}; a time step over a time constant is above 0, up to 1.")
    for name in ("lr", "gain", "batch"):
        value = getattr(config, name)
        if not (math.isfinite(value) and value > 0):
            raise OntogymError(f"{name} is {value}; choose a positive number.")


def _check_shared(task: str, seeds: tuple[int, ...], tasks: Any, iterations: int, nodes: int | None) -> None:
    if task not in tasks:
        raise UnknownNameError("task for this experiment", task, tasks)
    if not seeds or len(set(seeds)) != len(seeds):
        raise OntogymError(f"The seeds {seeds} must be one or more different numbers; mend --seeds.")
    if iterations < 1 or (nodes is not None and nodes < 2):
        raise OntogymError("There must be at least 1 iteration and 2 units; raise --iterations or --nodes.")
