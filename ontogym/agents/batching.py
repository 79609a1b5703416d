"""What every population in PyTorch needs: a device, few batch sizes, a compiled step, and its replay on a GPU."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._pytree import tree_leaves

from ontogym.errors import OntogymError

__all__ = ["Replayed", "bucket", "compile_step", "torch_device"]

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


def compile_step(step: Any, any_size: bool = False) -> Any:
    """The compiled step; a plain one, with a warning, where there is no C++ compiler.

    Args:
        step: a function of tensors, or of tuples and dictionaries of them.
        any_size: compile once for all populations, not for each: for steps in which everyone is computed.
    """
    import shutil

    if not any(shutil.which(name) for name in ("g++", "c++", "clang++", "cl")):
        warnings.warn(
            "No C++ compiler found: the torch engine runs uncompiled, about three times slower.", stacklevel=3
        )
        return step
    # One compilation per bucket, dtype and configuration: beyond its usual limit of eight, torch would go on
    # uncompiled with no more than a line in its log.
    torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, 64)
    if not any_size:
        return torch.compile(step, dynamic=False)
    compiled = torch.compile(step)

    def sized(*given: Any) -> Any:
        for leaf in tree_leaves(given):
            if isinstance(leaf, torch.Tensor):
                torch._dynamo.maybe_mark_dynamic(leaf, 0)
        return compiled(*given)

    return sized


class Replayed:
    """A function without arguments that works in place on tensors that stay where they are.

    On a GPU its second call is its last in Python: the third captures its kernels as one CUDA graph, and from then on
    a call is one launch. Elsewhere, and where capturing fails (a warning says why), it is called as it is.

    Args:
        function: reads and writes only tensors that live as long as this object, all of them on `device`.
        device: of those tensors.
        graphs: whether to capture at all.
    """

    WARM = 2
    """Calls before the capture: kernels are compiled, and libraries begun, in the first."""

    def __init__(self, function: Callable[[], None], device: torch.device, graphs: bool = True) -> None:
        self._function, self._left = function, self.WARM
        self._graph: Any = None
        self.graphs = graphs and device.type == "cuda"

    def __call__(self) -> None:
        if self._graph is None and self.graphs and self._left <= 0:
            self._capture()
        if self._graph is not None:
            self._graph.replay()
        else:
            self._left -= 1
            self._function()

    def _capture(self) -> None:
        graph: Any = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph):
                self._function()
        except RuntimeError as error:
            first = str(error).splitlines()[0]
            warnings.warn(
                f"The step cannot be captured as a CUDA graph ({first}); it runs without.", stacklevel=3
            )
            self.graphs = False
        else:
            self._graph = graph
