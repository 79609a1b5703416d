"""Running the report part by part: what is done lies in the folder as JSON and is not done again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ontogym import checkpoint
from ontogym.errors import OntogymError
from ontogym.retina_env.cache import progress
from ontogym.runs import holding
from ontogym.studies.retina_report.config import ReportConfig
from ontogym.studies.retina_report.page import write_page
from ontogym.studies.retina_report.parts import actor_path, run_part
from ontogym.studies.retina_report.summary import summarise

__all__ = ["VERSION", "run_report"]

VERSION = 2
"""Raised when a part would give another result, so that old ones are made anew."""


def run_report(config: ReportConfig, out: Path | str, show_progress: bool = True) -> dict[str, Any]:
    """Do what is not done yet, summarise, write ``report.html`` and ``report.json``.

    Args:
        config: sizes.
        out: folder; holds one JSON and one actor for each part, so that an interrupted report goes on.
        show_progress: say on standard error what happens.

    Returns:
        The summary, JSON-able.
    """
    folder = Path(out)
    if folder.exists() and not folder.is_dir():
        raise OntogymError(f"{folder} is a file, but the report needs a folder; pass another --out.")
    with holding(folder, "is making a report"):
        parts = list(_parts(config, folder, show_progress))
        summary = summarise(config, parts)
        checkpoint.write_json(folder / "report.json", summary)
        write_page(folder / "report.html", summary, parts, folder)
        return summary


def _parts(config: ReportConfig, folder: Path, show_progress: bool) -> Iterator[dict[str, Any]]:
    """All parts, seed by seed, 4-fold first: what is most asked for is there first."""
    folds = sorted(config.folds, key=lambda fold: (fold != 4, fold))
    work = [(seed, fold) for seed in config.seeds for fold in folds]
    line = (
        f"Report on {len(config.seeds)} retinas and {len(folds)} folds, a quarter of an hour from scratch ..."
    )
    for seed, fold in progress(work, line, len(work), show_progress, "part"):
        path = folder / f"part-seed-{seed}-fold-{fold}.json"
        found = _done(path, actor_path(folder, seed, fold), config.part(seed, fold))
        if found is None:
            found = run_part(config, seed, fold, folder)
            content = {"version": VERSION, "settings": config.part(seed, fold), "result": found}
            checkpoint.write_sealed_json(path, content)
        yield found


def _done(path: Path, actor: Path, settings: dict[str, Any]) -> dict[str, Any] | None:
    """The result of a part; None if it is missing, damaged, of other settings, or without its actor."""
    try:
        content = checkpoint.read_sealed_json(path)
        fits = content["version"] == VERSION and content["settings"] == settings
        result = content["result"]
    except (OntogymError, KeyError, TypeError):
        return None
    return dict(result) if fits and isinstance(result, dict) and actor.is_file() else None
