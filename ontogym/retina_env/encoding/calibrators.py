"""What is worth knowing of a patient, and a baseline that finds it out from what the patient draws.

The **value of information** is the mean skill of the parameters (13 weights and a turn) fitted to each patient, less
that of the parameters that are best for all of them: what an agent can gain at most by knowing whom it serves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ontogym.retina_env.encoding.dynamics import WEIGHT_SCALE
from ontogym.retina_env.encoding.percept import PerceptCalibrationDynamics
from ontogym.retina_env.encoding.percept_judge import PerceptJudge
from ontogym.retina_env.filters import cut
from ontogym.seeding import generator

__all__ = ["Estimator", "Value", "fit_parameters", "skill_of", "value_of_information"]

Float = NDArray[np.float32]
TURNS = (-0.6, 0.0, 0.6)
"""Where fits begin: turned one way, not at all, the other way; a fit cannot cross from one to the other."""


def fit_parameters(
    dynamics: PerceptCalibrationDynamics,
    subjects: Sequence[int],
    iterations: int = 60,
    batch: int = 24,
    rate: float = 0.06,
    starts: Sequence[float] = TURNS,
) -> Float:
    """The 14 numbers of greatest mean skill over subjects and pictures, by Adam from several starts: ``(14,)``."""
    fits = [_fit(dynamics, subjects, start, iterations, batch, rate) for start in starts]
    rows = np.arange(min(64, len(dynamics.task.scenes)))
    worth = [np.mean([skill_of(dynamics, fit, k, rows) for k in subjects]) for fit in fits]
    return fits[int(np.argmax(worth))]


def _fit(
    dynamics: PerceptCalibrationDynamics,
    subjects: Sequence[int],
    turn: float,
    iterations: int,
    batch: int,
    rate: float,
) -> Float:
    first = np.zeros(14, dtype=np.float32)
    first[-1] = turn
    values = torch.from_numpy(first).requires_grad_(True)
    optimiser, rng = torch.optim.Adam([values], lr=rate), generator(0, "fit parameters")
    for step in range(iterations):
        if step == iterations * 7 // 10:
            optimiser.param_groups[0]["lr"] = rate / 4
        rows = torch.from_numpy(rng.permutation(len(dynamics.task.scenes))[:batch])
        # Each picture for another of the subjects, so that a step costs the same for one and for all.
        who = torch.from_numpy(rng.permutation(np.resize(rng.permutation(list(subjects)), len(rows))))
        optimiser.zero_grad()
        loss = _loss(dynamics, values, rows, who)
        loss.backward()
        optimiser.step()
        with torch.no_grad():
            values.clamp_(-1, 1)
    return np.asarray(values.detach().numpy())


def shown(dynamics: PerceptCalibrationDynamics, values: Tensor, rows: Tensor) -> Tensor:
    """What the electrodes show of pictures `rows` for parameters ``(14,)`` or ``(B, 14)``; differentiable."""
    scenes: Any = dynamics.task.scenes
    values = values.expand(len(rows), -1)
    average, maps = scenes.mixed(rows, values[:, -1])
    return cut(average + WEIGHT_SCALE * torch.bmm(values[:, None, :-1], maps)[:, 0])


def _loss(dynamics: PerceptCalibrationDynamics, values: Tensor, rows: Tensor, who: Tensor) -> Tensor:
    judge = dynamics.task.judge
    return (judge.loss(judge.answer(shown(dynamics, values, rows), who), rows, who) / judge.gaps(who)).mean()


@torch.no_grad()
def skill_of(
    dynamics: PerceptCalibrationDynamics, values: Float, subject: int, rows: NDArray[np.int64]
) -> float:
    """Mean skill of parameters for a subject over pictures `rows`."""
    at = torch.from_numpy(rows)
    who = torch.full_like(at, subject)
    low = shown(dynamics, torch.from_numpy(values), at)
    return float(dynamics.task.judge.judge(low, at, who).skill.mean())


class Value(NamedTuple):
    """Mean skill over patients of parameters fitted to each, to all of them, and to the next patient; the fits."""

    own: float
    everyone: float
    another: float
    fits: Float
    common: Float

    @property
    def of_information(self) -> float:
        """Own less everyone's."""
        return self.own - self.everyone


def value_of_information(
    dynamics: PerceptCalibrationDynamics, subjects: Sequence[int], iterations: int = 60
) -> Value:
    """Fitted on the first three quarters of the pictures' order and measured on 64 pictures of the same kind.

    Parameters are 14 numbers and pictures hundreds, so that fits on other pictures differ by less than a hundredth.
    """
    fits = np.stack([fit_parameters(dynamics, [k], iterations) for k in subjects])
    common = fit_parameters(dynamics, subjects, 4 * iterations, starts=(0.0,))
    rows = np.arange(min(64, len(dynamics.task.scenes)))
    turned = np.roll(fits, 1, axis=0)
    worth = [
        float(np.mean([skill_of(dynamics, fit, k, rows) for fit, k in zip(chosen, subjects)]))
        for chosen in (fits, np.tile(common, (len(fits), 1)), turned)
    ]
    return Value(worth[0], worth[1], worth[2], fits, common)


class Estimator:
    """Bayes over patients that are known: who of them would have drawn what this one draws?

    A table of patients, each with the 14 numbers that are best for it. After each drawing the probability of each
    follows from the squared difference to what that patient would have drawn of the same electrode values; what is
    shown next are the parameters of the likeliest, or, while none is likely, the best for all.

    Args:
        dynamics: of the task; its patients need not be those of the table.
        table: patients that are known (`ontogym.retina_env.percept.patients.draw_patient` seeds), as a judge.
        fits: ``(K, 14)`` their parameters. common: ``(14,)`` the best for all.
        noise: SD of a field's brightness, relative to the drawing's own SD.
    """

    def __init__(
        self,
        dynamics: PerceptCalibrationDynamics,
        table: PerceptJudge,
        fits: Float,
        common: Float,
        noise: float = 0.3,
    ) -> None:
        self.dynamics, self.table, self.fits, self.common, self.noise = dynamics, table, fits, common, noise

    def live(self, env: Any, seed: int) -> NDArray[np.float64]:
        """One life of each lane of a vector environment; returns ``(P,)``."""
        _, info = env.reset(seed=seed)
        log, total = np.zeros((env.num_envs, len(self.fits))), np.zeros(env.num_envs)
        for step in range(self.dynamics.steps):
            chosen = self.fits[log.argmax(1)] if step else np.tile(self.common, (env.num_envs, 1))
            seen, reward, _, _, info = env.step(chosen.astype(np.float32))
            total += reward
            log += self._likelihood(info["low"].reshape(env.num_envs, -1), seen["response"])
        return total

    @torch.no_grad()
    def _likelihood(self, low: Float, drawn: Float) -> NDArray[np.float64]:
        """Log-likelihood ``(P, K)`` of drawings ``(P, 60)`` of electrode values ``(P, E)``."""
        values = torch.from_numpy(np.ascontiguousarray(low, dtype=np.float32))
        found = np.empty((len(low), len(self.fits)))
        sd = self.noise * (drawn.std(1) + 1e-3)
        for k in range(len(self.fits)):
            seen = self.dynamics.report(self.table.answer(values, torch.full((len(low),), k))).numpy()
            found[:, k] = -0.5 * (((seen - drawn) / sd[:, None]) ** 2).sum(1)
        return found
