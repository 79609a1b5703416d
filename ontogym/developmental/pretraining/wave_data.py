"""Images of simulated retinal waves, one class per parameter setting: rwave-1024, rwave-4096 and smaller relatives.

After ReWaRD (Cappell et al. 2023, arXiv 2311.17232). Each of H1, H2, P, T_K and D takes a quarter, three, five and
seven quarters of its default: 4^5 = 1024 settings; with the radius of connections, 4^6 = 4096. An image is one
snapshot (every 100 ms) of the square inscribed in the retina, turned by any angle (see `snapshots`) and mirrored at
random, kept if enough of it is white.

Departs from the released code: the radius of connections really varies (``faithful_con_rad=True`` gives its four
copies of 1024 dynamics back); every class has a seed of its own; training and validation images come from different
stretches of the run; and a setting that does not yield enough images ends, with a warning, instead of looping.
"""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.developmental.pretraining.building import ClassImages
from ontogym.developmental.pretraining.image_set import bytes_per_image
from ontogym.developmental.pretraining.settings import FACTORS, chosen_settings, setting_digits
from ontogym.errors import OntogymError
from ontogym.seeding import derive, generator

__all__ = ["WaveRecipe"]

GENERATOR = 1
"""Raised whenever the same configuration gives other images than before."""
FRAME_MS = 100.0
_CHUNK = 300
"""Frames recorded at a time: 54 MB of cell states at radius 256."""
_PROLONG = 4
"""A stretch that yields too few images may last so many times the minutes of a whole run."""
_LOWER = 0.75
"""What the threshold is multiplied by when too few snapshots pass it."""
_SPARE_EVERY = 5
"""Of snapshots far below the threshold every fifth is looked at: they serve only if it must be lowered."""


