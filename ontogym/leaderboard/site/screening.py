"""One bad entry never hides the others: what a site can show is found out first, and what it cannot is named."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ontogym.figures.curves import LARGEST, Curve, points
from ontogym.figures.words import budget, duration, number
from ontogym.leaderboard.site.tables import status_of
from ontogym.leaderboard.site.text import brief, pretty_json, safe_name, visible

if TYPE_CHECKING:
    from ontogym.leaderboard.board import Board, Entry

__all__ = ["SEED_COLUMNS", "SeedRow", "Shown", "manifest_bytes", "screened"]

SEED_COLUMNS = (
    "Score",
    "Normalised",
    "First episode",
    "Last episode",
    "Regained",
    "End density",
    "Env steps",
    "Wall-clock",
)


@dataclass(frozen=True)
class SeedRow:
    """One submission in an agent's table."""

    id: str
    anchor: str
    manifest_file: str
    manifest: str
    seed: str
    status: str
    reasons: list[str]
    author: str
    notes: str
    numbers: list[str]


@dataclass(frozen=True)
class Shown:
    """What the site shows of an entry: its row, and its return through a life where there is one."""

    row: SeedRow
    life: Curve | None


def screened(board: Board) -> tuple[Board, dict[str, Shown], dict[str, str]]:
    """The board without what cannot be shown; what to show of each entry, by its id; and why others are left out.

    Every step is linear in the size of what was submitted, whatever it holds.
    """
    shown: dict[str, Shown] = {}
    skipped: dict[str, str] = {}
    for entry in board.entries:
        try:
            points(entry.curve)
            manifest_bytes(entry)
            shown[entry.id] = Shown(_seed_row(entry), _life_curve(entry))
        except Exception as error:  # whatever a stranger's entry does must not take the others with it
            skipped[str(entry.id)] = brief(visible(f"{type(error).__name__}: {error}"), 200)
    if not skipped:
        return board, shown, skipped
    entries = [entry for entry in board.entries if entry.id in shown]
    left = {(entry.suite, entry.label) for entry in entries}
    return (
        replace(board, entries=entries, rows=[r for r in board.rows if (r.suite, r.label) in left]),
        shown,
        skipped,
    )


def _seed_row(entry: Entry) -> SeedRow:
    manifest = entry.manifest
    reasons = (entry.verification or {}).get("reasons") or []
    return SeedRow(
        id=entry.id,
        anchor=safe_name("entry", entry.id),
        manifest_file=f"../manifests/{safe_name(entry.id)}.json",
        manifest=pretty_json(manifest),
        seed=str(entry.seed),
        status=status_of(entry.status),
        reasons=[brief(str(reason), 300) for reason in reasons][:20],
        author=brief(str(manifest.get("author") or "")),
        notes=str(manifest.get("notes") or "")[:2000],
        numbers=[
            number(entry.score),
            number(entry.normalised),
            number(entry.first_episode),
            number(entry.last_episode),
            number(entry.adaptation),
            number(entry.wiring_cost),
            budget(entry.env_steps) + " (over budget)" * entry.over_budget,
            duration(entry.wall_seconds),
        ],
    )


def _life_curve(entry: Entry) -> Curve | None:
    """Mean return of every episode of a life, over lives; held-out seeds if they were run."""
    verified: Mapping[str, Any] = entry.verification or {}
    claimed = entry.manifest.get("claimed") or {}
    raw = verified.get("returns_held_out") or verified.get("returns_public") or claimed.get("returns") or []
    try:
        returns = np.array(raw, dtype=np.float64)
    except (TypeError, ValueError):
        return None  # rows of unequal length have no mean per episode
    if returns.ndim != 2 or returns.shape[1] < 2 or not (np.abs(returns) < LARGEST).all():
        return None
    return Curve(f"seed {entry.seed}", np.arange(1.0, returns.shape[1] + 1), returns.mean(0))


def manifest_bytes(entry: Entry) -> bytes:
    """The whole manifest; escapes keep what cannot be encoded, and the invisible visible."""
    return (json.dumps(entry.manifest, indent=1, ensure_ascii=True) + "\n").encode()
