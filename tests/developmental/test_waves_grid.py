"""The hexagonal grid, couplings, pictures, parameters and what is refused."""

from __future__ import annotations

import json
import math
import pickle

import numpy as np
import pytest

from ontogym.developmental.waves import (
    PRESETS,
    DenseRetina,
    HexGrid,
    WaveParameters,
    WaveSimulator,
    WaveState,
    WaveTracker,
    render,
    resolve_parameters,
    wave_statistics,
)
from ontogym.developmental.waves.fixed_point import coupling_table, drive
from ontogym.developmental.waves.grid import dendritic_overlap
from ontogym.errors import OntogymError, UnknownNameError

GOOD = {"h1": 4.0, "h2": 0.75, "depolarisation_s": 1.3, "refractory_s": 43.0, "excitation_s": 0.25}


@pytest.mark.parametrize(("radius", "cells"), [(1, 7), (36, 3643), (64, 11323), (256, 179017)])
def test_cells(radius, cells):
    """The released program's numbers of cells."""
    grid = HexGrid(radius)
    assert grid.cells == cells == len(grid.axial) == len(grid.position_um)
    assert grid is HexGrid(radius)
    assert pickle.loads(pickle.dumps(grid)) is grid
    # A hexagon of pitch 34 µm has 1 001 µm2; the grid fills its circle.
    assert grid.area_mm2 == pytest.approx(cells * 1001.1e-6, rel=1e-4)
    if radius > 30:
        assert grid.area_mm2 == pytest.approx(math.pi * (grid.radius_um / 1000) ** 2, rel=0.01)
    x, y = grid.axial[cells // 3]
    assert grid.position_um[cells // 3] == pytest.approx((34 * x + 17 * y, 34 * math.sqrt(3) / 2 * y))
    assert grid.index[y + radius, x + radius] == cells // 3


@pytest.mark.parametrize("size", [1, 2, 7, 20, 41])
def test_raster_is_the_nearest_cell(size):
    """By brute force, for every pixel (ties aside)."""
    grid = HexGrid(20)
    raster = grid.raster(size)
    middle = ((np.arange(size) + 0.5) / size - 0.5) * math.sqrt(2) * grid.radius_um
    for row in range(size):
        for column in range(size):
            away = np.hypot(*(grid.position_um - (middle[column], -middle[row])).T)
            assert away[raster[row, column]] == pytest.approx(away.min())


def test_render():
    grid = HexGrid(20)
    top = grid.position_um[:, 1] > 0
    frames = render(grid, np.stack([[top, ~top]] * 3), 41)
    assert frames.shape == (3, 2, 41, 41)
    assert frames.dtype == np.uint8
    assert (frames[:, 0, :20] == 255).all()
    assert (frames[:, 0, 21:] == 0).all()
    assert (frames[:, 0, :20] + frames[:, 1, :20] == 255).all()
    np.testing.assert_array_equal(render(grid, top.astype(np.float32), 30), render(grid, top, 30))


def test_couplings():
    """60 neighbours in 4 rings and 90 in 5; overlap by numerical integration; rim cells have less."""
    assert (coupling_table(PRESETS["ferret"]) > 0).sum() == 60
    assert (coupling_table(PRESETS["reward"]) > 0).sum() == 90
    for rings, neighbours in ((0, 0), (0.99, 0), (1.25, 6), (3.75, 36), (6.25, 126), (8.75, 216)):
        parameters = WaveParameters(**GOOD, dendritic_radius_um=170.0, connection_rings=rings)
        assert (coupling_table(parameters) > 0).sum() == neighbours
    x, y = np.meshgrid(*[np.linspace(-85, 85, 1001)] * 2)
    disc = np.hypot(x, y) <= 85
    for distance in (0, 34, 100, 150, 170, 200):
        lens = disc & (np.hypot(x - distance, y) <= 85)
        assert dendritic_overlap(distance, 85.0) == pytest.approx(lens.sum() / disc.sum(), abs=1e-3)
    share = drive(HexGrid(12), PRESETS["ferret"])
    twin = DenseRetina("ferret", 12)
    total = twin.coupling.sum(axis=1)
    np.testing.assert_array_equal(share, total / total.max())
    assert share.max() == 1
    assert share.min() < 0.6
    assert (drive(HexGrid(3), WaveParameters(**GOOD, connection_rings=0)) == 1).all()


def test_presets_and_json():
    assert set(PRESETS) == {
        "ferret",
        "rabbit",
        "mouse",
        "chick-e14",
        "chick-e16",
        "turtle",
        "reward",
        "human-hypothesis",
    }
    for name, parameters in PRESETS.items():
        assert resolve_parameters(name) is parameters
        assert WaveParameters(**json.loads(json.dumps(parameters.as_json()))) == parameters
    with pytest.raises(UnknownNameError, match="did you mean 'ferret'"):
        resolve_parameters("feret")
    with pytest.raises(UnknownNameError):
        WaveSimulator("zebra")


@pytest.mark.parametrize("name", [*GOOD, "dendritic_radius_um", "connection_rings"])
@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf, 1e9, "many", None])
def test_parameters_out_of_range(name, value):
    with pytest.raises(OntogymError, match=name):
        WaveParameters(**{**GOOD, name: value})