@dataclass(frozen=True)
class WaveRecipe:
    """What a data set of waves is made of; a `Recipe`.

    Attributes:
        classes: up to 1024 of the 4^5 settings, above that up to 4096 of the 4^6.
        per_class: images per class, validation included.
        size: pixels a side; at most the retina's diameter in cells, 2 radius + 1.
        radius: of the retina, in cells.
        preset: the setting that the classes multiply: a preset's name.
        faithful_con_rad: as released, connections never follow CON_RAD: above 1024 classes, groups of four share
            their dynamics.
        threshold: white pixels that a 256 x 256 image must exceed; scaled with the area for other sizes.
        validation: fraction of the images, and of the recorded time, at the end of each run.
        minutes: simulated time that snapshots are taken from. A stretch that yields too few goes on, for up to
            four times `minutes`, before the threshold is lowered: the slowest settings have a wave in 15 minutes.
        warmup_minutes: simulated before.
        gap_s: simulated between the training and the validation stretch and thrown away; a wave takes less to
            cross the retina.
        seed: decides all chance.

    Raises:
        OntogymError: a value out of range, or an unknown preset.
    """

    classes: int = 1024
    per_class: int = 2000
    size: int = 256
    radius: int = 256
    preset: str = "reward"
    faithful_con_rad: bool = False
    threshold: float = 1000.0
    validation: float = 0.2
    minutes: float = 15.0
    warmup_minutes: float = 15.0
    gap_s: float = 60.0
    seed: int = 0

    bits = 1

    def __post_init__(self) -> None:
        from ontogym.developmental.waves import resolve_parameters

        resolve_parameters(self.preset)
        for name, low, high in (
            ("classes", 1, 4 ** len(FACTORS)),
            ("per_class", 1, 10**6),
            ("radius", 1, 1024),
            ("size", 2, 2 * self.radius + 1),
            ("threshold", 0, 256**2 - 1),
            ("minutes", 0.1, 10_000),
            ("warmup_minutes", 0, 10_000),
            ("gap_s", 0, 3600),
        ):
            value = getattr(self, name)
            if not low <= value <= high:  # also refuses NaN
                raise OntogymError(f"{name}={value} is out of range; choose {low} to {high}.")
        if not 0 <= self.validation < 1 or round(self.per_class * self.validation) >= self.per_class:
            raise OntogymError(
                f"validation={self.validation} leaves nothing to train on; choose a fraction, for example 0.2."
            )

    @property
    def name(self) -> str:
        return f"rwave-{self.classes}"

    def config(self) -> dict[str, Any]:
        return {"kind": "retinal-waves", "generator": GENERATOR, **dataclasses.asdict(self)}

    @property
    def settings(self) -> NDArray[np.int64]:
        """Ids of the settings that are classes, ascending, ``(classes,)``."""
        return chosen_settings(self.classes)

    def class_names(self) -> list[str]:
        return [f"{setting:04d}" for setting in self.settings]

    def parameters(self, label: int) -> Any:
        """The `WaveParameters` of a class."""
        from ontogym.developmental.waves import resolve_parameters

        digits = setting_digits(int(self.settings[label]), self.classes)
        factors = {name: (2 * digit + 1) / 4 for name, digit in digits.items()}
        if self.faithful_con_rad:
            factors["connection_rings"] = 1.0
        base = resolve_parameters(self.preset)
        return dataclasses.replace(base, **{name: getattr(base, name) * f for name, f in factors.items()})

    def make(self, label: int) -> ClassImages:
        """Simulate one class and take its images: warm up, training stretch, gap, validation stretch."""
        setting = int(self.settings[label])
        # The same setting is the same class in every subset, but 4^5 and 4^6 number settings differently.
        stream = ("rwave", 1024 if self.classes <= 1024 else 4096, setting)
        run = _Run(
            self, self.parameters(label), derive(self.seed, *stream), generator(self.seed, *stream, "view")
        )
        run.skip(60 * self.warmup_minutes)
        n_validation = round(self.per_class * self.validation)
        recorded_s = max(60 * self.minutes - self.gap_s, 0.0)
        train = run.collect(self.per_class - n_validation, recorded_s * (1 - self.validation))
        validation = train.none()
        if n_validation:
            run.skip(self.gap_s)
            validation = run.collect(n_validation, recorded_s * self.validation)
        facts = {
            "setting": setting,
            "parameters": run.simulator.parameters.as_json(),
            "train_from": train.facts,
            "validation_from": validation.facts,
        }
        return ClassImages(train.rows, validation.rows, facts, self._warning(setting, train, validation))

    def _warning(self, setting: int, *stretches: _Stretch) -> str | None:
        facts = [s.facts for s in stretches if s.facts]
        black = sum("black" in f for f in facts)
        lowest = min(f["threshold"] for f in facts)
        if black == len(facts):
            what = "is silent: black images stand in for its waves; leave it out or choose another preset"
        elif black:
            what = "is silent in one of its two stretches, where black images stand in; let it run for more minutes"
        elif any("repeated" in f for f in facts):
            what = "is active in too few snapshots, so that some images are repeated; let it run for more minutes"
        elif lowest < round(self.pixel_threshold, 2):
            what = (
                f"needed a lower threshold, {lowest:.4g} instead of {self.pixel_threshold:.4g} white pixels"
            )
        else:
            return None
        return f"Class {setting:04d} of {self.name} {what} (recorded in the manifest)."

    @property
    def pixel_threshold(self) -> float:
        """The threshold in pixels of this size."""
        return self.threshold * self.size**2 / 256**2


@dataclass(frozen=True)
class _Stretch:
    rows: NDArray[np.uint8]
    facts: dict[str, Any]

    def none(self) -> _Stretch:
        return _Stretch(self.rows[:0], {})


