"""Streams as tensors draw what `LaneStreams` draws."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ontogym.batched.tensors import increments, stream_tensor, uniform
from ontogym.seeding import LaneStreams


@pytest.mark.parametrize("size", [(), (1,), (2, 5, 5)])
def test_tensors_draw_what_arrays_draw(size: tuple[int, ...]) -> None:
    words = np.array([0, 1, 2**63 - 1, 2**63, 2**64 - 1, 1234567], dtype=np.uint64)
    arrays = LaneStreams(words)
    streams = stream_tensor(arrays.state, "cpu")
    steps = increments(int(np.prod(size)), "cpu")
    for _ in range(3):
        drawn, streams = uniform(streams, steps, size)
        np.testing.assert_array_equal(drawn.numpy(), arrays.uniform(size))
        np.testing.assert_array_equal(streams.numpy().view(np.uint64), arrays.state)


def test_single_precision_is_the_double_rounded_once() -> None:
    streams = stream_tensor(np.arange(1000, dtype=np.uint64), "cpu")
    single, _ = uniform(streams, increments(50, "cpu"), (50,), torch.float32)
    double, _ = uniform(streams, increments(50, "cpu"), (50,))
    assert torch.equal(single, double.float())
