"""Means over seeds with intervals, and published beside measured directions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["compare", "mean_interval", "number"]


def mean_interval(values: Sequence[float | None]) -> dict[str, Any]:
    """Mean, standard deviation and 95 % interval of the mean (Student's t over seeds).

    Args:
        values: one a seed; None for a network that failed.

    Returns:
        ``mean``, ``sd``, ``ci95``, ``values``; what so few values do not give is None.
    """
    from scipy.special import stdtrit

    kept = [float(v) for v in values if v is not None]
    n = len(kept)
    mean = float(np.mean(kept)) if n else None
    sd = ci = None
    if mean is not None and n > 1:
        sd = float(np.std(kept, ddof=1))
        half = float(stdtrit(n - 1, 0.975)) * sd / math.sqrt(n)
        ci = [mean - half, mean + half]
    return {"mean": mean, "sd": sd, "ci95": ci, "values": list(values)}


def compare(
    metric: str,
    high: Sequence[float | None],
    low: Sequence[float | None],
    what: str,
    published: str | None = None,
) -> dict[str, Any]:
    """A difference high - low, paired by seed, with its interval and direction.

    Args:
        metric: what is compared. what: which two conditions, in words.
        published: "up" or "down"; None for a comparison that no paper makes.

    Returns:
        ``measured``: "up" or "down" where the interval leaves out 0, else "unresolved".
    """
    found = mean_interval([None if h is None or l is None else h - l for h, l in zip(high, low)])
    lower, upper = found["ci95"] or (0.0, 0.0)
    measured = "up" if lower > 0 else "down" if upper < 0 else "unresolved"
    return {"metric": metric, "what": what, "difference": found, "published": published, "measured": measured}


def number(summary: dict[str, Any], interval: bool = True) -> str:
    """Mean and, if wanted and known, interval in few characters."""
    if summary["mean"] is None:
        return "failed"
    mean = f"{summary['mean']:.3g}"
    return (
        mean
        if summary["ci95"] is None or not interval
        else "{} [{:.3g}, {:.3g}]".format(mean, *summary["ci95"])
    )
