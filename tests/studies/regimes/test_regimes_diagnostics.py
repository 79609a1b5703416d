"""Diagnostics of learning regimes against closed forms and dense computations."""

from __future__ import annotations

import math

import pytest
import torch

from ontogym.errors import OntogymError
from ontogym.studies.regimes.model.curvature import top_hessian_eigenvalue
from ontogym.studies.regimes.model.metrics import (
    alignment,
    effective_rank,
    kernel_alignment,
    representation_alignment,
    sign_similarity,
    tangent_kernel,
    weight_change,
)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_alignment_of_the_same_is_one_whatever_scale_and_rotation():
    h = normal(20, 5)
    rotation = torch.linalg.qr(normal(5, 5, seed=1)).Q
    assert representation_alignment(h, h) == pytest.approx(1)
    assert representation_alignment(3 * h @ rotation, h) == pytest.approx(1)
    assert alignment(h, -h) == pytest.approx(-1)


def test_alignment_of_orthogonal_representations_is_zero():
    a, b = torch.zeros(4, 2), torch.zeros(4, 2)
    a[:2], b[2:] = 1, 1
    assert representation_alignment(a, b) == 0
    with pytest.raises(OntogymError, match="zeros"):
        alignment(a, 0 * a)
    with pytest.raises(OntogymError, match="differ"):
        alignment(a, b[:2])


def test_tangent_kernel_of_a_linear_model_is_the_kernel_of_its_inputs():
    x = normal(6, 4)
    weights = normal(2, 4, seed=1)
    kernel = tangent_kernel(lambda w: x @ w.T, weights)
    torch.testing.assert_close(kernel, torch.kron(x @ x.T, torch.eye(2, dtype=torch.float64)))
    # Lazy by construction: the kernel does not depend on the weights.
    assert kernel_alignment(tangent_kernel(lambda w: x @ w.T, -5 * weights), kernel) == pytest.approx(1)


def test_tangent_kernel_of_a_model_that_is_not_linear_moves():
    x = normal(6, 4)
    model = lambda w: torch.relu(x @ w.T).sum(1)  # noqa: E731
    before, after = (tangent_kernel(model, normal(8, 4, seed=s)) for s in (1, 2))
    assert kernel_alignment(before, after) < 0.99


@pytest.mark.parametrize("kind", ["participation", "entropy"])
def test_effective_rank_of_known_matrices(kind):
    assert effective_rank(torch.eye(7), kind) == pytest.approx(7)
    assert effective_rank(torch.outer(torch.arange(1.0, 5), torch.ones(3)), kind) == pytest.approx(
        1, abs=1e-6
    )
    assert effective_rank(torch.zeros(3, 3), kind) == 0
    assert effective_rank(5 * torch.diag(torch.tensor([1.0, 1.0, 0.0])), kind) == pytest.approx(2)


def test_effective_ranks_by_hand():
    s = torch.diag(torch.tensor([3.0, 1.0]))
    assert effective_rank(s) == pytest.approx(16 / 10)
    assert effective_rank(s, "entropy") == pytest.approx(
        math.exp(-0.75 * math.log(0.75) - 0.25 * math.log(0.25))
    )
    with pytest.raises(OntogymError, match="participation"):
        effective_rank(s, "stable")


def test_changes_by_hand():
    before, after = torch.tensor([[1.0, -1.0], [0.0, 2.0]]), torch.tensor([[2.0, 1.0], [5.0, 2.0]])
    assert weight_change(after, before) == pytest.approx(math.sqrt(1 + 4 + 25))
    assert sign_similarity(after, before) == pytest.approx(2 / 3)


@pytest.mark.parametrize("units", [3, 9])
def test_hessian_eigenvalue_is_the_dense_one(units):
    """By the whole matrix (12 weights) and by Lanczos' method (36)."""
    x, y = normal(30, 4), normal(30, 1, seed=1)

    def loss(w):
        return ((torch.tanh(x @ w.T).sum(1, keepdim=True) - y) ** 2).mean() + 0.005 * (w**2).sum()

    for seed in range(3):
        w = normal(units, 4, seed=seed)
        dense = torch.func.hessian(loss)(w).reshape(4 * units, 4 * units)
        found = top_hessian_eigenvalue(loss, w, tolerance=1e-10)
        assert found.converged
        assert found.value == pytest.approx(torch.linalg.eigvalsh(dense)[-1].item(), rel=1e-8)
        flat = found.vector.flatten()
        assert flat.norm() == pytest.approx(1)
        assert (dense @ flat - found.value * flat).norm() < 1e-4


@pytest.mark.parametrize("zeros", [0, 40])
def test_the_largest_eigenvalue_is_found_beside_one_as_large_and_negative(zeros):
    """Power iteration on diag(-5, 5, 1) gave -3.6, as converged."""
    scale = torch.tensor([-5.0, 5.0, 1.0] + zeros * [0.0], dtype=torch.float64)
    found = top_hessian_eigenvalue(lambda w: (scale * w**2).sum() / 2, normal(3 + zeros))
    assert found.converged
    assert found.value == pytest.approx(5, rel=1e-6)
    assert abs(found.vector[1]) == pytest.approx(1, abs=1e-4)


def test_all_curvatures_may_be_negative_or_none():
    scale = torch.tensor([-1.0, -3.0], dtype=torch.float64)
    assert top_hessian_eigenvalue(lambda w: (scale * w**2).sum() / 2, normal(2)).value == pytest.approx(-1)
    for size in (2, 50):
        found = top_hessian_eigenvalue(lambda w: 3 * w.sum(), normal(size))
        assert (found.value, found.converged) == (0, True)


def test_too_few_products_are_said_to_be():
    scale = torch.linspace(1, 1.001, 400, dtype=torch.float64)
    found = top_hessian_eigenvalue(lambda w: (scale * w**2).sum() / 2, normal(400), iterations=20)
    assert not found.converged
    assert 1 < found.value < 1.001


def test_a_loss_that_is_none_is_named():
    with pytest.raises(OntogymError, match="finite"):
        top_hessian_eigenvalue(lambda w: w.sum() * float("nan"), normal(2))
    with pytest.raises(OntogymError, match="differentiated"):
        top_hessian_eigenvalue(lambda w: torch.tensor(1.0), normal(2))
