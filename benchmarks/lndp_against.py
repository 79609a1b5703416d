"""What the LNDP's kernel of another checkout and this one's cost beside a step's time: errors, compiling, birth, starting.

    python benchmarks/lndp_against.py CHECKOUT [--only errors compile birth start] [--nodes 16 32 64]

The speed of a step is `lndp_throughput.py --old CHECKOUT`. Each figure is of a process of its own with CHECKOUT, or this
repository, on its path; seconds are of one core's processor, and what is printed is this one's over CHECKOUT's. "errors" is one float32 step from each state of the same
float64 lives (64 networks, genomes of N(0, 0.3), 6 steps), beside what float64 makes of it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete

from ontogym.agents.lndp import LNDP
from ontogym.seeding import lane_seeds

HERE = Path(__file__).resolve().parents[1]
PARTS = ("nodes", "edges", "history")

COMMON = """
import json, sys, time
import numpy as np
from gymnasium.spaces import Box, Discrete

def build(nodes, **options):
    from ontogym.agents.lndp import LNDP
    return LNDP(Box(-1, 1, (4,)), Discrete(2), engine="numba", threads=1, nodes=nodes, **options)
"""

ERRORS = """
from ontogym.agents.lndp.organism import Body
found = {}
for nodes in SIZES:
    kept = np.load(f"{FOLDER}/{nodes}.npz")
    agent = build(nodes)
    different, errors = 0, {name: [] for name in PARTS}
    for t in range(int(kept["steps"])):
        body = Body(*(kept[f"{t}.before.{name}"] for name in Body._fields))
        state = agent.engine.birth(kept["genomes"], body, kept["keys"])
        agent.engine.step(state, kept[f"{t}.observation"], kept[f"{t}.reward"])
        after = agent.engine.body(state)
        same = (after.mask == kept[f"{t}.after.mask"]).all((1, 2))
        different += int((after.mask != kept[f"{t}.after.mask"]).sum())
        for name in PARTS:
            errors[name].append(float(np.abs(getattr(after, name) - kept[f"{t}.after.{name}"])[same].mean()))
    found[nodes] = {"places wired otherwise": different} | {k: float(np.mean(v)) for k, v in errors.items()}
print(json.dumps(found))
"""

COMPILE = """
import numba
build(32)

def first_step(nodes):
    agent = build(nodes)
    state = agent.birth(np.zeros((1, agent.genome_size)), np.zeros(1, np.uint64))
    start = time.process_time()
    agent.engine.step(state.engine, np.zeros((1, 4)), np.zeros(1))
    return time.process_time() - start

