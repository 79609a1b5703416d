"""Where the kernel's vectors are kept: genes, and rows of nodes (read and written by `memory`).

`Genes` points into one individual's genome: ``w[k]`` is its k-th number, in every lane. `Rows` points to rows of
nodes, each padded to the same length: ``x[k, u]`` are the nodes u, u + 1, ... of row k, as many as there are lanes.
Neither has bounds or negative indices.

LLVM's pointers no longer say what they point to; so every access here does.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import models, register_model

from ontogym.agents.lndp.kernel.lanes import WIDTH, intrinsic, spread

__all__ = [
    "Genes",
    "Place",
    "Rows",
    "access",
    "below",
    "data_of",
    "genes",
    "rows",
    "with_length",
    "working_rows",
]


class Genes(types.Type):  # type: ignore[misc]
    """Where learned numbers of type `dtype` begin."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(name=f"Genes({dtype})")


class Rows(types.Type):  # type: ignore[misc]
    """Where rows of nodes begin, and how long each is."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(name=f"Rows({dtype})")


@register_model(Genes)
class _GenesModel(models.StructModel):  # type: ignore[misc]
    def __init__(self, dmm: Any, fe_type: Any) -> None:
        super().__init__(dmm, fe_type, [("data", types.CPointer(fe_type.dtype))])


@register_model(Rows)
class _RowsModel(models.StructModel):  # type: ignore[misc]
    def __init__(self, dmm: Any, fe_type: Any) -> None:
        super().__init__(dmm, fe_type, [("data", types.CPointer(fe_type.dtype)), ("length", types.int64)])


class Place:
    """Code for one `Genes` or `Rows` value.

    Args:
        value: the LLVM value. kind: its numba type.
    """

    def __init__(self, context: Any, builder: Any, value: Any, kind: Any) -> None:
        self.context, self.builder, self.kind = context, builder, kind
        self.struct = cgutils.create_struct_proxy(kind)(context, builder, value)
        self.element = context.get_data_type(kind.dtype)
        self.vector = ir.VectorType(self.element, WIDTH)

    def at(self, k: Any, *node: Any) -> Any:
        """The address of gene k, or of one node in row k."""
        if isinstance(self.kind, Rows):
            k = self.builder.mul(k, self.struct.length)
        for u in node:
            k = self.builder.add(k, u)
        return self.on(self.struct.data, k)

    def on(self, address: Any, count: Any) -> Any:
        """The address `count` numbers further on."""
        return self.builder.gep(address, [count], source_etype=self.element)

    def four(self, address: Any, stride: Any) -> list[Any]:
        """Four addresses, `stride` numbers from each other."""
        found = [address]
        for _ in range(3):
            found.append(self.on(found[-1], stride))
        return found

    def load(self, address: Any) -> Any:
        return self.builder.load(address, typ=self.element)

    def load_lanes(self, address: Any) -> Any:
        return self.builder.load(
            self._of_vector(address), typ=self.vector, align=self.kind.dtype.bitwidth // 8
        )

    def load_everywhere(self, address: Any) -> Any:
        return spread(self.builder, self.load(address))

    def store_lanes(self, value: Any, address: Any) -> None:
        self.builder.store(value, self._of_vector(address), align=self.kind.dtype.bitwidth // 8)

    def moved(self, address: Any) -> Any:
        """This value, beginning at another address."""
        self.struct.data = address
        return self.struct._getvalue()

    def _of_vector(self, address: Any) -> Any:
        """For LLVM versions whose pointers have types."""
        opaque = getattr(address.type, "is_opaque", True)
        return address if opaque else self.builder.bitcast(address, self.vector.as_pointer())


def access(generate: Any, result: Any, place: Any, *integers: Any) -> Any:
    """What an intrinsic returns that does ``generate(place, *int64 values)``."""

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        numbers = [context.cast(builder, v, t, types.int64) for v, t in zip(args[1:], sig.args[1:])]
        return generate(Place(context, builder, args[0], sig.args[0]), *numbers)

    return result(place, *integers), code


# ---- places ----------------------------------------------------------------------------------------------------


def data_of(context: Any, builder: Any, kind: Any, array: Any, row: Any = None) -> Any:
    """Where a C-contiguous array, or one row of it, begins."""
    found = context.make_array(kind)(context, builder, array)
    if row is None:
        return found.data
    width = builder.extract_value(found.shape, 1)
    element = context.get_data_type(kind.dtype)
    return builder.gep(found.data, [builder.mul(row, width)], source_etype=element)


@intrinsic
def genes(_typing: Any, array: Any, row: Any) -> Any:
    """A row of an array ``(P, D)``."""
    kind = Genes(array.dtype)

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        place = cgutils.create_struct_proxy(kind)(context, builder)
        place.data = data_of(context, builder, sig.args[0], *args)
        return place._getvalue()

    return kind(array, types.int64), code


def _rows(context: Any, builder: Any, kind: Any, data: Any, length: Any) -> Any:
    place = cgutils.create_struct_proxy(kind)(context, builder)
    place.data, place.length = data, length
    return place._getvalue()


@intrinsic
def rows(_typing: Any, array: Any, row: Any, length: Any) -> Any:
    """A row of an array ``(P, rows * length)``."""
    kind = Rows(array.dtype)

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _rows(context, builder, kind, data_of(context, builder, sig.args[0], *args[:2]), args[2])

    return kind(array, types.int64, types.int64), code


@intrinsic
def working_rows(_typing: Any, array: Any, length: Any) -> Any:
    """All of an array ``(numbers,)`` from its first cache line on."""
    kind = Rows(array.dtype)

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        start, word = data_of(context, builder, sig.args[0], args[0]), ir.IntType(64)
        line = builder.add(builder.ptrtoint(start, word), ir.Constant(word, 63))
        line = builder.inttoptr(builder.and_(line, ir.Constant(word, -64)), start.type)
        return _rows(context, builder, kind, line, args[1])

    return kind(array, types.int64), code


@intrinsic
def below(_typing: Any, x: Any, count: Any) -> Any:
    """The rows from row `count` on."""
    return access(lambda place, count: place.moved(place.at(count)), x, x, count)


@intrinsic
def with_length(_typing: Any, x: Any, length: Any) -> Any:
    """The same place as rows of another length."""

    def generate(place: Any, length: Any) -> Any:
        place.struct.length = length
        return place.struct._getvalue()

    return access(generate, x, x, length)
