"""The top eigenvalue of a loss's exact Hessian, by power iteration on Hessian-vector products.

Source: arXiv 2206.00823, which takes it as the sharpness of the minimum that a learning rule finds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from ontogym.errors import OntogymError

__all__ = ["TopEigenvalue", "top_hessian_eigenvalue"]


class TopEigenvalue(NamedTuple):
    """``value``: the eigenvalue of largest magnitude, with its sign; ``vector``: its direction, of the weights' shape
    and of length 1; ``iterations`` that it took, and whether it ``converged``."""

    value: float
    vector: Tensor
    iterations: int
    converged: bool


def top_hessian_eigenvalue(
    loss: Callable[[Tensor], Tensor],
    weights: Tensor,
    *,
    iterations: int = 500,
    tolerance: float = 1e-6,
    generator: torch.Generator | None = None,
) -> TopEigenvalue:
    """Largest eigenvalue, by magnitude, of the Hessian of `loss` at `weights`.

    Args:
        loss: weights to a scalar; twice differentiable, and truncated nowhere.
        weights: where; any shape. Float64 is advisable for the default tolerance.
        iterations: the most products (500 in the paper).
        tolerance: stop when two successive Rayleigh quotients differ by less.
        generator: draws the first direction.

    Raises:
        OntogymError: the loss is not finite, or does not depend on the weights.
    """
    at = weights.detach().clone().requires_grad_()
    value = loss(at)
    if not (value.numel() == 1 and torch.isfinite(value)):
        raise OntogymError(
            "The loss is no finite number at these weights; check that training did not diverge."
        )
    try:
        # One graph for all products.
        (slope,) = torch.autograd.grad(value.reshape(()), at, create_graph=True)
    except RuntimeError as error:
        raise OntogymError(f"The loss cannot be differentiated by these weights ({error}).") from error
    vector = torch.randn(at.shape, generator=generator, dtype=torch.float64).to(at)
    vector /= vector.norm()
    quotient, previous = 0.0, float("inf")
    for k in range(1, iterations + 1):
        product = _product(slope, at, vector)
        quotient = float((vector * product).sum())
        size = product.norm()
        if size == 0 or abs(quotient - previous) < tolerance:
            return TopEigenvalue(quotient, vector, k, True)
        previous, vector = quotient, product / size
    return TopEigenvalue(quotient, vector, iterations, False)


def _product(slope: Tensor, at: Tensor, vector: Tensor) -> Tensor:
    """Hessian times vector; 0 where the slope does not depend on the weights (a linear loss)."""
    if not slope.requires_grad:
        return torch.zeros_like(vector)
    (product,) = torch.autograd.grad(slope, at, vector, retain_graph=True, allow_unused=True)
    return torch.zeros_like(vector) if product is None else product
