"""The experiments: for one source retina and one fold, an actor trained, and everything measured that is reported.

Reliability is the squared Pearson over test images, per neuron, with the responses to the images at full resolution.
For the twin those are the retina's, as in the paper; on retinas everything is recorded anew, so that no two
recordings share their noise.
"""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ontogym.errors import OntogymError
from ontogym.retina_env.actor import Actor, effective_kernel, save_actor
from ontogym.retina_env.actor_training import low_resolution, train_actor
from ontogym.retina_env.downsampling import DOWNSAMPLERS, correct_contrast, downsampler, upsample_nearest
from ontogym.retina_env.forward_model import ForwardModel
from ontogym.retina_env.images.arrays import Images
from ontogym.retina_env.images.leaves import dead_leaves
from ontogym.retina_env.measures import local_contrast, neuronal_reliability
from ontogym.retina_env.retina import SimulatedRetina
from ontogym.retina_env.twins import FIT_IMAGES, IMAGES_SEED, fit_twin, quality, twin_of, twin_path
from ontogym.studies.retina_report.config import ANTIALIASED, ReportConfig
from ontogym.studies.retina_report.kernel_fits import fit_difference_of_gaussians

__all__ = ["Source", "actor_path", "example_scenes", "run_part", "source_of"]

SCENES = FIT_IMAGES
"""Scenes before the first that nothing was fitted on."""

MAIN = ("average", ANTIALIASED)
OWN = "actor-own"
Rates = NDArray[np.float32]


@dataclass(frozen=True)
class Source:
    """A source retina, its twin, and the scenes shown to both.

    Attributes:
        images, responses: that its twin was fitted on.
        test, truth: images that nothing was fitted on, and what the retina answered when they were recorded.
    """

    retina: SimulatedRetina
    twin: ForwardModel
    images: Images
    responses: Rates
    test: Images
    truth: Rates


@functools.lru_cache(maxsize=1)
def source_of(seed: int, config: ReportConfig) -> Source:
    """The source retina `seed`; its twin is read, or fitted, or its interrupted fit is finished."""
    scenes = dead_leaves(SCENES + config.test_images, IMAGES_SEED)
    retina = SimulatedRetina(seed)
    begun = twin_path(seed).with_suffix(".fit").is_file()
    twin = _finished(seed) if begun and seed != 0 else twin_of(seed)
    # One recording of all scenes, as the twin was fitted on: its first rows are the same responses.
    responses = retina.respond(scenes, config.repeats)
    n = config.images
    return Source(retina, twin, scenes[:n], responses[:n], scenes[SCENES:], responses[SCENES:])


def _finished(seed: int) -> ForwardModel:
    try:
        return fit_twin(seed, resume=True)
    except OntogymError:
        # What was left is of no use; then from the start.
        return twin_of(seed)


def run_part(config: ReportConfig, seed: int, fold: int, folder: Path) -> dict[str, Any]:
    """Train the actor of (`seed`, `fold`), keep it in `folder`, measure; returns plain numbers and lists.

    Keys: ``reliability`` (subject, method, list over neurons), ``loss`` of the actor, ``twin_r2`` and ``twin_changes_r2``;
    at fold 4 also ``contrast`` (method, list over images), ``alpha`` (subject, one list over neurons for each factor),
    ``kernels``, ``mean_response`` (subject, method, list over neurons).
    """
    start = time.process_time()
    source = source_of(seed, config)
    actor = train_actor(source.twin, source.images, fold, seed, source.responses, epochs=config.epochs)
    save_actor(actor_path(folder, seed, fold), actor)
    names = tuple(DOWNSAMPLERS) if fold == 4 else MAIN
    low = _downsampled(source.test, names, fold)
    low["actor"] = actor.encode(source.test[:, None])[:, 0]
    if fold == 4:
        # Aimed at the twin's own answers instead of at recordings: not the paper's, and better on animals.
        other = train_actor(source.twin, source.images, fold, seed, epochs=config.epochs)
        low[OWN] = other.encode(source.test[:, None])[:, 0]
    result: dict[str, Any] = {
        "seed": seed,
        "fold": fold,
        "twin_r2": source.twin.facts.get("r2_median"),
        "twin_changes_r2": _of_changes(source),
        "epochs": actor.facts["epochs"],
        "actor_cpu_seconds": actor.facts["cpu_seconds"],
        "reliability": {
            "twin": _in_silico(source, low, fold),
            "ex-vivo": _recorded(source.retina, source.test, low, fold, config.repeats),
            "new": _on_new_retinas(config, seed, source.test, low, fold),
        },
    }
    if fold == 4:
        result |= {
            "contrast": {name: _rounded(local_contrast(x)) for name, x in low.items()},
            "alpha": _alphas(config, source, low["average"], fold),
            "kernels": _kernels(actor),
            "mean_response": _mean_responses(config, source, low, fold),
        }
    result["cpu_seconds"] = round(time.process_time() - start, 1)
    return result


