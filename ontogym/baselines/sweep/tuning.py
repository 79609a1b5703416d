"""Equal tuning: every method of a sweep gets as many trials of its settings, by Optuna (Akiba et al. 2019, 10.1145/3292500.3330701).

What may be tuned stands in the sweep's file, beside what is not:

    [tune.gru]
    sigma = { low = 0.1, high = 2.0, log = true }
    lives = { low = 2, high = 16 }              # whole numbers stay whole
    "agent_options.hidden" = [8, 16, 32]        # one of these; a dot reaches into a table of flags

Trials are cells, so that a tuning goes on where it was stopped: the sampler's chance follows from task and method, and
what it proposes from the scores before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ontogym import checkpoint
from ontogym.baselines.sweep.plan import Cell, Plan, digest
from ontogym.baselines.sweep.run import Run, run_sweep
from ontogym.baselines.sweep.settings import read_outcome, with_settings
from ontogym.baselines.sweep.tables import endpoint
from ontogym.errors import OntogymError, needs
from ontogym.seeding import derive

__all__ = ["TRIAL_SEED", "tune"]

TRIAL_SEED = 1_000_003
"""Seed of trials and of the lives that score them: settings are not chosen on what they are scored by later."""


def tune(
    plan: Plan,
    out: Path | str,
    run: Run,
    trials: int,
    only: str | None = None,
    stop: Callable[[KeyboardInterrupt], None] | None = None,
    progress: bool = False,
) -> dict[str, Any]:
    """Try settings of every method that the plan has ranges for, on each of its tasks.

    Args:
        plan: its cells are what is tuned; the primary endpoint is what is maximised.
        out: its folder; trials are kept in ``out/cells``, the outcome in ``out/tuning.json``. run: as in `run_sweep`.
        trials: of each method on each task. only: tune only cells whose name holds this text. stop: as in `run_sweep`.
        progress: show a bar on stderr.

    Returns:
        ``{"primary", "trials", "cells": [{"task", "method", "best", "score", "tried": [{"settings", "score", "error"}], "fingerprint"}]}``; a trial
        that failed has no score and says why.

    Raises:
        OntogymError: no ranges, no Optuna, or a method of which every trial failed.
    """
    if trials < 1:
        raise OntogymError(f"{trials} trials try nothing; give at least 1.")
    cells = {(cell.task, cell.method): cell for cell in reversed(plan.cells) if cell.method in plan.tune}
    wanted = [cell for cell in reversed(cells.values()) if only is None or only in cell.name]
    if not wanted:
        raise OntogymError("Nothing is to be tuned; give ranges in [tune.METHOD] of the sweep's file.")
    from tqdm import tqdm

    file = Path(out) / "tuning.json"
    before = read_outcome(file) if file.is_file() else []
    with tqdm(total=trials * len(wanted), disable=not progress, unit="trial", desc=plan.name) as bar:
        found = [_tuned(plan, cell, Path(out), run, trials, stop, bar) for cell in wanted]
    # What another --only has tuned stays, if it was this plan's.
    now = {each["fingerprint"] for each in found}
    still = {_fingerprint(plan, cell, trials) for cell in cells.values()} - now
    found = [each for each in before if each.get("fingerprint") in still] + found
    outcome = {"name": plan.name, "primary": plan.primary, "trials": trials, "cells": found}
    checkpoint.write_sealed_json(file, outcome)
    return outcome


def _fingerprint(plan: Plan, cell: Cell, trials: int) -> str:
    """A hash of all that decides what is found for a method on a task."""
    parts = [
        cell.task,
        cell.method,
        cell.command,
        dict(cell.flags),
        _main(plan, cell),
        plan.tune[cell.method],
    ]
    return digest([*parts, plan.primary, trials])


def _tuned(plan: Plan, cell: Cell, out: Path, run: Run, trials: int, stop: Any, bar: Any) -> dict[str, Any]:
    """One method on one task."""
    optuna = _optuna()
    ranges = {name: _distribution(optuna, values) for name, values in plan.tune[cell.method].items()}
    sampler = optuna.samplers.TPESampler(seed=derive(TRIAL_SEED, cell.task, cell.method) % 2**31)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    tried: list[dict[str, Any]] = []
    for number in range(trials):
        trial = study.ask(ranges)
        score, error = _tried(plan, _trial(plan, cell, number, trial.params), out, run, stop)
        tried.append({"settings": dict(trial.params), "score": score, "error": error})
        bar.update()
        bar.set_postfix_str(f"{cell.task}--{cell.method}: {'failed' if score is None else f'{score:.4g}'}")
        if score is None:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            study.tell(trial, score)
    known = [each for each in tried if each["score"] is not None]
    if not known:
        raise OntogymError(
            f"Every trial of {cell.method} on {cell.task} failed; the first: {tried[0]['error']}"
        )
    best = max(known, key=lambda each: each["score"])
    return {
        "task": cell.task,
        "method": cell.method,
        "best": best["settings"],
        "score": best["score"],
        "tried": tried,
        "fingerprint": _fingerprint(plan, cell, trials),
    }


def _tried(plan: Plan, cell: Cell, out: Path, run: Run, stop: Any) -> tuple[float | None, str | None]:
    """The primary endpoint of one trial, or why there is none."""
    try:
        (found,) = run_sweep(replace(plan, cells=(cell,)), out, run, progress=False, stop=stop)
    except OntogymError as error:
        return None, str(error)[:500]
    score = endpoint(found, plan.primary)
    return score, None if score is not None else f"It has no {plan.primary}."


def _trial(plan: Plan, cell: Cell, number: int, settings: Mapping[str, Any]) -> Cell:
    """The cell of one trial: scored on lives of its own, by the primary endpoint alone, and submitted nowhere."""
    scored = {plan.primary.partition(".")[0]: _main(plan, cell)}
    method = f"{cell.method}--t{number}"
    return replace(
        cell,
        method=method,
        seed=TRIAL_SEED,
        flags=with_settings(cell.flags, settings),
        evaluations=scored,
        submission={},
    )


def _main(plan: Plan, cell: Cell) -> dict[str, Any]:
    """Flags of the evaluation that trials are judged by."""
    return {**cell.evaluations[plan.primary.partition(".")[0]], "seed": TRIAL_SEED}


def _distribution(optuna: Any, values: Any) -> Any:
    if isinstance(values, list):
        return optuna.distributions.CategoricalDistribution(values)
    low, high, log = values["low"], values["high"], bool(values.get("log", False))
    whole = isinstance(low, int) and isinstance(high, int)
    kind = optuna.distributions.IntDistribution if whole else optuna.distributions.FloatDistribution
    return kind(low, high, log=log)


def _optuna() -> Any:
    with needs("Tuning", "Optuna", "'ontogym[tune]'"):
        import optuna
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
