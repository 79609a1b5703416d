"""``ontogym waves``: data sets, films and statistics of simulated retinal waves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

import tyro

from ontogym.cli.image_sets import MakeImageSet
from ontogym.cli.long_run import LongRun
from ontogym.cli.options import print_table
from ontogym.errors import OntogymError
from ontogym.studies.wave_pretraining.wave_data import WaveRecipe

__all__ = ["WavesDataset", "WavesRender", "WavesStatistics"]

RELEASED: dict[str, tuple[tuple[float, float], ...]] = {
    "ferret": ((0.148, 0.135), (116.2, 47), (175.5, 36)),
    "mouse": ((0.194, 0.187), (81.7, 35), (109, 28)),
    "chick-e14": ((0.309, 0.231), (99.1, 35), (524, 157)),
    "rabbit": ((0.184, 0.168), (111.4, 42), (199, 38)),
    "turtle": ((0.168, 0.151), (63.3, 24), (223, 50)),
    "chick-e16": ((0.33, 0.256), (96.8, 36), (589, 214)),
    "reward": ((5.99, 5.0), (135.8, 12), (226, 54)),
}
"""Mean and SD of size (mm2), interval (s) and speed (µm/s) that the released simulator gives in 60 minutes of one
retina of radius 36 (64 for reward)."""
COLUMNS = ("size_mm2", "interval_s", "speed_um_s", "duration_s")


@dataclass(frozen=True)
class WavesDataset(MakeImageSet):
    """Simulate a labelled image set, one class per parameter setting: rwave-1024, rwave-4096 or smaller ones.

    A run that was stopped, however it was stopped, goes on with the same command; finished classes are kept.
    """

    sources: ClassVar[tuple[str, ...]] = ("godfrey2007retinal", "2311.17232")
    recipe: Annotated[WaveRecipe, tyro.conf.arg(name="")] = field(default_factory=WaveRecipe)

    def shown(self) -> dict[str, Any]:
        return self.estimated(self.recipe)

    def work(self) -> dict[str, Any]:
        """Make the set."""
        return self.make(self.recipe)


@dataclass(frozen=True)
class WavesRender:
    """Film a retina: a GIF or MP4, or a PNG sheet of stills.

    Attributes:
        out: ends in .gif, .mp4 or .png.
        preset: whose waves.
        seconds: of simulated time.
        frame_ms: simulated time per frame, a multiple of 25.
        fps: frames shown per second.
        warmup_minutes: simulated before.
        size: pixels a side of what is simulated; they are shown enlarged.
        radius: of the retina, in cells.
        obs: binary (depolarised or not) or calcium (as imaging sees it).
        seed: decides all chance.
        json: print one JSON object as the last line.
    """

    out: str = "runs/waves.gif"
    preset: str = "ferret"
    seconds: float = 30.0
    frame_ms: float = 100.0
    fps: int = 25
    warmup_minutes: float = 15.0
    size: int = 128
    radius: int = 64
    obs: Literal["binary", "calcium"] = "binary"
    seed: int = 0
    json: bool = False

    def run(self) -> dict[str, Any]:
        """Simulate and write the film."""
        from ontogym.developmental.waves import WaveSimulator
        from ontogym.studies.wave_pretraining.wave_film import wave_frames, write_film

        frames = self.seconds * 1000 / self.frame_ms if self.frame_ms > 0 else 0.0
        simulator = WaveSimulator(self.preset, self.radius)
        film = wave_frames(
            simulator,
            self.seed,
            int(min(frames, 2**31)) if frames > 0 else 0,
            self.frame_ms,
            self.size,
            self.warmup_minutes,
            self.obs,
        )
        path, count = write_film(film, self.out, self.fps)
        if not self.json:
            print(f"{path}: {count} frames, {self.seconds:g} s of {self.preset} waves")
        return {"out": str(path), "frames": count}


@dataclass(frozen=True)
class WavesStatistics(LongRun):
    """Measure size, interval, speed and duration of waves, beside the values of the released simulator.

    Attributes:
        preset: whose waves; all: every preset.
        seeds: one retina each; their waves are pooled.
        minutes: simulated time per retina.
        warmup_minutes: simulated before.
        radius: of the retina, in cells; 36, or 64 for reward, if not given, as for the released values.
    """

    sources: ClassVar[tuple[str, ...]] = ("godfrey2007retinal", "2311.17232")
    preset: str = "ferret"
    seeds: tuple[int, ...] = (0,)
    minutes: float = 60.0
    warmup_minutes: float = 15.0
    radius: int | None = None

    def work(self) -> dict[str, Any]:
        """Measure and print; returns the statistics of every preset."""
        from ontogym.developmental.waves import PRESETS, resolve_parameters, wave_statistics

        if not self.seeds:
            raise OntogymError("Give at least one seed, for example --seeds 0 1 2.")
        if len(set(self.seeds)) < len(self.seeds):
            raise OntogymError(f"The seeds {self.seeds} must be different; each is a retina of its own.")
        names = sorted(PRESETS) if self.preset == "all" else [self.preset]
        for name in names:
            resolve_parameters(name)
        found = {}
        for name in names:
            radius = (64 if name == "reward" else 36) if self.radius is None else self.radius
            measured = wave_statistics(
                name,
                radius=radius,
                seeds=self.seeds,
                minutes=self.minutes,
                warm_up_minutes=self.warmup_minutes,
            )
            found[name] = {"radius": radius, **measured.as_json()}
        if not self.json:
            self._print(found)
        return {"seeds": list(self.seeds), "minutes": self.minutes, "presets": found}

    def _print(self, found: dict[str, dict[str, Any]]) -> None:
        rows = []
        for name, row in found.items():
            cells = [_mean_sd(row[column]["mean"], row[column]["sd"]) for column in COLUMNS]
            rows.append((f"{name} (radius {row['radius']})", *cells, row["size_mm2"]["n"]))
            released = RELEASED.get(name, ())
            rows.append(("  released", *(_mean_sd(*pair) for pair in released), *[""] * (5 - len(released))))
        title = f"Waves in {len(self.seeds)} x {self.minutes:g} minutes, mean ± SD"
        print_table(title, ("preset", "size mm2", "interval s", "speed µm/s", "duration s", "waves"), rows)


def _mean_sd(mean: float | None, sd: float | None) -> str:
    return "-" if mean is None or sd is None else f"{mean:.3g} ± {sd:.3g}"
