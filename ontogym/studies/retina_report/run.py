"""Running the report part by part: what is done lies in the folder as JSON and is not done again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ontogym import checkpoint
from ontogym.errors import OntogymError
from ontogym.processes import Here, WorkerPool
from ontogym.retina_env.cache import progress
from ontogym.runs import holding
from ontogym.studies.retina_report.config import ReportConfig
from ontogym.studies.retina_report.page import write_page
from ontogym.studies.retina_report.parts import actor_path, run_part, source_of
from ontogym.studies.retina_report.summary import summarise

__all__ = ["VERSION", "run_report"]

VERSION = 2
"""Raised when a part would give another result, so that old ones are made anew."""


def run_report(
    config: ReportConfig, out: Path | str, show_progress: bool = True, workers: int = 1
) -> dict[str, Any]:
    """Do what is not done yet, summarise, write ``report.html`` and ``report.json``.

    Args:
        config: sizes.
        out: folder; holds one JSON and one actor for each part, so that an interrupted report goes on.
        show_progress: say on standard error what happens.
        workers: processes, of one thread each; numbers do not depend on how many.

    Returns:
        The summary, JSON-able.
    """
    folder = Path(out)
    if folder.exists() and not folder.is_dir():
        raise OntogymError(f"{folder} is a file, but the report needs a folder; pass another --out.")
    with holding(folder, "is making a report"):
        parts = _parts(config, folder, show_progress, workers)
        summary = summarise(config, parts)
        checkpoint.write_json(folder / "report.json", summary)
        write_page(folder / "report.html", summary, parts, folder)
        return summary


def _parts(config: ReportConfig, folder: Path, show_progress: bool, workers: int) -> list[dict[str, Any]]:
    """All parts, seed by seed, 4-fold first: what is most asked for is there first."""
    folds = sorted(config.folds, key=lambda fold: (fold != 4, fold))
    work = [(seed, fold) for seed in config.seeds for fold in folds]
    missing = [place for place in work if _kept(config, folder, *place) is None]
    line = (
        f"Report on {len(config.seeds)} retinas and {len(folds)} folds, a quarter of an hour from scratch ..."
    )
    with WorkerPool(workers) if workers > 1 and len(missing) > 1 else Here() as where:
        if not isinstance(where, Here):
            # The parts of one retina share its twin.
            where.map(_twin, [(config, seed) for seed in dict.fromkeys(seed for seed, _ in missing)])
        made = where.results(_make, [(config, folder, *place) for place in missing])
        for _ in progress(made, line, len(missing), show_progress, "part"):
            pass
    found = [_kept(config, folder, *place) for place in work]
    if None in found:
        raise OntogymError(f"A part that was written to {folder} is gone or damaged; run the same command again.")
    return [part for part in found if part is not None]


def _twin(config: ReportConfig, seed: int) -> None:
    """Fit the twin of a source retina, unless it is there."""
    source_of(seed, config)


def _make(config: ReportConfig, folder: Path, seed: int, fold: int) -> None:
    """Make one part and keep it."""
    found = run_part(config, seed, fold, folder)
    content = {"version": VERSION, "settings": config.part(seed, fold), "result": found}
    checkpoint.write_sealed_json(_path(folder, seed, fold), content)


def _path(folder: Path, seed: int, fold: int) -> Path:
    return folder / f"part-seed-{seed}-fold-{fold}.json"


def _kept(config: ReportConfig, folder: Path, seed: int, fold: int) -> dict[str, Any] | None:
    return _done(_path(folder, seed, fold), actor_path(folder, seed, fold), config.part(seed, fold))


def _done(path: Path, actor: Path, settings: dict[str, Any]) -> dict[str, Any] | None:
    """The result of a part; None if it is missing, damaged, of other settings, or without its actor."""
    try:
        content = checkpoint.read_sealed_json(path)
        fits = content["version"] == VERSION and content["settings"] == settings
        result = content["result"]
    except (OntogymError, KeyError, TypeError):
        return None
    return dict(result) if fits and isinstance(result, dict) and actor.is_file() else None
