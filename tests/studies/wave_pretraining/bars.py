"""A set of tiny images that a tiny network learns in a second: bars, lying or standing, thick or thin."""

from __future__ import annotations

import numpy as np

from ontogym.studies.wave_pretraining.images import ArrayImages
from ontogym.studies.wave_pretraining.schedule import TrainingConfig

FAST = TrainingConfig(network="small", epochs=3, batch=32, lr=0.1, resize=16, crop=14, seed=1)


def bars(per_class: int = 48, size: int = 16, colour: bool = False, seed: int = 0) -> ArrayImages:
    """Four classes, the last quarter of each for validation."""
    rng = np.random.default_rng(seed)
    labels = np.arange(4 * per_class) % 4
    images = rng.integers(0, 60, (len(labels), size, size)).astype(np.uint8)
    for image, label in zip(images, labels):
        width = 1 + 3 * (label // 2)
        place = rng.integers(2, size - 2 - width)
        (image if label % 2 else image.T)[place : place + width] = 255
    if colour:
        images = np.repeat(images[..., None], 3, -1)
    cut = 3 * len(labels) // 4
    return ArrayImages("bars", images[:cut], labels[:cut], images[cut:], labels[cut:])
