"""The tables of docs/retina.md, from the numbers of a report.

ontogym retina report --out runs/retina-report              # about 20 processor minutes; makes report.json
python benchmarks/retina_report_table.py runs/retina-report  # keep its numbers and write the tables into the page
python benchmarks/retina_report_table.py                     # the tables again, from the numbers that are kept
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ontogym.studies.retina_report.published import HEADS, fold_rows, published_rows

ROOT = Path(__file__).parent.parent
KEPT = ROOT / "docs" / "experiments" / "retina" / "report.json"
PAGE = ROOT / "docs" / "retina.md"
MARKS = ("<!-- results: python benchmarks/retina_report_table.py -->", "<!-- end of results -->")

def tables(report: dict[str, Any]) -> str:
    """Every published value, beside twin, source and new retinas; then the folds."""
    seeds = len(report["seeds"])
    lines = [
        f"{seeds} source retinas with a twin each, three new retinas for each. Median percent gain in reliability [95 % over retinas and "
        "neurons], p of Wilcoxon's two-sided test over all neurons, unless a row says otherwise.",
        "",
        "| | " + " | ".join(HEADS[1:]) + " |",
        "|---" * len(HEADS) + "|",
        *("| " + " | ".join(row) + " |" for row in published_rows(report)),
        "",
        "| Fig. 9: fold, actor over averaging | paper, in silico: p | twin | source retina | new retinas |",
        "|---|---|---|---|---|",
        *("| " + " | ".join(row) + " |" for row in fold_rows(report)),
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("report", nargs="?", type=Path, help="folder of a report; what is kept, if not given")
    arguments = parser.parse_args()
    if arguments.report:
        KEPT.parent.mkdir(parents=True, exist_ok=True)
        kept, new = (json.loads(path.read_text()) for path in (KEPT, arguments.report / "report.json"))
        # A report of fewer folds changes those alone.
        new["folds"] = dict(sorted((kept["folds"] | new["folds"]).items(), key=lambda item: int(item[0])))
        KEPT.write_text(json.dumps(new) + "\n")
    text = PAGE.read_text()
    before, _, rest = text.partition(MARKS[0])
    after = rest.partition(MARKS[1])[2]
    body = tables(json.loads(KEPT.read_text()))
    PAGE.write_text(f"{before}{MARKS[0]}\n\n{body}\n\n{MARKS[1]}{after}")
    print(body)


if __name__ == "__main__":
    main()
