"""A fixed body with any rules: the agent to compare plasticity rules with."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ontogym.agents.base import (
    CONDUCTS,
    Agent,
    Feedback,
    NetworkSnapshot,
    check_genomes,
    check_seeds,
    observation_gain,
)
from ontogym.agents.plastic.config import PlasticConfig, PlasticLayout, draw_births
from ontogym.errors import OntogymError, UnknownNameError

if TYPE_CHECKING:
    from ontogym.agents.plastic.network import PlasticState

__all__ = ["Plastic"]


class Plastic(Agent["PlasticState"]):
    """Feedforward or recurrent network that learns by any synaptic rule and rewires by any structural rule.

    With weights that are evolved, or drawn anew in each life so that only the rule can have learned anything
    (as in Najarro & Risi, arXiv 2007.02686). All options of `PlasticConfig` are keyword arguments.

    Args:
        observation_space, action_space: of one environment.
        dtype: "float32" or "float64".
        device: "cpu", "cuda", ...
        compiled: whether to fuse the step with ``torch.compile``.
        options: fields of `PlasticConfig`.

    Raises:
        OntogymError: an unknown option or rule (nearest suggested), or a combination that cannot be.
    """

    name = "plastic"

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        *,
        dtype: str = "float32",
        device: str = "cpu",
        compiled: bool = False,
        **options: Any,
    ) -> None:
        known = [f.name for f in fields(PlasticConfig)]
        for option in options:
            if option not in known:
                raise UnknownNameError("plastic option", option, [*known, "dtype", "device", "compiled"])
        if dtype not in ("float32", "float64"):
            raise UnknownNameError("dtype", dtype, ("float32", "float64"))
        self.options = PlasticConfig(**options)
        super().__init__(observation_space, action_space, self.options.hears)
        self.layout = PlasticLayout(
            self.options, self.n_inputs, self.spaces.n_actions, self.spaces.n_observations
        )
        self.development = self.options.development or None
        self.development_steps = self.options.development_steps
        self.development_options = self.options.development_options
        # Only now: reading the options of an agent must not import torch.
        from ontogym.agents.plastic.network import PlasticNetworks

        self.networks = PlasticNetworks(self.layout, dtype, device, compiled)
        gain = observation_gain(observation_space) if self.options.scale_observations else 1.0
        self._gain = np.asarray(gain, dtype=np.float32)

    @property
    def genome_size(self) -> int:
        return int(self.layout.size)

    @property
    def config(self) -> dict[str, Any]:
        return self.options.as_dict()

    @property
    def n_allowed_edges(self) -> int:
        """How many edges a network may have at most."""
        return int(self.layout.allowed.sum())

    def initial_genome(self) -> NDArray[np.float64]:
        return self.layout.initial()

    def development_params(self, genomes: NDArray[np.floating]) -> NDArray[np.floating] | None:
        part = self.layout.slices.get("development")
        return None if part is None else genomes[:, part]

    def birth(self, genomes: NDArray[np.floating], seeds: NDArray[np.integer]) -> PlasticState:
        genomes = check_genomes(genomes, self.genome_size)
        born, noise = draw_births(self.layout, genomes, check_seeds(seeds, len(genomes)))
        return self.networks.birth(genomes, born, noise)

    def develop(self, state: PlasticState, activity: NDArray[np.floating]) -> PlasticState:
        silence = np.zeros(activity.shape[1], np.float32)
        # What the agent hears of itself is silent before experience.
        deaf = self.n_inputs - activity.shape[2]
        for observation in np.pad(activity, ((0, 0), (0, 0), (0, deaf))) if deaf else activity:
            _, state = self.networks.step(state, observation, silence)
        rest = state.networks.history * 0  # the network stays, its activity does not
        return state._replace(networks=state.networks._replace(history=rest))

    def step(
        self,
        state: PlasticState,
        observation: NDArray[np.floating],
        feedback: Feedback,
        active: NDArray[np.bool_] | None = None,
    ) -> tuple[NDArray[Any], PlasticState]:
        observation, reward = np.asarray(observation), np.asarray(feedback.reward)
        if observation.shape != (*reward.shape, self.spaces.n_observations) or reward.ndim != 1:
            raise OntogymError(
                f"Observations of shape {observation.shape} and rewards of shape {reward.shape} do not fit; give "
                f"(P, {self.spaces.n_observations}) and (P,), flattened by spaces.observe."
            )
        inputs = self.listen(observation * self._gain, feedback)
        return self.networks.step(state, inputs, reward * self.options.reward_scale, active)

    def copy(self, state: PlasticState) -> PlasticState:
        networks = state.networks.map(lambda tensor: tensor.clone())
        return state._replace(networks=networks, noise=state.noise.copy())

    def freeze(self, state: PlasticState, what: str) -> PlasticState:
        """Weights, wiring or all stay as they are; an edge that comes has no weight while weights are held.

        Raises:
            OntogymError: `what` is places: it forgets edges that go.
        """
        if what == "places":
            raise OntogymError("A plastic network forgets an edge that goes; freeze wiring, weights or all.")
        slots = {"weights": ("synaptic",), "wiring": ("structural",), "all": ("synaptic", "structural")}
        return state._replace(held=state.held | frozenset(slots[what]))

    def network(self, state: PlasticState, row: int = 0) -> NetworkSnapshot:
        edges, mask, history = (
            getattr(state.networks, name)[row].cpu().numpy() for name in ("edges", "mask", "history")
        )
        return NetworkSnapshot(
            weights=np.array(edges[0] * mask, dtype=np.float32),
            mask=mask > 0,
            activation=np.array(np.clip(history[:, -1], -1, 1), dtype=np.float32),
            nodes=np.array(history, dtype=np.float32),
            n_inputs=self.layout.n_inputs,
            n_outputs=self.layout.n_outputs,
        )

    def rewired(self, state: PlasticState) -> NDArray[np.floating]:
        return np.asarray(state.networks.changed.cpu().numpy() / self.n_allowed_edges)

    def wired(self, state: PlasticState) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        masks, weights = state.networks.mask, state.networks.edges[:, 0]
        conducting = (weights.abs() * masks > CONDUCTS).sum((1, 2)).cpu().numpy()
        return masks.sum((1, 2)).cpu().numpy() / self.n_allowed_edges, conducting / self.n_allowed_edges

    def diagnose(self, state: PlasticState) -> dict[str, NDArray[np.floating]]:
        """``density``: edges over allowed edges. ``rewiring``: edges changed in the last step, over allowed.
        ``weight``: mean magnitude of the weights."""
        networks, room = state.networks, self.n_allowed_edges
        edges = networks.mask.sum((1, 2)).cpu().numpy()
        total = networks.edges[:, 0].abs().sum((1, 2)).cpu().numpy()
        return {
            "density": edges / room,
            "rewiring": networks.changed.cpu().numpy() / room,
            "weight": total / np.maximum(edges, 1),
        }
