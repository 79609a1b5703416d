"""ontogym: agents that develop before they experience, and keep rewiring while they live."""

# ruff: noqa: E402 (before anything that takes time to be imported)
from __future__ import annotations

from ontogym.interrupts import end_at_once

end_at_once()

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
    """Load an agent: ``"zoo:NAME"``, a run folder, a file, a submission; see `ontogym.leaderboard.loading.load_any`."""
    from ontogym.leaderboard.loading import load_any

    return load_any(target, env, env_kwargs, trusted)
