"""Networks of many lives, and the figure of what a change of the rules did to them."""

from __future__ import annotations

import numpy as np
import pytest

from ontogym.agents.individuals import Individuals
from ontogym.baselines.lives.life import LifeSpec, life_seeds, live_actor, make_agent
from ontogym.baselines.lives.networks import Changed, EpisodeNetworks, changed
from ontogym.errors import OntogymError
from ontogym.figures.comparison import Score
from ontogym.figures.switch import Side, switch_figure


def test_edges_stay_turn_go_and_come() -> None:
    before = np.array([[[0.5, -0.4], [0.3, 0.0]]])
    after = np.array([[[0.2, 0.4], [0.0, 0.9]]])
    assert [int(part[0]) for part in changed(before, after)] == [1, 1, 1, 1]


def test_networks_are_kept_once_an_episode() -> None:
    agent = make_agent("lndp", "CartPole-v1", options={"nodes": 11, "density": 0.4})
    genomes = 0.5 * np.random.default_rng(0).standard_normal((3, agent.genome_size))
    actor, spec = Individuals(agent, genomes), LifeSpec("CartPole-v1", episodes=2, max_steps=5)
    watcher = EpisodeNetworks(actor)
    live_actor(actor, spec, life_seeds(spec, 3, 0), watchers=[watcher])
    assert [w.shape for w in watcher.weights] == [(3, 11, 11)] * 2
    assert (np.abs(watcher.weights[0][watcher.weights[0] != 0]) > 0.1).all()
    assert sum(changed(*watcher.weights)).min() > 0


def test_the_figure_names_every_bar() -> None:
    found = Changed(*(np.array([4, 2]) for _ in range(4)))
    scores = [Score("as it lives", 400.0, 380.0, 420.0), Score("wiring frozen", 9.0, 8.0, 10.0)]
    side = Side("sparse", {"before the flip": found, "across the flip": found}, scores)
    figure = switch_figure([side, side], "What a flip changes")
    texts = [t.get_text() for axes in figure.axes for t in (*axes.texts, *axes.get_yticklabels())]
    assert {"400", "wiring frozen", "across the flip", "turned", "of 9 edges"} <= set(texts)
    with pytest.raises(OntogymError, match="nothing to draw"):
        switch_figure([side._replace(scores=[])])
