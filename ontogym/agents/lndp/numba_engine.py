"""The CPU fast path of the built-in rule: states, layouts and calls of the fused kernel."""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.agents.base import CONDUCTS
from ontogym.agents.lndp.crew import Crew, Job
from ontogym.agents.lndp.freezing import Held
from ontogym.agents.lndp.kernel.options import KEEP, REWIRE, UPDATE, flags_of, offsets_of, padded
from ontogym.agents.lndp.organism import BUILT_IN, Body, GenomeLayout, LNDPConfig, allowed_edges
from ontogym.errors import OntogymError
from ontogym.seeding import GOLDEN

__all__ = ["NumbaEngine", "NumbaState", "fits_kernel"]

ROWS_WORTH_SHARING = 8
"""A row takes about 20 microseconds, and waking another thread and waiting for it 60."""

CACHE_LINE = 8
"""Numbers of 64 bits in a cache line."""


class NumbaState(NamedTuple):
    """A population as the kernel wants it, each array ``(P, ...)`` flat and contiguous.

    A row of nodes has M numbers, N and then padding. Shapes: ``genomes`` (P, D), ``keys`` (P,), ``innate`` and
    ``edges`` (P, N * S * M), (pre, feature, post), ``nodes`` (P, F * M), ``mask`` (P, N * M), (pre, post), and
    ``mask_t`` (post, pre), ``history`` (P, K * M), ``activation`` (P, M), ``changed`` (P,).
    """

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
    held: Held


