"""Where each weight lies: in the genome without gaps, for the kernel padded to whole vectors."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ontogym.agents.networks.kernel import GRU, HYPER, LOCAL, MLP, RNN, TRACE, Shape, pad
from ontogym.errors import OntogymError

__all__ = ["MAX_NUMBERS", "Layout", "action_contrasts"]

MAX_NUMBERS = 4 * 2**20
"""Most padded weights of one network: a file from a stranger must not ask for more memory than there is."""


class Block(NamedTuple):
    """A matrix of the genome: `rows` inputs, each giving to `parts` x `width` units; row-major."""

    rows: int
    parts: int
    width: int


class Layout:
    """The matrices of a network.

    Args:
        shape: its sizes.

    Attributes:
        blocks: name to matrix, in the order of the genome; of a matrix with a bias the last row is that.
        size: D. packed: W, numbers that the kernel reads.

    Raises:
        OntogymError: more than `MAX_NUMBERS`.
    """

    def __init__(self, shape: Shape) -> None:
        n, hidden, outputs = shape.inputs, shape.hidden, shape.outputs
        traces = shape.observed * (shape.observed + shape.contrasts) + n - shape.extra
        body = {
            MLP: {"input": Block(n + 1, 1, hidden)},
            RNN: {"input": Block(n + 1, 1, hidden), "back": Block(hidden, 1, hidden)},
            GRU: {"input": Block(n + 1, 3, hidden), "back": Block(hidden, 3, hidden)},
            TRACE: {"rate": Block(1, 1, 1), "input": Block(traces + 1, 1, hidden)},
            LOCAL: {
                "rate": Block(1, 1, 2),
                "gain": Block(2, 1, shape.observed),
                "innate": Block(outputs, 1, shape.observed),
            },
        }[GRU if shape.kind == HYPER else shape.kind]
        written = shape.observed + 1 if shape.kind in (HYPER, TRACE) else 1
        last = n - shape.observed if shape.kind == LOCAL else hidden
        self.blocks = body | {"output": Block(last + 1, written, outputs)}
        self.size = sum(math.prod(block) for block in self.blocks.values())
        self.packed = sum(b.rows * b.parts * pad(b.width) for b in self.blocks.values())
        if self.packed > MAX_NUMBERS:
            raise OntogymError(
                f"This network has {self.packed} weights; the most is {MAX_NUMBERS}: take fewer hidden units, or put "
                "a feature extractor in front that gives fewer observations."
            )

    def matrices(self, genomes: NDArray[np.floating]) -> dict[str, NDArray[np.floating]]:
        """Views of genomes ``(P, D)``: name to ``(P, rows, parts, width)``."""
        found, at = {}, 0
        for name, block in self.blocks.items():
            found[name] = genomes[:, at : (at := at + math.prod(block))].reshape(-1, *block)
        return found

    def pack(self, genomes: NDArray[np.floating]) -> NDArray[np.float32]:
        """Genomes ``(P, D)`` as the kernel reads them, ``(P, W)`` float32; numbers beyond its range are clipped."""
        most = np.finfo(np.float32).max / 1e9  # so that no sum of products overflows in a life
        genomes = np.clip(genomes, -most, most)
        packed, at = np.zeros((len(genomes), self.packed), np.float32), 0
        for block, part in zip(self.blocks.values(), self.matrices(genomes).values()):
            count = block.rows * block.parts * pad(block.width)
            room = packed[:, at : (at := at + count)].reshape(len(genomes), block.rows, block.parts, -1)
            room[..., : block.width] = part
        return packed

    def unpack(self, packed: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """What `pack` made, without its padding: views of ``(P, W)``, name to ``(P, rows, parts, width)``."""
        found, at = {}, 0
        for name, block in self.blocks.items():
            room = packed[:, at : (at := at + block.rows * block.parts * pad(block.width))]
            found[name] = room.reshape(len(packed), block.rows, block.parts, -1)[..., : block.width]
        return found


def action_contrasts(space: spaces.Space[Any]) -> NDArray[np.int64]:
    """Pairs of motor channels ``(C, 2)`` whose differences describe an action; -1 stands for nothing.

    A choice among n is n - 1 differences from its first alternative, so that of two it is one number, -1 or 1; an
    amount, and a bit, are numbers by themselves.
    """
    if isinstance(space, spaces.Discrete):
        groups = [int(space.n)]
    elif isinstance(space, spaces.MultiDiscrete):
        groups = [int(n) for n in space.nvec.ravel()]
    else:
        return np.array([(k, -1) for k in range(int(np.prod(space.shape or ())))], dtype=np.int64).reshape(
            -1, 2
        )
    pairs, first = [], 0
    for n in groups:
        pairs += [(first + k, first) for k in range(1, n)]
        first += n
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)
