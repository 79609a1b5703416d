"""The linear probe: what a frozen network's last features say about other images, read out by logistic regression."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ontogym.developmental.feature_extractors.networks import match_channels, replace_head
from ontogym.errors import OntogymError, needs
from ontogym.seeding import generator
from ontogym.studies.wave_pretraining import augment
from ontogym.studies.wave_pretraining.images import Images
from ontogym.studies.wave_pretraining.learner import input_sizes, pick_device
from ontogym.studies.wave_pretraining.schedule import TrainingConfig

__all__ = ["PENALTIES", "ProbeResult", "fit_logistic", "linear_probe", "network_features", "read_out"]

PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1)
"""Candidates for the squared penalty on the weights."""


@dataclass(frozen=True)
class ProbeResult:
    """Accuracy of the probe on the validation images.

    Attributes:
        accuracy: fraction correct.
        train_accuracy: on the images that it was fitted to.
        penalty: the one chosen, on a fifth of the training images set aside.
        features: how many the probe reads.
        train_images, validation_images: how many of each.
    """

    accuracy: float
    train_accuracy: float
    penalty: float
    features: int
    train_images: int
    validation_images: int

    def as_json(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


def linear_probe(
    network: nn.Module, images: Images, config: TrainingConfig, device: str = "auto"
) -> ProbeResult:
    """Freeze `network`, take the features that its head sees, fit a multinomial logistic regression.

    Batch normalisation keeps the statistics it was trained with. The penalty is chosen on a fifth of the training
    images, then the probe is fitted to all of them; it is convex, so nothing but the split has chance in it.

    Args:
        network: from `build_network` or `load_network`; unchanged.
        images: its own training and validation images.
        config: says how images become input (resize, crop, mean, sd, batch) and the seed of the split.
        device: auto, cpu, cuda, ...

    Raises:
        OntogymError: no validation images, fewer training images than classes, or scikit-learn is not installed.
    """
    if not len(images.validation) or len(images.train) < max(5, images.classes):
        raise OntogymError(
            f"{images.name} has {len(images.train)} training and {len(images.validation)} validation images, too few "
            "for a probe."
        )
    train, validation = (
        network_features(network, images, part, config, device) for part in (images.train, images.validation)
    )
    y, target = images.labels[images.train], images.labels[images.validation]
    score, penalty = read_out(train, y, config.seed)
    return ProbeResult(
        score(validation, target), score(train, y), penalty, train.shape[1], len(y), len(target)
    )


def read_out(
    x: NDArray[np.float64], y: NDArray[np.int64], seed: int
) -> tuple[Callable[[NDArray[np.float64], NDArray[np.int64]], float], float]:
    """A logistic regression on features ``(n, D)`` brought to mean 0 and SD 1, its penalty chosen on a fifth set aside.

    Returns:
        What gives the fraction correct of other features and classes, and the penalty.
    """
    mean, sd = x.mean(0), x.std(0, ddof=1)

    def scaled(part: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray((part - mean) / (sd + 1e-6))

    train = scaled(x)
    order = generator(seed, "probe").permutation(len(train))
    aside, rest = order[: len(order) // 5], order[len(order) // 5 :]
    tried = [fit_logistic(train[rest], y[rest], p).score(train[aside], y[aside]) for p in PENALTIES]
    penalty = PENALTIES[int(np.argmax(tried))]
    fitted = fit_logistic(train, y, penalty)
    return lambda other, target: float(fitted.score(scaled(other), target)), penalty


def network_features(
    network: nn.Module,
    images: Images,
    indices: NDArray[np.int64],
    config: TrainingConfig,
    device: str = "auto",
) -> NDArray[np.float64]:
    """What the head of the network sees, ``(B, D)``; the middle of every image, no augmentation."""
    where = pick_device(device)
    channels = next(m for m in network.modules() if isinstance(m, nn.Conv2d)).in_channels
    before, crop = input_sizes(config, images)
    frozen = replace_head(match_channels(copy.deepcopy(network), channels), 0)
    frozen = frozen.to(where).to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    found = []
    with torch.no_grad():
        for part in np.array_split(indices, max(1, -(-len(indices) // config.batch))):
            batch = augment.to_batch(images.read(part), channels).to(where)
            batch = augment.centre_crop(augment.resize(batch, before), crop)
            batch = augment.normalise(batch, config.mean, config.sd)
            found.append(frozen(batch.contiguous(memory_format=torch.channels_last)).cpu().double().numpy())
    features = np.concatenate(found)
    if not np.isfinite(features).all():
        raise OntogymError("The network's features are not finite; did its training diverge?")
    return features


def fit_logistic(x: NDArray[np.float64], y: NDArray[np.int64], penalty: float, steps: int = 1000) -> Any:
    """A multinomial logistic regression (scikit-learn's), fitted to features ``(n, D)`` and classes ``(n,)``.

    Minimises the mean cross entropy plus ``penalty / 2`` times the squared weights (not the biases).

    Raises:
        OntogymError: scikit-learn is not installed, or all are of one class.
    """
    with needs("The linear probe", "scikit-learn", "'ontogym[digits]'"):
        from sklearn.linear_model import LogisticRegression
    if len(np.unique(y)) < 2:
        raise OntogymError(
            "The training images of the probe are all of one class; pass images of two or more."
        )
    # Its C weighs the summed cross entropy against half the squared weights.
    return LogisticRegression(C=1.0 / (penalty * len(y)), max_iter=steps).fit(x, y)
