"""Is what a network sees the same elsewhere? Exemplars shown at some positions, and read out at others.

The task of Ligeralde et al. 2023 (arXiv 2312.02791): every class is one picture, its samples are translations of it.
A linear read-out of frozen features learns the exemplars on the left of the field and is asked for them there, at
positions between, and on the right, where it has seen none. Beside it what the geometry of the features says: the
capacity of the manifolds that translation makes (Chung, Lee & Sompolinsky 2018, Phys. Rev. X 8, 031003).

Departs from the paper: exemplars are dead leaves under a round window, not photographs.
"""

from __future__ import annotations

import copy
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ontogym.errors import OntogymError, check_ranges
from ontogym.seeding import generator
from ontogym.studies.wave_pretraining import augment
from ontogym.studies.wave_pretraining.images import ArrayImages
from ontogym.studies.wave_pretraining.probe import network_features, read_out
from ontogym.studies.wave_pretraining.schedule import TrainingConfig

__all__ = [
    "TranslatedExemplars",
    "TranslationResult",
    "manifold_capacity",
    "read_translated",
    "recalibrated",
    "separation",
]


@dataclass(frozen=True)
class TranslatedExemplars:
    """Pictures to be told apart wherever they are.

    Attributes:
        exemplars: how many, and the number of classes.
        field: pixels a side of what the network sees.
        side: pixels a side of an exemplar.
        positions: at which each is shown in every part: learnt, near and far.
        columns: the left edges of learnt and near exemplars lie in the first so many columns, those of far ones in
            the last so many.
        seed: decides exemplars and positions.

    Raises:
        OntogymError: parts that overlap, or a value out of range.
    """

    exemplars: int = 32
    field: int = 32
    side: int = 14
    positions: int = 16
    columns: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        check_ranges(
            self, exemplars=(2, 1000), field=(8, 256), side=(4, 128), positions=(1, 1000), columns=(1, 128)
        )
        rows = self.field - self.side + 1
        if 2 * self.columns > rows or 2 * self.positions > self.columns * rows:
            raise OntogymError(
                f"{2 * self.positions} positions in {self.columns} of {rows} columns, to the left and as many to the right, "
                "are more than there are; show fewer or smaller exemplars."
            )

    def pictures(self) -> NDArray[np.uint8]:
        """The exemplars ``(K, side, side)``, uint8: dead leaves, grey outside a disc."""
        from ontogym.retina_env.images.arrays import GREY
        from ontogym.retina_env.images.leaves import DeadLeaves

        leaves = DeadLeaves(size=self.side).images(
            self.exemplars, self.seed, cached=False, show_progress=False
        )
        y, x = np.mgrid[: self.side, : self.side] - (self.side - 1) / 2
        shown = np.where(np.hypot(x, y) <= self.side / 2, leaves, GREY)
        return np.rint(255 * shown).astype(np.uint8)

    def images(self) -> ArrayImages:
        """Training images are the learnt part, validation images the near part, then the far one.

        Within a part the positions of the first exemplar come first; each has its own.
        """
        from ontogym.retina_env.images.arrays import GREY

        rng = generator(self.seed, "positions")
        rows, pictures = self.field - self.side + 1, self.pictures()
        count = self.exemplars * self.positions
        parts = np.full(
            (3, self.exemplars, self.positions, self.field, self.field), round(255 * GREY), np.uint8
        )
        for k, picture in enumerate(pictures):
            left, right = (rng.permutation(self.columns * rows) for _ in range(2))
            places = (
                left[: self.positions],
                left[self.positions : 2 * self.positions],
                right[: self.positions],
            )
            for part, (chosen, shift) in enumerate(zip(places, (0, 0, rows - self.columns))):
                for image, place in zip(parts[part, k], chosen):
                    top, column = place // self.columns, place % self.columns + shift
                    image[top : top + self.side, column : column + self.side] = picture
        labels = np.repeat(np.arange(self.exemplars), self.positions)
        found = parts.reshape(3 * count, self.field, self.field)
        return ArrayImages("translated exemplars", found[:count], labels, found[count:], np.tile(labels, 2))


