"""Where the kernel's vectors come from and go to: genes, and rows of nodes.

`Genes` points into one individual's genome: ``w[k]`` is its k-th number, in every lane. `Rows` points to rows of
nodes, each padded to the same length: ``x[k, u]`` are the nodes u, u + 1, ... of row k, as many as there are lanes.
Neither has bounds or negative indices.

LLVM's pointers no longer say what they point to; so every access here does.
"""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

from ontogym.agents.lndp.kernel.lanes import WIDTH, Lanes, join, multiply_add, parts_of, spread

__all__ = [
    "Genes", "Rows", "add_number", "below", "column", "every", "every_four", "four", "gene", "genes", "lanes",
    "matrix", "next_four", "no_four", "node", "put", "put_four", "rows", "with_length", "working_rows",
]  # fmt: skip


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


class _Place:
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


def _access(generate: Any, result: Any, place: Any, *integers: Any) -> Any:
    """What an intrinsic returns that does ``generate(place, *int64 values)``."""

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        numbers = [context.cast(builder, v, t, types.int64) for v, t in zip(args[1:], sig.args[1:])]
        return generate(_Place(context, builder, args[0], sig.args[0]), *numbers)

    return result(place, *integers), code


# ---- places ----------------------------------------------------------------------------------------------------


def _start(context: Any, builder: Any, kind: Any, array: Any, row: Any = None) -> Any:
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
        place.data = _start(context, builder, sig.args[0], *args)
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
        return _rows(context, builder, kind, _start(context, builder, sig.args[0], *args[:2]), args[2])

    return kind(array, types.int64, types.int64), code


@intrinsic
def working_rows(_typing: Any, array: Any, length: Any) -> Any:
    """All of an array ``(numbers,)`` from its first cache line on."""
    kind = Rows(array.dtype)

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        start, word = _start(context, builder, sig.args[0], args[0]), ir.IntType(64)
        line = builder.add(builder.ptrtoint(start, word), ir.Constant(word, 63))
        line = builder.inttoptr(builder.and_(line, ir.Constant(word, -64)), start.type)
        return _rows(context, builder, kind, line, args[1])

    return kind(array, types.int64), code


@intrinsic
def below(_typing: Any, x: Any, count: Any) -> Any:
    """The rows from row `count` on."""
    return _access(lambda place, count: place.moved(place.at(count)), x, x, count)


@intrinsic
def with_length(_typing: Any, x: Any, length: Any) -> Any:
    """The same place as rows of another length."""

    def generate(place: Any, length: Any) -> Any:
        place.struct.length = length
        return place.struct._getvalue()

    return _access(generate, x, x, length)


# ---- numbers and lanes -----------------------------------------------------------------------------------------


@infer_global(operator.getitem)
class _GetItem(AbstractTemplate):  # type: ignore[misc]
    def generic(self, args: Any, kws: Any) -> Any:
        place, index = args
        if isinstance(place, Genes) and isinstance(index, types.Integer):
            return signature(Lanes(place.dtype), place, types.int64)
        if isinstance(place, Rows) and isinstance(index, types.BaseTuple) and len(index) == 2:
            return signature(Lanes(place.dtype), place, types.UniTuple(types.int64, 2))
        return None


@infer_global(operator.setitem)
class _SetItem(AbstractTemplate):  # type: ignore[misc]
    def generic(self, args: Any, kws: Any) -> Any:
        place, index, value = args
        if isinstance(place, Rows) and isinstance(index, types.BaseTuple) and len(index) == 2:
            return signature(types.none, place, types.UniTuple(types.int64, 2), value)
        return None


