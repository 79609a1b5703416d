"""Fit every model with animals held out, then to all of them; keep each fit, so that a killed run can go on."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym import checkpoint
from ontogym.developmental.rules.inferred.rule import save_rule
from ontogym.errors import OntogymError
from ontogym.runs import RunFolder
from ontogym.seeding import derive
from ontogym.studies.rule_inference.config import EPOCHS, InferenceConfig
from ontogym.studies.rule_inference.model.fitting import (
    FitConfig,
    FitState,
    epochs,
    log_likelihood,
    trajectory,
)
from ontogym.studies.rule_inference.model.parametric import (
    PARAMETRIC,
    RuleFit,
    baseline_profile,
    first_weights,
    fit_rule,
)
from ontogym.studies.rule_inference.model.portrait import portrait
from ontogym.studies.rule_inference.model.readers import read_trials
from ontogym.studies.rule_inference.model.recovery import (
    asymmetry,
    history_slope,
    recovery,
    true_weight_curve,
    update_curve,
    weight_curve,
)
from ontogym.studies.rule_inference.model.round_trip import MOST, round_trip
from ontogym.studies.rule_inference.model.simulate import BASELINE, LEARNING_RATE, Simulated, simulate
from ontogym.studies.rule_inference.model.trials import Trials
from ontogym.studies.rule_inference.model.validation import (
    Folds,
    cross_validate_network,
    cross_validate_rule,
    make_folds,
    score,
    split_check,
)

__all__ = ["infer_rule"]

FIT = "inference-fit"
SAVE_SECONDS = 10.0
LEAST_TRIALS = 50
"""Fewest trials of a file that a rule is inferred from."""
FRESH_ANIMALS = 200
"""Animals of the same rule that no fit has seen, on which recovery is measured."""


def infer_rule(
    config: InferenceConfig, out: Path | str, *, resume: bool = False, progress: bool = False
) -> dict[str, Any]:
    """Infer a learning rule from choices.

    Args:
        config: from what and how.
        out: folder; gets ``config.json``, a fit a file in ``fits/``, ``rule-MODEL.safetensors`` for each model (fitted
            to all animals) and ``rule.safetensors``, the one with the best held-out likelihood.
        resume: use and extend the fits that `out` holds.
        progress: show a bar.

    Returns:
        ``notes``: how the data were read, and how many trials were left out; ``held_out``: for every parametric rule
        and model its log-likelihood a trial with interval (`score`), gains over ``static``; ``comparisons``: paired gains between models; ``models``: for each network `recovery` (simulated
        animals), `asymmetry`, `history_slope`, update curves and its `portrait`; ``round_trip`` if asked for; ``truth``: the same of the simulated rule;
        ``parametric``: fits to all animals; ``profile`` over the baseline; ``cpu_seconds`` of this call.

    Raises:
        OntogymError: a configuration that cannot be, a bad file, a folder that holds another run, a diverged fit.
    """
    config.check()
    started = time.process_time()
    data = _simulated(config, config.animals, "animals") if config.simulate else None
    trials = data.trials if data is not None else read_trials(str(config.data))
    if data is None and int(trials.lengths.sum()) < LEAST_TRIALS:
        raise OntogymError(
            f"{config.data} holds {int(trials.lengths.sum())} trials with a choice and feedback, from which no rule can be told; give at least "
            f"{LEAST_TRIALS}, better a thousand."
        )
    if not trials.stimulus[trials.valid].any():
        raise OntogymError(
            f"{trials.source} has no stimulus on either side, or the same on both, in every trial; no rule can be told."
        )
    folds = make_folds(trials, config.folds, config.seed)
    # All of it stands beside what is fixed, so that another run can be begun from the folder.
    passes = {kind: config.fit(kind, trials.lengths).epochs for kind in EPOCHS}
    record = {**config.fixed(), "passes": passes, "command": dataclasses.asdict(config)}
    with RunFolder(out, record, resume, neutral=("command",)):
        result = _inferred(config, Path(out), trials, folds, data, progress)
    return result | {"cpu_seconds": round(time.process_time() - started, 1)}


def _inferred(
    config: InferenceConfig,
    out: Path,
    trials: Trials,
    folds: Folds,
    data: Simulated | None,
    progress: bool,
) -> dict[str, Any]:
    """See `infer_rule`."""
    fits = _Fits(out, config, trials, folds)
    with fits.bar(progress):
        networks = {kind: fits.held_out(kind) for kind in config.models}
        states = {kind: fits.whole(kind) for kind in config.models}
    rules = {rule: fit_rule(rule, trials) for rule in PARAMETRIC}
    held_out = {rule: cross_validate_rule(rule, trials, folds, rules[rule]) for rule in PARAMETRIC} | networks
    result: dict[str, Any] = {
        "source": trials.source,
        "animals": len(trials),
        "trials": int(trials.lengths.sum()),
        "notes": list(trials.notes),
        "folds": len(folds.test),
        "held_out": {
            name: score(ll, trials, folds.over, held_out["static"]) for name, ll in held_out.items()
        },
        "comparisons": _comparisons(held_out, trials, folds),
        "parametric": {rule: fit.as_json() for rule, fit in rules.items()},
        "profile": baseline_profile(trials).as_json(),
    }
    best = max(config.models, key=lambda kind: result["held_out"][kind]["mean"])
    fresh = _simulated(config, FRESH_ANIMALS, "fresh animals") if config.simulate else None
    null = rules["reinforce-baseline"]
    result["models"] = {
        kind: _described(how, states[kind], fits.params[kind], trials, fresh, null)
        for kind, how in fits.how.items()
    }
    for kind, state in states.items():
        facts = {
            "source": trials.source,
            "config": config.fixed() | {"epochs": fits.how[kind].epochs},
            "held_out": result["held_out"][kind]["mean"],
        }
        for name in (f"rule-{kind}.safetensors", *(["rule.safetensors"] if kind == best else [])):
            save_rule(out / name, fits.how[kind].network, state.best, facts)
    if data is not None:
        true = log_likelihood(data.weights[:, :-1], trials)
        result["held_out"]["truth"] = score(true, trials, folds.over, held_out["static"])
        result["truth"] = _truth(str(config.simulate), fresh or data, null)
    if config.round_trip:
        result["round_trip"] = {
            kind: _round_trip(how, states[kind], trials) for kind, how in fits.how.items()
        }
    return result | {"best": best}


def _simulated(config: InferenceConfig, animals: int, what: str) -> Simulated:
    return simulate(str(config.simulate), animals, config.trials, derive(config.seed, what))


class _Fits:
    """The fits of a run: read where they are done, gone on with where they were cut off, kept as they go."""

    def __init__(self, out: Path, config: InferenceConfig, trials: Trials, folds: Folds) -> None:
        self.folder, self.config, self.trials, self.folds = out / "fits", config, trials, folds
        self.how = {kind: config.fit(kind, trials.lengths) for kind in config.models}
        self.params: dict[str, list[NDArray[np.float64]]] = {}
        self._saved = time.monotonic()
        self._bar: Any = None

    @contextmanager
    def bar(self, shown: bool) -> Iterator[None]:
        """A progress bar over the epochs of all fits."""
        from tqdm import tqdm

        total = (len(self.folds.test) + 1) * sum(how.epochs for how in self.how.values())
        with tqdm(total=total, unit="epoch", disable=not shown, mininterval=0.5) as self._bar:
            yield

    def _file(self, kind: str, part: str) -> Path:
        return self.folder / f"{kind}-{part}.safetensors"

    def _kept(self, kind: str, part: str) -> FitState | None:
        if not self._file(kind, part).exists():
            return None
        arrays, _ = checkpoint.load(self._file(kind, part), FIT)
        try:
            state = FitState.from_arrays(arrays)
        except (KeyError, ValueError) as error:
            raise OntogymError(f"{self._file(kind, part)} is damaged ({error}); delete it.") from error
        self._bar.update(state.epoch)
        return state

    def _after(self, kind: str, part: str, state: FitState) -> None:
        self._bar.set_description(f"{kind} {part}", refresh=False)
        self._bar.set_postfix(loss=f"{state.loss:.4f}", refresh=False)
        self._bar.update()
        if state.epoch == self.how[kind].epochs or time.monotonic() - self._saved > SAVE_SECONDS:
            checkpoint.save(self._file(kind, part), FIT, state.arrays(), {})
            self._saved = time.monotonic()

    def held_out(self, kind: str) -> NDArray[np.float64]:
        """Log-likelihood of every choice by a network fitted without its fold, ``(A, T)``; keeps them in `params`."""
        parts = {k: f"fold{k}" for k in range(len(self.folds.test))}
        states = {k: kept for k, part in parts.items() if (kept := self._kept(kind, part)) is not None}
        found = cross_validate_network(
            self.trials,
            self.folds,
            self.how[kind],
            states,
            lambda k, s: self._after(kind, parts[k], s),
            self.config.validation,
        )
        self.params[kind] = [states[k].best for k in sorted(states)]
        return found

    def whole(self, kind: str) -> FitState:
        """A fit to all animals."""
        config = self.how[kind]
        state = self._kept(kind, "all") or FitState.begin(config)
        counts, check = split_check(
            self.trials, self.trials.valid, self.config.validation, self.folds.over, config.seed
        )
        for _ in epochs(self.trials, counts, config, state, check):
            self._after(kind, "all", state)
        return state


def _comparisons(
    held_out: dict[str, NDArray[np.float64]], trials: Trials, folds: Folds
) -> list[dict[str, Any]]:
    """Held-out gains in nats a trial, paired by animal: networks over the best rule, and with over without history."""
    rules = {rule: float(held_out[rule].sum()) for rule in PARAMETRIC}
    best = max(rules, key=lambda rule: rules[rule])
    pairs = [(kind, best) for kind in held_out if kind not in rules]
    pairs += [("gru", "dnn")] if {"gru", "dnn"} <= held_out.keys() else []
    found = []
    for model, other in pairs:
        s = score(held_out[model], trials, folds.over, held_out[other])
        found.append({"model": model, "over": other, "gain": s["gain"], "ci95": s["gain_ci95"]})
    return found


def _described(
    how: FitConfig,
    state: FitState,
    folds: list[NDArray[np.float64]],
    trials: Trials,
    fresh: Simulated | None,
    null: RuleFit,
) -> dict[str, Any]:
    """What a network fitted to all animals says; of simulated ones, on animals that it has not seen.

    `folds` are the parameters of the fits that left animals out; `null` is a rule without history.
    """
    network, params = how.network, state.best
    seen = trials if fresh is None else fresh.trials
    path = trajectory(network, params, seen, state.best_starts if fresh is None else None)
    found = _along(path, seen, null) | {
        "weight_curve": weight_curve(network, params, _grid(path)),
        "portrait": portrait(network, params, folds, path, seen),
    }
    return found | ({} if fresh is None else {"recovery": recovery(network, params, fresh)})


def _round_trip(how: FitConfig, state: FitState, trials: Trials) -> dict[str, Any]:
    """The rule lives in as many agents as there are animals, from the animals' first weights, and is inferred again."""
    starts = state.best_starts if trials.initial is None else trials.initial
    count = min(MOST, int(np.median(trials.lengths)))
    return round_trip(how, state.best, starts, count, derive(how.seed, "round trip"))


def _truth(rule: str, data: Simulated, null: RuleFit) -> dict[str, Any]:
    path = data.weights[:, :-1]
    curve = true_weight_curve(rule, LEARNING_RATE, BASELINE, _grid(path))
    return _along(path, data.trials, null) | {"weight_curve": curve}


def _along(path: NDArray[np.float64], trials: Trials, null: RuleFit) -> dict[str, Any]:
    """What can be told from weights along the data."""
    return {
        "asymmetry": asymmetry(path, trials),
        "history": history_slope(path, trials, first_weights(null, trials)[1]),
        "curve": update_curve(path, trials),
    }


def _grid(path: NDArray[np.float64]) -> NDArray[np.float64]:
    """Stimulus weights that the animals had."""
    low, high = np.nanquantile(path[..., 0], [0.01, 0.99])
    return np.linspace(low, high, 25)
