"""Lives: genomes x agent x environments -> returns.

A *life* is a birth, an optional developmental phase, and a few episodes through which the network is carried
over. All lives of all genomes run as one batch of *lanes*, genome-major: lane ``p * L + l`` is life ``l`` of
genome ``p``. Life ``l`` has the same seed whatever the genome (common random numbers), and a lane's fate
depends on its own genome and seed only, so that a population cut into slices returns what the whole would.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.agents.base import Agent
from ontogym.baselines.lives.lanes import Lanes, check_options, lanes_of, make_single
from ontogym.baselines.lives.switches import Step, Trace, switches_met, trace_of
from ontogym.developmental.spontaneous import make_source
from ontogym.errors import OntogymError
from ontogym.registry import AGENTS, SPONTANEOUS, Registry, load_object
from ontogym.seeding import GOLDEN, lane_seeds, mix64
from ontogym.statistics import mean_interval

__all__ = [
    "LifeResult",
    "LifeSpec",
    "develop",
    "developmental_activity",
    "life_seeds",
    "life_stream",
    "live",
    "make_agent",
    "place_in_life",
    "reevaluate",
    "resolve",
    "summarise",
]


@dataclass(frozen=True)
class LifeSpec:
    """What a life consists of.

    Args:
        env: id of the environment.
        env_kwargs: its keyword arguments.
        episodes: episodes per life; the network is carried over from one to the next.
        reward_clamp: if set, the agent is told this number instead of every reward, while returns count the
            real one (the control that shows whether an agent learns from reward).
        conditions: reset options that set hidden goals against each other, such as
            ``({"goal": 0}, {"goal": 1})``; life l lives under condition ``l % n``, and the n lives of a group
            share their seed.
        development: a source of spontaneous activity to use in place of the agent's own.
        max_steps: episodes are cut after so many steps; needed where the environment has no time limit.
    """

    env: str
    env_kwargs: dict[str, Any] = field(default_factory=dict)
    episodes: int = 3
    reward_clamp: float | None = None
    conditions: tuple[dict[str, Any], ...] = ()
    development: str | None = None
    max_steps: int | None = None

    def __post_init__(self) -> None:
        if self.episodes < 1:
            raise OntogymError(f"A life of {self.episodes} episodes is no life; give at least 1.")
        if self.max_steps is not None and self.max_steps < 1:
            raise OntogymError(f"max_steps is {self.max_steps}; give at least 1 or leave it out.")
        if any(set(c) != set(self.conditions[0]) for c in self.conditions):
            raise OntogymError("All conditions must set the same options; give each of them every key.")

    @property
    def group(self) -> int:
        """Number of lives that share a seed: one per condition."""
        return max(1, len(self.conditions))


class LifeResult(NamedTuple):
    """What came of ``P`` genomes in ``L`` lives of ``E`` episodes.

    Shapes: ``returns`` (P, L, E) float64; ``lengths`` (P, L, E) int64; each of ``diagnostics`` (P, L), as the
    agent measures itself at the end of its life; ``trace`` only where it was asked for and the environment tells
    its rules.
    """

    returns: NDArray[np.float64]
    lengths: NDArray[np.int64]
    diagnostics: dict[str, NDArray[np.floating]]
    trace: Trace | None = None


def resolve(registry: Registry, name: str) -> Any:
    """The object of this name; a name of the form ``module:Class`` is imported as it stands."""
    return load_object(name) if ":" in name else registry.get(name)


def make_agent(
    name: str, env: str, env_kwargs: Mapping[str, Any] | None = None, options: Mapping[str, Any] | None = None
) -> Agent[Any]:
    """Build an agent for an environment.

    Args:
        name: a key of ``AGENTS`` or ``"module:Class"``.
        env: id of the environment whose spaces the agent is built for.
        env_kwargs: keyword arguments of that environment.
        options: keyword arguments of the agent.

    Raises:
        OntogymError: unknown agent, environment or option; spaces that the agent cannot take.
    """
    target, options = resolve(AGENTS, name), dict(options or {})
    check_options(f"the agent {name!r}", target, options, ("observation_space", "action_space"))
    single = make_single(env, env_kwargs)
    try:
        agent: Agent[Any] = target(single.observation_space, single.action_space, **options)
    except TypeError as error:
        raise OntogymError(f"The agent {name!r} cannot be built ({error}); check its options.") from error
    finally:
        single.close()
    return agent


def life_seeds(spec: LifeSpec, lives: int, seed: int, *names: object) -> NDArray[np.uint64]:
    """Seeds ``(lives,)`` of the lives called `names` under `seed`; lives of one group share theirs.

    Raises:
        OntogymError: `lives` is no multiple of the number of conditions.
    """
    if lives < 1 or lives % spec.group:
        raise OntogymError(
            f"{lives} lives cannot be spread evenly over {spec.group} conditions of {spec.env}; "
            f"choose a positive multiple of {spec.group}."
        )
    return np.repeat(lane_seeds(seed, lives // spec.group, *names), spec.group)


def life_stream(seeds: NDArray[np.uint64], index: int) -> NDArray[np.uint64]:
    """Independent seeds number `index` under each of `seeds`: 0 birth, 1 development, 2 + e episode e.

    The number after the last episode's is that of the life itself: what a changing world draws once a life.
    """
    with np.errstate(over="ignore"):
        return mix64(seeds + GOLDEN * np.uint64(index + 1))


def place_in_life(
    seeds: NDArray[np.uint64], spec: LifeSpec, episode: int, age: NDArray[np.int64]
) -> dict[str, NDArray[Any]]:
    """Reset options that tell an environment which changes within a life where in it an episode lies.

    Args:
        seeds: ``(P,)`` of the lives. spec: what a life is. episode: from 0. age: ``(P,)`` steps lived before.
    """
    return {
        "episode": np.full(len(seeds), episode),
        "age": age,
        "life": life_stream(seeds, 2 + spec.episodes) >> np.uint64(1),
    }


def live(
    agent: Agent[Any],
    genomes: NDArray[np.floating],
    spec: LifeSpec,
    seeds: NDArray[np.integer],
    trace: bool = False,
) -> LifeResult:
    """Let every genome live every life.

    Args:
        agent: built for the spaces of `spec.env`.
        genomes: ``(P, D)``.
        spec: what a life is.
        seeds: ``(L,)`` unsigned, one per life; all chance of the life follows from it (see `life_seeds`).
        trace: keep the reward of every step, to see how switches of the rules are got over.

    The reward that an agent is told at a step is the one of its step before: 0 at the first step of a life,
    and at the first step of a later episode the last of the episode before, so that a terminal reward is felt.

    Raises:
        OntogymError: genomes that do not fit, or an environment that gives a non-finite reward or observation.
    """
    genomes = np.atleast_2d(genomes)
    seeds = np.asarray(seeds, dtype=np.uint64)
    population, lives = len(genomes), len(seeds)
    lane_seed = np.tile(seeds, population)
    lane_genomes = np.repeat(genomes, lives, axis=0)
    lanes = lanes_of(spec.env, population * lives, spec.env_kwargs)
    state = agent.birth(lane_genomes, life_stream(lane_seed, 0))
    state = develop(agent, state, lane_genomes, spec, life_stream(lane_seed, 1))
    told = np.zeros(len(lane_seed), dtype=np.float32)
    options = _lane_options(spec, population, lives)
    returns = np.zeros((len(lane_seed), spec.episodes))
    lengths = np.zeros((len(lane_seed), spec.episodes), dtype=np.int64)
    kept: list[list[Step]] = []
    for episode in range(spec.episodes):
        # 31 bits: some environments seed generators that take no more.
        env_seeds = life_stream(lane_seed, 2 + episode) >> np.uint64(33)
        place = place_in_life(lane_seed, spec, episode, lengths.sum(1))
        observation = lanes.reset(env_seeds, options, place)
        if trace and lanes.rule is not None:
            kept.append([])
        state, returns[:, episode], lengths[:, episode] = _episode(
            agent, state, lanes, observation, told, spec, episode == 0, kept[-1] if kept else None
        )
    shape = (population, lives)
    diagnostics = {k: np.asarray(v).reshape(shape) for k, v in agent.diagnose(state).items()}
    traced = trace_of(kept, spec.max_steps or lanes.limit, shape) if kept else None
    return LifeResult(returns.reshape(*shape, -1), lengths.reshape(*shape, -1), diagnostics, traced)


def _episode(
    agent: Agent[Any],
    state: Any,
    lanes: Lanes,
    observation: Any,
    told: NDArray[np.float32],
    spec: LifeSpec,
    first: bool,
    kept: list[Step] | None = None,
) -> tuple[Any, NDArray[np.float64], NDArray[np.int64]]:
    """Step until every lane is done: ``(state, returns, lengths)``; `told` and `kept` are updated in place.

    An agent with a true attribute `freeze_lags` gets one step more in each lane after its episode's end, and
    none of its ``update`` at the first step of a later episode (as the LNDP's authors' code has it).
    """
    lags = bool(getattr(agent, "freeze_lags", False))
    lagging = np.zeros(lanes.count, dtype=bool)
    active = np.ones(lanes.count, dtype=bool)
    returns, lengths = np.zeros(lanes.count), np.zeros(lanes.count, dtype=np.int64)
    step, state = 0, agent.begin_episode(state)
    while active.any() or lagging.any():
        options: dict[str, Any] = {"update": lagging} if lags and step == 0 and not first else {}
        seen = agent.spaces.observe(observation)
        if not np.isfinite(seen).all():
            raise OntogymError(
                f"{spec.env} gave an observation that is not finite at step {step}; mend the environment or wrap "
                "it so that observations are finite."
            )
        motor, state = agent.step(state, seen, told, active | lagging, **options)
        if not active.any():
            break
        # A copy: lanes that are stepped one by one write into theirs.
        rule = None if kept is None or lanes.rule is None else lanes.rule.copy()
        observation, reward, done = lanes.step(agent.spaces.act(motor), active)
        reward = np.where(active, reward, 0.0)
        if not np.isfinite(reward).all():
            raise OntogymError(
                f"{spec.env} gave a reward of {reward[~np.isfinite(reward)][0]} at step {step}; "
                "mend the environment or wrap it so that rewards are finite."
            )
        returns += reward
        lengths += active
        if kept is not None and rule is not None:
            kept.append((reward, rule))
        told[active] = reward[active] if spec.reward_clamp is None else spec.reward_clamp
        step += 1
        alive = active & ~done & (spec.max_steps is None or step < spec.max_steps)
        active, lagging = alive, active & ~alive & lags
    return state, returns, lengths


def _lane_options(spec: LifeSpec, population: int, lives: int) -> dict[str, NDArray[Any]]:
    """Reset options of every lane: key to array ``(P * L,)``."""
    if not spec.conditions:
        return {}
    which = np.tile(np.arange(lives) % spec.group, population)
    return {key: np.asarray([c[key] for c in spec.conditions])[which] for key in spec.conditions[0]}


def develop(
    agent: Agent[Any],
    state: Any,
    genomes: NDArray[np.floating],
    spec: LifeSpec,
    seeds: NDArray[np.uint64],
) -> Any:
    """The developmental phase, if the agent has one: the state after it.

    Args:
        agent: the agent. state: its newborns. genomes: ``(P, D)``, theirs. spec: what a life is.
        seeds: ``(P,)``, stream 1 of each life's seed.

    Raises:
        OntogymError: no such source, or one that does not fit the agent.
    """
    activity = developmental_activity(agent, genomes, spec, seeds)
    return state if activity is None else agent.develop(state, activity)


def developmental_activity(
    agent: Agent[Any], genomes: NDArray[np.floating], spec: LifeSpec, seeds: NDArray[np.uint64]
) -> NDArray[np.floating] | None:
    """The spontaneous activity ``(T, P, O)`` on which newborns develop, or None without development.

    Args and errors are those of `develop`.
    """
    name = spec.development or agent.development
    if name is None:
        return None
    if agent.development_steps < 1:
        if spec.development is None:
            return None
        raise OntogymError(
            f"Development on {name!r} is asked for but this agent has development_steps=0; "
            "build it with a positive number."
        )
    # A source that takes the place of the agent's own does not know that one's options.
    options = () if spec.development else agent.development_options
    source = make_source(resolve(SPONTANEOUS, name), options)
    params = agent.development_params(genomes)
    channels = agent.spaces.n_observations
    needed = source.n_params(channels)
    if needed and (params is None or params.shape[1] != needed):
        raise OntogymError(
            f"The source {name!r} takes {needed} evolved numbers but this agent's genome holds "
            f"{0 if params is None else params.shape[1]}; use the source that the agent was built with."
        )
    return source.sample(agent.development_steps, seeds, channels, params if needed else None)


def reevaluate(
    agent: Agent[Any],
    genome: NDArray[np.floating],
    spec: LifeSpec,
    n_lives: int,
    seed: int,
    *names: object,
    window: int | None = None,
) -> dict[str, Any]:
    """Live `n_lives` fresh lives with one genome and summarise them.

    Args:
        agent: built for `spec.env`.
        genome: ``(D,)``.
        spec: what a life is.
        n_lives: how many (a multiple of the number of conditions).
        seed: with `names`, decides all chance.
        window: steps before and after a switch of the rules that are compared, see `switches_met`.

    Returns:
        The summary that `summarise` makes, and with a window `switches_met` as "switches".
    """
    seeds = life_seeds(spec, n_lives, seed, *names)
    result = live(agent, np.atleast_2d(genome), spec, seeds, trace=window is not None)
    summary = summarise(result, spec, seed)
    if window is not None:
        summary["switches"] = switches_met(result.trace, result.returns, window)
    return summary


def summarise(result: LifeResult, spec: LifeSpec, seed: int = 0) -> dict[str, Any]:
    """JSON-able summary of one genome's lives.

    The score of a life is its mean return over episodes. Lives of one group share their seed and are no
    independent samples, so standard error and interval are over groups. `ci95` is a percentile bootstrap of
    the mean (10 000 resamples), which stays inside the range of the returns.
    """
    returns = result.returns[0]
    groups = returns.mean(1).reshape(-1, spec.group)
    units = groups.mean(1)
    return {
        "mean": float(returns.mean()),
        "sem": float(units.std(ddof=1) / np.sqrt(len(units))) if len(units) > 1 else 0.0,
        "ci95": list(mean_interval(units, resamples=10_000, seed=seed)[1:]),
        "ci95_method": "percentile bootstrap over lives (groups of paired conditions)",
        "first_episode": float(returns[:, 0].mean()),
        "last_episode": float(returns[:, -1].mean()),
        "episodes": [float(v) for v in returns.mean(0)],
        "conditions": [float(v) for v in groups.mean(0)],
        "min": float(returns.mean(1).min()),
        "max": float(returns.mean(1).max()),
        "lives": int(returns.shape[0]),
        "env_steps": int(result.lengths.sum()),
        "diagnostics": {k: float(np.mean(v)) for k, v in result.diagnostics.items()},
    }
