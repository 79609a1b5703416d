"""A recipe whose classes cost nothing, can wait to be killed, or kill their process once."""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ontogym.studies.wave_pretraining.building import ClassImages
from ontogym.studies.wave_pretraining.image_set import pack


@dataclass(frozen=True)
class Toy:
    classes: int = 5
    per_class: int = 10
    size: int = 16
    bits: int = 1
    seed: int = 0
    log: str = ""
    """Folder in which every class that is made leaves a line."""
    wait_at: int = -1
    """This class waits (for a kill) while the file ``wait`` is in the log's folder."""
    die_at: int = -1
    """This class kills its process, once."""
    warn_at: int = -1

    name = "toy"

    def class_names(self) -> list[str]:
        return [f"{k:03d}" for k in range(self.classes)]

    def config(self) -> dict[str, Any]:
        hidden = ("log", "wait_at", "die_at", "classes", "warn_at")
        return {"kind": "toy", **{k: v for k, v in asdict(self).items() if k not in hidden}}

    def images(self, label: int) -> np.ndarray:
        rng = np.random.default_rng([self.seed, label])
        images = rng.integers(0, 256, (self.per_class, self.size, self.size), np.uint8)
        return images if self.bits == 8 else (images > 127).astype(np.uint8) * np.uint8(255)

    def make(self, label: int) -> ClassImages:
        if self.log:
            folder = Path(self.log)
            with (folder / "log").open("a") as file:
                file.write(f"{label}\n")
            while label == self.wait_at and (folder / "wait").exists():
                time.sleep(0.02)
            if label == self.die_at and not (folder / "died").exists():
                (folder / "died").touch()
                os._exit(9)
        rows = pack(self.images(label), self.bits)
        cut = self.per_class - 2
        warning = f"Class {label} is odd." if label == self.warn_at else None
        return ClassImages(rows[:cut], rows[cut:], {"twice": 2 * label}, warning)
