"""The leaderboard as a static site: a folder of pages that open from a file."""

from __future__ import annotations

from ontogym.leaderboard.site.build import SiteReport, build_site

__all__ = ["SiteReport", "build_site"]
