"""The notebooks of the documentation: run them anew, in place, with their pictures.

    python benchmarks/notebooks.py                       # all of docs/notebooks, each a minute of one core or less
    python benchmarks/notebooks.py infer-a-rule          # one of them
    python benchmarks/notebooks.py --light               # tiny numbers, nothing kept: do they run?

A cell's metadata may hold `light`, what stands in its place when the notebook is only tried. What is kept is small: pictures
in 64 colours, printed text, neither times nor warnings.
"""

from __future__ import annotations

import argparse
import base64
import io
import os
import resource
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from PIL import Image

FOLDER = Path(__file__).parent.parent / "docs" / "notebooks"


def executed(path: Path, light: bool = False) -> Any:
    """The notebook with what its cells gave, run in a folder of its own.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell that fails, with what it said.
    """
    notebook = nbformat.read(path, as_version=4)
    if light:
        for cell in notebook.cells:
            cell.source = cell.metadata.get("light", cell.source)
    os.environ.setdefault("PYTHONPATH", str(FOLDER.parents[1]))
    with tempfile.TemporaryDirectory() as folder:
        resources = {"metadata": {"path": folder}}
        NotebookClient(notebook, timeout=1800, kernel_name="python3", resources=resources).execute()
    return notebook


def kept(notebook: Any) -> Any:
    """Only what a reader sees, as small as it may be."""
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        cell["outputs"] = [_small(o) for o in cell.get("outputs", []) if o.get("name") != "stderr"]
        if cell.cell_type == "markdown":
            del cell["outputs"]
    notebook.metadata = {"kernelspec": notebook.metadata.kernelspec, "language_info": {"name": "python"}}
    return notebook


def _small(output: Any) -> Any:
    data = output.get("data", {})
    if "image/png" in data:
        picture = Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).convert("RGB")
        buffer = io.BytesIO()
        picture.quantize(64, dither=Image.Dither.NONE).save(buffer, "png", optimize=True)
        output.data = {"image/png": base64.b64encode(buffer.getvalue()).decode()}
    return output


def main() -> None:
    """Run what was asked for and keep it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="of notebooks, without ending; all if none is given")
    parser.add_argument("--light", action="store_true", help="with tiny numbers, keeping nothing")
    given = parser.parse_args()
    for path in [FOLDER / f"{name}.ipynb" for name in given.names] or sorted(FOLDER.glob("*.ipynb")):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        notebook = executed(path, given.light)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if not given.light:
            nbformat.write(kept(notebook), path)
        seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(
            f"{path.stem}: {seconds:.0f} s of processor time, {path.stat().st_size // 1024} KiB", flush=True
        )


if __name__ == "__main__":
    main()