class _Run:
    """One simulated retina and the camera over it."""

    def __init__(self, recipe: WaveRecipe, parameters: Any, seed: int, views: np.random.Generator) -> None:
        from ontogym.developmental.waves import WaveSimulator

        self.recipe, self.views = recipe, views
        self.simulator = WaveSimulator(parameters, recipe.radius)
        self.state = self.simulator.fresh([seed])
        self.camera = _camera(recipe.radius, recipe.size)

    def skip(self, seconds: float) -> None:
        steps = round(1000 * seconds / self.simulator.dt_ms)
        self.state = self.simulator.advance(self.state, steps, inplace=True)

    def collect(self, wanted: int, seconds: float) -> _Stretch:
        """`wanted` packed images from the next `seconds`, or from as much more as `_PROLONG` allows."""
        frames = max(1, round(1000 * seconds / FRAME_MS))
        # Twice as many as wanted are held at most; beyond, every second one is dropped.
        width = bytes_per_image(self.recipe.size, 1)
        kept, spare = _Pool(2 * wanted, width), _Pool(2 * wanted, width)
        done = 0
        most = max(frames, round(_PROLONG * 60_000 * self.recipe.minutes / FRAME_MS))
        while done < frames or (len(kept) < wanted and done < most):
            count = min(_CHUNK, (frames if done < frames else most) - done)
            self._look(count, done, kept, spare)
            done += count
        return self._choose(wanted, kept, spare, done)

    def _look(self, count: int, start: int, kept: _Pool, spare: _Pool) -> None:
        self.state, active = self.simulator.record(self.state, count, FRAME_MS, inplace=True)
        active = active[:, 0]
        angles = self.views.uniform(0.0, 2 * np.pi, count)
        mirrored = self.views.random(count) < 0.5
        # What the whole disc shows, plus a half, bounds what the square can show.
        bound = 1.5 * self.camera.pixels_per_cell * np.array([np.count_nonzero(row) for row in active])
        times = start + np.arange(count)
        far = bound <= self.recipe.pixel_threshold
        looked = np.flatnonzero((bound > 0) & (~far | (times % _SPARE_EVERY == 0)))
        if len(looked):
            rows, white = self.camera.shoot(active[looked], angles[looked], mirrored[looked])
            enough = white > self.recipe.pixel_threshold
            kept.add(rows[enough], times[looked][enough], white[enough])
            some = ~enough & (white > 0)
            spare.add(rows[some], times[looked][some], white[some])

    def _choose(self, wanted: int, kept: _Pool, spare: _Pool, frames: int) -> _Stretch:
        """Evenly spaced in time among those over the threshold, lowered as often as need be; see the manifest."""
        threshold = self.recipe.pixel_threshold
        facts: dict[str, Any] = {"seconds": frames * FRAME_MS / 1000}
        while len(kept) + int((spare.white > threshold).sum()) < wanted and threshold >= 1:
            threshold *= _LOWER
        more = spare.white > threshold if threshold >= 1 else np.ones(len(spare), bool)
        if len(kept) >= wanted:
            more[:] = False
        rows = np.concatenate([kept.rows, spare.rows[more]])
        rows = rows[np.argsort(np.concatenate([kept.times, spare.times[more]]), kind="stable")]
        facts["threshold"] = round(threshold, 2) if threshold >= 1 else 0.0
        if not len(rows):
            return _Stretch(np.zeros((wanted, rows.shape[1]), np.uint8), {**facts, "black": wanted})
        if len(rows) < wanted:
            facts["repeated"] = wanted - len(rows)
        picked = np.linspace(0, len(rows) - 1, wanted).round().astype(np.int64)
        return _Stretch(rows[picked], facts)


class _Pool:
    """Images in order of time, at most `capacity`: on overflow every second one goes, and of later ones too."""

    def __init__(self, capacity: int, width: int) -> None:
        self.capacity, self._stride, self._seen = capacity, 1, 0
        self.rows = np.empty((0, width), np.uint8)
        self.times, self.white, self._order = (np.empty(0, np.int64) for _ in range(3))

    def __len__(self) -> int:
        return len(self.times)

    def add(self, rows: NDArray[np.uint8], times: NDArray[np.int64], white: NDArray[np.int64]) -> None:
        order = self._seen + np.arange(len(times))
        self._seen += len(times)
        self.rows, self.times = np.concatenate([self.rows, rows]), np.concatenate([self.times, times])
        self.white, self._order = np.concatenate([self.white, white]), np.concatenate([self._order, order])
        while True:
            stay = self._order % self._stride == 0
            self.rows, self.times = self.rows[stay], self.times[stay]
            self.white, self._order = self.white[stay], self._order[stay]
            if len(self) <= self.capacity:
                return
            self._stride *= 2


@functools.lru_cache(maxsize=2)
def _camera(radius: int, size: int) -> Any:
    from ontogym.developmental.pretraining.snapshots import Camera
    from ontogym.developmental.waves import HexGrid

    return Camera(HexGrid(radius).axial, radius, size)
