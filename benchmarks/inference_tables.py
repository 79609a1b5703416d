"""Tables of animals that learn by a known rule, simulated outside the package, written and read as real ones are.

What `infer-rule` does is measured on these and not on its own simulation: contrasts are the IBL's, first weights
differ between animals and are not told, and the table says nothing but choices and feedback.
"""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.studies.rule_inference.model.readers import read_trials
from ontogym.studies.rule_inference.model.trials import Trials

CONTRASTS = (1.0, 0.5, 0.25, 0.125, 0.0625, 0.0)


class Table(NamedTuple):
    """Trials as they are read, and what made them: ``weights`` (A, T + 1, 2) before each trial and at the end."""

    trials: Trials
    weights: NDArray[np.float64]


def make(
    animals: int,
    trials: int,
    seed: int,
    correct: float = 0.05,
    error: float = -0.05,
    bias_sd: float = 0.8,
    weight: tuple[float, float] = (0.5, 0.5),
) -> Table:
    """Animals whose drive moves by ``correct (1 - p) f x`` after a correct and ``error (1 - p) f x`` after a wrong choice.

    f is 1 for right and -1 for left, p the probability of the choice made, x the stimulus (1 for the bias). In terms of
    REINFORCE with a baseline: rate ``correct - error``, beta ``-error / (correct - error)``.

    Args:
        animals, trials: how many of each.
        seed: of everything.
        correct, error: gains.
        bias_sd: SD of the first bias over animals; their mean is 0.
        weight: mean and SD of the first stimulus weight.
    """
    rng = np.random.default_rng([7, seed])
    contrast, right = rng.choice(CONTRASTS, (animals, trials)), rng.random((animals, trials)) < 0.5
    x = np.where(right, 1, -1) * np.tanh(5 * contrast) / np.tanh(5)
    w = np.stack([rng.normal(*weight, animals), rng.normal(0, bias_sd, animals)], 1)
    path, rows = [w], []
    for t in range(trials):
        p_right = 1 / (1 + np.exp(-(w[:, 0] * x[:, t] + w[:, 1])))
        chose = rng.random(animals) < p_right
        good = chose == right[:, t]
        u = (chose - p_right) * np.where(good, correct, error)
        w = w + u[:, None] * np.stack([x[:, t], np.ones(animals)], 1)
        path.append(w)
        rows.append((chose, good))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "table.csv"
        with file.open("w", newline="") as stream:
            out = csv.writer(stream)
            out.writerow(["subject", "choice", "contrastLeft", "contrastRight", "feedbackType"])
            for a in range(animals):
                for t in range(trials):
                    c = contrast[a, t]
                    sides = ("", c) if right[a, t] else (c, "")
                    choice, feedback = (1 - 2 * int(rows[t][0][a])), (2 * int(rows[t][1][a]) - 1)
                    out.writerow([f"m{a:04d}", choice, *sides, feedback])
        return Table(read_trials(file), np.stack(path, 1))
