"""One step of one network, compiled: small networks whose weights are evolved numbers.

Sizes are arguments, so there is one compiled function for all of them. Every vector is padded to whole `Lanes`, every
sum is added in the order written; so a network gives the same bits alone, in a population, and inside the compiled lives
of `ontogym.baselines.lives.whole`. The readable form is `tests/agents/networks_oracle.py`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ontogym.agents.lndp.kernel.functions import fma, sigmoid, tanh
from ontogym.agents.lndp.kernel.lanes import WIDTH
from ontogym.agents.lndp.kernel.memory import every, lanes, node, put
from ontogym.agents.lndp.kernel.places import below, rows, with_length
from ontogym.compiling import COMPILED, INLINE, njit

__all__ = [
    "GRU",
    "HYPER",
    "LOCAL",
    "MLP",
    "RNN",
    "TRACE",
    "Shape",
    "network_step",
    "pad",
    "population_step",
    "work_size",
]

MLP, RNN, GRU, HYPER, TRACE, LOCAL = range(6)


class Shape(NamedTuple):
    """Sizes of a network, all whole numbers.

    Attributes:
        kind: of `MLP` ... `LOCAL`.
        observed: O, channels of the observation, which come first in the input.
        inputs: n, O, what is heard, and O more where the change is seen.
        hidden: H. outputs: A.
        contrasts: C, numbers that tell a trace the own action.
        action: where the own action begins in the input; -1 if it is not heard. start: where the sign of an episode's
            first step is; -1 if not heard.
        extra: where what is heard beside the action begins in the input.
        box: 1 where motor channels are amounts, 0 where the largest wins.
        row: length of a row of the state.
        change: where the change of the observation begins in the input, which is its last part; -1 if it is not seen.
    """

    kind: int
    observed: int
    inputs: int
    hidden: int
    outputs: int
    contrasts: int
    action: int
    start: int
    extra: int
    box: int
    row: int
    change: int


def pad(width: int) -> int:
    """`width` rounded up to whole `Lanes`."""
    return -(-width // WIDTH) * WIDTH


@njit(**INLINE)
def padded(width: int) -> int:
    return (width + WIDTH - 1) // WIDTH * WIDTH


@njit(**INLINE)
def affine(x: Any, n: int, w: Any, width: int, y: Any) -> Any:
    """y = b + sum over n inputs of x_i w_i; a row of `w` is what one input gives, b the last row. Returns what follows."""
    w = with_length(w, width)
    for u in range(0, width, WIDTH):
        total = w[n, u]
        for i in range(n):
            total = fma(every(x, 0, i), w[i, u], total)
        y[0, u] = total
    return below(w, n + 1)


@njit(**INLINE)
def through_tanh(x: Any, width: int, y: Any) -> None:
    """y = tanh(x)."""
    for u in range(0, width, WIDTH):
        y[0, u] = tanh(x[0, u])


@njit(**INLINE)
def recurrent(shape: Shape, x: Any, w: Any, h: Any, work: Any) -> Any:
    """h <- tanh(W x + U h + b) (Elman 1990)."""
    n, m = shape.hidden, padded(shape.hidden)
    w = affine(x, shape.inputs, w, m, work)
    for u in range(0, m, WIDTH):
        total = work[0, u]
        for i in range(n):
            total = fma(every(h, 0, i), w[i, u], total)  # W x + b + U h
        work[0, u] = total
    through_tanh(work, m, h)
    return below(w, n)


@njit(**INLINE)
def gated(shape: Shape, x: Any, w: Any, h: Any, work: Any, hold: bool) -> Any:
    """h <- GRU(x, h) (Cho et al. 2014, arXiv 1406.1078); with `hold` h stays as it is.

    A row of `w` holds what one input, or one unit, gives to z, r and c, side by side.
    """
    n, m = shape.hidden, padded(shape.hidden)
    w = with_length(w, 3 * m)
    back = below(w, shape.inputs + 1)
    if not hold:
        for u in range(0, m, WIDTH):
            z, r, c = w[shape.inputs, u], w[shape.inputs, m + u], w[shape.inputs, 2 * m + u]
            for i in range(shape.inputs):
                x_i = every(x, 0, i)
                z, r, c = fma(x_i, w[i, u], z), fma(x_i, w[i, m + u], r), fma(x_i, w[i, 2 * m + u], c)
            old = lanes(h, 0.0)
            for i in range(n):
                h_i = every(h, 0, i)
                z, r = fma(h_i, back[i, u], z), fma(h_i, back[i, m + u], r)
                old = fma(h_i, back[i, 2 * m + u], old)
            z = sigmoid(z)  # z = sigma(W_z x + U_z h + b_z)
            c = tanh(fma(sigmoid(r), old, c))  # c = tanh(W_c x + b_c + sigma(W_r x + U_r h + b_r) * U_c h)
            work[0, u] = fma(z, h[0, u] - c, c)  # h' = (1 - z) c + z h
        for u in range(0, m, WIDTH):
            h[0, u] = work[0, u]
    return below(back, n)


@njit(**INLINE)
def traced(shape: Shape, x: Any, w: Any, contrasts: Any, gains: Any, h: Any, work: Any, hold: bool) -> Any:
    """Traces of what changed after what, and the units that read them; with `hold` the traces stay as they are.

    Rows of h: the units' activity (H), the last observation (O), and for each sensor its traces (O + C).
    """
    n_obs, width = shape.observed, shape.observed + shape.contrasts
    last, traces = below(h, 1), below(h, 2)
    started = shape.start >= 0 and node(x, 0, shape.start) != 0.0
    if not (hold or started):
        cause, heard, change = work, below(work, 1), below(work, 2)
        for u in range(0, shape.row, WIDTH):
            cause[0, u] = tanh(last[0, u] * gains[1])
            heard[0, u] = lanes(h, 1.0)
            change[0, u] = lanes(h, 0.0)
        for i in range(n_obs):
            put(change, 0, i, gains[0] * (node(x, 0, i) - node(last, 0, i)))
        for u in range(0, shape.row, WIDTH):
            change[0, u] = tanh(change[0, u])
        for k in range(shape.contrasts):
            done = np.float32(0.0)
            if shape.action >= 0:
                done = node(x, 0, shape.action + contrasts[k, 0])
                if contrasts[k, 1] >= 0:
                    done -= node(x, 0, shape.action + contrasts[k, 1])
            put(cause, 0, n_obs + k, done)
            put(heard, 0, n_obs + k, np.float32(1.0) if done != 0.0 else np.float32(0.0))
        for u in range(0, shape.row, WIDTH):
            rate = sigmoid(lanes(h, node(w, 0, 0))) * heard[0, u]
            # T_ij <- T_ij + rate (tanh(a dx_i) cause_j - T_ij), where cause_j is heard
            for i in range(n_obs):
                traces[i, u] = fma(rate, every(change, 0, i) * cause[0, u] - traces[i, u], traces[i, u])
    for i in range(n_obs):
        put(last, 0, i, node(x, 0, i))
    return read_traces(shape, x, w, traces, width, h)


@njit(**INLINE)
def read_traces(shape: Shape, x: Any, w: Any, traces: Any, width: int, h: Any) -> Any:
    """h <- tanh(b + W (traces, what else is heard))."""
    m, count = padded(shape.hidden), shape.observed * width
    w = with_length(below(with_length(w, WIDTH), 1), m)
    extra = shape.inputs - shape.extra
    for u in range(0, m, WIDTH):
        total = w[count + extra, u]
        for i in range(shape.observed):
            for j in range(width):
                total = fma(every(traces, i, j), w[i * width + j, u], total)  # b + W (traces,
        for k in range(extra):
            total = fma(every(x, 0, shape.extra + k), w[count + k, u], total)  # what else is heard)
        h[0, u] = tanh(total)
    return below(w, count + extra + 1)


@njit(**INLINE)
def linear_policy(shape: Shape, x: Any, w: Any, h: Any, work: Any, motor: Any) -> None:
    """The units write a policy: weight_i = V_i h + c_i, motor = sum over i of weight_i (x, 1)_i."""
    m = padded(shape.outputs)
    affine(h, shape.hidden, w, (shape.observed + 1) * m, work)
    policy = with_length(work, m)
    for u in range(0, m, WIDTH):
        total = policy[shape.observed, u]
        for i in range(shape.observed):
            total = fma(every(x, 0, i), policy[i, u], total)  # sum_i weight_i x_i
        motor[0, u] = total


@njit(**INLINE)
def locally_traced(shape: Shape, x: Any, w: Any, gains: Any, h: Any, work: Any, hold: bool) -> Any:
    """Traces of what each action changes at each sensor; with `hold` they stay as they are. Returns the gains.

    Rows of h: the remembered action (A), the last observation (O), the traces of each action (O), those of each
    remembered action (O).
    """
    w, last, traces = with_length(w, WIDTH), below(h, 1), below(h, 2)
    started = shape.start >= 0 and node(x, 0, shape.start) != 0.0
    if not (hold or started):
        change, done = work, below(work, 1)
        for u in range(0, shape.row, WIDTH):
            change[0, u] = done[0, u] = lanes(h, 0.0)
        for i in range(shape.observed):
            put(change, 0, i, gains[0] * (node(x, 0, i) - node(last, 0, i)))
        for u in range(0, shape.row, WIDTH):
            change[0, u] = tanh(change[0, u])
        for q in range(shape.outputs):
            put(done, 0, q, node(x, 0, shape.action + q) if shape.action >= 0 else np.float32(0.0))
        rate, memory = sigmoid(lanes(h, node(w, 0, 0))), sigmoid(lanes(h, node(w, 0, 1)))
        for u in range(0, padded(shape.outputs), WIDTH):
            h[0, u] = fma(memory, done[0, u] - h[0, u], h[0, u])  # u~ <- u~ + lambda (u - u~)
        for k in range(2 * shape.outputs):
            cause = node(done, 0, k) if k < shape.outputs else node(h, 0, k - shape.outputs)
            size = abs(cause)
            for u in range(0, padded(shape.observed), WIDTH):  # T <- T + rate (u tanh(a dx) - |u| T)
                traces[k, u] = fma(rate, cause * change[0, u] - size * traces[k, u], traces[k, u])
    for i in range(shape.observed):
        put(last, 0, i, node(x, 0, i))
    return below(w, 1)


@njit(**INLINE)
def local_policy(shape: Shape, x: Any, w: Any, gains: Any, h: Any, work: Any, motor: Any) -> None:
    """Score of action q: sum over sensors of (c c_qi + k_i T_qi + k~_i T~_qi) x_i, and what is heard by innate weights."""
    n, n_obs, outputs = shape.inputs, shape.observed, shape.outputs
    gain = with_length(w, padded(n_obs))
    innate, traces = below(gain, 2), below(h, 2)
    slow = below(traces, outputs)
    heard = with_length(below(innate, outputs), padded(outputs))
    for u in range(0, padded(outputs), WIDTH):
        total = heard[n - n_obs, u]
        for j in range(n - n_obs):
            total = fma(every(x, 0, n_obs + j), heard[j, u], total)
        motor[0, u] = total
    for q in range(outputs):
        for u in range(0, padded(n_obs), WIDTH):
            # c c_qi + k_i T_qi + k~_i T~_qi
            weight = fma(gain[0, u], traces[q, u], gains[1] * innate[q, u])
            work[0, u] = fma(gain[1, u], slow[q, u], weight)
        score = node(motor, 0, q)
        for i in range(n_obs):
            score += node(work, 0, i) * node(x, 0, i)
        put(motor, 0, q, score)


@njit(**INLINE)
def squash(shape: Shape, motor: Any) -> None:
    """Scores to [-1, 1]: tanh for amounts; x / (1 + |x|) for choices, which keeps their order far out, too."""
    most = np.float32(1e30)
    if shape.box:
        through_tanh(motor, padded(shape.outputs), motor)
    for q in range(shape.outputs):
        score = node(motor, 0, q)
        score = score if score > -most else -most  # not a number counts as least
        score = score if score < most else most
        put(motor, 0, q, score if shape.box else score / (np.float32(1.0) + abs(score)))


@njit(**INLINE)
def see_change(shape: Shape, x: Any, gain: Any, last: Any) -> None:
    """Into x: what each sensor changed by since the last step, times a gain, within [-1, 1]; 0 at an episode's first step."""
    most, started = np.float32(1.0), node(x, 0, shape.start) != 0.0
    for i in range(shape.observed):
        seen = node(x, 0, i)
        change = np.float32(0.0) if started else gain * (seen - node(last, 0, i))
        put(x, 0, shape.change + i, min(max(change, -most), most))  # d_i = clip(a dx_i, -1, 1)
        put(last, 0, i, seen)


