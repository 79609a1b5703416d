"""The table of attacks in the documentation names tests that exist, and at least one for every kind."""

from __future__ import annotations

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "security.md"
KINDS = [*(f"A{n}" for n in range(1, 10)), "B10", "B11", "B12", *(f"C{n}" for n in range(13, 18))]
KINDS += [f"D{n}" for n in range(18, 27) if n != 25]  # D25 is no attack: `.ci/full`


def functions(file: str) -> set[str]:
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    return {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}


def test_every_attack_has_its_tests_and_they_are_there() -> None:
    table = PAGE.read_text(encoding="utf-8").partition("<!-- attacks -->")[2].partition("<!-- end")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if re.match(r"\| [A-D]\d", line)]
    assert [row[0] for row in rows] == KINDS
    for kind, _, tests, variants in rows:
        file = ""
        for name in re.findall(r"`([^`]+)`", tests):
            path, _, function = name.partition("::")
            file = path or file
            assert function in functions(file), (kind, name)
        assert file
        assert variants
