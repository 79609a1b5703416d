"""What a board of encoders is made of, as data: tasks, held-out pictures and subjects, where a score is 0 and where 1.

Nothing that learns may meet these pictures, animals or patients. ``ranked`` says what a board orders by: what helps
animals and patients whom nobody has met; the twin's own figure stands beside it as what was optimised. 0 is averaging,
which is what an agent does that has learned nothing and does nothing; uniform noise plays no part.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["ENCODING_TASKS", "VERSION", "BoardTask"]

VERSION = 2
"""Of the suite ``encoding``."""
_PICTURES = 96


class BoardTask(NamedTuple):
    """One task; an episode's return is read on the scale from `zero` to `one`.

    Of hidden `subjects` each is met by equally many lives, and for the same pictures; 0 where nobody is hidden.
    """

    name: str
    env: str
    env_kwargs: Mapping[str, Any]
    lives: int
    zero: float
    one: float
    ranked: bool
    about: str
    subjects: int = 0


def _on(pictures: str, **more: Any) -> dict[str, Any]:
    return {"images": pictures, "n_images": _PICTURES, **more}


_LEAVES, _PHOTOGRAPHS = "held-out leaves", "photographs"
_ANIMALS, _PATIENTS = {"animals": "held-out"}, {"patients": "held-out"}

ENCODING_TASKS: tuple[BoardTask, ...] = (
    BoardTask(
        "RetinaEncodingAnimals-v0", "ontogym/RetinaEncodingAnimals-v0", _on(_LEAVES, **_ANIMALS), 512, 0.0, 1.0, True,
        "Sixteen unseen animals, held-out leaves; 1 is the best known picture.", 16,
    ),
    BoardTask(
        "RetinaEncodingAnimalsPhotographs-v0", "ontogym/RetinaEncodingAnimals-v0", _on(_PHOTOGRAPHS, **_ANIMALS), 512,
        0.0, 1.0, True, "The same on photographs, which nothing is trained on.", 16,
    ),
    BoardTask(
        "RetinaEncodingPercept-v0", "ontogym/RetinaEncodingPercept-v0", _on(_LEAVES, **_PATIENTS), 512, 0.0, 1.0, True,
        "32 unseen patients of an Argus II, held-out leaves; 1 is the best known picture for all of them.", 32,
    ),
    BoardTask(
        "RetinaEncodingPerceptPhotographs-v0", "ontogym/RetinaEncodingPercept-v0", _on(_PHOTOGRAPHS, **_PATIENTS), 512,
        0.0, 1.0, True, "The same on photographs.", 32,
    ),
    BoardTask(
        "RetinaCalibration-v1", "ontogym/RetinaCalibration-v1", _on(_LEAVES, **_PATIENTS), 96, 0.0, 16.1, True,
        "Another unseen patient every life, to be found out; 1 is fourteen numbers fitted to each.", 32,
    ),
    BoardTask(
        "RetinaRefinement-v0", "ontogym/RetinaRefinement-v0", _on(_LEAVES), 64, 0.0, 1.3, False,
        "Correct, look, correct again, on the twin.",
    ),
    BoardTask(
        "RetinaEncoding-v0", "ontogym/RetinaEncoding-v0", _on(_LEAVES), 64, 0.0, 1.0, False,
        "The frozen twin: what was optimised. Not ranked: it rewards its own errors.",
    ),
)  # fmt: skip
