"""Who judges an encoding, at the level of electrodes: an answer to their values, what it should be, how far it is off.

A picture is one layout of electrode values among others: an implant of sixty electrodes anywhere is judged as the
blocks of a small image are. Three judges ship: `retina_judge.RetinaJudge` (a twin, a retina, a model from elsewhere),
`animals_judge.AnimalsJudge` (retinas that nothing was fitted to), `percept_judge.PerceptJudge` (what the patient of an
implant sees).
"""

from __future__ import annotations

import abc
from collections.abc import Iterator, Sequence
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from ontogym.retina_env.encoding.layout import Layout

__all__ = ["SKILL_RANGE", "DevianceJudge", "Judge", "Verdict", "deviance"]

SKILL_RANGE = (-20.0, 5.0)
"""Skill is cut off here: single bad images would otherwise outweigh all others."""


class Verdict(NamedTuple):
    """``answer`` (B, N) float32, ``loss`` (B,) and ``skill`` (B,) float64, cut off at `SKILL_RANGE`."""

    answer: Tensor
    loss: Tensor
    skill: Tensor


class Judge(abc.ABC):
    """K subjects who are shown electrodes in place of M pictures; each answers in N numbers.

    Skill is ``(loss of averaging - loss) / gap``: 0 is averaging; what 1 is, the class says.

    Attributes:
        layout: the electrodes.
        subjects, pictures, channels: K, M and N.
        named: what the loss is called in an environment's info.
        one: what skill 1 is as good as, in words.
    """

    layout: Layout
    subjects: int
    pictures: int
    channels: int
    named: ClassVar[str] = "loss"
    one: ClassVar[str] = "best known picture"

    @abc.abstractmethod
    def answer(self, electrodes: Tensor, who: Tensor | None = None, blocks: bool = False) -> Tensor:
        """Answers ``(B, N)`` of subjects `who` ``(B,)`` (the first if None) to electrode values ``(B, E)``.

        Differentiable where `differentiable` says so.

        Args:
            blocks: evaluate so that a row's numbers do not depend on its neighbours, to the last bit.
        """

    def each(self, electrodes: Tensor, subjects: Sequence[int]) -> Iterator[Tensor]:
        """Answers ``(B, N)`` of one subject after the other to the same electrode values."""
        return (self.answer(electrodes, torch.full((len(electrodes),), k)) for k in subjects)

    @abc.abstractmethod
    def reference(self, picture: Tensor, who: Tensor | None = None) -> Tensor:
        """What subjects should answer to pictures, by number ``(B,)``: ``(B, N)``."""

    @abc.abstractmethod
    def distance(self, wanted: Tensor, answers: Tensor) -> Tensor:
        """How far answers ``(..., N)`` are from what is wanted: ``(...,)`` float64, 0 or more."""

    def loss(self, answers: Tensor, picture: Tensor, who: Tensor | None = None) -> Tensor:
        """How far answers ``(B, N)`` are from the reference: ``(B,)`` float64, 0 or more."""
        return self.distance(self.reference(picture, who), answers)

    def goal(self, picture: Tensor, who: Tensor | None = None) -> Tensor:
        """What an encoder does best to aim at: the reference without the noise of its recording, ``(B, N)``."""
        return self.reference(picture, who)

    @property
    def differentiable(self) -> bool:
        """Whether gradients pass from answers to electrodes."""
        return True

    @abc.abstractmethod
    def averages(self, picture: Tensor, who: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Answers ``(B, N)`` to averages of the pictures, and their loss ``(B,)``."""

    def average_losses(self, picture: Tensor, who: Tensor | None = None) -> Tensor:
        """The second of `averages`, ``(B,)``, which some judges have without the first."""
        return self.averages(picture, who)[1]

    @abc.abstractmethod
    def gaps(self, who: Tensor | None = None) -> Tensor:
        """By how much the loss of averaging exceeds that at skill 1, mean over pictures: ``(B,)``, or 0-dim."""

    def known(self, picture: Tensor, who: Tensor) -> dict[str, Tensor]:
        """Losses ``(B,)`` by which a reader can place one: that of averaging, and others that a judge knows."""
        return {"average": self.average_losses(picture, who)}

    def judge(self, electrodes: Tensor, picture: Tensor, who: Tensor, blocks: bool = False) -> Verdict:
        """What subject ``who[b]`` answers to ``electrodes[b]`` of ``(B, E)``, and how good that is for picture ``picture[b]``."""
        return self.compare(self.answer(electrodes, who, blocks), picture, who)

    def compare(self, answers: Tensor, picture: Tensor, who: Tensor) -> Verdict:
        """The verdict on given answers ``(B, N)``."""
        found = self.loss(answers, picture, who)
        skill = (self.average_losses(picture, who) - found) / self.gaps(who)
        return Verdict(answers, found, skill.clamp(*SKILL_RANGE))


def deviance(target: Tensor, rates: Tensor) -> Tensor:
    """Poisson deviance ``2 (y log(y / r) - y + r)``, averaged over neurons: ``(..., N)`` to ``(...,)`` float64."""
    y, r = target.double(), rates.double().clamp(min=1e-6)
    # Not xlogy(y, y / r), whose gradient is 0 / 0 where a neuron was silent.
    return 2 * (torch.xlogy(y, y) - y * torch.log(r) - y + r).mean(-1)


class DevianceJudge(Judge):
    """A judge whose subjects answer in expected spikes; the loss is the Poisson deviance from the reference.

    Attributes:
        references, average_answers: ``(K, M, N)``, answers to pictures and to their averages.
        average_loss: ``(K, M)``, of averaging.
        gap: ``(K,)``, by how much it exceeds that at skill 1, mean over pictures.
    """

    references: Tensor
    average_answers: Tensor
    average_loss: Tensor
    gap: Tensor
    named: ClassVar[str] = "deviance"

    def reference(self, picture: Tensor, who: Tensor | None = None) -> Tensor:
        return self.references[everyone(who, len(picture)), picture]

    def distance(self, wanted: Tensor, answers: Tensor) -> Tensor:
        return deviance(wanted, answers)

    def averages(self, picture: Tensor, who: Tensor | None = None) -> tuple[Tensor, Tensor]:
        at = everyone(who, len(picture)), picture
        return self.average_answers[at], self.average_loss[at]

    def gaps(self, who: Tensor | None = None) -> Tensor:
        return self.gap[0] if who is None else self.gap[who]


def everyone(who: Tensor | None, count: int) -> Tensor:
    """`who`, or the first subject `count` times."""
    return torch.zeros(count, dtype=torch.int64) if who is None else who
