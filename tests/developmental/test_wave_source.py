"""Retinal waves as spontaneous activity: fields that tile the retina, a known scale, rows on their own."""

from __future__ import annotations

import numpy as np
import pytest

from ontogym.developmental.spontaneous import make_source
from ontogym.developmental.spontaneous.retinal_waves import RetinalWaves, _see, _standard
from ontogym.developmental.waves import PRESETS, HexGrid, WaveSimulator
from ontogym.developmental.waves.pool import RetinaPool
from ontogym.developmental.waves.receptive_fields import field_centres, field_width_um, receptive_fields
from ontogym.errors import OntogymError
from ontogym.seeding import lane_seeds

DEFAULT_SCALE = (0.01026644423, 0.0214886415)
SMALL = {"radius": 12, "warm_up_min": 2.0, "retinas": 3}


@pytest.mark.parametrize("arrangement", ["sunflower", "grid"])
@pytest.mark.parametrize("channels", [1, 2, 4, 7, 36, 300, 3000])
def test_fields_are_gaussians_that_tile_the_retina(channels, arrangement):
    grid = HexGrid(12)
    fields = receptive_fields(grid, channels, arrangement)
    assert fields.shape == (channels, grid.cells)
    np.testing.assert_allclose(fields.sum(1), 1.0, atol=1e-5)
    centres, width = (f(grid, channels, arrangement) for f in (field_centres, field_width_um))
    away = np.hypot(*(grid.position_um[None] - centres[:, None]).transpose(2, 0, 1))
    expected = np.where(away <= 3 * width, np.exp(-((away / width) ** 2) / 2), 0)
    np.testing.assert_allclose(fields.toarray(), expected / expected.sum(1, keepdims=True), atol=1e-6)
    radius = grid.radius_um if arrangement == "sunflower" else grid.radius_um * np.sqrt(0.5)
    inside = np.abs(grid.position_um).max(1) <= radius  # the disc, or the inscribed square
    # Every cell of the tiled region is seen, and none much better than another: the channels are even.
    seen = np.asarray(fields.sum(0)).ravel()[inside]
    assert (seen > 0).all()
    if channels >= 36:
        assert seen.std() < 0.8 * seen.mean()


def test_a_grid_of_fields_is_a_picture():
    """Channels row by row from the upper left, as the rows of `HexGrid.raster`."""
    grid = HexGrid(20)
    picture = np.zeros((12, 12))
    picture[2, 9] = 1
    cells = np.zeros(grid.cells)
    cells[grid.raster(12)[2, 9]] = 1
    seen = (receptive_fields(grid, 144, "grid") @ cells).reshape(12, 12)
    assert np.unravel_index(seen.argmax(), seen.shape) == (2, 9)
    assert receptive_fields(grid, 6, "grid").shape[0] == 6
    assert len(np.unique(field_centres(grid, 6, "grid")[:, 0].round(6))) == 3  # two rows of three


def test_the_channels_are_the_fields_of_the_simulators_frames():
    source = RetinalWaves(**SMALL, start="any", frame_ms=250.0)
    seeds = lane_seeds(1, 3)
    x = source.sample(80, seeds, 5)
    pool = RetinaPool(WaveSimulator("ferret", 12), 3, 2.0)
    _, frames = pool.simulator.record(pool.draw(seeds), 80, 250.0)
    part = frames @ receptive_fields(HexGrid(12), 5).toarray().T
    assert part.std() > 0
    # The same up to one scale and one offset for all channels and rows.
    slope, offset = np.polyfit(part.ravel(), x.ravel(), 1)
    np.testing.assert_allclose(x, slope * part + offset, atol=1e-4)
    assert slope > 0
    np.testing.assert_allclose(
        RetinalWaves(**SMALL, start="any", frame_ms=250.0, gain=0.5).sample(80, seeds, 5), x / 2, atol=1e-6
    )


@pytest.mark.parametrize("channels", [1, 4, 100])
def test_the_scale_is_that_of_the_other_sources(channels):
    """Mean 0 and variance 1 in the long run, as the Ornstein-Uhlenbeck process by default."""
    x = RetinalWaves(**SMALL, start="any", frame_ms=500.0).sample(1200, lane_seeds(2, 12), channels)
    # 12 retinas of 10 minutes, about five waves to a cell each: the fractions come within a few per cent to a fifth.
    assert abs(x.mean()) < 0.1
    assert 0.7 < x.std() < 1.3


@pytest.mark.parametrize("refractory_s", [200.0, 1000.0])
def test_the_scale_is_that_of_slow_retinas_too(refractory_s):
    source = RetinalWaves(**SMALL, start="any", frame_ms=500.0, parameters={"refractory_s": refractory_s})
    x = source.sample(int(6 * refractory_s), lane_seeds(2, 12), 4)  # three refractory periods
    assert abs(x.mean()) < 0.15
    assert 0.7 < x.std() < 1.3


@pytest.mark.parametrize("preset", PRESETS)
def test_the_scale_of_the_presets_is_measured_for_five_minutes_as_ever(preset):
    """To the bit: agents of before have developed at this scale."""
    source = RetinalWaves(preset, **SMALL)
    simulator = WaveSimulator(preset, 12)
    waves = simulator.warmed_up(lane_seeds(0, 4, "retina-pool"), 2.0)
    fields = receptive_fields(simulator.grid, 4).T.tocsr()
    active = _see(simulator, waves, 600, 500.0, fields)
    expected = (float(active.mean(dtype=np.float64)), float(active.std(dtype=np.float64)))
    assert _standard(source._setting, 4) == expected
    assert source._setting.warm_up_min == 2.0