print(json.dumps({"first": first_step(32), "another number of nodes": first_step(24)}))
"""

BIRTH = """
import tracemalloc
agent, count = build(256), 64
genomes, seeds = np.zeros((count, agent.genome_size)), np.arange(count, dtype=np.uint64)
agent.birth(genomes[:1], seeds[:1])
start = time.process_time()
agent.birth(genomes, seeds)
seconds = time.process_time() - start
tracemalloc.start()
state = agent.birth(genomes, seeds)
peak = tracemalloc.get_traced_memory()[1]
size = sum(part.nbytes for part in state.engine if isinstance(part, np.ndarray))
print(json.dumps({"state, MB": size / 1e6, "peak over state": peak / size, "ms an agent": 1e3 * seconds / count}))
"""

START = """
import contextlib, io, pathlib
start = time.process_time()
import ontogym
imported = time.process_time() - start
from ontogym.cli import main
words = "evolve --env ontogym/CartPole-v1 --agent lndp --threads 1 --generations 1 --population 4 --lives 1 --episodes 1 --max-steps 5"
words += " --eval-lives 2 --final-lives 2 --no-preset" if NEW else " --eval-lives 2 --final-lives 2"
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    main([*words.split(), "--out", f"{FOLDER}/{time.time_ns()}"])
whole = time.process_time() - start
print(json.dumps({"import ontogym": imported, "a least evolution": whole, "torch imported": "torch" in sys.modules}))
"""


def states(folder: Path, sizes: list[int]) -> None:
    """Float64 lives, each step with what was before and after it, as files that both checkouts read."""
    for nodes in sizes:
        agent = LNDP(Box(-1, 1, (4,)), Discrete(2), engine="numba", dtype="float64", threads=1, nodes=nodes)
        rng, keys = np.random.default_rng(3), lane_seeds(0, 64)
        genomes = 0.3 * rng.standard_normal((64, agent.genome_size))
        state, kept = agent.birth(genomes, keys), {"genomes": genomes, "keys": keys, "steps": np.array(6)}
        for t in range(6):
            observation, reward = 0.5 * rng.standard_normal((64, 4)), rng.standard_normal(64)
            kept |= {f"{t}.before.{k}": v for k, v in agent.body(state)._asdict().items()}
            agent.engine.step(state.engine, observation, reward)
            kept |= {f"{t}.after.{k}": v for k, v in agent.body(state)._asdict().items()}
            kept |= {f"{t}.observation": observation, f"{t}.reward": reward}
        np.savez(folder / f"{nodes}.npz", **kept)


def ask(checkout: Path, body: str, folder: Path, sizes: list[int], fresh: bool = False) -> dict[str, Any]:
    """What a process with this checkout prints; `fresh`: nothing compiled before is found."""
    facts = f"FOLDER, SIZES, PARTS, NEW = {str(folder)!r}, {sizes}, {PARTS}, {checkout == HERE}\n"
    more = {"PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    if fresh:
        more["NUMBA_CACHE_DIR"] = str(folder / "cache")
    done = subprocess.run(
        [sys.executable, "-c", facts + textwrap.dedent(COMMON) + body],
        capture_output=True, text=True, check=False, cwd=folder, env={**os.environ, **more},
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"{checkout}: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def both(
    old: Path, body: str, sizes: list[int], fresh: bool = False, warm: bool = False
) -> list[dict[str, Any]]:
    """What both checkouts print; `warm`: asked once for nothing before."""
    found = []
    for checkout in (old, HERE):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            if body is ERRORS:
                states(folder, sizes)
            if warm:
                ask(checkout, body, folder, sizes)
            found.append(ask(checkout, body, folder, sizes, fresh))
    return found


AT_MOST = {
    "compile: first": (6.0, "s"), "compile: another number of nodes": (0.1, "s"),
    "birth: peak over state": (1.5, "times"),
}  # fmt: skip
"""What is asked of this repository whatever the other did."""


def show(what: str, before: Any, after: Any) -> None:
    """A row of the table: a ratio, or the two where they are counts or yes and no; and whether what is asked is held."""
    ratio = f"{after / before:.2g}" if isinstance(before, float) else f"{before}, then {after}"
    print(f"| {what} | {ratio} |", flush=True)
    if what in AT_MOST:
        limit, unit = AT_MOST[what]
        HELD.append(f"{'held' if after <= limit else 'MISSED'}: {what}, at most {limit} {unit}")


HELD: list[str] = []


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkout", type=Path, help="another checkout, such as of commit 0a8debf")
    jobs = ("errors", "compile", "birth", "start")
    parser.add_argument("--only", nargs="+", choices=jobs, default=list(jobs))
    parser.add_argument("--nodes", type=int, nargs="+", default=[16, 32, 64], help="sizes for errors")
    given = parser.parse_args()
    old = given.checkout.resolve()
    print("| | times |\n|---|---|")
    if "errors" in given.only:
        before, after = both(old, ERRORS, given.nodes)
        for nodes in before:
            for name in ("places wired otherwise", *PARTS):
                show(f"N = {nodes}: {name if ' ' in name else 'mean error of ' + name}", before[nodes][name], after[nodes][name])  # fmt: skip
    plans = {"compile": (COMPILE, True, False), "birth": (BIRTH, False, False), "start": (START, False, True)}
    for job, (body, fresh, warm) in plans.items():
        if job in given.only:
            before, after = both(old, body, given.nodes, fresh, warm)
            for name, value in before.items():
                show(f"{job}: {name}", value, after[name])
    print(*HELD, sep="\n")


if __name__ == "__main__":
    main()
