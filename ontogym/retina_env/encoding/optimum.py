"""The best known pictures for a judge, by projected gradient from several starts: where skill is 1.

What share of the loss of averaging they take away is kept in ``optima.json``, with the command that found it. If an
encoder ever beats one of them, the share is raised, in a new version of the tasks that are scaled by it.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ontogym.errors import OntogymError
from ontogym.retina_env.encoding.judge import Judge
from ontogym.seeding import torch_generator

__all__ = ["STARTS", "Best", "best_pictures", "kept_share", "share_of"]

STARTS = ("average", "contrast", "noise")
"""Where the search begins: averages; averages of twice the contrast; averages and uniform noise, half and half."""
_DATA = Path(__file__).with_name("optima.json")


class Best(NamedTuple):
    """Electrode values ``(M, E)``; their loss ``(M,)`` and that of averaging, means over the subjects; by start: the
    mean share of the loss of averaging that is taken away, at the end and after each tenth of the search."""

    electrodes: Tensor
    loss: Tensor
    average: Tensor
    shares: dict[str, float]
    paths: dict[str, list[float]]

    @property
    def share(self) -> float:
        """The share of the best of all starts, picture by picture."""
        return float(1 - self.loss.mean() / self.average.mean())


def best_pictures(
    judge: Judge,
    picture: Tensor,
    subjects: list[int],
    averages: Tensor,
    iterations: int = 150,
    rate: float = 0.05,
    starts: tuple[str, ...] = STARTS,
) -> Best:
    """For each picture the electrode values of least mean loss over `subjects`: one picture for all of them.

    Adam, projected onto [0, 1] after each step, with the rate falling to a tenth over the last third.

    Args:
        judge: who judges; it must be differentiable.
        picture: ``(M,)`` numbers of its pictures.
        subjects: whom the picture is for; pass one to know what is possible for who is known.
        averages: ``(M, E)``.

    Raises:
        OntogymError: a judge without gradients.
    """
    if not judge.differentiable:
        raise OntogymError(
            "This judge is a function of NumPy arrays, which has no gradient; pass a torch module."
        )
    whom = [torch.full_like(picture, k) for k in subjects]
    weight = [1 / judge.gaps(who).to(averages.device) for who in whom]

    def losses(values: Tensor) -> list[Tensor]:
        answers = zip(judge.each(values, subjects), whom)
        return [judge.loss(answer, picture, who) for answer, who in answers]

    with torch.no_grad():
        average = torch.stack([judge.averages(picture, who)[1] for who in whom]).mean(0).to(averages.device)
    best, least, shares, paths = averages.clone(), average.clone(), {}, {}
    for start in starts:
        values = _begin(start, averages).requires_grad_(True)
        optimiser, path = torch.optim.Adam([values], lr=rate), []
        for step in range(iterations):
            if step == iterations * 2 // 3:
                optimiser.param_groups[0]["lr"] = rate / 10
            optimiser.zero_grad()
            now = losses(values)
            if step * 10 // iterations != (step - 1) * 10 // iterations and step:
                path.append(float(1 - torch.stack(now).detach().mean() / average.mean()))
            torch.stack([(loss * share).sum() for loss, share in zip(now, weight)]).sum().backward()
            optimiser.step()
            with torch.no_grad():
                values.clamp_(0, 1)
        # With gradients on: they decide by which of two equal ways a judge answers.
        found = torch.stack([loss.detach() for loss in losses(values)]).mean(0)
        shares[start], paths[start] = float(1 - found.mean() / average.mean()), path
        better = found < least
        best[better], least = values.detach()[better], torch.where(better, found, least)
    return Best(best, least, average, shares, paths)


def _begin(start: str, averages: Tensor) -> Tensor:
    if start == "average":
        return averages.clone()
    if start == "contrast":
        mean = averages.mean(1, keepdim=True)
        return (mean + 2 * (averages - mean)).clamp(0, 1)
    noise = torch.rand(averages.shape, generator=torch_generator(0, "best pictures"))
    return (averages + noise.to(averages)) / 2


@functools.cache
def _kept() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_DATA.read_text())
    return found


def kept_share(judge: str, pictures: str) -> float:
    """The share kept for a judge and a kind of pictures, ``leaves`` or ``photographs``."""
    return float(_kept()[f"{judge}/{pictures}"]["share"])


def share_of(judge: str, pictures: Any) -> float:
    """The share for a judge (``animals``, ``percept``, ``percept-each``) and the pictures of an environment.

    Leaves that are held out stand for all leaves, and leaves for pictures of one's own.
    """
    photographs = isinstance(pictures, str) and pictures == "photographs"
    return kept_share(judge, "photographs" if photographs else "leaves")
