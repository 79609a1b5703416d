"""Hostile actions in every environment of the suite, single and vector: no NaN, no poisoned state, no traceback.

python benchmarks/hostile_actions.py --write          # what is not there yet, then the table of docs/security.md
python benchmarks/hostile_actions.py --only Percept --actions 40000 --vector-actions 34000
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.cells import kept, put_between
from ontogym import checkpoint
from ontogym.envs.registration import ENTRIES
from ontogym.errors import OntogymError
from tests.hostile_actions import LANES, bombard

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs/experiments/security"
MARKS = ("<!-- hostile actions -->", "<!-- end of hostile actions -->")


def measure(env_id: str, actions: dict[str, int], seed: int) -> dict[str, object]:
    """Faults and CPU seconds of one id, by form."""
    found: dict[str, object] = {"id": env_id, "seed": seed}
    for form, count in actions.items():
        began = time.process_time()
        faults = bombard(env_id, count, form == "vector", seed)
        seconds = round(time.process_time() - began, 1)
        found[form] = {"actions": count, "faults": faults, "cpu_seconds": seconds}
    return found


def table() -> str:
    """Every id that was tried, as Markdown."""
    lines = ["| id | single actions | vector actions | faults | CPU seconds |", "|---|---|---|---|---|"]
    ids = [entry.id for entry in ENTRIES.values()]
    for env_id in ids:
        for cell in kept(FOLDER, _name(env_id)):
            forms = [cell[form] for form in ("single", "vector") if form in cell]
            counts = [f"{form['actions']:,}" for form in forms] + ["no vector form"] * (2 - len(forms))
            faults, seconds = (
                sum(len(f["faults"]) for f in forms),
                sum(f["cpu_seconds"] for f in forms),
            )
            lines.append(f"| `{env_id}` | {counts[0]} | {counts[1]} | {faults} | {seconds:.0f} |")
    return "\n".join(lines)


def main() -> int:
    """Measure what is not there yet, a line for each id; the exit status is 1 if anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--actions", type=int, default=100_000, help="for each id, single and vector")
    parser.add_argument("--vector-actions", type=int, help=f"of {LANES} lanes each; as many as --actions")
    parser.add_argument("--only", default="", help="ids that hold this text")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true", help="put the table into docs/security.md")
    asked = parser.parse_args()
    wrong = 0
    for entry in (entry for entry in ENTRIES.values() if asked.only in entry.id):
        counts = {"single": asked.actions}
        if entry.vector_entry_point:
            counts["vector"] = asked.vector_actions or asked.actions
        path = FOLDER / f"{_name(entry.id)}-s{asked.seed}.json"
        if path.is_file():
            continue
        try:
            found = measure(entry.id, counts, asked.seed)
        except OntogymError as error:  # a package that it needs is not there
            print(f"{entry.id:45} left out: {error}", flush=True)
            continue
        checkpoint.write_json(path, found)
        faults = [fault for form in counts for fault in found[form]["faults"]]  # type: ignore[index]
        wrong += len(faults)
        print(f"{entry.id:45} {len(faults)} faults  {json.dumps(found)[:160]}", flush=True)
    if asked.write:
        put_between(ROOT / "docs/security.md", MARKS, table())
    return int(wrong > 0)


def _name(env_id: str) -> str:
    return "hostile-" + env_id.rpartition("/")[2].lower()


if __name__ == "__main__":
    raise SystemExit(main())