def _of_changes(source: Source) -> float:
    """R2 of changes, as its twin's facts say; older twins have none, and it is measured."""
    known = source.twin.facts.get("r2_of_changes_median")
    found = quality(source.twin, source.retina, source.test)["r2_of_changes_median"] if known is None else known
    return float(found)


def actor_path(folder: Path, seed: int, fold: int) -> Path:
    """Where `run_part` keeps an actor."""
    return folder / f"actor-seed-{seed}-fold-{fold}.safetensors"


def example_scenes(count: int = 3) -> Images:
    """Scenes to look at, the first of those that nothing was fitted on."""
    return dead_leaves(SCENES + count, IMAGES_SEED, show_progress=False)[SCENES:]


def _downsampled(images: Images, names: tuple[str, ...], fold: int) -> dict[str, Images]:
    """What a display shows of each method: kernels with negative lobes leave [0, 1], displays do not."""
    return {name: np.clip(downsampler(name)(images, fold), 0, 1) for name in names}


def _in_silico(source: Source, low: dict[str, Images], fold: int) -> dict[str, list[float]]:
    found = {"high": _rounded(neuronal_reliability(source.twin.rates(source.test), source.truth))}
    for name, x in low.items():
        found[name] = _rounded(neuronal_reliability(_twin_rates(source.twin, x, fold), source.truth))
    return found


@torch.no_grad()
def _twin_rates(twin: ForwardModel, low: Images, fold: int) -> Rates:
    look = low_resolution(twin, fold)
    parts = [look(part) for part in torch.from_numpy(np.asarray(low, dtype=np.float32)).split(64)]
    return np.asarray(torch.cat(parts).numpy())


def _recorded(
    retina: SimulatedRetina, test: Images, low: dict[str, Images], fold: int, repeats: int
) -> dict[str, list[float]]:
    """Ex vivo: high resolution is shown twice, once for the ground truth and once to be compared with it."""
    truth = retina.respond(test, repeats, seed=1)
    found = {"high": _rounded(neuronal_reliability(retina.respond(test, repeats, seed=2), truth))}
    for k, (name, x) in enumerate(low.items()):
        shown = upsample_nearest(np.asarray(x, dtype=np.float32), fold)
        found[name] = _rounded(neuronal_reliability(retina.respond(shown, repeats, seed=3 + k), truth))
    return found


def _on_new_retinas(
    config: ReportConfig, seed: int, test: Images, low: dict[str, Images], fold: int
) -> dict[str, list[float]]:
    """The same on animals of which neither twin nor actor knows anything; their neurons one after another."""
    chosen = {name: low[name] for name in (*MAIN, "actor", OWN) if name in low}
    found: dict[str, list[float]] = {}
    for retina in map(_new_retina, config.new_seeds(seed)):
        for name, values in _recorded(retina, test, chosen, fold, config.repeats).items():
            found.setdefault(name, []).extend(values)
    return found


def _mean_responses(
    config: ReportConfig, source: Source, low: dict[str, Images], fold: int
) -> dict[str, dict[str, list[float]]]:
    """Expected spikes, mean over test images, to each kind of picture (Supplementary Fig. 2)."""
    shown = {"high": source.test}
    for name in ("actor", "average"):
        shown[name] = upsample_nearest(np.asarray(low[name], dtype=np.float32), fold)
    models: dict[str, list[Any]] = {
        "twin": [source.twin],
        "ex-vivo": [source.retina],
        "new": [_new_retina(k) for k in config.new_seeds(source.retina.seed)],
    }
    return {
        subject: {
            name: _rounded(np.concatenate([m.rates(x).mean(0) for m in those])) for name, x in shown.items()
        }
        for subject, those in models.items()
    }


@functools.lru_cache(maxsize=8)
def _new_retina(seed: int) -> SimulatedRetina:
    return SimulatedRetina(seed)


def _alphas(config: ReportConfig, source: Source, average: Images, fold: int) -> dict[str, list[list[float]]]:
    """Average with its contrast changed, on the twin and on the source retina."""
    corrected = {str(a): np.asarray(correct_contrast(average, a)) for a in config.alphas}
    twin = _in_silico(source, corrected, fold)
    retina = _recorded(source.retina, source.test, corrected, fold, config.repeats)
    keys = [str(a) for a in config.alphas]
    contrast = [_rounded(local_contrast(corrected[key])) for key in keys]
    return {"twin": [twin[k] for k in keys], "ex-vivo": [retina[k] for k in keys], "contrast": contrast}


def _kernels(actor: Actor) -> dict[str, Any]:
    """The kernels, the one filter they are together near grey, and fits of all of them."""
    kernels = actor.kernels.detach().numpy().astype(np.float64)
    together = effective_kernel(actor)
    fits = [fit_difference_of_gaussians(k)._asdict() for k in (*kernels, together)]
    return {
        "mix": _rounded(actor.mix.detach().numpy()),
        "kernels": np.round(kernels, 6).tolist(),
        "together": np.round(together, 6).tolist(),
        "fits": fits[:-1],
        "together_fit": fits[-1],
    }


def _rounded(values: Any) -> list[float]:
    return [float(v) for v in np.round(np.asarray(values, dtype=np.float64), 6)]
