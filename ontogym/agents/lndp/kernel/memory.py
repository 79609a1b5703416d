"""How the kernel's vectors are read and written (where they are: `places`).

LLVM's pointers no longer say what they point to; so every access here does.
"""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import lower_builtin

from ontogym.agents.lndp.kernel.lanes import FLAGS, Lanes, intrinsic, join, multiply_add, parts_of
from ontogym.agents.lndp.kernel.places import Genes, Place, Rows, access, data_of

__all__ = [
    "add_number", "column", "every", "every_four", "four", "gene", "lanes", "matrix", "next_four", "no_four", "node",
    "put", "put_four",
]  # fmt: skip


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
    place = Place(context, builder, args[0], sig.args[0])
    return place.load_everywhere(place.at(args[1]))


@lower_builtin(operator.getitem, Rows, types.UniTuple)
def _nodes(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    place = Place(context, builder, args[0], sig.args[0])
    return place.load_lanes(place.at(*cgutils.unpack_tuple(builder, args[1])))


@lower_builtin(operator.setitem, Rows, types.UniTuple, Lanes)
@lower_builtin(operator.setitem, Rows, types.UniTuple, types.Float)
def _set_nodes(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    place = Place(context, builder, args[0], sig.args[0])
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
        place = Place(context, builder, args[0], sig.args[0])
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

    return access(generate, Lanes(x.dtype, 4), x, k, u)


@intrinsic
def put_four(_typing: Any, x: Any, k: Any, u: Any, value: Any) -> Any:
    """The four parts of a value into rows k to k + 3, from node u on."""

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        place = Place(context, builder, args[0], sig.args[0])
        k, u = (context.cast(builder, v, t, types.int64) for v, t in zip(args[1:3], sig.args[1:3]))
        parts = parts_of(context, builder, args[3], sig.args[3], sig.args[3])
        for part, address in zip(parts, place.four(place.at(k, u), place.struct.length)):
            place.store_lanes(part, address)
        return context.get_dummy_value()

    return types.void(x, k, u, value), code


@intrinsic
def every(_typing: Any, x: Any, k: Any, j: Any) -> Any:
    """Node j of row k, in every lane."""
    return access(lambda place, k, j: place.load_everywhere(place.at(k, j)), Lanes(x.dtype), x, k, j)


@intrinsic
def next_four(_typing: Any, x: Any, k: Any, j: Any) -> Any:
    """Nodes j to j + 3 of row k, each in every lane of its part."""

    def generate(place: Any, k: Any, j: Any) -> Any:
        found = place.four(place.at(k, j), ir.Constant(ir.IntType(64), 1))
        return join(place.builder, [place.load_everywhere(address) for address in found])

    return access(generate, Lanes(x.dtype, 4), x, k, j)


@intrinsic
def every_four(_typing: Any, x: Any, k: Any, j: Any) -> Any:
    """Node j of rows k to k + 3, each in every lane of its part."""

    def generate(place: Any, k: Any, j: Any) -> Any:
        found = place.four(place.at(k, j), place.struct.length)
        return join(place.builder, [place.load_everywhere(address) for address in found])

    return access(generate, Lanes(x.dtype, 4), x, k, j)


@intrinsic
def add_first(_typing: Any, x: Any, more: Any) -> Any:
    """A value of four parts, the first of which has `more` (of one part) added."""

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        first = builder.fadd(builder.extract_value(args[0], 0), args[1], flags=FLAGS)
        return builder.insert_value(args[0], first, 0)

    return x(x, more), code


@intrinsic
def column(_typing: Any, w: Any, k: Any, stride: Any) -> Any:
    """Genes k, k + stride, ... (four of them), each in every lane of its part."""

    def generate(place: Any, k: Any, stride: Any) -> Any:
        found = place.four(place.at(k), stride)
        return join(place.builder, [place.load_everywhere(address) for address in found])

    return access(generate, Lanes(w.dtype, 4), w, k, stride)


@intrinsic
def gene(_typing: Any, w: Any, k: Any) -> Any:
    """Gene k, as a number."""
    return access(lambda place, k: place.load(place.at(k)), w.dtype, w, k)


@intrinsic
def node(_typing: Any, x: Any, k: Any, j: Any) -> Any:
    """Node j of row k, as a number."""
    return access(lambda place, k, j: place.load(place.at(k, j)), x.dtype, x, k, j)


@intrinsic
def put(_typing: Any, x: Any, k: Any, j: Any, value: Any) -> Any:
    """A number to node j of row k."""

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        place = Place(context, builder, args[0], sig.args[0])
        k, j = (context.cast(builder, v, t, types.int64) for v, t in zip(args[1:3], sig.args[1:3]))
        builder.store(context.cast(builder, args[3], sig.args[3], x.dtype), place.at(k, j))
        return context.get_dummy_value()

    return types.void(x, k, j, value), code


@intrinsic
def add_number(_typing: Any, counters: Any, index: Any, number: Any) -> Any:
    """Add `number` to ``counters[index]`` (int64), undisturbed by other threads; returns what it was before."""

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        data = data_of(context, builder, sig.args[0], args[0])
        address = builder.gep(data, [args[1]], source_etype=ir.IntType(64))
        return builder.atomic_rmw("add", address, args[2], "seq_cst")

    return types.int64(counters, types.int64, types.int64), code
