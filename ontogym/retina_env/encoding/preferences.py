"""A calibrator that is told only which of two pictures looked better (after HILO, Granley et al. 2023).

No drawing, no brightness: one bit for two pictures. What is known beforehand is a table of other patients, and how good
each one's parameters are for every other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import log_ndtr
from torch import Tensor

from ontogym.retina_env.encoding.calibrators import Float, shown
from ontogym.retina_env.encoding.percept import PerceptCalibrationDynamics
from ontogym.seeding import generator

__all__ = ["Preferences", "worth_to_each"]


@torch.no_grad()
def worth_to_each(
    dynamics: PerceptCalibrationDynamics, fits: Float, subjects: Sequence[int], pictures: int = 16
) -> NDArray[np.float64]:
    """Mean skill ``(K, C)`` of candidates' parameters ``(C, 14)`` for each of K subjects, over `pictures`."""
    rows, judge = torch.arange(pictures), dynamics.task.judge
    found = np.empty((len(subjects), len(fits)))
    for c, fit in enumerate(fits):
        low: Tensor = shown(dynamics, torch.from_numpy(fit), rows)
        for k, subject in enumerate(subjects):
            found[k, c] = float(judge.judge(low, rows, torch.full_like(rows, subject)).skill.mean())
    return found


class Preferences:
    """Duels between candidates, and Bayes over known patients by who of them would have preferred what.

    A patient who would see skills ``a`` and ``b`` prefers the first with probability ``Phi((a - b) / (sqrt 2 s))``
    (Thurstone's model, as in preferential Bayesian optimisation; Granley et al. 2023, Methods). In odd steps the candidate
    of greatest expected skill is shown, in even ones that of a patient drawn from the posterior.

    Args:
        fits: ``(C, 14)`` candidates; the last may be the best for all.
        worth: ``(K, C)`` their skill for each known patient (`worth_to_each`).
        noise: SD ``s`` of what a patient judges by, in units of skill. The two pictures of a duel differ, which is most
            of it.
    """

    def __init__(self, fits: Float, worth: NDArray[np.float64], noise: float = 0.7, seed: int = 0) -> None:
        self.fits, self.worth, self.noise = fits, worth, noise
        self.rng = generator(seed, "preferences")

    def live(self, env: Any, seed: int) -> NDArray[np.float64]:
        """One life of each lane of a vector environment; returns ``(P,)``. Of rewards only their order is used."""
        env.reset(seed=seed)
        lanes, steps = env.num_envs, env.unwrapped.dynamics.steps
        log, total = np.zeros((lanes, len(self.worth))), np.zeros(lanes)
        before = np.zeros(lanes, dtype=np.int64), np.zeros(lanes)
        for step in range(steps):
            chosen = self.choose(log, exploring=step % 2 == 1 and step < steps * 2 // 3)
            _, reward, *_ = env.step(self.fits[chosen].astype(np.float32))
            total += reward
            if step:
                log += self.heard(chosen, before[0], reward > before[1])
            before = chosen, reward
        return total

    def choose(self, log: NDArray[np.float64], exploring: bool) -> NDArray[np.int64]:
        """Candidates ``(P,)`` to show: of greatest expected skill, or the best for a patient drawn from the posterior."""
        chance = np.exp(log - log.max(1, keepdims=True))
        chance /= chance.sum(1, keepdims=True)
        if not exploring:
            return np.asarray((chance @ self.worth).argmax(1))
        drawn = (chance.cumsum(1) > self.rng.uniform(size=(len(log), 1))).argmax(1)
        return np.asarray(self.worth[drawn].argmax(1))

    def heard(
        self, now: NDArray[np.int64], before: NDArray[np.int64], better: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """Log-likelihood ``(P, K)`` of each known patient: it would have preferred what was preferred."""
        lead = (self.worth[:, now] - self.worth[:, before]).T / (np.sqrt(2) * self.noise)
        return np.asarray(log_ndtr(np.where(better[:, None], lead, -lead)))
