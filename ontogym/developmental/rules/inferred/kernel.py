"""Likelihood of choices and its gradient, trial by trial and animal by animal, fused.

The equations are those of `network`, the readable oracle of this file's tests. Back-propagation is written
out: a Python loop over trials costs some 20 microseconds a step whatever the batch, this one costs one or two
an animal and trial, and one real animal of 20 000 trials is no slower than forty of 500. ReLU units that are
silent are skipped in both directions. Outer loops go over inputs and inner loops over H contiguous outputs, so
that they become vector instructions.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.compiling import COMPILED, njit
from ontogym.developmental.rules.inferred.network import N, UpdateNetwork

__all__ = ["run_segment", "views"]

# No "nnan"/"ninf": a diverging fit must show as NaN and not as nonsense.
_FAST = {"reassoc", "contract", "arcp", "nsz"}
_KERNEL: dict[str, Any] = COMPILED | {"fastmath": _FAST}


@njit(**_KERNEL)
def _add_product(x, w, out):  # type: ignore[no-untyped-def]
    """out += x @ w for x (I,), w (I, O)."""
    for i in range(len(x)):
        value = x[i]
        if value != 0.0:
            row = w[i]
            for k in range(len(out)):
                out[k] += value * row[k]


@njit(**_KERNEL)
def _back_product(x, w, slope, grad_w, grad_x, relu):  # type: ignore[no-untyped-def]
    """Through ``x @ w``: adds to grad_w (I, O), writes grad_x (I,); silent ReLU inputs have no slope."""
    for i in range(len(grad_x)):
        value = x[i]
        if relu and value == 0.0:
            grad_x[i] = 0.0
            continue
        row, grad_row, total = w[i], grad_w[i], 0.0
        for k in range(len(slope)):
            total += row[k] * slope[k]
            grad_row[k] += value * slope[k]
        grad_x[i] = total


@njit(**_KERNEL)
def _relu_layer(x, w, b, out):  # type: ignore[no-untyped-def]
    out[:] = b
    _add_product(x, w, out)
    for k in range(len(out)):
        out[k] = max(out[k], 0.0)


@njit(**_KERNEL)
def _sigmoid(z):  # type: ignore[no-untyped-def]
    return 1.0 / (1.0 + np.exp(-z))


@njit(**_KERNEL)
def _gru(u, h, w_ih, w_hh, bias, bias_n, gates, hidden, out):  # type: ignore[no-untyped-def]
    """One step; keeps r, z, n in `gates` (3 H) and the hidden part of n in `hidden` (3 H, its last third)."""
    n = len(h)
    gates[:] = bias
    _add_product(u, w_ih, gates)
    hidden[: 2 * n] = 0.0
    hidden[2 * n :] = bias_n
    _add_product(h, w_hh, hidden)
    for k in range(n):
        # r, z = sigma(W u + b + V h); c = tanh(W u + b + r (V h + b_n)); h' = c + z (h - c)
        r, z = _sigmoid(gates[k] + hidden[k]), _sigmoid(gates[n + k] + hidden[n + k])
        c = np.tanh(gates[2 * n + k] + r * hidden[2 * n + k])
        gates[k], gates[n + k], gates[2 * n + k] = r, z, c
        out[k] = c + z * (h[k] - c)


@njit(**_KERNEL)
def _gru_back(u, h, w_ih, w_hh, gates, hidden, slope, g_ih, g_hh, g_bias, g_bias_n, grad_u, grad_h, work):  # type: ignore[no-untyped-def]
    """Through one step; `slope` (H,) is that of the new state; writes grad_h (H,) and grad_u (8,)."""
    n = len(h)
    direct = work[3 * n :]
    for k in range(n):
        r, z, c = gates[k], gates[n + k], gates[2 * n + k]
        inner = slope[k] * (1.0 - z) * (1.0 - c * c)  # dL/d(argument of c), by h' = c + z (h - c)
        work[k] = inner * hidden[2 * n + k] * r * (1.0 - r)  # dL/d(argument of r)
        work[n + k] = slope[k] * (h[k] - c) * z * (1.0 - z)  # dL/d(argument of z)
        work[2 * n + k] = inner
        direct[k] = slope[k] * z  # dL/dh past the gates
    ahead = work[: 3 * n]
    for k in range(3 * n):
        g_bias[k] += ahead[k]
    _back_product(u, w_ih, ahead, g_ih, grad_u, False)
    for k in range(n):
        ahead[2 * n + k] *= gates[k]  # from here on the slope of the hidden part of n
        g_bias_n[k] += ahead[2 * n + k]
    _back_product(h, w_hh, ahead, g_hh, grad_h, False)
    for k in range(n):
        grad_h[k] += direct[k]


@njit(**_KERNEL)
def _forward(p, t, u, memory, gates, hidden, h1, h2, out):  # type: ignore[no-untyped-def]
    """g for the inputs u[t]; fills row t of the scratch arrays and, with a GRU, row t + 1 of `memory`."""
    source = u[t]
    if memory.shape[1]:
        _gru(u[t], memory[t], p.w_ih, p.w_hh, p.bias, p.bias_n, gates[t], hidden[t], memory[t + 1])
        source = memory[t + 1]
    _relu_layer(source, p.w1, p.b1, h1[t])
    _relu_layer(h1[t], p.w2, p.b2, h2[t])
    out[:] = p.b3
    _add_product(h2[t], p.w3, out)


@njit(**_KERNEL)
def _backward(p, g, t, u, memory, gates, hidden, h1, h2, slope, from_memory, grad_u, work):  # type: ignore[no-untyped-def]
    """Slope of row t's inputs into `grad_u`, from that of g's output; that of the memory, in place."""
    H = h1.shape[1]
    a, b, c, more = work[:H], work[H : 2 * H], work[2 * H : 3 * H], work[3 * H :]
    g.b3[0] += slope[0]
    g.b3[1] += slope[1]
    _back_product(h2[t], p.w3, slope, g.w3, a, True)
    for k in range(H):
        g.b2[k] += a[k]
    _back_product(h1[t], p.w2, a, g.w2, b, True)
    for k in range(H):
        g.b1[k] += b[k]
    if memory.shape[1]:
        _back_product(memory[t + 1], p.w1, b, g.w1, c, False)
        for k in range(H):
            c[k] += from_memory[k]
        _gru_back(u[t], memory[t], p.w_ih, p.w_hh, gates[t], hidden[t], c, g.w_ih, g.w_hh, g.bias, g.bias_n,
                  grad_u, from_memory, more)  # fmt: skip
    else:
        _back_product(u[t], p.w1, b, g.w1, grad_u, False)


@njit(**_KERNEL)
def _segment(p, g, events, choice, counts, lengths, weights, memories, path, start_slope, learn):  # type: ignore[no-untyped-def]
    """See `run_segment`; `p` and `g` are `Arrays` of parameters and of their gradient."""
    trials, H, M = events.shape[1], len(p.b1), memories.shape[1]
    u, memory = np.zeros((trials, N)), np.zeros((trials + 1, M))
    gates, hidden = np.zeros((trials, 3 * M)), np.zeros((trials, 3 * M))
    h1, h2, out = np.zeros((trials, H)), np.zeros((trials, H)), np.zeros((trials, 2))
    error, work = np.zeros(trials), np.zeros(3 * H + 4 * M)
    grad_u, slope, from_memory = np.zeros(N), np.zeros(2), np.zeros(M)
    total = 0.0
    for a in range(len(lengths)):
        memory[0] = memories[a]
        w0, w1 = weights[a, 0], weights[a, 1]
        for t in range(lengths[a]):
            x = events[a, t, 0]
            path[a, t, 0], path[a, t, 1] = w0, w1
            z = w0 * x + w1  # p(y_t = R) = sigma(w_t x_t + b_t)
            # -log p(y_t) = log(1 + e^z) - y_t z, and its slope in z
            total += counts[a, t] * (max(z, 0.0) + np.log1p(np.exp(-abs(z))) - choice[a, t] * z)
            error[t] = counts[a, t] * (_sigmoid(z) - choice[a, t])
            u[t, 0], u[t, 1], u[t, 2], u[t, 3] = w0, w1, x, 1.0
            for k in range(4):
                u[t, 4 + k] = events[a, t, 1 + k]
            _forward(p, t, u, memory, gates, hidden, h1, h2, out[t])
            # W_{t+1} = W_t + s g(W_t, x_t, 1, day start, y_t, r_t, side_t)
            w0 += p.scale[0] * out[t, 0]
            w1 += p.scale[1] * out[t, 1]
        weights[a, 0], weights[a, 1] = w0, w1
        memories[a] = memory[lengths[a]]
        if not learn:
            continue
        g0, g1 = 0.0, 0.0
        from_memory[:] = 0.0
        for t in range(lengths[a] - 1, -1, -1):
            g.scale[0] += g0 * out[t, 0]
            g.scale[1] += g1 * out[t, 1]
            slope[0], slope[1] = g0 * p.scale[0], g1 * p.scale[1]
            _backward(p, g, t, u, memory, gates, hidden, h1, h2, slope, from_memory, grad_u, work)
            # dL/dW_t = dL/dW_{t+1} (1 + s dg/dW) + dL/dz_t (x_t, 1)
            g0 += grad_u[0] + error[t] * u[t, 2]
            g1 += grad_u[1] + error[t]
        start_slope[a, 0], start_slope[a, 1] = g0, g1
    return total


class Arrays(NamedTuple):
    """Views of a flat parameter vector; those of the GRU are empty where there is none."""

    scale: NDArray[np.float64]
    w_ih: NDArray[np.float64]
    w_hh: NDArray[np.float64]
    bias: NDArray[np.float64]
    bias_n: NDArray[np.float64]
    w1: NDArray[np.float64]
    b1: NDArray[np.float64]
    w2: NDArray[np.float64]
    b2: NDArray[np.float64]
    w3: NDArray[np.float64]
    b3: NDArray[np.float64]


def views(network: UpdateNetwork, params: NDArray[np.float64]) -> Arrays:
    """The named arrays inside ``params (D,)``, without copying."""
    found = {"w_ih": np.zeros((0, 0)), "w_hh": np.zeros((0, 0)), "bias": np.zeros(0), "bias_n": np.zeros(0)}
    for name, shape in network.layout.items():
        at = network.offsets[name]
        found[name] = params[at : at + math.prod(shape)].reshape(shape)
    return Arrays(*(found[name] for name in Arrays._fields))


def run_segment(
    network: UpdateNetwork,
    params: NDArray[np.float64],
    events: NDArray[np.float64],
    choice: NDArray[np.float64],
    counts: NDArray[np.float64],
    lengths: NDArray[np.int64],
    weights: NDArray[np.float64],
    memories: NDArray[np.float64],
    gradient: NDArray[np.float64] | None = None,
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Run A animals through K trials; with `gradient`, also back-propagate through all of them.

    Args:
        network: shape of g.
        params: ``(D,)``.
        events: ``(A, K, 5)`` from `network.features`. choice: ``(A, K)``, 1 for right.
        counts: ``(A, K)``, weight of each trial in the loss (0: its choice only teaches the animal).
        lengths: ``(A,)``, how many of the K trials each animal has.
        weights: ``(A, 2)``, W before the first trial; *replaced* by W after the last.
        memories: ``(A, H)`` of a GRU, else ``(A, 0)``; replaced likewise.
        gradient: ``(D,)``, to which the gradient of the loss is added (that of ``initial`` is left to the
            caller, who knows whose W it was).

    Returns:
        The summed loss (Bernoulli negative log-likelihood, nats), W before every trial ``(A, K, 2)``, and the
        slope of the loss in the W that was given, ``(A, 2)``.
    """
    path, slope = np.full((*choice.shape, 2), np.nan), np.zeros_like(weights)
    into = np.zeros_like(params) if gradient is None else gradient
    total = _segment(views(network, params), views(network, into), events, choice, counts, lengths, weights,
                     memories, path, slope, gradient is not None)  # fmt: skip
    return float(total), path, slope
