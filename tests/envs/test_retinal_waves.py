"""Retinal waves as an environment: its frames are the simulator's, whatever steps them; bad input is named."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

import ontogym  # noqa: F401
from ontogym.developmental.waves import PRESETS, WaveParameters, WaveSimulator
from ontogym.developmental.waves.pool import wave_pool
from ontogym.envs import make_vector
from ontogym.envs.retinal_waves import RetinalWavesEnv, RetinalWavesVectorEnv
from ontogym.errors import OntogymError

ID = "ontogym/RetinalWaves-v0"
# A retina of 271 cells or so that is awake soon: a test needs waves, not their statistics.
SMALL = {"preset": "turtle", "radius": 9, "obs_size": 12, "warm_up_min": 1.0, "retinas": 2}
POLICIES = [2, 0]


def frames_of(env, seed: int, steps: int) -> np.ndarray:
    seen = [env.reset(seed=seed)[0]]
    return np.stack([*seen, *(env.step(0)[0] for _ in range(steps))])


@pytest.mark.parametrize("eyes", [1, 2])
@pytest.mark.parametrize("retinas", POLICIES)
def test_same_seed_same_frames_in_single_vector_and_simulator(retinas, eyes):
    options = SMALL | {"retinas": retinas, "eyes": eyes}
    single = RetinalWavesEnv(**options)
    alone = frames_of(single, 5, 400)
    vector = RetinalWavesVectorEnv(3, **options)
    seen, info = vector.reset(seed=[4, 5, 5])
    company = np.stack([seen, *(vector.step(np.zeros(3, int))[0] for _ in range(400))])
    np.testing.assert_array_equal(company[:, 1], alone)
    np.testing.assert_array_equal(company[:, 2], alone)
    assert (company[:, 0] != alone).any()

    simulator = WaveSimulator("turtle", SMALL["radius"])
    seeds = info["retina_seed"][1]
    if retinas:
        start = wave_pool(simulator.parameters, SMALL["radius"], retinas, SMALL["warm_up_min"]).draw(seeds)
    else:
        start = simulator.warmed_up(seeds, SMALL["warm_up_min"])
    _, cells = simulator.record(start, 400)
    assert cells.any()
    expected = 255 * cells[:, :, simulator.grid.raster(SMALL["obs_size"])].astype(np.uint8)
    np.testing.assert_array_equal(alone[1:], expected)
    if eyes == 2:
        assert (alone[:, 0] != alone[:, 1]).any()


def test_a_frame_is_so_many_steps_of_the_simulator():
    slow, fast = (RetinalWavesEnv(**SMALL, frame_ms=ms) for ms in (250.0, 25.0))
    np.testing.assert_array_equal(frames_of(slow, 1, 20), frames_of(fast, 1, 200)[::10])


def test_calcium_is_the_indicator_of_the_binary_frames():
    """The recursion of the docstring, written out over all pairs of cells."""
    env = RetinalWavesEnv(**SMALL, obs="calcium")
    seen = frames_of(env, 3, 40)
    assert seen.dtype == np.float32
    assert seen.min() >= 0
    assert 0.1 < seen.max() <= 1
    simulator = env.dynamics.simulator
    start = env.dynamics.begin(env.reset(seed=3)[1]["retina_seed"])
    _, cells = simulator.record(start, 70)
    gap = simulator.grid.axial[:, None] - simulator.grid.axial[None]
    rings = np.maximum(np.abs(gap).max(-1), np.abs(gap.sum(-1)))
    spread = 0.01 * (rings == 0) + 0.005 * ((rings > 0) & (rings <= 3))
    assert ((spread > 0).sum(1) == 37).any()
    light, shown = np.zeros(len(rings)), []
    for active in cells[:, 0]:
        light = np.minimum(1.0, 0.85 * light + spread @ active)
        shown.append(light[simulator.grid.raster(SMALL["obs_size"])])
    np.testing.assert_allclose(seen[:, 0], shown[29:], atol=1e-5)


def test_calcium_keeps_its_time_constant_at_other_frames():
    """A standing wave is as bright at any frame rate, and fades as fast."""
    from ontogym.developmental.waves.indicator import CalciumIndicator

    grid = WaveSimulator("ferret", 9).grid
    one = np.zeros((1, grid.cells), dtype=bool)
    one[0, grid.cells // 2] = True
    levels = []
    for ms in (50.0, 100.0, 200.0):
        indicator = CalciumIndicator(grid, ms)
        light = indicator.dark(1)
        for _ in range(int(10_000 / ms)):
            indicator.step(light, one)
        bright = light.max()
        for _ in range(int(1000 / ms)):
            indicator.step(light, ~one & one)
        levels.append((bright, light.max() / bright))
    np.testing.assert_allclose(levels, [(0.01 / 0.15, 0.85**10)] * 3, rtol=1e-4)


@pytest.mark.parametrize("steps", [7, 1000])
def test_steps_is_the_length_of_a_life_in_every_form(steps):
    single = gym.make(ID, **SMALL, steps=steps)
    native = make_vector(ID, 2, **SMALL, steps=steps)
    assert native.max_episode_steps == steps
    single.reset(seed=0)
    native.reset(seed=0)
    for step in range(1, min(steps, 20) + 1):
        assert single.step(0)[3] == (step == steps)
        assert (native.step([0, 0])[3] == (step == steps)).all()
    assert gym.make(ID, **SMALL, max_episode_steps=3).spec.max_episode_steps == 3


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_a_state_that_was_kept_is_not_overwritten(mode):
    """The dynamics write in place; what a caller holds stays, and can be continued from."""
    env = RetinalWavesVectorEnv(2, **SMALL, max_episode_steps=6, autoreset_mode=mode)
    env.reset(seed=0)
    for _ in range(3):
        env.step([0, 0])
    kept = env.state
    copies = [kept.frame.copy(), *(part.copy() for part in kept.waves)]
    after = [env.step([0, 0])[0] for _ in range(2)]
    for part, copy in zip([kept.frame, *kept.waves], copies, strict=True):
        np.testing.assert_array_equal(part, copy)
    env.state = kept
    env._elapsed[:] = 3
    for seen in after:
        np.testing.assert_array_equal(env.step([0, 0])[0], seen)
    assert (kept.frame == 3).all()


def test_info_tells_how_much_is_active():
    env = RetinalWavesEnv(**SMALL, eyes=2)
    _, info = env.reset(seed=2)
    assert info["frame"] == 0
    assert info["retina_seed"].shape == info["active"].shape == (2,)
    fractions = []
    for _ in range(50):
        info = env.step(0)[4]
        np.testing.assert_array_equal(info["active"], env.state.active[0].mean(-1))
        fractions.append(info["active"])
    assert info["frame"] == 50
    assert 0 < np.mean(fractions) < 0.5


@pytest.mark.parametrize("eyes", [1, 2])
@pytest.mark.parametrize("obs", ["binary", "calcium"])
def test_pictures_show_what_is_seen(obs, eyes):
    env = RetinalWavesEnv(**SMALL, obs=obs, eyes=eyes, render_mode="rgb_array")
    env.reset(seed=1)
    for _ in range(30):
        seen = env.step(0)[0]
    picture = env.render()
    assert picture.dtype == np.uint8
    assert picture.shape == (240, 240 if eyes == 1 else 500, 3)
    level = seen if obs == "binary" else (255 * seen).astype(np.uint8)
    for eye in range(eyes):
        np.testing.assert_array_equal(picture[::20, 260 * eye :: 20][:12, :12, 1], level[eye])


def test_parameters_replace_those_of_the_preset():
    fast = RetinalWavesEnv(**SMALL, parameters={"refractory_s": 20.0}).dynamics.simulator.parameters
    assert fast.refractory_s == 20.0
    assert fast.h1 == PRESETS["turtle"].h1
    given = PRESETS["mouse"]
    assert RetinalWavesEnv(**SMALL, parameters=given).dynamics.simulator.parameters == given
    assert isinstance(given, WaveParameters)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"preset": "ferrett"}, "did you mean 'ferret'"),
        ({"parameters": {"refractory": 20}}, "did you mean 'refractory_s'"),
        ({"parameters": {"refractory_s": -1.0}}, "refractory"),
        ({"parameters": {"h1": float("nan")}}, "h1"),
        ({"parameters": 3}, "no dictionary"),
        ({"radius": 0}, "radius"),
        ({"radius": 2.5}, "radius"),
        ({"obs_size": 20}, "1 to 19 pixels"),
        ({"obs_size": 0}, "picture of 0 pixels"),
        ({"obs_size": 10.5}, "picture of 10.5 pixels"),
        ({"frame_ms": 30}, "multiple of 25"),
        ({"frame_ms": 0}, "25"),
        ({"frame_ms": float("nan")}, "25"),
        ({"obs": "calcum"}, "did you mean 'calcium'"),
        ({"eyes": 3}, "eyes is 3; pass 1 or 2"),
        ({"steps": 0}, "steps is 0"),
        ({"retinas": -1}, "retinas is -1"),
        ({"warm_up_min": -1}, "warm_up_min|warm-up"),
        ({"warm_up_min": float("inf")}, "warm_up_min|warm-up"),
    ],
    ids=str,
)
def test_bad_input_is_one_sentence_before_anything_runs(options, message):
    for make in (RetinalWavesEnv, RetinalWavesVectorEnv):
        with pytest.raises(OntogymError, match=message) as raised:
            make(**SMALL | options)
        assert "\n" not in str(raised.value)
