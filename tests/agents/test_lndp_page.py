"""The tables of docs/lndp.md are those of the code."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from ontogym.agents.lndp import GenomeLayout, LNDPConfig

PAGE = (Path(__file__).parents[2] / "docs" / "lndp.md").read_text()


def table(mark: str) -> list[list[str]]:
    """Rows of the first table after a comment that begins with `mark`, header left out."""
    lines = PAGE[PAGE.index(f"<!-- {mark}") :].splitlines()[2:]
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows[2:]


def test_options_are_those_of_the_config() -> None:
    documented = [(name.strip("`"), default.strip("`")) for name, default, _ in table("options")]
    assert documented == [(field.name, repr(field.default)) for field in fields(LNDPConfig)]


def test_genome_is_that_of_the_layout() -> None:
    layout = GenomeLayout(LNDPConfig(io_identity=True), 4, 2)
    documented = {
        name.strip("`"): tuple(map(int, re.findall(r"\d+", shape))) for name, shape, _ in table("genome")
    }
    assert documented == layout.shapes
    assert list(documented) == list(layout.shapes)
    assert GenomeLayout(LNDPConfig(), 4, 2).size == 1918
    assert layout.size == 1918 + 48


def test_every_quirk_has_a_row_and_a_test() -> None:
    rows = {int(n) for n in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)}
    tests = (Path(__file__).parent / "test_lndp_quirks.py").read_text()
    assert rows == {int(n) for n in re.findall(r"def test_quirk_(\d+)_", tests)} == set(range(1, 12))
