"""Lives on a device give what `live` gives step by step: here on the CPU in float64, where both can be compared."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ontogym.baselines.lives import device, life
from ontogym.baselines.lives.device import device_lives, on_device
from ontogym.baselines.lives.life import LifeSpec, lane_options, life_seeds, live, make_agent
from tests.agents.host_traffic import NothingFromTheHost

HEARS = ("action", "reward", "start", "terminated")
CASES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "plain": ("CartPole-v1", {}, {}),
    "hears everything": (
        "CartPole-v1",
        {"hears": HEARS, "scale_observations": True, "reward_scale": 0.5},
        {},
    ),
    "deaf": ("CartPole-v1", {"hears": HEARS}, {"silenced": HEARS}),
    "told of ends": ("CartPole-v1", {"hears": ("reward",)}, {"told": "termination"}),
    "clamped": ("CartPole-v1", {"hears": ("reward",)}, {"reward_clamp": 0.5}),
    "chance": ("Foraging-v0", {"decisions": "stochastic"}, {}),
    "a world with chance": ("ForagingSwitchLate-v0", {"hears": ("reward",)}, {}),
    "goals": ("Foraging-v0", {}, {"conditions": ({"goal": 0}, {"goal": 1}), "max_steps": 30}),
    "developed": (
        "CartPole-v1",
        {"development": "ornstein-uhlenbeck", "development_steps": 3, "recurrent": True},
        {},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_lives_on_a_device_are_lives(name: str) -> None:
    """Returns and lengths equal, diagnostics to 1e-9: a bucket's batched products differ in their last digits."""
    world, options, told = CASES[name]
    env = f"ontogym/{world}"
    options = {"engine": "torch", "dtype": "float64", "nodes": 18, "io_identity": True, **options}
    agent = make_agent("lndp", env, {}, options)
    genomes = 0.5 * np.random.default_rng(0).standard_normal((4, agent.genome_size))
    spec = LifeSpec(env, episodes=2, **told)
    found = on_device(agent, spec, cpu=True)
    assert found is not None
    for seed in (1, 2):  # the second time in the memory of the first
        seeds = life_seeds(spec, 2, seed)
        expected = live(agent, genomes, spec, seeds)
        lived = device_lives(found, genomes, spec, seeds, lane_options(spec, 1, 2))
        np.testing.assert_array_equal(lived.returns.reshape(4, 2, 2), expected.returns)
        np.testing.assert_array_equal(lived.lengths.reshape(4, 2, 2), expected.lengths)
        for key, values in agent.diagnose(lived.state.agent).items():
            # Of what was seen to the end of life the last counts here; the rollout also watches the wiring over life.
            name = "density_at_end" if key == "density" else key
            if name in expected.diagnostics:
                np.testing.assert_allclose(values.reshape(4, 2), expected.diagnostics[name], atol=1e-9)


def test_live_takes_this_path_where_agent_and_world_allow_it(monkeypatch: pytest.MonkeyPatch) -> None:
    agent = make_agent("lndp", "ontogym/CartPole-v1", {}, {"engine": "torch", "dtype": "float64", "nodes": 9})
    genomes, seeds = np.zeros((2, agent.genome_size)), np.arange(2, dtype=np.uint64)
    spec = LifeSpec("ontogym/CartPole-v1", episodes=1)
    expected = live(agent, genomes, spec, seeds)
    asked = device.on_device
    calls = []

    def anywhere(agent: Any, spec: LifeSpec) -> Any:
        calls.append(spec)
        return asked(agent, spec, cpu=True)

    monkeypatch.setattr(device, "on_device", anywhere)
    taken = life.live(agent, genomes, spec, seeds)
    assert calls == [spec]
    np.testing.assert_array_equal(taken.returns, expected.returns)
    np.testing.assert_allclose(taken.diagnostics["density_at_end"], expected.diagnostics["density_at_end"])


@pytest.mark.parametrize(
    ("env", "options", "spec"),
    [
        ("ontogym/CartPole-v1", {"engine": "numba"}, {}),
        ("ontogym/CartPole-v1", {"compat": "released"}, {}),
        ("ontogym/CartPole-v1", {"rewire_every": 2}, {}),
        ("ontogym/CartPole-v1", {}, {"freeze": "wiring"}),
        ("ontogym/CartPole-v1", {}, {"rebirth": True}),
        ("ontogym/Pendulum-v1", {}, {}),
        ("CartPole-v1", {}, {}),
    ],
)
def test_other_lives_are_lived_step_by_step(env: str, options: dict[str, Any], spec: dict[str, Any]) -> None:
    agent = make_agent("lndp", env, {}, {"engine": "torch", "nodes": 9, **options})
    assert on_device(agent, LifeSpec(env, **spec), cpu=True) is None


def test_on_the_cpu_the_living_are_gathered() -> None:
    agent = make_agent("lndp", "ontogym/CartPole-v1", {}, {"engine": "torch", "nodes": 9})
    assert on_device(agent, LifeSpec("ontogym/CartPole-v1")) is None


@pytest.mark.parametrize("env", ["ontogym/CartPole-v1", "ontogym/ForagingSwitchLate-v0"])
def test_a_step_asks_the_host_for_nothing(env: str) -> None:
    """On PyTorch's "meta" device, as in `tests/agents/test_devices.py`: every operation of a life's step stays there."""
    options = {"engine": "torch", "device": "meta", "hears": HEARS, "decisions": "stochastic"}
    agent = make_agent("lndp", env, {}, options)
    spec = LifeSpec(env, episodes=1)
    found = on_device(agent, spec, cpu=True)
    assert found is not None
    newborn = agent.birth(np.zeros((3, agent.genome_size)), np.arange(3)).engine.networks
    place = device._place_of(found, spec, newborn)
    with NothingFromTheHost():
        place.step()
