"""The LNDP as an agent: one genome, one seed, one individual, whichever engine computes it."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ontogym.agents.base import Agent, Feedback, NetworkSnapshot, check_genomes, check_seeds, observation_gain
from ontogym.agents.lndp.newborn import newborns
from ontogym.agents.lndp.numba_engine import NumbaEngine, fits_kernel
from ontogym.agents.lndp.organism import Body, GenomeLayout, LNDPConfig, allowed_edges, usual_nodes
from ontogym.errors import OntogymError, UnknownNameError
from ontogym.seeding import GOLDEN, LaneStreams, mix64

if TYPE_CHECKING:
    from ontogym.agents.lndp.torch_engine import TorchEngine

__all__ = ["LNDP", "Engine", "LNDPState"]

ENGINES = ("auto", "numba", "torch", "pyg")


class Engine(Protocol):
    """What computes a population: the fused kernel, the batched torch engine, or the readable form."""

    def empty(self, genomes: NDArray[np.floating], keys: NDArray[np.uint64]) -> Any: ...

    def place(self, state: Any, rows: slice | NDArray[np.integer], body: Body) -> None: ...

    def birth(self, genomes: NDArray[np.floating], body: Body, keys: NDArray[np.uint64]) -> Any: ...

    def step(
        self,
        state: Any,
        observation: NDArray[np.floating],
        reward: NDArray[np.floating],
        active: NDArray[np.bool_] | None = None,
        update: NDArray[np.bool_] | None = None,
    ) -> tuple[NDArray[np.floating], Any]: ...

    def rest(self, state: Any) -> Any: ...

    def body(self, state: Any, rows: slice | NDArray[np.integer] = slice(None)) -> Body: ...

    def changed(self, state: Any) -> NDArray[np.int64]: ...

    def wired(self, state: Any) -> tuple[NDArray[np.floating], NDArray[np.floating]]: ...

    def copy(self, state: Any) -> Any: ...


class LNDPState(NamedTuple):
    """A living population: the engine's own state, and whether nothing of it but activity changes any more."""

    engine: Any
    still: bool = False


