"""Numbers of the report, from parts to comparisons over seeds; and which words they allow."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ontogym.statistics import median_interval, paired_test, percent_gain
from ontogym.studies.retina_report.config import ANTIALIASED, PUBLISHED_FOLDS, SUBJECTS, ReportConfig
from ontogym.studies.retina_report.kernel_fits import DogFit
from ontogym.studies.retina_report.parts import OWN
from ontogym.studies.retina_report.supplement import cells_of, mean_responses, served

__all__ = ["compare", "summarise", "verdict"]

Part = dict[str, Any]


def summarise(config: ReportConfig, parts: Sequence[Part]) -> dict[str, Any]:
    """Everything that the page says in numbers, JSON-able."""
    four = [part for part in parts if part["fold"] == 4]
    actors = ("high", "actor", OWN)
    methods = [name for name in four[0]["reliability"]["twin"] if name not in actors]
    subjects = {}
    for subject in SUBJECTS:
        have = four[0]["reliability"][subject]
        subjects[subject] = {
            "median_reliability": {name: _mean_of_medians(four, subject, name) for name in have},
            "high_vs_average": compare(four, subject, "high", "average"),
            "high_vs_actor": compare(four, subject, "high", "actor"),
            "own_vs_average": compare(four, subject, OWN, "average"),
            f"own_vs_{ANTIALIASED}": compare(four, subject, OWN, ANTIALIASED),
            "supplement": _supplement(config, four, subject),
            **{f"actor_vs_{name}": compare(four, subject, "actor", name) for name in methods if name in have},
        }
    return {
        "seeds": list(config.seeds),
        "twin_r2": [part["twin_r2"] for part in four],
        "twin_changes_r2": [part["twin_changes_r2"] for part in four],
        "subjects": subjects,
        "folds": {str(fold): _fold(parts, fold) for fold in sorted(config.folds)},
        "contrast": _contrast(four, methods),
        "alpha": {subject: _alpha(config, four, subject) for subject in ("twin", "ex-vivo")},
        "kernels": _kernels(four),
        "actor_cpu_seconds": [part["actor_cpu_seconds"] for part in four],
        "cpu_seconds": round(sum(part["cpu_seconds"] for part in parts), 1),
    }


def _supplement(config: ReportConfig, four: Sequence[Part], subject: str) -> dict[str, Any]:
    """Supplementary Figs. 1 and 2, all cells of all seeds together."""
    many = [config.new_seeds(p["seed"]) if subject == "new" else (p["seed"],) for p in four]
    sign, size = cells_of([seed for seeds in many for seed in seeds])
    pairs = [(p["reliability"][subject]["actor"], p["reliability"][subject]["average"]) for p in four]
    gain = np.concatenate([np.subtract(a, b) for a, b in pairs])
    means = [part["mean_response"][subject] for part in four]
    together = {name: np.concatenate([m[name] for m in means]) for name in means[0]}
    return {**served(gain, sign, size), **mean_responses(together)}


def compare(parts: Sequence[Part], subject: str, a: str, b: str) -> dict[str, Any]:
    """Reliability of method `a` against `b`, neuron by neuron, for each seed and over seeds."""
    pairs = [(part["reliability"][subject][a], part["reliability"][subject][b]) for part in parts]
    return _comparison(pairs)


def _comparison(pairs: Sequence[tuple[Sequence[float], Sequence[float]]]) -> dict[str, Any]:
    """Keys: ``gain`` (median percent, averaged over seeds, with interval), ``difference`` (the same, not in
    percent), ``p`` (two-sided, all pairs together), ``seeds`` (each seed's test), ``verdict``.
    """
    tests = [paired_test(a, b) for a, b in pairs]
    everything = paired_test(np.concatenate([a for a, _ in pairs]), np.concatenate([b for _, b in pairs]))
    gain = median_interval([percent_gain(a, b) for a, b in pairs])
    difference = median_interval([np.subtract(a, b) for a, b in pairs])
    return {
        "gain": list(gain),
        "difference": list(difference),
        "p": everything.p_two_sided,
        "p_greater": everything.p_greater,
        "p_shapiro": None if math.isnan(everything.p_shapiro) else everything.p_shapiro,
        "n": everything.n,
        "seeds": [{"gain": t.median_percent, "p": t.p_two_sided, "p_greater": t.p_greater} for t in tests],
        "verdict": verdict(gain.value, everything.p_two_sided, [t.median_percent for t in tests]),
    }


def verdict(gain: float, p: float, per_seed: Sequence[float]) -> str:
    """What numbers allow to be said: "better", "worse", or "undecided".

    A direction needs a test over all neurons with p < .05 and the same sign in every seed: neurons of one retina
    see the same images through the same actor, so their number alone proves little.
    """
    if p < 0.05 and gain > 0 and all(g > 0 for g in per_seed):
        return "better"
    if p < 0.05 and gain < 0 and all(g < 0 for g in per_seed):
        return "worse"
    return "undecided"


def _fold(parts: Sequence[Part], fold: int) -> dict[str, Any]:
    """Actor against average and against antialiased Lanczos-3, for all subjects."""
    here = [part for part in parts if part["fold"] == fold]
    found: dict[str, Any] = {
        subject: {
            "actor_vs_average": compare(here, subject, "actor", "average"),
            f"actor_vs_{ANTIALIASED}": compare(here, subject, "actor", ANTIALIASED),
            "high_vs_average": compare(here, subject, "high", "average"),
        }
        for subject in SUBJECTS
    }
    found["published_p"] = PUBLISHED_FOLDS.get(fold)
    return found


def _contrast(four: Sequence[Part], methods: Sequence[str]) -> dict[str, Any]:
    """Local contrast of the actor's images against the others', image by image."""
    return {
        name: _comparison([(part["contrast"]["actor"], part["contrast"][name]) for part in four])
        for name in methods
    }


def _alpha(config: ReportConfig, four: Sequence[Part], subject: str) -> dict[str, Any]:
    """Fig. 7b: mean difference in reliability to the actor for each contrast factor, and where it is least."""
    actor = [np.asarray(part["reliability"][subject]["actor"]) for part in four]
    tables = [np.asarray(part["alpha"][subject]) for part in four]
    curves = [(a - table).mean(1) for a, table in zip(actor, tables)]
    best_of = [config.alphas[int(curve.argmin())] for curve in curves]
    mean = np.mean(curves, axis=0)
    k = int(mean.argmin())
    corrected = [(part["reliability"][subject]["actor"], part["alpha"][subject][k]) for part in four]
    contrast = [(part["contrast"]["actor"], part["alpha"]["contrast"][k]) for part in four]
    return {
        "alphas": list(config.alphas),
        "curves": [curve.tolist() for curve in curves],
        "best": config.alphas[k],
        "best_of_seeds": best_of,
        "actor_vs_corrected": _comparison(corrected),
        "contrast_actor_vs_corrected": _comparison(contrast),
    }


def _kernels(four: Sequence[Part]) -> dict[str, Any]:
    """How many kernels are Mexican hats, and the shape of the one filter that the actor is near grey."""
    fits = [DogFit(**fit) for part in four for fit in part["kernels"]["fits"]]
    together = [DogFit(**part["kernels"]["together_fit"]) for part in four]

    def median(read: Callable[[DogFit], float], of: Sequence[DogFit]) -> float:
        return float(np.median([read(fit) for fit in of]))

    return {
        "count": len(fits),
        "mexican_hats": sum(fit.mexican_hat for fit in fits),
        "on": sum(fit.polarity > 0 for fit in fits),
        "r2": median(lambda f: f.r2, fits),
        "r2_gaussian": median(lambda f: f.r2_gaussian, fits),
        "centre_sigma": median(lambda f: f.centre_sigma, fits),
        "surround": median(lambda f: f.surround, fits),
        "together_mexican_hats": sum(fit.mexican_hat for fit in together),
        "together_r2": median(lambda f: f.r2, together),
        "together_r2_gaussian": median(lambda f: f.r2_gaussian, together),
        "together_centre_sigma": median(lambda f: f.centre_sigma, together),
        "together_surround_sigma": median(lambda f: f.surround_sigma, together),
        "together_surround": median(lambda f: f.surround, together),
    }


def _mean_of_medians(parts: Sequence[Part], subject: str, method: str) -> float:
    return float(np.mean([np.median(part["reliability"][subject][method]) for part in parts]))
