"""What the commands that make image sets share: a dry run, the making, and what is said about it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

from ontogym.cli.options import print_table
from ontogym.errors import OntogymError
from ontogym.runs import stoppable

__all__ = ["make_image_set"]


def make_image_set(
    recipe: Any,
    out: str | None,
    storage: Literal["packed", "png"],
    workers: int,
    dry_run: bool,
    quiet: bool,
) -> dict[str, Any]:
    """Make `recipe` in the folder `out`, or with `dry_run` say what that would take.

    Raises:
        OntogymError: no folder given, or what `build` raises.
        KeyboardInterrupt: stopped; the message says how to go on.
    """
    from ontogym.agents.lndp.numba_engine import available_cores
    from ontogym.studies.wave_pretraining.building import build, estimate

    workers = workers or available_cores()
    if dry_run:
        found = estimate(recipe, storage, workers, max(8, 4 * workers), progress=True)
        if not quiet:
            _print_estimate(recipe.name, found)
        return {"name": recipe.name, "dry_run": True, **asdict(found)}
    if out is None:
        raise OntogymError("Say where the set goes, for example --out data/waves, or add --dry-run.")
    with stoppable(out, onward=""):
        manifest = build(recipe, out, storage, workers, progress=True)
    entries = manifest["classes"]
    summary = {
        "name": manifest["name"],
        "out": out,
        "storage": manifest["storage"],
        "classes": len(entries),
        "train": sum(entry["train"] for entry in entries),
        "validation": sum(entry["validation"] for entry in entries),
        "warnings": [entry["warning"] for entry in entries if entry["warning"]],
    }
    if not quiet:
        rows = [(key, value) for key, value in summary.items() if key not in ("warnings", "name")]
        print_table(manifest["name"], ("", ""), [*rows, ("classes with a warning", len(summary["warnings"]))])
    return summary


def _print_estimate(name: str, found: Any) -> None:
    rows = [
        ("classes made for this", f"{len(found.measured)} of {found.classes}"),
        (
            "seconds per class (processor)",
            f"{found.seconds_per_class:.2f} ({found.cpu_seconds_per_class:.2f})",
        ),
        ("workers", found.workers),
        ("time for the whole", f"{_duration(found.seconds)}, give or take {_duration(found.seconds_error)}"),
        ("images", f"{found.images:,}"),
        ("on disk", f"{found.bytes / 1e9:.2f} GB"),
    ]
    print_table(f"{name}, extrapolated", ("", ""), rows)


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
