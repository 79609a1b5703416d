"""Lives: genomes x agent x environments -> returns.

A *life* is a birth, an optional developmental phase, and a few episodes through which the network is carried
over. All lives of all genomes run as one batch of *lanes*, genome-major: lane ``p * L + l`` is life ``l`` of
genome ``p``. Life ``l`` has the same seed whatever the genome (common random numbers), and a lane's fate
depends on its own genome and seed only, so that a population cut into slices returns what the whole would.
"""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.agents.base import Actor, Agent
from ontogym.agents.individuals import Individuals, IndividualsState
from ontogym.agents.spaces import SpaceError
from ontogym.baselines.lives.lanes import check_options, lanes_of, make_single
from ontogym.baselines.lives.rollout import Lived, Watcher, rollout
from ontogym.baselines.lives.spec import LifeSpec, life_seeds
from ontogym.baselines.lives.switches import Trace, Tracer, switches_met
from ontogym.baselines.lives.wiring import WiringWatcher
from ontogym.errors import OntogymError
from ontogym.registry import AGENTS
from ontogym.seeding import lane_seeds
from ontogym.statistics import mean_interval

__all__ = [
    "LifeResult",
    "LifeSpec",
    "NoWholeLife",
    "compared",
    "episode_returns",
    "lane_options",
    "life_seeds",
    "live",
    "live_actor",
    "lives_not_finite",
    "make_agent",
    "reevaluate",
    "summarise",
]


class LifeResult(NamedTuple):
    """What came of ``P`` genomes in ``L`` lives of ``E`` episodes.

    Shapes: ``returns`` (P, L, E) float64, NaN for what a failed life has not lived; ``lengths`` (P, L, E) int64;
    each of ``diagnostics`` (P, L), as the agent measures itself at the end of its life, and of wiring also over all of it
    (`ontogym.baselines.lives.wiring`); ``trace`` only where it was
    asked for and the environment tells its rules; ``failed`` (P, L), lives that a reward or observation that is not
    finite has ended.
    """

    returns: NDArray[np.float64]
    lengths: NDArray[np.int64]
    diagnostics: dict[str, NDArray[np.floating]]
    trace: Trace | None
    failed: NDArray[np.bool_]


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
    target, options = AGENTS.resolve(name), dict(options or {})
    check_options(f"the agent {name!r}", target, options, ("observation_space", "action_space"))
    single = make_single(env, env_kwargs)
    try:
        agent: Agent[Any] = target(single.observation_space, single.action_space, **options)
    except SpaceError as error:
        raise SpaceError(f"The environment {env!r} does not suit the agent {name!r}: {error}") from error
    except TypeError as error:
        raise OntogymError(f"The agent {name!r} cannot be built ({error}); check its options.") from error
    finally:
        single.close()
    _check_kept(agent, target, options)
    return agent


def _check_kept(agent: Agent[Any], target: Any, options: Mapping[str, Any]) -> None:
    """Warn of options that somebody's own agent is built with and does not name in its `config`: files are made of that."""
    if type(agent).__module__.partition(".")[0] == "ontogym":
        return  # ours leave out what only says where they are computed, and are tested for the rest
    usual = {name: parameter.default for name, parameter in inspect.signature(target).parameters.items()}
    lost = [
        name
        for name, value in options.items()
        if name not in agent.config and not _same(usual.get(name), value)
    ]
    if lost:
        warnings.warn(
            f"The agent {type(agent).__name__} is given {', '.join(lost)}, which its config does not name; if that changes what it does, "
            "let config say it, or its file will be read back as another agent.",
            stacklevel=3,
        )


def _same(a: Any, b: Any) -> bool:
    try:
        return bool(a == b)
    except ValueError:  # arrays
        return bool(np.array_equal(a, b))


