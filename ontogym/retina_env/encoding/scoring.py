"""Skill and reliability of any encoder, on the twin, on the source retina, and on retinas that it has never met."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from ontogym.errors import OntogymError
from ontogym.retina_env.encoding.judge import Judge
from ontogym.retina_env.encoding.layout import Layout
from ontogym.retina_env.measures import neuronal_reliability

__all__ = ["Encoder", "Score", "score"]

Encoder = Callable[[NDArray[np.float32]], Any]
"""Images ``(B, S, S)`` to electrode values ``(B, *layout.shape)``; they are cut off at 0 and 1."""


class Score(NamedTuple):
    """``skill`` mean over images; ``reliability`` median over neurons (squared Pearson); ``skills`` ``(M,)``."""

    skill: float
    reliability: float
    skills: NDArray[np.float64]


def score(encode: Encoder, judge: Judge, images: NDArray[np.float32], layout: Layout) -> list[Score]:
    """One score for each of the judge's models.

    Args:
        encode: what is scored; it sees images only.
        judge: made of the same `images` and `layout`.
        images: ``(M, S, S)``.
        layout: the electrodes.

    Raises:
        OntogymError: an encoder that gives another shape, or values that are not finite.
    """
    low = np.asarray(encode(images), dtype=np.float32)
    if low.shape[0] != len(images) or low[0].size != layout.n or not np.isfinite(low).all():
        raise OntogymError(
            f"The encoder gave values of shape {low.shape}, or such that are not finite; it must give "
            f"{layout.shape} finite values for each of {len(images)} images."
        )
    shown = torch.from_numpy(low).reshape(len(images), -1).clamp(0, 1)
    index, found = torch.arange(len(images)), []
    for k in range(judge.subjects):
        who = torch.full_like(index, k)
        with torch.no_grad():
            verdict = judge.judge(shown, index, who)
        reliability = neuronal_reliability(verdict.answer.numpy(), judge.reference(index, who).numpy())
        skills = np.asarray(verdict.skill.numpy())
        found.append(Score(float(skills.mean()), float(np.median(reliability)), skills))
    return found
