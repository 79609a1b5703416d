"""How many different answers a network gives."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete

from ontogym.agents.answers import answer_rank, answers, participation
from ontogym.agents.base import observation_gain
from ontogym.agents.lndp import LNDP
from ontogym.agents.networks.agent import MLP
from ontogym.errors import OntogymError
from ontogym.seeding import lane_seeds


def test_participation_counts_directions() -> None:
    line = np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]])
    square = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    np.testing.assert_allclose(participation(line[None]), [1.0])
    np.testing.assert_allclose(participation(square[None]), [2.0])
    assert participation(np.ones((1, 3, 2)))[0] == 0


@pytest.mark.parametrize("kind", [LNDP, MLP])
def test_probing_leaves_the_networks_alone(kind: type) -> None:
    agent = kind(Box(-1, 1, (3,)), Discrete(3))
    genomes = 0.6 * np.random.default_rng(0).standard_normal((4, agent.genome_size))
    state = agent.birth(genomes, lane_seeds(0, 4))
    first = answers(agent, state, np.eye(3))
    np.testing.assert_array_equal(answers(agent, state, np.eye(3)), first)
    assert first.shape == (4, 3, 3)
    rank = answer_rank(agent, state, np.eye(3))
    assert ((rank >= 1) & (rank <= 2)).all()


def test_scaling_says_what_it_cannot_scale() -> None:
    with pytest.raises(OntogymError, match="none of the 2 observations is bounded"):
        observation_gain(Box(-np.inf, np.inf, (2,)))
    with pytest.warns(UserWarning, match="leaves observations 1 as they are"):
        gain = observation_gain(Box(np.array([-2.0, -np.inf]), np.array([4.0, np.inf]), dtype=np.float64))
    np.testing.assert_array_equal(gain, [0.25, 1.0])
