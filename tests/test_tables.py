"""What the pages quote is what is kept: their tables, made again from the stored cells, are the same to the letter."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = (
    "lndp_experiments",
    "lndp_gradients",
    "encoding_experiments",
    "prenatal_experiments",
    "wave_experiments",
    "claims_tables",
    "regimes_experiments",
    "inference_experiments",
    "sweep_tables",
    "leaderboard_results",
    "retina_searches",
)
"""Each with ``--write`` puts its tables into whichever pages show them."""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts, what they read and what they write, away from the repository."""
    folder = tmp_path_factory.mktemp("copy")
    for part in ("benchmarks", "results", "docs"):
        shutil.copytree(ROOT / part, folder / part)
    shutil.copy(ROOT / "README.md", folder)
    names = Path("ontogym/retina_env/encoding/optima.json")
    (folder / names).parent.mkdir(parents=True)
    shutil.copy(ROOT / names, folder / names)
    return folder


@pytest.mark.parametrize("script", SCRIPTS)
def test_tables_are_what_the_stored_cells_give(script: str, copy: Path) -> None:
    where = {"cwd": copy, "env": {**os.environ, "PYTHONPATH": str(ROOT)}}
    command = [sys.executable, f"benchmarks/{script}.py", "--write"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, **where)
    assert done.returncode == 0, done.stderr
    pages = [Path("README.md"), *(page.relative_to(copy) for page in (copy / "docs").rglob("*.md"))]
    stale = [str(page) for page in pages if (copy / page).read_text() != (ROOT / page).read_text()]
    for page in stale:
        shutil.copy(ROOT / page, copy / page)
    assert not stale, f"python benchmarks/{script}.py --write"


def test_the_table_of_the_retina_report_is_that_of_the_stored_report(copy: Path) -> None:
    command = [sys.executable, "benchmarks/retina_report_table.py"]
    made = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=True).stdout
    page = (ROOT / "docs" / "retina.md").read_text()
    quoted = page.partition("<!-- results: python benchmarks/retina_report_table.py -->")[2]
    assert made.strip()
    assert made.strip() == quoted.partition("<!-- end of results -->")[0].strip()
