"""The documents tell the truth: their Python runs, their commands exist, and CI runs the README's own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        if page.exists():
            texts = [body for kind, body in BLOCK.findall(page.read_text()) if kind == language]
            found += [(f"{page.relative_to(ROOT)}[{k}]", body) for k, body in enumerate(texts)]
    return found


@pytest.mark.parametrize(("name", "code"), blocks("python"), ids=[name for name, _ in blocks("python")])
def test_python_of_the_documents_runs(name: str, code: str, tmp_path: Path) -> None:
    """Each page's blocks stand alone: they run in a folder of their own, in a fresh interpreter."""
    script = tmp_path / "block.py"
    script.write_text(code)
    done = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{name}:\n{done.stderr}"


def test_ci_runs_the_test_command_of_the_readme() -> None:
    commands = [line for _, body in blocks("bash") for line in body.splitlines() if "pytest" in line]
    assert len(commands) == 1
    assert commands[0] in (ROOT / ".ci" / "run").read_text()


def test_relative_links_lead_somewhere() -> None:
    missing = []
    for page in PAGES:
        if page.exists():
            for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
                made = "catalogue/" in target  # pages that the site is built with; mkdocs --strict holds them
                if not made and not (page.parent / target).exists():
                    missing.append(f"{page.relative_to(ROOT)} -> {target}")
    assert not missing
