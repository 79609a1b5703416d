"""How a machine without a GPU notices that a step would wait for the host."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

__all__ = ["NothingFromTheHost"]


class NothingFromTheHost(TorchDispatchMode):
    """Fails where an operation on the "meta" device takes a tensor of the CPU, even a lone number, or asks for a number: on
    a GPU either makes the host wait, and no CUDA graph can hold it."""

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        assert {tensor.device.type for tensor in given} <= {"meta"}, function
        assert function is not torch.ops.aten._local_scalar_dense.default
        return function(*args, **(kwargs or {}))
