"""Evolved networks as agents: a perceptron, recurrent networks, and three that write a policy while they live."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ontogym.agents.base import Agent, Feedback, NetworkSnapshot, check_genomes, check_seeds, observation_gain
from ontogym.agents.feedback import heard
from ontogym.agents.networks import kernel
from ontogym.agents.networks.kernel import Shape, pad
from ontogym.agents.networks.layout import Layout, action_contrasts
from ontogym.agents.spaces import SpaceAdapter, parts_of
from ontogym.errors import OntogymError, whole_number

__all__ = ["GRU", "MLP", "RNN", "Hyper", "LocalTrace", "NetworkAgent", "NetworkState", "Trace"]

MAX_HIDDEN = 256
RL2 = ("action", "reward", "start")
"""The inputs of RL² (Duan et al., arXiv 1611.02779): what one did, what it brought, and whether life began anew."""


class NetworkState(NamedTuple):
    """Living networks: ``weights`` (P, W) packed, ``hidden`` (P, S) padded rows, ``inputs`` (P, n) of the last step (its
    change after what is heard, where that is seen),
    ``motor`` (P, A), and whether what they write is held."""

    weights: NDArray[np.float32]
    hidden: NDArray[np.float32]
    inputs: NDArray[np.float32]
    motor: NDArray[np.float32]
    hold: bool = False


class NetworkAgent(Agent[NetworkState]):
    """What the evolved networks of this module share.

    The genome is the weights, the search starts at zeros. The state is float32, lives as long as the agent does, and
    begins at zero.

    Args:
        observation_space, action_space: of one environment.
        hidden: units of the network, up to 256.
        hears: signals of the feedback that are inputs.
        scale_observations: whether bounded observations are divided by their largest magnitude.
        reward_scale: factor on the told reward before it is heard.
        observe: names of the parts of a dictionary of observations that it reads; None for all.
        change_gain: a; where it is not 0 the network also sees clip(a Δx, -1, 1), Δx what each sensor has changed by since the
            last step (0 at the first step of an episode). Velocities seen twice: an acceleration.

    Raises:
        OntogymError: an option out of range.
    """

    kind: ClassVar[int]
    develops = False

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        *,
        hidden: int = 16,
        hears: Sequence[str] = RL2,
        scale_observations: bool = False,
        reward_scale: float = 1.0,
        observe: Sequence[str] | None = None,
        change_gain: float = 0.0,
    ) -> None:
        observation_space = parts_of(observation_space, observe)
        super().__init__(observation_space, action_space, hears)
        self.parts = None if observe is None else tuple(observe)
        self.hidden = whole_number("hidden", hidden, 1, MAX_HIDDEN)
        for name, value in (("reward_scale", reward_scale), ("change_gain", change_gain)):
            if not np.isfinite(value):
                raise OntogymError(f"{name} is {value}; choose a finite number.")
        self.sees_change = change_gain != 0
        if self.sees_change and "start" not in self.hears:
            raise OntogymError("change_gain needs to hear where an episode begins; add start to hears.")
        self.reward_scale = float(reward_scale)
        self.scale_observations = bool(scale_observations)
        gain = (
            observation_gain(observation_space) if scale_observations else np.ones(self.spaces.n_observations)
        )
        self.gain = np.asarray(gain, np.float32)
        self.contrasts = action_contrasts(action_space)
        self.gains = np.array([change_gain, 1.0], np.float32)
        self.shape = self._shape()
        self.layout = Layout(self.shape)
        traces = {kernel.TRACE: self.shape.observed, kernel.LOCAL: 2 * self.shape.outputs}
        rows = 2 + traces[self.kind] if self.kind in traces else 1 + self.sees_change
        self.state_size = self.shape.row * rows

    def _shape(self) -> Shape:
        observed, outputs = self.spaces.n_observations, self.spaces.n_actions
        at, places = observed, {}
        for name in self.hears:
            places[name] = at
            at += outputs if name == "action" else 1
        wide = {kernel.TRACE: observed + len(self.contrasts), kernel.LOCAL: observed}
        widest = max(self.hidden, wide.get(self.kind, observed if self.sees_change else 1))
        return Shape(
            kind=self.kind,
            observed=observed,
            inputs=self.n_inputs + observed * self.sees_change,
            hidden=self.hidden,
            outputs=outputs,
            contrasts=len(self.contrasts),
            action=places.get("action", -1),
            start=places.get("start", -1),
            extra=observed + (outputs if "action" in self.hears else 0),
            box=int(isinstance(self.action_space, spaces.Box)),
            row=pad(widest),
            change=self.n_inputs if self.sees_change else -1,
        )

    @property
    def genome_size(self) -> int:
        return self.layout.size

    @property
    def config(self) -> dict[str, Any]:
        return {
            "hidden": self.hidden,
            "hears": list(self.hears),
            "scale_observations": self.scale_observations,
            "reward_scale": self.reward_scale,
            **({} if self.parts is None else {"observe": list(self.parts)}),
            **({"change_gain": float(self.gains[0])} if self.sees_change else {}),
        }

    def initial_genome(self) -> NDArray[np.float64]:
        return np.zeros(self.genome_size)

    def birth(self, genomes: NDArray[np.floating], seeds: NDArray[np.integer]) -> NetworkState:
        genomes = check_genomes(genomes, self.genome_size)
        check_seeds(seeds, len(genomes))
        return NetworkState(
            self.layout.pack(genomes),
            np.zeros((len(genomes), self.state_size), np.float32),
            np.zeros((len(genomes), self.shape.inputs), np.float32),
            np.zeros((len(genomes), pad(self.spaces.n_actions)), np.float32),
        )

    def develop(self, state: NetworkState, activity: NDArray[np.floating]) -> NetworkState:
        """Nothing of an evolved network changes before experience."""
        return state

    def step(
        self,
        state: NetworkState,
        observation: NDArray[np.floating],
        feedback: Feedback,
        active: NDArray[np.bool_] | None = None,
    ) -> tuple[NDArray[Any], NetworkState]:
        """As in `Agent.step`.

        Raises:
            OntogymError: observations of another shape.
        """
        count, observed = len(state.weights), self.spaces.n_observations
        observation = np.asarray(observation)
        # The kernel reads by address: an array that is too short would be read beyond its end.
        if observation.shape != (count, observed) or np.shape(feedback.reward) != (count,):
            raise OntogymError(
                f"Observations of shape {observation.shape} and rewards of shape {np.shape(feedback.reward)} do not "
                f"fit; give ({count}, {observed}) and ({count},), flattened by spaces.observe."
            )
        inputs = np.zeros((count, self.shape.inputs), np.float32)
        np.multiply(observation, self.gain, out=inputs[:, :observed], casting="unsafe")
        if self.hears:
            told = np.asarray(feedback.reward, np.float32) * np.float32(self.reward_scale)
            inputs[:, observed : self.n_inputs] = heard(feedback._replace(reward=told), self.hears)
        active = np.ones(count, np.bool_) if active is None else np.asarray(active, np.bool_)
        motor = np.zeros_like(state.motor)
        work = np.empty((1, kernel.work_size(self.shape)), np.float32)
        kernel.population_step(
            self.shape, inputs, state.weights, self.contrasts, self.gains, state.hidden, active, state.hold,
            work, motor,
        )  # fmt: skip
        new = state._replace(inputs=inputs, motor=motor)
        return np.ascontiguousarray(motor[:, : self.spaces.n_actions]), new

    def copy(self, state: NetworkState) -> NetworkState:
        return state._replace(hidden=state.hidden.copy())

    def units(self, state: NetworkState) -> NDArray[np.float32]:
        """Activity of the hidden units, ``(P, H)``."""
        return state.hidden[:, : self.hidden]


class _Drawn(NetworkAgent):
    """A network whose weights stay as they are, so that it can be drawn."""

    def network(self, state: NetworkState, row: int = 0) -> NetworkSnapshot:
        """Inputs, hidden units, motor channels; of a gated network the weights into the candidate state."""
        n, hidden, outputs = self.shape.inputs, self.hidden, self.spaces.n_actions
        parts = self._drawn_parts(state.weights[row])
        weights = np.zeros((n + hidden + outputs,) * 2, np.float32)
        units, motor = slice(n, n + hidden), slice(n + hidden, None)
        weights[units, :n] = parts["input"][:n].T
        if "back" in parts:
            weights[units, units] = parts["back"].T
        weights[motor, units] = parts["output"][:hidden].T
        possible = np.zeros(weights.shape, np.bool_)
        possible[units, :n] = possible[motor, units] = True
        possible[units, units] = "back" in parts
        activity = np.concatenate([state.inputs[row], state.hidden[row, :hidden], state.motor[row, :outputs]])
        activity = np.clip(activity, -1, 1)
        return NetworkSnapshot(weights, possible, activity, activity[:, None], n, outputs)

    def _drawn_parts(self, packed: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        return {name: part[0, :, -1] for name, part in self.layout.unpack(packed[None]).items()}


class MLP(_Drawn):
    """A perceptron with one layer of tanh units: no memory, but what it hears of its last step.

    Options as in `NetworkAgent`; with ``hears=()`` it knows nothing but what it sees.
    """

    name = "mlp"
    kind = kernel.MLP


class RNN(_Drawn):
    """A simple recurrent network of tanh units (Elman 1990, 10.1207/s15516709cog1402_1).

    Options as in `NetworkAgent`.
    """

    name = "rnn"
    kind = kernel.RNN


class GRU(_Drawn):
    """A network of gated recurrent units (Cho et al. 2014, arXiv 1406.1078), the reset gate after the product.

    Options as in `NetworkAgent`.
    """

    name = "gru"
    kind = kernel.GRU


class _Writer(NetworkAgent):
    """A network that writes a linear policy over the observation while it lives."""

    def freeze(self, state: NetworkState, what: str) -> NetworkState:
        """``weights``, or ``all``: the policy stays as it was last written, whatever is met from now on."""
        return state._replace(hold=True) if what in ("weights", "all") else super().freeze(state, what)

    def diagnose(self, state: NetworkState) -> dict[str, NDArray[np.floating]]:
        """``policy``: mean magnitude of the weights that are written now."""
        matrix = self.layout.unpack(state.weights)["output"]
        written = np.einsum("ph,phiq->piq", self.units(state), matrix[:, :-1]) + matrix[:, -1]
        return {"policy": np.abs(written).mean((1, 2))}


class Hyper(_Writer):
    """A GRU whose state writes the weights of a linear policy over the observation.

    The recurrent hypernetwork of Beck et al. 2023, "Recurrent hypernetworks are surprisingly strong in meta-RL"
    (arXiv 2309.14970), at its smallest. The policy sees the observation and a constant; the GRU hears all. Frozen,
    the GRU stops, and the policy stays as it was last written. Options as in `NetworkAgent`.
    """

    name = "hyper"
    kind = kernel.HYPER


class Trace(_Writer):
    r"""Hebbian traces of the change of each sensor after each sensor and own action write a linear policy.

    .. math:: T_{ij} \leftarrow T_{ij} + \eta\,[\tanh(a\,\Delta x_i)\, c_j - T_{ij}],\qquad
              c = (\tanh(b\,x'),\ u)

    where x' is the last observation, :math:`\Delta x` what has changed since, and u the own action (of two: -1 or 1).
    Traces of an action wait while it is 0, all traces wait at the first step of an episode (if it is heard).
    Evolved tanh units read all traces, and write the weights of a linear policy over the observation.

    What is *designed*: which products are kept, their leak, both saturations (a and b), that a contrast of motor
    channels describes the action, and that the policy is linear. What is *evolved*: the rate :math:`\eta`, what the units
    read from which trace, and the policy that they write. What it hears beside its action the units read, too; it hears
    no reward unless told to.

    Args:
        observation_space, action_space, hidden, hears, scale_observations, reward_scale, observe: as in `NetworkAgent`.
        change_gain: a. sensor_gain: b.
    """

    name = "trace"
    kind = kernel.TRACE

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        *,
        hidden: int = 8,
        hears: Sequence[str] = ("action", "start"),
        scale_observations: bool = False,
        reward_scale: float = 1.0,
        change_gain: float = 20.0,
        sensor_gain: float = 5.0,
        observe: Sequence[str] | None = None,
    ) -> None:
        super().__init__(
            observation_space, action_space, hidden=hidden, hears=hears,
            scale_observations=scale_observations, reward_scale=reward_scale, observe=observe,
        )  # fmt: skip
        for name, value in (("change_gain", change_gain), ("sensor_gain", sensor_gain)):
            if not np.isfinite(value):
                raise OntogymError(f"{name} is {value}; choose a finite number.")
        self.gains = np.array([change_gain, sensor_gain], np.float32)

    @property
    def config(self) -> dict[str, Any]:
        gains = {"change_gain": float(self.gains[0]), "sensor_gain": float(self.gains[1])}
        return super().config | gains


class LocalTrace(_Writer):
    r"""A linear policy of fast weights: the weight of a sensor is read from that sensor's own traces alone.

    .. math:: T_{iq} \leftarrow T_{iq} + \eta\,[u_q \tanh(a\,\Delta x_i) - |u_q|\,T_{iq}],\qquad
              w_{qi} = c\,c_{qi} + k_i\,T_{iq} + \tilde k_i\,\tilde T_{iq}

    where u is the own last action (of a choice: 1 for what was chosen), :math:`\Delta x` what it has changed, and
    :math:`\tilde T` the same trace of a remembered action, :math:`\tilde u \leftarrow \tilde u + \lambda (u - \tilde u)`:
    a sensor that an action moves only after a while has its trace there. T tells what each action does to each
    sensor, and waits while an action is not taken. All traces wait at the first step of an episode (if it is heard).

    What is *designed*: that a weight is changed by what happens at its own sensor (a local rule; `Trace` reads all
    traces for all weights), which products are kept, their leak, and that the policy is linear. A sensor whose sign is
    turned turns its weight, and actions that trade places trade their weights, whatever was evolved, as far as the
    innate weights do not speak against it. What is *evolved*: both rates, k, :math:`\tilde k`, the innate weights, and those
    by which what else it hears, the own action among it, adds to the scores; it hears no reward unless told to.

    Args:
        observation_space, action_space, hears, scale_observations, reward_scale, observe: as in `NetworkAgent`.
        change_gain: a.
        innate: the factor c on innate weights; with 0 weights are read from traces alone, so that no genome is made for one world.
    """

    name = "local-trace"
    kind = kernel.LOCAL

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        *,
        hears: Sequence[str] = ("action", "start"),
        scale_observations: bool = False,
        reward_scale: float = 1.0,
        change_gain: float = 20.0,
        innate: float = 1.0,
        observe: Sequence[str] | None = None,
    ) -> None:
        # Its only units are those that remember the action.
        super().__init__(
            observation_space, action_space,
            hidden=SpaceAdapter(parts_of(observation_space, observe), action_space).n_actions,
            hears=hears, scale_observations=scale_observations, reward_scale=reward_scale, observe=observe,
        )  # fmt: skip
        for name, value in (("change_gain", change_gain), ("innate", innate)):
            if not np.isfinite(value):
                raise OntogymError(f"{name} is {value}; choose a finite number.")
        self.gains = np.array([change_gain, innate], np.float32)

    @property
    def config(self) -> dict[str, Any]:
        kept = {name: value for name, value in super().config.items() if name != "hidden"}
        return kept | {"change_gain": float(self.gains[0]), "innate": float(self.gains[1])}

    def diagnose(self, state: NetworkState) -> dict[str, NDArray[np.floating]]:
        """``policy``: mean magnitude of the weights that are written now."""
        parts, size = self.layout.unpack(state.weights), self.spaces.n_observations
        traces = state.hidden.reshape(len(state.hidden), -1, self.shape.row)[:, 2:, :size]
        fast, slow = np.split(traces, 2, axis=1)
        gain = parts["gain"]
        written = self.gains[1] * parts["innate"][:, :, 0] + gain[:, :1, 0] * fast + gain[:, 1:, 0] * slow
        return {"policy": np.abs(written).mean((1, 2))}
