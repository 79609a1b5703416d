"""Functions of `Lanes`: elementary ones, choices between lanes, sums of products.

In float32 the elementary functions have a relative error below 3e-7 (exp of large numbers: where multiply-adds
are fused) and no branch. In float64 they call libm for
each lane and are as exact as it is: the float64 kernel is there for parity, not for speed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.typing.templates import signature

from ontogym.agents.lndp.kernel.lanes import (
    CHOICE,
    FLAGS,
    I32,
    WIDTH,
    Lanes,
    common,
    constant,
    each_part,
    intrinsic,
    join,
    multiply_add,
    parts_of,
    spread,
)

__all__ = [
    "bits", "choose", "dot", "exp", "fma", "larger", "largest_lane", "lowest", "node_is", "nodes_before", "sigmoid",
    "sum_lanes", "sum_parts", "tanh",
]  # fmt: skip


# ---- sums of products ------------------------------------------------------------------------------------------


@intrinsic
def fma(_typing: Any, a: Any, b: Any, c: Any) -> Any:
    """a b + c, rounded once where the machine can."""
    return each_part(lambda _context, builder, *abc: multiply_add(builder, *abc), a, b, c)


@intrinsic
def dot(_typing: Any, a: Any, b: Any, start: Any) -> Any:
    """start + sum of a_p b_p over the parts of a and b."""

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        columns = [parts_of(context, builder, v, t, sig.args[0]) for v, t in zip(args, sig.args)]
        total = columns[2][0]
        for x, y in zip(columns[0], columns[1]):
            total = multiply_add(builder, x, y, total)
        return total

    return start(a, b, start), code


@intrinsic
def sum_parts(_typing: Any, x: Any) -> Any:
    """Sum over the four parts."""

    def code(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        a, b, c, d = (builder.extract_value(args[0], k) for k in range(4))
        return builder.fadd(builder.fadd(a, b, flags=FLAGS), builder.fadd(c, d, flags=FLAGS), flags=FLAGS)

    return Lanes(x.dtype)(x), code


def _over_lanes(function: Any, x: Any) -> Any:
    """What an intrinsic returns that joins all lanes by a function of two vectors, as a binary tree."""

    def code(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        half, v = WIDTH // 2, args[0]
        while half:
            low, high = (ir.Constant(ir.VectorType(I32, half), [*range(k, k + half)]) for k in (0, half))
            v = function(builder, builder.shuffle_vector(v, v, low), builder.shuffle_vector(v, v, high))
            half //= 2
        return builder.extract_element(v, ir.Constant(I32, 0))

    return x.dtype(x), code


@intrinsic
def sum_lanes(_typing: Any, x: Any) -> Any:
    """Sum over the lanes, as a number."""
    return _over_lanes(lambda builder, a, b: builder.fadd(a, b, flags=FLAGS), x)


@intrinsic
def largest_lane(_typing: Any, x: Any) -> Any:
    """The largest of the lanes, as a number."""
    return _over_lanes(lambda builder, a, b: _larger(builder, a, b), x)


# ---- choices ---------------------------------------------------------------------------------------------------


def _larger(builder: Any, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


@intrinsic
def larger(_typing: Any, a: Any, b: Any) -> Any:
    """Lane by lane, the larger of two."""
    return each_part(lambda _context, builder, a, b: _larger(builder, a, b), a, b)


@intrinsic
def choose(_typing: Any, choice: Any, a: Any, b: Any) -> Any:
    """Lane by lane, a where the choice is yes, else b."""
    kind = common([a, b])

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        columns = [parts_of(context, builder, v, t, kind) for v, t in zip(args[1:], sig.args[1:])]
        return join(builder, [builder.select(args[0], *pair) for pair in zip(*columns)])

    return kind(choice, a, b), code


def _compare(relation: str, first: Any, node: Any) -> Any:
    """What an intrinsic returns that compares the nodes of a block, from `first` on, with a node."""

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        here, there = (context.cast(builder, v, t, types.int32) for v, t in zip(args, sig.args))
        lane = ir.Constant(ir.VectorType(I32, WIDTH), [ir.Constant(I32, k) for k in range(WIDTH)])
        return builder.icmp_signed(relation, lane, spread(builder, builder.sub(there, here)))

    return CHOICE(first, node), code


@intrinsic
def node_is(_typing: Any, first: Any, node: Any) -> Any:
    """Which lane is `node`, where lane 0 is node `first`."""
    return _compare("==", first, node)


@intrinsic
def nodes_before(_typing: Any, first: Any, node: Any) -> Any:
    """Which lanes come before `node`, where lane 0 is node `first`."""
    return _compare("<", first, node)


@intrinsic
def bits(_typing: Any, choice: Any) -> Any:
    """Lane k as bit k."""

    def code(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        return builder.zext(builder.bitcast(args[0], ir.IntType(WIDTH)), ir.IntType(64))

    return types.uint64(choice), code


@intrinsic
def lowest(_typing: Any, x: Any) -> Any:
    """Which is the lowest bit set (x is not 0)."""

    def code(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(x), code


# ---- elementary functions --------------------------------------------------------------------------------------


def _polynomial(builder: Any, x: Any, coefficients: Sequence[float]) -> Any:
    """By Horner's rule, highest power first."""
    value = constant(x.type, coefficients[0])
    for c in coefficients[1:]:
        value = multiply_add(builder, value, x, constant(x.type, c))
    return value


