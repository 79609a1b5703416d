"""The agent contract: a population first, state in and state out.

``P`` is the population, ``O`` the flattened observation, ``A`` the motor channels, ``D`` the genome.
A single agent in a plain ``gymnasium.Env`` is the population of one.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ontogym.agents.feedback import Feedback, check_hears, feedback_channels, heard
from ontogym.agents.spaces import SpaceAdapter, observation_gain
from ontogym.errors import OntogymError

__all__ = [
    "CONDUCTS",
    "FREEZES",
    "Actor",
    "Agent",
    "Feedback",
    "NetworkSnapshot",
    "SpaceAdapter",
    "changed_options",
    "check_genomes",
    "check_seeds",
    "observation_gain",
]

State = TypeVar("State")
CONDUCTS = 0.1
"""An edge whose absolute weight is above this is a wire: it carries something. One below is there, and silent."""
FREEZES = ("wiring", "weights", "places", "all")
"""What an intervention can hold still: which edges exist; what they weigh; what places weigh, so that edges
come and go but one that returns has the weight that its place last had; everything that changes but activity."""


class NetworkSnapshot(NamedTuple):
    """One living network, for pictures and analysis; matrices are (post, pre).

    Shapes: ``weights`` (N, N), zero where no edge is; ``mask`` (N, N) bool; ``activation`` (N,) in [-1, 1];
    ``nodes`` (N, F) node states. The first `n_inputs` nodes are sensory, the last `n_outputs` motor.
    """

    weights: NDArray[np.float32]
    mask: NDArray[np.bool_]
    activation: NDArray[np.float32]
    nodes: NDArray[np.float32]
    n_inputs: int
    n_outputs: int


class _Shown(abc.ABC, Generic[State]):
    """What actors and agents show of themselves; by default nothing."""

    def network(self, state: State, row: int = 0) -> NetworkSnapshot:
        """The network of one lane, as it is now."""
        raise NotImplementedError(f"{type(self).__name__} has no network to show")

    def diagnose(self, state: State) -> dict[str, NDArray[np.floating]]:
        """Named measurements, each ``(P,)`` (for example wiring density)."""
        return {}

    def rewired(self, state: State) -> NDArray[np.floating] | None:
        """Edges that came or went at the last step over those that may be, ``(P,)``; None where there is no wiring."""
        return None

    def wired(self, state: State) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Edges, and those that conduct (weights beyond `CONDUCTS` either way), over those that may be, ``(P,)`` each.

        Raises:
            NotImplementedError: there is no wiring.
        """
        raise NotImplementedError(f"{type(self).__name__} has no wiring")


class Actor(_Shown[State]):
    """Who acts, in P lanes at once: an evolved agent with its genomes, a trained policy, a rule by hand, chance.

    It begins lives from seeds, is given observations and feedback, and returns actions. State in, state out; a lane
    depends on its own seed and inputs alone.

    Attributes:
        observation_space, action_space: of one environment.
        hears: the signals of `Feedback` that it listens to.
    """

    observation_space: spaces.Space[Any]
    action_space: spaces.Space[Any]
    hears: tuple[str, ...] = ()

    @abc.abstractmethod
    def begin(self, seeds: NDArray[np.uint64]) -> State:
        """Begin one life a lane; all chance in it follows from the lane's seed, ``(P,)``."""

    @abc.abstractmethod
    def act(
        self, state: State, observations: Any, feedback: Feedback, active: NDArray[np.bool_]
    ) -> tuple[NDArray[Any], State]:
        """Actions ``(P, ...)`` for a batch of observations as the environments gave it, and the new state.

        Rows where `active` is False stay exactly as they are; their actions mean nothing.
        """

    def end_episode(
        self, state: State, observations: Any, feedback: Feedback, ended: NDArray[np.bool_]
    ) -> State:
        """Told what the last step of an episode brought, in the lanes `ended` ``(P,)``; most live on and need not know."""
        return state

    def foresee(self, state: State, what: str) -> State:
        """What `what` names will be frozen in this life: begin to remember what that takes, if it takes anything."""
        return state

    def freeze(self, state: State, what: str) -> State:
        """From now on what `what` (of `FREEZES`) names no longer changes.

        Raises:
            OntogymError: it has no such thing.
        """
        raise OntogymError(f"{type(self).__name__} has no {what} to freeze; leave freeze out.")

    def develop_again(self, state: State, seeds: NDArray[np.uint64], episode: int) -> State:
        """Through its developmental phase once more, before `episode`, in the lives of these seeds.

        Raises:
            OntogymError: it has no developmental phase.
        """
        raise OntogymError(f"{type(self).__name__} has no developmental phase; leave develop_between out.")

    def shuffle_wiring(self, state: State, seeds: NDArray[np.uint64]) -> State:
        """Its edges at other places, as many and with the same weights; chance follows from `seeds` ``(P,)``.

        Raises:
            OntogymError: it has no wiring.
        """
        raise OntogymError(f"{type(self).__name__} has no wiring to shuffle; leave shuffle_wiring out.")


