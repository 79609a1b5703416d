"""Lives in one call are the lives of the rollout, bit for bit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ontogym.agents.networks.agent import GRU
from ontogym.baselines.lives import whole_lndp
from ontogym.baselines.lives.life import LifeSpec, life_seeds, live, make_agent
from ontogym.baselines.lives.rollout import Watcher
from ontogym.baselines.lives.whole_parts import compiled
from ontogym.envs import conditions
from ontogym.errors import OntogymError

AGENTS = ("mlp", "rnn", "gru", "hyper", "trace", "local-trace")
WORLDS: dict[str, dict[str, Any]] = {
    "ontogym/CartPole-v1": {},
    "ontogym/Foraging-v0": {"observation": "one-hot"},
    "ontogym/ForagingSwitch-v0": {},
    "ontogym/Acrobot-v1": {},
    "ontogym/Pendulum-v1": {},
    "ontogym/AcrobotActionSwap-v1": {"earliest": (5, 60), "task_options": {"height_cost": True}},
    "ontogym/RuleShiftAcrobot-v0": {"fold": 2},
    "ontogym/CartPoleActionFlip-v1": {"earliest": (5, 60), "episode_ticks": 20, "changes": 3, "gap": (1, 20)},
    "ontogym/CartPoleActionFlip-v0": {"switches": (1,)},
    "ontogym/ForagingGoalSwap-v0": {},
    "ontogym/ForagingGoalSwapLate-v0": {"changes": 4, "gap": (3, 40)},
    "ontogym/ForagingRewardOnly-v0": {"dense_reward": True, "reward_delay": 3},
    "ontogym/RuleShiftCartPole-v0": {"families": ("signs", "actions", "physics"), "split": "test"},
    "ontogym/RuleShiftForaging-v0": {},
}
LIVES: dict[str, dict[str, Any]] = {
    "plain": {},
    "short": {"max_steps": 37},
    "termination": {"told": "termination"},
    "nothing": {"told": "nothing"},
    "clamped": {"reward_clamp": 2.0, "silenced": ("reward",)},
    "deaf": {"silenced": ("action", "reward", "start", "terminated")},
    "action-blind": {"silenced": ("action",)},
}


def both_ways(agent: Any, spec: LifeSpec, lives: int = 4) -> None:
    """Lives three genomes at once and step by step, and compares all that comes of them."""
    genomes = 0.7 * np.random.default_rng(3).normal(size=(3, agent.genome_size))
    seeds = life_seeds(spec, lives, 5)
    assert compiled(agent, spec) is not None
    at_once, stepped = (
        live(agent, genomes, spec, seeds),
        live(agent, genomes, spec, seeds, watchers=[Watcher()]),
    )
    np.testing.assert_array_equal(at_once.returns, stepped.returns)
    np.testing.assert_array_equal(at_once.lengths, stepped.lengths)
    np.testing.assert_array_equal(at_once.failed, stepped.failed)
    assert at_once.diagnostics.keys() == stepped.diagnostics.keys()
    for name, values in at_once.diagnostics.items():
        np.testing.assert_array_equal(values, stepped.diagnostics[name])


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("name", AGENTS)
def test_agents_and_worlds(world: str, name: str) -> None:
    hears = ["action", "reward", "start", "terminated"]
    agent = make_agent(
        name, world, WORLDS[world], {"hears": hears, "scale_observations": True, "reward_scale": 0.3}
    )
    both_ways(agent, LifeSpec(world, WORLDS[world], 3, conditions=conditions(world)))


@pytest.mark.parametrize("world", WORLDS)
def test_the_change_that_is_seen(world: str) -> None:
    agent = make_agent("hyper", world, WORLDS[world], {"hidden": 3, "change_gain": 2.0})
    both_ways(agent, LifeSpec(world, WORLDS[world], 3, conditions=conditions(world)))


LNDPS: dict[str, dict[str, Any]] = {
    "default": {},
    "drawn": {"decisions": "stochastic", "io_identity": True},
    "bias, recurrent": {"bias": True, "recurrent": True, "reward_scale": 0.25},
    "structural only": {"synaptic_plasticity": False, "scale_observations": True},
    "hearing": {"hears": ("action", "reward", "start", "terminated"), "io_identity": True},
    "developed": {"development": "ornstein-uhlenbeck", "development_steps": 3, "graph_transformer": False},
}


@pytest.mark.parametrize("name", LNDPS)
def test_lndps(name: str) -> None:
    agent = make_agent("lndp", "ontogym/CartPole-v1", options={"nodes": 17, "threads": 1, **LNDPS[name]})
    both_ways(agent, LifeSpec("ontogym/CartPole-v1", episodes=2, max_steps=40))


@pytest.mark.parametrize(
    "world",
    [
        "ontogym/Pendulum-v1",
        "ontogym/ForagingSwitch-v0",
        "ontogym/AcrobotActionSwap-v1",
        "ontogym/RuleShiftForaging-v0",
    ],
)
def test_lndps_in_worlds(world: str) -> None:
    """Actions in a box, a world that draws, one that changes within a life, one of worlds drawn at birth; on two threads."""
    options = {"nodes": 17, "threads": 2, "hears": ("action", "terminated")}
    spec = LifeSpec(world, WORLDS[world], 3, max_steps=30, conditions=conditions(world))
    both_ways(make_agent("lndp", world, WORLDS[world], options), spec)


@pytest.mark.parametrize("life", LIVES)
def test_what_lndps_are_told(life: str) -> None:
    agent = make_agent(
        "lndp", "ontogym/CartPole-v1", options={"nodes": 17, "threads": 1, "hears": ("reward",)}
    )
    both_ways(agent, LifeSpec("ontogym/CartPole-v1", episodes=2, **{"max_steps": 30, **LIVES[life]}))


def test_lndps_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many in a call that an interrupt is noticed; with lives of their own, too."""
    spec = LifeSpec("ontogym/CartPole-v1", episodes=2, max_steps=30)
    agent = make_agent("lndp", spec.env, options={"nodes": 17, "threads": 1})
    genomes = 0.7 * np.random.default_rng(3).normal(size=(3, agent.genome_size))
    for seeds in (life_seeds(spec, 4, 5), np.stack([life_seeds(spec, 4, 5, k) for k in range(3)])):
        whole = live(agent, genomes, spec, seeds)
        stepped = live(agent, genomes, spec, seeds, watchers=[Watcher()])
        with monkeypatch.context() as patch:
            patch.setattr(whole_lndp, "CALL_SECONDS", 1e-9)
            parts = live(agent, genomes, spec, seeds)
        for other in (whole, parts):
            np.testing.assert_array_equal(other.returns, stepped.returns)
            for name, values in stepped.diagnostics.items():
                np.testing.assert_array_equal(other.diagnostics[name], values)


