"""The CPU fast path of the built-in rule: states, layouts and calls of the fused kernel."""

from __future__ import annotations

import math
import os
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.agents.lndp.crew import Crew
from ontogym.agents.lndp.organism import Body, GenomeLayout, LNDPConfig, allowed_edges
from ontogym.errors import OntogymError
from ontogym.seeding import GOLDEN

__all__ = ["NumbaEngine", "NumbaState", "fits_kernel"]

_BUILT_IN = {"synaptic": "lndp-edge-gru", "pruning": "lndp-pruning", "synaptogenesis": "lndp-synaptogenesis"}


ROWS_WORTH_SHARING = 8
"""A row takes about 20 microseconds, and waking another thread and waiting for it 60."""

CACHE_LINE = 8
"""Numbers of 64 bits in a cache line."""


class NumbaState(NamedTuple):
    """A population as the kernel wants it: flat, contiguous, (pre, feature, post)."""

    genomes: NDArray[np.floating]
    keys: NDArray[np.uint64]
    innate: NDArray[np.floating]
    nodes: NDArray[np.floating]
    edges: NDArray[np.floating]
    mask: NDArray[np.floating]
    mask_t: NDArray[np.floating]
    history: NDArray[np.floating]
    activation: NDArray[np.floating]
    changed: NDArray[np.int64]


def fits_kernel(config: LNDPConfig) -> str | None:
    """None if the fused kernel can run this configuration, else the reason why it cannot."""
    sizes = (config.node_features, config.edge_features, config.heads, config.query_features)
    if (*sizes, config.value_features) != (8, 4, 3, 4, 8):
        return "it has other feature sizes than the default"
    for slot, name in _BUILT_IN.items():
        if getattr(config, f"{slot}_rule") not in (name, ""):
            return f"its {slot} rule is not the built-in one"
    if config.structural_rule:
        return "it has a structural rule of its own"
    return None