@pytest.mark.parametrize("name", ["depolarisation_s", "refractory_s", "excitation_s", "dendritic_radius_um"])
def test_no_time_or_size_is_zero(name):
    with pytest.raises(OntogymError, match=rf"{name} is 0.*give a number from"):
        WaveParameters(**{**GOOD, name: 0})


SIM = WaveSimulator("ferret", 4)
STATE = SIM.fresh([0])
REFUSED = {
    "radius zero": (lambda: WaveSimulator("ferret", 0), "radius is 0"),
    "radius negative": (lambda: HexGrid(-3), "radius is -3"),
    "radius not whole": (lambda: HexGrid(3.5), "radius is 3.5"),
    "radius huge": (lambda: HexGrid(10**6), "from 1 to 1024"),
    "twin too large": (lambda: DenseRetina("ferret", 36), "at most 24"),
    "parameters of no kind": (lambda: WaveSimulator({"h1": 4}), "give a WaveParameters or a preset's name"),
    "picture too large": (lambda: render(SIM.grid, STATE.active, 10), "give 1 to 9 pixels"),
    "picture of nothing": (lambda: SIM.grid.raster(0), "give 1 to 9 pixels"),
    "picture of another retina": (lambda: render(HexGrid(5), STATE.active, 4), "not of a retina of radius 5"),
    "no seed": (lambda: SIM.fresh([]), "at least one seed"),
    "negative seed": (lambda: SIM.fresh([-1]), "seed cannot be -1"),
    "seed too large": (lambda: SIM.fresh([2**64]), "seed cannot be"),
    "seed no number": (lambda: SIM.warmed_up(["a"]), "seed cannot be 'a'"),
    "negative steps": (lambda: SIM.advance(STATE, -1), "steps is -1"),
    "half a step": (lambda: SIM.advance(STATE, 0.5), "steps is 0.5"),
    "negative frames": (lambda: SIM.record(STATE, -1), "frames is -1"),
    "frame of 30 ms": (lambda: SIM.record(STATE, 1, frame_ms=30), "multiple of 25 ms"),
    "frame of 0 ms": (lambda: SIM.record(STATE, 1, frame_ms=0), "multiple of 25 ms"),
    "frame of nan ms": (lambda: SIM.record(STATE, 1, frame_ms=math.nan), "multiple of 25 ms"),
    "negative warm-up": (lambda: SIM.warmed_up([0], minutes=-1), "cannot take -1"),
    "endless warm-up": (lambda: SIM.warmed_up([0], minutes=math.inf), "cannot take inf"),
    "state of another radius": (lambda: SIM.advance(WaveSimulator("ferret", 5).fresh([0]), 1), "belongs to"),
    "state of other parameters": (lambda: SIM.record(WaveSimulator("mouse", 4).fresh([0]), 1), "belongs to"),
    "state of other parameters, same shape": (
        lambda: SIM.record(WaveSimulator("human-hypothesis", 4).fresh([0]), 1),
        "belongs to",
    ),
    "cells of other parameters": (
        lambda: SIM.cells(WaveSimulator("human-hypothesis", 4).fresh([0])),
        "belongs",
    ),
    "retinas of two kinds joined": (
        lambda: WaveState.concatenate([STATE, WaveSimulator("human-hypothesis", 4).fresh([0])]),
        "states of their own",
    ),
    "a retina of another kind put in": (
        lambda: STATE.copy().put([0], WaveSimulator("human-hypothesis", 4).fresh([0])),
        "states of their own",
    ),
    "film larger than memory": (lambda: SIM.record(STATE, 10**10), "GiB.*piece by piece"),
    "film without end": (lambda: SIM.record(STATE, 10**30), "piece by piece"),
    "steps without end": (lambda: SIM.advance(STATE, 10**30), "steps is 10"),
    "frame length no number": (lambda: SIM.record(STATE, 1, frame_ms="100"), "cannot last '100' ms"),
    "warm-up no number": (lambda: SIM.warmed_up([0], minutes="5"), "cannot take '5' minutes"),
    "minutes no number": (lambda: wave_statistics(SIM, minutes="5"), "cannot be observed for '5' minutes"),
    "one retina twice": (lambda: wave_statistics(SIM, seeds=[1, 2, 1]), r"\(1, 2, 1\) must be different"),
    "levels above 1": (lambda: render(SIM.grid, np.full(SIM.grid.cells, 1.5), 4), "must be from 0 to 1"),
    "levels below 0": (lambda: render(SIM.grid, np.full(SIM.grid.cells, -0.5), 4), "must be from 0 to 1"),
    "levels not known": (lambda: render(SIM.grid, np.full(SIM.grid.cells, np.nan), 4), "must be from 0 to 1"),
    "nothing observed": (lambda: wave_statistics(SIM, minutes=0), "cannot be observed for 0"),
    "frames of another retina": (lambda: WaveTracker(SIM.grid).update(np.zeros((3, 7), bool)), "radius 4"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    call, message = REFUSED[case]
    with pytest.raises(OntogymError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