class Agent(_Shown[State]):
    """A population of agents that are born, develop, and then live in an environment.

    Subclasses are built by ``AGENTS.get(name)(observation_space, action_space, **options)`` where the spaces
    are those of *one* environment. `step` consumes the state it is given (its memory may be reused):
    keep ``agent.copy(state)`` if you need the old one.

    Args:
        observation_space, action_space: spaces of one environment.
        hears: the signals of `Feedback` that are input channels of the agent, after the observation. (A plasticity
            rule may use the reward whether or not it is among them.)

    Attributes:
        n_inputs: channels of observation and heard feedback together.
        development: name of a source of spontaneous activity, or None.
        development_steps: how many steps of it each newborn sees.
        development_options: options of the source, a dictionary or KEY=VALUE words.
        develops: whether `develop` does anything; where not, ``ontogym evaluate --development`` is refused.
    """

    name: ClassVar[str]
    develops: ClassVar[bool] = True

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        hears: Sequence[str] = (),
    ) -> None:
        self.observation_space, self.action_space = observation_space, action_space
        self.spaces = SpaceAdapter(observation_space, action_space)
        self.hears = check_hears(hears)
        self.n_inputs = self.spaces.n_observations + feedback_channels(self.hears, self.spaces.n_actions)
        self.development: str | None = None
        self.development_steps: int = 0
        self.development_options: Mapping[str, Any] | tuple[str, ...] = ()

    @property
    @abc.abstractmethod
    def genome_size(self) -> int:
        """Number D of evolved numbers."""

    @property
    @abc.abstractmethod
    def config(self) -> dict[str, Any]:
        """JSON-able keyword options that rebuild this agent (spaces excepted)."""

    @abc.abstractmethod
    def initial_genome(self) -> NDArray[np.float64]:
        """Where a search starts: its mean, shape ``(D,)``."""

    @abc.abstractmethod
    def birth(self, genomes: NDArray[np.floating], seeds: NDArray[np.integer]) -> State:
        """Newborn agents.

        Args:
            genomes: ``(P, D)``, finite.
            seeds: ``(P,)`` unsigned; all chance in an agent's life follows from its own seed.

        Raises:
            OntogymError: genomes of another length, or not finite.
        """

    @abc.abstractmethod
    def develop(self, state: State, activity: NDArray[np.floating]) -> State:
        """Let the newborns live through spontaneous activity ``(T, P, O)`` before any experience."""

    @abc.abstractmethod
    def step(
        self,
        state: State,
        observation: NDArray[np.floating],
        feedback: Feedback,
        active: NDArray[np.bool_] | None = None,
    ) -> tuple[NDArray[Any], State]:
        """One environment step.

        Args:
            state: what the last call returned.
            observation: ``(P, O)`` float32, already flattened by `spaces.observe`.
            feedback: what came of the step before.
            active: ``(P,)``; rows that are False cost nothing and stay exactly as they are
                (their action is the action space's zero). None means all.

        Returns:
            Motor output ``(P, A)`` float32, which `spaces.act` turns into actions, and the new state.
        """

    def end_episode(
        self, state: State, observation: NDArray[np.floating], feedback: Feedback, ended: NDArray[np.bool_]
    ) -> State:
        """Told what the last step of an episode brought, in the rows `ended` ``(P,)``; most live on and need not know."""
        return state

    def foresee(self, state: State, what: str) -> State:
        """What `what` names will be frozen in this life: begin to remember what that takes, if it takes anything."""
        return state

    def freeze(self, state: State, what: str) -> State:
        """From now on what `what` (of `FREEZES`) names no longer changes, in every row.

        Raises:
            OntogymError: this agent has no such thing.
        """
        raise OntogymError(f"The agent {self.name!r} has no {what} to freeze; leave freeze out.")

    def shuffle_wiring(self, state: State, seeds: NDArray[np.uint64]) -> State:
        """The control of `LifeSpec.shuffle_wiring`: as many edges with the same weights at other places.

        Raises:
            OntogymError: this agent has no wiring.
        """
        raise OntogymError(f"The agent {self.name!r} has no wiring to shuffle; leave shuffle_wiring out.")

    def listen(self, observation: NDArray[np.floating], feedback: Feedback) -> NDArray[np.floating]:
        """Observation and the feedback in `hears` as one input ``(P, n_inputs)``."""
        if not self.hears:
            return observation
        return np.concatenate([observation, heard(feedback, self.hears)], 1)

    @abc.abstractmethod
    def copy(self, state: State) -> State:
        """A copy of the state that later steps leave alone."""

    def development_params(self, genomes: NDArray[np.floating]) -> NDArray[np.floating] | None:
        """The part of the genomes that a learnable source of spontaneous activity takes, ``(P, n)``."""
        return None


