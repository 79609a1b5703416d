"""Fitting a twin to images and responses, as in Leong et al. (2024), with exact resume.

Poisson loss, Laplacian penalty on kernels, L1 on readouts, Adam, batches of 32, decay and early stopping on the
validation loss (without penalties).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError
from ontogym.retina_env.forward_model import ForwardModel, TwinShape
from ontogym.retina_env.images.arrays import Split, check_images
from ontogym.retina_env.training_run import FitConfig, TrainingRun

__all__ = ["Fit", "FitConfig", "check_responses", "fit"]


@dataclass
class Fit:
    """What fitting gave.

    Attributes:
        twin: the model with the best validation loss, in eval mode.
        parts: which images were for what.
        history: for each epoch training loss, validation loss (both without penalties) and learning rate.
        best_loss: the best validation loss.
        test_reliability: ``(N,)`` squared Pearson with the responses to the test images.
    """

    twin: ForwardModel
    parts: Split
    history: list[tuple[float, float, float]] = field(default_factory=list)
    best_loss: float = float("inf")
    test_reliability: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))


def fit(
    images: Any,
    responses: Any,
    shape: TwinShape | None = None,
    config: FitConfig | None = None,
    checkpoint: Path | str | None = None,
    resume: bool = False,
    on_epoch: Callable[[int, float], None] | None = None,
) -> Fit:
    """Fit a twin.

    Args:
        images: ``(m, size, size)`` floats in [0, 1].
        responses: ``(m, N)`` spike counts, averaged over repeats or not.
        shape: sizes of the twin; those of the data in the default model if not given.
        config: how to fit.
        checkpoint: a file that holds the state after each epoch, so that a run that was killed can go on.
        resume: go on from `checkpoint`; the result is that of the uninterrupted run, to the bit on one machine
            (with the same number of threads).
        on_epoch: called with the number of epochs done and the validation loss.

    Raises:
        OntogymError: data of wrong shape or range; a checkpoint that is missing, damaged or of other data.
    """
    config = config or FitConfig()
    x = check_images(images)
    y = check_responses(responses, len(x))
    shape = shape or TwinShape(neurons=y.shape[1], size=x.shape[1])
    if (shape.size, shape.size, shape.neurons) != (*x.shape[1:], y.shape[1]):
        raise OntogymError(
            f"A twin of {shape.size} pixels and {shape.neurons} neurons does not fit images of {x.shape[1:]} "
            f"pixels and responses of {y.shape[1]} neurons; change its shape."
        )
    run = TrainingRun(x, y, shape, config)
    if resume:
        if checkpoint is None:
            raise OntogymError("There is nothing to resume without a checkpoint; pass its path.")
        run.load(checkpoint)
    while not run.done:
        run.epoch()
        if checkpoint is not None:
            run.save(checkpoint)
        if on_epoch is not None:
            on_epoch(len(run.history), run.history[-1][1])
    reliability = run.finish()
    return Fit(run.twin, run.parts, run.history, run.best_loss, reliability)


def check_responses(responses: Any, images: int) -> NDArray[np.float32]:
    """Responses as float32 ``(images, N)``; raises OntogymError for another shape, negative or non-finite counts."""
    y = np.asarray(responses)
    if y.ndim != 2 or len(y) != images or y.shape[1] < 1 or y.dtype.kind not in "fiu":
        raise OntogymError(
            f"Responses of shape {y.shape} do not fit {images} images; pass numbers ({images}, neurons)."
        )
    if not np.isfinite(y).all() or (y < 0).any():
        raise OntogymError(
            "Responses are spike counts: finite and not negative; drop the neurons that are not."
        )
    return y.astype(np.float32)
