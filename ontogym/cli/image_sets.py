"""What the commands that make image sets share: flags, a dry run, the making, and what is said about it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from ontogym.cli.long_run import LongRun
from ontogym.cli.options import print_table
from ontogym.errors import OntogymError
from ontogym.runs import stoppable

if TYPE_CHECKING:
    from ontogym.studies.wave_pretraining.building import Estimate

__all__ = ["MakeImageSet"]


@dataclass(frozen=True)
class MakeImageSet(LongRun):
    """Make an image set; a subclass has the recipe. A dry run makes a few classes, keeps nothing, and says what all would take.

    Attributes:
        out: folder of the set.
        format: packed (one memory-mapped file) or png (train/CLASS, val/CLASS).
        workers: processes; 0: one for each core.
    """

    out: str | None = None
    format: Literal["packed", "png"] = "packed"
    workers: int = 0

    def estimated(self, recipe: Any) -> dict[str, Any]:
        """The configuration, and what making `recipe` would take: comments of the same TOML."""
        from ontogym.agents.lndp.numba_engine import available_cores
        from ontogym.studies.wave_pretraining.building import estimate

        workers = self.workers or available_cores()
        found = estimate(recipe, self.format, workers, max(8, 4 * workers), progress=True)
        config = super().shown()
        if not self.json:
            print(f"# {recipe.name}, extrapolated:")
            print("\n".join(f"# {what}: {value}" for what, value in _estimate(found)))
        return {**config, "name": recipe.name, "dry_run": True, **asdict(found)}

    def make(self, recipe: Any) -> dict[str, Any]:
        """Make `recipe`, a dataclass that is a `Recipe`, in the folder.

        Raises:
            OntogymError: no folder given, or what `build` raises.
            KeyboardInterrupt: stopped; the message says how to go on.
        """
        from ontogym.agents.lndp.numba_engine import available_cores
        from ontogym.studies.wave_pretraining.building import build

        workers = self.workers or available_cores()
        if self.out is None:
            raise OntogymError("Say where the set goes, for example --out data/waves, or add --dry-run.")
        with stoppable(self.out, onward=""):
            command = {**asdict(recipe), "format": self.format}
            manifest = build(recipe, self.out, self.format, workers, progress=True, command=command)
        entries = manifest["classes"]
        summary = {
            "name": manifest["name"],
            "out": self.out,
            "storage": manifest["storage"],
            "classes": len(entries),
            "train": sum(entry["train"] for entry in entries),
            "validation": sum(entry["validation"] for entry in entries),
            "warnings": [entry["warning"] for entry in entries if entry["warning"]],
        }
        if not self.json:
            rows = [(key, value) for key, value in summary.items() if key not in ("warnings", "name")]
            rows.append(("classes with a warning", len(summary["warnings"])))
            print_table(manifest["name"], ("", ""), rows)
        return summary


def _estimate(found: Estimate) -> list[tuple[str, object]]:
    seconds = f"{found.seconds_per_class:.2f} ({found.cpu_seconds_per_class:.2f})"
    return [
        ("classes made for this", f"{len(found.measured)} of {found.classes}"),
        ("seconds per class (processor)", seconds),
        ("workers", found.workers),
        ("time for the whole", f"{_duration(found.seconds)}, give or take {_duration(found.seconds_error)}"),
        ("images", f"{found.images:,}"),
        ("on disk", f"{found.bytes / 1e9:.2f} GB"),
    ]


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
