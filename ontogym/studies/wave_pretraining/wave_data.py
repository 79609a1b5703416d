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

from ontogym.errors import check_ranges
from ontogym.seeding import derive, generator
from ontogym.studies.wave_pretraining.building import ClassImages, check_split
from ontogym.studies.wave_pretraining.image_set import bytes_per_image
from ontogym.studies.wave_pretraining.settings import FACTORS, chosen_settings, setting_digits

__all__ = ["WaveRecipe"]

GENERATOR = 1
"""Raised whenever the same configuration gives other images than before."""
FRAME_MS = 100.0
_CHUNK = 300
"""Frames between two looks at whether there are enough."""
_PROLONG, _AT_LEAST = 4, 2
"""A stretch that yields too few images may last four times as long, and in any case twice the minutes of the run."""
_LOWER = 0.75
"""What the threshold is multiplied by when too few snapshots pass it."""


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
        minutes: simulated time that snapshots are taken from. A stretch that yields some but too few goes on, for up
            to four times as long, before the threshold is lowered: the slowest settings have one wave in 15 minutes.
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
        check_ranges(
            self, classes=(1, 4 ** len(FACTORS)), radius=(1, 1024), size=(2, 2 * self.radius + 1),
            threshold=(0, 256**2 - 1), minutes=(0.1, 10_000), warmup_minutes=(0, 10_000), gap_s=(0, 3600),
        )  # fmt: skip
        check_split(self.per_class, self.validation)

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
        """`wanted` packed images from the next `seconds`, prolonged if it yields too few and more time would help."""
        frames = max(1, round(1000 * seconds / FRAME_MS))
        most = max(_PROLONG * frames, round(_AT_LEAST * 60_000 * self.recipe.minutes / FRAME_MS))
        width = bytes_per_image(self.recipe.size, 1)
        kept, spare = _Pool(3 * wanted, width), _Pool(3 * wanted, width, max(1, frames // wanted))
        done, goal = 0, frames
        while done < goal:
            count = min(_CHUNK, goal - done)
            self._look(done, count, kept, spare)
            done += count
            # A setting that never passes the threshold, though it is active all the time, never will.
            if done == frames and (len(kept) or len(spare) < wanted):
                goal = most
            if done >= frames and len(kept) >= wanted:
                break
        return self._choose(wanted, kept, spare, done)

    def _look(self, start: int, count: int, kept: _Pool, spare: _Pool) -> None:
        """Simulate `count` frames; pictures above the threshold go to `kept`, others with any white to `spare`.

        Frame by frame rather than by `record`: a film of all cells would take longer to write than to compute.
        """
        angles = self.views.uniform(0.0, 2 * np.pi, count)
        mirrored = self.views.random(count) < 0.5
        threshold = self.recipe.pixel_threshold
        shots, times = [], []
        for k in range(count):
            self.skip(FRAME_MS / 1000)
            # What the whole disc shows, plus a half, bounds what the square can show.
            bound = 1.5 * self.camera.pixels_per_cell * np.count_nonzero(self.state.active)
            if bound > 0 and (start + k) % (kept.every if bound > threshold else spare.every) == 0:
                shots.append(self.camera.shoot(self.state.active, angles[k : k + 1], mirrored[k : k + 1]))
                times.append(start + k)
        if shots:
            rows, white = (np.concatenate(parts) for parts in zip(*shots))
            enough, some = white > threshold, (white > 0) & (white <= threshold)
            kept.add(rows[enough], np.array(times)[enough], white[enough])
            spare.add(rows[some], np.array(times)[some], white[some])

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
    """Images at times that are multiples of `every`, at most `capacity`: on overflow, `every` doubles."""

    def __init__(self, capacity: int, width: int, every: int = 1) -> None:
        self.capacity, self.every = capacity, every
        self.rows = np.empty((0, width), np.uint8)
        self.times, self.white = np.empty(0, np.int64), np.empty(0, np.int64)

    def __len__(self) -> int:
        return len(self.times)

    def add(self, rows: NDArray[np.uint8], times: NDArray[np.int64], white: NDArray[np.int64]) -> None:
        stay = times % self.every == 0
        self.rows, self.times, self.white = (
            np.concatenate([old, new[stay]])
            for old, new in ((self.rows, rows), (self.times, times), (self.white, white))
        )
        while len(self) > self.capacity:
            self.every *= 2
            stay = self.times % self.every == 0
            self.rows, self.times, self.white = self.rows[stay], self.times[stay], self.white[stay]


@functools.lru_cache(maxsize=2)
def _camera(radius: int, size: int) -> Any:
    from ontogym.developmental.waves import HexGrid
    from ontogym.studies.wave_pretraining.snapshots import Camera

    return Camera(HexGrid(radius).axial, radius, size)