def _within(builder: Any, x: Any, low: float, high: float) -> Any:
    low, high = constant(x.type, low), constant(x.type, high)
    x = builder.select(builder.fcmp_ordered(">", x, low), x, low)
    return builder.select(builder.fcmp_ordered("<", x, high), x, high)


def _libm(context: Any, builder: Any, function: Any, x: Any) -> Any:
    """A function of `math`, lane by lane."""
    call = context.get_function(function, signature(types.float64, types.float64))
    for k in range(WIDTH):
        lane = ir.Constant(I32, k)
        x = builder.insert_element(x, call(builder, (builder.extract_element(x, lane),)), lane)
    return x


LOG2_E = 1.44269502162933349609375
"""log2 e as a float32, and what is missing."""
LOG2_E_MORE = 1.925963033500e-8
POWER_OF_2 = (
    1.535336188319500e-4,
    1.339887440266574e-3,
    9.618437357674640e-3,
    5.550332471162809e-2,
    2.402264791363012e-1,
    6.931472028550421e-1,
    1.0,
)
"""2^r for -1/2 <= r <= 1/2 (Cephes)."""
ROUND = 1.5 * 2**23
"""Added to a float32, leaves the nearest integer in the last bits."""


def _exp(context: Any, builder: Any, x: Any) -> Any:
    if not isinstance(x.type.element, ir.FloatType):
        return _libm(context, builder, math.exp, x)
    x = _within(builder, x, -87.0, 88.0)
    # e^x = 2^n 2^r with n + r = x log2 e; n is added to the exponent's bits.
    log2_e, magic = constant(x.type, LOG2_E), constant(x.type, ROUND)
    shifted = multiply_add(builder, x, log2_e, magic)
    n = builder.fsub(shifted, magic)
    r = multiply_add(builder, x, log2_e, builder.fneg(n))
    r = multiply_add(builder, x, constant(x.type, LOG2_E_MORE), r)
    whole = ir.VectorType(I32, WIDTH)
    power = builder.shl(builder.bitcast(shifted, whole), constant(whole, 23))
    mantissa = builder.bitcast(_polynomial(builder, r, POWER_OF_2), whole)
    return builder.bitcast(builder.add(mantissa, power), x.type)


TANH_NUMERATOR = (
    -2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-08,
    1.48572235717979e-05, 6.37261928875436e-04, 4.89352455891786e-03,
)  # fmt: skip
TANH_DENOMINATOR = (1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03)
TANH_IS_ONE = 7.90531110763549805


def _tanh(context: Any, builder: Any, x: Any) -> Any:
    if not isinstance(x.type.element, ir.FloatType):
        return _libm(context, builder, math.tanh, x)
    x = _within(builder, x, -TANH_IS_ONE, TANH_IS_ONE)
    s = builder.fmul(x, x, flags=FLAGS)
    numerator = builder.fmul(x, _polynomial(builder, s, TANH_NUMERATOR), flags=FLAGS)
    return builder.fdiv(numerator, _polynomial(builder, s, TANH_DENOMINATOR), flags=FLAGS)


def _sigmoid(context: Any, builder: Any, x: Any) -> Any:
    half, one = constant(x.type, 0.5), constant(x.type, 1.0)
    if not isinstance(x.type.element, ir.FloatType):
        e = _libm(context, builder, math.exp, builder.fneg(x))
        return builder.fdiv(one, builder.fadd(one, e))
    t = _tanh(context, builder, builder.fmul(half, x, flags=FLAGS))
    return multiply_add(builder, half, t, half)


@intrinsic
def exp(_typing: Any, x: Any) -> Any:
    """e to the x."""
    return each_part(_exp, x)


@intrinsic
def tanh(_typing: Any, x: Any) -> Any:
    """Hyperbolic tangent (a rational minimax approximation)."""
    return each_part(_tanh, x)


@intrinsic
def sigmoid(_typing: Any, x: Any) -> Any:
    """Logistic function."""
    return each_part(_sigmoid, x)
