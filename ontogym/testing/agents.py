"""`check_agent`: does an agent keep the contract of `ontogym.agents.base`?

State is opaque, so every promise is tested by what the agent does next: a short life on random observations,
lived again with the same seeds, alone instead of in company, with pauses, and from a copy of its state.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.agents.base import Agent, Feedback
from ontogym.errors import OntogymError
from ontogym.seeding import generator, lane_seeds
from ontogym.testing.findings import Finding, guarded, raise_findings

__all__ = ["assert_agent", "check_agent"]


@dataclass(frozen=True)
class Life:
    """All that a population meets: genomes ``(P, D)``, seeds ``(P,)``, spontaneous activity ``(T, P, O)``,
    observations ``(T, P, O)``, told rewards ``(T, P)``, own actions ``(T, P, A)``."""

    genomes: NDArray[np.floating]
    seeds: NDArray[np.uint64]
    activity: NDArray[np.float32]
    observations: NDArray[np.float32]
    rewards: NDArray[np.float32]
    actions: NDArray[np.float32]

    def feedback(self, step: int) -> Feedback:
        """What is heard at a step; the first begins an episode."""
        told = Feedback.of(self.rewards[step], start=step == 0)
        return told._replace(action=self.actions[step])

    def at(self, steps: Sequence[int]) -> Life:
        """The life of these steps alone."""
        rows = list(steps)
        return replace(
            self, observations=self.observations[rows], rewards=self.rewards[rows], actions=self.actions[rows]
        )

    def row(self, k: int) -> Life:
        """The same for member `k` alone."""
        one = slice(k, k + 1)
        return Life(
            self.genomes[one],
            self.seeds[one],
            self.activity[:, one],
            self.observations[:, one],
            self.rewards[:, one],
            self.actions[:, one],
        )


def check_agent(
    agent: Agent[Any], *, population: int = 3, steps: int = 6, tolerance: float = 1e-4, seed: int = 0
) -> list[Finding]:
    """Everything in which `agent` breaks the contract; an empty list if nothing was found.

    Args:
        agent: a built agent.
        population, steps: size of the trial, at least 2 and 4.
        tolerance: how far a row in company may be from the same row alone (kernels for other batch sizes
            round otherwise, and a growing network magnifies it).
        seed: of the random genomes and observations.
    """
    findings = list(guarded("genome", lambda: _genome(agent)))
    if findings:
        return findings
    life = _draw_life(agent, population, steps, seed)
    # Before all that follows, which shows one agent what another has been shown.
    for name, first in (("step", _step), ("inputs", _inputs)):
        findings = list(guarded(name, lambda: first(agent, life)))  # noqa: B023 (called at once)
        if findings:
            return findings
    checks: dict[str, Callable[[], Iterator[str]]] = {
        "determinism": lambda: _determinism(agent, life),
        "population": lambda: _population(agent, life, tolerance),
        "inactive": lambda: _inactive(agent, life, tolerance),
        "copy": lambda: _copy(agent, life),
        "bad-genome": lambda: _bad_genome(agent, life),
        "views": lambda: _views(agent, life),
    }
    for name, check in checks.items():
        findings += guarded(name, check)
    return findings


def assert_agent(agent: Agent[Any], **options: Any) -> None:
    """Raise AssertionError with every sentence of `check_agent` (same arguments), if there is one."""
    raise_findings(type(agent).__name__, check_agent(agent, **options))


def _draw_life(agent: Agent[Any], population: int, steps: int, seed: int) -> Life:
    rng = generator(seed, "check_agent")
    channels = agent.spaces.n_observations
    return Life(
        agent.initial_genome() + 0.3 * rng.normal(size=(population, agent.genome_size)),
        lane_seeds(seed, population, "check_agent"),
        rng.normal(size=(3, population, channels)).astype(np.float32),
        rng.normal(size=(steps, population, channels)).astype(np.float32),
        rng.normal(size=(steps, population)).astype(np.float32),
        rng.uniform(-1, 1, (steps, population, agent.spaces.n_actions)).astype(np.float32),
    )


def _newborn(agent: Agent[Any], life: Life) -> Any:
    return agent.develop(agent.birth(life.genomes, life.seeds), life.activity)


def _live(agent: Agent[Any], life: Life, state: Any = None, start: int = 0) -> NDArray[np.floating]:
    """Motor outputs ``(T, P, A)`` of the steps from `start` on, from birth unless a state is given."""
    state = _newborn(agent, life) if state is None else state
    motors = []
    for step in range(start, len(life.observations)):
        motor, state = agent.step(state, life.observations[step], life.feedback(step))
        motors.append(np.array(motor))
    return np.stack(motors)


def _genome(agent: Agent[Any]) -> Iterator[str]:
    size = agent.genome_size
    start = np.asarray(agent.initial_genome())
    if start.shape != (size,) or start.dtype.kind != "f" or not np.isfinite(start).all():
        yield (
            f"initial_genome() gives shape {start.shape} and {start.dtype}; make it finite floats of shape "
            f"({size},), as genome_size says."
        )
    if json.loads(json.dumps(agent.config)) != agent.config:
        yield "config changes on its way through JSON; use only str, int, float, bool, None, list and dict."


def _step(agent: Agent[Any], life: Life) -> Iterator[str]:
    state = _newborn(agent, life)
    wanted = (len(life.genomes), agent.spaces.n_actions)
    for t, observation in enumerate(life.observations.copy()):
        heard = life.feedback(t)
        motor, state = agent.step(state, observation, heard._replace(reward=heard.reward.copy()))
        if not isinstance(motor, np.ndarray) or motor.shape != wanted or motor.dtype != np.float32:
            yield (
                f"step gives {type(motor).__name__} of shape {getattr(motor, 'shape', None)} and "
                f"{getattr(motor, 'dtype', None)}; return a float32 NumPy array of shape {wanted}."
            )
            return
        if not np.isfinite(motor).all():
            yield "Motor output is not finite; bound activity (tanh) and weights."
            return
        actions = agent.spaces.act(motor)
        if not all(agent.action_space.contains(action) for action in actions):
            yield "spaces.act(motor) gives actions outside the action space; check the motor channels."
            return


def _determinism(agent: Agent[Any], life: Life) -> Iterator[str]:
    if not np.array_equal(_live(agent, life), _live(agent, life)):
        yield (
            "Two lives with the same genomes, seeds and observations differ; draw all chance from the seeds that "
            "birth is given, and keep memory in the state."
        )


def _population(agent: Agent[Any], life: Life, tolerance: float) -> Iterator[str]:
    together = _live(agent, life)
    for k in range(len(life.genomes)):
        alone = _live(agent, life.row(k))
        if not np.allclose(together[:, k : k + 1], alone, rtol=0.0, atol=tolerance):
            yield (
                f"Row {k} acts differently alone and among others (by up to "
                f"{np.abs(together[:, k : k + 1] - alone).max():.1e}); let every row depend on its own genome, seed "
                "and inputs alone."
            )
            return


def _inactive(agent: Agent[Any], life: Life, tolerance: float) -> Iterator[str]:
    """Row 0 sleeps through steps 1 and 2, so it must live on as if they had not been."""
    state, motors = _newborn(agent, life), []
    for t, observation in enumerate(life.observations):
        active = np.ones(len(life.genomes), dtype=bool)
        active[0] = t not in (1, 2)
        motor, state = agent.step(state, observation, life.feedback(t), active)
        motors.append(np.array(motor))
    slept = np.stack(motors)
    if slept[1:3, 0].any():
        yield "An inactive row gives motor output; return zeros for rows whose active is False."
    awake = [t for t in range(len(slept)) if t not in (1, 2)]
    skipped = _live(agent, life.row(0).at(awake))
    if not np.allclose(slept[awake, :1], skipped, rtol=0.0, atol=tolerance):
        yield "An inactive row changes while it sleeps; leave its state and its random stream exactly as they are."
    if not np.allclose(slept[:, 1:], _live(agent, life)[:, 1:], rtol=0.0, atol=tolerance):
        yield "Rows change when another one is inactive; let no row depend on its neighbours' activity."


def _inputs(agent: Agent[Any], life: Life) -> Iterator[str]:
    """What an agent is given belongs to who gave it, recordings among them."""
    given, heard = life.observations[0].copy(), life.feedback(0)._replace(reward=life.rewards[0].copy())
    genomes = life.genomes.copy()
    agent.step(agent.develop(agent.birth(genomes, life.seeds.copy()), life.activity.copy()), given, heard)
    changed = [
        name
        for name, now, before in (
            ("observations", given, life.observations[0]),
            ("the reward", heard.reward, life.rewards[0]),
            ("genomes", genomes, life.genomes),
        )
        if not np.array_equal(now, before)
    ]
    if changed:
        yield f"The agent writes into {', '.join(changed)} that it is given; work on copies."


def _copy(agent: Agent[Any], life: Life) -> Iterator[str]:
    state = _newborn(agent, life)
    kept = agent.copy(state)
    expected = _live(agent, life, state)
    if not np.array_equal(expected, _live(agent, life, kept)):
        yield "A copied state changes when the original goes on living; copy every array (and stream) in it."


def _bad_genome(agent: Agent[Any], life: Life) -> Iterator[str]:
    hole = life.genomes.copy()
    hole[0, 0] = np.nan
    for what, genomes in (("one number too many", np.pad(life.genomes, ((0, 0), (0, 1)))), ("a NaN", hole)):
        try:
            agent.birth(genomes, life.seeds)
        except OntogymError:
            continue
        yield f"birth accepts genomes with {what}; call ontogym.agents.base.check_genomes first."


def _views(agent: Agent[Any], life: Life) -> Iterator[str]:
    state, population = _newborn(agent, life), len(life.genomes)
    for name, value in agent.diagnose(state).items():
        if np.shape(value) != (population,):
            yield f"diagnose gives {name} of shape {np.shape(value)}; give one number per member, ({population},)."
    params = agent.development_params(life.genomes)
    if params is not None and (np.ndim(params) != 2 or len(params) != population):
        yield f"development_params has shape {np.shape(params)}; give one row per genome, ({population}, n)."
    try:
        net = agent.network(state, population - 1)
    except NotImplementedError:
        return
    n = len(net.activation)
    if net.weights.shape != (n, n) or net.mask.shape != (n, n) or len(net.nodes) != n:
        yield f"network gives arrays of different numbers of nodes; make weights and mask ({n}, {n}), nodes ({n}, F)."
    elif (net.weights[~np.asarray(net.mask, dtype=bool)] != 0).any():
        yield "network shows weights where no edge is; multiply them by the mask."