@njit(**INLINE)
def network_step(
    shape: Shape, x: Any, w: Any, contrasts: Any, gains: Any, h: Any, work: Any, motor: Any, hold: bool
) -> None:
    """One step: changes `h` and writes `motor`.

    Args:
        shape: sizes.
        x: what is observed and heard, in row 0; the change of the observation is written there, where it is seen.
        w: packed weights (`layout.Layout.pack`).
        contrasts: ``(C, 2)`` the motor channels whose difference is contrast k; -1 for none.
        gains: ``(2,)`` of a trace's change and sensor; of a local trace's change, and the factor c on its innate weights;
            of the change that is seen.
        h: state; the last observation is in its second row where the change is seen. work: `work_size` numbers. motor: in row 0.
        hold: whether what the state writes stays as it is (`HYPER`, `TRACE`, `LOCAL`).
    """
    n, m = shape.hidden, padded(shape.hidden)
    if shape.change >= 0:
        see_change(shape, x, gains[0], below(h, 1))
    if shape.kind == MLP:
        w = affine(x, shape.inputs, w, m, h)
        through_tanh(h, m, h)
    elif shape.kind == RNN:
        w = recurrent(shape, x, w, h, work)
    elif shape.kind == LOCAL:
        w = locally_traced(shape, x, w, gains, h, work, hold)
    elif shape.kind == TRACE:
        w = traced(shape, x, w, contrasts, gains, h, work, hold)
    else:
        w = gated(shape, x, w, h, work, hold)
    if shape.kind == LOCAL:
        local_policy(shape, x, w, gains, h, work, motor)
    elif shape.kind >= HYPER:
        linear_policy(shape, x, w, h, work, motor)
    else:
        affine(h, n, w, padded(shape.outputs), motor)
    squash(shape, motor)


def work_size(shape: Shape) -> int:
    """Numbers that a step needs to work in."""
    return max(3 * shape.row, pad(shape.hidden), (shape.observed + 1) * pad(shape.outputs))


@njit(**COMPILED)
def population_step(
    shape: Shape, inputs: Any, weights: Any, contrasts: Any, gains: Any, states: Any, active: Any, hold: bool,
    work: Any, motor: Any,
) -> None:  # fmt: skip
    """`network_step` of every active row of ``inputs`` (P, n), ``weights`` (P, W), ``states`` (P, S), into ``motor``."""
    one = rows(work, 0, shape.row)
    for p in range(len(inputs)):
        if active[p]:
            network_step(
                shape, rows(inputs, p, shape.inputs), rows(weights, p, WIDTH), contrasts, gains,
                rows(states, p, shape.row), one, rows(motor, p, motor.shape[1]), hold,
            )  # fmt: skip
