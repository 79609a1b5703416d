"""What the tables of claims share: a row, endpoints of kept cells, and verdicts from differences paired by seed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from cells import kept

from ontogym.baselines.sweep.plan import read_plan
from ontogym.baselines.sweep.run import read_cells
from ontogym.baselines.sweep.tables import endpoint
from ontogym.statistics import mean_summary, mean_text, paired_difference

ROOT = Path(__file__).parent.parent
PAGES = ROOT / "docs" / "experiments"
ENOUGH = 10


class Row(NamedTuple):
    """One claim."""

    claim: str
    published: str
    ours: str
    control: str
    verdict: str


def values(folder: str, name: str, *path: str) -> list[float]:
    """The number at `path` of every seed of a kept run."""
    found = []
    for run in kept(PAGES / folder, name):
        value: Any = run
        for key in path:
            value = value[int(key) if isinstance(value, list) else key]
        found.append(float(value))
    return found


def text(numbers: Sequence[float | None]) -> str:
    """Mean, interval and how many seeds; None is a seed that failed."""
    numbers = [v for v in numbers if v is not None]
    return f"{mean_text(mean_summary(list(numbers)))} ({len(numbers)} seeds)" if numbers else "not run"


def judged(high: Sequence[float | None], low: Sequence[float | None], published: str) -> tuple[str, str]:
    """The difference paired by seed as text, and the verdict on a published direction."""
    pairs = [(h, l) for h, l in zip(high, low) if h is not None and l is not None]
    if not pairs:
        return "not run", "not decided: not run"
    found = paired_difference("", *zip(*pairs), "", published)
    n = len(pairs)
    few = "" if n >= ENOUGH else f" ({n} seeds only)"
    measured = found["measured"]
    verdict = (
        "not decided" if measured == "unresolved" else "stands" if measured == published else "contradicted"
    )
    return f"{mean_text(found['difference'])} ({n} seeds)", verdict + few


@cache
def _cells(name: str) -> list[dict[str, Any]]:
    """A sweep's cells; those of other settings than its file's are left out."""
    return read_cells(read_plan(ROOT / f"benchmarks/sweeps/{name}.toml"), ROOT / f"results/sweeps/{name}")


def sweep(name: str, task: str, method: str, path: str) -> list[float]:
    """An endpoint of a sweep's cells, by seed."""
    found = {c["seed"]: endpoint(c, path) for c in _cells(name) if (c["task"], c["method"]) == (task, method)}
    return [v for _, v in sorted(found.items()) if v is not None]


def against(
    name: str, task: str, method: str, other: str, path: str = "score.mean"
) -> tuple[list[float], list[float]]:
    """An endpoint of two methods on the seeds that both have."""
    sides = [
        {c["seed"]: endpoint(c, path) for c in _cells(name) if (c["task"], c["method"]) == (task, m)}
        for m in (method, other)
    ]
    both = sorted(sides[0].keys() & sides[1].keys())
    return [sides[0][s] for s in both], [sides[1][s] for s in both]  # type: ignore[return-value]
