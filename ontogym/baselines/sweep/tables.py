"""Tables over the cells of a sweep: means with intervals over training seeds, costs beside scores, pooled scores."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.baselines.sweep.plan import Plan, cell_name, fill
from ontogym.statistics import (
    Interval,
    bootstrap_interval,
    iqm,
    mean_interval,
    normalise,
    probability_of_improvement,
)

__all__ = ["Row", "ahead", "endpoint", "fewest", "interval_in_words", "markdown", "pooled", "rows", "scaled"]

Row = dict[str, Any]
Scaled = dict[str, dict[str, NDArray[np.float64]]]
"""Method to task to scores of its runs ``(n,)``, on the tasks' scales."""


def endpoint(cell: Row, path: str) -> float | None:
    """The number at ``EVALUATION.KEY`` of a cell, or at ``result.KEY``; None where it has none."""
    name, _, key = path.partition(".")
    value: Any = cell["result"] if name == "result" else cell["evaluations"].get(name)
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return None if value is None or isinstance(value, (list, dict)) else float(value)


def rows(plan: Plan, cells: Sequence[Row]) -> list[Row]:
    """One row a task and method.

    Returns:
        ``task``, ``method``, ``seeds``; ``score``: `Interval` of the primary endpoint over training seeds; each other
        evaluation's mean under its name; the plan's `columns`, in words; ``parameters``, ``env_steps``, ``cpu_seconds``: medians over
        seeds, the last two with those of the cells that a cell began from. Methods that nothing evaluates have no row.
    """
    groups: dict[tuple[str, str], list[Row]] = {}
    for cell in cells:
        if cell["evaluations"]:
            groups.setdefault((cell["task"], cell["method"]), []).append(cell)
    costs = _costs(cells)
    return [_row(plan, task, method, group, costs) for (task, method), group in groups.items()]


def _costs(cells: Sequence[Row]) -> dict[str, dict[str, float | None]]:
    """What each cell took together with those that it began from, and these from, each counted once: name to steps and seconds."""
    known = {cell_name(cell["task"], cell["method"], cell["seed"]): cell for cell in cells}

    def begun(cell: Row) -> set[str]:
        flags = cell["flags"]
        files = [flags.get("start_from"), *(flags.get("restart_from") or ())]
        filled = [fill(file, cell["task"], cell["seed"]) for file in files if isinstance(file, str)]
        return {found[1] for file in filled if (found := _KEPT.fullmatch(file))} & known.keys()

    def before(name: str) -> set[str]:
        new = found = {name}
        while new:
            new = set().union(*(begun(known[each]) for each in new)) - found
            found = found | new
        return found

    def total(names: set[str], key: str) -> float | None:
        spent = [known[name]["result"].get(key) for name in names]
        return None if None in spent else float(sum(spent))

    return {name: {key: total(before(name), key) for key in ("env_steps", "cpu_seconds")} for name in known}


_KEPT = re.compile(r"\{cells\}/(.+)\.best\.safetensors")
_FEWEST = 3
_FIXED = ("task", "method", "seeds", "score", "parameters", "env_steps", "cpu_seconds")


def _row(
    plan: Plan, task: str, method: str, group: list[Row], costs: Mapping[str, Mapping[str, float | None]]
) -> Row:
    scores = [s for s in (endpoint(cell, plan.primary) for cell in group) if s is not None]
    main = plan.primary.partition(".")[0]
    names = dict.fromkeys(name for cell in group for name in cell["evaluations"] if name != main)
    others = {
        # Evaluations are called as people like, and may not take the place of a column.
        f"{name}.mean" if name in _FIXED else name: _mean(
            [e for e in (endpoint(cell, f"{name}.mean") for cell in group) if e is not None]
        )
        for name in names
    }
    sizes = [cell["evaluations"].get(main, {}).get("parameters") for cell in group]
    return {
        "task": task,
        "method": method,
        "seeds": len(scores),
        "score": mean_interval(scores) if scores else None,
        **others,
        **{
            heading: _each([endpoint(cell, path) for cell in group]) for heading, path in plan.columns.items()
        },
        "parameters": _median(sizes),
        **{
            key: _median([costs[cell_name(task, method, cell["seed"])][key] for cell in group])
            for key in ("env_steps", "cpu_seconds")
        },
    }


