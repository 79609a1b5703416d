"""A cache of its own: the retina's environments make images once, and not in the user's folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import gymnasium
import pytest

import ontogym  # noqa: F401  (registers the environments)
from tests.envs.light import FULL, LIGHT


@pytest.fixture(scope="session", autouse=True)
def env_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("env-cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ONTOGYM_CACHE", str(folder))
        for env_id, small in ({} if FULL else LIGHT).items():
            patch.setattr(
                gymnasium.registry[env_id], "kwargs", {**gymnasium.registry[env_id].kwargs, **small}
            )
        yield folder
