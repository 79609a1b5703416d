"""A task that is seen is evolved to its target through a feature extractor, and not by going blindly to one end."""

from __future__ import annotations

from ontogym.baselines.evolution.config import EvolutionConfig
from ontogym.baselines.evolution.presets import preset
from ontogym.baselines.evolution.run import evolve
from ontogym.baselines.lives.life import reevaluate
from ontogym.baselines.loading import load
from ontogym.envs import anchors

ENV = "ontogym/ForagingGratings-v0"


def test_a_task_of_pictures_is_evolved_to_its_target(tmp_path):
    seen = {"features": {"name": "fractals", "size": 6}}
    settings = preset(ENV, "gru") | {"env_kwargs": seen, "final_lives": 32, "eval_lives": 16}
    out = str(tmp_path / "run")
    found = evolve(EvolutionConfig(ENV, agent="gru", seed=1, out=out, **settings), progress=False)
    random, optimal = anchors(ENV)
    blind = optimal - 240  # one end alone: 500 in half of the lives, nothing in the others
    assert found.score["ci95"][0] > blind + 200 > random
    agent = load(out)
    again = reevaluate(agent.player.built, agent.player.genome, agent.spec, 8, seed=99)
    assert again["mean"] > blind + 200
