"""What numba keeps: damaged files are made again, and where nothing can be kept a warning says so once."""

from __future__ import annotations

import errno
import importlib.util
import os
import shutil
import warnings
from pathlib import Path
from typing import Any

import numba
import pytest

from ontogym import compiling

SOURCE = """
from ontogym.compiling import njit

@njit(cache=True)
def twice(x):
    return 2 * x

@njit("int64(int64)", cache=True)
def thrice(x):
    return 3 * x
"""


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for the cache, and the module beside it."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "kept"))
    (tmp_path / "kernels_of_a_test.py").write_text(SOURCE)
    return tmp_path


def start(folder: Path) -> Any:
    """The module as a new process would import it."""
    spec = importlib.util.spec_from_file_location("kernels_of_a_test", folder / "kernels_of_a_test.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (module.twice(4), module.thrice(4)) == (8, 12)
    return module


def hits(module: Any) -> int:
    return sum(sum(each.stats.cache_hits.values()) for each in (module.twice, module.thrice))


def test_what_was_compiled_is_forgotten_when_any_compiled_file_changes(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(kept)
    assert hits(start(kept)) == 2
    monkeypatch.setattr(compiling, "_sources", lambda: "of another version")
    assert hits(start(kept)) == 0
    assert hits(start(kept)) == 2


@pytest.mark.parametrize(
    ("file", "counts"),
    [
        ("agents/lndp/kernel/edges.py", True),
        ("agents/lndp/kernel/functions.py", True),  # has no compiled function, but inlined ones
        ("agents/lndp/organism.py", True),  # imported by what a compiled file imports
        ("retina_env/retina.py", True),  # its constants are frozen into `many_retinas`
        ("developmental/waves/__init__.py", True),
        ("cli/evolve.py", False),
    ],
)
def test_a_change_in_whatever_is_compiled_in_is_another_stamp(
    file: str, counts: bool, tmp_path: Path
) -> None:
    package = Path(compiling.__file__).parent
    shutil.copytree(
        package, tmp_path / "ontogym", ignore=lambda _, names: [n for n in names if n == "__pycache__"]
    )
    stamp = compiling._sources.__wrapped__
    assert stamp(tmp_path / "ontogym") == stamp(package)
    with (tmp_path / "ontogym" / file).open("a") as text:
        text.write("ROUND = 1.0\n")
    assert (stamp(tmp_path / "ontogym") != stamp(package)) == counts


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
@pytest.mark.parametrize("left", [0, 30, 100])
def test_a_file_that_was_cut_short_is_made_again(suffix: str, left: int, kept: Path) -> None:
    assert hits(start(kept)) == 0
    assert hits(start(kept)) == 2
    for file in kept.rglob(f"*{suffix}"):
        file.write_bytes(file.read_bytes()[:left])
    assert hits(start(kept)) == 0
    assert hits(start(kept)) == 2


def test_without_a_place_to_keep_it_there_is_one_warning(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(function: Any) -> Any:
        raise RuntimeError("cannot cache function: no locator available")

    monkeypatch.setattr(compiling, "_Kept", nowhere)
    monkeypatch.setattr(compiling, "_warned", False)
    with pytest.warns(UserWarning, match="set NUMBA_CACHE_DIR to a folder") as told:
        start(kept)
    assert len(told) == 1


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_cache_that_cannot_be_written_is_no_failure(
    kept: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def full(*_: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(compiling.FunctionCache, "save_overload", full)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start(kept)
