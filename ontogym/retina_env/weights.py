"""Weights of the retina's models in files: what is read is finite and of the shape that the model has, then frozen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ontogym import checkpoint as files
from ontogym.errors import OntogymError

__all__ = ["frozen", "load_model", "save_model", "weights_from"]

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


def save_model(path: Path | str, kind: str, model: Any) -> None:
    """Weights, sizes and facts of a twin or an actor in one safetensors file, sizes and facts also as JSON beside it."""
    arrays = {name: value.detach().cpu().numpy() for name, value in model.state_dict().items()}
    meta = {"shape": asdict(model.shape), "facts": model.facts}
    files.save(path, kind, arrays, meta)
    files.write_json(Path(path).with_suffix(".json"), meta)


def load_model(path: Path | str, kind: str, sizes: Any, make: Callable[[Any], M]) -> M:
    """What `save_model` wrote, its facts in ``model.facts``, frozen and in eval mode.

    Args:
        kind: twin or actor. sizes: the dataclass of its sizes. make: the model of such sizes.

    Raises:
        OntogymError: no such file; damaged; of another kind; weights missing, of another shape or type, or not finite.
    """
    arrays, meta = files.load(path, kind)
    shape, facts = meta.get("shape"), meta.get("facts")
    names = {field.name for field in fields(sizes)}
    if not isinstance(shape, Mapping) or set(shape) != names or not isinstance(facts, dict):
        raise OntogymError(f"{path} does not say which sizes its {kind} has; restore it from a copy.")
    try:
        with torch.device("meta"):  # takes no memory: a header may claim sizes that none holds
            model: Any = make(sizes(**shape))
    except ArithmeticError as error:
        raise OntogymError(
            f"{path} claims sizes that no {kind} has ({error}); restore it from a copy."
        ) from error
    wanted = model.state_dict()
    found = weights_from(path, arrays, ((name, value.shape) for name, value in wanted.items()))
    weights = {name: value.to(wanted[name].dtype, copy=True) for name, value in found.items()}
    spreads = [value for name, value in weights.items() if name.endswith("running_var")]
    if weights["image_sd"] <= 0 or any((spread < 0).any() for spread in spreads):
        raise OntogymError(
            f"{path} holds a negative spread, or none, which nothing has; restore it from a copy."
        )
    if not all(value.isfinite().all() for value in weights.values()):
        raise OntogymError(f"{path} holds numbers too large for its {kind}; restore it from a copy.")
    model.load_state_dict(weights, assign=True)
    model.facts = facts
    return frozen(model)


def frozen(model: M) -> M:
    """The model in eval mode, its weights without gradients."""
    model.eval()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    return model
