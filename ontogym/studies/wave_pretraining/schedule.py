"""The configuration of a training run, with the published schedules as defaults."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Literal

from ontogym.errors import OntogymError, check_ranges

__all__ = ["FINETUNING", "TrainingConfig"]

IMAGENET_MEAN, IMAGENET_SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class TrainingConfig:
    """One training run, whole; the defaults are ReWaRD's pre-training (arXiv 2311.17232).

    Attributes:
        method: supervised (the labels), or simclr (contrastive, without labels).
        network: small, resnet18, resnet34, resnet50, alexnet_bn, vgg16_bn; of a fine-tuning, what the start brings counts.
        channels: of the network's input, 1 or 3; those of the images (or of the start, if more) if not given.
        small_stem: a first layer at stride 1, for images of about 32 pixels.
        epochs: passes over the training images.
        batch: images per step, as nearly as equal batches allow.
        lr: initial learning rate of stochastic gradient descent.
        momentum: of the descent.
        weight_decay: of the descent.
        milestones: epochs after which the learning rate falls to a tenth; if not given, a third and two thirds of the
            epochs, which is 30 and 60 of the published 90.
        resize: pixels that the shorter side is scaled to first; as it comes (or as the start saw it) if not given.
        crop: pixels a side of what the network sees, cut out at random in training, in the middle in evaluation; 7/8 of
            the above if not given (the published 224 of 256).
        flip: also mirror at random.
        mean: taken out of pixels from 0 to 1; one number, or one a channel.
        sd: that pixels are divided by then.
        temperature: of SimCLR's loss.
        positives: what SimCLR takes for alike: two views of an image, views of successive frames (movies:PRESET), or
            successive frames as they are, in which time alone says what belongs together.
        shuffle_labels: the control: deal the labels at random first.
        train_size: use so many training images; all if not given.
        validation_size: use so many validation images.
        seed: decides all chance.

    Raises:
        OntogymError: a value out of range.
    """

    method: Literal["supervised", "simclr"] = "supervised"
    network: str = "resnet50"
    channels: int | None = None
    small_stem: bool = False
    epochs: int = 90
    batch: int = 256
    lr: float = 0.01
    momentum: float = 0.9
    weight_decay: float = 1e-4
    milestones: tuple[int, ...] | None = None
    resize: int | None = None
    crop: int | None = None
    flip: bool = False
    mean: tuple[float, ...] = (0.2,)
    sd: tuple[float, ...] = (0.5,)
    temperature: float = 0.5
    positives: Literal["views", "frames", "frames-alone"] = "views"
    shuffle_labels: bool = False
    train_size: int | None = None
    validation_size: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        check_ranges(
            self, epochs=(0, 10**6), batch=(2, 10**6), lr=(1e-12, 1e6), momentum=(0, 0.9999), weight_decay=(0, 1e3),
            temperature=(1e-3, 1e3), resize=(4, 10**4), crop=(4, 10**4), channels=(1, 3),
        )  # fmt: skip
        known = {"method": ("supervised", "simclr"), "positives": ("views", "frames", "frames-alone")}
        for name, choices in known.items():
            if getattr(self, name) not in choices:
                raise OntogymError(
                    f"{name}={getattr(self, name)!r} is unknown; choose {' or '.join(choices)}."
                )
        if self.shuffle_labels and self.method == "simclr":
            raise OntogymError(
                "SimCLR does not look at labels, so shuffling them changes nothing; leave it out."
            )
        if len(self.mean) not in (1, 3) or len(self.mean) != len(self.sd) or min(self.sd) <= 0:
            raise OntogymError(
                f"mean={self.mean} and sd={self.sd} must be one number each, or three, and sd positive."
            )
        if not all(map(math.isfinite, self.mean + self.sd)):
            raise OntogymError(f"mean={self.mean} and sd={self.sd} must be finite.")

    def lr_at(self, epoch: int) -> float:
        """The learning rate during an epoch, the first being 1."""
        steps = self.milestones
        if steps is None:
            steps = (math.ceil(self.epochs / 3), math.ceil(2 * self.epochs / 3))
        return self.lr / 10.0 ** sum(epoch > step for step in steps)

    def as_json(self) -> dict[str, Any]:
        """Every field, JSON-able; `ontogym.configurations.build_config` is the inverse."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(self).items()}


FINETUNING = TrainingConfig(resize=256, mean=IMAGENET_MEAN, sd=IMAGENET_SD)
"""ReWaRD's fine-tuning: images of 256 cropped to 224, ImageNet's normalisation (published on ImageNet: learning rate .1)."""
