"""The notebooks of the documentation run, in a light form, and what is kept of them is small and has their pictures."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
KIBIBYTES = 200
ids = [path.stem for path in NOTEBOOKS]


@pytest.fixture(scope="module")
def runner() -> ModuleType:
    """`benchmarks/notebooks.py`; the whole numbers are run by it in `.ci/full`."""
    pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    spec = importlib.util.spec_from_file_location("notebooks", ROOT / "benchmarks" / "notebooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_five_that_are_promised_are_there() -> None:
    assert {
        "encode-for-a-retina",
        "evolve-and-look-inside",
        "infer-a-rule",
        "what-pre-experience-does",
        "your-own-rule",
    } <= set(ids)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=ids)
def test_it_runs(path: Path, runner: ModuleType) -> None:
    notebook = runner.executed(path, light=True)
    assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=ids)
def test_what_is_kept_is_small_and_has_pictures(path: Path) -> None:
    """And is of one run from its beginning: cells are numbered in their order."""
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert any("light" in cell["metadata"] for cell in cells)
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert not [
        output for output in outputs if output["output_type"] == "error" or output.get("name") == "stderr"
    ]
    assert path.stat().st_size < KIBIBYTES * 1024