def live(
    agent: Agent[Any],
    genomes: NDArray[np.floating],
    spec: LifeSpec,
    seeds: NDArray[np.integer],
    trace: bool = False,
    watchers: Sequence[Watcher] = (),
) -> LifeResult:
    """Let every genome live every life.

    Args:
        agent: built for the spaces of `spec.env`.
        genomes: ``(P, D)``.
        spec: what a life is.
        seeds: ``(L,)`` unsigned, one per life; all chance of the life follows from it (see `life_seeds`). Or ``(P, L)``:
            every genome lives lives of its own.
        trace: keep the reward of every step, to see how switches of the rules are got over.
        watchers: look on; their lanes are genome-major.

    Raises:
        OntogymError: genomes that do not fit, or a source of development that does not.
    """
    genomes, lives = np.atleast_2d(genomes), np.asarray(seeds).astype(np.uint64)
    if lives.ndim == 2 and len(lives) != len(genomes):
        raise OntogymError(
            f"{len(genomes)} genomes have seeds of their own for {len(lives)}; give a row to each."
        )
    if not (trace or watchers):
        lived = _at_once(agent, genomes, spec, lives)
        if lived is not None:
            return lived
    lane_genomes = np.repeat(genomes, lives.shape[-1], axis=0)
    actor = Individuals(agent, lane_genomes, spec.imposed_development)
    return live_actor(actor, spec, lives, trace, watchers, len(genomes))


