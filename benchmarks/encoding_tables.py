"""The tables of `encoding_experiments`, as Markdown."""

from __future__ import annotations

import json
from typing import Any

import cells
import numpy as np
from encoding_rows import PICTURES, RESULTS, ROWS, SUBJECTS

from ontogym.statistics import crossed_interval

OPTIMA = RESULTS.parent.parent.parent / "ontogym" / "retina_env" / "encoding" / "optima.json"
RANKED = ("animals", "percept")


def tables() -> str:
    """Skill by method, pictures and judge; what intervals tell apart; scales; tasks of several steps."""
    heads = [f"{title}, {kind}" for kind in PICTURES for title in SUBJECTS.values()]
    lines = ["| method | " + " | ".join([*heads, "seeds"]) + " |", "|---" * (len(heads) + 2) + "|"]
    for name, (title, _, _) in ROWS.items():
        found = _cells(name)
        if found:
            row = [_shown(interval(found, kind, subject)) for kind in PICTURES for subject in SUBJECTS]
            lines.append("| " + " | ".join([title, *row, str(len(found))]) + " |")
    return "\n".join([*lines, "", *_apart(), "", *_ahead(), "", *_scales(), "", *_several_steps()]) + "\n"


def board() -> str:
    """What the README shows: every method on the three judges, and how many of them their intervals tell apart."""
    shown = [(kind, subject) for kind in PICTURES for subject in SUBJECTS if subject != "source"]
    shown.remove(("photographs", "twin"))
    heads = [f"{SUBJECTS[subject]}, {kind}" for kind, subject in shown]
    lines = ["| method | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    for name, (title, _, _) in ROWS.items():
        if found := _cells(name):
            lines.append(f"| {title} | " + " | ".join(_shown(interval(found, *at)) for at in shown) + " |")
    told = [str(len(apart(*at))) if at[1] in RANKED else "not ranked" for at in shown]
    return (
        "\n".join([*lines, "| *methods of which no two intervals overlap* | " + " | ".join(told) + " |"])
        + "\n"
    )


def _cells(name: str) -> list[dict[str, Any]]:
    return [cell for cell in cells.kept(RESULTS, name) if "pictures" in cell]


def interval(found: list[dict[str, Any]], kind: str, subject: str) -> tuple[float, float | None] | None:
    """Mean skill and half of its 95 % interval, over seeds and over animals or patients together.

    None where a method has no such figure; no half where there is one seed and one subject.
    """
    rows = [c["pictures"].get(kind, {}).get(subject) for c in found]
    if not all(rows):
        return None
    share = json.loads(OPTIMA.read_text())[f"{subject}/{kind}"]["share"]
    table = np.array([row["taken"] for row in rows]) / share  # seeds x subjects
    told = crossed_interval(table)
    return told.value, told.high - told.value if table.size > 1 else None


def _shown(told: tuple[float, float | None] | None) -> str:
    if told is None:
        return "–"
    return f"{told[0]:.2f}" + ("" if told[1] is None else f" ± {told[1]:.2f}")


def apart(kind: str, subject: str) -> list[tuple[str, float, float]]:
    """The most methods whose intervals do not overlap, from worst to best: title, mean, half."""
    rows = []
    for name, (title, _, _) in ROWS.items():
        found = _cells(name)
        told = interval(found, kind, subject) if found else None
        if told is not None and told[1] is not None:
            rows.append((title, told[0], told[1]))
    chain: list[tuple[str, float, float]] = []
    # Of intervals, those that end first leave the most room for others.
    for row in sorted(rows, key=lambda row: row[1] + row[2]):
        if not chain or row[1] - row[2] > chain[-1][1] + chain[-1][2]:
            chain.append(row)
    return chain


def _apart() -> list[str]:
    lines = [
        "| what is ranked | methods whose intervals do not overlap | from worst to best |",
        "|---|---|---|",
    ]
    for subject in RANKED:
        for kind in PICTURES:
            chain = apart(kind, subject)
            listed = "; ".join(f"{title} {mean:.2f} ± {half:.2f}" for title, mean, half in chain)
            lines.append(f"| {SUBJECTS[subject]}, {kind} | {len(chain)} | {listed} |")
    return lines


QUICK = ("actor-ensemble", "filter", "contrast", "lanczos", "pictures-animals", "pictures-percept")
"""Beside which networks stand: what needs no gradient when it is used, and the gradient for each picture."""


def _ahead() -> list[str]:
    """On how many animals, or patients, a network is ahead of others, mean over seeds beside mean over seeds."""
    heads = [f"{SUBJECTS[subject]}, {kind}" for subject in RANKED for kind in PICTURES]
    lines = ["| network ahead of | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    for name in QUICK:
        row = []
        for subject in RANKED:
            for kind in PICTURES:
                own, other = (_by_subject(_cells(n), kind, subject) for n in (f"network-{subject}", name))
                row.append("–" if own is None or other is None else f"{(own > other).sum()} of {len(own)}")
        lines.append(f"| {ROWS[name][0]} | " + " | ".join(row) + " |")
    return lines


def _by_subject(found: list[dict[str, Any]], kind: str, subject: str) -> np.ndarray | None:
    """What is taken away of averaging's loss, by subject."""
    rows = [c["pictures"].get(kind, {}).get(subject) for c in found]
    return np.mean([row["taken"] for row in rows], axis=0) if rows and all(rows) else None


def _scales() -> list[str]:
    kept = json.loads(OPTIMA.read_text())
    lines = [
        "| skill 1 of | share of averaging's loss that the best known picture takes away | by start | for twice as long |",
        "|---|---|---|---|",
    ]
    for key, told in kept.items():
        starts = ", ".join(f"{k} {v:.3f}" for k, v in told.get("by_start", {}).items())
        longer = " to ".join(f"{v:.3f}" for v in told.get("twice_as_long", ()))
        lines.append(
            f"| {key.replace('/', ', ')} | {told['share']:.3f} | {starts or '–'} | {longer or '–'} |"
        )
    return lines


def _several_steps() -> list[str]:
    lines: list[str] = []
    for cell in cells.kept(RESULTS, "refinement")[:1]:
        lines += ["| RetinaRefinement-v0, 64 lives | return |", "|---|---|"]
        for name, told in cell["pictures"]["refinement"].items():
            lines.append(f"| {name} | {told['mean']:.2f} [{told['ci95'][0]:.2f}, {told['ci95'][1]:.2f}] |")
        lines.append("")
    for cell in cells.kept(RESULTS, "calibration")[:1]:
        told, kept = cell["pictures"]["calibration"], json.loads(OPTIMA.read_text())
        share = kept["percept-each/leaves"]["share"]
        lines += ["| RetinaCalibration-v1, held-out patients | skill of a picture |", "|---|---|"]
        rows = {"own parameters": "own", "best for all": "everyone", "another patient's": "another"}
        lines += [f"| {name} | {told['value'][key] / share:.2f} |" for name, key in rows.items()]
        lines += [f"| **value of information** | **{told['value_of_information'] / share:.2f}** |", ""]
        lines += ["| RetinaCalibration-v1, 32 lives of 20 pictures | return |", "|---|---|"]
        for name, row in told["returns"].items():
            mean, low, high = (v / share for v in (row["mean"], *row["ci95"]))
            lines.append(f"| {name} | {mean:.1f} [{low:.1f}, {high:.1f}] |")
    return lines
