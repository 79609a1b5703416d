"""The documents tell the truth: their Python runs, their commands exist, and CI runs the README's own."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ontogym.baselines.sweep.plan import read_plan
from ontogym.cli.commands import parse

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


def lines(page: Path) -> list[list[str]]:
    """The words of every shell line of a page, without comments."""
    bodies = [body for kind, body in BLOCK.findall(page.read_text()) if kind == "bash"]
    return [
        shlex.split(line, comments=True) for body in bodies for line in body.replace("\\\n", " ").splitlines()
    ]


def written(kind: str) -> list[str]:
    """Every line of the documents that runs `kind`, once."""
    found = [words for page in PAGES for words in lines(page) if words[:1] == [kind]]
    return sorted({shlex.join(words) for words in found})


@pytest.mark.parametrize("line", written("ontogym"))
def test_commands_of_the_documents_exist(line: str) -> None:
    """In dry form: the parser takes them, flag by flag; what they do has tests of its own."""
    words = shlex.split(line)[1:]
    words = words[: words.index(">")] if ">" in words else words
    if "--config" in words:  # a file that the reader has by then
        del words[words.index("--config") : words.index("--config") + 2]
    if "--resume" in words:  # a run that the reader has by then
        words.remove("--resume")
        assert hasattr(parse(words), "resume")
        return
    parse(words)


@pytest.mark.parametrize("line", [line for line in written("python") if "--list" in line])
def test_lists_of_the_experiments_are_printed(line: str) -> None:
    words = shlex.split(line)[1:]
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) > 3


@pytest.mark.parametrize("file", sorted({w[2] for page in PAGES for w in lines(page) if w[1:2] == ["sweep"]}))
def test_sweeps_of_the_documents_have_cells(file: str) -> None:
    if (ROOT / file).exists():  # a page may also name a file that its reader is to write
        assert read_plan(ROOT / file).cells


@pytest.mark.parametrize("page", [p for p in PAGES if p.is_relative_to(ROOT / "docs")], ids=lambda p: p.stem)
def test_every_page_has_code_that_the_tests_run(page: Path) -> None:
    """Python, a list of an experiment, or a sweep of the repository; `test_tables.py` makes the tables again."""
    python = any(kind == "python" for kind, _ in BLOCK.findall(page.read_text()))
    tried = [w for w in lines(page) if w[:1] == ["python"] and {"--list", "--write"} & set(w)]
    swept = [w for w in lines(page) if w[1:2] == ["sweep"] and (ROOT / w[2]).exists()]
    assert python or tried or swept


def test_what_may_be_expected_works_and_its_tests_are_there() -> None:
    text = (ROOT / "docs" / "expected.md").read_text()
    rows = [row.strip("| ").split(" | ") for row in text.splitlines() if row.startswith("| ")][1:]
    assert len(rows) >= 10
    for expected, _, state, tests in rows:
        assert state == "works", expected
        named = re.findall(r"`([^`:]+)::(\w+)`", tests)
        assert named, expected
        for file, test in named:
            assert f"\ndef {test}(" in (ROOT / file).read_text(), f"{expected}: {file}::{test}"


def test_ci_runs_the_test_command_of_the_readme() -> None:
    commands = [line for _, body in blocks("bash") for line in body.splitlines() if "pytest" in line]
    assert len(commands) == 1
    assert commands[0] in (ROOT / ".ci" / "run").read_text()


def test_relative_links_lead_somewhere() -> None:
    missing = []
    for page in PAGES:
        if page.exists():
            for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
                # Pages that the site is built with; `docs/hooks.py` holds their links, and `mkdocs --strict` it.
                made = any(part in target for part in ("catalogue/", "notebooks/", "board/", "reference/"))
                if not made and not (page.parent / target).exists():
                    missing.append(f"{page.relative_to(ROOT)} -> {target}")
    assert not missing
