"""Moving edges at a fixed number: the kernel, its readable twin, an oracle in plain Python, and the compiler."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ontogym.developmental.rules.fixed_sparsity import smallest, swap_edges, swap_edges_by_sorting

DTYPES = [torch.float32, torch.float64]
INFINITE = float("inf")
# Few values, so that most are equal to others, and every kind of them that sorting might trip over.
VALUES = st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5, 1e-40, -1e-40, 3e38, INFINITE, -INFINITE, math.nan])


def case(seed, dtype, population=3, nodes=6, density=0.5):
    """Arguments of `swap_edges` with every kind of count, from none to more than there is."""
    generator = torch.Generator().manual_seed(seed)

    def uniform():
        return torch.rand(population, nodes, nodes, generator=generator, dtype=dtype)

    mask, allowed = (uniform() < density).to(dtype), (uniform() < 0.8).to(dtype)
    count = torch.randint(-1, nodes**2, (population,), generator=generator)
    return mask, allowed, count, uniform() - 0.5, uniform()


def expected(mask, allowed, count, leaving, coming):
    """One network in plain Python; Python's sort keeps equal ones in order."""

    def order(scores, among):
        return sorted(np.flatnonzero(among), key=lambda place: (math.isnan(scores[place]), scores[place]))

    flat = [part.flatten().tolist() for part in (mask, allowed, leaving, coming)]
    present = [m > 0 for m in flat[0]]
    free = [m == 0 and a > 0 for m, a in zip(*flat[:2])]
    new, moved = np.array(present, float), max(0, min(int(count), sum(present), sum(free)))
    new[order(flat[2], present)[:moved]] = 0
    new[order(flat[3], free)[:moved]] = 1
    return torch.as_tensor(new).view_as(mask)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(DTYPES), st.integers(1, 5), st.integers(-1, 26))
def test_kernel_twin_and_plain_python_agree_among_equal_and_odd_numbers(data, dtype, nodes, count):
    def drawn(values):
        numbers = data.draw(st.lists(values, min_size=nodes**2, max_size=nodes**2))
        return torch.tensor(numbers, dtype=dtype).view(1, nodes, nodes)

    bits = st.sampled_from([0.0, 1.0])
    parts = drawn(bits), drawn(bits), torch.tensor([count]), drawn(VALUES), drawn(VALUES)
    found = swap_edges(*parts)
    assert found.dtype == dtype
    assert torch.equal(found[0].double(), expected(*(part[0] for part in parts)))
    assert torch.equal(found, swap_edges_by_sorting(*parts))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("density", [0.0, 0.02, 0.5, 1.0])
def test_kernel_and_twin_agree_in_larger_networks(dtype, density):
    """More places than fit a vector register, or divide by its length."""
    for seed in range(5):
        parts = case(seed, dtype, population=7, nodes=21, density=density)
        before = [part.clone() for part in parts]
        found = swap_edges(*parts)
        assert torch.equal(found, swap_edges_by_sorting(*parts))
        assert torch.equal(found.sum((1, 2)), parts[0].sum((1, 2)))
        assert all(torch.equal(old, part) for old, part in zip(before, parts))


def test_each_network_moves_as_many_as_it_was_told():
    mask, allowed = torch.zeros(4, 3, 4), torch.ones(4, 3, 4)
    mask[:, 0] = 1
    scores = torch.arange(12.0).view(1, 3, 4).expand(4, 3, 4)
    new = swap_edges(mask, allowed, torch.tensor([0.0, 1.0, 3.0, math.inf]), scores, -scores)
    assert new.flatten(1).long().tolist() == [
        [1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0],
        [0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1],
        [0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 1, 1],
        [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1],
    ]


def test_of_equal_scores_the_first_are_smallest_and_nan_is_last():
    scores = torch.tensor([[2.0, 1.0, math.nan, 1.0, INFINITE, 1.0, -0.0, 0.0]])
    among = torch.tensor([[True, False, True, True, True, True, True, True]])
    orders = [smallest(scores, among, torch.tensor([k]))[0].nonzero()[:, 0].tolist() for k in range(9)]
    assert orders[:5] == [[], [6], [6, 7], [3, 6, 7], [3, 5, 6, 7]]
    assert orders[6:] == [[0, 3, 4, 5, 6, 7], [0, 2, 3, 4, 5, 6, 7], [0, 2, 3, 4, 5, 6, 7]]


@pytest.mark.parametrize("dtype", DTYPES)
def test_views_with_any_strides_will_do(dtype):
    mask, allowed, count, leaving, coming = case(0, dtype)
    noise = torch.stack([leaving, coming], 1)
    strided = mask.mT.contiguous().mT, allowed[:1].expand_as(mask), count, noise[:, 0], noise[:, 1]
    plain = mask, allowed[:1].repeat(3, 1, 1), count, leaving, coming
    assert torch.equal(swap_edges(*strided), swap_edges(*plain))


def test_other_dtypes_and_mixed_ones_take_the_plain_way():
    mask, allowed, count, leaving, coming = case(1, torch.float32)
    found = swap_edges(mask.bfloat16(), allowed.bfloat16(), count, leaving.double(), coming)
    assert found.dtype == torch.bfloat16
    assert torch.equal(found.float(), swap_edges(mask, allowed, count, leaving, coming))


def test_no_gradient_goes_through_it():
    mask, allowed, count, leaving, coming = case(2, torch.float64)
    assert not swap_edges(mask, allowed, count, leaving.requires_grad_(), coming).requires_grad


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_compiler_takes_it_whole(dtype):
    """Without a break in the graph; the operation's promises (shape, dtype, no aliases) are checked by torch."""
    parts = case(3, dtype)
    compiled = torch.compile(lambda *given: swap_edges(*given) * 2, backend="aot_eager", fullgraph=True)
    assert torch.equal(compiled(*parts), swap_edges(*parts) * 2)
    torch.library.opcheck(torch.ops.ontogym.swap_edges.default, parts)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an accelerator")
@pytest.mark.parametrize("dtype", DTYPES)
def test_an_accelerator_decides_the_same(dtype):
    parts = case(4, dtype, population=16, nodes=20)
    parts[3][:, ::2] = 0.0  # equal ones among them
    found = swap_edges(*(part.cuda() for part in parts))
    assert torch.equal(found.cpu(), swap_edges(*parts))


def test_rules_load_without_numba_and_run_without_the_compiler():
    """Each takes its time to import: a list of rules must not wait for one, nor a short life for the other."""
    code = """
import sys, torch
from ontogym.registry import RULES
loaded = set(sys.modules)  # what torch itself brought
[RULES.get(name) for name in ("deep-rewiring", "magnitude-regrow")]
assert "numba" not in sys.modules
from ontogym.developmental.rules.fixed_sparsity import swap_edges
swap_edges(*torch.ones(2, 1, 2, 2), torch.ones(1), *torch.ones(2, 1, 2, 2))
assert "numba" in sys.modules
assert "torch._inductor" in loaded or "torch._inductor" not in sys.modules
assert "torch._dynamo" in loaded or "torch._dynamo" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
