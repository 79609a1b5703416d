"""ontogym: agents that develop before they experience, and keep rewiring while they live."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ontogym.envs.registration import register_all

if TYPE_CHECKING:
    from ontogym.baselines.loading import Loaded

__all__ = ["load"]
__version__ = "0.2.0"

register_all()


def load(
    target: str | Path,
    env: str | None = None,
    env_kwargs: Mapping[str, Any] | None = None,
    trusted: bool = False,
) -> Loaded:
    """Load an agent: ``"zoo:NAME"``, a run folder, or an agent file; see `ontogym.baselines.loading.load`."""
    from ontogym.baselines.loading import load as load_anything

    return load_anything(target, env, env_kwargs, trusted)