def _at_once(
    agent: Agent[Any], genomes: NDArray[np.floating], spec: LifeSpec, seeds: NDArray[np.uint64]
) -> LifeResult | None:
    """`live` in one call, where agent and world are compiled, or both on a GPU; else None."""
    shape = (len(genomes), seeds.shape[-1])
    lived = _on_device(agent, genomes, spec, seeds) if seeds.ndim == 1 else None
    wiring: dict[str, NDArray[np.floating]] = {}
    # An agent that is not compiled need not pay for importing the compiler.
    if lived is None and (
        "ontogym.agents.networks" in sys.modules or getattr(agent, "engine_name", "") == "numba"
    ):
        from ontogym.baselines.lives.whole_parts import compiled

        found = compiled(agent, spec)
        if found is not None:
            options = lane_options(spec, seeds.size // shape[1], shape[1])
            lived, wiring = _compiled_lives(found, genomes, spec, seeds, options)
    if lived is None:
        return None
    return _result(Individuals(agent, genomes), lived, shape, None, wiring)


def _compiled_lives(found: Any, *given: Any) -> tuple[Lived, dict[str, NDArray[np.floating]]]:
    """Lives in one call, and what wiring came to in them."""
    if getattr(found.agent, "engine_name", "") == "numba":
        from ontogym.baselines.lives.whole_lndp import lndp_lives

        return lndp_lives(found, *given)
    from ontogym.baselines.lives.whole import whole_lives

    lived = whole_lives(found, *given)
    return lived._replace(state=IndividualsState(lived.state)), {}


def _on_device(
    agent: Agent[Any], genomes: NDArray[np.floating], spec: LifeSpec, seeds: NDArray[np.uint64]
) -> Lived | None:
    """Lives that never leave a GPU, where agent and world are tensors there; else None."""
    if "ontogym.agents.lndp.torch_engine" not in sys.modules:
        return None
    from ontogym.baselines.lives.device import device_lives, on_device

    found = on_device(agent, spec)
    if found is None:
        return None
    return device_lives(found, genomes, spec, seeds, lane_options(spec, 1, len(seeds)))


def live_actor(
    actor: Actor[Any],
    spec: LifeSpec,
    seeds: NDArray[np.integer],
    trace: bool = False,
    watchers: Sequence[Watcher] = (),
    copies: int = 1,
) -> LifeResult:
    """Let an actor live every life, side by side; arguments as in `live`.

    Args:
        copies: P, how often the lives are lived: by one actor once, by `Individuals` once a genome.
    """
    lives = np.asarray(seeds).astype(np.uint64)
    lane_seed = np.tile(lives, copies) if lives.ndim == 1 else lives.ravel()
    shape = (copies, lives.shape[-1])
    lanes = lanes_of(spec.env, len(lane_seed), spec.env_kwargs)
    tracer = Tracer() if trace else None
    wiring = WiringWatcher(actor)
    looking = [*watchers, wiring, *([tracer] if tracer is not None else [])]
    lived = rollout(actor, lanes, spec, lane_seed, lane_options(spec, *shape), looking)
    traced = tracer.trace(spec.max_steps or lanes.limit, shape) if tracer is not None else None
    return _result(actor, lived, shape, traced, wiring.measured())


def _result(
    actor: Actor[Any],
    lived: Lived,
    shape: tuple[int, int],
    trace: Trace | None,
    wiring: Mapping[str, NDArray[np.floating]],
) -> LifeResult:
    """Lives with their measurements; what is seen at the end of life of wiring that was watched has its own name."""
    last = {("density_at_end" if k == "density" else k): v for k, v in actor.diagnose(lived.state).items()}
    if wiring:
        last.pop("rewiring", None)
    diagnostics = {k: np.asarray(v).reshape(shape) for k, v in {**wiring, **last}.items()}
    return LifeResult(
        lived.returns.reshape(*shape, -1),
        lived.lengths.reshape(*shape, -1),
        diagnostics,
        trace,
        lived.failed.reshape(shape),
    )


def episode_returns(
    actor: Actor[Any],
    env: str,
    episodes: int,
    seed: int = 0,
    env_kwargs: Mapping[str, Any] | None = None,
    max_steps: int | None = None,
) -> NDArray[np.float64]:
    """Returns ``(episodes,)`` of an actor that begins anew in every episode, each from its own seed."""
    spec = LifeSpec(env, dict(env_kwargs or {}), episodes=1, max_steps=max_steps)
    return live_actor(actor, spec, lane_seeds(seed, episodes, "episodes")).returns[0, :, 0]


def lane_options(spec: LifeSpec, population: int, lives: int) -> dict[str, NDArray[Any]]:
    """Reset options of every lane: key to array ``(P * L,)``."""
    if not spec.conditions:
        return {}
    which = np.tile(np.arange(lives) % spec.group, population)
    return {key: np.asarray([c[key] for c in spec.conditions])[which] for key in spec.conditions[0]}


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


def compared(frozen: LifeResult, free: LifeResult, spec: LifeSpec, seed: int = 0) -> dict[str, Any]:
    """What holding something still did to the first genome's lives; JSON-able.

    Args:
        frozen: lives of `spec`. free: the same lives without `spec.freeze`.

    Returns:
        "mean" and "free": returns per episode from `spec.freeze_from` on; "difference": frozen less free, with its "ci95", a
        percentile bootstrap over pairs of lives (of groups of conditions), and "episodes" of it.
    """
    parts = [np.nan_to_num(part.returns[0, :, spec.freeze_from :]) for part in (frozen, free)]
    pairs = (parts[0] - parts[1]).mean(1).reshape(-1, spec.group).mean(1)
    difference = mean_interval(pairs, resamples=10_000, seed=seed)
    return {
        "mean": float(parts[0].mean()),
        "free": float(parts[1].mean()),
        "difference": difference.value,
        "ci95": list(difference[1:]),
        "episodes": [float(v) for v in (parts[0] - parts[1]).mean(0)],
    }


class NoWholeLife(OntogymError):
    """Every life met a number that is not finite, so that nothing can be said of the agent."""


def summarise(result: LifeResult, spec: LifeSpec, seed: int = 0) -> dict[str, Any]:
    """JSON-able summary of one genome's lives.

    The score of a life is its mean return over episodes. Lives of one group share their seed and are no
    independent samples, so standard error and interval are over groups. `ci95` is a percentile bootstrap of
    the mean (10 000 resamples), which stays inside the range of the returns. A failed life counts as the worst of the
    others and is counted in "failed".

    Raises:
        NoWholeLife: every life has failed.
    """
    returns, failed = result.returns[0], result.failed[0]
    if failed.all():
        raise NoWholeLife(
            f"{spec.env} gave a reward or an observation that is not finite in every life; mend the environment or wrap "
            "it so that its numbers are finite."
        )
    if failed.any():
        worst = returns[~failed].mean(1).argmin()
        returns = np.where(failed[:, None], returns[~failed][worst], returns)
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
        "failed": int(failed.sum()),
        "env_steps": int(result.lengths.sum()),
        "diagnostics": _diagnosed(result.diagnostics),
    }


def _diagnosed(found: Mapping[str, NDArray[np.floating]]) -> dict[str, float]:
    """Means over the lives in which a diagnostic is finite, without those that are so in none; `not_finite` counts the other lives."""
    whole = {name: np.isfinite(values) for name, values in found.items()}
    means = {name: float(np.mean(values[whole[name]])) for name, values in found.items() if whole[name].any()}
    lost = lives_not_finite(found)
    return means | ({"not_finite": float(lost)} if lost else {})


def lives_not_finite(diagnostics: Mapping[str, NDArray[np.floating]]) -> int:
    """In how many lives a diagnostic is not finite: the network's own numbers are not, and its actions are no decisions."""
    return int(np.any([~np.isfinite(values) for values in diagnostics.values()], axis=0).sum())
