"""The judge who sees: patients of an implant, whose percept should look like the picture."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ontogym.retina_env.encoding.judge import Judge, everyone
from ontogym.retina_env.encoding.layout import Layout, implant_layout
from ontogym.retina_env.percept.axon_map import AxonMap, Field
from ontogym.retina_env.percept.implants import Implant
from ontogym.retina_env.percept.patients import LONGEST_UM, Patient, Phosphenes, draw_patient, field_of

__all__ = ["PerceptJudge", "layout_of"]

_EVERY = 3
"""Of the axon's steps of a tenth of a degree one in three is kept: 84 micrometres, less than any current spreads."""
_KEPT = 512
"""Patients that are remembered at a time; the rest are drawn again when they come back."""


def layout_of(device: Implant, size: int) -> Layout:
    """The implant's electrodes on pictures that are as wide as its part of the visual field."""
    return implant_layout(size, device.degrees, device.pitch_um * 3.556e-3, float(field_of(device).x.max()))


class _Subject(NamedTuple):
    """A patient's phosphenes, and its answers to averages ``(M, P)``."""

    phosphenes: Phosphenes
    linear: Tensor
    answers: Tensor


class PerceptJudge(Judge):
    """K patients of one implant; an answer is the brightness of P points of the visual field.

    The loss is ``1 - r``, r the correlation of the percept with the picture over those points: how bright phosphenes
    are in which unit nobody can measure, so gain and offset do not count; a percept without any contrast loses 1.
    At skill 1 the loss of averaging is smaller by its `share`.

    Args:
        device: the implant.
        seeds: of the patients (`draw_patient`), or the patients themselves. They are drawn when they first appear.
        images: ``(M, S, S)``.
        share: what part of the loss of averaging the best known picture takes away (`ontogym.retina_env.encoding.optimum`).
        fast: answer with one product, by the segments that are brightest when all electrodes are alike (for training),
            instead of with the greatest brightness over all segments (for judging).
    """

    def __init__(
        self,
        device: Implant,
        seeds: Sequence[int] | Sequence[Patient],
        images: NDArray[np.float32],
        share: float = 1.0,
        fast: bool = False,
    ) -> None:
        self.implant, self.share, self.fast = device, share, fast
        self._who: list[int | Patient] = [*seeds]
        self.layout = layout_of(device, images.shape[1])
        self.field = field_of(device)
        self.references = torch.from_numpy(_seen_by_eye(images, self.field))
        self._averages = self.layout.average(torch.from_numpy(images))
        self.subjects, self.pictures, self.channels = len(self._who), *self.references.shape
        # Of every picture and subject, once: what each step would ask for again.
        self._wanted = _centred(self.references)
        self._losses = torch.full((self.subjects, self.pictures), torch.nan, dtype=torch.float64)
        self._axons = AxonMap(self.field, LONGEST_UM, _EVERY)
        self._subject = functools.lru_cache(maxsize=_KEPT)(self._make)

    def patient(self, number: int) -> Patient:
        """Who subject `number` is."""
        who = self._who[number]
        return who if isinstance(who, Patient) else draw_patient(int(who), self.implant.n)

    def _make(self, number: int) -> _Subject:
        patient = self.patient(number)
        phosphenes = Phosphenes(self.implant, self._axons, patient)
        linear = torch.from_numpy(phosphenes.linear)
        answers = self._see(phosphenes, linear, self._averages)
        self._losses[number] = self.distance(self.references, answers)
        return _Subject(phosphenes, linear, answers)

    def _known(self, who: Tensor) -> Tensor:
        """Losses of averages ``(K, M)``; those of `who` are there."""
        for number in who.unique().tolist():
            if torch.isnan(self._losses[number, 0]):
                self._subject(number)
        return self._losses

    def _see(self, phosphenes: Phosphenes, linear: Tensor, electrodes: Tensor) -> Tensor:
        """Brightness ``(B, P)``."""
        if self.fast:
            raw = electrodes @ linear.T
        else:
            raw = _Brightest.apply(electrodes, phosphenes)
        return torch.relu(raw - phosphenes.patient.threshold)

    def answer(self, electrodes: Tensor, who: Tensor | None = None, blocks: bool = False) -> Tensor:
        return self._each(
            who, len(electrodes), lambda s, rows: self._see(s.phosphenes, s.linear, electrodes[rows])
        )

    def _each(self, who: Tensor | None, count: int, told: Callable[[_Subject, Tensor], Tensor]) -> Tensor:
        """What is `told` of each row, subject by subject, in the order of the rows."""
        who = everyone(who, count)
        order = who.argsort(stable=True)
        groups = order.split(who.bincount()[who.unique()].tolist())
        parts = [told(self._subject(int(who[rows[0]])), rows) for rows in groups]
        return torch.cat(parts)[order.argsort()]

    def reference(self, picture: Tensor, who: Tensor | None = None) -> Tensor:
        return self.references[picture]

    def distance(self, wanted: Tensor, answers: Tensor) -> Tensor:
        return _apart(*_centred(wanted), answers)

    def loss(self, answers: Tensor, picture: Tensor, who: Tensor | None = None) -> Tensor:
        centred, power = self._wanted
        return _apart(centred[picture], power[picture], answers)

    def averages(self, picture: Tensor, who: Tensor | None = None) -> tuple[Tensor, Tensor]:
        answers = self._each(who, len(picture), lambda s, rows: s.answers[picture[rows]])
        return answers, self.average_losses(picture, who)

    def average_losses(self, picture: Tensor, who: Tensor | None = None) -> Tensor:
        who = everyone(who, len(picture))
        return self._known(who)[who, picture]

    def gaps(self, who: Tensor | None = None) -> Tensor:
        who = torch.zeros((), dtype=torch.int64) if who is None else who
        return self.share * self._known(who).mean(-1)[who]


