"""Hostile actions in every environment of the suite, single and vector: no NaN, no poisoned state, no traceback.

python benchmarks/hostile_actions.py --actions 100000
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from ontogym.envs.registration import ENTRIES
from tests.hostile_actions import bombard


def main() -> int:
    """Print a line for each id; the exit status is 1 if anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--actions", type=int, default=100_000, help="for each id, single and vector")
    parser.add_argument("--only", default="", help="ids that hold this text")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    wrong = 0
    ids = [entry.id for entry in ENTRIES.values() if entry.vector_entry_point and asked.only in entry.id]
    for env_id in ids:
        for vector in (False, True):
            began = time.process_time()
            found = bombard(env_id, asked.actions, vector, asked.seed)
            wrong += len(found)
            kind = "vector" if vector else "single"
            print(
                f"{env_id:48} {kind}  {time.process_time() - began:6.1f} s  {len(found)} faults", flush=True
            )
            for fault in found[:10]:
                print(f"    {fault}", flush=True)
    print(f"{asked.actions:,} actions for each of {len(ids)} ids, single and vector: {wrong} faults")
    return int(wrong > 0)


if __name__ == "__main__":
    raise SystemExit(main())
