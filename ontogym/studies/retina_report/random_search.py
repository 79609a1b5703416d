"""Random search over the twin's hyper-parameters (Leong et al. 2024; Bergstra & Bengio 2012)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from ontogym.errors import OntogymError, UnknownNameError
from ontogym.retina_env.forward_model import ForwardModel, TwinShape
from ontogym.retina_env.twin_fit import FitConfig, fit
from ontogym.seeding import generator

__all__ = ["RANGES", "Trial", "random_search"]

RANGES: dict[str, tuple[float, float] | tuple[int, ...]] = {
    "laplacian": (1e-4, 1e-1),
    "spatial_l1": (1e-4, 3e-2),
    "feature_l1": (1e-7, 1e-3),
    "kernels": (2, 4, 6, 8),
    "kernel_size": (13, 17, 21, 25),
}
"""Two floats: log-uniform between them. Integers: one of them. The paper does not publish its ranges."""


@dataclass(frozen=True)
class Trial:
    """One draw and what it gave.

    Attributes:
        values: the hyper-parameters that were drawn.
        loss: best validation loss, without penalties; by it trials are ranked.
        twin: the model.
    """

    values: dict[str, float]
    loss: float
    twin: ForwardModel


def random_search(
    images: Any,
    responses: Any,
    trials: int = 20,
    seed: int = 0,
    ranges: Mapping[str, tuple[float, ...]] | None = None,
    config: FitConfig | None = None,
    on_trial: Callable[[int, Trial], None] | None = None,
) -> list[Trial]:
    """Fit `trials` twins with hyper-parameters drawn at random, best first. Each takes minutes.

    Args:
        images, responses: as for `fit`.
        trials: how many.
        seed: decides the draws; trial k is the same however many there are.
        ranges: as `RANGES`, by name of a field of `FitConfig` or `TwinShape`.
        config: what is not drawn.
        on_trial: called after each with its number and outcome.

    Raises:
        OntogymError: no trial, or a range of something that is no hyper-parameter.
    """
    if trials < 1:
        raise OntogymError(f"A search needs one trial or more, not {trials}.")
    ranges, config = dict(ranges or RANGES), config or FitConfig()
    of_config = {field.name for field in fields(FitConfig)}
    known = of_config | {field.name for field in fields(TwinShape)} - {"neurons", "size"}
    for name in ranges:
        if name not in known:
            raise UnknownNameError("hyper-parameter", name, known)
    base = TwinShape(neurons=np.asarray(responses).shape[-1], size=np.asarray(images).shape[-1])
    done = []
    for k in range(trials):
        values = _draw(ranges, generator(seed, "twin", "random search", k))
        of_fit: dict[str, Any] = {n: v for n, v in values.items() if n in of_config}
        of_shape = {n: int(v) for n, v in values.items() if n not in of_config}
        found = fit(images, responses, replace(base, **of_shape), replace(config, **of_fit))
        done.append(Trial(values, found.best_loss, found.twin))
        if on_trial is not None:
            on_trial(k, done[-1])
    return sorted(done, key=lambda trial: trial.loss)


def _draw(ranges: Mapping[str, tuple[float, ...]], rng: np.random.Generator) -> dict[str, float]:
    drawn = {}
    for name, choices in ranges.items():
        if all(isinstance(c, int) for c in choices):
            drawn[name] = choices[int(rng.integers(len(choices)))]
        else:
            low, high = np.log(choices[0]), np.log(choices[-1])
            drawn[name] = float(np.exp(rng.uniform(low, high)))
    return drawn