def _centred(wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Pictures ``(..., P)`` less their mean, and the sums of their squares, float64."""
    x = wanted.double()
    x = x - x.mean(-1, keepdim=True)
    return x, x.square().sum(-1)


def _apart(centred: Tensor, power: Tensor, answers: Tensor) -> Tensor:
    """One minus the correlation of answers with pictures that are `_centred`."""
    y, own = _centred(answers)
    # A percept without contrast tells nothing; the small number keeps its slope finite.
    return 1 - (centred * y).sum(-1) / torch.sqrt(power * own + 1e-12)


class _Brightest(torch.autograd.Function):
    """Greatest brightness along axons, blended; the slope is that of the segment where it was found."""

    @staticmethod
    def forward(ctx: Any, electrodes: Tensor, phosphenes: Phosphenes) -> Tensor:
        values = np.ascontiguousarray(electrodes.detach().numpy(), dtype=np.float32)
        found, ctx.where = phosphenes.brightest(values)
        ctx.phosphenes = phosphenes
        return torch.from_numpy(phosphenes.blended(found))

    @staticmethod
    def backward(ctx: Any, slopes: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        p: Phosphenes = ctx.phosphenes
        rows = len(p.blend)
        raw = np.matmul(p.blend.T, slopes.numpy().reshape(len(slopes), rows, -1)).reshape(slopes.shape)
        return torch.from_numpy(p.back(np.ascontiguousarray(raw, dtype=np.float32), ctx.where)), None


def _seen_by_eye(images: NDArray[np.float32], field: Field) -> NDArray[np.float32]:
    """Luminance at the points of the field ``(M, P)``: the mean of the picture around each, a step wide."""
    size, half = images.shape[1], float(field.x.max())
    edges = (np.arange(size + 1) / size * 2 - 1) * half
    step = float(field.x[1] - field.x[0])
    rows, columns = (_overlap(edges, at, step) for at in (-field.y, field.x))
    return np.asarray((rows @ images @ columns.T).reshape(len(images), -1), dtype=np.float32)


def _overlap(edges: NDArray[np.float64], at: NDArray[np.float64], width: float) -> NDArray[np.float32]:
    """How much of a window around each point a pixel fills, ``(points, pixels)``; rows sum to 1."""
    low, high = (at - width / 2)[:, None], (at + width / 2)[:, None]
    shared = np.clip(np.minimum(high, edges[1:]) - np.maximum(low, edges[:-1]), 0, None)
    return np.asarray(shared / shared.sum(1, keepdims=True), dtype=np.float32)