def scaled(plan: Plan, cells: Sequence[Row]) -> Scaled:
    """The primary endpoint on each task's scale from 0, random, to 1, best.

    Only tasks with anchors, and only methods that have every such task: means over different tasks cannot be compared.
    """
    found: dict[str, dict[str, list[float]]] = {}
    for cell in cells:
        score = endpoint(cell, plan.primary)
        if score is not None and cell["task"] in plan.anchors:
            found.setdefault(cell["method"], {}).setdefault(cell["task"], []).append(score)
    return {
        method: {t: normalise(np.array(v), *plan.anchors[t]) for t, v in tasks.items()}
        for method, tasks in found.items()
        if set(tasks) == set(plan.anchors)
    }


def fewest(*methods: Mapping[str, NDArray[np.float64]]) -> int:
    """The fewest runs that any of the methods has of a task."""
    return min(len(runs) for tasks in methods for runs in tasks.values())


def pooled(strata: Scaled) -> dict[str, Interval]:
    """IQM of `scaled` scores over all tasks, by method, with stratified intervals."""
    return {method: bootstrap_interval(tasks, iqm) for method, tasks in strata.items()}


def ahead(strata: Scaled) -> list[tuple[str, str, Interval]]:
    """How likely a run of the method of the highest IQM beats one of each other, on a task drawn at random: best, other, P."""
    best = max(strata, key=lambda method: iqm(strata[method]), default="")
    others = [method for method in strata if method != best]
    return [(best, other, probability_of_improvement(strata[best], strata[other])) for other in others]


def markdown(plan: Plan, cells: Sequence[Row]) -> str:
    """The rows as a Markdown table, the primary endpoint named above it; below it the methods that are stages of others."""
    table = rows(plan, cells)
    others = list(dict.fromkeys([*plan.columns, *(key for row in table for key in row if key not in _FIXED)]))
    heads = ["task", "method", "seeds", f"{plan.primary} [95 %]", *others, "numbers", "steps", "CPU s"]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for row in table:
        cells_ = [
            row["task"],
            row["method"],
            str(row["seeds"]),
            interval_in_words(row["score"], row["seeds"]),
        ]
        cells_ += [_number(row.get(name)) for name in others]
        cells_ += [_count(row["parameters"]), _count(row["env_steps"]), _number(row["cpu_seconds"])]
        lines.append("| " + " | ".join(cells_) + " |")
    broken = {
        f"`{cell['method']}` on {cell['task']}"
        for cell in cells
        if endpoint(cell, f"{plan.primary.partition('.')[0]}.diagnostics.not_finite")
    }
    if broken:
        said = (
            "Networks whose own numbers were not finite in some lives, so that their actions are no decisions"
        )
        lines += ["", f"{said}: {', '.join(sorted(broken))}."]
    stages = list(dict.fromkeys(f"`{cell['method']}`" for cell in cells if not cell["evaluations"]))
    if stages:
        lines += [
            "",
            f"Stages before, not scored: {', '.join(stages)}; steps and CPU s of a method count those that it began from.",
        ]
    return "\n".join(lines)


def _each(values: Sequence[float | None]) -> str:
    """A value for each seed; one dash where none has any."""
    return ", ".join(map(_number, values)) if any(value is not None for value in values) else _number(None)


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _median(values: Sequence[Any]) -> float | None:
    known = [float(value) for value in values if value is not None]
    return float(np.median(known)) if known else None


def interval_in_words(value: Interval | None, seeds: int) -> str:
    """A score with its interval, which fewer seeds than three do not give: that of two is their range."""
    if value is None:
        return "–"
    if seeds < _FEWEST:
        return f"{value.value:.4g}"
    return f"{value.value:.4g} [{value.low:.4g}, {value.high:.4g}]"


def _number(value: float | str | None) -> str:
    if isinstance(value, str):
        return value
    return "–" if value is None else f"{value:.4g}"


def _count(value: float | None) -> str:
    return "–" if value is None else f"{int(value):,}"
