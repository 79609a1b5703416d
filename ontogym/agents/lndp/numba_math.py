"""Elementary functions for the fused kernel, chosen by type: fast and vectorisable in float32, exact in float64.

Each is an ordinary function as far as the kernel is concerned; numba picks the body when it compiles. The
float32 forms have a relative error below 3e-7 and hold no branch, so that LLVM turns loops over them into
vector code, which calls into libm would prevent.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic, overload

__all__ = ["FASTMATH", "add_number", "exp", "like", "sigmoid", "tanh", "tanh_pair"]

FASTMATH = {"nnan", "ninf", "nsz", "contract", "reassoc", "arcp", "afn"}
"""Reassociation is what lets sums be vectorised; NaN never enters because genomes are finite."""

_OPTIONS: Any = {"fastmath": FASTMATH, "error_model": "numpy", "forceinline": True}


def like(x: Any, value: float) -> Any:
    """`value` as a number of the type of `x`, so that float32 code stays float32."""
    raise NotImplementedError("for compiled code only")


def exp(x: Any) -> Any:
    """e to the x."""
    raise NotImplementedError("for compiled code only")


def tanh(x: Any) -> Any:
    """Hyperbolic tangent."""
    raise NotImplementedError("for compiled code only")


def tanh_pair(x: Any, y: Any) -> Any:
    """``(tanh(x), tanh(y))``, for the price of one division."""
    raise NotImplementedError("for compiled code only")


def sigmoid(x: Any) -> Any:
    """Logistic function."""
    raise NotImplementedError("for compiled code only")


@intrinsic
def _bits_to_float(_context: Any, bits: Any) -> Any:
    """Reinterpret an int32 as float32."""

    def generate(_ctx: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.FloatType())

    return types.float32(types.int32), generate


@overload(like, jit_options=_OPTIONS)
def _like(x: Any, value: float) -> Any:
    kind = np.float32 if x == types.float32 else np.float64

    def convert(x: Any, value: float) -> Any:
        return kind(value)

    return convert


@overload(exp, jit_options=_OPTIONS)
def _exp(x: Any) -> Any:
    if x != types.float32:

        def exact(x: Any) -> Any:
            return math.exp(x)

        return exact
    f = np.float32

    def fast(x: Any) -> Any:
        # Cody & Waite: x = n ln 2 + r, a polynomial for e^r (Cephes expf), and 2^n from its bits.
        # The biased exponent is positive, so that truncation rounds it; a floor would go through int64.
        x = min(max(x, f(-87.0)), f(88.0))
        biased = np.int32(x * f(1.4426950408889634) + f(127.5))
        n = np.float32(biased) - f(127.0)
        r = x - n * f(0.693145751953125) - n * f(1.42860682030941723212e-6)
        p = f(1.9875691500e-4) * r + f(1.3981999507e-3)
        p = p * r + f(8.3334519073e-3)
        p = p * r + f(4.1665795894e-2)
        p = p * r + f(1.6666665459e-1)
        p = p * r + f(5.0000001201e-1)
        # Numba's stubs count the typing context as an argument of the call.
        return (p * r * r + r + f(1.0)) * _bits_to_float(biased << np.int32(23))  # type: ignore[call-arg]

    return fast


@overload(tanh, jit_options=_OPTIONS)
def _tanh(x: Any) -> Any:
    if x != types.float32:

        def exact(x: Any) -> Any:
            return math.tanh(x)

        return exact

    def fast(x: Any) -> Any:
        p, q = _tanh_ratio(x)
        return p / q

    return fast


@njit(**_OPTIONS)
def _tanh_ratio(x: Any) -> Any:
    """Numerator and denominator of a rational minimax approximation; the clip is where it reaches 1."""
    f = np.float32
    x = min(max(x, f(-7.90531110763549805)), f(7.90531110763549805))
    s = x * x
    p = f(-2.76076847742355e-16) * s + f(2.00018790482477e-13)
    p = p * s + f(-8.60467152213735e-11)
    p = p * s + f(5.12229709037114e-08)
    p = p * s + f(1.48572235717979e-05)
    p = p * s + f(6.37261928875436e-04)
    p = p * s + f(4.89352455891786e-03)
    q = f(1.19825839466702e-06) * s + f(1.18534705686654e-04)
    q = q * s + f(2.26843463243900e-03)
    q = q * s + f(4.89352518554385e-03)
    return x * p, q


@overload(tanh_pair, jit_options=_OPTIONS)
def _tanh_pair(x: Any, y: Any) -> Any:
    if x != types.float32:

        def exact(x: Any, y: Any) -> Any:
            return math.tanh(x), math.tanh(y)

        return exact

    def fast(x: Any, y: Any) -> Any:
        # One division serves both: it costs as much as ten multiplications.
        p, q = _tanh_ratio(x)
        u, v = _tanh_ratio(y)
        inverse = np.float32(1.0) / (q * v)
        return p * v * inverse, u * q * inverse

    return fast


@overload(sigmoid, jit_options=_OPTIONS)
def _sigmoid(x: Any) -> Any:
    if x != types.float32:

        def exact(x: Any) -> Any:
            return 1.0 / (1.0 + math.exp(-x))

        return exact
    f = np.float32

    def fast(x: Any) -> Any:
        return f(0.5) * tanh(f(0.5) * x) + f(0.5)

    return fast


@intrinsic  # type: ignore[untyped-decorator]
def _add_number(_context: Any, counters: Any, index: Any, number: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.atomic_rmw("add", builder.gep(array.data, [arguments[1]]), arguments[2], "seq_cst")

    return types.int64(counters, types.int64, types.int64), code


@njit(inline="always")
def add_number(counters: Any, index: int, number: int) -> int:
    """Add `number` to ``counters[index]``, undisturbed by other threads; returns what it was before.

    Args:
        counters: (C,) int64, contiguous, shared by the threads.
    """
    return _add_number(counters, index, number)  # type: ignore[call-arg, no-any-return]
