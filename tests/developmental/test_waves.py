"""The wave simulator against its readable twin, and against itself: batches, pieces, copies, caches."""

from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import pytest

from ontogym.developmental.waves import PRESETS, DenseRetina, WaveParameters, WaveSimulator, simulator
from ontogym.developmental.waves.fixed_point import INPUT_UNIT, THRESHOLD_UNIT, noise_table

FERRET = PRESETS["ferret"]


def but(preset="ferret", **changes):
    return dataclasses.replace(PRESETS[preset], **changes)


# Name: parameters, radius, steps, how often a cell must start at least for the case to mean something.
CASES = {
    "ferret": (FERRET, 9, 9000, 1),
    "reward": (PRESETS["reward"], 9, 9000, 1),
    "chick-e14": (PRESETS["chick-e14"], 7, 6000, 1),
    "chick-e16": (PRESETS["chick-e16"], 7, 6000, 1),
    "mouse": (PRESETS["mouse"], 7, 6000, 1),
    "no neighbours": (but(connection_rings=0.75), 6, 9000, 3),
    "fields too small to touch": (but(dendritic_radius_um=16.0), 6, 9000, 3),
    "one ring": (but(connection_rings=1.25), 6, 6000, 1),
    "eight rings on a small retina": (but("reward", connection_rings=8.75), 5, 6000, 1),
    "fast class": (WaveParameters(8.75, 0.7, 0.3125, 7.5, 0.05, 170.0, 6.25), 7, 5000, 1),
    "slow class": (WaveParameters(1.25, 0.1, 2.1875, 52.5, 0.35, 170.0, 3.75), 7, 5000, 1),
    "oscillating excitation": (but(excitation_s=0.0125), 6, 4000, 1),
    "shortest depolarisation": (but(depolarisation_s=0.025), 6, 4000, 1),
    "thresholds that jump": (but(h2=100.0), 6, 4000, 1),
    "silent": (but(h1=0.0, h2=0.0), 5, 2000, 0),
    "a retina of seven cells": (FERRET, 1, 9000, 1),
}