class LNDP(Agent[LNDPState]):
    """Lifelong Neural Developmental Program: a network that grows itself and rewires while it lives.

    Source: arXiv 2406.09787. All options of `LNDPConfig` are keyword arguments.

    Args:
        observation_space, action_space: of one environment.
        engine: "numba" (fused kernel, built-in rules, CPU), "torch" (any rule, CPU or GPU), "pyg" (PyTorch
            Geometric, readable and slow), or "auto": numba where it can, else torch.
        dtype: "float32" or "float64".
        device: for the torch engine.
        threads: cores for the numba engine; 0 means all.
        compiled: whether the torch engine fuses its step with ``torch.compile``.
        options: fields of `LNDPConfig`; without ``nodes`` there are as many as the spaces ask for, see `usual_nodes`.

    Raises:
        OntogymError: an unknown option (nearest suggested), or a combination that cannot be.
    """

    name = "lndp"

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        *,
        engine: str = "auto",
        dtype: str = "float32",
        device: str = "cpu",
        threads: int = 0,
        compiled: bool = False,
        **options: Any,
    ) -> None:
        known = [f.name for f in fields(LNDPConfig)]
        for option in options:
            if option not in known:
                raise UnknownNameError(
                    "LNDP option", option, [*known, "engine", "dtype", "device", "threads", "compiled"]
                )
        self.options = LNDPConfig(**options)
        super().__init__(observation_space, action_space, self.options.hears)
        if "nodes" not in options:
            self.options = replace(self.options, nodes=usual_nodes(self.n_inputs, self.spaces.n_actions))
        self.layout = GenomeLayout(
            self.options, self.n_inputs, self.spaces.n_actions, self.spaces.n_observations
        )
        self.development = self.options.development or None
        self.development_steps = self.options.development_steps
        self.development_options = self.options.development_options
        self.engine_name, self.engine = _make_engine(engine, self.layout, dtype, device, threads, compiled)
        self.gain = observation_gain(observation_space) if self.options.scale_observations else None

    @property
    def genome_size(self) -> int:
        return self.layout.size

    @property
    def config(self) -> dict[str, Any]:
        return self.options.as_dict()

    def initial_genome(self) -> NDArray[np.float64]:
        return self.layout.initial()

    def development_params(self, genomes: NDArray[np.floating]) -> NDArray[np.floating] | None:
        part = self.layout.slices.get("development")
        return None if part is None else genomes[:, part]

    def birth(self, genomes: NDArray[np.floating], seeds: NDArray[np.integer]) -> LNDPState:
        genomes = check_genomes(genomes, self.genome_size)
        words = check_seeds(seeds, len(genomes))
        # Noise of later decisions must not repeat the numbers that drew the body.
        state = self.engine.empty(genomes, mix64(words ^ GOLDEN))
        for rows, body in newborns(self.options, self.layout.n_inputs, self.layout.n_outputs, words):
            self.engine.place(state, rows, body)
        return LNDPState(state)

    def develop(self, state: LNDPState, activity: NDArray[np.floating]) -> LNDPState:
        inner = state.engine
        silence = np.zeros(activity.shape[1])
        update = np.zeros(activity.shape[1], np.bool_) if state.still else None
        # What the agent hears of itself is silent before experience.
        deaf = self.n_inputs - activity.shape[2]
        for observation in np.pad(activity, ((0, 0), (0, 0), (0, deaf))) if deaf else activity:
            _, inner = self.engine.step(inner, observation, silence, None, update)
            if self.options.released:  # there even a recurrent network forgets between steps of development
                inner = self.engine.rest(inner)
        return state._replace(engine=self.engine.rest(inner))

    def step(
        self,
        state: LNDPState,
        observation: NDArray[np.floating],
        feedback: Feedback,
        active: NDArray[np.bool_] | None = None,
    ) -> tuple[NDArray[Any], LNDPState]:
        """As in `Agent.step`; motor output has the agent's dtype.

        Raises:
            OntogymError: observations of another number of channels, or not one reward per row.
        """
        # Released code: no update at the first step of a later episode (quirk 8, see `end_episode`).
        update = ~feedback.later_episode if self.options.released else None
        return self._step(state, observation, feedback, active, update)

    def end_episode(
        self,
        state: LNDPState,
        observation: NDArray[np.floating],
        feedback: Feedback,
        ended: NDArray[np.bool_],
    ) -> LNDPState:
        """Released code: the network updates once more on what the last step of an episode brought (quirk 8)."""
        return self._step(state, observation, feedback, ended, None)[1] if self.options.released else state

    def _step(
        self,
        state: LNDPState,
        observation: NDArray[np.floating],
        feedback: Feedback,
        active: NDArray[np.bool_] | None,
        update: NDArray[np.bool_] | None,
    ) -> tuple[NDArray[Any], LNDPState]:
        observation, reward = np.asarray(observation), np.asarray(feedback.reward)
        # The kernel reads by address: an array that is too short would be read beyond its end.
        if observation.shape != (*reward.shape, self.spaces.n_observations) or reward.ndim != 1:
            raise OntogymError(
                f"Observations of shape {observation.shape} and rewards of shape {reward.shape} do not fit; give "
                f"(P, {self.spaces.n_observations}) and (P,), flattened by spaces.observe."
            )
        if self.gain is not None:
            observation = observation * self.gain
        if state.still:
            update = np.zeros(len(reward), np.bool_)
        motor, inner = self.engine.step(
            state.engine, self.listen(observation, feedback), reward, active, update
        )
        if inner.held.memory.size:
            self._recall(inner)
        return motor, state._replace(engine=inner)

    def _recall(self, inner: Any) -> None:
        """Give edges that have just returned the weight of their place, where places are held; remember all weights."""
        body = self.engine.body(inner)
        weights = inner.held.recalled(body.edges[:, 0], body.mask)
        rows = np.flatnonzero((weights != body.edges[:, 0]).any((1, 2)))
        if len(rows):
            body.edges[:, 0] = weights
            self.engine.place(inner, rows, Body(*(part[rows] for part in body)))

    def foresee(self, state: LNDPState, what: str) -> LNDPState:
        if what != "places":
            return state
        inner, n = state.engine, self.options.nodes
        memory = np.zeros((len(inner.held.wiring), n, n))
        held = inner.held._replace(memory=memory)
        held.recalled(self.engine.body(inner).edges[:, 0], memory)
        return state._replace(engine=inner._replace(held=held))

    def hold(
        self,
        state: LNDPState,
        *,
        wiring: NDArray[np.bool_] | bool | None = None,
        weights: NDArray[np.bool_] | bool | None = None,
        places: NDArray[np.bool_] | bool | None = None,
    ) -> LNDPState:
        """An intervention: from now on some networks keep their wiring, or their weights, in place.

        Args:
            wiring: ``(P,)`` or one for all, whether no edge comes or goes. weights: whether an edge that has a
                weight keeps it (a new edge its first one; its other features go on). places: and an edge that returns
                the last of its place, as far as `foresee` has had it remembered. None: as before.
        """
        held = state.engine.held
        for part, value in ((held.wiring, wiring), (held.weights, weights), (held.places, places)):
            if value is not None:
                part[:] = value
        return state

    def freeze(self, state: LNDPState, what: str) -> LNDPState:
        if what == "all":
            return state._replace(still=True)
        if what == "places" and not state.engine.held.memory.size:
            state = self.foresee(state, what)
        if what in ("wiring", "weights", "places"):
            return self.hold(state, **{what: True})
        return super().freeze(state, what)

    def shuffle_wiring(self, state: LNDPState, seeds: NDArray[np.uint64]) -> LNDPState:
        body = self.body(state)
        allowed = allowed_edges(self.options, self.layout.n_inputs, self.layout.n_outputs).ravel() > 0
        streams, places = LaneStreams(np.asarray(seeds, dtype=np.uint64)), np.flatnonzero(allowed)
        order = places[np.argsort(streams.uniform((len(places),)), axis=1)]
        for part in (body.mask[:, None], body.edges):
            flat = part.reshape(*part.shape[:2], -1)
            flat[:, :, places] = np.take_along_axis(flat, order[:, None], 2)
        self.engine.place(state.engine, slice(None), body)
        return state

    def copy(self, state: LNDPState) -> LNDPState:
        return state._replace(engine=self.engine.copy(state.engine))

    def body(self, state: LNDPState, rows: slice | NDArray[np.integer] = slice(None)) -> Body:
        """The networks as they are, engine-independent."""
        return self.engine.body(state.engine, rows)

    def network(self, state: LNDPState, row: int = 0) -> NetworkSnapshot:
        body = self.body(state, slice(row, row + 1))
        mask = body.mask[0] > 0
        return NetworkSnapshot(
            weights=np.asarray(body.edges[0, 0] * mask, dtype=np.float32),
            mask=mask,
            activation=np.asarray(body.history[0, :, -1], dtype=np.float32),
            nodes=np.asarray(body.nodes[0], dtype=np.float32),
            n_inputs=self.layout.n_inputs,
            n_outputs=self.layout.n_outputs,
        )

    def diagnose(self, state: LNDPState) -> dict[str, NDArray[np.floating]]:
        """``density``: edges over allowed edges. ``rewiring``: edges changed in the last step, over allowed.
        ``node_diversity``: mean over features of the standard deviation over nodes (0: collapsed)."""
        room = self.n_allowed_edges
        if self.engine_name == "torch":
            edges, diversity = cast("TorchEngine", self.engine).measure(state.engine)
        else:
            body = self.body(state)
            edges, diversity = body.mask.sum((1, 2)), body.nodes.std(1).mean(1)
        return {
            "density": edges / room,
            "rewiring": self.engine.changed(state.engine) / room,
            "node_diversity": diversity,
        }

    def rewired(self, state: LNDPState) -> NDArray[np.floating]:
        changed = self.engine.changed(state.engine) / self.n_allowed_edges
        return np.zeros_like(changed) if state.still else changed

    def wired(self, state: LNDPState) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        edges, conducting = self.engine.wired(state.engine)
        return edges / self.n_allowed_edges, conducting / self.n_allowed_edges

    @property
    def n_allowed_edges(self) -> int:
        """How many edges a network may have at most."""
        hidden = self.options.nodes - self.layout.n_inputs - self.layout.n_outputs
        return hidden * (self.layout.n_inputs + hidden - 1 + self.layout.n_outputs)

    def to_pyg(self, state: LNDPState, row: int = 0) -> Any:
        """One living network as a ``torch_geometric.data.Data``.

        Returns:
            ``x`` (N, F) node states, ``edge_index`` (2, E) pre to post, ``edge_attr`` (E, S) edge features
            (the first is the weight), ``activation`` (N,), ``node_type`` (N,) 0 input, 1 hidden, 2 output.
        """
        import torch
        from torch_geometric.data import Data

        body = self.body(state, slice(row, row + 1))
        post, pre = np.nonzero(body.mask[0])
        kind = np.ones(self.options.nodes, np.int64)
        kind[: self.layout.n_inputs] = 0
        kind[self.options.nodes - self.layout.n_outputs :] = 2
        return Data(
            x=torch.as_tensor(np.array(body.nodes[0])),
            edge_index=torch.as_tensor(np.stack([pre, post])),
            edge_attr=torch.as_tensor(np.array(body.edges[0][:, post, pre].T)),
            activation=torch.as_tensor(np.array(body.history[0, :, -1])),
            node_type=torch.as_tensor(kind),
        )


def _make_engine(
    name: str, layout: GenomeLayout, dtype: str, device: str, threads: int, compiled: bool = False
) -> tuple[str, Engine]:
    if name not in ENGINES:
        raise UnknownNameError("LNDP engine", name, ENGINES)
    if dtype not in ("float32", "float64"):
        raise UnknownNameError("dtype", dtype, ("float32", "float64"))
    if name == "auto":
        name = "torch" if fits_kernel(layout.config) or device != "cpu" or compiled else "numba"
    if name != "torch" and device != "cpu":
        raise OntogymError(f"The {name} engine runs on the CPU, not on {device!r}; use engine='torch'.")
    if name != "torch" and compiled:
        raise OntogymError(f"The {name} engine cannot be compiled; leave compiled out or use engine='torch'.")
    if name == "numba":
        return name, NumbaEngine(layout, dtype, threads)
    if name == "torch":
        from ontogym.agents.lndp.torch_engine import TorchEngine

        return name, TorchEngine(layout, dtype, device, compiled)
    from ontogym.agents.lndp.graph_transformer import GeometricEngine

    return name, GeometricEngine(layout, dtype)
