"""The tables that open docs/experiments/{lndp,prenatal,learning-rules}.md: what each paper claims, and what was found.

    python benchmarks/claims_tables.py            prints them
    python benchmarks/claims_tables.py --write    writes them into the pages

Every number is made from the cells that are kept, so that a table cannot say what no run has found. A row that has no cell
says so. "Stands" and "contradicted" need an interval over seeds that leaves out 0 (or the bound that is named), and ten
seeds for a plain verdict; with fewer it is said how many.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from cells import put_between
from claims import PAGES, Row
from claims_lndp import lndp
from claims_rules import learning_rules
from claims_waves import prenatal

MARKS = ("<!-- claims: python benchmarks/claims_tables.py --write -->", "<!-- end of claims -->")
HEAD = "| claim | published | ours [95 % over seeds] | control | verdict |\n|---|---|---|---|---|"

TABLES: dict[str, Callable[[], list[Row]]] = {
    "lndp": lndp,
    "prenatal": prenatal,
    "learning-rules": learning_rules,
}


def table(name: str) -> str:
    """One page's table."""
    return "\n".join([HEAD, *("| " + " | ".join(row) + " |" for row in TABLES[name]())]) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true")
    for name in TABLES:
        if parser.parse_args().write:
            put_between(PAGES / f"{name}.md", MARKS, table(name))
        else:
            print(f"## {name}\n\n{table(name)}")