def fits_kernel(config: LNDPConfig) -> str | None:
    """None if the fused kernel can run this configuration, else the reason why it cannot."""
    sizes = (config.node_features, config.edge_features, config.heads, config.query_features)
    if (*sizes, config.value_features) != (8, 4, 3, 4, 8):
        return "it has other feature sizes than the default"
    for slot, names in BUILT_IN.items():
        if getattr(config, f"{slot}_rule") not in (*names, ""):
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
        self._length = padded(layout.config.nodes)
        self._at, self._flags = offsets_of(layout), flags_of(layout)
        allowed = allowed_edges(layout.config, layout.n_inputs, layout.n_outputs)
        self._allowed = self._rows(1, len(allowed))
        self._matrix(self._allowed)[0, :, 0, : len(allowed)] = allowed.T

    def empty(self, genomes: NDArray[np.floating], keys: NDArray[np.uint64]) -> NumbaState:
        """A population without bodies, from genomes ``(P, D)`` and noise keys ``(P,)``; writes to neither."""
        p, c = len(genomes), self.config
        n, s = c.nodes, c.edge_features
        return NumbaState(
            genomes=np.array(genomes, dtype=self.dtype, order="C"),
            keys=np.array(keys, dtype=np.uint64),
            # The kernel reads innate features only where no synaptic rule makes others.
            innate=self._rows(p, 0 if self._flags.synaptic else n * s),
            nodes=self._rows(p, c.node_features),
            edges=self._rows(p, n * s),
            mask=self._rows(p, n),
            mask_t=self._rows(p, n),
            history=self._rows(p, c.history),
            activation=self._rows(p, 1),
            changed=np.zeros(p, np.int64),
            held=Held.nothing(p),
        )

    def place(self, state: NumbaState, rows: slice | NDArray[np.integer], body: Body) -> None:
        """Give the individuals in `rows` these bodies, or all of them the only one, in place."""
        n = self.config.nodes
        if not self._flags.synaptic:
            self._matrix(state.innate)[rows, ..., :n] = body.innate.transpose(0, 3, 1, 2)
        self._matrix(state.edges)[rows, ..., :n] = body.edges.transpose(0, 3, 1, 2)
        self._matrix(state.mask)[rows, :, 0, :n] = body.mask.transpose(0, 2, 1)
        self._matrix(state.mask_t)[rows, :, 0, :n] = body.mask
        self._vectors(state.nodes)[rows, :, :n] = body.nodes.transpose(0, 2, 1)
        self._vectors(state.history)[rows, :, :n] = body.history.transpose(0, 2, 1)
        state.activation[rows, :n] = body.activation

    def birth(self, genomes: NDArray[np.floating], body: Body, keys: NDArray[np.uint64]) -> NumbaState:
        """A population from genomes ``(P, D)``, bodies and noise keys ``(P,)``, none of which it writes to."""
        state = self.empty(genomes, keys)
        self.place(state, slice(None), body)
        return state

    def _rows(self, population: int, rows: int) -> NDArray[np.floating]:
        """Zeros ``(P, rows * M)``, at the start of a cache line."""
        size, line = population * rows * self._length, 64 // self.dtype.itemsize
        room = np.zeros(size + line, self.dtype)
        start = -room.ctypes.data % 64 // self.dtype.itemsize
        return room[start : start + size].reshape(population, -1 if size else 0)

    def _vectors(self, array: NDArray[np.floating]) -> NDArray[np.floating]:
        """A view ``(P, rows, M)``."""
        return array.reshape(len(array), -1, self._length)

    def _matrix(self, array: NDArray[np.floating]) -> NDArray[np.floating]:
        """A view (P, pre, features, M)."""
        return array.reshape(len(array), self.config.nodes, -1, self._length)

    def step(
        self,
        state: NumbaState,
        observation: NDArray[np.floating],
        reward: NDArray[np.floating],
        active: NDArray[np.bool_] | None = None,
        update: NDArray[np.bool_] | None = None,
    ) -> tuple[NDArray[np.floating], NumbaState]:
        """One step, in place; returns motor activations ``(P, A)`` and the same state."""
        from ontogym.agents.lndp.kernel.step import step_rows

        p = len(state.genomes)
        living = np.arange(p) if active is None else np.flatnonzero(active)
        updates = np.ones(p, np.bool_) if update is None else np.asarray(update)
        changes = self._changes(state.held, updates)
        told = np.ascontiguousarray(reward * self.config.reward_scale, dtype=self.dtype)
        seen = np.ascontiguousarray(observation, dtype=self.dtype)

        taken = np.zeros((self.threads if len(living) >= ROWS_WORTH_SHARING else 1) + 1, np.int64)
        bell, call = self._bell, int(self._bell[0]) + 1

        def run(seat: int) -> bool:
            done: bool = step_rows(
                self._at,
                self._flags,
                self._allowed,
                state,
                seen,
                told,
                changes,
                living,
                seat,
                taken,
                bell,
                call,
            )
            return done

        self.share(run, len(taken) - 1)
        n = self.config.nodes
        if self._flags.stochastic:
            # As many numbers as `LaneStreams.uniform((2, N, N))` would have drawn.
            with np.errstate(over="ignore"):
                state.keys[living[updates[living]]] += GOLDEN * np.uint64(2 * n**2)
        if self.config.rewire_every > 1:
            state.held.updates[living[updates[living]]] += 1
        motor = state.activation[:, n - self.layout.n_outputs : n].copy()
        if active is not None:
            motor[~active] = 0
        return motor, state

    def share(self, job: Job, seats: int) -> None:
        """Have this thread and up to ``seats - 1`` helpers do a job, see `Crew`."""
        if self.threads > 1 and self._crew is None:
            self._crew = Crew(self.threads)
        if self._crew:
            self._crew.run(job, seats)
        else:
            job(0)

    def _changes(self, held: Held, updates: NDArray[np.bool_]) -> NDArray[np.int64]:
        """What may change in each individual, ``(P,)``, as the kernel wants to know it."""
        rewires, keeps = held.rewires(self.config.rewire_every), held.keeps_weights()
        changes = updates * (UPDATE | REWIRE) if rewires is None else updates * UPDATE + rewires * REWIRE
        return changes if keeps is None else changes + keeps * KEEP

    def rest(self, state: NumbaState) -> NumbaState:
        """Forget the activity (after development), keep the network."""
        state.activation[:] = 0
        return state

    def body(self, state: NumbaState, rows: slice | NDArray[np.integer] = slice(None)) -> Body:
        """The networks as they are, engine-independent (copies)."""
        n = self.config.nodes

        def matrices(array: NDArray[np.floating]) -> NDArray[np.floating]:
            return np.ascontiguousarray(self._matrix(array)[rows, ..., :n].transpose(0, 2, 3, 1))

        def vectors(array: NDArray[np.floating]) -> NDArray[np.floating]:
            return np.ascontiguousarray(self._vectors(array)[rows, :, :n].transpose(0, 2, 1))

        edges = matrices(state.edges)
        return Body(
            nodes=vectors(state.nodes),
            edges=edges,
            mask=matrices(state.mask)[:, 0],
            history=vectors(state.history),
            activation=state.activation[rows, :n].copy(),
            innate=matrices(state.innate) if state.innate.size else np.zeros_like(edges),
        )

    def changed(self, state: NumbaState) -> NDArray[np.int64]:
        """How many edges came or went in each network's last update, ``(P,)``."""
        return state.changed

    def wired(self, state: NumbaState) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """How many edges each network has, and how many of them conduct, ``(P,)`` each."""
        masks = self._matrix(state.mask)[:, :, 0]
        conducting = (np.abs(self._matrix(state.edges)[:, :, 0]) * masks > CONDUCTS).sum((1, 2))
        return masks.sum((1, 2)), conducting

    def copy(self, state: NumbaState) -> NumbaState:
        """A state that shares no memory with the given one."""
        return NumbaState(**{name: part.copy() for name, part in state._asdict().items()})


def available_cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
