"""Worlds of others evolve at the defaults: Gymnasium's own, MiniGrid, Box2D, MuJoCo, the memory of Atari games."""

from __future__ import annotations

import gymnasium
import pytest

from ontogym.agents.lndp.organism import usual_nodes
from ontogym.baselines.evolution.config import EvolutionConfig
from ontogym.baselines.evolution.run import evolve
from ontogym.baselines.lives.life import make_agent
from ontogym.errors import OntogymError


def newest(name: str) -> str:
    """Its newest version in the Gymnasium that is here."""
    return max(
        (key for key in gymnasium.registry if key.startswith(f"{name}-v")),
        key=lambda key: int(key.split("-v")[1]),
    )


PROJECTED = {"features": "random-projection"}
WORLDS = {
    "Blackjack-v1": (None, "Blackjack-v1", {}, 63),
    "CliffWalking": (None, newest("CliffWalking"), {}, 68),
    "MiniGrid": ("minigrid", "minigrid:MiniGrid-Empty-5x5-v0", PROJECTED, 32),
    "LunarLander": ("Box2D", "LunarLander-v3", {}, 32),
    "MuJoCo": ("mujoco", "Ant-v5", {}, 129),
    "Atari RAM": ("ale_py", "ale_py:ALE/Pong-v5", {"obs_type": "ram"}, 150),
}


@pytest.mark.parametrize("name", WORLDS)
def test_it_evolves_at_the_defaults(name):
    package, env, kwargs, nodes = WORLDS[name]
    if package is not None:
        pytest.importorskip(package)
    agent = make_agent("lndp", env, kwargs)
    assert agent.options.nodes == nodes
    found = evolve(
        EvolutionConfig(
            env, kwargs, population=2, lives=1, episodes=1, generations=1, eval_every=1, eval_lives=1,
            final_lives=1, max_steps=8,
        ),
        progress=False,
    )  # fmt: skip
    assert found.score["lives"] == 1
    assert found.env_steps > 0


def test_nodes_follow_the_spaces_where_none_are_given():
    assert usual_nodes(4, 2) == 32
    assert usual_nodes(27, 4) == 32  # one hidden node is a network, and was before
    assert usual_nodes(28, 4) == 48
    assert make_agent("lndp", newest("Taxi")).options.nodes == 500 + 6 + 16
    assert make_agent("lndp", newest("Taxi"), PROJECTED).options.nodes == 32
    assert make_agent("lndp", "Blackjack-v1").config == {"nodes": 63}  # kept in files
    assert make_agent("lndp", "ontogym/CartPole-v1").config == {}
    with pytest.raises(OntogymError, match="leave no hidden node"):
        make_agent("lndp", "Blackjack-v1", {}, {"nodes": 32})
    with pytest.raises(OntogymError, match="random-projection"):
        usual_nodes(1010, 4)
