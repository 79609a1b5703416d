"""Wave statistics: hand-made movies with known answers, and the six species against the released program."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ontogym.developmental.waves import HexGrid, WaveSimulator, WaveTracker, wave_statistics
from ontogym.developmental.waves.statistics import PLACE_MM2

GRID = HexGrid(24)
R_UM = np.hypot(*GRID.position_um.T)


def disc(x, y, radius):
    """Cells within `radius` of a place (µm)."""
    return np.hypot(GRID.position_um[:, 0] - x, GRID.position_um[:, 1] - y) <= radius


def measure(movie, grid=GRID):
    tracker = WaveTracker(grid)
    tracker.update(np.asarray(movie))
    return tracker


def flashes(frames, *events):
    """A movie in which (first, last, cells) are depolarised."""
    movie = np.zeros((frames, GRID.cells), dtype=bool)
    for first, last, cells in events:
        movie[first:last] |= cells
    return movie


def calcium_of(movie):
    """Calcium of the cells after each frame, by a matrix (the sum and the cap as the docstring says)."""
    x, y = (a[:, None] - a[None, :] for a in GRID.axial.T.astype(int))
    ring = np.maximum(np.maximum(abs(x), abs(y)), abs(x + y))
    gain = np.where(ring == 0, 0.01, np.where(ring <= 3, 0.005, 0.0))
    level, levels = np.zeros(GRID.cells), []
    for frame in movie:
        level = np.minimum(0.85 * level + gain @ frame, 1.0)
        levels.append(level)
    return np.array(levels)


def test_two_flashes_of_one_disc():
    """Size, duration and every cell's interval, from calcium computed another way."""
    movie = flashes(900, (100, 120, disc(0, 0, 200)), (600, 615, disc(0, 0, 200)))
    tracker, level = measure(movie), calcium_of(movie)
    first, second = level[:300], level[300:]
    size, duration, _, begin, clean = tracker.waves.T
    assert len(tracker.waves) == 2
    for row, part in enumerate((first, second)):
        assert (
            (part.max(axis=0) > 0.30).sum() <= round(size[row] / PLACE_MM2) <= (part.max(axis=0) > 0.25).sum()
        )
        above = (
            np.flatnonzero((part > 0.30).any(axis=1))[0],
            np.flatnonzero((part > 0.25).any(axis=1))[-1] + 1,
        )
        assert duration[row] == pytest.approx((above[1] - above[0]) / 10)
    assert begin[1] - begin[0] == pytest.approx(50.0)
    assert clean.all()
    both = (first.max(axis=0) > 0.30) & (second.max(axis=0) > 0.30)
    left = 300 - (first > 0.25)[::-1].argmax(axis=0)
    rise = 300 + (second > 0.30).argmax(axis=0)
    # A cell that only came to between 0.25 and 0.30 the first time may have been in the wave or not: a few at the rim.
    statistics = tracker.statistics()
    assert statistics.interval_s.mean == pytest.approx(((rise - left)[both] / 10).mean(), rel=2e-3)
    assert both.sum() <= statistics.interval_s.n <= both.sum() * 1.2
    assert statistics.interval_s.sd == pytest.approx(((rise - left)[both] / 10).std(), abs=0.15)


def test_flicker_is_no_interval():
    """Pauses of 3 s and less belong to one wave's life at that place."""
    movie = flashes(300, (50, 60, disc(0, 0, 200)), (80, 90, disc(0, 0, 200)))
    assert measure(movie).statistics().interval_s.n == 0


@pytest.mark.parametrize("speed_um_s", [100.0, 200.0, 400.0])
def test_speed_of_a_ring(speed_um_s):
    """A front that leaves the centre and depolarises cells for a second.

    The origin is the middle of the first patch, which counts as way but not as time: too fast by up to a fifth over the 720 µm
    of this retina. Places at the rim, with neighbours on one side only, light up late: too slow by up to a tenth, where
    the front is fast. The released program has both.
    """
    time = np.arange(200)[:, None] / 10
    front = speed_um_s * time
    movie = (front >= R_UM) & (front - speed_um_s < R_UM)
    tracker = measure(movie)
    assert len(tracker.waves) == 1
    assert tracker.waves[0, 0] > 0.9 * GRID.cells * PLACE_MM2
    assert speed_um_s * 0.9 < tracker.waves[0, 2] < speed_um_s * 1.2


def test_apart_and_together():
    """Two discs far apart are two clean waves; a bridge between them makes one that is not clean and has no speed."""
    left, right = disc(-400, 0, 150), disc(400, 0, 150)
    apart = measure(flashes(200, (50, 70, left), (50, 70, right)))
    assert len(apart.waves) == 2
    assert apart.statistics().clean == 2
    bridge = disc(0, 0, 350)
    together = measure(flashes(200, (50, 70, left), (50, 70, right), (60, 80, bridge)))
    assert len(together.waves) == 1
    size, duration, speed, begin, clean = together.waves[0]
    assert clean == 0
    assert math.isnan(speed)
    assert begin == apart.waves[0, 3]
    assert size > apart.waves[:, 0].sum()
    assert duration > apart.waves[:, 1].max()
    statistics = together.statistics()
    assert (statistics.clean, statistics.speed_um_s.n, statistics.size_mm2.n) == (0, 0, 1)


