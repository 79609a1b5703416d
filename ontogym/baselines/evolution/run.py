"""One run of evolution: everything is checked, then searched, then reported.

The report is the search mean on lives of its own, which had no part in choosing it (see `search`).
"""

from __future__ import annotations

import contextlib
import os
import traceback
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym import checkpoint
from ontogym.agents.base import Agent
from ontogym.baselines.evolution.agent_files import load_agent
from ontogym.baselines.evolution.config import NEUTRAL, EvolutionConfig, EvolutionResult, life_spec
from ontogym.baselines.evolution.evaluators import Evaluator, make_workers
from ontogym.baselines.evolution.search import COLUMNS, Search
from ontogym.baselines.lives.lanes import try_environment
from ontogym.baselines.lives.life import LifeSpec, life_seeds, summarise
from ontogym.errors import OntogymError
from ontogym.registry import plugins
from ontogym.runs import RunFolder

__all__ = ["EvolutionConfig", "EvolutionResult", "evolve"]


def evolve(config: EvolutionConfig, resume: bool = False, progress: bool = True) -> EvolutionResult:
    """Run evolution as configured.

    Args:
        config: the whole configuration.
        resume: go on with the run in ``config.out``; what follows is bit-identical to a run that was never
            interrupted.
        progress: show a progress bar on stderr.

    Raises:
        OntogymError: see `EvolutionConfig`, `life_spec`, `RunFolder`; nothing has been written then.
    """
    if resume and config.out is None:
        raise OntogymError("There is no folder whose run could go on; give out, or leave resume out.")
    spec = life_spec(config)
    try_environment(spec.env, spec.env_kwargs, spec.max_steps)
    workers = make_workers(config.evaluator, config.workers, config.address)
    with (
        _fits_memory(config),
        Evaluator(config.agent, config.agent_options, workers, config.slices) as evaluator,
    ):
        with _blaming(config):
            agent = evaluator.agent(spec)
            _check_size(config, agent.genome_size)
            starts = [first_genome(config, agent, file) for file in (config.start_from, *config.restart_from)]
            search = Search(config, spec, evaluator, starts)
        with _folder(config, resume) as search.folder:
            if resume:
                search.restore()
            with _blaming(config):
                search.warm_up()
            search.run(progress)
            return _report(search)


@contextlib.contextmanager
def _blaming(config: EvolutionConfig) -> Iterator[None]:
    """What fails before the first generation of a run that uses what other packages brought becomes a sentence that names them."""
    try:
        yield
    except (OntogymError, MemoryError, OSError, ImportError):
        raise  # files, memory and missing libraries are nobody's contract
    except Exception as error:
        brought = plugins(config.agent, config.strategy, config.agent_options)
        if not brought:
            raise
        names = ", ".join(f"{name!r} of {origin}" for name, origin in brought.items())
        last = traceback.extract_tb(error.__traceback__)[-1]
        raise OntogymError(
            f"Before the first generation there was {type(error).__name__}: {error} (at {last.filename}:{last.lineno}); look first at what other packages "
            f"brought: {names}. `ontogym rules check NAME` looks a rule over and says more."
        ) from error


def _check_size(config: EvolutionConfig, genome_size: int) -> None:
    """Refuse a generation that could not be held, before anything is made of it."""
    least = config.population * (
        4 * 8 * genome_size + 1024 * config.lives
    )  # genomes while they are drawn; lanes
    if least > _memory():
        raise _too_large(config, f"at least {least / 2**30:.0f} GiB")


@contextlib.contextmanager
def _fits_memory(config: EvolutionConfig) -> Iterator[None]:
    try:
        yield
    except MemoryError as error:
        raise _too_large(config, "more memory than there is") from error


def _too_large(config: EvolutionConfig, much: str) -> OntogymError:
    return OntogymError(
        f"A generation of {config.population:,} members of {config.agent!r} in {config.lives} lives each takes {much}; "
        "choose a smaller --population or fewer --lives."
    )


def _memory() -> float:
    """Bytes that this machine has; without bound where it does not say."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE")) * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return float("inf")


def _folder(config: EvolutionConfig, resume: bool) -> contextlib.AbstractContextManager[RunFolder | None]:
    """The run's folder (``best.safetensors`` is its agent, ``result.json`` its end), or none."""
    if config.out is None:
        return contextlib.nullcontext()
    defaults = EvolutionConfig().as_json()
    return RunFolder(
        config.out, config.as_json(), resume, neutral=NEUTRAL, defaults=defaults, columns=COLUMNS
    )


def first_genome(config: EvolutionConfig, agent: Agent[Any], file: str | None) -> NDArray[np.floating]:
    """Where a search starts: the agent's own start, or the genome of a file.

    Raises:
        OntogymError: a file of another agent, or a genome of another length.
    """
    if file is None:
        return agent.initial_genome()
    saved = load_agent(file)
    if saved.agent != config.agent or len(saved.genome) != agent.genome_size:
        raise OntogymError(
            f"{file} holds {len(saved.genome)} numbers of the agent {saved.agent!r}; this run evolves "
            f"{agent.genome_size} of {config.agent!r}: give it the same agent with the same options and spaces."
        )
    return saved.genome


def _report(search: Search) -> EvolutionResult:
    """Re-evaluate what is kept on lives that had no part in choosing it, and write the result."""
    config = search.config
    env_steps, (wall, cpu) = search.env_steps, search.seconds()
    seeds = life_seeds(search.spec, config.final_lives, config.seed, "report")

    def score(spec: LifeSpec) -> dict[str, Any]:
        return summarise(search.evaluator.evaluate(search.best[None], spec, seeds), spec, config.seed)

    result = EvolutionResult(
        genome=search.best,
        generation=search.best_generation,
        generations=search.generation,
        score=score(search.spec),
        control=score(replace(search.spec, reward_clamp=0.0)) if config.reward_clamp is None else None,
        solved=search.solved,
        env_steps=env_steps,
        wall_seconds=wall,
        cpu_seconds=cpu,
        warmup_seconds=search.warmup_seconds,
    )
    if search.folder is not None:
        facts = {"score": result.score["mean"], "ci95": result.score["ci95"], "lives": config.final_lives}
        brought = plugins(search.config.agent, search.config.strategy, search.config.agent_options)
        origin = {"plugins": brought} if brought else {}
        search.save_best({**facts, **origin})
        checkpoint.write_sealed_json(search.folder.path / "result.json", {**result.as_json(), **origin})
    return result
