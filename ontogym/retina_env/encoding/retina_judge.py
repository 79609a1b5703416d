"""Neural judges: twins, simulated retinas, models from elsewhere; the loss is the Poisson deviance of their spikes.

Skill is 0 for showing averages and, on average over images, 1 for showing the full image:
``(D_avg - D) / mean(D_avg - D_high)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ontogym.errors import OntogymError
from ontogym.retina_env.encoding.judge import DevianceJudge, deviance, everyone
from ontogym.retina_env.encoding.layout import Layout
from ontogym.retina_env.encoding.many_retinas import ManyRetinas
from ontogym.retina_env.encoding.responders import BLOCK, ExternalModel, in_blocks, make_responder
from ontogym.retina_env.retina import SimulatedRetina
from ontogym.seeding import generator

__all__ = ["REPEATS", "RetinaJudge", "as_targets", "recorded"]

REPEATS = 10
"""Presentations over which the response to the full image is averaged."""
_CHUNK = 8 * BLOCK


def recorded(retina: SimulatedRetina, rates: Tensor) -> Tensor:
    """What an experimenter records, ``(B, N)``: the mean spike counts of `REPEATS` presentations.

    As `SimulatedRetina.respond` of the same images gives it.
    """
    rng = generator(0, "retina", retina.seed, "spikes")
    expected = rates.numpy().astype(np.float64)
    counts = rng.poisson(expected, (REPEATS, *rates.shape))
    return torch.from_numpy(counts.mean(0).astype(np.float32))


class RetinaJudge(DevianceJudge):
    """K models that look at M images through electrodes, and what they must answer.

    Args:
        models: `SimulatedRetina`, `ForwardModel` or `ExternalModel`; K of them, of equally many neurons.
        layout: the electrodes.
        images: ``(M, S, S)``.
        targets: ``(K, M, N)`` ground truth; None: what each model answers to the full images, of which a simulated
            retina gives recordings.

    Attributes:
        full_loss: ``(K, M)``, D_high; `average_loss` is D_avg.

    Raises:
        OntogymError: a model that answers no better to full images than to averages, so that skill means nothing.
    """

    one: ClassVar[str] = "full resolution"

    def __init__(
        self, models: Sequence[nn.Module], layout: Layout, images: Tensor, targets: Tensor | None = None
    ) -> None:
        self.models, self.layout, self.images = list(models), layout, images
        self._retinas = [m for m in models if isinstance(m, SimulatedRetina)]
        # Retinas differ behind the bipolar cells only: what comes before is computed once for all.
        self._shared = len(self._retinas) == len(models)
        self._bipolar = make_responder(self._retinas[0].bipolar if self._shared else nn.Identity(), layout)
        self._responders = [make_responder(model, layout) for model in models]
        self._many = ManyRetinas(self._retinas) if self._shared else None
        with torch.no_grad():
            full = self._everyone(images, averaged=False)
            self.average_answers = self._everyone(images, averaged=True)
        if targets is None:
            rows = zip(self.models, full)
            targets = torch.stack([recorded(m, r) if isinstance(m, SimulatedRetina) else r for m, r in rows])
        if targets.shape != full.shape:
            raise OntogymError(
                f"The responses are {tuple(targets.shape[1:])}, but the twin answers {tuple(full.shape[1:])}; "
                "give one row per image and one column per neuron of the twin."
            )
        self.references = targets
        self.subjects, self.pictures, self.channels = targets.shape
        self.average_loss = deviance(targets, self.average_answers)
        self.full_loss = deviance(targets, full)
        self.gap = (self.average_loss - self.full_loss).mean(1)
        # Relative to the deviance itself: rounding alone makes a gap too.
        if not bool((self.gap > 1e-4 * self.average_loss.mean(1)).all()):
            raise OntogymError(
                "The twin tells full images from averages no better than chance, so there is no skill to measure; "
                "choose another twin, more varied images, or a larger fold."
            )

    @property
    def differentiable(self) -> bool:
        return all(not isinstance(m, ExternalModel) or m.differentiable for m in self.models)

    @torch.no_grad()
    def goal(self, picture: Tensor, who: Tensor | None = None) -> Tensor:
        pairs = zip(everyone(who, len(picture)).tolist(), self.images[picture])
        return torch.cat([self.models[k](x[None]) for k, x in pairs])

    def known(self, picture: Tensor, who: Tensor) -> dict[str, Tensor]:
        return super().known(picture, who) | {"full": self.full_loss[who, picture]}

    def answer(self, electrodes: Tensor, who: Tensor | None = None, blocks: bool = False) -> Tensor:
        """Rates ``(B, N)``; `blocks`: eight at a time (`in_blocks`)."""
        low, who = electrodes, everyone(who, len(electrodes))
        if self._many is not None and not (low.requires_grad and torch.is_grad_enabled()):
            # Few at a time stay in the cache.
            pairs = zip(low.split(BLOCK), who.split(BLOCK))
            pooled = [self._many.pool(self._bipolar(part), those) for part, those in pairs]
            return self._many.fire(torch.cat(pooled, 1), who)
        if len(self.models) == 1:
            return in_blocks(self._responders[0], low) if blocks else self._responders[0](low)
        if self._shared:
            low = self._bipolar(low)
        parts, order = [], []
        for k in who.unique().tolist():
            rows = (who == k).nonzero()[:, 0]
            parts.append(self._retinas[k].fire(low[rows]) if self._shared else self._responders[k](low[rows]))
            order.append(rows)
        return torch.cat(parts)[torch.cat(order).argsort()]

    def _everyone(self, images: Tensor, averaged: bool) -> Tensor:
        """Rates ``(K, M, N)`` of all models to all images, or to what averages of them show."""
        parts = []
        for x in images.split(_CHUNK):
            low = self.layout.average(x) if averaged else x
            if self._shared:
                shown = self.layout.show(low) if averaged else low
                b = self._retinas[0].bipolar(shown)
                parts.append(torch.stack([retina.fire(b) for retina in self._retinas]))
            else:
                answering = self._responders if averaged else self.models
                parts.append(torch.stack([in_blocks(model, low) for model in answering]))
        return torch.cat(parts, 1)


def as_targets(responses: NDArray[np.floating]) -> Tensor:
    """Ground truth given by the user as ``(1, M, N)``.

    Raises:
        OntogymError: no table of finite numbers from 0 on.
    """
    given = np.asarray(responses)
    if given.ndim != 2 or given.dtype.kind not in "fiu" or not np.isfinite(given).all() or (given < 0).any():
        raise OntogymError("responses must be a table (images, neurons) of finite spike counts from 0 on.")
    return torch.from_numpy(given.astype(np.float32))[None]