def develops(agent: Agent[Any]) -> bool:
    """Whether spontaneous activity does anything to an agent: as its nearest class says that says so, or that has a `develop`."""
    nearest = next(kind for kind in type(agent).__mro__ if {"develops", "develop"} & vars(kind).keys())
    return bool(vars(nearest).get("develops", True))


def changed_options(options: Any) -> dict[str, Any]:
    """The fields of a dataclass that differ from their defaults, JSON-able."""
    default = {f.name: f.default for f in fields(options)}
    changed = {k: v for k, v in asdict(options).items() if v != default[k]}
    return {k: list(v) if isinstance(v, tuple) else v for k, v in changed.items()}


def check_genomes(genomes: NDArray[np.floating], size: int) -> NDArray[np.floating]:
    """Return `genomes` if they are finite and ``(P, size)``; a flat genome becomes the population of one.

    Raises:
        OntogymError: they are not.
    """
    genomes = np.atleast_2d(np.asarray(genomes))
    if genomes.ndim != 2:
        raise OntogymError(
            f"Genomes of shape {genomes.shape} are no population; give ({size},) or (P, {size})."
        )
    if genomes.shape[1] != size:
        raise OntogymError(
            f"These genomes have {genomes.shape[-1]} numbers but this agent needs {size}; "
            "rebuild the agent with the options and the environment that the genome was evolved with."
        )
    if not np.isfinite(genomes).all():
        bad = int(np.flatnonzero(~np.isfinite(genomes).all(1))[0])
        raise OntogymError(f"Genome {bad} holds NaN or infinite numbers; drop it or evolve again.")
    return genomes


def check_seeds(seeds: NDArray[np.integer], count: int) -> NDArray[np.uint64]:
    """Seeds as ``(count,)`` unsigned 64-bit numbers, one a genome.

    Raises:
        OntogymError: there are more or fewer.
    """
    words: NDArray[np.uint64] = np.asarray(seeds, dtype=np.uint64)
    if words.shape != (count,):
        raise OntogymError(
            f"{count} genomes were given seeds of shape {words.shape}; give one seed per genome."
        )
    return words
