"""Lines of code of the package, room by room: without blank lines, comments and docstrings.

    python benchmarks/code_size.py [--against FOLDER]

`--against` is the folder of another checkout, such as one made by ``git worktree add /tmp/old 0a8debf``.
"""

from __future__ import annotations

import argparse
import ast
import io
import tokenize
from collections import Counter
from pathlib import Path

SKIPPED = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


def code_lines(text: str) -> int:
    """Lines that hold code: a token that is neither comment nor docstring touches them."""
    documented: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            for item in body:
                # Docstrings, those of attributes and constants included.
                if (
                    isinstance(item, ast.Expr)
                    and isinstance(item.value, ast.Constant)
                    and isinstance(item.value.value, str)
                ):
                    documented |= set(range(item.lineno, (item.end_lineno or item.lineno) + 1))
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in SKIPPED:
            lines |= set(range(token.start[0], token.end[0] + 1))
    return len(lines - documented)


def by_room(root: Path) -> Counter[str]:
    """Lines of code of each room of the package."""
    rooms: Counter[str] = Counter()
    for path in sorted((root / "ontogym").rglob("*.py")):
        parts = path.relative_to(root / "ontogym").parts
        rooms[parts[0] if len(parts) > 1 else "(ground)"] += code_lines(path.read_text())
    return rooms


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--against", type=Path)
    arguments = parser.parse_args()
    now = by_room(Path(__file__).parents[1])
    total = sum(now.values())
    for room, lines in now.most_common():
        print(f"{room:16} {lines:6} {100 * lines / total:5.1f} %")
    print(f"{'all':16} {total:6}")
    if arguments.against:
        before = sum(by_room(arguments.against).values())
        print(f"{'before':16} {before:6}\nratio {total / before:.3f}")


if __name__ == "__main__":
    main()
