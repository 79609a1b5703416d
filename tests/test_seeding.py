"""Streams of randomness: independent, reproducible, and each row its own."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ontogym.seeding import LaneStreams, derive, generator, lane_seeds, mix64, torch_generator


def test_derive_is_stable_and_depends_on_every_name():
    # Fixed numbers: a stream must be the same on every machine and in every version.
    assert (derive(0), derive(1, "a", 2)) == (4246866556266386882, 9066666090510628820)
    seeds = {
        derive(s, *names) for s in (0, 1) for names in [(), ("a",), ("a", "b"), ("b", "a"), ("ab",), ("a", 1)]
    }
    assert len(seeds) == 12
    assert all(0 <= s < 2**63 for s in seeds)


def test_generators():
    assert generator(1, "x").random() == generator(1, "x").random() != generator(1, "y").random()
    a, b = (torch.rand(3, generator=torch_generator(1, "x")) for _ in range(2))
    assert torch.equal(a, b)


def test_splitmix64_against_its_reference():
    """First outputs of SplitMix64 from state 1234567 (the reference implementation's test vector)."""
    golden = 0x9E3779B97F4A7C15
    states = np.array([(1234567 + golden * k) % 2**64 for k in (1, 2, 3)], dtype=np.uint64)
    assert mix64(states).tolist() == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_lane_seeds_do_not_depend_on_count():
    assert np.array_equal(lane_seeds(3, 5, "x"), lane_seeds(3, 9, "x")[:5])
    assert len(np.unique(lane_seeds(3, 10_000, "x"))) == 10_000
    assert not np.array_equal(lane_seeds(3, 5, "x"), lane_seeds(4, 5, "x"))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 2**63), min_size=1, max_size=6), st.integers(0, 2**31))
def test_a_row_draws_the_same_alone_and_in_company(seeds, choice):
    seeds = np.array(seeds, dtype=np.uint64)
    k = choice % len(seeds)
    together, alone = LaneStreams(seeds), LaneStreams(seeds[k : k + 1])
    for size in ((), (3,), (2, 2)):
        assert np.array_equal(together.uniform(size)[k], alone.uniform(size)[0])
        assert np.array_equal(together.normal(size)[k], alone.normal(size)[0])


def test_a_draw_for_some_rows_leaves_the_others_where_they_were():
    streams, twin = LaneStreams(lane_seeds(0, 3)), LaneStreams(lane_seeds(0, 3))
    assert streams.uniform((2,), np.array([True, False, True])).shape == (2, 2)
    assert np.array_equal(streams.uniform()[1], twin.uniform()[1])
    assert streams.state[0] != twin.state[0]
    kept = streams.copy()
    streams.uniform((5,))
    assert not np.array_equal(kept.state, streams.state)
    streams.reseed(np.array([0]), lane_seeds(0, 1))
    assert streams.uniform()[0] == LaneStreams(lane_seeds(0, 3)).uniform()[0]


def test_one_draw_of_many_is_many_draws_of_one():
    a, b = LaneStreams(lane_seeds(0, 2)), LaneStreams(lane_seeds(0, 2))
    assert np.array_equal(a.uniform((4,)), np.stack([b.uniform() for _ in range(4)], 1))


def test_distributions():
    """100 000 numbers from neighbouring seeds; limits are five standard errors."""
    streams = LaneStreams(np.arange(100, dtype=np.uint64))
    u, z = streams.uniform((1000,)), streams.normal((1000,))
    n = u.size
    assert ((u >= 0) & (u < 1)).all()
    assert abs(u.mean() - 0.5) < 5 * np.sqrt(1 / 12 / n)
    assert abs(z.mean()) < 5 / np.sqrt(n)
    assert abs(z.var() - 1) < 5 * np.sqrt(2 / n)
    # Rows of neighbouring seeds are uncorrelated: 4950 pairs, so six standard errors for the largest.
    correlation = np.corrcoef(z)[np.triu_indices(100, 1)]
    assert np.abs(correlation).max() < 6 / np.sqrt(1000)