def test_lndps_that_live_step_by_step() -> None:
    spec = LifeSpec("ontogym/CartPole-v1")
    for options in ({"compat": "released"}, {"rewire_every": 3}, {"dtype": "float64"}, {"engine": "torch"}):
        assert compiled(make_agent("lndp", spec.env, options=options), spec) is None
    agent = make_agent("lndp", spec.env)
    for change in ({"freeze": "wiring"}, {"rebirth": True}, {"shuffle_wiring": True}):
        assert compiled(agent, replace(spec, **change)) is None


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("life", LIVES)
def test_what_is_told(world: str, life: str) -> None:
    agent = make_agent("gru", world, WORLDS[world], {"hears": ["action", "reward", "start", "terminated"]})
    both_ways(agent, LifeSpec(world, WORLDS[world], 2, **LIVES[life]))


@pytest.mark.parametrize("hears", [[], ["reward"], ["action", "terminated"], ["start"]])
def test_what_is_heard(hears: list[str]) -> None:
    both_ways(
        make_agent("gru", "ontogym/CartPole-v1", options={"hears": hears}), LifeSpec("ontogym/CartPole-v1")
    )


def test_lives_in_named_worlds() -> None:
    for world in ({"families": ("physics",)}, {"families": ("signs", "order", "actions", "physics")}):
        named = tuple({"world": k} for k in range(3))
        spec = LifeSpec("ontogym/RuleShiftCartPole-v0", world, 2, conditions=named)
        both_ways(make_agent("trace", spec.env, world), spec, lives=6)
    spec = LifeSpec("ontogym/RuleShiftAcrobot-v0", {"families": ("physics",)}, 2, max_steps=60)
    both_ways(make_agent("gru", spec.env, spec.env_kwargs), spec)


def test_lives_born_on_either_side() -> None:
    born = ({"born": 0}, {"born": 1})
    spec = LifeSpec("ontogym/CartPoleActionFlip-v1", {"earliest": (3, 30)}, 3, conditions=born)
    both_ways(make_agent("trace", spec.env), spec)


def test_what_is_lived_step_by_step() -> None:
    spec = LifeSpec("ontogym/CartPole-v1")
    agent = make_agent("gru", spec.env)
    for change in (
        {"rebirth": True},
        {"development": "silence", "development_steps": 3},
        {"env": "CartPole-v1"},
        {"env": "ontogym/CartPoleSensorFlip-v0"},
        {"env": "ontogym/CartPoleDrift-v0"},
    ):
        assert compiled(agent, replace(spec, **change)) is None
    hyper = make_agent("hyper", spec.env)
    assert compiled(hyper, replace(spec, freeze="weights")) is None

    class Other(GRU):
        def step(self, *given: Any, **named: Any) -> Any:
            return super().step(*given, **named)

    assert compiled(Other(agent.observation_space, agent.action_space), spec) is None


def test_errors_are_the_same() -> None:
    spec = LifeSpec("ontogym/Foraging-v0", conditions=({"goal": 0}, {"goal": 7}))
    agent = make_agent("gru", spec.env)
    with pytest.raises(OntogymError, match="must be 0"):
        live(agent, agent.initial_genome(), spec, life_seeds(spec, 2, 0))
    spec = replace(spec, conditions=({"gaol": 0},))
    with pytest.raises(OntogymError, match="gaol"):
        live(agent, agent.initial_genome(), spec, life_seeds(spec, 2, 0))
    with pytest.raises(OntogymError, match="NaN"):
        live(agent, np.full(agent.genome_size, np.nan), replace(spec, conditions=()), np.zeros(2, np.uint64))


@pytest.mark.parametrize("world", ["ontogym/CartPole-v1", "ontogym/ForagingSwitch-v0"])
def test_genomes_may_live_lives_of_their_own(world: str) -> None:
    agent, spec = make_agent("gru", world), LifeSpec(world, episodes=2, conditions=conditions(world))
    genomes = 0.7 * np.random.default_rng(3).normal(size=(3, agent.genome_size))
    seeds = np.stack([life_seeds(spec, 4, 5, k) for k in range(3)])
    at_once, stepped = (
        live(agent, genomes, spec, seeds),
        live(agent, genomes, spec, seeds, watchers=[Watcher()]),
    )
    np.testing.assert_array_equal(at_once.returns, stepped.returns)
    for k in range(3):
        alone = live(agent, genomes[k], spec, seeds[k])
        np.testing.assert_array_equal(at_once.returns[k], alone.returns[0])
    with pytest.raises(OntogymError, match="give a row to each"):
        live(agent, genomes, spec, seeds[:2])