@dataclass(frozen=True)
class TranslationResult:
    """What a linear read-out and the geometry say.

    Attributes:
        learnt, near, far: fraction of exemplars named, where the read-out learnt them, at other positions there, and elsewhere.
        capacity: of the manifolds of all positions, classes a feature.
        separation: variance between exemplars over variance between the positions of one.
    """

    learnt: float
    near: float
    far: float
    capacity: float
    separation: float

    def as_json(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


def read_translated(
    network: nn.Module, exemplars: TranslatedExemplars, config: TrainingConfig, device: str = "auto"
) -> TranslationResult:
    """Freeze `network`, learn the exemplars at some positions, name them at others.

    Args:
        network: from `build_network` or `load_network`; unchanged.
        exemplars: what it is shown.
        config: says how images become input and the seed of the read-out's split.
        device: auto, cpu, cuda, ...
    """
    images = exemplars.images()
    order = np.concatenate([images.train, images.validation])
    features = network_features(network, images, order, config, device)
    parts = features.reshape(3, -1, features.shape[1])
    labels = images.labels[images.train]
    score, _ = read_out(parts[0], labels, config.seed)
    by_exemplar = features.reshape(3, exemplars.exemplars, exemplars.positions, -1).swapaxes(0, 1)
    manifolds = by_exemplar.reshape(exemplars.exemplars, 3 * exemplars.positions, -1)
    learnt, near, far = (score(part, labels) for part in parts)
    capacity = manifold_capacity(manifolds, seed=config.seed)
    return TranslationResult(learnt, near, far, capacity, separation(manifolds))


def recalibrated(network: nn.Module, exemplars: TranslatedExemplars, config: TrainingConfig) -> nn.Module:
    """A copy whose batch normalisation has the statistics of the learnt images, and no longer those of its training.

    Nothing else changes, no label is used; without it a network that never trained, whose statistics are no one's, and one
    that saw black pictures only would be told apart by their scale.
    """
    images = exemplars.images()
    found = copy.deepcopy(network).to("cpu", memory_format=torch.channels_last)  # type: ignore[call-overload]
    for module in found.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # the mean over batches, here of one
    batch = augment.normalise(augment.to_batch(images.read(images.train), 1), config.mean, config.sd)
    with torch.no_grad():
        found.train()(batch.contiguous(memory_format=torch.channels_last))
    return found.eval()  # type: ignore[no-any-return]


def separation(manifolds: NDArray[np.float64]) -> float:
    """Variance between the centres of ``(K, M, D)`` over that within a manifold, each summed over features."""
    within = float(manifolds.var(1).sum(-1).mean())
    between = float(manifolds.mean(1).var(0).sum())
    return between / within if within else float("inf")


def manifold_capacity(manifolds: NDArray[np.float64], samples: int = 100, seed: int = 0) -> float:
    """Mean-field capacity at margin 0: how many manifolds a feature can be dichotomised, 2 for points.

    Of every manifold the capacity is 1 / <F(t)>, where F(t) is the squared distance of a Gaussian t to the vectors that
    classify all its points rightly (Chung et al. 2018); the inverse of the whole is the mean of inverses.

    Args:
        manifolds: K manifolds of M points, ``(K, M, D)``, with K at least 2.
        samples: Gaussian vectors a manifold.
        seed: decides them.

    Departs from the paper: the mean of all centres is taken out, and no other correlation between manifolds.
    """
    from scipy.optimize import nnls

    rng = generator(seed, "capacity")
    manifolds = manifolds - manifolds.mean((0, 1))
    distances = []
    for points in manifolds:
        centre = points.mean(0)
        radius = float(np.linalg.norm(centre))
        # Points in the axes of the manifold, in units of the centre's distance; the last coordinate is the centre's.
        scores = np.linalg.svd(points - centre, full_matrices=False)
        spread = (scores[0] * scores[1])[:, scores[1] > 1e-9 * max(radius, 1e-300)] / max(radius, 1e-300)
        cone = np.column_stack([spread, np.ones(len(points))])
        for t in rng.normal(size=(samples, cone.shape[1])):
            # F(t) = min |v - t|^2 over v with s v >= 0 for every point s; by Moreau's decomposition it is the squared
            # length of the projection of -t on the cone of the points, which non-negative least squares finds.
            left = nnls(cone.T, -t)[1]
            distances.append(float(t @ t) - left**2)
    return 1 / float(np.mean(distances))
