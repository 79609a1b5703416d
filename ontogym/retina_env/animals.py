"""Animals that nothing was fitted to: retinas with mosaics of cells, who differ from each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from ontogym.retina_env import retina
from ontogym.retina_env.cache import cache_folder, keep, look_up
from ontogym.retina_env.cells import MOSAIC_CELLS, draw_mosaics
from ontogym.retina_env.retina import SimulatedRetina

__all__ = ["HELD_OUT_ANIMALS", "TRAINING_ANIMALS", "animal", "animals"]

TRAINING_ANIMALS = tuple(range(6000, 6016))
"""Animals that encoders may be trained through."""
HELD_OUT_ANIMALS = tuple(range(7000, 7016))
"""Animals that nothing is ever fitted to; boards are judged by them."""
_VERSION = 1


def animal(seed: int, size: int = 128) -> SimulatedRetina:
    """Animal `seed`: `MOSAIC_CELLS` cells. Its adaptation to natural scenes is kept in the cache."""
    cells = draw_mosaics(seed)
    path = cache_folder() / "animals" / f"v{_VERSION}-{int(seed)}-{retina.CALIBRATION_IMAGES}.safetensors"
    wanted = dict.fromkeys(("mean", "sd"), ((MOSAIC_CELLS,), np.float32))
    found = look_up(path, "animal", {}, wanted)
    if found is not None:
        adapted = (torch.from_numpy(found["mean"]), torch.from_numpy(found["sd"]))
        return SimulatedRetina(seed, size, cells, adapted)
    made = SimulatedRetina(seed, size, cells)
    keep(path, "animal", {"mean": made.drive_mean.numpy(), "sd": made.drive_sd.numpy()}, {})
    return made


def animals(seeds: Sequence[int], size: int = 128) -> Iterator[SimulatedRetina]:
    """Animals one at a time: each is tens of megabytes."""
    return (animal(seed, size) for seed in seeds)
