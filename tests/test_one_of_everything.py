"""What the package shares is written once: a second one shows here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "ontogym"
ONCE = {
    "the bootstrap": (r"\.integers\(0, len\((\w+)\), \(\w+, len\(\1\)\)\)", {"statistics.py"}),
    "t intervals": (r"stdtrit", {"statistics.py"}),
    "pools of processes": (r"ProcessPoolExecutor|BrokenProcessPool", {"processes.py"}),
    "signal handlers": (
        r"signal\.signal\(",
        {"interrupts.py", "processes.py"},
    ),  # the first is there before any import
    "holding a folder": (r"hold_folder\(", {"checkpoint.py", "runs.py"}),
    "run folders": (r"pass --resume to go on", {"runs.py"}),
    "checksums": (r"64 zeros|ontogym_checksum", {"checkpoint.py"}),
    "compiled code that is kept": (r"numba import .*\bnjit\b|numba\.njit", {"compiling.py"}),
    "Ray": (r"^\s*import ray\b", {"ray_workers.py"}),
    "the rollout": (r"while active\.any\(\)", {"baselines/lives/rollout.py"}),
    "the actor's contract": (
        r"^class Actor\((?:abc|_Shown)|^class \w*Player\(Protocol\)|^class BatchPolicy",
        {"agents/base.py"},
    ),
    "what a life is": (r"^class LifeSpec", {"baselines/lives/spec.py"}),
    "how to go on": (r"\"stopped; ", {"runs.py"}),
}


@pytest.mark.parametrize("what", ONCE)
def test_once(what: str) -> None:
    pattern, expected = ONCE[what]
    found = {
        path.relative_to(ROOT).as_posix()
        for path in ROOT.rglob("*.py")
        if re.search(pattern, path.read_text(), re.MULTILINE)
    }
    assert found == expected