class NumbaEngine:
    """Runs populations of LNDPs with the fused kernel.

    Args:
        layout: genome layout (its config must pass `fits_kernel`).
        dtype: "float32" (fast) or "float64" (exact, for parity tests).
        threads: how many cores a step uses; 0 means all that this process may use. Results do not depend on
            it: each individual is computed by one thread, from its own numbers alone.
    """

    def __init__(self, layout: GenomeLayout, dtype: str = "float32", threads: int = 0) -> None:
        if reason := fits_kernel(layout.config):
            raise OntogymError(f"The numba engine cannot run this LNDP: {reason}; use engine='torch'.")
        self.layout, self.config, self.dtype = layout, layout.config, np.dtype(dtype)
        self.threads = threads or available_cores()
        self._crew: Crew | None = None
        # It calls the helpers, with nothing else in its cache line.
        self._bell = np.zeros(2 * CACHE_LINE, np.int64)[CACHE_LINE:][:1]
        self._tag = (0,) * layout.config.nodes
        self._at, self._flags = _offsets(layout), _flags(layout)
        allowed = allowed_edges(layout.config, layout.n_inputs, layout.n_outputs)
        self._allowed = np.ascontiguousarray(allowed.T.ravel(), dtype=self.dtype)

    def birth(self, genomes: NDArray[np.floating], body: Body, keys: NDArray[np.uint64]) -> NumbaState:
        """A population from genomes ``(P, D)``, bodies and noise keys ``(P,)``, none of which it writes to."""
        p = len(genomes)

        def flat(array: NDArray[np.floating], *axes: int) -> NDArray[np.floating]:
            # Always a copy, even where order and type fit already: the kernel works in place.
            return np.array(array.transpose(0, *axes), dtype=self.dtype, order="C").reshape(p, -1)

        # The kernel reads innate features only where no synaptic rule makes others.
        innate = body.innate[:, :0] if self._flags.synaptic else body.innate
        return NumbaState(
            genomes=flat(genomes, 1),
            keys=np.array(keys, dtype=np.uint64),
            innate=flat(innate, 3, 1, 2),
            nodes=flat(body.nodes, 2, 1),
            edges=flat(body.edges, 3, 1, 2),
            mask=flat(body.mask, 2, 1),
            mask_t=flat(body.mask, 1, 2),
            history=flat(body.history, 2, 1),
            activation=flat(body.activation, 1),
            changed=np.zeros(p, np.int64),
        )

    def step(
        self,
        state: NumbaState,
        observation: NDArray[np.floating],
        reward: NDArray[np.floating],
        active: NDArray[np.bool_] | None = None,
        update: NDArray[np.bool_] | None = None,
    ) -> tuple[NDArray[np.floating], NumbaState]:
        """One step, in place; returns motor activations ``(P, A)`` and the same state."""
        from ontogym.agents.lndp.numba_kernel import step_rows

        p = len(state.genomes)
        rows = np.arange(p) if active is None else np.flatnonzero(active)
        updates = np.ones(p, np.bool_) if update is None else np.ascontiguousarray(update)
        scaled = np.ascontiguousarray(reward * self.config.reward_scale, dtype=self.dtype)
        observation = np.ascontiguousarray(observation, dtype=self.dtype)

        taken = np.zeros((self.threads if len(rows) >= ROWS_WORTH_SHARING else 1) + 1, np.int64)
        bell, call = self._bell, int(self._bell[0]) + 1

        def run(seat: int) -> bool:
            done: bool = step_rows(
                self._tag, self._at, self._flags, rows, seat, taken, bell, call, updates, state.genomes, state.keys, observation,
                scaled, self._allowed, state.innate, state.nodes, state.edges, state.mask, state.mask_t,
                state.history, state.activation, state.changed,
            )  # fmt: skip
            return done

        if self.threads > 1 and self._crew is None:
            self._crew = Crew(self.threads)
        if self._crew:
            self._crew.run(run, len(taken) - 1)
        else:
            run(0)
        if self._flags.stochastic:
            # As many numbers as `LaneStreams.uniform((2, N, N))` would have drawn.
            with np.errstate(over="ignore"):
                state.keys[rows[updates[rows]]] += GOLDEN * np.uint64(2 * self.config.nodes**2)
        motor = state.activation[:, self.config.nodes - self.layout.n_outputs :].copy()
        if active is not None:
            motor[~active] = 0
        return motor, state

    def rest(self, state: NumbaState) -> NumbaState:
        """Forget the activity (after development), keep the network."""
        state.activation[:] = 0
        return state

    def body(self, state: NumbaState, rows: slice | NDArray[np.integer] = slice(None)) -> Body:
        """The networks as they are, engine-independent (copies)."""
        n, s, k = self.config.nodes, self.config.edge_features, self.config.history
        p = len(state.genomes[rows])

        def shaped(array: NDArray[np.floating], shape: tuple[int, ...], *axes: int) -> NDArray[np.floating]:
            return np.ascontiguousarray(array[rows].reshape(p, *shape).transpose(0, *axes))

        innate = state.innate if state.innate.size else np.zeros_like(state.edges)
        return Body(
            nodes=shaped(state.nodes, (self.config.node_features, n), 2, 1),
            edges=shaped(state.edges, (n, s, n), 2, 3, 1),
            mask=shaped(state.mask, (n, n), 2, 1),
            history=shaped(state.history, (k, n), 2, 1),
            activation=state.activation[rows].copy(),
            innate=shaped(innate, (n, s, n), 2, 3, 1),
        )

    def changed(self, state: NumbaState) -> NDArray[np.int64]:
        """How many edges came or went in each network's last update, ``(P,)``."""
        return state.changed

    def copy(self, state: NumbaState) -> NumbaState:
        """A state that shares no memory with the given one."""
        return NumbaState(**{name: part.copy() for name, part in state._asdict().items()})


def _offsets(layout: GenomeLayout) -> Any:
    from ontogym.agents.lndp.numba_kernel import Offsets

    def start(name: str) -> int:
        return layout.slices[name].start if name in layout.slices else -1

    names = (
        "query", "output.weight", "output.bias", "edge.weight", "edge.bias", "perception.weight",
        "perception.bias", "gru.ih", "gru.hh", "gru.bias", "gru.bias_n", "synaptic", "pruning",
        "synaptogenesis", "identity",
    )  # fmt: skip
    return Offsets(*(start(name) for name in names))


def _flags(layout: GenomeLayout) -> Any:
    from ontogym.agents.lndp.numba_kernel import Flags

    c = layout.config
    return Flags(
        n_inputs=layout.n_inputs,
        n_outputs=layout.n_outputs,
        rnn_iters=c.rnn_iters,
        released=c.released,
        transformer=c.graph_transformer,
        synaptic="synaptic" in layout.slices,
        prune="pruning" in layout.slices,
        grow="synaptogenesis" in layout.slices,
        stochastic=c.decisions == "stochastic",
        recurrent=c.recurrent,
        bias=c.bias,
        threshold_logit=math.log(c.threshold / (1 - c.threshold)),
    )


def available_cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
