"""One encoding task: electrodes, images and judges; from electrode values to skill, also differentiable."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ontogym.errors import OntogymError, UnknownNameError, whole_number
from ontogym.retina_env.animals import HELD_OUT_ANIMALS, TRAINING_ANIMALS
from ontogym.retina_env.encoding.animals_judge import AnimalsJudge
from ontogym.retina_env.encoding.judge import Judge
from ontogym.retina_env.encoding.layout import Layout, make_layout
from ontogym.retina_env.encoding.optimum import share_of
from ontogym.retina_env.encoding.options import (
    AnimalOptions,
    CalibrationOptions,
    PerceptOptions,
    TwinOptions,
    arguments,
)
from ontogym.retina_env.encoding.percept_judge import PerceptJudge
from ontogym.retina_env.encoding.responders import ExternalModel
from ontogym.retina_env.encoding.retina_judge import RetinaJudge, as_targets
from ontogym.retina_env.encoding.scenes import Scenes, TurnedScenes, given_images, image_size
from ontogym.retina_env.forward_model import ForwardModel
from ontogym.retina_env.percept.implants import implant
from ontogym.retina_env.percept.patients import HELD_OUT_PATIENTS, TRAINING_PATIENTS
from ontogym.retina_env.retina import SimulatedRetina
from ontogym.retina_env.twins import load_twin, twin_of

__all__ = [
    "FIRST_PATIENT",
    "Display",
    "EncodingTask",
    "animals_task",
    "patients_task",
    "percept_task",
    "twin_task",
]

FIRST_PATIENT = 1000
"""Seed of the first simulated patient; its twin has never been fitted."""
SIZE = 128


class EncodingTask(NamedTuple):
    """What a set of environments shares.

    Attributes:
        layout, scenes: electrodes and images.
        judge: the one whose verdict is the reward.
        retina: the source retina's verdict, or None.
    """

    layout: Layout
    scenes: Scenes
    judge: Judge
    retina: Judge | None = None


class Display:
    """What electrodes can show: values in [0, 1], perhaps in few grey levels, at a price.

    Args:
        n_levels: grey levels, evenly spaced from 0 to 1; None for any value.
        drive_penalty: reward taken away per unit of the mean electrode value.
    """

    def __init__(self, n_levels: int | None = None, drive_penalty: float = 0.0) -> None:
        if n_levels is not None:
            n_levels = whole_number("n_levels", n_levels, 2, 65536, more=", or None")
        number = isinstance(drive_penalty, (int, float, np.number)) and not isinstance(drive_penalty, bool)
        if not number or not np.isfinite(drive_penalty) or drive_penalty < 0:
            raise OntogymError(f"drive_penalty is {drive_penalty!r}; pass a finite number from 0 on.")
        self.n_levels, self.drive_penalty = n_levels, float(drive_penalty)

    def __call__(self, low: Tensor) -> Tensor:
        """``(B, E)`` cut off and rounded; gradients pass as if neither had happened."""
        shown = low.clamp(0, 1)
        if self.n_levels is not None:
            shown = torch.round(shown * (self.n_levels - 1)) / (self.n_levels - 1)
        return low + (shown - low).detach() if low.requires_grad else shown

    def price(self, shown: Tensor) -> Tensor:
        """What showing these values costs, ``(B,)`` float64."""
        return self.drive_penalty * shown.double().mean(1)


def twin_task(options: TwinOptions) -> EncodingTask:
    """A task judged by a twin."""
    _seed(options.retina_seed)
    given = arguments(options)
    own = {f.name: given[f.name] for f in fields(TwinOptions) if f.name not in _UNSHARED}
    shared = options.twin is None and options.images is None and options.responses is None
    return _made(shared, _twin_task, **own)


_UNSHARED = ("n_levels", "drive_penalty", "obs")
"""What a task does not depend on: environments that differ in nothing else share one."""


def _made(shared: bool, make: Callable[..., EncodingTask], *settings: Any, **named: Any) -> EncodingTask:
    """The task of these settings; one that is `shared` may be there already."""
    if shared:
        return _kept(make, *map(_hashable, settings), **{name: _hashable(v) for name, v in named.items()})
    return make(*settings, **named)


@functools.lru_cache(maxsize=8)
def _kept(make: Callable[..., EncodingTask], *settings: Any, **named: Any) -> EncodingTask:
    return make(*settings, **named)


def _twin_task(**settings: Any) -> EncodingTask:
    options = TwinOptions(**settings)
    # What is wrong with the electrodes is told before minutes are spent on a twin.
    size = image_size(options.images, SIZE)
    layout = make_layout(size, options.fold, options.grid)
    stack, frames = given_images(options.images, options.n_images, size)
    seed, responses, true_retina = int(options.retina_seed), options.responses, bool(options.true_retina)
    model = _model(options.twin, seed, size)
    own = isinstance(model, ExternalModel)
    retina = None if own or responses is not None else SimulatedRetina(seed, size)
    if retina is None and true_retina:
        raise OntogymError(
            "There is no true retina behind this twin or these responses; leave true_retina out."
        )
    if retina is not None and retina.n_cells != model.n_cells:
        raise OntogymError(
            f"The twin has {model.n_cells} neurons, retina {seed} has {retina.n_cells}; "
            "pass the responses that belong to this twin."
        )
    tensor = torch.from_numpy(stack)
    targets = None if responses is None else as_targets(responses)
    judge = None
    if retina is not None:
        targets = torch.from_numpy(retina.respond(stack))[None]
        judge = RetinaJudge([retina], layout, tensor, targets) if true_retina else None
    return EncodingTask(
        layout, Scenes(stack, layout, frames), RetinaJudge([model], layout, tensor, targets), judge
    )


def patients_task(options: CalibrationOptions) -> EncodingTask:
    """A task in which each patient judges for itself."""
    who, patients = options.patients, options.patients
    if isinstance(patients, (int, np.integer)) and not isinstance(patients, bool):
        if patients < 1:
            raise OntogymError(f"There are {patients} patients; pass 1 or more, or a list of them.")
        who = range(FIRST_PATIENT, FIRST_PATIENT + int(patients))
    if isinstance(who, str) or not isinstance(who, Sequence) or not len(who):
        raise OntogymError(f"patients is {patients!r}; pass a number, or a list of retina seeds or of twins.")
    seeds = all(isinstance(p, (int, np.integer)) and not isinstance(p, bool) for p in who)
    known = [_seed(p) for p in who] if seeds else who
    own = known, options.images, options.n_images, options.fold, options.grid, seeds
    return _made(seeds and options.images is None, _patients_task, *own)


def _patients_task(who: Any, images: Any, n_images: int, fold: int, grid: Any, seeds: bool) -> EncodingTask:
    size = image_size(images, SIZE)
    layout = make_layout(size, fold, grid)
    stack, frames = given_images(images, n_images, size)
    if seeds and len(who) * len(stack) > 1000:
        seconds = max(1, round(len(who) * (0.15 + len(stack) / 2500)))
        print(f"Showing {len(stack)} images to {len(who)} retinas, about {seconds} s ...", file=sys.stderr)
    models = [SimulatedRetina(p, size) if seeds else _model(p, 0, size) for p in who]
    if len({model.n_cells for model in models}) > 1:
        raise OntogymError("The patients have different numbers of neurons; pass twins of equally many.")
    return EncodingTask(
        layout, Scenes(stack, layout, frames), RetinaJudge(models, layout, torch.from_numpy(stack))
    )


def animals_task(options: AnimalOptions) -> EncodingTask:
    """A task judged by animals with mosaics, one of them in each life."""
    seeds = _seeds(options.animals, {"training": TRAINING_ANIMALS, "held-out": HELD_OUT_ANIMALS}, "animals")
    own = seeds, options.images, options.n_images, options.fold, options.grid, options.share
    return _made(options.images is None or isinstance(options.images, str), _animals_task, *own)


def _animals_task(
    seeds: tuple[int, ...], images: Any, n_images: int, fold: int, grid: Any, share: float | None
) -> EncodingTask:
    size = image_size(images, SIZE)
    layout = make_layout(size, fold, grid)
    stack, frames = given_images(images, n_images, size)
    share = _share(share, "animals", images)
    if len(seeds) * len(stack) > 1000:
        seconds = round(len(seeds) * (0.3 + len(stack) / 1200))
        print(f"Showing {len(stack)} images to {len(seeds)} animals, about {seconds} s ...", file=sys.stderr)
    judge = AnimalsJudge(seeds, layout, torch.from_numpy(stack), share)
    return EncodingTask(layout, Scenes(stack, layout, frames), judge)


def percept_task(options: PerceptOptions, scale: str = "percept", turned: bool = False) -> EncodingTask:
    """A task judged by what patients of an implant see, one of them in each life.

    Args:
        scale: ``percept`` (1: the best picture for all of them) or ``percept-each`` (1: the best for each).
        turned: whether pictures can also be turned before they are encoded.
    """
    known = {"training": TRAINING_PATIENTS, "held-out": HELD_OUT_PATIENTS}
    seeds = _seeds(options.patients, known, "patients")
    own = options.implant, seeds, options.images, options.n_images, options.share, bool(options.fast)
    shared = options.images is None or isinstance(options.images, str)
    return _made(shared, _percept_task, *own, scale, turned)


def _percept_task(
    name: str,
    seeds: tuple[int, ...],
    images: Any,
    n_images: int,
    share: float | None,
    fast: bool,
    scale: str,
    turned: bool,
) -> EncodingTask:
    device = implant(name)
    size = image_size(images, SIZE)
    stack, frames = given_images(images, n_images, size)
    judge = PerceptJudge(device, seeds, stack, _share(share, scale, images), fast)
    scenes = TurnedScenes(stack, judge.layout, frames) if turned else Scenes(stack, judge.layout, frames)
    return EncodingTask(judge.layout, scenes, judge)


def _seeds(given: Any, known: Mapping[str, tuple[int, ...]], what: str) -> tuple[int, ...]:
    """Subjects as they were asked for: by a word, as many of those to train on, or by their seeds."""
    if isinstance(given, str):
        if given not in known:
            raise UnknownNameError(f"set of {what}", given, known)
        return known[given]
    if isinstance(given, (int, np.integer)) and not isinstance(given, bool):
        if not 1 <= given <= len(known["training"]):
            raise OntogymError(
                f"There are {given} {what}; pass 1 to {len(known['training'])}, or a list of seeds."
            )
        return known["training"][: int(given)]
    if not isinstance(given, Sequence) or not given:
        raise OntogymError(f"{what} is {given!r}; pass {sorted(known)}, a number, or a list of seeds.")
    return tuple(_seed(seed) for seed in given)


def _share(given: Any, judge: str, images: Any) -> float:
    if given is None:
        return share_of(judge, images)
    number = isinstance(given, (int, float)) and not isinstance(given, bool)
    if not number or not 0 < given <= 1:
        raise OntogymError(f"share is {given!r}; pass a number above 0 and at most 1, or None.")
    return float(given)


def _model(twin: Any, retina_seed: int, size: int) -> Any:
    """The twin that was asked for, in eval mode and frozen."""
    if twin is None:
        twin = twin_of(retina_seed)
    elif isinstance(twin, (str, os.PathLike)):
        twin = load_twin(os.fspath(twin))
    if not isinstance(twin, (ForwardModel, SimulatedRetina)):
        return ExternalModel(twin, size)
    if twin.size != size:
        raise OntogymError(
            f"The twin sees images of {twin.size} pixels, but these have {size}; pass images of the twin's size."
        )
    if isinstance(twin, nn.Module) and twin.training:
        twin.eval()
    return twin


def _seed(seed: Any) -> int:
    return whole_number("The retina seed", seed, 0)


def _hashable(grid: Any) -> Any:
    """`grid` as nested tuples, so that tasks can be told apart by it."""
    if isinstance(grid, (list, tuple, np.ndarray)):
        return tuple(_hashable(part) for part in grid)
    return grid.item() if isinstance(grid, np.generic) else grid
