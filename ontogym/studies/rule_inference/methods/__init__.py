"""Ways to infer a learning rule from choices, by name: ours, the field's, and what other packages bring.

A method is a callable ``method(trials, seed) -> Fitted``. Others add theirs by an entry point in the group
``ontogym.inference_methods``; ``benchmarks/inference_benchmark.py`` then scores it beside these.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ontogym.registry import Registry
from ontogym.studies.rule_inference.model.trials import Trials

__all__ = ["METHODS", "Fitted", "Method"]


class Fitted(Protocol):
    """What a method has found in the choices of some animals."""

    def path(self) -> NDArray[np.float64]:
        """Weight and bias before every trial of the animals that it was fitted to, ``(A, T, 2)``, from all their choices."""

    def predict(self, trials: Trials) -> NDArray[np.float64]:
        """Log-likelihood ``(A, T)`` of the choices of other animals, each predicted from their earlier choices alone."""


class Method(Protocol):
    """Fits animals whose first weights are not known."""

    def __call__(self, trials: Trials, seed: int) -> Fitted: ...


_HERE = "ontogym.studies.rule_inference.methods"
METHODS = Registry(
    "inference method",
    "ontogym.inference_methods",
    {
        **{
            name: f"{_HERE}.rules:{name.replace('-', '_')}"
            for name in ("static", "reinforce", "reinforce-baseline", "predict-max", "reward-max")
        },
        **{name: f"{_HERE}.rules:{name.replace('-', '_')}" for name in ("dnn", "gru", "tiny-gru")},
        "random-walk": f"{_HERE}.random_walk:random_walk",
        "glm-hmm": f"{_HERE}.glm_hmm:glm_hmm",
        "taylor": f"{_HERE}.taylor:taylor",
    },
)
