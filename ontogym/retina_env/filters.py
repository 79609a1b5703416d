"""Gaussian blur as matrices: for images of this size two products are faster than any convolution. And a cut for pixels."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

__all__ = ["blurred", "cut", "gaussian_matrix"]


def gaussian_matrix(size: int, sd: float) -> Tensor:
    """Blur of `size` pixels with a Gaussian of `sd` pixels, ``(size, size)``; the edge pixel goes on for ever."""
    reach = int(4 * sd + 0.5)
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sd) ** 2)
    taps /= taps.sum()
    matrix = np.zeros((size, size))
    rows = np.arange(size)
    for offset, weight in zip(range(-reach, reach + 1), taps):
        # Each row meets a column once per offset, so nothing is lost by adding in bulk.
        matrix[rows, np.clip(rows + offset, 0, size - 1)] += weight
    return torch.from_numpy(matrix.astype(np.float32))


def blurred(images: Tensor, matrix: Tensor) -> Tensor:
    """Images ``(..., S, S)`` blurred along both axes."""
    return matrix @ images @ matrix.T


def cut(low: Tensor) -> Tensor:
    """Cut off at 0 and 1, any shape. The gradient passes as if it were not, and so brings back what was cut off."""
    return low + (low.clamp(0, 1) - low).detach()
