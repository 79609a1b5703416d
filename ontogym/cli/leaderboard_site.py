"""``ontogym leaderboard site``."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["LeaderboardSite"]


@dataclass(frozen=True)
class LeaderboardSite:
    """Build the leaderboard's pages: a folder that opens from a file and loads nothing from elsewhere.

    Attributes:
        store: folder of the leaderboard.
        out: folder of the site, new or one that this command wrote.
        animations: film the growing networks of verified agents; films are kept and made only once.
        suite: a TOML file of a suite of your own, for a local board.
        json: print one JSON object as the last line.
    """

    store: str = "results"
    out: str = "runs/site"
    animations: bool = True
    suite: str | None = None
    json: bool = False

    def run(self) -> dict[str, Any]:
        """Read the store, write the pages, say where."""
        from ontogym.leaderboard.board import read_board
        from ontogym.leaderboard.local_suites import use_suite
        from ontogym.leaderboard.site import build_site

        if self.suite is not None:
            use_suite(self.suite)
        store = Path(self.store)
        board = read_board(store)
        report = build_site(board, self.out, store, self.animations)
        if board.not_shown:
            print(f"ontogym: {board.not_shown}", file=sys.stderr)
        for entry, reason in report.skipped.items():
            print(f"ontogym: left out {entry}, which cannot be shown: {reason}", file=sys.stderr)
        if not self.json:
            print(
                f"{report.index}: {report.agents} agents, {report.submissions} submissions, "
                f"{report.films_made} networks filmed and {report.films_reused} kept"
            )
        return {
            "index": str(report.index),
            "agents": report.agents,
            "submissions": report.submissions,
            "films_made": report.films_made,
            "films_reused": report.films_reused,
            "skipped": report.skipped,
        }
