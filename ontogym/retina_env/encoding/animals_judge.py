"""The judge who was never met: retinas with mosaics of hundreds of cells, who differ from each other."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from ontogym.retina_env.animals import animal, animals
from ontogym.retina_env.encoding.judge import DevianceJudge, deviance, everyone
from ontogym.retina_env.encoding.layout import Layout
from ontogym.retina_env.encoding.many_retinas import ManyRetinas
from ontogym.retina_env.encoding.responders import BLOCK, make_responder
from ontogym.retina_env.retina import Bipolar, SimulatedRetina

__all__ = ["AnimalsJudge"]

_NEGLIGIBLE = 1e-4
"""Weights below this share of a cell's greatest are left out: a third of the time, and rates to a few in 1e4."""


class AnimalsJudge(DevianceJudge):
    """K animals; an answer is the expected spikes of N cells, the loss the Poisson deviance from those to the picture.

    Nothing is noisy here: what an animal should answer is what it is expected to answer to the full picture. At skill 1
    the loss of averaging is smaller by its `share`.

    Args:
        seeds: of the animals (`ontogym.retina_env.animals.animal`).
        layout: the electrodes.
        images: ``(M, S, S)``.
        share: what part of the loss of averaging the best known picture takes away, one picture for all animals
            (`ontogym.retina_env.encoding.optimum`).
    """

    def __init__(self, seeds: Sequence[int], layout: Layout, images: Tensor, share: float = 1.0) -> None:
        self.layout, self.seeds, self.share = layout, tuple(seeds), share
        self.device = torch.device("cpu")
        self._bipolar = make_responder(Bipolar(layout.size), layout)
        self._many = ManyRetinas(animals(self.seeds, layout.size), _NEGLIGIBLE)
        self._module = functools.lru_cache(maxsize=len(self.seeds))(self._make)
        self.subjects, self.pictures = len(self.seeds), len(images)
        with torch.no_grad():
            full = Bipolar(layout.size)
            b = torch.cat([full(part) for part in images.split(8 * BLOCK)])
            low = torch.cat([self._bipolar(part) for part in layout.average(images).split(BLOCK)])
            self.references, self.average_answers = self._all(b), self._all(low)
        self.channels = self.references.shape[2]
        self.average_loss = deviance(self.references, self.average_answers)
        self.gap = share * self.average_loss.mean(1)

    def _all(self, b: Tensor) -> Tensor:
        """Answers ``(K, M, N)`` of all animals to bipolar output."""
        rows = [torch.full((len(b),), k) for k in range(self.subjects)]
        return torch.stack([self._many.fire(self._many.pool(b, who), who) for who in rows])

    def _make(self, number: int) -> SimulatedRetina:
        return animal(self.seeds[number], self.layout.size).to(self.device)

    def on(self, device: str | torch.device) -> AnimalsJudge:
        """Itself, moved: on another device than the CPU all weights are dense."""
        self.device = torch.device(device)
        self._bipolar.to(self.device)
        self._module.cache_clear()
        for name in ("references", "average_answers", "average_loss", "gap"):
            setattr(self, name, getattr(self, name).to(self.device))
        return self

    def answer(self, electrodes: Tensor, who: Tensor | None = None, blocks: bool = False) -> Tensor:
        who = everyone(who, len(electrodes))
        if self.device.type == "cpu":
            pairs = zip(electrodes.split(BLOCK), who.split(BLOCK))
            pooled = [self._many.pool(self._bipolar(part), those) for part, those in pairs]
            return self._many.fire(torch.cat(pooled, 1), who)
        b, parts, order = self._bipolar(electrodes), [], []
        for k in who.unique().tolist():
            rows = (who == k).nonzero()[:, 0]
            parts.append(self._module(k).fire(b[rows]))
            order.append(rows)
        return torch.cat(parts)[torch.cat(order).argsort()]

    def each(self, electrodes: Tensor, subjects: Sequence[int]) -> Iterator[Tensor]:
        # Animals differ behind the bipolar cells only: what comes before is computed once.
        b = self._bipolar(electrodes)
        for k in subjects:
            if self.device.type == "cpu":
                who = torch.full((len(b),), k)
                yield self._many.fire(self._many.pool(b, who), who)
            else:
                yield self._module(k).fire(b)
