"""Twins as files: the one that ships, those in the cache, and how a new one is made from a simulated retina."""

from __future__ import annotations

import math
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ontogym.errors import OntogymError
from ontogym.retina_env.cache import cache_folder
from ontogym.retina_env.downsampling import downsampler, upsample_nearest
from ontogym.retina_env.forward_model import ForwardModel, TwinShape
from ontogym.retina_env.images.arrays import Images
from ontogym.retina_env.images.leaves import dead_leaves
from ontogym.retina_env.measures import neuronal_reliability
from ontogym.retina_env.retina import SimulatedRetina
from ontogym.retina_env.twin_fit import FitConfig, fit
from ontogym.retina_env.weights import frozen, load_model, save_model

__all__ = [
    "FIT_IMAGES",
    "HELD_OUT_IMAGES",
    "default_twin",
    "fit_twin",
    "load_twin",
    "quality",
    "save_twin",
    "twin_of",
    "twin_path",
]

FIT_IMAGES, HELD_OUT_IMAGES = 1200, 200
"""Images that a twin is fitted on (the paper's number), and those that nothing is ever fitted on."""
IMAGES_SEED, REPEATS = 1, 10

SHIPPED = Path(__file__).parent / "twin-retina-0.safetensors"
"""The twin of retina 0."""

_KIND = "twin"
_VERSION = 1
"""Raised when a fit would give another twin, so that cached ones are made anew."""


def default_twin() -> ForwardModel:
    """The twin of retina 0, which ships with the package."""
    return twin_of(0)


def twin_of(retina_seed: int, show_progress: bool = True) -> ForwardModel:
    """The twin of the simulated retina `retina_seed`, in eval mode, its weights frozen.

    Shipped for retina 0; for another one read from the cache, or fitted (minutes, with a bar) and cached.
    """
    if retina_seed == 0 and SHIPPED.is_file():
        return load_twin(SHIPPED)
    path = twin_path(retina_seed)
    try:
        return load_twin(path)
    except OntogymError:
        # Not there, or damaged: both are mended by fitting it.
        twin = fit_twin(retina_seed, out=path, show_progress=show_progress)
    return twin


def fit_twin(
    retina_seed: int = 0,
    out: Path | str | None = None,
    config: FitConfig | None = None,
    resume: bool = False,
    show_progress: bool = True,
    size: int = 128,
    images: int = FIT_IMAGES,
) -> ForwardModel:
    """Show dead leaves to a simulated retina, fit its twin, and write it.

    Args:
        retina_seed: which animal.
        out: where the twin goes (``.safetensors``; its facts also go to a ``.json`` beside it); the cache if None.
            While it is being fitted, a ``.fit`` file stands there.
        config: how to fit.
        resume: go on with a fit that was interrupted.
        show_progress: say on standard error what happens.
        size: side of the images; other sizes than 128 are for tests.
        images: how many to fit on.

    Returns:
        The twin, in eval mode and frozen; ``twin.facts`` says what it is worth on held-out images.
    """
    start = time.process_time()
    path = twin_path(retina_seed) if out is None else Path(out)
    state = path.with_suffix(".fit")
    config = config or FitConfig()
    scenes = dead_leaves(images + HELD_OUT_IMAGES, IMAGES_SEED, size, show_progress)
    retina = SimulatedRetina(retina_seed, size)
    responses = retina.respond(scenes, REPEATS)
    with _Bar(show_progress, retina_seed) as bar:
        shape = TwinShape(neurons=retina.n_cells, size=size)
        done = fit(scenes[:images], responses[:images], shape, config, state, resume, bar)
    twin, unseen = done.twin, scenes[images:]
    predicted = twin.rates(unseen)
    r2 = neuronal_reliability(predicted, responses[images:])
    true = retina.rates(unseen)
    seed = "" if retina_seed == 0 else f" --seed {retina_seed}"
    twin.facts = {
        "what": "twin of the simulated retina",
        "retina_seed": int(retina_seed),
        "version": _VERSION,
        "command": f"ontogym retina fit{seed}",
        "held_out_images": len(unseen),
        "r2_median": _rounded(np.median(r2)),
        "r2_mean": _rounded(r2.mean()),
        "r2_of_true_rates_median": _rounded(np.median(neuronal_reliability(predicted, true))),
        "r2_ceiling_median": _rounded(np.median(neuronal_reliability(true, responses[images:]))),
        **(quality(twin, retina, unseen) if size % 4 == 0 else {}),
        "epochs": len(done.history),
        "cpu_seconds": round(time.process_time() - start, 1),
        "config": {**asdict(config), "fractions": list(config.fractions)},
        "torch": str(torch.__version__),
    }
    save_twin(path, twin)
    state.unlink(missing_ok=True)
    return frozen(twin)


def quality(twin: ForwardModel, retina: SimulatedRetina, images: Images) -> dict[str, float]:
    """How well a twin predicts *changes*: what the retina answers to full pictures less what it answers to averaged ones.

    That is what an encoder changes. A twin may predict responses well, which mostly follow the picture, and changes badly.

    Returns:
        Medians over neurons of the squared correlation over images: ``r2_of_changes_median``, with the changes of the
        expected spikes, and ``r2_of_changes_ceiling_median``, of those with changes that were recorded.
    """
    blurred = upsample_nearest(downsampler("average")(images, 4), 4).astype(np.float32)
    change, predicted = (model.rates(images) - model.rates(blurred) for model in (retina, twin))
    recorded = retina.respond(images, REPEATS, seed=1) - retina.respond(blurred, REPEATS, seed=2)
    return {
        "r2_of_changes_median": _rounded(np.median(neuronal_reliability(predicted, change))),
        "r2_of_changes_ceiling_median": _rounded(np.median(neuronal_reliability(change, recorded))),
    }


def save_twin(path: Path | str, twin: ForwardModel) -> None:
    """Write a twin: weights, sizes and facts in one safetensors file, sizes and facts also as JSON beside it."""
    save_model(path, _KIND, twin)


def load_twin(path: Path | str) -> ForwardModel:
    """Read what `save_twin` wrote; the twin is in eval mode and frozen, its facts in ``twin.facts``.

    Raises:
        OntogymError: no such file; damaged; no twin; weights missing, of another shape or type, or not finite.
    """
    return load_model(path, _KIND, TwinShape, ForwardModel)


def twin_path(retina_seed: int) -> Path:
    """Where the cache keeps the twin of a simulated retina."""
    return cache_folder() / "twins" / f"v{_VERSION}-retina-{int(retina_seed)}.safetensors"


def _rounded(value: Any) -> float:
    return round(float(value), 4)


class _Bar:
    """One line that says what happens, then a bar over epochs with the validation loss."""

    def __init__(self, show: bool, retina_seed: int) -> None:
        self.show, self.seed, self.best = show, retina_seed, math.inf
        self.bar: Any = None

    def __enter__(self) -> _Bar:
        if self.show:
            from tqdm import tqdm

            line = f"Fitting the twin of retina {self.seed}, two to three minutes, this once ..."
            print(line, file=sys.stderr, flush=True)
            self.bar = tqdm(unit="epoch", leave=False, disable=None)
        return self

    def __call__(self, epochs: int, loss: float) -> None:
        self.best = min(self.best, loss)
        if self.bar is not None:
            self.bar.n = epochs
            self.bar.set_postfix_str(f"best validation loss {self.best:.4f}")

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()
