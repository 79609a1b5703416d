"""What every population in PyTorch needs: a device, few batch sizes, and a compiled step."""

from __future__ import annotations

import warnings
from typing import Any

import torch

from ontogym.errors import OntogymError

__all__ = ["bucket", "compile_step", "torch_device"]

SMALLEST_BUCKET = 8


def bucket(count: int, population: int) -> int:
    """The batch size in which `count` living individuals are computed: a power of two, or all."""
    size = SMALLEST_BUCKET
    while size < count:
        size *= 2
    return min(size, population)


def torch_device(name: str) -> torch.device:
    """The device of that name.

    Raises:
        OntogymError: this machine does not have it.
    """
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        first = str(error).splitlines()[0]
        raise OntogymError(f"This machine has no device {name!r} ({first}); use device='cpu'.") from error
    return device


def compile_step(step: Any) -> Any:
    """The compiled step; a plain one, with a warning, where there is no C++ compiler."""
    import shutil

    if not any(shutil.which(name) for name in ("g++", "c++", "clang++", "cl")):
        warnings.warn(
            "No C++ compiler found: the torch engine runs uncompiled, about three times slower.", stacklevel=3
        )
        return step
    # One compilation per bucket, dtype and configuration: beyond its usual limit of eight, torch would go on
    # uncompiled with no more than a line in its log.
    torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, 64)
    return torch.compile(step, dynamic=False)
