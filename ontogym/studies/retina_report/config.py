"""What the report on the retina does, and the published values beside which it stands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ontogym.errors import OntogymError
from ontogym.retina_env.downsampling import check_fold
from ontogym.retina_env.twins import FIT_IMAGES

__all__ = ["ANTIALIASED", "JUDGES", "NEW_RETINAS", "PUBLISHED_FOLDS", "SUBJECTS", "ReportConfig"]

SUBJECTS = {
    "twin": "the twin (in silico)",
    "ex-vivo": "the source retina (ex vivo)",
    "new": "new retinas",
}
"""Who is shown the images: the model that the actor was trained through, the retina it models, and others."""

JUDGES = {
    "twin": "the twin",
    "animals": "sixteen animals that nothing was fitted to",
    "percept": "sixteen patients",
}
"""Of encodings, in the report about one's own pictures, electrodes and model."""

NEW_RETINAS = 1000
"""Seeds from here on are animals that no twin was ever fitted to."""

ANTIALIASED = "lanczos3-antialiased"
"""The strongest fixed baseline; the paper does not have it."""

PUBLISHED_FOLDS = {2: 0.0178, 4: 0.0004, 8: 0.0006, 16: 0.8024, 32: 0.4483}
"""Fold to p of actor against average in silico (Fig. 9)."""


@dataclass(frozen=True)
class ReportConfig:
    """Sizes of the report; the defaults are the paper's where it has any.

    Attributes:
        seeds: source retinas; each has a twin, and actors of its own.
        folds: of Fig. 9; 4 is always among them.
        alphas: contrast factors of Fig. 7b.
        images: that actors are trained on.
        test_images: that everything is measured on; neither twins nor actors have seen them.
        repeats: presentations of each image.
        new_retinas: held-out retinas for each source retina.
        epochs: the most epochs of an actor.
    """

    seeds: tuple[int, ...] = (0, 1, 2)
    folds: tuple[int, ...] = (2, 4, 8, 16, 32)
    alphas: tuple[float, ...] = tuple(k / 8 for k in range(2, 21))
    images: int = FIT_IMAGES
    test_images: int = 200
    repeats: int = 10
    new_retinas: int = 3
    epochs: int = 1000

    def __post_init__(self) -> None:
        if not self.seeds or len(set(self.seeds)) != len(self.seeds):
            raise OntogymError(
                "The report needs one seed or more, each once; pass for instance --seeds 0 1 2."
            )
        if any(not 0 <= seed < NEW_RETINAS for seed in self.seeds):
            raise OntogymError(
                f"Source retinas have seeds from 0 to {NEW_RETINAS - 1}; those above are held out."
            )
        if 4 not in self.folds:
            raise OntogymError("The folds must contain 4, which most figures are about.")
        for fold in self.folds:
            check_fold(128, fold)
        if (
            not 20 <= self.images <= FIT_IMAGES
            or self.test_images < 8
            or self.new_retinas < 1
            or self.repeats < 1
        ):
            raise OntogymError(
                f"The report needs 20 to {FIT_IMAGES} images, 8 test images, one new retina and one repeat or more."
            )

    def quick(self) -> ReportConfig:
        """A look in two minutes: one retina (whose twin ships), few images, two folds, few epochs."""
        return replace(
            self, seeds=self.seeds[:1], folds=(4, 16), images=640, test_images=80, new_retinas=1, epochs=10,
            alphas=(0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0),
        )  # fmt: skip

    def new_seeds(self, seed: int) -> range:
        """New retinas of one source retina."""
        first = NEW_RETINAS + seed * self.new_retinas
        return range(first, first + self.new_retinas)

    def part(self, seed: int, fold: int) -> dict[str, Any]:
        """What the result of one part depends on."""
        shared = {
            "seed": seed, "fold": fold, "images": self.images, "test_images": self.test_images,
            "repeats": self.repeats, "new_retinas": self.new_retinas, "epochs": self.epochs,
        }  # fmt: skip
        return shared | ({"alphas": list(self.alphas)} if fold == 4 else {})
