"""Explicit vectors for numba: a value of type `Lanes` is `WIDTH` numbers side by side, in one register or two.

Numba's own loops must be proved safe and worth while before LLVM makes vectors of them, and they pay for index
handling around every short loop. Here the vector is the type: `+ - * / >` and `functions` work on all
lanes at once, and LLVM lowers them to whatever the machine has (AVX-512, AVX2, pairs of SSE or NEON registers).
What belongs together in fours (the features of an edge, four rows of a matrix) is one value of four parts,
a `Lanes` with ``parts = 4``; a value of one part, or a plain number, meets each of the four.

Sums are in the order written: rounding may be fused (`fma`), never reordered.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import extending, types
from numba.core import cgutils, config
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import lower_builtin, models, register_model

__all__ = ["CHOICE", "FLAGS", "WIDTH", "Choice", "Lanes", "intrinsic"]

FLAGS = ("nnan", "ninf", "nsz", "contract", "arcp", "afn")
"""No "reassoc": results do not depend on how a sum happens to be cut into blocks. NaN never enters, because
genomes are finite."""


def _width() -> int:
    """16 lanes where numba may use AVX-512, else 8: an AVX2 register, or two of NEON and SSE."""
    settings: Any = config
    if settings.CPU_FEATURES is not None:
        return 16 if "+avx512f" in settings.CPU_FEATURES else 8
    wide = settings.ENABLE_AVX and llvm.get_host_cpu_features().get("avx512f", False)
    return 16 if wide else 8


WIDTH = _width()


def intrinsic(function: Any) -> Any:
    """numba's own, whose stubs believe that callers hand over the typing context."""
    return extending.intrinsic(function)


class Lanes(types.Type):  # type: ignore[misc]
    """`parts` vectors of `WIDTH` numbers of type `dtype`."""

    def __init__(self, dtype: Any, parts: int = 1) -> None:
        self.dtype, self.parts = dtype, parts
        super().__init__(name=f"Lanes({dtype} x {WIDTH} x {parts})")


class Choice(types.Type):  # type: ignore[misc]
    """One yes or no for each lane."""

    def __init__(self) -> None:
        super().__init__(name=f"Choice({WIDTH})")


CHOICE = Choice()


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, dmm: Any, fe_type: Any) -> None:
        vector = ir.VectorType(dmm.lookup(fe_type.dtype).get_value_type(), WIDTH)
        super().__init__(dmm, fe_type, vector if fe_type.parts == 1 else ir.ArrayType(vector, fe_type.parts))


@register_model(Choice)
class _ChoiceModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, dmm: Any, fe_type: Any) -> None:
        super().__init__(dmm, fe_type, ir.VectorType(ir.IntType(1), WIDTH))


# ---- from Python's types to LLVM's vectors ---------------------------------------------------------------------

I32 = ir.IntType(32)
Vectors = Sequence[Any]


def constant(vector: Any, value: float) -> Any:
    """The same number in every lane of an LLVM vector type."""
    return ir.Constant(vector, [ir.Constant(vector.element, value)] * vector.count)


def spread(builder: Any, value: Any) -> Any:
    """An LLVM number in every lane."""
    vector = ir.VectorType(value.type, WIDTH)
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(I32, 0))
    return builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(I32, WIDTH), None))


def join(builder: Any, vectors: Vectors) -> Any:
    """Vectors as the LLVM value of a `Lanes` with as many parts."""
    return vectors[0] if len(vectors) == 1 else cgutils.pack_array(builder, vectors)


def multiply_add(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """a b + c of LLVM vectors, rounded once where the machine can."""
    name = f"llvm.fmuladd.v{WIDTH}f{32 if isinstance(a.type.element, ir.FloatType) else 64}"
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(a.type, [a.type] * 3), name)
    return builder.call(function, [a, b, c], fastmath=FLAGS)


def common(kinds: Sequence[Any]) -> Lanes:
    """The type of the result of lanes and numbers that meet each other."""
    found = [kind for kind in kinds if isinstance(kind, Lanes)]
    return max(found, key=lambda kind: kind.parts)


def parts_of(context: Any, builder: Any, value: Any, kind: Any, like: Lanes) -> Vectors:
    """The vectors of a value (`Lanes` or a number), as many as `like` has."""
    if not isinstance(kind, Lanes):
        return [spread(builder, context.cast(builder, value, kind, like.dtype))] * like.parts
    if kind.parts == 1:
        return [value] * like.parts
    return [builder.extract_value(value, k) for k in range(kind.parts)]


def each_part(function: Callable[..., Any], *kinds: Any) -> Any:
    """What an intrinsic returns that does ``function(context, builder, *vectors)`` to each part."""
    like = common(kinds)

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        columns = [parts_of(context, builder, v, t, like) for v, t in zip(args, sig.args)]
        return join(builder, [function(context, builder, *part) for part in zip(*columns)])

    return like(*kinds), code


# ---- operators -------------------------------------------------------------------------------------------------


def _operator(op: Any, method: str) -> None:
    @infer_global(op)
    class _Template(AbstractTemplate):  # type: ignore[misc]
        def generic(self, args: Any, kws: Any) -> Any:
            lanes = len(args) == 2 and any(isinstance(a, Lanes) for a in args)
            fits = lanes and all(isinstance(a, (Lanes, types.Float)) for a in args)
            return signature(common(args), *args) if fits else None

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        def compute(_context: Any, builder: Any, a: Any, b: Any) -> Any:
            return getattr(builder, method)(a, b, flags=FLAGS)

        return each_part(compute, *sig.args)[1](context, builder, sig, args)

    for pair in ((Lanes, Lanes), (Lanes, types.Float), (types.Float, Lanes)):
        lower_builtin(op, *pair)(lower)


for _op, _method in (
    (operator.add, "fadd"), (operator.sub, "fsub"), (operator.mul, "fmul"), (operator.truediv, "fdiv"),
):  # fmt: skip
    _operator(_op, _method)


@infer_global(operator.gt)
class _Greater(AbstractTemplate):  # type: ignore[misc]
    def generic(self, args: Any, kws: Any) -> Any:
        if len(args) == 2 and isinstance(args[0], Lanes) and isinstance(args[1], (Lanes, types.Float)):
            return signature(CHOICE, *args)
        return None


@lower_builtin(operator.gt, Lanes, Lanes)
@lower_builtin(operator.gt, Lanes, types.Float)
def _greater(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    (a,), (b,) = (parts_of(context, builder, v, t, sig.args[0]) for v, t in zip(args, sig.args))
    return builder.fcmp_ordered(">", a, b)


def _logic(op: Any, method: str, count: int) -> None:
    @infer_global(op)
    class _Template(AbstractTemplate):  # type: ignore[misc]
        def generic(self, args: Any, kws: Any) -> Any:
            fits = len(args) == count and all(isinstance(a, Choice) for a in args)
            return signature(CHOICE, *args) if fits else None

    lower_builtin(op, *[Choice] * count)(
        lambda _context, builder, _sig, args: getattr(builder, method)(*args)
    )


_LOGIC: tuple[tuple[Any, str, int], ...] = (
    (operator.and_, "and_", 2), (operator.or_, "or_", 2), (operator.xor, "xor", 2), (operator.invert, "not_", 1),
)  # fmt: skip
for _what, _method, _count in _LOGIC:
    _logic(_what, _method, _count)
