"""The matrix that ``--connectome`` names: a file of weights, or the wiring of an agent that has grown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ontogym.baselines.evolution.agent_files import load_agent
from ontogym.baselines.lives.recording import record_life
from ontogym.errors import OntogymError
from ontogym.seeding import lane_seeds
from ontogym.studies.regimes.model.connectome import read_connectome

__all__ = ["developed_wiring", "load_connectome"]


def load_connectome(source: str) -> NDArray[np.float64]:
    """Weights ``(n, n)``, (post, pre), of a .npy or .csv file, a saved agent or run folder, or ``zoo:NAME``.

    Raises:
        OntogymError: see `read_connectome` and `load_agent`; a wiring without edges.
    """
    if Path(source).suffix.lower() in (".npy", ".csv"):
        matrix = read_connectome(source)
    else:
        matrix = developed_wiring(source)
    if not matrix.any():
        raise OntogymError(f"The wiring of {source} has no edges; choose another.")
    return matrix


def developed_wiring(source: str, seed: int = 0) -> NDArray[np.float64]:
    """The network that a saved agent has grown: after development or, if it has none, at the end of a life.

    Args:
        source: as `load_agent` takes it.
        seed: of the life.
    """
    saved = load_agent(source)
    agent = saved.build()
    life = record_life(
        agent, saved.genome, saved.env, saved.env_kwargs, saved.episodes, int(lane_seeds(seed, 1)[0]), max_frames=2
    )  # fmt: skip
    return np.asarray((life.developed if life.has_development else life.last).weights, dtype=np.float64)