def test_a_wave_that_comes_back_is_counted_once():
    """Places that a wave covers twice are one area."""
    flash, around = disc(0, 0, 150), disc(0, 0, 300)
    once = measure(flashes(200, (50, 90, around)))
    twice = measure(flashes(200, (50, 90, around & ~flash), (50, 60, flash), (72, 90, flash)))
    assert len(twice.waves) == 1
    assert twice.waves[0, 0] == pytest.approx(once.waves[0, 0])


def test_silence_and_the_unfinished():
    nothing = measure(np.zeros((100, GRID.cells), dtype=bool)).statistics()
    assert nothing.size_mm2.n == nothing.interval_s.n == nothing.speed_um_s.n == nothing.duration_s.n == 0
    assert math.isnan(nothing.size_mm2.mean)
    assert nothing.as_json()["size_mm2"] == {"mean": None, "sd": None, "n": 0}
    assert nothing.observed_min == pytest.approx(100 / 600)
    assert measure(flashes(100, (50, 100, disc(0, 0, 200)))).statistics().size_mm2.n == 0
    # One depolarised cell alone is no wave: its calcium settles at 0.01 / 0.15.
    assert measure(flashes(200, (50, 150, R_UM == 0))).statistics().size_mm2.n == 0


def test_pieces_and_pooling():
    """Frames handed in piece by piece give what the whole gives; retinas are pooled, and a preset's name will do."""
    sim = WaveSimulator("turtle", 12)
    _, movie = sim.record(sim.warmed_up([1, 2], minutes=1), 3000)
    whole, parts = measure(movie[:, 0], sim.grid), WaveTracker(sim.grid)
    for piece in np.array_split(movie[:, 0], 7):
        parts.update(piece)
    np.testing.assert_array_equal(whole.waves, parts.waves)
    assert whole.statistics() == parts.statistics()
    assert len(whole.waves) > 5
    other = measure(movie[:, 1], sim.grid)
    pooled = wave_statistics("turtle", radius=12, seeds=[1, 2], minutes=5, warm_up_minutes=1)
    assert pooled == wave_statistics(sim, seeds=[1, 2], minutes=5, warm_up_minutes=1)
    assert pooled.size_mm2.n == len(whole.waves) + len(other.waves)
    assert pooled.size_mm2.mean == pytest.approx(np.concatenate([whole.waves, other.waves])[:, 0].mean())
    assert pooled.interval_s.n == whole.pauses[0] + other.pauses[0]
    assert pooled.observed_min == pytest.approx(10)


# Published by the specification: the released program, radius 36, 60 minutes, one seed: mean and SD of the size (mm2), the
# interval (s) and the speed (um/s). Then the relative tolerances of the three means.
#
# Seeds differ. Over eight seeds of 60 minutes each, this simulator's means have a standard deviation of 2-3 % (size; the
# chicks 6-7 %), 0.2-1.5 % (interval) and 1-4 % (speed); the table is one such draw, and the 120 minutes here are two.
# About four standard deviations of the difference: 15 %, 5 % and 10 %. The chicks need more for their size, which has
# a long tail (waves that take the whole retina): the released program itself gave 0.308 to 0.374 for chick-e14 over
# six seeds, the table's being the second smallest, and this one 0.289 to 0.359 over seven (0.55 for an eighth).
TABLE = {
    "ferret": (0.148, 0.135, 116.2, 47, 175.5, 36, 0.15),
    "mouse": (0.194, 0.187, 81.7, 35, 109, 28, 0.15),
    "chick-e14": (0.309, 0.231, 99.1, 35, 524, 157, 0.25),
    "rabbit": (0.184, 0.168, 111.4, 42, 199, 38, 0.15),
    "turtle": (0.168, 0.151, 63.3, 24, 223, 50, 0.15),
    "chick-e16": (0.330, 0.256, 96.8, 36, 589, 214, 0.25),
}


@pytest.mark.parametrize("preset", TABLE)
def test_published_statistics(preset):
    """Godfrey & Swindale's species: every mean, and the spread of what all cells measure."""
    size, size_sd, interval, interval_sd, speed, speed_sd, tolerance = TABLE[preset]
    found = wave_statistics(preset, seeds=[1, 2, 3], minutes=40)
    assert found.size_mm2.mean == pytest.approx(size, rel=tolerance)
    assert found.interval_s.mean == pytest.approx(interval, rel=0.05)
    assert found.speed_um_s.mean == pytest.approx(speed, rel=0.10)
    # Standard deviations: that of the interval is as steady as its mean; those of size and speed hang on a few large
    # waves and on a few waves that cross 100 places in one frame (over seeds: +-40 % and -25 % to +180 %).
    assert found.interval_s.sd == pytest.approx(interval_sd, rel=0.10)
    assert found.size_mm2.sd == pytest.approx(size_sd, rel=0.6)
    assert 0.6 * speed_sd < found.speed_um_s.sd < 3 * speed_sd
    assert found.duration_s.mean > 1
    assert found.observed_min == pytest.approx(120)
