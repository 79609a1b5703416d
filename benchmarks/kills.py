"""Kill every long command outright at random moments; resumed, it must end in the bits of a run that was left alone.

python benchmarks/kills.py --kills 120 --write    # commands that are not there yet, then the table of docs/security.md
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
from benchmarks.cells import kept, put_between  # noqa: E402
from ontogym import checkpoint  # noqa: E402
from tests.kills import JOBS, kill_often  # noqa: E402

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs/experiments/security"
MARKS = ("<!-- kills -->", "<!-- end of kills -->")


def table() -> str:
    """Every command that was killed, as Markdown."""
    lines = ["| command | kills | faults | seconds |", "|---|---|---|---|"]
    by_command = {name: kept(FOLDER, _name(name)) for name in JOBS}
    for name, cells in {
        **by_command,
        "all": [cell for found in by_command.values() for cell in found],
    }.items():
        kills, faults = sum(c["kills"] for c in cells), sum(len(c["faults"]) for c in cells)
        lines.append(f"| {name} | {kills} | {faults} | {sum(c['seconds'] for c in cells):.0f} |")
    return "\n".join(lines)


def main() -> int:
    """Print a line for each command; the exit status is 1 if anything was lost."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=120, help="over all commands")
    parser.add_argument("--only", nargs="*", default=list(JOBS), choices=list(JOBS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true", help="put the table into docs/security.md")
    asked = parser.parse_args()
    __import__("torch").set_num_threads(1)  # a fork must not find threads of its parent at work
    wrong = 0
    for name in asked.only:
        path = FOLDER / f"{_name(name)}-s{asked.seed}.json"
        if path.is_file():
            continue
        began, rng = time.perf_counter(), np.random.default_rng([asked.seed, list(JOBS).index(name)])
        with tempfile.TemporaryDirectory() as folder:
            found = kill_often(name, -(-asked.kills // len(JOBS)), Path(folder), rng)
        wrong += len(found.faults)
        seconds = round(time.perf_counter() - began, 1)
        content = {"command": name, "seed": asked.seed, **found._asdict(), "seconds": seconds}
        checkpoint.write_json(path, content)
        print(f"{name:14} {found.kills:3} kills  {seconds:6.0f} s  {len(found.faults)} faults", flush=True)
        for fault in found.faults[:5]:
            print(f"    {fault}", flush=True)
    if asked.write:
        put_between(ROOT / "docs/security.md", MARKS, table())
    return int(wrong > 0)


def _name(command: str) -> str:
    return "kills-" + command.replace(" ", "-")


if __name__ == "__main__":
    raise SystemExit(main())