@lower_builtin(operator.getitem, Genes, types.Integer)
def _gene(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    place = _Place(context, builder, args[0], sig.args[0])
    return place.load_everywhere(place.at(args[1]))


@lower_builtin(operator.getitem, Rows, types.UniTuple)
def _nodes(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    place = _Place(context, builder, args[0], sig.args[0])
    return place.load_lanes(place.at(*cgutils.unpack_tuple(builder, args[1])))


@lower_builtin(operator.setitem, Rows, types.UniTuple, Lanes)
@lower_builtin(operator.setitem, Rows, types.UniTuple, types.Float)
def _set_nodes(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    place = _Place(context, builder, args[0], sig.args[0])
    (value,) = parts_of(context, builder, args[2], sig.args[2], Lanes(place.kind.dtype))
    place.store_lanes(value, place.at(*cgutils.unpack_tuple(builder, args[1])))
    return context.get_dummy_value()


@intrinsic
def lanes(_typing: Any, like: Any, value: Any) -> Any:
    """A number in every lane, of the same type as the numbers of `like`."""
    kind = Lanes(like.dtype)

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return parts_of(context, builder, args[1], sig.args[1], kind)[0]

    return kind(like, value), code


@intrinsic
def matrix(_typing: Any, w: Any, k: Any, x: Any, start: Any) -> Any:
    """start + W x, for a matrix W of four rows by four columns from gene k on, and values of four parts."""

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        place = _Place(context, builder, args[0], sig.args[0])
        address = place.at(context.cast(builder, args[1], sig.args[1], types.int64))
        parts, sums = (parts_of(context, builder, args[a], sig.args[a], x) for a in (2, 3))
        one, done = ir.Constant(ir.IntType(64), 1), []
        for total in sums:
            for part in parts:
                total = multiply_add(builder, place.load_everywhere(address), part, total)
                address = place.on(address, one)
            done.append(total)
        return join(builder, done)

    return x(w, k, x, start), code


@intrinsic
def no_four(_typing: Any, like: Any) -> Any:
    """Four parts of zeros."""
    kind = Lanes(like.dtype, 4)

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return ir.Constant(context.get_value_type(kind), None)

    return kind(like), code


@intrinsic
def four(_typing: Any, x: Any, k: Any, u: Any) -> Any:
    """Rows k to k + 3 from node u on, as the four parts of a value."""

    def generate(place: Any, k: Any, u: Any) -> Any:
        found = place.four(place.at(k, u), place.struct.length)
        return join(place.builder, [place.load_lanes(address) for address in found])

    return _access(generate, Lanes(x.dtype, 4), x, k, u)


@intrinsic
def put_four(_typing: Any, x: Any, k: Any, u: Any, value: Any) -> Any:
    """The four parts of a value into rows k to k + 3, from node u on."""

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        place = _Place(context, builder, args[0], sig.args[0])
        k, u = (context.cast(builder, v, t, types.int64) for v, t in zip(args[1:3], sig.args[1:3]))
        parts = parts_of(context, builder, args[3], sig.args[3], sig.args[3])
        for part, address in zip(parts, place.four(place.at(k, u), place.struct.length)):
            place.store_lanes(part, address)
        return context.get_dummy_value()

    return types.void(x, k, u, value), code


@intrinsic
def every(_typing: Any, x: Any, k: Any, j: Any) -> Any:
    """Node j of row k, in every lane."""
    return _access(lambda place, k, j: place.load_everywhere(place.at(k, j)), Lanes(x.dtype), x, k, j)


@intrinsic
def next_four(_typing: Any, x: Any, k: Any, j: Any) -> Any:
    """Nodes j to j + 3 of row k, each in every lane of its part."""

    def generate(place: Any, k: Any, j: Any) -> Any:
        found = place.four(place.at(k, j), ir.Constant(ir.IntType(64), 1))
        return join(place.builder, [place.load_everywhere(address) for address in found])

    return _access(generate, Lanes(x.dtype, 4), x, k, j)


@intrinsic
def every_four(_typing: Any, x: Any, k: Any, j: Any) -> Any:
    """Node j of rows k to k + 3, each in every lane of its part."""

    def generate(place: Any, k: Any, j: Any) -> Any:
        found = place.four(place.at(k, j), place.struct.length)
        return join(place.builder, [place.load_everywhere(address) for address in found])

    return _access(generate, Lanes(x.dtype, 4), x, k, j)


@intrinsic
def column(_typing: Any, w: Any, k: Any, stride: Any) -> Any:
    """Genes k, k + stride, ... (four of them), each in every lane of its part."""

    def generate(place: Any, k: Any, stride: Any) -> Any:
        found = place.four(place.at(k), stride)
        return join(place.builder, [place.load_everywhere(address) for address in found])

    return _access(generate, Lanes(w.dtype, 4), w, k, stride)


@intrinsic
def gene(_typing: Any, w: Any, k: Any) -> Any:
    """Gene k, as a number."""
    return _access(lambda place, k: place.load(place.at(k)), w.dtype, w, k)


@intrinsic
def node(_typing: Any, x: Any, k: Any, j: Any) -> Any:
    """Node j of row k, as a number."""
    return _access(lambda place, k, j: place.load(place.at(k, j)), x.dtype, x, k, j)


@intrinsic
def put(_typing: Any, x: Any, k: Any, j: Any, value: Any) -> Any:
    """A number to node j of row k."""

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        place = _Place(context, builder, args[0], sig.args[0])
        k, j = (context.cast(builder, v, t, types.int64) for v, t in zip(args[1:3], sig.args[1:3]))
        builder.store(context.cast(builder, args[3], sig.args[3], x.dtype), place.at(k, j))
        return context.get_dummy_value()

    return types.void(x, k, j, value), code


@intrinsic
def add_number(_typing: Any, counters: Any, index: Any, number: Any) -> Any:
    """Add `number` to ``counters[index]`` (int64), undisturbed by other threads; returns what it was before."""

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        data = _start(context, builder, sig.args[0], args[0])
        address = builder.gep(data, [args[1]], source_etype=ir.IntType(64))
        return builder.atomic_rmw("add", address, args[2], "seq_cst")

    return types.int64(counters, types.int64, types.int64), code
