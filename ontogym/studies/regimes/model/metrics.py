"""How much learning changed: weights, representation, tangent kernel; and the effective rank of a matrix.

Sources: arXiv 2310.08513 for the alignments; Roy & Vetterli 2007 for the entropy rank. Small changes mean lazy
learning, large ones rich learning.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ontogym.errors import OntogymError

__all__ = [
    "alignment",
    "effective_rank",
    "generalisation_gap",
    "kernel_alignment",
    "representation_alignment",
    "sign_similarity",
    "tangent_kernel",
    "weight_change",
]


def alignment(a: Tensor, b: Tensor) -> float:
    """Cosine of two matrices of one shape as vectors, ``<a, b> / (|a| |b|)``.

    Raises:
        OntogymError: other shapes, or a matrix of zeros (which is aligned with nothing).
    """
    if a.shape != b.shape:
        raise OntogymError(f"Shapes {tuple(a.shape)} and {tuple(b.shape)} differ; compare like with like.")
    a, b = a.double().flatten(), b.double().flatten()
    size = a.norm() * b.norm()
    if size == 0:
        raise OntogymError(
            "A matrix of zeros has no direction; check that the network responds to its inputs."
        )
    return float(a @ b / size)


def representation_alignment(after: Tensor, before: Tensor) -> float:
    """RA (arXiv 2310.08513): `alignment` of the kernels H H^T of hidden states ``(trials, N)`` after and before learning; in [0, 1]."""
    after, before = after.double(), before.double()
    return alignment(after @ after.T, before @ before.T)


def tangent_kernel(function: Callable[[Tensor], Tensor], weights: Tensor) -> Tensor:
    """K = J J^T with J the slope of every output with respect to every weight: ``(outputs, outputs)``.

    Args:
        function: weights to a tensor of outputs (of all probe trials); differentiable.
        weights: where to take it.

    Costs memory for outputs x weights numbers.
    """
    jacobian = torch.func.jacrev(lambda w: function(w).flatten())(weights.detach()).flatten(1)
    kernel: Tensor = jacobian @ jacobian.T
    return kernel.detach()


def kernel_alignment(after: Tensor, before: Tensor) -> float:
    """KA (arXiv 2310.08513): `alignment` of two tangent kernels ``(outputs, outputs)``; 1 if learning left the kernel as it was (lazy)."""
    return alignment(after, before)


def weight_change(after: Tensor, before: Tensor) -> float:
    """Frobenius norm of the difference of two tensors of one shape."""
    return float((after.double() - before.double()).norm())


def sign_similarity(after: Tensor, before: Tensor) -> float:
    """Share of entries of two tensors of one shape, among those that were not 0, whose sign is still the same; NaN if all were 0."""
    there = before != 0
    return float((after.sign() == before.sign())[there].double().mean())


def effective_rank(matrix: Tensor, kind: str = "participation") -> float:
    """A rank that counts weak directions less, from the singular values s.

    Args:
        matrix: any 2-D tensor.
        kind: "participation", ``(sum s)^2 / sum s^2``, or "entropy", ``exp(H(s / sum s))`` (Roy & Vetterli 2007).

    Returns:
        Between 1 and the rank; 0 for a matrix of zeros.

    Raises:
        OntogymError: another kind.
    """
    s = torch.linalg.svdvals(matrix.double())
    if s.sum() == 0:
        return 0.0
    if kind == "participation":
        return float(s.sum() ** 2 / (s**2).sum())
    if kind == "entropy":
        return float(torch.special.entr(s / s.sum()).sum().exp())
    raise OntogymError(f"Unknown kind of effective rank {kind!r}; choose 'participation' or 'entropy'.")


def generalisation_gap(train_accuracy: float, test_accuracy: float) -> float:
    """Train minus test accuracy (arXiv 2206.00823)."""
    return train_accuracy - test_accuracy
