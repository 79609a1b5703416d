"""The top eigenvalue of a loss's exact Hessian, by Lanczos' method (ARPACK, through SciPy) on Hessian-vector products.

Source: arXiv 2206.00823, which takes it as the sharpness of the minimum that a learning rule finds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse.linalg import ArpackError, ArpackNoConvergence, LinearOperator, eigsh
from torch import Tensor

from ontogym.errors import OntogymError

__all__ = ["TopEigenvalue", "top_hessian_eigenvalue"]

_DENSE = 20
"""Up to so many weights the whole Hessian takes no more products than Lanczos' method."""


class TopEigenvalue(NamedTuple):
    """``value``: the largest eigenvalue; ``vector``: its direction, of the weights' shape and of length 1; ``iterations``:
    the Hessian-vector products that it took; and whether it ``converged``."""

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
    """The largest eigenvalue of the Hessian of `loss` at `weights`: the sharpest curvature, whatever falls elsewhere.

    Args:
        loss: weights to a scalar; twice differentiable, and truncated nowhere.
        weights: where; any shape. Float64 is advisable for the default tolerance.
        iterations: about the most products (500 in the paper); after them, the largest curvature met so far is returned.
        tolerance: relative accuracy of the eigenvalue.
        generator: draws the first direction.

    Raises:
        OntogymError: the loss is not finite, or does not depend on the weights.
    """
    product = _product_of(loss, weights)
    size, count = weights.numel(), 0
    start = torch.randn(size, generator=generator, dtype=torch.float64).numpy()
    best = float(-np.inf), start

    def apply(vector: NDArray[np.float64]) -> NDArray[np.float64]:
        nonlocal best, count
        direction = np.asarray(vector, np.float64).ravel()
        turned, count = product(direction), count + 1
        # A Rayleigh quotient: no larger than the largest eigenvalue.
        best = max(
            best, (float(direction @ turned / (direction @ direction)), direction.copy()), key=lambda b: b[0]
        )
        return turned

    if size <= _DENSE:
        values, vectors = np.linalg.eigh(np.stack([apply(row) for row in np.eye(size)]))
        return TopEigenvalue(float(values[-1]), _shaped(vectors[:, -1], weights), count, True)
    operator = LinearOperator((size, size), matvec=apply, dtype=np.float64)
    basis = min(size, 20)
    try:
        values, vectors = eigsh(
            operator, 1, which="LA", v0=start, ncv=basis, maxiter=max(1, iterations // basis), tol=tolerance
        )
    except ArpackNoConvergence:
        return TopEigenvalue(best[0], _shaped(best[1], weights), count, False)
    except ArpackError:
        # It finds no direction to go on in where the Hessian is zero.
        return TopEigenvalue(best[0], _shaped(best[1], weights), count, not product(start).any())
    return TopEigenvalue(float(values[0]), _shaped(vectors[:, 0], weights), count, True)


def _shaped(vector: NDArray[np.float64], weights: Tensor) -> Tensor:
    return torch.from_numpy(vector / np.linalg.norm(vector)).reshape(weights.shape).to(weights)


def _product_of(
    loss: Callable[[Tensor], Tensor], weights: Tensor
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Hessian times vector, on flat arrays; all products share one graph."""
    at = weights.detach().clone().requires_grad_()
    value = loss(at)
    if not (value.numel() == 1 and torch.isfinite(value)):
        raise OntogymError(
            "The loss is no finite number at these weights; check that training did not diverge."
        )
    try:
        (slope,) = torch.autograd.grad(value.reshape(()), at, create_graph=True)
    except RuntimeError as error:
        raise OntogymError(f"The loss cannot be differentiated by these weights ({error}).") from error

    def product(vector: NDArray[np.float64]) -> NDArray[np.float64]:
        if not slope.requires_grad:  # a linear loss
            return np.zeros_like(vector)
        along = torch.from_numpy(vector).reshape(at.shape).to(at)
        (found,) = torch.autograd.grad(slope, at, along, retain_graph=True, allow_unused=True)
        return np.zeros_like(vector) if found is None else found.detach().double().numpy().ravel()

    return product
