"""What a life's wiring came to, and what freezing it did."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np

from ontogym.agents.lndp import LNDP
from ontogym.baselines.lives.life import LifeSpec, compared, life_seeds, live, make_agent
from ontogym.baselines.lives.rollout import Watcher
from ontogym.baselines.lives.wiring import LATE, WiringWatcher

LIFE = LifeSpec("CartPole-v1", episodes=3, max_steps=7)


class Count(Watcher):
    """Every mask and weight of every step, the slow way."""

    def __init__(self, agent: LNDP) -> None:
        self.agent, self.seen = agent, []

    def acted(self, moment) -> None:
        body = self.agent.body(moment.state.agent)
        self.seen.append((moment.step, moment.active.copy(), body.mask > 0, np.abs(body.edges[:, 0]) > 0.1))


def test_wiring_is_measured_over_the_whole_life() -> None:
    agent = make_agent("lndp", "CartPole-v1", options={"nodes": 11, "decisions": "stochastic"})
    genomes = 0.5 * np.random.default_rng(0).standard_normal((2, agent.genome_size))
    count = Count(agent)
    found = live(agent, genomes, LIFE, life_seeds(LIFE, 2, 0), watchers=[count]).diagnostics
    room = agent.n_allowed_edges
    for lane in range(4):
        looked = [s for s in count.seen if s[0] % 5 == 0 and s[1][lane]]
        density = np.mean([mask[lane].sum() for _, _, mask, _ in looked]) / room
        conducting = np.mean([(mask & strong)[lane].sum() for _, _, mask, strong in looked]) / room
        masks = [mask[lane] for _, active, mask, _ in count.seen if active[lane]]
        changes = [(a != b).sum() for a, b in pairwise(masks)]
        late = np.mean(changes[-(len(masks) // 2) :]) / room
        where = np.unravel_index(lane, (2, 2))
        np.testing.assert_allclose(found["density"][where], density, rtol=1e-6)
        np.testing.assert_allclose(found["conducting"][where], conducting, rtol=1e-6)
        np.testing.assert_allclose(found["late_rewiring"][where], late, rtol=1e-6)
    assert (found["late_rewiring"] > 0).all()
    assert len(masks) < 2 * LATE
    assert "rewiring" not in found


def test_an_agent_without_wiring_is_not_measured() -> None:
    agent = make_agent("rnn", "CartPole-v1")
    watcher = WiringWatcher(agent)
    found = live(agent, np.zeros((1, agent.genome_size)), LIFE, life_seeds(LIFE, 2, 0), watchers=[watcher])
    assert watcher.measured() == {}
    assert "density" not in found.diagnostics


def test_freezing_is_compared_over_the_same_lives() -> None:
    agent = make_agent("lndp", "CartPole-v1", options={"nodes": 11, "io_identity": True})
    genome = np.random.default_rng(3).standard_normal((1, agent.genome_size))
    frozen = dataclasses.replace(LIFE, max_steps=None, freeze="all", freeze_from=1)
    seeds = life_seeds(LIFE, 6, 0)
    held, free = (
        live(agent, genome, spec, seeds) for spec in (frozen, dataclasses.replace(frozen, freeze=None))
    )
    np.testing.assert_array_equal(held.returns[..., 0], free.returns[..., 0])
    assert (held.returns != free.returns).any()
    found = compared(held, free, frozen)
    difference = (held.returns - free.returns)[0, :, 1:]
    np.testing.assert_allclose([found["difference"], found["mean"] - found["free"]], difference.mean())
    assert found["ci95"][0] <= found["difference"] <= found["ci95"][1]
    np.testing.assert_allclose(found["episodes"], difference.mean(0))


def test_a_plastic_network_is_measured_too() -> None:
    agent = make_agent("plastic", "CartPole-v1", options={"hidden": 4, "structural_rule": "deep-rewiring"})
    genomes = 0.5 * np.random.default_rng(0).standard_normal((1, agent.genome_size))
    found = live(agent, genomes, LIFE, life_seeds(LIFE, 2, 0)).diagnostics
    assert (found["conducting"] <= found["density"]).all()
    assert (found["density"] > 0).all()
    assert {"late_rewiring", "density_at_end"} <= set(found)
