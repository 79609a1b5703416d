"""Kill every long command outright at random moments; resumed, it must end in the bits of a run that was left alone.

python benchmarks/kills.py --kills 100
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

for _name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.kills import JOBS, kill_often  # noqa: E402


def main() -> int:
    """Print a line for each command; the exit status is 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="over all commands")
    parser.add_argument("--only", nargs="*", default=list(JOBS), choices=list(JOBS))
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    __import__("torch").set_num_threads(1)  # a fork must not find threads of its parent at work
    rng, total, wrong = np.random.default_rng(asked.seed), 0, 0
    for name in asked.only:
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            found = kill_often(name, -(-asked.kills // len(asked.only)), Path(folder), rng)
        total, wrong = total + found.kills, wrong + len(found.faults)
        print(f"{name:14} {found.kills:3} kills  {time.perf_counter() - began:6.0f} s  {len(found.faults)} faults", flush=True)  # fmt: skip
        for fault in found.faults[:5]:
            print(f"    {fault}", flush=True)
    print(f"{total} kills, {wrong} faults")
    return int(wrong > 0)


if __name__ == "__main__":
    raise SystemExit(main())
