"""The tables of docs/retina.md, from the numbers of reports.

ontogym retina report --out runs/retina-report              # about 20 processor minutes; makes report.json
python benchmarks/retina_report_table.py runs/retina-report  # keep its numbers and write the tables into the page
python benchmarks/retina_report_table.py                     # the tables again, from the numbers that are kept

Kept are a report of three source retinas that was made before the report had the supplement's tests, and one of retina 0
with all of them; a new report of three or more takes the place of both.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from cells import markdown

from ontogym.studies.retina_report.published import HEADS, fold_rows, published_rows

ROOT = Path(__file__).parent.parent
KEPT = ROOT / "docs" / "experiments" / "retina" / "report.json"
ONE = KEPT.with_name("report-retina-0.json")
PAGE = ROOT / "docs" / "retina.md"
MARKS = ("<!-- results: python benchmarks/retina_report_table.py -->", "<!-- end of results -->")
SUBJECTS = ("twin", "ex-vivo", "new")
PUBLISHED_4 = {"average": "twin +4.9, p .0001; ex vivo +2.9, p .0012", "lanczos3-antialiased": "not tested"}
METHODS = {"average": "averaging", "lanczos3-antialiased": "antialiased Lanczos-3"}


def cell(test: dict[str, Any]) -> str:
    """Median percent gain, its interval, p, and the verdict."""
    middle, low, high = test["gain"]
    word = {"better": "better", "worse": "**worse**"}.get(test["verdict"], "undecided")
    return f"{middle:+.1f} [{low:+.1f}, {high:+.1f}], p {test['p']:.1g}, {word}"


def of_three(report: dict[str, Any]) -> str:
    """What a report without the supplement has."""
    lines = [
        f"{len(report['seeds'])} source retinas, {report['cpu_seconds'] / 60:.0f} processor minutes in all; twins explain "
        f"{', '.join(f'{r:.3f}' for r in report['twin_r2'])} of the variance. Median percent gain of the actor [95 % over retinas "
        "and neurons], p of Wilcoxon's two-sided test; *better* or *worse* only where every retina has the sign.",
    ]
    rows = [
        [title, *(cell(report["subjects"][s][f"actor_vs_{method}"]) for s in SUBJECTS), PUBLISHED_4[method]]
        for method, title in METHODS.items()
    ]
    heads = ["twin", "source retina", "new retinas"]
    lines += ["", markdown(["4-fold, actor over", *heads, "paper"], rows)]
    rows = [
        [fold, *(cell(found[s]["actor_vs_average"]) for s in SUBJECTS), f"{found['published_p']:g}"]
        for fold, found in report["folds"].items()
    ]
    lines += ["", markdown(["fold, actor over averaging", *heads, "paper, twin: p"], rows)]
    best = {s: report["alpha"][s] for s in ("twin", "ex-vivo") if s in report["alpha"]}
    rows = [
        [
            subject,
            f"{found['best']:g}",
            ", ".join(f"{a:g}" for a in found["best_of_seeds"]),
            cell(found["actor_vs_corrected"]),
        ]
        for subject, found in best.items()
    ]
    heads = [
        "contrast factor of the averaged picture",
        "best factor (paper 1.5)",
        "each retina",
        "actor over it",
    ]
    lines += ["", markdown(heads, rows)]
    kernels = report["kernels"]
    lines += [
        "",
        f"Kernels: {kernels['mexican_hats']} of {kernels['count']} are Mexican hats (difference of Gaussians, R² {kernels['r2']:.2f} against "
        f"{kernels['r2_gaussian']:.2f} of one Gaussian); local contrast of the actor's pictures over the averaged: "
        f"{report['contrast']['average']['gain'][0]:+.0f} %.",
    ]
    return "\n".join(lines)


def published(report: dict[str, Any], folds: bool = True) -> str:
    """Every published value, beside twin, source and new retinas; then the folds."""
    seeds = len(report["seeds"])
    lines = [
        f"{seeds} source retina{'s' * (seeds > 1)}, with a twin and three new retinas each. Median percent gain in reliability [95 % over "
        "retinas and neurons], p of Wilcoxon's two-sided test over all neurons, unless a row says otherwise.",
        "",
        markdown(["", *HEADS[1:]], published_rows(report)),
    ]
    if folds:
        heads = [
            "Fig. 9: fold, actor over averaging",
            "paper, in silico: p",
            "twin",
            "source retina",
            "new retinas",
        ]
        lines += ["", markdown(heads, fold_rows(report))]
    return "\n".join(lines)


def tables() -> str:
    """Of what is kept."""
    report = json.loads(KEPT.read_text())
    if "supplement" in report["subjects"]["twin"]:
        return published(report)
    return f"{of_three(report)}\n\n{published(json.loads(ONE.read_text()), folds=False)}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("report", nargs="?", type=Path, help="folder of a report; what is kept, if not given")
    arguments = parser.parse_args()
    if arguments.report:
        new = json.loads((arguments.report / "report.json").read_text())
        place = KEPT if len(new["seeds"]) > 2 else ONE
        place.write_text(json.dumps(new) + "\n")
    text = PAGE.read_text()
    before, _, rest = text.partition(MARKS[0])
    after = rest.partition(MARKS[1])[2]
    body = tables()
    PAGE.write_text(f"{before}{MARKS[0]}\n\n{body}\n\n{MARKS[1]}{after}")
    print(body)


if __name__ == "__main__":
    main()
