"""The one worker pool: order, replacement, a start that cannot be, and SIGTERM."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ontogym.errors import OntogymError, UnknownNameError
from ontogym.processes import Terminated, WorkerPool, run_tasks, sigterm_interrupts

ROOT = Path(__file__).parents[1]


def square(value: int, seconds: float = 0.0) -> int:
    time.sleep(seconds)
    return value * value


def die_once(mark: str) -> str:
    """Kills its process the first time it is called for `mark`."""
    try:
        Path(mark).touch(exist_ok=False)
    except FileExistsError:
        return Path(mark).name
    os.kill(os.getpid(), signal.SIGKILL)
    return ""


def refuse(value: int) -> int:
    raise UnknownNameError("number", str(value), ["1"])


def test_results_by_index_whatever_finishes_first(tmp_path: Path) -> None:
    with WorkerPool(2) as pool:
        assert pool.map(square, [(3, 0.3), (4,), (5,), (6,), (7,)]) == [9, 16, 25, 36, 49]
        assert pool.map(die_once, [(str(tmp_path / name),) for name in "abc"]) == ["a", "b", "c"]
        with pytest.raises(UnknownNameError, match="Unknown number '4'"):
            pool.map(refuse, [(4,)])
        assert pool.map(square, [(2,)]) == [4]
        assert pool.map(square, []) == []
    assert sorted(run_tasks(square, [(1,), (2,), (3,)], 2)) == [1, 4, 9]
    assert list(run_tasks(square, [(1,), (2,)], 1)) == [1, 4]
    for bad in (lambda: WorkerPool(-1), lambda: list(run_tasks(square, [], 0))):
        with pytest.raises(OntogymError, match="choose at least 1"):
            bad()


SCRIPT = """
from ontogym.processes import WorkerPool
from tests.test_processes import square
try:
    WorkerPool(2).map(square, [(2,), (3,)])
except Exception as error:
    print(type(error).__name__, error)
"""
RUNS_ITSELF = "import runpy; runpy.run_path('script.py', run_name='__main__')"


@pytest.mark.parametrize("by", ["script", "standard input", "a text on the line"])
def test_a_start_that_cannot_be_names_the_guard_at_once(by: str, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    words = [sys.executable, *{"script": ["script.py"], "standard input": []}.get(by, ["-c", RUNS_ITSELF])]
    done = subprocess.run(
        words,
        input=SCRIPT if by == "standard input" else None,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    (line,) = done.stdout.splitlines()
    assert line.startswith("OntogymError The worker processes ended before they began")
    assert 'if __name__ == "__main__":' in line
    assert "standard input" in line
    if by != "standard input":
        assert done.stderr == ""


def test_sigterm_stops_like_ctrl_c_and_only_within() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Terminated), sigterm_interrupts():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == before


def _sleep(path: Path) -> None:
    path.write_text(str(os.getpid()))
    time.sleep(600)


def test_ctrl_c_does_not_wait_for_the_tasks_at_hand(tmp_path: Path) -> None:
    """They are done again when the run goes on."""
    begun = tmp_path / "begun"
    with pytest.raises(KeyboardInterrupt), WorkerPool(1) as pool:  # noqa: PT012
        pool._executor.submit(_sleep, begun)
        while not (begun.is_file() and begun.read_text()):
            time.sleep(0.05)
        raise KeyboardInterrupt
    with pytest.raises(ProcessLookupError):
        os.kill(int(begun.read_text()), 0)
