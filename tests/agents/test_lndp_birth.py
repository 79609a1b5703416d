"""Newborns are drawn a few at a time: the same numbers, in little more memory than they live in."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete

from ontogym.agents.lndp import LNDP, newborn
from ontogym.seeding import lane_seeds
from tests.agents.test_lndp_properties import draw_bodies

SEEDS = {
    "each its own": lane_seeds(0, 10),
    "common to many": np.tile(lane_seeds(0, 3), 4),
    "common to all": np.full(7, 5),
    "some common": np.r_[lane_seeds(0, 5), lane_seeds(0, 2)],
}


def build(engine: str = "numba", nodes: int = 11, **options) -> LNDP:
    return LNDP(
        Box(-1, 1, (4,)), Discrete(2), engine=engine, dtype="float64", nodes=nodes, threads=1, **options
    )


@pytest.mark.parametrize("name", SEEDS)
@pytest.mark.parametrize("engine", ["numba", "torch", "pyg"])
@pytest.mark.parametrize("options", [{}, {"synaptic_plasticity": False}, {"start": "empty"}])
def test_blocks_are_the_whole(monkeypatch, engine: str, name: str, options: dict) -> None:
    agent, seeds = build(engine, **options), SEEDS[name]
    monkeypatch.setattr(newborn, "BODY_BLOCK", 3 * 12 * 8 * 11**2)  # three bodies
    born = agent.body(agent.birth(np.zeros((len(seeds), agent.genome_size)), seeds))
    whole = draw_bodies(agent.options, 4, 2, seeds)
    for part, drawn in zip(born._fields, whole):
        if part != "innate" or engine != "numba" or options.get("synaptic_plasticity") is False:
            np.testing.assert_array_equal(getattr(born, part), drawn, err_msg=part)


def test_memory_at_birth(monkeypatch) -> None:
    """A block in proportion to the population as at 100 MB: the peak is at most 1.5 times the state."""
    agent = build(nodes=64)
    monkeypatch.setattr(newborn, "BODY_BLOCK", 2**20)
    genomes, seeds = np.zeros((100, agent.genome_size)), lane_seeds(0, 100)
    agent.birth(genomes[:1], seeds[:1])
    tracemalloc.start()
    state = agent.birth(genomes, seeds)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak <= 1.5 * sum(part.nbytes for part in state.engine if isinstance(part, np.ndarray))
