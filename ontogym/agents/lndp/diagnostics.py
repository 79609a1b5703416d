"""Signatures of failure: what goes wrong inside an LNDP before its score shows it.

Three of them: node states that collapse onto each other, rewiring that never ends, and a network that goes on
the same whether or not it hears its rewards. Measurements are pure functions with the population first;
`failure_signatures` lets a population live through an experience, measures, and says in sentences what is wrong.
They are places to look, no verdicts: a CartPole agent may score near the top while its wiring never rests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.agents.base import Feedback
from ontogym.agents.individuals import Individuals
from ontogym.agents.lndp.agent import LNDP, LNDPState
from ontogym.agents.lndp.organism import Body
from ontogym.errors import OntogymError
from ontogym.seeding import lane_seeds

__all__ = [
    "Diagnosis",
    "Experience",
    "Thresholds",
    "experience_seeds",
    "failure_signatures",
    "node_diversity",
    "relative_difference",
    "turnover",
]

NEWBORN_DIVERSITY = 1 / np.sqrt(3)
"""Standard deviation of node states at birth, uniform in (-1, 1)."""


class Experience(NamedTuple):
    """What a population meets in life: ``observations`` (T, P, O), flattened, and ``rewards`` (T, P), each as
    told at that step (the reward of the step before)."""

    observations: NDArray[np.floating]
    rewards: NDArray[np.floating]


class Diagnosis(NamedTuple):
    """``numbers``: name to ``(P,)``, see `failure_signatures`. ``findings``: sentences; empty if all is well."""

    numbers: dict[str, NDArray[np.floating]]
    findings: list[str]


@dataclass(frozen=True)
class Thresholds:
    """Where a measurement becomes a finding.

    Attributes:
        node_diversity: collapsed below it. A newborn has 0.58; at 0.02 all nodes are alike to 3 % of that.
        turnover: unceasing above it. At 0.05 a step, half of the edges are others after some 13 steps.
        sensitivity: insensitive to reward below it, in edges and in motor output both.
        late: share of life, from its end, over which turnover is averaged.
        twin_steps: k, for how many steps the copies are followed (at most half of the life).
    """

    node_diversity: float = 0.02
    turnover: float = 0.05
    sensitivity: float = 1e-3
    late: float = 0.5
    twin_steps: int = 20


def experience_seeds(seed: int, population: int) -> NDArray[np.uint64]:
    """Seeds ``(P,)`` of the lives that an experience is recorded from and lived again with."""
    return lane_seeds(seed, population, "experience")


def node_diversity(nodes: NDArray[np.floating]) -> NDArray[np.floating]:
    """Mean over features of the standard deviation over nodes: ``(P, N, F)`` to ``(P,)``; 0 if all are alike."""
    return np.asarray(nodes.std(1).mean(1))


def turnover(before: NDArray[np.floating], after: NDArray[np.floating]) -> NDArray[np.floating]:
    """Edges that came or went over edges that were there before or after: masks ``(P, N, N)`` to ``(P,)``.

    Between 0 and 1 whatever the density; 0 where there was and is no edge.
    """
    came_or_went = (before != after).sum((1, 2))
    ever = ((before > 0) | (after > 0)).sum((1, 2))
    return np.asarray(came_or_went / np.maximum(ever, 1))


def relative_difference(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.floating]:
    """``|a - b| / max(|a|, |b|)`` of each row, in Euclidean norm: ``(P, ...)`` twice to ``(P,)``, 0 to 2."""
    a, b = (np.asarray(x, dtype=np.float64).reshape(len(x), -1) for x in (a, b))
    size = np.maximum(np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1))
    return np.asarray(np.linalg.norm(a - b, axis=1) / np.where(size > 0, size, 1.0))


def failure_signatures(
    agent: LNDP,
    genomes: NDArray[np.floating],
    experience: Experience,
    *,
    seed: int = 0,
    reward_clamp: float = 0.0,
    thresholds: Thresholds | None = None,
) -> Diagnosis:
    """Let a population live through an experience and look for the signatures of failure.

    For the last k steps of life, each network has a copy that starts as it is and meets the same
    observations, but hears `reward_clamp` in place of every reward. Sensing reward is no proof of learning from
    it: a chaotic network is sensitive to anything. Not sensing it is proof of the contrary.

    Args:
        agent: which built the genomes' kind of network.
        genomes: ``(P, D)``.
        experience: of T >= 2 steps; that of `ontogym.baselines.lives.experience.record` is what these genomes met themselves.
        seed: decides births.
        reward_clamp: what the copies hear.
        thresholds: when a measurement becomes a finding; None: the defaults.

    Returns:
        Numbers, each ``(P,)``: ``node_diversity`` at the end; ``turnover`` per step late in life; ``density`` of
        allowed edges at the end; ``edge_sensitivity`` and ``motor_sensitivity``, relative differences between
        networks and their copies of edge features at the end and of motor output over the last k steps (NaN where every
        reward of those steps equalled the clamp). Findings: one sentence for each kind of failure.

    Raises:
        OntogymError: an experience that does not fit, or genomes that do not.
    """
    genomes, limits = np.atleast_2d(genomes), thresholds or Thresholds()
    observations, rewards = experience
    steps = len(observations)
    if steps < 2 or observations.shape[:2] != rewards.shape or rewards.shape[1] != len(genomes):
        raise OntogymError(
            f"An experience with observations {observations.shape} and rewards {rewards.shape} does not fit "
            f"{len(genomes)} genomes; give (T, {len(genomes)}, O) and (T, {len(genomes)}) with T from 2 on."
        )
    split = steps - max(1, min(limits.twin_steps, steps // 2))
    late = min(int(steps * (1 - limits.late)), steps - 1)

    def live(state: LNDPState, start: int, heard: NDArray[np.floating]) -> _Stretch:
        return _live(agent, state, observations[start : start + len(heard)], heard)

    youth = live(_newborn(agent, genomes, seed), 0, rewards[:split])
    copy = agent.copy(youth.state)
    told, deaf = live(youth.state, split, rewards[split:]), np.full_like(rewards[split:], reward_clamp)
    clamped = live(copy, split, deaf)
    heard = (rewards[split:] != deaf).any(0)
    numbers = {
        "node_diversity": node_diversity(told.body.nodes),
        "turnover": np.concatenate([youth.turnover, told.turnover])[late:].mean(0),
        "density": told.body.mask.sum((1, 2)) / agent.n_allowed_edges,
        "edge_sensitivity": relative_difference(told.body.edges, clamped.body.edges),
        "motor_sensitivity": relative_difference(told.motor.swapaxes(0, 1), clamped.motor.swapaxes(0, 1)),
    }
    for name in ("edge_sensitivity", "motor_sensitivity"):
        numbers[name] = np.where(heard, numbers[name], np.nan)
    return Diagnosis(numbers, _findings(numbers, limits, steps - split))


class _Stretch(NamedTuple):
    """A stretch of life: state and body at its end, ``turnover`` (T, P), ``motor`` (T, P, A)."""

    state: LNDPState
    body: Body
    turnover: NDArray[np.floating]
    motor: NDArray[np.floating]


def _live(
    agent: LNDP, state: LNDPState, observations: NDArray[np.floating], rewards: NDArray[np.floating]
) -> _Stretch:
    body, changes, motors = agent.body(state), [], []
    for observation, reward in zip(observations, rewards):
        motor, state = agent.step(state, observation, Feedback.of(reward, agent.spaces.n_actions))
        before, body = body, agent.body(state)
        changes.append(turnover(before.mask, body.mask))
        motors.append(motor)
    return _Stretch(state, body, np.stack(changes), np.stack(motors))


def _newborn(agent: LNDP, genomes: NDArray[np.floating], seed: int) -> LNDPState:
    """Newborns after their developmental phase, if they have one."""
    born: LNDPState = Individuals(agent, genomes).begin(experience_seeds(seed, len(genomes))).agent
    return born


def _findings(numbers: dict[str, NDArray[np.floating]], limits: Thresholds, twin_steps: int) -> list[str]:
    """One sentence for each failure that occurs, naming the members that show it."""
    diversity, change = numbers["node_diversity"], numbers["turnover"]
    # NaN compares as False: what was not tested is not found insensitive.
    sensed = np.maximum(numbers["edge_sensitivity"], numbers["motor_sensitivity"])
    findings = []
    if (which := diversity < limits.node_diversity).any():
        findings.append(
            f"Node states have collapsed in {_who(which)}: they differ by {np.median(diversity[which]):.1e}, against "
            f"{NEWBORN_DIVERSITY:.2f} at birth, so that no node can tell itself from another; look at the node GRU."
        )
    if (which := change > limits.turnover).any():
        findings.append(
            f"Rewiring never ends in {_who(which)}: {np.median(change[which]):.0%} of the edges come or go at every "
            "step late in life, so that the wiring can hold nothing for long; look at pruning and synaptogenesis, "
            "which undo each other, unless the task needs no memory."
        )
    if (which := sensed < limits.sensitivity).any():
        findings.append(
            f"Reward is not sensed in {_who(which)}: it changes edges and motor output by no more than "
            f"{np.median(sensed[which]):.1e} within {twin_steps} steps, so that nothing can be learned from it; look at "
            "the synaptic rule's reward weights."
        )
    if (which := np.isnan(sensed)).any():
        findings.append(
            f"Sensing of reward was not tested in {_who(which)}: the last {twin_steps} steps hold no reward but the "
            "clamp; give a longer experience or another clamp."
        )
    return findings


def _who(which: NDArray[np.bool_]) -> str:
    members = np.flatnonzero(which)
    shown = ", ".join(map(str, members[:5])) + (", ..." if len(members) > 5 else "")
    return f"{len(members)} of {len(which)} networks ({shown})"
