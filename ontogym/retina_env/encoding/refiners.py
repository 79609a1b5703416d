"""Ways to refine an encoding from what the subject answers, for `RetinaRefinement`; none of them sees the model.

Each is a policy of a vector environment: from what is observed, ``target`` and ``response`` above all, to corrections
``(P, 13)``; begin one anew for each life.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ontogym.retina_env.encoding.dynamics import EncodingDynamics
from ontogym.retina_env.encoding.judge import deviance
from ontogym.seeding import generator

__all__ = ["GaussNewton", "HillClimbing", "learn_jacobian", "refine"]

Array = NDArray[np.float64]


class _Refiner:
    """Keeps the best weights that were seen, and goes back to them in the last step.

    Args:
        start: ``(13,)`` weights to begin with; None for averaging.
    """

    def __init__(self, start: NDArray[np.floating] | None = None) -> None:
        self.start = None if start is None else np.asarray(start, dtype=np.float64)

    def begin(self, seen: dict[str, Any]) -> None:
        """A new life of P lanes."""
        lanes = len(seen["target"])
        self.now = np.zeros((lanes, 13))
        self.best, self.least = self.now.copy(), _off(seen)

    def act(self, seen: dict[str, Any], step: int, steps: int) -> NDArray[np.float32]:
        """Corrections of this step."""
        off = _off(seen)
        better = off < self.least
        self.best[better], self.least = self.now[better], np.minimum(off, self.least)
        if step == 0 and self.start is not None:
            wanted = np.tile(self.start, (len(off), 1))
        else:
            wanted = self.best if step == steps - 1 else self.propose(seen)
        moved = np.clip(np.clip(wanted, -1, 1) - self.now, -1, 1)
        self.now = self.now + moved
        return np.asarray(moved, dtype=np.float32)

    def propose(self, seen: dict[str, Any]) -> Array:
        """The weights to try next, ``(P, 13)``."""
        raise NotImplementedError


class HillClimbing(_Refiner):
    """The best so far and noise; what is better is kept."""

    def __init__(self, start: NDArray[np.floating] | None = None, sd: float = 0.05, seed: int = 0) -> None:
        super().__init__(start)
        self.sd, self.rng = sd, generator(seed, "hill climbing")

    def propose(self, seen: dict[str, Any]) -> Array:
        return np.asarray(self.best + self.rng.normal(0, self.sd, self.best.shape))


class GaussNewton(_Refiner):
    """Steps along a Jacobian that was learned from presentations to others (`learn_jacobian`), with a ridge.

    Args:
        jacobian: see there.
        ridge: added to the normal equations; clip: the longest step of a weight.
    """

    def __init__(
        self, start: NDArray[np.floating] | None, jacobian: _Jacobian, ridge: float = 30.0, clip: float = 0.3
    ) -> None:
        super().__init__(start)
        self.jacobian, self.ridge, self.clip = jacobian, ridge, clip

    def propose(self, seen: dict[str, Any]) -> Array:
        response = np.asarray(seen["response"], dtype=np.float64)
        error = np.asarray(seen["target"], dtype=np.float64) - response
        # Spikes are Poisson: an error counts by its SD.
        weight = 1 / np.sqrt(response + 0.1)
        slope = self.jacobian(seen) * weight[..., None]
        normal = slope.transpose(0, 2, 1) @ slope + self.ridge * np.eye(13)
        step = np.linalg.solve(normal, slope.transpose(0, 2, 1) @ (error * weight)[..., None])[..., 0]
        return np.asarray(self.now + np.clip(step, -self.clip, self.clip))


class _Jacobian:
    """Slopes of answers by weights ``(P, N, 13)``, linear in the picture's statistics and the answers."""

    def __init__(self, features: Array, slopes: Array, ridge: float = 100.0) -> None:
        self.mean, self.sd = features.mean(0), features.std(0) + 1e-6
        x = self._design(features)
        flat = slopes.reshape(len(slopes), -1)
        self.shape = slopes.shape[1:]
        self.coefficients = np.linalg.solve(x.T @ x + ridge * np.eye(x.shape[1]), x.T @ flat)

    def _design(self, features: Array) -> Array:
        return np.concatenate([(features - self.mean) / self.sd, np.ones((len(features), 1))], 1)

    def __call__(self, seen: dict[str, Any]) -> Array:
        x = self._design(_features(seen["statistics"], seen["response"]))
        return np.asarray((x @ self.coefficients).reshape(len(x), *self.shape))


@torch.no_grad()
def learn_jacobian(
    dynamics: EncodingDynamics, start: NDArray[np.floating], pictures: int = 384, step: float = 0.1
) -> _Jacobian:
    """Regress slopes on what is observed: each weight is moved by `step` once for each of `pictures`.

    ``14 * pictures`` presentations, as an experimenter could make them; no gradient of the model is used.
    """
    scenes, judge = dynamics.task.scenes, dynamics.task.judge
    rows = torch.arange(min(pictures, len(scenes)))
    who = torch.zeros_like(rows)

    def rates(weights: Any) -> Array:
        residual = dynamics.weighted_maps(rows, torch.from_numpy(np.tile(weights, (len(rows), 1))).float())
        return judge.answer((scenes.average[rows] + residual).clamp(0, 1), who).double().numpy()

    first = np.asarray(start, dtype=np.float32)
    base = rates(first)
    moved = [(rates(first + step * np.eye(13, dtype=np.float32)[k]) - base) / step for k in range(13)]
    return _Jacobian(_features(scenes.statistics[: len(rows)], base), np.stack(moved, 2))


def refine(env: Any, refiner: _Refiner, seed: int) -> NDArray[np.float64]:
    """One life of each lane of a vector environment: returns ``(P,)``."""
    seen, _ = env.reset(seed=seed)
    refiner.begin(seen)
    total, steps = np.zeros(env.num_envs), env.unwrapped.dynamics.steps
    for step in range(steps):
        seen, reward, *_ = env.step(refiner.act(seen, step, steps))
        total += reward
    return total


def _off(seen: dict[str, Any]) -> Array:
    target, response = (torch.from_numpy(np.asarray(seen[name])) for name in ("target", "response"))
    return np.asarray(deviance(target, response).numpy())


def _features(statistics: Any, response: Any) -> Array:
    return np.concatenate([np.asarray(statistics, float), np.log1p(np.asarray(response, float))], 1)