def test_the_scale_of_the_default_is_what_it_was():
    assert _standard(RetinalWaves()._setting, 4) == pytest.approx(DEFAULT_SCALE, rel=1e-6)


@pytest.mark.parametrize("parameters", [{"h1": 0.0}, {"h1": 0.001, "h2": 100.0}])
def test_retinas_whose_scale_cannot_be_measured_are_refused(parameters):
    source = RetinalWaves(radius=6, warm_up_min=1.0, retinas=1, parameters=parameters)
    with pytest.raises(OntogymError, match="too seldom for their scale"):
        source.sample(3, lane_seeds(0, 1), 2)


def test_stretches_begin_with_a_wave_unless_told_otherwise():
    """Waves of this preset leave small retinas silent for most of the time."""
    options = SMALL | {"preset": "reward"}
    seeds = lane_seeds(3, 8)
    rest = RetinalWaves(**options, start="any").sample(1, seeds, 1).min()
    waves, anyhow = (RetinalWaves(**options, start=s).sample(30, seeds, 1)[..., 0] for s in ("wave", "any"))
    active = (waves > rest + 0.1).any(0)
    assert active.all()
    assert (anyhow > rest + 0.1).any(0).sum() < 8
    # The first second holds the onset; no stretch begins in the middle of a long wave that was there before.
    assert ((waves > rest + 0.1).argmax(0) <= 11).all()


def test_silent_retinas_stay_silent_and_end_no_loop():
    """Without coupling no cell fires often enough for a wave."""
    still = {"refractory_s": 3600.0, "h1": 100.0}
    x = RetinalWaves(radius=4, warm_up_min=0.0, retinas=1, parameters=still).sample(3, lane_seeds(0, 2), 3)
    assert np.isfinite(x).all()


def test_equal_seeds_share_a_retina():
    source = RetinalWaves(**SMALL)
    x = source.sample(50, np.array([7, 3, 7, 3], dtype=np.uint64), 4)
    assert np.array_equal(x[:, 0], x[:, 2])
    assert np.array_equal(x[:, 1], x[:, 3])
    assert not np.array_equal(x[:, 0], x[:, 1])
    assert source.sample(5, np.zeros(0, dtype=np.uint64), 4).shape == (5, 0, 4)


def test_long_stretches_in_pieces_are_the_same(monkeypatch):
    source = RetinalWaves(**SMALL)
    whole = source.sample(60, lane_seeds(4, 2), 3)
    monkeypatch.setattr("ontogym.developmental.spontaneous.retinal_waves._CHUNK_BYTES", 7 * 2 * 500)
    assert np.array_equal(source.sample(60, lane_seeds(4, 2), 3), whole)


def test_a_drawn_retina_is_one_of_the_pool_with_its_own_chance():
    """A pool retina some time after its warm-up; from there the lives of two seeds part, though not at once."""
    simulator = WaveSimulator("turtle", 12)
    pool = RetinaPool(simulator, 3, 2.0)
    seeds = lane_seeds(5, 40)
    which, frame = pool.places(seeds)
    assert set(which) == {0, 1, 2}
    assert 0 <= frame.min() < 800
    assert 4000 < frame.max() < 4800
    drawn = pool.draw(seeds)
    for row in (0, 17, 39):
        own = simulator.advance(simulator.warmed_up(pool.seeds[which[row : row + 1]], 2.0), 4 * frame[row])
        later = (simulator.record(state, 1800)[1] for state in (drawn.take([row]), own))
        apart = (next(later) != next(later)).any((1, 2))
        assert not apart[:5].any()
        assert apart.any()
    again = RetinaPool(simulator, 3, 2.0).draw(seeds[::-1])
    for one, other in zip(drawn.arrays(), again.take(slice(None, None, -1)).arrays(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_large_retinas_keep_fewer_states_and_are_the_same(monkeypatch):
    simulator, seeds = WaveSimulator("turtle", 8), lane_seeds(6, 5)
    rich = RetinaPool(simulator, 2, 1.0).draw(seeds)
    monkeypatch.setattr("ontogym.developmental.waves.pool._SNAPSHOT_BYTES", 1)
    poor = RetinaPool(simulator, 2, 1.0)
    np.testing.assert_array_equal(simulator.record(poor.draw(seeds), 50)[1], simulator.record(rich, 50)[1])
    assert {len(states) for states in poor._kept.values()} == {1}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"preset": "ferrit"}, "did you mean 'ferret'"),
        ({"parameters": {"h3": 1}}, "Unknown wave parameter .h3."),
        ({"radius": 0}, "radius"),
        ({"radius": 1000}, "at most 256"),
        ({"frame_ms": 110}, "multiple of 25"),
        ({"gain": float("nan")}, "gain"),
        ({"gain": "loud"}, "gain"),
        ({"arrangement": "sunflour"}, "did you mean 'sunflower'"),
        ({"start": "waves"}, "did you mean 'wave'"),
        ({"retinas": 1.5}, "retinas is 1.5"),
        ({"warm_up_min": -2}, "warm_up_min is -2"),
        ({"sd": 2}, "Unknown option of the source 'retinal-waves'"),
    ],
    ids=str,
)
def test_bad_input(options, message):
    with pytest.raises(OntogymError, match=message):
        make_source("retinal-waves", options)
