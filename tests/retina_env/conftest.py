"""A cache of its own for the whole set: no test reads or leaves anything in the user's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ontogym.retina_env import retina
from ontogym.retina_env.images import dead_leaves


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ONTOGYM_CACHE", str(folder))
        # 64 calibration scenes instead of 256: three seconds less; drives are scaled by some per cent otherwise.
        patch.setattr(retina, "CALIBRATION_IMAGES", 64)
        retina._calibration_scenes.cache_clear()
        yield folder
    retina._calibration_scenes.cache_clear()


@pytest.fixture(scope="session")
def scenes(cache: Path) -> np.ndarray:
    """64 dead-leaves images, ``(64, 128, 128)``."""
    return dead_leaves(64, seed=7, show_progress=False)
