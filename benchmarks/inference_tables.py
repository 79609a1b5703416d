"""Tables of animals that learn by a known rule, simulated outside the package, written and read as real ones are.

What `infer-rule` does is measured on these and not on its own simulation: contrasts are the IBL's, first weights
differ between animals and are not told, and the table says nothing but choices and feedback.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogym.studies.rule_inference.model.readers import read_trials
from ontogym.studies.rule_inference.model.trials import Trials

CONTRASTS = (1.0, 0.5, 0.25, 0.125, 0.0625, 0.0)
Array = NDArray[np.float64]


class Table(NamedTuple):
    """Trials as they are read, and what made them: ``weights`` (A, T + 1, 2) before each trial and at the end."""

    trials: Trials
    weights: Array


class Moment(NamedTuple):
    """One trial of all animals, ``(A,)`` each: w and b, the stimulus, the probability of right, the choice to the right (0
    or 1), whether it was correct, a running mean of earlier rewards (.9 of it kept), and a standard normal draw ``(A, 2)``."""

    w: Array
    x: Array
    p: Array
    chose: Array
    good: Array
    past: Array
    chance: Array

    def along(self, u: Array) -> Array:
        """A change in proportion to the input: of w by u x, of b by u."""
        return u[:, None] * np.stack([self.x, np.ones_like(self.x)], 1)


def gains(correct: float, error: float) -> Callable[[Moment], Array]:
    """The drive moves by ``correct (1 - p) f x`` after a correct and ``error (1 - p) f x`` after a wrong choice.

    f is 1 for right and -1 for left, p the probability of the choice made, x the stimulus (1 for the bias). In terms of
    REINFORCE with a baseline: rate ``correct - error``, beta ``-error / (correct - error)``.
    """
    return lambda m: m.along((m.chose - m.p) * np.where(m.good, correct, error))


def _side(m: Moment) -> Array:
    return np.asarray(np.where(m.good, m.chose, 1 - m.chose))


RULES: dict[str, Callable[[Moment], Array]] = {
    "reinforce": gains(0.08, 0.0),
    "reinforce-baseline": gains(0.08, -0.08),
    "asymmetric": gains(0.08, -0.03),
    "perseverance": gains(0.08, 0.03),
    "predict-max": lambda m: m.along(0.04 * (_side(m) - m.p)),
    "reward-max": lambda m: m.along(0.08 * m.p * (1 - m.p) * (2 * _side(m) - 1)),
    "forgetting": lambda m: gains(0.08, 0.0)(m) - 0.004 * m.w,
    "history": lambda m: 2 * m.past[:, None] * gains(0.08, 0.0)(m),
    "kernel": lambda m: (
        np.stack([0 * m.x, 0.1 * (2 * m.chose - 1) - 0.1 * m.w[:, 1]], 1) + gains(0.06, 0.0)(m)
    ),
    "saturating": lambda m: np.exp(-np.abs(m.w)) * gains(0.15, 0.0)(m),
    "sign": lambda m: (
        np.stack([np.sign(m.x), np.ones_like(m.x)], 1) * ((m.chose - m.p) * 0.06 * m.good)[:, None]
    ),
    "random-walk": lambda m: 0.04 * m.chance,
}
"""Twelve ways to change (w, b): ``(A, 2)`` of a trial."""


def make(
    animals: int,
    trials: int,
    seed: int,
    rule: Callable[[Moment], Array],
    bias_sd: float = 0.8,
    weight: tuple[float, float] = (0.5, 0.5),
    file: Path | None = None,
) -> Table:
    """Animals that learn by `rule`.

    Args:
        animals, trials: how many of each. seed: of everything.
        rule: one of `RULES`, or of one's own.
        bias_sd: SD of the first bias over animals; their mean is 0. weight: mean and SD of the first stimulus weight.
        file: where the table is kept, if it is.
    """
    rng = np.random.default_rng([7, seed])
    contrast, right = rng.choice(CONTRASTS, (animals, trials)), rng.random((animals, trials)) < 0.5
    x = np.where(right, 1, -1) * np.tanh(5 * contrast) / np.tanh(5)
    w = np.stack([rng.normal(*weight, animals), rng.normal(0, bias_sd, animals)], 1)
    own = np.random.default_rng([8, seed])
    path, rows, past = [w], [], np.full(animals, 0.5)
    for t in range(trials):
        p_right = 1 / (1 + np.exp(-(w[:, 0] * x[:, t] + w[:, 1])))
        chose = rng.random(animals) < p_right
        good = chose == right[:, t]
        w = w + rule(
            Moment(
                w,
                x[:, t],
                p_right,
                chose.astype(float),
                good.astype(float),
                past,
                own.normal(size=(animals, 2)),
            )
        )
        past = 0.9 * past + 0.1 * good
        path.append(w)
        rows.append((chose, good))
    with tempfile.TemporaryDirectory() as folder:
        place = file or Path(folder) / "table.csv"
        _write(place, contrast, right, rows)
        return Table(read_trials(place), np.stack(path, 1))


def _write(
    file: Path,
    contrast: Array,
    right: NDArray[np.bool_],
    rows: list[tuple[NDArray[np.bool_], NDArray[np.bool_]]],
) -> None:
    """A trials table as the IBL's."""
    with file.open("w", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["subject", "choice", "contrastLeft", "contrastRight", "feedbackType"])
        for a in range(len(contrast)):
            for t in range(len(rows)):
                c = contrast[a, t]
                sides = ("", c) if right[a, t] else (c, "")
                choice, feedback = (1 - 2 * int(rows[t][0][a])), (2 * int(rows[t][1][a]) - 1)
                out.writerow([f"m{a:04d}", choice, *sides, feedback])