@pytest.mark.parametrize("case", CASES)
def test_kernel_is_the_model(case):
    """Every cell's activity at every step, and all of its state every 40 steps, equal the twin's to the last bit."""
    parameters, radius, steps, least = CASES[case]
    sim, twin = WaveSimulator(parameters, radius), DenseRetina(parameters, radius, seed=5)
    state = sim.fresh([5])
    for _ in range(steps // 40):
        movie = []
        for _ in range(40):
            twin.step()
            movie.append(twin.active)
        state, seen = sim.record(state, 40, frame_ms=25, inplace=True)
        np.testing.assert_array_equal(seen[:, 0], movie)
        cells = sim.cells(state)
        np.testing.assert_array_equal(cells.active[0], twin.active)
        np.testing.assert_array_equal(cells.threshold[0], twin.threshold * THRESHOLD_UNIT)
        np.testing.assert_array_equal(cells.decay_per_step[0], twin.decay * THRESHOLD_UNIT)
        quiet = ~twin.active
        np.testing.assert_array_equal(cells.excitation[0, quiet], twin.excitation[quiet] * INPUT_UNIT)
    starts = state.head[0, 1] / sim.grid.cells
    assert starts >= least if least else starts == 0


def test_one_cell_obeys_the_equations():
    """A cell without neighbours, in floating point: fires when its threshold has decayed to nothing, then rises by H1."""
    sim = WaveSimulator(but(connection_rings=0), 1)
    state = sim.fresh([11])
    start = sim.cells(state)
    assert ((start.threshold >= 0.5) & (start.threshold <= 5)).all()
    steps = np.ceil(start.threshold[0] / start.decay_per_step[0]).astype(int)
    first = int(steps.argmin())
    state = sim.advance(state, int(steps[first]))
    assert not sim.cells(state).active.any()
    state, movie = sim.record(state, 60, frame_ms=25)
    on = movie[:, 0, first]
    # D = 1.3 s is 52 steps; the first time later than that is the 53rd step.
    assert on[:53].all()
    assert not on[53:].any()
    # Raised by H1 / D * dt in each of 53 steps, decayed at the old rate in them and at the new one after.
    after, decay = sim.cells(state), start.decay_per_step[0, first]
    expected = 53 * (4 / 1.3 * 0.025 - decay) - 7 * after.decay_per_step[0, first]
    assert after.threshold[0, first] == pytest.approx(expected, abs=60 * THRESHOLD_UNIT)
    assert after.decay_per_step[0, first] != decay


def test_noise_is_normal():
    table = noise_table()
    assert table.mean() == pytest.approx(1.0, abs=1e-12)
    # The tails end at 4.3 standard deviations: that takes a little from the second and fourth moments.
    assert table.std() == pytest.approx(0.2, rel=1e-4)
    assert (((table - 1) / 0.2) ** 4).mean() == pytest.approx(3.0, rel=2e-3)
    assert 0.13 < table[0] < 0.14
    decay = WaveSimulator("ferret", 30).cells(WaveSimulator("ferret", 30).fresh(range(20))).decay_per_step
    share = decay / decay.mean(axis=0)
    assert share.std() == pytest.approx(0.2, rel=0.03)  # 54 000 draws: 0.3 %; n = 20 in the mean takes 2.5 %
    assert np.corrcoef(share[0], share[1])[0, 1] == pytest.approx(0, abs=0.08)  # four standard errors


def test_batch_is_its_retinas():
    """A retina's life depends on its seed alone: in company, at any row, next to retinas at other times."""
    sim = WaveSimulator("mouse", 12)
    _, together = sim.record(sim.fresh([3, 1, 4, 1]), 300)
    for row, seed in enumerate([3, 1, 4, 1]):
        _, alone = sim.record(sim.fresh([seed]), 300)
        np.testing.assert_array_equal(together[:, row], alone[:, 0])
    assert not np.array_equal(together[:, 0], together[:, 1])
    mixed = sim.fresh([3, 1])
    mixed.put([1], sim.advance(sim.fresh([4]), 400))
    _, movie = sim.record(mixed, 200)
    np.testing.assert_array_equal(movie[:, 0], together[:200, 0])
    np.testing.assert_array_equal(movie[:, 1], together[100:, 2])


def test_pieces_make_the_whole():
    sim = WaveSimulator("turtle", 12)
    start = sim.fresh([7, 8])
    whole, movie = sim.record(start, 200, frame_ms=50)
    pieces = start
    for steps in (0, 1, 6, 93, 300):
        pieces = sim.advance(pieces, steps)
    for a, b in zip(sim.cells(whole), sim.cells(pieces)):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(whole.arrays(), pieces.arrays()):
        np.testing.assert_array_equal(a, b)
    part, first = sim.record(start, 80, frame_ms=50)
    _, second = sim.record(part, 120, frame_ms=50)
    np.testing.assert_array_equal(np.concatenate([first, second]), movie)
    assert movie.any()
    assert movie.shape == (200, 2, sim.grid.cells)
    assert movie.dtype == np.bool_


def test_in_place_only_if_asked():
    sim = WaveSimulator("turtle", 8)
    state = sim.fresh([1])
    before = state.copy()
    after = sim.advance(state, 500)
    sim.record(state, 100)
    for a, b in zip(before.arrays(), state.arrays()):
        np.testing.assert_array_equal(a, b)
    assert sim.advance(state, 500, inplace=True) is state
    for a, b in zip(after.arrays(), state.arrays()):
        np.testing.assert_array_equal(a, b)


def test_states_can_be_moved_and_stored():
    sim = WaveSimulator("turtle", 8)
    state = sim.advance(sim.fresh([1, 2, 3]), 700)
    two = state.take([2, 0])
    joined = type(state).concatenate([two, state.take(1)])
    assert len(two) == 2
    for a, b in zip(joined.arrays(), state.take([2, 0, 1]).arrays()):
        np.testing.assert_array_equal(a, b)
    two.step[:] = 0
    assert (state.step == 700).all()
    twin = pickle.loads(pickle.dumps(sim))
    _, a = sim.record(state, 50)
    _, b = twin.record(state, 50)
    np.testing.assert_array_equal(a, b)
    # From its arrays alone, as a file holds them, a state is put together again.
    _, c = sim.record(type(state)(*state.arrays()), 50)
    np.testing.assert_array_equal(a, c)
    assert joined.made_by == two.made_by == state.copy().made_by == (sim.parameters, 8)


def test_warmed_up_is_fresh_advanced(monkeypatch):
    sim = WaveSimulator("turtle", 6)
    expected = sim.advance(sim.fresh([5, 6]), 1200)
    runs, run = [], WaveSimulator._run
    monkeypatch.setattr(WaveSimulator, "_run", lambda *args: (runs.append(args[2]), run(*args)))
    for _ in range(2):
        state = sim.warmed_up([5, 6, 5], minutes=0.5)
        for a, b in zip(state.arrays(), expected.take([0, 1, 0]).arrays()):
            np.testing.assert_array_equal(a, b)
        sim.advance(state, 3, inplace=True)  # what is handed out is a copy
    assert runs == [1200, 3, 3]


def test_warm_cache_is_bounded(monkeypatch):
    sim = WaveSimulator("turtle", 6)
    size = sim.fresh([0]).nbytes
    monkeypatch.setattr(simulator, "CACHE_BYTES", 3 * size)
    monkeypatch.setattr(simulator, "_warm", simulator.OrderedDict())
    state = sim.warmed_up(range(10), minutes=0.01)
    assert len(state) == 10
    assert [key[2] for key in simulator._warm] == [7, 8, 9]
    sim.warmed_up([7], minutes=0.01)
    sim.warmed_up([1], minutes=0.01)
    assert [key[2] for key in simulator._warm] == [9, 7, 1]
    assert sum(s.nbytes for s in simulator._warm.values()) <= 3 * size
