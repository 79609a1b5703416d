"""Weights of the retina's models in files: what is read is finite and of the shape that the model has, then frozen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ontogym.errors import OntogymError

__all__ = ["frozen", "weights_from"]

M = TypeVar("M", bound=nn.Module)


def weights_from(
    path: Path | str, arrays: Mapping[str, NDArray], shapes: Iterable[tuple[str, Iterable[int]]]
) -> dict[str, Tensor]:
    """The arrays of a file as a ``state_dict`` of these names and shapes.

    Raises:
        OntogymError: one that is missing, of another shape or type, or not finite.
    """
    found = {}
    for name, wanted in shapes:
        value, shape = arrays.get(name), tuple(wanted)
        whole = value is not None and value.dtype.kind == ("i" if name.endswith("tracked") else "f")
        if not whole or value is None or value.shape != shape or not np.isfinite(value).all():
            raise OntogymError(f"{path} holds no finite {name!r} of shape {shape}; restore it from a copy.")
        found[name] = torch.from_numpy(value.copy())
    return found


def frozen(model: M) -> M:
    """The model in eval mode, its weights without gradients."""
    model.eval()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    return model
