"""Tables of the report: every published value, and what twin, source and new retinas say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ontogym.studies.retina_report.config import ANTIALIASED, SUBJECTS
from ontogym.studies.retina_report.supplement import PUBLISHED
from ontogym.studies.retina_report.words import gain_text, p_text

__all__ = ["HEADS", "fold_rows", "published_rows"]

HEADS = ("", "paper: in silico; ex vivo, on new retinas", *SUBJECTS.values())
Row = tuple[str, ...]

_COMPARED = (
    ("Figs. 3 and 5: high resolution over average", "p .0001; p < .0001", "high_vs_average"),
    ("Figs. 3 and 5: high resolution over actor", "p .56; p < .0001", "high_vs_actor"),
    ("Figs. 3 and 5: actor over average", "+4.9 %, p .0001; +2.9 %, p .0012", "actor_vs_average"),
    ("actor over antialiased Lanczos-3", "not tested", f"actor_vs_{ANTIALIASED}"),
    ("actor at the twin's own answers, over average", "not tested", "own_vs_average"),
    ("the same over antialiased Lanczos-3", "not tested", f"own_vs_{ANTIALIASED}"),
)


def published_rows(summary: dict[str, Any]) -> list[Row]:
    """One row for each figure, supplementary test and twin's quality; columns as in `HEADS`."""
    subjects = summary["subjects"]

    def row(name: str, paper: str, told: Callable[[dict[str, Any]], str]) -> Row:
        return (name, paper, *(told(subjects[s]) for s in SUBJECTS))

    rows = [row(name, paper, lambda s, key=key: _both(s[key])) for name, paper, key in _COMPARED]  # type: ignore[misc]
    rows += _pictures(summary)
    pub = PUBLISHED

    def beside(key: str) -> str:
        return "; ".join(f"{pub[s][key]:.2g}" for s in ("twin", "ex-vivo"))

    rows += [
        row(
            "Suppl. Fig. 1a, c: gain of ON against OFF cells, Mann-Whitney",
            f"p {beside('on_off_p')}",
            lambda s: (
                f"{s['supplement']['on']:+.3f}, {s['supplement']['off']:+.3f}, p = {p_text(s['supplement']['on_off_p'])}"
            ),
        ),
        row(
            "Suppl. Fig. 1b, d: gain and size of the receptive field, Pearson",
            f"r {beside('size_r')}; p {beside('size_p')}",
            lambda s: f"r = {s['supplement']['size_r']:+.2f}, p = {p_text(s['supplement']['size_p'])}",
        ),
        row(
            "Suppl. Fig. 2: mean responses, Friedman",
            f"ex vivo p {pub['friedman_p']}",
            lambda s: f"p = {p_text(s['supplement']['friedman_p'])}",
        ),
    ]
    for pair, p in pub["nemenyi"].items():
        rows.append(
            row(
                f"Suppl. Fig. 2: {pair}, Nemenyi",
                f"ex vivo p {p:g}",
                lambda s, pair=pair: f"p = {p_text(s['supplement']['nemenyi'][pair])}",  # type: ignore[misc]
            )
        )
    return [*rows, *_twins(summary)]


def _pictures(summary: dict[str, Any]) -> list[Row]:
    """Figs. 6 to 8, which are about pictures and kernels."""
    kernels, contrast, alpha = summary["kernels"], summary["contrast"]["average"], summary["alpha"]
    hats = f"{kernels['mexican_hats']} of {kernels['count']}; together {kernels['together_mexican_hats']} of {len(summary['seeds'])}"

    def best(subject: str) -> str:
        each = ", ".join(f"{v:g}" for v in alpha[subject]["best_of_seeds"])
        return f"{alpha[subject]['best']:g} (seeds: {each})"

    corrected = [_both(alpha[s]["actor_vs_corrected"]) for s in ("twin", "ex-vivo")]
    return [
        (
            "Fig. 6: local contrast of pictures, actor over average",
            "higher, p < .0001",
            _both(contrast),
            "",
            "",
        ),
        ("Fig. 7b: best contrast factor", "1.5; not tested", best("twin"), best("ex-vivo"), ""),
        ("Fig. 7d: actor over average with the best factor", "p .0082; not tested", *corrected, ""),
        ("Fig. 8: kernels that are Mexican hats", "6 of 6", hats, "", ""),
    ]


def _twins(summary: dict[str, Any]) -> list[Row]:
    """How good the twins are."""

    def listed(key: str) -> str:
        return ", ".join("?" if value is None else f"{value:.2f}" for value in summary[key])

    return [
        ("twins: R2 of responses", "not given", listed("twin_r2"), "", ""),
        (
            "twins: R2 of changes from full to averaged pictures",
            "not given",
            listed("twin_changes_r2"),
            "",
            "",
        ),
    ]


def _both(found: dict[str, Any]) -> str:
    return f"{gain_text(found)}, p = {p_text(found['p'])}"


def fold_rows(summary: dict[str, Any]) -> list[list[str]]:
    """Fig. 9 as a table: fold, published p, then for each subject gain and p."""
    rows = []
    for fold, found in summary["folds"].items():
        cells = [_both(found[subject]["actor_vs_average"]) for subject in SUBJECTS]
        rows.append([fold, p_text(found["published_p"]), *cells])
    return rows
